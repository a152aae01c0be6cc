//! Folders on Google Drive: a company's chain is found or made once, whoever else makes
//! folders, and nothing outside of it is touched.

use std::collections::HashSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::backups::{noise, sidecar_of};
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Drive as Files, Fault, File, Moment, Op, ROOT, UNIT, When};
use crate::support::{DB, Outcome, Sandbox};

const FIRST: &str = "db_backup_20250301_010000.db";
const SECOND: &str = "db_backup_20250302_010000.db";
const THIRD: &str = "db_backup_20250303_010000.db";

/// The Drive, and three backups to send.
fn with_backups() -> Drive {
    let drive = Drive::new();
    backups(&drive);
    drive
}

fn backups(sandbox: &Sandbox) {
    for (seed, name) in [FIRST, SECOND, THIRD].into_iter().enumerate() {
        sandbox.backup("made", name, &noise(seed as u64, 1000));
    }
}

#[track_caller]
fn sync(drive: &Drive, name: &str) -> Outcome {
    drive.sync(&format!("made/{name}")).code(0)
}

/// The folders of a name that are not in the trash, wherever they are.
fn folders(drive: &Drive, name: &str) -> Vec<File> {
    let all = drive.fake.all_files().into_iter();
    all.filter(|file| file.size.is_none() && file.name == name && !file.trashed)
        .collect()
}

/// Fails unless there is one folder of each name, and all of these files in the last one.
#[track_caller]
fn assert_one_chain(drive: &Drive, files: &[&str]) {
    for name in FOLDER {
        assert_eq!(folders(drive, name).len(), 1, "{name}");
    }
    assert_eq!(drive.names(), with_sidecars(files));
}

fn with_sidecars(files: &[&str]) -> Vec<String> {
    let both = files
        .iter()
        .flat_map(|name| [(*name).to_owned(), sidecar_of(name)]);
    let mut names: Vec<_> = both.collect();
    names.sort();
    names
}

