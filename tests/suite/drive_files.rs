//! What lies on Google Drive, listed, deleted, pruned and compared: all of it or an error,
//! the newest where a name is there twice, and what is no backup left alone.

use std::collections::HashSet;
use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Fault, File, Op, Request, Role, When};
use crate::support::{DB, STORAGE, Sandbox};

/// A night's database backup; the greater the number, the later.
fn night(number: usize) -> String {
    format!("db_backup_202401{:02}_010000.db", 1 + number)
}

/// So many nights on the Drive, put there by somebody else.
fn nights(count: usize) -> Drive {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    for number in 0..count {
        let content = number.to_le_bytes();
        drive.fake.put_file(&folder, &night(number), &content);
    }
    drive
}

/// So many nights that were synced.
fn synced(count: usize) -> Drive {
    let drive = Drive::new();
    for number in 0..count {
        let path = drive.backup("made", &night(number), &noise(number as u64, 1000));
        drive.sync(path.to_str().unwrap()).code(0);
    }
    drive
}

fn keep_one(drive: &Drive) {
    let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
    drive.run(keep).code(0);
}

fn names(report: &Value) -> Vec<&str> {
    let files = report["files"].as_array().unwrap().iter();
    let mut names: Vec<_> = files.map(|file| file["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// All that has a name in the company's folder, oldest first; in the trash, too.
fn all(drive: &Drive, name: &str) -> Vec<File> {
    let folder = drive.fake.folder(&FOLDER).unwrap();
    let mut found = drive.fake.children(&folder);
    found.retain(|file| file.name == name);
    found
}

fn changes(requests: &[Request]) -> Vec<Op> {
    let changing = [
        Op::CreateFolder,
        Op::Initiate,
        Op::Chunk,
        Op::Update,
        Op::Delete,
    ];
    let ops = requests.iter().map(|request| request.op);
    ops.filter(|op| changing.contains(op)).collect()
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

#[test]
fn p21_a_listing_is_whole_however_many_pages_it_has() {
    let drive = nights(7);
    let fake = &drive.fake;
    fake.page_size(2);
    let nights: Vec<String> = (0..7).map(night).collect();
    let mark = drive.mark();
    assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), nights);
    let requests = drive.since(mark);
    let pages = requests.iter().filter(|request| request.op == Op::List);
    let tokens = pages.filter(|page| page.param("pageToken").is_some());
    assert_eq!(tokens.count(), 3);

    // A page may be empty, and still not the last one.
    fake.fail(Op::List, When::AllAfter(3), Fault::edit(|_| ()));
    fake.fail(Op::List, When::Nth(4), Fault::EmptyPage);
    fake.fail(Op::List, When::Nth(6), Fault::EmptyPage);
    let mark = drive.mark();
    assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), nights);
    let lists = drive.since(mark);
    assert_eq!(lists.iter().filter(|it| it.op == Op::List).count(), 3 + 6);
    fake.heal();
    // A token that is refused, or a page that does not come, is asked for again.
    for fault in [
        Fault::RejectsPageToken,
        Fault::Error(503, "backendError", "Backend Error"),
        Fault::ResetAfterWork,
    ] {
        fake.fail(Op::List, When::Nth(5), fault);
        assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), nights);
        fake.heal();
    }
    // So is one in the middle of a search, and of the pages of twins.
    let twin = fake.put_folder(&fake.folder(&FOLDER[..2]).unwrap(), FOLDER[2]);
    fake.put_file(&twin, &night(7), b"in the twin");
    fake.fail(Op::List, When::Nth(5), Fault::RejectsPageToken);
    assert_eq!(drive.json(0, ["files", "acme-corp"])["count"], 8);
    fake.fail(Op::List, When::Nth(5), Fault::EmptyPage);
    assert_eq!(drive.json(0, ["files", "acme-corp"])["count"], 8);
}