fn listed(drive: &Drive) -> Vec<String> {
    let report = drive.json(0, ["files", "acme-corp"]);
    let files = report["files"].as_array().unwrap().iter();
    let mut names: Vec<_> = files
        .map(|file| file["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The section of a login, with more keys that say where backups go.
fn section(drive: &Drive, keys: &Value) -> Value {
    let mut credentials = drive.login();
    let keys = keys.as_object().unwrap().clone();
    credentials.as_object_mut().unwrap().extend(keys);
    json!({
        "enabled": true, "api_url": drive.fake.api_url(), "chunk_size": UNIT,
        "credentials": credentials,
    })
}

/// How many folders were made by us.
fn made(drive: &Drive) -> usize {
    let asked = drive.fake.requests_of(Op::CreateFolder);
    let done = asked.iter().filter(|request| request.status == Some(200));
    done.count()
}

#[test]
fn a_chain_is_made_once_wherever_it_begins() {
    for home in [
        "hidden root",
        "root",
        "folder",
        "shared drive",
        "folder on it",
    ] {
        let drive = Drive::unassigned();
        let fake = &drive.fake;
        // Of the same name, and elsewhere.
        let elsewhere = fake.put_folder(ROOT, "elsewhere");
        let mut aside = elsewhere.clone();
        for name in FOLDER {
            aside = fake.put_folder(&aside, name);
        }
        let (below, keys) = match home {
            "hidden root" => (ROOT.to_owned(), json!({})),
            "root" => {
                fake.show_root(true);
                (ROOT.to_owned(), json!({}))
            }
            "folder" => {
                let below = fake.put_folder(ROOT, "Backups");
                (below.clone(), json!({"folder_id": below}))
            }
            "shared drive" => {
                let shared = fake.add_shared_drive("Team");
                (shared.clone(), json!({"shared_drive_id": shared}))
            }
            _ => {
                let shared = fake.add_shared_drive("Team");
                let below = fake.put_folder(&shared, "Backups");
                let keys = json!({"shared_drive_id": shared, "folder_id": below});
                (below, keys)
            }
        };
        drive.write_section(&section(&drive, &keys));
        drive.assign("acme-corp", &[]);
        backups(&drive);
        sync(&drive, FIRST);
        sync(&drive, SECOND);
        // Found without anything noted, too.
        fs::remove_file(drive.state()).unwrap();
        sync(&drive, THIRD);
        assert_eq!(made(&drive), 3, "{home}");
        let last = fake.folder_in(&below, &FOLDER).unwrap();
        assert_eq!(fake.children(&last).len(), 6, "{home}");
        assert_eq!(fake.children(&aside).len(), 0, "{home}");
        assert_eq!(listed(&drive), [FIRST, SECOND, THIRD], "{home}");
        if home.contains("shared") || home.ends_with("it") {
            let lists = fake.requests_of(Op::List);
            assert!(lists.iter().all(|list| list.param("driveId").is_some()));
        }
    }
}

#[test]
fn names_of_folders_are_data() {
    for folder in [
        "O'Brien \\ \"x\"",
        "\\' or name != '",
        "a+b % 100%25 # & co?",
        "ещё я🌼 É e\u{301}",
    ] {
        let drive = Drive::unassigned();
        let path = format!("/vertex ar/{folder}/backups");
        drive.assign("acme-corp", &["--remote-path", &path]);
        backups(&drive);
        // What an injected search would find instead.
        let other = drive.fake.make_folders(&["vertex ar", "other"]);
        sync(&drive, FIRST);
        fs::remove_file(drive.state()).unwrap();
        sync(&drive, SECOND);
        let names = drive.fake.names(&["vertex ar", folder, "backups"]);
        assert_eq!(names, with_sidecars(&[FIRST, SECOND]), "{folder}");
        assert_eq!(drive.fake.children(&other).len(), 0);
        assert_eq!(made(&drive), 2, "{folder}");
        assert_eq!(listed(&drive), [FIRST, SECOND]);
    }
}

#[test]
fn p19_a_folder_is_the_one_of_exactly_that_name() {
    let drive = with_backups();
    let fake = &drive.fake;
    // The search takes all of these for the same.
    for name in ["Vertex-AR", "VERTEX-ar"] {
        fake.put_folder(ROOT, name);
    }
    let file = fake.put_file(ROOT, "vertex-ar", b"a file");
    let vertex = fake.put_folder(ROOT, "vertex-ar");
    let acme = fake.put_folder(&vertex, "acme-corp");
    fake.put_folder(&acme, "Backups");
    let file_below = fake.put_file(&acme, "backups", b"a file, too");
    sync(&drive, FIRST);
    assert_eq!(made(&drive), 1);
    assert_eq!(fake.folder(&FOLDER[..2]), Some(acme));
    assert_one_chain(&drive, &[FIRST]);
    for id in [file, file_below] {
        assert!(fake.file(&id).is_some_and(|file| !file.trashed));
    }

    // The search does not find all that is there.
    let drive = Drive::unassigned();
    drive.assign("acme-corp", &["--remote-path", "/Ärzte/ÉTÉ"]);
    backups(&drive);
    drive.fake.accent_blind(true);
    let there = drive.fake.make_folders(&["Ärzte", "ÉTÉ"]);
    sync(&drive, FIRST);
    assert_eq!(made(&drive), 0);
    assert_eq!(drive.fake.children(&there).len(), 2);
}

#[test]
fn a_folder_that_is_not_there_any_more_is_made_anew() {
    type Deed = fn(&mut Files, &str);
    let deeds: [(&str, Deed); 4] = [
        ("trashed", |files, id| files.find_mut(id).trashed = true),
        ("deleted", |files, id| files.delete(id)),
        ("renamed", |files, id| {
            files.find_mut(id).name = "old".to_owned();
        }),
        ("moved", |files, id| {
            let elsewhere = files.put(ROOT, "elsewhere", None);
            files.relocate(id, &elsewhere).unwrap();
        }),
    ];
    for (what, deed) in deeds {
        for depth in 1..=3 {
            let drive = with_backups();
            sync(&drive, FIRST);
            let gone = drive.fake.folder(&FOLDER[..depth]).unwrap();
            let last = drive.fake.folder(&FOLDER).unwrap();
            drive.fake.drive(|files| deed(files, &gone));
            assert_eq!(listed(&drive), Vec::<String>::new(), "{what} {depth}");
            sync(&drive, SECOND);
            assert_eq!(drive.names(), with_sidecars(&[SECOND]), "{what} {depth}");
            assert_eq!(listed(&drive), [SECOND], "{what} {depth}");
            assert_eq!(made(&drive), 3 + 4 - depth, "{what} {depth}");
            // What was in it stays as it was.
            if what != "deleted" {
                assert_eq!(drive.fake.children(&last).len(), 2, "{what} {depth}");
            }
            if what == "trashed" {
                // Taken out of the trash again, it is a twin: all is seen.
                drive
                    .fake
                    .drive(|files| files.find_mut(&gone).trashed = false);
                assert_eq!(listed(&drive), [FIRST, SECOND], "{depth}");
                drive.run(["verify", "acme-corp"]).code(0);
            }
        }
    }
}

#[test]
fn p21_what_is_not_found_yet_is_not_made_twice() {
    for both in [false, true] {
        let drive = with_backups();
        if both {
            drive.fake.list_lag(100);
        } else {
            drive.fake.name_lag(100);
        }
        sync(&drive, FIRST);
        // Another process, which knows nothing but what was noted.
        sync(&drive, SECOND);
        assert_eq!(made(&drive), 3);
        assert_one_chain(&drive, &[FIRST, SECOND]);
    }
    // On a machine that has noted nothing, the contents of the folder above tell.
    let drive = with_backups();
    drive.fake.name_lag(100);
    sync(&drive, FIRST);
    fs::remove_file(drive.state()).unwrap();
    sync(&drive, SECOND);
    assert_one_chain(&drive, &[FIRST, SECOND]);
}

#[test]
fn p22_a_lost_answer_makes_no_twin() {
    let error = |status, reason| Fault::Error(status, reason, "No");
    let after = |status, reason| Fault::ErrorAfterWork(status, reason, "No");
    for fault in [
        Fault::ResetBeforeWork,
        Fault::ResetAfterWork,
        after(500, "internalError"),
        after(503, "backendError"),
        after(403, "rateLimitExceeded"),
        error(500, "internalError"),
        error(401, "authError"),
        Fault::rate_limit(),
        Fault::Html(502),
        Fault::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into()),
    ] {
        for nth in 1..=3 {
            let drive = with_backups();
            // So that only ids tell.
            drive.fake.list_lag(1);
            drive
                .fake
                .fail(Op::CreateFolder, When::Nth(nth), fault.clone());
            sync(&drive, FIRST);
            sync(&drive, SECOND);
            assert_one_chain(&drive, &[FIRST, SECOND]);
        }
    }
    for fault in [Fault::ResetAfterWork, error(503, "backendError")] {
        let drive = with_backups();
        drive.fake.fail(Op::GenerateIds, When::Nth(1), fault);
        sync(&drive, FIRST);
        assert_one_chain(&drive, &[FIRST]);
    }
}

#[test]
fn x35_a_run_that_is_killed_while_it_makes_folders_leaves_no_twin() {
    for at in [Moment::BeforeWork, Moment::AfterWork] {
        for nth in 1..=3 {
            let drive = with_backups();
            drive.fake.list_lag(4);
            let hold = drive.fake.hold(Op::CreateFolder, nth, at);
            let file = format!("made/{FIRST}");
            let mut child = drive.call(["sync", "acme-corp", &file]).spawn();
            hold.reached();
            child.kill().unwrap();
            child.wait().unwrap();
            drop(hold);
            sync(&drive, FIRST);
            assert_one_chain(&drive, &[FIRST]);
        }
    }
}

#[test]
fn p23_two_runs_at_once_share_what_is_above_both() {
    for at in [Moment::BeforeWork, Moment::AfterWork] {
        let drive = with_backups();
        drive.assign("globex", &[]);
        let hold = drive.fake.hold(Op::CreateFolder, 1, at);
        let file = format!("made/{FIRST}");
        let child = drive.call(["sync", "acme-corp", &file]).spawn();
        hold.reached();
        let other = ["sync", "globex", &format!("made/{SECOND}")];
        drive.call(other).run().code(0);
        drop(hold);
        Outcome::of(&child.wait_with_output().unwrap(), &drive).code(0);
        assert_eq!(folders(&drive, "vertex-ar").len(), 1, "{at:?}");
        assert_eq!(drive.names(), with_sidecars(&[FIRST]));
        let theirs = drive.fake.names(&["vertex-ar", "globex", "backups"]);
        assert_eq!(theirs, with_sidecars(&[SECOND]));
    }
}

/// The same installation on another machine: with the same login, and nothing noted.
fn another_machine(drive: &Drive) -> Sandbox {
    let machine = Sandbox::new();
    let file = "config/remote_storage.json";
    let path = machine.write(file, fs::read(drive.file(file)).unwrap());
    crate::support::make_private(&path);
    machine
        .run([
            "config",
            "set",
            "acme-corp",
            "--provider",
            "google_drive",
            "-q",
        ])
        .code(0);
    backups(&machine);
    machine
}

#[test]
fn p23_two_machines_at_once_agree_on_one_folder() {
    for nth in 1..=3 {
        for at in [Moment::BeforeWork, Moment::AfterWork] {
            let drive = with_backups();
            let machine = another_machine(&drive);
            let hold = drive.fake.hold(Op::CreateFolder, nth, at);
            let file = format!("made/{FIRST}");
            let child = drive.call(["sync", "acme-corp", &file]).spawn();
            hold.reached();
            let other = ["sync", "acme-corp", &format!("made/{SECOND}")];
            machine.run(other).code(0);
            drop(hold);
            Outcome::of(&child.wait_with_output().unwrap(), &drive).code(0);
            assert_one_chain(&drive, &[FIRST, SECOND]);
            machine.run(["files", "acme-corp"]).code(0).stderr("");
        }
    }
}

#[test]
fn p21_machines_that_do_not_see_each_others_folders_yet_are_brought_together() {
    let drive = with_backups();
    let machine = another_machine(&drive);
    drive.fake.list_lag(8);
    sync(&drive, FIRST);
    let other = ["sync", "acme-corp", &format!("made/{SECOND}")];
    machine.run(other).code(0);
    assert_eq!(folders(&drive, "vertex-ar").len(), 2);
    // In time all see all, and write to the same.
    drive.fake.list_lag(0);
    assert!((0..100).any(|_| listed(&drive) == [FIRST, SECOND]));
    let third = ["sync", "acme-corp", &format!("made/{THIRD}")];
    machine.run(third).code(0);
    assert_eq!(drive.names(), with_sidecars(&[FIRST, THIRD]));
    assert_eq!(listed(&drive), [FIRST, SECOND, THIRD]);
}

#[test]
fn p19_twins_of_folders_are_all_read_and_the_oldest_is_written_to() {
    // At the end of the chain, and above it.
    for depth in [3, 2, 1] {
        let drive = with_backups();
        sync(&drive, FIRST);
        let fake = &drive.fake;
        let above = fake.folder(&FOLDER[..depth - 1]).unwrap();
        let mut twin = above;
        for name in &FOLDER[depth - 1..] {
            twin = fake.put_folder(&twin, name);
        }
        let content = noise(9, 700);
        fake.put_file(&twin, THIRD, &content);
        let ids: Vec<String> = folders(&drive, FOLDER[depth - 1])
            .into_iter()
            .map(|folder| folder.id)
            .collect();
        assert_eq!(ids.len(), 2);

        let told = drive.run(["files", "acme-corp"]).code(0);
        assert!(
            told.stdout.contains(FIRST) && told.stdout.contains(THIRD),
            "{told:?}"
        );
        let warnings = told.stderr.lines().filter(|line| line.contains("2 times"));
        let warnings: Vec<_> = warnings.filter(|line| line.contains(&ids[0])).collect();
        assert_eq!(warnings.len(), 1, "{}", told.stderr);
        assert!(warnings[0].contains(&ids[1]), "{}", told.stderr);

        for (name, content) in [(FIRST, &noise(0, 1000)), (THIRD, &content)] {
            drive
                .run(["download", "acme-corp", name, "-o", "out"])
                .code(0);
            assert!(fs::read(drive.file("out")).unwrap() == *content);
            fs::remove_file(drive.file("out")).unwrap();
        }
        let report = drive.json(0, ["verify", "acme-corp", "--download"]);
        assert_eq!(
            (&report["count"], &report["failed"]),
            (&json!(2), &json!(0))
        );
        sync(&drive, SECOND);
        assert_eq!(fake.children(&twin).len(), 1);
        assert_eq!(listed(&drive), [FIRST, SECOND, THIRD]);
        // By whoever knows nothing of all that, too.
        fs::remove_file(drive.state()).unwrap();
        assert_eq!(listed(&drive), [FIRST, SECOND, THIRD]);
        drive.run(["delete", "acme-corp", THIRD, "-y"]).code(0);
        assert_eq!(listed(&drive), [FIRST, SECOND]);
        assert_eq!(made(&drive), 3);
    }
}

#[test]
fn p19_of_files_of_one_name_in_twins_the_newest_counts() {
    let drive = with_backups();
    let fake = &drive.fake;
    let folder = fake.make_folders(&FOLDER);
    let twin = fake.put_folder(&fake.folder(&FOLDER[..2]).unwrap(), FOLDER[2]);
    let old = fake.put_file(&folder, FIRST, b"old");
    let new = fake.put_file(&twin, FIRST, b"newest");
    let day = "2025-03-01T01:00:00Z".parse().unwrap();
    fake.age(&old, day);
    let report = drive.json(0, ["files", "acme-corp"]);
    assert_eq!(
        (&report["count"], &report["files"][0]["size"]),
        (&json!(1), &json!(6))
    );
    let download = ["download", "acme-corp", FIRST, "-o", "out"];
    drive
        .run(download)
        .code(0)
        .stderr_has(&format!("{new}, {old}"));
    assert_eq!(fs::read(drive.file("out")).unwrap(), b"newest");
    drive.run(["delete", "acme-corp", FIRST, "-y"]).code(0);
    for id in [old, new] {
        assert!(fake.file(&id).unwrap().trashed);
    }
    assert_eq!(listed(&drive), Vec::<String>::new());
}

#[test]
fn p23_a_folder_that_goes_while_it_is_used_is_made_anew() {
    // For good, or into the trash, with what is being uploaded to it.
    for (op, for_good) in [
        (Op::Initiate, true),
        (Op::Initiate, false),
        (Op::Chunk, false),
        (Op::Update, false),
    ] {
        let drive = with_backups();
        sync(&drive, FIRST);
        drive.fake.before(op, 1, move |files: &mut Files| {
            let folder = files.walk(ROOT, &FOLDER).unwrap();
            if for_good {
                files.delete(&folder);
            } else {
                files.find_mut(&folder).trashed = true;
            }
        });
        sync(&drive, SECOND);
        let names = drive.names();
        assert!(names.contains(&SECOND.to_owned()), "{op:?}: {names:?}");
        assert_eq!(listed(&drive), [SECOND]);
    }

    let drive = with_backups();
    drive.fake.before(Op::CreateFolder, 3, |files: &mut Files| {
        let above = files.walk(ROOT, &FOLDER[..2]).unwrap();
        files.delete(&above);
    });
    sync(&drive, FIRST);
    assert_one_chain(&drive, &[FIRST]);
}

#[test]
fn a_place_to_begin_that_does_not_do_is_told() {
    let tell = |drive: &Drive, keys: &Value, words: &str, hint: &str| {
        drive.write_section(&section(drive, keys));
        let error = drive.json(6, ["providers", "test", "google_drive"]);
        assert_eq!(error["reason"], "forbidden", "{error}");
        assert_eq!(error["retryable"], false, "{error}");
        assert!(error["detail"].as_str().unwrap().contains(words), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(hint), "{error}");
        let set = ["config", "set", "acme-corp", "--provider", "google_drive"];
        assert_eq!(drive.json(6, set)["reason"], "forbidden");
    };
    let drive = Drive::unassigned();
    let fake = &drive.fake;
    let folder_id = |id: &str| json!({"folder_id": id});
    tell(
        &drive,
        &folder_id("1nowhere"),
        "'1nowhere' (folder_id) is not there, or hidden",
        "drive.file only what this client_id made",
    );
    // The way out that the hint shows.
    let set = ["providers", "set", "google_drive", "--folder-id"];
    drive.run([&set[..], &["1nowhere"]].concat()).code(0);
    let error = drive.json(6, ["providers", "test", "google_drive"]);
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains(&format!("{} ''", set.join(" "))), "{hint}");
    drive.run([&set[..], &[""]].concat()).code(0);
    drive.json(0, ["providers", "test", "google_drive"]);
    let theirs = fake.put_foreign_folder(ROOT, "theirs");
    tell(
        &drive,
        &folder_id(&theirs),
        "is not there, or hidden",
        "--scope drive",
    );
    let file = fake.put_file(ROOT, "file", b"x");
    tell(&drive, &folder_id(&file), "is no folder", "--folder-id ID");
    let trashed = fake.put_folder(ROOT, "trashed");
    fake.trash(&trashed);
    tell(
        &drive,
        &folder_id(&trashed),
        "is in the trash",
        "--folder-id ID",
    );
    let shared = fake.add_shared_drive("Team");
    let mine = fake.put_folder(ROOT, "mine");
    let both = json!({"folder_id": mine, "shared_drive_id": shared});
    tell(
        &drive,
        &both,
        "is not on the shared drive",
        "only one of both",
    );
    let nowhere = json!({"shared_drive_id": "0ANowhere"});
    tell(
        &drive,
        &nowhere,
        "the shared drive '0ANowhere'",
        "drive.file",
    );
    // Who sees all is not told of the scope.
    fake.grant_scope("https://www.googleapis.com/auth/drive");
    tell(
        &drive,
        &folder_id("1nowhere"),
        "is not there",
        "check the id, and share it",
    );
    drive.write_section(&section(&drive, &folder_id(&theirs)));
    drive.assign("acme-corp", &[]);
    backups(&drive);
    sync(&drive, FIRST);
    assert_eq!(fake.children(&theirs).len(), 1);
    // Unlike what is missing, a lost answer is no reason to look elsewhere.
    fake.fail(Op::Get, When::Always, Fault::Html(404));
    let error = drive.json(6, ["files", "acme-corp"]);
    assert_eq!(error["reason"], "network", "{error}");
}

#[test]
fn s10_companies_are_apart() {
    let drive = Drive::new();
    for taken in [
        "/vertex-ar/acme-corp/backups",
        "/vertex-ar/acme-corp",
        "/vertex-ar/acme-corp/backups/below/",
    ] {
        let set = [
            "config",
            "set",
            "globex",
            "--provider",
            "google_drive",
            "--remote-path",
            taken,
        ];
        let error = drive.json(5, set);
        assert_eq!(error["code"], "remote_path_conflict", "{taken}");
    }
    // As stored by the application, it is refused before anything is asked.
    drive
        .sandbox
        .assign("globex", "google_drive", "vertex-ar//acme-corp/backups");
    let mark = drive.mark();
    for command in ["sync", "files", "verify"] {
        let error = drive.json(5, [command, "globex"]);
        assert_eq!(error["code"], "remote_path_conflict", "{command}");
    }
    assert_eq!(drive.since(mark).len(), 0);

    // Beside, above, and below: with the same names everywhere.
    drive
        .sandbox
        .assign("globex", "google_drive", "/vertex-ar/acme-corp/backups2");
    let fake = &drive.fake;
    let others = [
        &["vertex-ar", "globex"][..],
        &["vertex-ar", "acme-corp", "backups2"],
        &["vertex-ar"],
        &FOLDER[..2],
        &[],
    ];
    for path in others {
        let place = fake.make_folders(path);
        fake.put_file(&place, DB, b"not acme's");
    }
    let before: Vec<_> = fake
        .all_files()
        .iter()
        .map(|file| format!("{file:?}"))
        .collect();
    let mark = drive.mark();
    let keep = ["retention", "set", "--default", "--keep-last", "1"];
    let words: [&[&str]; 8] = [
        &["sync", "acme-corp"],
        &keep,
        &["prune", "acme-corp", "--yes"],
        &["files", "acme-corp", "--all"],
        &["download", "acme-corp", "--latest", "-o", "back/"],
        &["verify", "acme-corp", "--download"],
        &["restore-test", "acme-corp"],
        &["delete", "acme-corp", DB, "--permanent", "-y"],
    ];
    fs::create_dir(drive.file("back")).unwrap();
    for words in words {
        drive.call(words.iter().chain(&["-q"])).run().code(0);
    }
    let chain: HashSet<String> = (1..=3)
        .map(|depth| fake.folder(&FOLDER[..depth]).unwrap())
        .collect();
    let is_chain = |id: &str| chain.contains(id) || id == "root" || id == ROOT;
    let company = fake.folder(&FOLDER).unwrap();
    let theirs: HashSet<String> = fake
        .all_files()
        .into_iter()
        .filter(|file| !is_chain(&file.id) && file.parents != [company.clone()])
        .map(|file| file.id)
        .collect();
    assert_eq!(theirs.len(), 7);
    let mut touched = 0;
    for request in drive.since(mark) {
        if let Some(id) = &request.id {
            assert!(!theirs.contains(id), "{request:?}");
            touched += 1;
        }
        for parent in request
            .body
            .iter()
            .filter_map(|body| body["parents"].as_array())
            .flatten()
        {
            let parent = parent.as_str().unwrap();
            let own = if request.op == Op::CreateFolder {
                is_chain(parent)
            } else {
                parent == company
            };
            assert!(own, "{request:?}");
        }
        if request.op == Op::List {
            let parent = request.param("q").unwrap().split('\'').nth(1).unwrap();
            assert!(is_chain(parent), "{request:?}");
        }
    }
    assert!(touched > 10);
    let after: Vec<_> = fake
        .all_files()
        .iter()
        .map(|file| format!("{file:?}"))
        .collect();
    assert!(before.iter().all(|file| after.contains(file)));
}