#[test]
fn p21_what_goes_or_comes_between_two_pages_is_no_trouble() {
    let drive = nights(7);
    drive.fake.page_size(2);
    let gone = drive.fake.files(&FOLDER, &night(0)).remove(0).id;
    let folder = drive.fake.folder(&FOLDER).unwrap();
    drive.fake.before(Op::List, 5, move |files| {
        files.delete(&gone);
        files.put(&folder, "new.db", None);
    });
    let report = drive.json(0, ["files", "acme-corp"]);
    let listed = names(&report);
    assert!(
        (1..7).all(|number| listed.contains(&&*night(number))),
        "{listed:?}"
    );
}

#[test]
fn p21_a_listing_in_doubt_is_an_error_and_nothing_is_done_about_it() {
    let error = |status, reason| Fault::Error(status, reason, "No");
    let without = |key: &'static str| {
        Fault::edit(move |told| drop(told.as_object_mut().unwrap().shift_remove(key)))
    };
    let cases = [
        (Fault::Incomplete, "it has not looked everywhere"),
        (error(500, "internalError"), "500 internalError"),
        (Fault::rate_limit(), "too many requests"),
        (Fault::Html(404), "it answers 404"),
        (error(404, "notFound"), "a folder vanished"),
        (Fault::Html(200), "not Google Drive"),
        (without("files"), "not Google Drive"),
        (Fault::EndlessPages, "goes in circles"),
        (Fault::RejectsPageToken, "invalid"),
    ];
    for (fault, words) in cases {
        // In the folders above, from the first page on, on the second page; and with twins,
        // which are listed in another way.
        for (when, has_twins) in [
            (When::Always, false),
            (When::AllAfter(3), false),
            (When::AllAfter(4), false),
            (When::AllAfter(5), true),
        ] {
            let drive = nights(5);
            let fake = &drive.fake;
            if has_twins {
                let above = fake.folder(&FOLDER[..2]).unwrap();
                fake.put_folder(&above, FOLDER[2]);
            }
            fake.page_size(2);
            keep_one(&drive);
            // Of the first page of a whole listing no token can be wrong.
            let mark = drive.mark();
            for command in ["files", "prune", "verify"] {
                fake.fail(Op::List, when, fault.clone());
                let words_of = [command, "acme-corp", "--json"];
                let more: &[&str] = if command == "prune" { &["--yes"] } else { &[] };
                let told = drive.call(words_of.iter().chain(more)).run().code(6).json();
                let error = told["results"].get(0).unwrap_or(&told);
                assert_eq!(error["code"], "provider_connection_failed", "{error}");
                let detail = error["detail"].as_str().unwrap();
                let doubt =
                    detail.contains(words) || detail.contains("page of the listing expired");
                assert!(doubt, "{command} {when:?} {words}: {detail}");
                fake.heal();
            }
            assert_eq!(changes(&drive.since(mark)), [], "{words}");
            assert_eq!(drive.names().len(), 5);
        }
    }
}

#[test]
fn p21_a_search_in_doubt_lets_nothing_be_sent_or_deleted() {
    for (when, fault) in [
        (When::Always, Fault::Incomplete),
        (When::AllAfter(3), Fault::Incomplete),
        (When::Always, Fault::Error(500, "internalError", "No")),
        (When::AllAfter(3), Fault::EndlessPages),
    ] {
        let drive = nights(3);
        drive.fake.page_size(2);
        let db = format!("backups/database/{DB}");
        for words in [
            &["sync", "acme-corp", &db][..],
            &["sync", "acme-corp"],
            &["delete", "acme-corp", &night(2), "-y"],
        ] {
            let mark = drive.mark();
            drive.fake.fail(Op::List, when, fault.clone());
            let told = drive.call(words.iter().chain(&["--json"])).run().code(6);
            let told = told.json();
            let error = told["results"].get(0).unwrap_or(&told);
            assert_eq!(error["reason"], "network", "{error}");
            let is_endless = matches!(fault, Fault::EndlessPages);
            assert_eq!(error["retryable"], !is_endless, "{error}");
            assert_eq!(changes(&drive.since(mark)), [], "{words:?} {when:?}");
            drive.fake.heal();
        }
        // Once is no trouble.
        drive.fake.fail(Op::List, When::Nth(4), Fault::Incomplete);
        drive.sync(&db).code(0);
    }
}

#[test]
fn p24_foreign_things_are_shown_for_what_they_are_and_left_alone() {
    let drive = Drive::new();
    let fake = &drive.fake;
    let folder = fake.make_folders(&FOLDER);
    let strange = [
        "line\nbreak.db",
        "\u{1b}]52;c;eA==\u{7}.db",
        "right\u{202e}bd.db",
        "del\u{7f}.db",
        "../../globex/backups/zzz.db",
        "/etc/passwd",
        "..",
    ];
    for name in strange {
        fake.put_file(&folder, name, b"x");
    }
    let partial = "vertex-backup-partial-0123456789abcdef-01234567";
    fake.put_file(&folder, partial, b"somebody else's");
    // What Google has no bytes of; one of them with the name of a backup.
    let sheet = fake.put_folder(&folder, "sheet");
    let shortcut = fake.put_folder(&folder, STORAGE);
    let inside = fake.put_folder(&folder, DB);
    fake.put_file(&inside, DB, b"theirs");
    fake.drive(|files| {
        let mut of_type = |id: &str, kind: &str| {
            files.find_mut(id).mime = format!("application/vnd.google-apps.{kind}");
        };
        of_type(&sheet, "spreadsheet");
        of_type(&shortcut, "shortcut");
    });
    let mark = drive.mark();
    let report = drive.json(0, ["files", "acme-corp", "--all"]);
    let mut expected: Vec<&str> = strange.to_vec();
    expected.extend([DB, STORAGE, "sheet", partial]);
    expected.sort_unstable();
    assert_eq!(names(&report), expected);
    for file in report["files"].as_array().unwrap() {
        let is_partial = file["name"] == partial;
        let kind = if is_partial { "temporary" } else { "foreign" };
        assert_eq!(file["kind"], kind, "{file}");
    }
    let table = drive.run(["files", "acme-corp", "--all"]).code(0).stdout;
    for shown in [
        "line\\nbreak.db",
        "\\u{1b}]52;c;eA==\\u{7}.db",
        "right\\u{202e}bd.db",
    ] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    assert!(
        !table.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{7f}']),
        "{table:?}"
    );
    assert_eq!(drive.json(0, ["files", "acme-corp"])["count"], 0);
    drive.run(["download", "acme-corp", "--latest"]).code(4);
    drive.run(["verify", "acme-corp"]).code(0);

    // Neither is a backup: not to be replaced, not to be deleted.
    for (file, name) in [("database", DB), ("storage", STORAGE)] {
        let sync = drive.sync(&format!("backups/{file}/{name}")).code(11);
        sync.stderr_has("is not a file, and is left alone");
        drive.run(["delete", "acme-corp", name, "-y"]).code(11);
        let out = ["download", "acme-corp", name, "-o", "out"];
        let code = drive.run(out).code;
        assert!(code != 0 && !drive.file("out").exists(), "{name}: {code}");
    }
    let changed = changes(&drive.since(mark));
    assert_eq!(changed, []);
    // Another's unfinished upload stays where it is.
    keep_one(&drive);
    fake.trash(&inside);
    drive.sync(&format!("backups/database/{DB}")).code(0);
    drive.run(["prune", "acme-corp", "--yes"]).code(0);
    assert!(drive.names().iter().any(|name| name == partial));
    let above = drive.path().parent().unwrap();
    assert!(!above.join("globex").exists() && !drive.path().join("globex").exists());
}

#[test]
fn p19_a_backup_beside_a_folder_of_its_name_is_a_backup() {
    for newer in [false, true] {
        let drive = Drive::new();
        let fake = &drive.fake;
        let parent = fake.make_folders(&FOLDER);
        let file = fake.put_file(&parent, &night(0), b"the backup");
        let folder = fake.put_folder(&parent, &night(0));
        fake.age(&folder, days_ago(if newer { 1 } else { 3 }));
        fake.age(&file, days_ago(2));
        let report = drive.json(0, ["files", "acme-corp"]);
        assert_eq!(names(&report), [night(0)], "{newer}");
        let words = ["download", "acme-corp", &night(0), "-o", "out"];
        drive.run(words).code(0);
        assert_eq!(fs::read(drive.file("out")).unwrap(), b"the backup");
        drive.run(["delete", "acme-corp", &night(0), "-y"]).code(0);
        assert!(fake.file(&file).unwrap().trashed);
        assert!(!fake.file(&folder).unwrap().trashed);
    }
}

#[test]
fn how_a_file_is_described_does_not_matter() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("no date can be read", |file| {
            file["modifiedTime"] = json!("the day before yesterday");
            file["createdTime"] = json!(5);
        }),
        ("the size is a number", |file| {
            let size = file["size"].as_str().unwrap_or("0").parse::<u64>();
            file["size"] = json!(size.unwrap());
        }),
        ("hashes are nonsense", |file| {
            file["md5Checksum"] = json!("none");
            file["sha256Checksum"] = Value::Null;
        }),
        ("there are no hashes", |file| {
            let file = file.as_object_mut().unwrap();
            file.shift_remove("md5Checksum");
            file.shift_remove("sha256Checksum");
        }),
        ("the upload gets no date", |file| {
            file.as_object_mut().unwrap().shift_remove("modifiedTime");
        }),
    ];
    for (what, change) in changes {
        let drive = synced(2);
        let bytes_only = move |told: &mut Value| {
            let files = match told.get_mut("files") {
                Some(files) => files.as_array_mut().unwrap().iter_mut().collect(),
                None => vec![told],
            };
            let blobs = files.into_iter();
            blobs
                .filter(|file| file["mimeType"] == "application/octet-stream")
                .for_each(change);
        };
        for op in [Op::List, Op::Get] {
            drive.fake.fail(op, When::Always, Fault::edit(bytes_only));
        }
        let report = drive.json(0, ["files", "acme-corp"]);
        assert_eq!(names(&report), [night(0), night(1)], "{what}");
        assert_eq!(report["files"][0]["size"], 1000, "{what}");
        let report = drive.json(0, ["verify", "acme-corp", "--download"]);
        assert_eq!(report["failed"], 0, "{what}");
        // Without the state there is the sidecar.
        fs::remove_file(drive.state()).unwrap();
        let report = drive.json(0, ["verify", "acme-corp", "--download"]);
        assert_eq!(
            (&report["count"], &report["failed"]),
            (&json!(2), &json!(0)),
            "{what}"
        );
        drive
            .run(["download", "acme-corp", &night(1), "-o", "out"])
            .code(0);
        assert!(
            fs::read(drive.file("out")).unwrap() == noise(1, 1000),
            "{what}"
        );
    }
    // What has no size is no file of bytes: nothing is believed of it.
    let drive = synced(1);
    let sizeless = |told: &mut Value| {
        for file in told["files"].as_array_mut().into_iter().flatten() {
            file.as_object_mut().unwrap().shift_remove("size");
        }
    };
    drive
        .fake
        .fail(Op::List, When::Always, Fault::edit(sizeless));
    let error = drive.json(6, ["files", "acme-corp"]);
    assert!(
        error["detail"].as_str().unwrap().contains("without a size"),
        "{error}"
    );
}

#[test]
fn what_lies_in_the_trash_is_no_backup() {
    let drive = nights(2);
    let older = drive.fake.files(&FOLDER, &night(0)).remove(0).id;
    let newer = drive.fake.files(&FOLDER, &night(1)).remove(0).id;
    drive.fake.trash(&newer);
    assert_eq!(
        names(&drive.json(0, ["files", "acme-corp", "--all"])),
        [night(0)]
    );
    drive.run(["download", "acme-corp", &night(1)]).code(4);
    drive.run(["delete", "acme-corp", &night(1), "-y"]).code(4);
    assert_eq!(drive.json(0, ["verify", "acme-corp"])["count"], 1);
    drive
        .run(["download", "acme-corp", "--latest", "-o", "out"])
        .code(0);
    assert_eq!(fs::read(drive.file("out")).unwrap(), 0_usize.to_le_bytes());
    // Nor is what is told of although the trash was left out of the search.
    let trashed = older.clone();
    let slip = move |told: &mut Value| {
        for file in told["files"].as_array_mut().into_iter().flatten() {
            if file["id"] == *trashed {
                file["trashed"] = json!(true);
            }
        }
    };
    drive.fake.fail(Op::List, When::Always, Fault::edit(slip));
    assert_eq!(drive.json(0, ["files", "acme-corp", "--all"])["count"], 0);
    drive.run(["delete", "acme-corp", &night(0), "-y"]).code(4);
    assert!(!drive.fake.file(&older).unwrap().trashed);
}

/// A name twice: what is in the older and the newer one, and the ids.
fn twins() -> (Drive, String, String) {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    // The one that counts was made first, and changed last.
    let newer = drive.fake.put_file(&folder, &night(0), b"newer");
    let older = drive.fake.put_file(&folder, &night(0), b"the older one");
    drive.fake.age(&older, days_ago(3));
    drive.fake.age(&newer, days_ago(1));
    (drive, older, newer)
}

#[test]
fn p19_of_two_files_of_a_name_the_newer_one_counts() {
    for page in [1000, 1] {
        let (drive, older, newer) = twins();
        drive.fake.page_size(page);
        let report = drive.json(0, ["files", "acme-corp"]);
        assert_eq!(
            (&report["count"], &report["files"][0]["size"]),
            (&json!(1), &json!(5))
        );
        for words in [
            &["files", "acme-corp"][..],
            &["download", "acme-corp", &night(0), "-o", "out"],
            &["verify", "acme-corp", "--download"],
        ] {
            let told = drive.run(words).code(0).stderr;
            let warnings = told
                .lines()
                .filter(|line| line.contains("is there 2 times"));
            let warnings: Vec<_> = warnings.collect();
            assert_eq!(warnings.len(), 1, "{words:?} {page}: {told}");
            let ids = format!("{newer}, {older}");
            assert!(warnings[0].contains(&ids), "{}", warnings[0]);
        }
        assert_eq!(fs::read(drive.file("out")).unwrap(), b"newer");
        // The other one is not judged.
        drive.fake.corrupt(&older);
        let report = drive.json(0, ["verify", "acme-corp", "--download"]);
        assert_eq!(
            (&report["count"], &report["failed"]),
            (&json!(1), &json!(0))
        );
    }
}

#[test]
fn p19_deleting_a_name_deletes_all_that_have_it() {
    for page in [1000, 1] {
        let (drive, older, newer) = twins();
        drive.fake.page_size(page);
        drive.run(["delete", "acme-corp", &night(0), "-y"]).code(0);
        for id in [&older, &newer] {
            assert!(drive.fake.file(id).unwrap().trashed, "{page}");
        }
        assert_eq!(drive.json(0, ["files", "acme-corp"])["count"], 0);

        let (drive, ..) = twins();
        drive.fake.page_size(page);
        let delete = ["delete", "acme-corp", &night(0), "--permanent", "-y"];
        drive.run(delete).code(0);
        assert_eq!(all(&drive, &night(0)).len(), 0);
    }
}

#[test]
fn p19_prune_brings_no_older_file_of_a_name_back() {
    let drive = synced(3);
    let folder = drive.fake.folder(&FOLDER).unwrap();
    for number in 0..3 {
        let other = drive.fake.put_file(&folder, &night(number), b"somebody's");
        drive.fake.age(&other, days_ago(9));
    }
    keep_one(&drive);
    let report = drive.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["success"], true, "{report}");
    assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), [night(2)]);
    for number in 0..2 {
        let left = all(&drive, &night(number));
        assert!(left.len() == 2 && left.iter().all(|file| file.trashed));
    }
    // Of what is kept, nothing is deleted.
    assert!(all(&drive, &night(2)).iter().all(|file| !file.trashed));
}

#[test]
fn p19_a_synced_file_takes_the_place_of_all_that_had_its_name() {
    let (drive, older, newer) = twins();
    drive.backup("made", &night(0), &noise(0, 1000));
    drive.sync(&format!("made/{}", night(0))).code(0);
    let left = drive.fake.files(&FOLDER, &night(0));
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].size, Some(1000));
    for id in [&older, &newer] {
        assert!(drive.fake.file(id).unwrap().trashed);
    }
    let told = drive.run(["files", "acme-corp"]).code(0).stderr;
    assert!(!told.contains("2 times"), "{told}");
}

#[test]
fn prune_fills_the_trash_or_not_as_it_is_told() {
    for (words, trashed) in [(&["--yes"][..], 4), (&["--yes", "--permanent"], 0)] {
        let drive = synced(3);
        keep_one(&drive);
        let report = drive.json(0, ["prune", "acme-corp"].iter().chain(words));
        assert_eq!(report["success"], true);
        assert_eq!(drive.names(), [night(2), night(2).replace(".db", ".json")]);
        let folder = drive.fake.folder(&FOLDER).unwrap();
        let left = drive.fake.children(&folder);
        assert_eq!(left.iter().filter(|file| file.trashed).count(), trashed);
    }
}

#[test]
fn p22_a_deletion_is_done_or_an_error() {
    let error = |status, reason| Fault::Error(status, reason, "No");
    let after = |status, reason| Fault::ErrorAfterWork(status, reason, "No");
    let cases = [
        (When::Nth(1), Fault::ResetBeforeWork, 0),
        (When::Nth(1), Fault::ResetAfterWork, 0),
        (When::Nth(1), after(503, "backendError"), 0),
        (When::First(2), Fault::rate_limit(), 0),
        (When::Nth(1), error(401, "authError"), 0),
        (When::Nth(1), error(404, "notFound"), 0),
        (When::Always, Fault::ResetBeforeWork, 6),
        (When::Always, error(500, "internalError"), 6),
        (When::Always, error(403, "insufficientFilePermissions"), 6),
        // Somebody in between who knows no such address.
        (When::Always, Fault::Html(404), 6),
    ];
    for (number, (when, fault, code)) in cases.into_iter().enumerate() {
        for permanent in [false, true] {
            let drive = nights(2);
            let id = drive.fake.files(&FOLDER, &night(0)).remove(0).id;
            let op = if permanent { Op::Delete } else { Op::Update };
            drive.fake.fail(op, when, fault.clone());
            let mut words = vec!["delete", "acme-corp", "-y"];
            let name = night(0);
            words.push(&name);
            if permanent {
                words.push("--permanent");
            }
            let outcome = drive.call(&words).run();
            // What may not be deleted for good goes to the trash.
            let falls_back = permanent && number == 8;
            assert_eq!(
                outcome.code,
                if falls_back { 0 } else { code },
                "{number}: {outcome:?}"
            );
            let left = drive.fake.file(&id);
            let gone = left.as_ref().is_none_or(|file| file.trashed);
            if number != 5 {
                assert_eq!(gone, outcome.code == 0, "{number} {permanent}");
            }
            if permanent && outcome.code == 0 && !falls_back && number != 5 {
                assert!(left.is_none(), "{number}");
            }
        }
    }
}

#[test]
fn who_may_not_delete_for_good_fills_the_trash_and_is_told() {
    let drive = Drive::unassigned();
    let shared = drive.fake.add_shared_drive("Team");
    let mut credentials = drive.login();
    credentials["shared_drive_id"] = json!(shared);
    drive.configure(&credentials);
    drive.assign("acme-corp", &[]);
    for number in 0..3 {
        let path = drive.backup("made", &night(number), &noise(number as u64, 1000));
        drive.sync(path.to_str().unwrap()).code(0);
    }
    drive.fake.role(Role::FileOrganizer);
    let delete = ["delete", "acme-corp", &night(0), "--permanent", "-y"];
    let told = drive.run(delete).code(0);
    told.stderr_has("may not delete for good");
    keep_one(&drive);
    let prune = ["prune", "acme-corp", "--yes", "--permanent"];
    let told = drive.run(prune).code(0);
    assert_eq!(
        told.stderr.matches("may not delete for good").count(),
        1,
        "{}",
        told.stderr
    );
    assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), [night(2)]);
    let folder = drive.fake.folder_in(&shared, &FOLDER).unwrap();
    let trashed = drive.fake.children(&folder);
    assert_eq!(trashed.iter().filter(|file| file.trashed).count(), 4);
    // Who may not even do that gets an error, and nothing is forgotten.
    drive.fake.role(Role::Writer);
    let error = drive.json(6, ["delete", "acme-corp", &night(2), "-y"]);
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert_eq!(names(&drive.json(0, ["files", "acme-corp"])), [night(2)]);
}

#[test]
fn what_may_not_be_touched_is_not_said_to_be_deleted() {
    // The login sees all, and may change what its client made.
    let drive = synced(2);
    let theirs = Fault::Error(403, "appNotAuthorizedToFile", "No access to the file.");
    for op in [Op::Update, Op::Delete] {
        drive.fake.fail(op, When::Always, theirs.clone());
    }
    keep_one(&drive);
    let before = drive.names();
    for permanent in [&[][..], &["--permanent"]] {
        let delete = ["delete", "acme-corp", &night(0), "-y"];
        let error = drive.json(6, delete.iter().chain(permanent));
        assert_eq!(error["reason"], "forbidden", "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--scope drive"));
        let prune = ["prune", "acme-corp", "--yes"];
        drive.run(prune.iter().chain(permanent)).code(6);
    }
    assert_eq!(drive.names(), before);
    assert_eq!(
        names(&drive.json(0, ["files", "acme-corp"])),
        [night(0), night(1)]
    );
}

#[test]
fn every_kind_of_backup_goes_there_and_comes_back() {
    let drive = Drive::new();
    let report = drive
        .call(["sync", "acme-corp", "--json"])
        .run()
        .code(0)
        .json();
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&json!(6), &json!(0))
    );
    // By what the provider says, without a byte of it.
    let mark = drive.mark();
    let report = drive.json(0, ["verify", "acme-corp"]);
    assert_eq!(
        (&report["count"], &report["failed"]),
        (&json!(6), &json!(0))
    );
    assert!(
        drive
            .since(mark)
            .iter()
            .all(|request| request.op != Op::Media)
    );
    // Or by reading all there is, each file once.
    let mark = drive.mark();
    drive.json(0, ["verify", "acme-corp", "--download"]);
    let mut read = drive.since(mark);
    read.retain(|request| request.op == Op::Media);
    let ids: HashSet<_> = read.iter().map(|request| request.id.clone()).collect();
    assert_eq!(
        (read.len(), ids.len()),
        (drive.names().len(), drive.names().len())
    );
    drive.run(["restore-test", "acme-corp", "-q"]).code(0);

    let split = "storage_backup_20250130_030000.tar.gz";
    drive
        .run(["download", "acme-corp", split, "-o", "split.tar.gz"])
        .code(0);
    let parts =
        (1..=3).map(|number| format!("storage_backup_20250130_030000.tar.part00{number}.gz"));
    let parts = parts.map(|name| fs::read(drive.file("backups/storage").join(name)).unwrap());
    let joined: Vec<u8> = parts.flatten().collect();
    assert!(fs::read(drive.file("split.tar.gz")).unwrap() == joined);

    // What the Drive has is not what was sent: told without reading it.
    drive.fake.corrupt(DB);
    let mark = drive.mark();
    drive.run(["verify", "acme-corp", DB]).code(7);
    assert!(
        drive
            .since(mark)
            .iter()
            .all(|request| request.op != Op::Media)
    );
    drive
        .run(["download", "acme-corp", DB, "-o", "bad.db"])
        .code(7);
    assert!(!drive.file("bad.db").exists());
    drive.run(["restore-test", "acme-corp", DB, "-q"]).code(7);
}

/// Three companies on the Drive.
fn three() -> Drive {
    let drive = Drive::new();
    for company in ["globex", "initech"] {
        let known = drive.sql().execute(
            "INSERT OR IGNORE INTO companies (id, name) VALUES (?1, ?1)",
            [company],
        );
        known.unwrap();
        drive.assign(company, &[]);
    }
    drive
}

#[test]
fn nothing_to_do_changes_nothing() {
    let drive = three();
    let dry = ["sync", "--all", "--dry-run", "-q"];
    drive.call(dry).run().code(0);
    assert_eq!(drive.fake.all_files().len(), 0);

    drive.call(["sync", "--all", "-q"]).run().code(0);
    let mark = drive.mark();
    let report = drive.json(0, ["sync", "--all", "--jobs", "1"]);
    assert_eq!(
        (&report["skipped"], &report["failed"]),
        (&json!(3), &json!(0))
    );
    let requests = drive.since(mark);
    assert_eq!(changes(&requests), []);
    // What is above all of them is looked up once, each company's folders and files once.
    let lists = requests.iter().filter(|request| request.op == Op::List);
    assert_eq!(lists.count(), 1 + 3 * 3);
}

#[test]
fn a_service_that_is_down_is_asked_once_for_all_companies() {
    let drive = three();
    for op in [Op::About, Op::Get, Op::List] {
        let down = Fault::Error(503, "backendError", "Backend Error");
        drive.fake.fail(op, When::Always, down);
    }
    let mark = drive.mark();
    let words = ["sync", "--all", "--jobs", "1", "--json"];
    let report = drive.call(words).run().code(6).json();
    assert_eq!(
        (&report["failed"], &report["succeeded"]),
        (&json!(3), &json!(0))
    );
    for result in report["results"].as_array().unwrap() {
        assert_eq!(result["code"], "provider_connection_failed", "{result}");
        assert_eq!(result["reason"], "network", "{result}");
    }
    // As often as anything is tried, and not for each company.
    let mut asked = drive.since(mark);
    asked.retain(|request| request.op != Op::Token);
    assert_eq!(asked.len(), 6);
}

#[test]
fn a_login_that_ended_is_asked_for_once_for_all_companies() {
    let drive = three();
    drive.fake.expire_tokens();
    drive
        .fake
        .refuse_grants("invalid_grant", "Token has been expired or revoked.");
    let mark = drive.mark();
    let words = ["sync", "--all", "--jobs", "1", "--json"];
    let report = drive.call(words).run().code(6).json();
    assert_eq!(report["failed"], 3);
    for result in report["results"].as_array().unwrap() {
        assert_eq!(result["reason"], "auth", "{result}");
    }
    let asked = drive.since(mark);
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[test]
fn a_folder_that_is_refused_keeps_no_other_company_waiting() {
    let drive = three();
    let refused = Fault::Error(403, "insufficientFilePermissions", "No");
    // The second look is for the company's own folder.
    drive.call(["sync", "--all", "-q"]).run().code(0);
    drive.fake.fail(Op::List, When::Nth(2), refused);
    let words = ["sync", "--all", "--jobs", "1", "--json"];
    let report = drive.call(words).run().code(3).json();
    assert_eq!(report["failed"], 1, "{report}");
}

#[test]
fn no_secret_is_shown_or_stored() {
    let drive = Drive::new();
    let mut said = String::new();
    let db = format!("backups/database/{DB}");
    for (words, fault) in [
        (&["sync", "acme-corp", &db][..], None),
        (&["files", "acme-corp"], Some((Op::List, Fault::Html(500)))),
        (
            &["files", "acme-corp"],
            Some((Op::List, Fault::Error(401, "authError", "No"))),
        ),
        (
            &["download", "acme-corp", DB, "-o", "out"],
            Some((Op::Media, Fault::CloseAtByte(5))),
        ),
        (&["providers"], None),
        (&["providers", "info"], None),
        (&["delete", "acme-corp", DB, "-y"], None),
        (&["history"], None),
    ] {
        if let Some((op, fault)) = fault {
            drive.fake.fail(op, When::Always, fault);
        }
        for format in ["--json", "--format=table"] {
            let told = drive.call(words.iter().chain(&["-vv", format])).run();
            said += &(told.stdout + &told.stderr);
        }
        drive.fake.heal();
    }
    assert!(said.contains("vertex-ar/acme-corp"));
    let app = drive.app();
    let mut stored = String::new();
    for name in Sandbox::files_below(&app) {
        if name.contains("backup-state") {
            stored += &String::from_utf8_lossy(&fs::read(app.join(&name)).unwrap());
        }
    }
    assert!(stored.contains("vertex-ar/acme-corp"));
    let tokens = drive
        .fake
        .secrets()
        .into_iter()
        .chain(["CANARY".to_owned()]);
    for token in tokens {
        assert!(
            !said.contains(&token) && !stored.contains(&token),
            "{token}"
        );
    }
    for address in drive.fake.session_uris() {
        assert!(!said.contains(&address) && !stored.contains(&address));
    }
    assert!(!said.contains("upload_id=") && !stored.contains("upload_id="));
}
