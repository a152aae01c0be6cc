//! What lies on Yandex Disk, listed, deleted, pruned and compared: all of it or an error,
//! only the company's own, and with no more requests than it takes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Child;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::promises::until;
use crate::support::backups::noise;
use crate::support::cloud::{Cloud, FOLDER};
use crate::support::fake_yandex::{Fault, Moment, Op, Request, TOKEN, When};
use crate::support::{DB, Outcome, STORAGE, Sandbox, hole, signal};

const FULL: &str = "full_backup_20250131_040000.json";

/// A night's database backup; the greater the number, the later.
fn night(number: usize) -> String {
    let (day, second) = (1 + number / 3600, number % 3600);
    let (minute, second) = (second / 60, second % 60);
    format!("db_backup_202401{day:02}_01{minute:02}{second:02}.db")
}

/// So many nights on the Disk, put there by somebody else.
fn nights(count: usize) -> Cloud {
    let cloud = Cloud::new();
    for number in 0..count {
        cloud
            .fake
            .put(&Cloud::path(&night(number)), &number.to_le_bytes());
    }
    cloud
}

fn ops(requests: &[Request]) -> Vec<Op> {
    requests.iter().map(|request| request.op).collect()
}

fn names(report: &Value) -> Vec<&str> {
    let files = report["files"].as_array().unwrap().iter();
    files.map(|file| file["name"].as_str().unwrap()).collect()
}

fn changes(requests: &[Request]) -> Vec<Op> {
    let changing = [
        Op::Mkdir,
        Op::Link,
        Op::Put,
        Op::Move,
        Op::Copy,
        Op::Delete,
        Op::Trash,
    ];
    let mut found = ops(requests);
    found.retain(|op| changing.contains(op));
    found
}

#[test]
fn p21_a_listing_is_whole_however_many_pages_it_has() {
    let cloud = nights(2500);
    let before = cloud.mark();
    let report = cloud.json(0, ["files", "acme-corp"]);
    assert_eq!(report["count"], 2500);
    let (first, last) = (night(0), night(2499));
    assert_eq!((names(&report)[0], names(&report)[2499]), (&*last, &*first));
    let pages = cloud.since(before);
    let offsets: Vec<_> = pages
        .iter()
        .map(|page| page.param("offset").unwrap())
        .collect();
    assert_eq!(offsets, ["0", "999", "1998"]);
    assert!(pages.iter().all(|page| page.param("sort") == Some("name")));

    // What goes or comes between two pages moves the others: none of them is missed.
    let (gone, new) = (night(3), "aaa_first.db".to_owned());
    cloud.fake.before(Op::List, 2, {
        let gone = gone.clone();
        move |disk| disk.remove(&Cloud::path(&gone))
    });
    cloud.fake.before(Op::List, 5, {
        let new = new.clone();
        move |disk| disk.put(&Cloud::path(&new), b"new")
    });
    let report = cloud.json(0, ["files", "acme-corp", "--all"]);
    let listed = names(&report);
    let mut listed: Vec<&str> = listed.into_iter().filter(|name| *name != gone).collect();
    listed.sort_unstable();
    assert_eq!(listed, cloud.names());
    assert_eq!(listed.len(), 2500);
    // Something is on the move all the time: that is an error, not a shorter list.
    for number in 0..40 {
        cloud.fake.before(Op::List, 2 + 2 * number, move |disk| {
            disk.remove(&Cloud::path(&night(100 + number)));
        });
    }
    let error = cloud.json(6, ["files", "acme-corp"]);
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("changed while it was listed")
    );
    assert_eq!(error["retryable"], true);
}

#[test]
fn p21_a_listing_in_doubt_is_an_error_and_nothing_is_done_about_it() {
    let lie = |total| Fault::WrongTotal(total);
    let trouble = || Fault::status(500, "InternalServerError");
    let none = |key: &'static str| Fault::edit(move |told| drop(told["_embedded"][key].take()));
    let cases = [
        (When::AllAfter(1), trouble(), 6, "InternalServerError"),
        (
            When::Always,
            Fault::Raw(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\n{}".into()),
            6,
            "what is in a folder",
        ),
        (When::Always, Fault::Empty(200), 6, "not Yandex Disk"),
        // A gateway that does not know the address is not a Disk without the folder.
        (When::Always, Fault::Html(404), 6, "it answers 404"),
        (
            When::Nth(2),
            Fault::status(404, "DiskNotFoundError"),
            6,
            "DiskNotFoundError",
        ),
        (
            When::Always,
            Fault::EndlessPages,
            6,
            "changed while it was listed",
        ),
        (
            When::AllAfter(1),
            Fault::PageRepeats,
            6,
            "changed while it was listed",
        ),
        (When::Always, lie(5000), 6, "goes in circles"),
        (When::Always, none("total"), 6, "how many files"),
        (When::Always, none("items"), 6, "not Yandex Disk"),
    ];
    for (when, fault, code, words) in cases {
        let cloud = nights(1001);
        let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
        cloud.run(keep).code(0);
        let before = cloud.mark();
        for command in ["files", "prune", "sync"] {
            cloud.fake.on(Op::List, when, fault.clone());
            let outcome = cloud.call([command, "acme-corp", "--yes"]).run().code(code);
            outcome.stderr_has(words);
        }
        assert_eq!(changes(&cloud.since(before)), [], "{words}");
        assert_eq!(cloud.names().len(), 1001);
    }
    // Once is no trouble; and what says too small a total has more on the next page.
    let cloud = nights(1001);
    cloud.fake.on(Op::List, When::Nth(2), trouble());
    assert_eq!(cloud.json(0, ["files", "acme-corp"])["count"], 1001);
    cloud.fake.on(Op::List, When::Always, lie(1000));
    assert_eq!(cloud.json(0, ["files", "acme-corp"])["count"], 1001);
}

#[test]
fn p24_foreign_things_are_shown_for_what_they_are_and_left_alone() {
    let cloud = Cloud::new();
    let strange = [
        "line\nbreak.db",
        "\u{1b}]52;c;eA==\u{7}.db",
        "right\u{202e}bd.db",
        "del\u{7f}.db",
    ];
    for name in strange {
        cloud.fake.put(&Cloud::path(name), b"x");
    }
    let theirs = "vertex-backup-partial-0123456789abcdef-01234567";
    cloud.fake.put(&Cloud::path(theirs), b"somebody else's");
    let inside = format!("{}/inside", Cloud::path(DB));
    cloud.fake.put(&inside, b"theirs");
    cloud.fake.put(&Cloud::path("zzz.db"), b"x");
    let climb = |told: &mut Value| {
        let items = told["_embedded"]["items"]
            .as_array_mut()
            .into_iter()
            .flatten();
        for item in items.filter(|item| item["name"] == "zzz.db") {
            item["name"] = json!("../../globex/backups/zzz.db");
        }
    };
    cloud.fake.on(Op::List, When::Always, Fault::edit(climb));

    let before = cloud.mark();
    let report = cloud.json(0, ["files", "acme-corp", "--all"]);
    let mut found = names(&report);
    found.sort_unstable();
    let mut expected: Vec<&str> = strange.to_vec();
    expected.extend([DB, theirs, "../../globex/backups/zzz.db"]);
    expected.sort_unstable();
    assert_eq!(found, expected);
    for file in report["files"].as_array().unwrap() {
        let kind = if file["name"] == theirs {
            "temporary"
        } else {
            "foreign"
        };
        assert_eq!(file["kind"], kind, "{file}");
    }
    let table = cloud.run(["files", "acme-corp", "--all"]).code(0).stdout;
    for shown in [
        "line\\nbreak.db",
        "\\u{1b}]52;c;eA==\\u{7}.db",
        "right\\u{202e}bd.db",
        "del\\u{7f}.db",
    ] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    assert!(
        !table.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{7f}']),
        "{table:?}"
    );
    assert_eq!(cloud.json(0, ["files", "acme-corp"])["count"], 0);
    cloud.run(["download", "acme-corp", "--latest"]).code(4);
    cloud.run(["verify", "acme-corp"]).code(0);
    assert_eq!(ops(&cloud.since(before)), [Op::List; 5]);

    // A folder is no backup: not to be replaced, not to be deleted.
    let sync = cloud.sync(&format!("backups/database/{DB}")).code(11);
    sync.stderr_has("is not a file, and is left alone");
    let delete = cloud.run(["delete", "acme-corp", DB, "-y"]).code(11);
    delete.stderr_has("is a folder, and is left alone");
    assert_eq!(changes(&cloud.since(before)), []);
    assert_eq!(cloud.names().len(), expected.len());
    // Nor one that came while the file was on its way.
    cloud.fake.remove(&Cloud::path(DB));
    let theirs_again = inside.clone();
    cloud
        .fake
        .before(Op::Move, 1, move |disk| disk.put(&theirs_again, b"theirs"));
    cloud.sync(&format!("backups/database/{DB}")).code(11);
    assert_eq!(cloud.fake.read(&inside).unwrap(), b"theirs");
    // Another's unfinished upload stays where it is.
    cloud.sync(&format!("backups/storage/{STORAGE}")).code(0);
    assert!(cloud.names().iter().any(|name| name == theirs));
}

#[test]
fn p19_a_file_where_the_directory_should_be_is_told() {
    for (place, commands) in [
        (FOLDER, &["files", "sync", "verify"][..]),
        ("/vertex-ar/acme-corp", &["sync"]),
    ] {
        let cloud = Cloud::new();
        cloud.fake.put(place, b"a file");
        for command in commands {
            let report = cloud.json(5, [command, "acme-corp"]);
            let error = report["results"].get(0).unwrap_or(&report);
            assert_eq!(error["code"], "remote_path_conflict", "{error}");
            assert!(
                error["detail"].as_str().unwrap().contains("is a file"),
                "{error}"
            );
        }
        assert_eq!(cloud.fake.read(place).unwrap(), b"a file");
    }
}

#[test]
fn p22_a_deletion_is_done_or_an_error() {
    let took = |polls, ends| Fault::Accepted { polls, ends };
    let lost = Fault::StatusAfterWork {
        status: 502,
        error: "",
    };
    let cases = [
        ("it takes a while", When::Nth(1), took(3, "success"), 0, 1),
        ("it fails", When::Always, took(1, "failed"), 6, 1),
        (
            "the answer is lost",
            When::Nth(1),
            Fault::ResetAfterWork,
            0,
            1,
        ),
        ("the answer is another one", When::Nth(1), lost, 0, 1),
        (
            "the request is lost",
            When::Nth(1),
            Fault::ResetBeforeWork,
            0,
            2,
        ),
        (
            "it does not answer",
            When::Always,
            Fault::ResetBeforeWork,
            6,
            6,
        ),
        (
            "it is locked at first",
            When::First(2),
            Fault::status(423, "DiskResourceLockedError"),
            0,
            3,
        ),
        (
            "it is not allowed",
            When::Always,
            Fault::status(403, "ForbiddenError"),
            6,
            1,
        ),
    ];
    for (what, when, fault, code, tries) in cases {
        let cloud = nights(2);
        cloud.fake.on(Op::Delete, when, fault);
        cloud
            .call(["delete", "acme-corp", &night(0), "-y"])
            .run()
            .code(code);
        assert_eq!(cloud.fake.count(Op::Delete), tries, "{what}");
        let left = [night(0), night(1)];
        assert_eq!(cloud.names(), left[usize::from(code == 0)..], "{what}");
        let trash: &[String] = if code == 0 {
            &[Cloud::path(&night(0))]
        } else {
            &[]
        };
        assert_eq!(cloud.fake.trash(), trash, "{what}");
    }
    let cloud = nights(2);
    cloud
        .run(["delete", "acme-corp", &night(0), "--permanent", "-y"])
        .code(0);
    assert_eq!(cloud.names(), [night(1)]);
    assert_eq!(cloud.fake.trash(), Vec::<String>::new());
    // Replaced between the look and the deletion: that one was not meant.
    cloud
        .fake
        .before(Op::Delete, 1, |disk| disk.corrupt(&Cloud::path(&night(1))));
    let error = cloud.json(7, ["delete", "acme-corp", &night(1), "-y"]);
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("changed while it was to be deleted")
    );
    assert_eq!(cloud.names(), [night(1)]);
    cloud.run(["delete", "acme-corp", &night(0), "-y"]).code(4);
}

#[test]
fn prune_fills_the_trash_or_not_as_it_is_told() {
    for (words, trashed) in [(&["--yes"][..], 4), (&["--yes", "--permanent"], 0)] {
        let cloud = Cloud::new();
        for number in 0..3 {
            let path = cloud.backup("made", &night(number), &noise(number as u64, 1000));
            cloud.sync(path.to_str().unwrap()).code(0);
        }
        let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
        cloud.run(keep).code(0);
        let before = cloud.mark();
        let report = cloud.json(0, ["prune", "acme-corp"].iter().chain(words));
        assert_eq!(report["success"], true);
        assert_eq!(cloud.names(), [night(2), night(2).replace(".db", ".json")]);
        assert_eq!(cloud.fake.trash().len(), trashed);
        let deleted = cloud.since(before);
        let deleted: Vec<_> = deleted
            .iter()
            .filter(|request| request.op == Op::Delete)
            .collect();
        // Each by the hash it was seen with; the sidecar first.
        assert_eq!(deleted.len(), 4);
        assert!(deleted.iter().all(|request| request.param("md5").is_some()));
        assert_eq!(
            deleted[0].path,
            Cloud::path(&night(0).replace(".db", ".json"))
        );
    }
}

#[test]
fn what_is_in_the_trash_is_not_said_to_be_freed() {
    let trash = "in the provider's trash, which still counts against the room until it is emptied; \
                 what goes with --permanent is freed at once\n";
    let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
    let last = |run: Outcome| run.code(0).stdout.lines().last().unwrap().to_owned() + "\n";
    for (more, of_prune, of_one, of_more) in [
        (
            &[][..],
            format!("16 B {trash}"),
            format!("; it is {trash}"),
            format!("; they are {trash}"),
        ),
        (
            &["--permanent"],
            "16 B freed\n".to_owned(),
            "\n".to_owned(),
            "\n".to_owned(),
        ),
    ] {
        let prune = |cloud: &Cloud, words: &[&str]| {
            cloud.run(keep).code(0);
            last(cloud.run([&["prune"], words, more].concat()))
        };
        let cloud = nights(3);
        let planned = prune(&cloud, &["acme-corp", "--dry-run"]);
        assert_eq!(
            planned,
            format!("2 backups would be removed, 1 kept, {of_prune}")
        );
        let done = prune(&cloud, &["acme-corp", "--yes"]);
        assert_eq!(done, format!("2 backups removed, 1 kept, {of_prune}"));

        let cloud = nights(3);
        let all = ["--all", "--provider", "yandex_disk"];
        let planned = prune(&cloud, &[&all[..], &["--dry-run"]].concat());
        let would = of_prune.replacen(" B ", " B would be ", 1);
        assert_eq!(
            planned,
            format!("2 backups of 1 company would be removed, {would}")
        );
        let done = prune(&cloud, &[&all[..], &["--yes"]].concat());
        assert_eq!(done, format!("2 backups of 1 company removed, {of_prune}"));

        let cloud = nights(3);
        let [first, second, third] = [night(0), night(1), night(2)];
        let delete = |names: &[&str]| {
            let words = [&["delete", "acme-corp", "-y"], names, more].concat();
            last(cloud.run(words))
        };
        let path = Cloud::path(&first);
        let path = path.strip_prefix("disk:").unwrap_or(&path);
        let told = format!("Backup deleted from yandex_disk: {path}{of_one}");
        assert_eq!(delete(&[&first]), told);
        let told = format!("2 of 2 backups deleted from yandex_disk{of_more}");
        assert_eq!(delete(&[&second, &third]), told);
    }
    // For programs there are `freed` and `permanent`.
    let cloud = nights(3);
    cloud.run(keep).code(0);
    let report = cloud.json(0, ["prune", "acme-corp", "--yes"]);
    assert_eq!(report["message"], "2 backups removed, 1 kept, 16 B freed");
    assert_eq!(
        (&report["freed"], &report["permanent"]),
        (&json!(16), &json!(false))
    );
}

#[test]
fn names_are_data_from_end_to_end() {
    let cloud = Cloud::unassigned();
    let folder = "/vertex ar/a+b%#:'я🌼/ещё \"один\" & co?";
    cloud.assign_disk("acme-corp", &["--remote-path", folder]);
    let odd = [
        "db 1+2 100%25 #3:'\"я🌼\".db",
        "-db &a=b;?x=y.db",
        "e\u{301} or é, a\\b ~*|<>.db",
    ];
    for name in odd {
        let path = cloud.backup("made", name, name.as_bytes());
        cloud.sync(path.to_str().unwrap()).code(0);
    }
    let mut files: Vec<String> = odd.iter().map(|name| (*name).to_owned()).collect();
    files.sort();
    let report = cloud.json(0, ["files", "acme-corp"]);
    let mut listed = names(&report);
    listed.sort_unstable();
    assert_eq!(listed, files);
    let stored = cloud.fake.names(folder);
    assert!(files.iter().all(|name| stored.contains(name)), "{stored:?}");
    cloud.run(["verify", "acme-corp"]).code(0);
    for name in odd {
        let words = ["download", "-o", "back/", "acme-corp", "--", name];
        fs::create_dir_all(cloud.file("back")).unwrap();
        cloud.run(words).code(0);
        assert_eq!(
            fs::read(cloud.file("back").join(name)).unwrap(),
            name.as_bytes()
        );
        cloud.run(["delete", "acme-corp", "-y", "--", name]).code(0);
    }
    assert_eq!(cloud.fake.names(folder), Vec::<String>::new());
    let folders = cloud.fake.names("/");
    assert_eq!(folders, ["vertex ar"]);
}

#[test]
fn whole_nights_go_come_back_and_are_compared() {
    let cloud = Cloud::new();
    let report = cloud
        .call(["sync", "acme-corp", "--json"])
        .run()
        .code(0)
        .json();
    assert_eq!(
        (&report["succeeded"], &report["failed"]),
        (&json!(6), &json!(0))
    );
    assert_eq!(cloud.fake.braked_uploads(), Vec::<String>::new());

    // By what the provider says, without a byte of it.
    let before = cloud.mark();
    let report = cloud.json(0, ["verify", "acme-corp"]);
    assert_eq!(
        (&report["count"], &report["failed"]),
        (&json!(6), &json!(0))
    );
    assert_eq!(ops(&cloud.since(before)), [Op::List]);
    let before = cloud.mark();
    let stale = cloud
        .run(["status", "acme-corp", "--max-age", "1h"])
        .code(0);
    assert!(stale.stdout.contains("yandex_disk"), "{}", stale.stdout);
    assert_eq!(ops(&cloud.since(before)), [Op::Disk, Op::List, Op::Link]);
    // Or by reading all there is, each file once.
    let before = cloud.mark();
    cloud.json(0, ["verify", "acme-corp", "--download"]);
    let mut read = cloud.since(before);
    read.retain(|request| request.op == Op::Storage);
    let mut read: Vec<String> = read.into_iter().map(|request| request.path).collect();
    read.sort();
    let all = cloud.names();
    assert_eq!(
        read,
        all.iter().map(|name| Cloud::path(name)).collect::<Vec<_>>()
    );
    cloud.run(["restore-test", "acme-corp", "-q"]).code(0);

    let split = "storage_backup_20250130_030000.tar.gz";
    cloud
        .run(["download", "acme-corp", split, "-o", "split.tar.gz"])
        .code(0);
    let parts =
        (1..=3).map(|number| format!("storage_backup_20250130_030000.tar.part00{number}.gz"));
    let parts = parts.map(|name| fs::read(cloud.file("backups/storage").join(name)).unwrap());
    let joined: Vec<u8> = parts.flatten().collect();
    assert!(fs::read(cloud.file("split.tar.gz")).unwrap() == joined);
    fs::create_dir(cloud.file("back")).unwrap();
    cloud
        .run(["download", "acme-corp", FULL, "-o", "back/"])
        .code(0);
    for half in [format!("database/{DB}"), format!("storage/{STORAGE}")] {
        let same = fs::read(cloud.file("back").join(&half)).unwrap();
        assert!(
            same == fs::read(cloud.file("backups").join(&half)).unwrap(),
            "{half}"
        );
    }

    // What the Disk has is not what was sent: told without reading it.
    cloud.fake.corrupt(&Cloud::path(DB));
    let before = cloud.mark();
    cloud.run(["verify", "acme-corp", DB]).code(7);
    assert_eq!(ops(&cloud.since(before)), [Op::List]);
    cloud
        .run(["download", "acme-corp", DB, "-o", "bad.db"])
        .code(7);
    assert!(!cloud.file("bad.db").exists());
    cloud.run(["restore-test", "acme-corp", DB, "-q"]).code(7);
}

/// Three companies on the Disk, and nothing left to do for any of them.
fn three() -> Cloud {
    let cloud = Cloud::new();
    for company in ["globex", "initech"] {
        let known = cloud.sql().execute(
            "INSERT OR IGNORE INTO companies (id, name) VALUES (?1, ?1)",
            [company],
        );
        known.unwrap();
        cloud.assign_disk(company, &[]);
    }
    cloud
}

#[test]
fn nothing_to_do_is_one_request_a_company() {
    let cloud = three();
    let before = cloud.mark();
    cloud
        .call(["sync", "--all", "--dry-run", "-q"])
        .run()
        .code(0);
    let requests = cloud.since(before);
    assert_eq!(changes(&requests), []);
    assert_eq!(cloud.fake.names("/"), Vec::<String>::new());

    cloud.call(["sync", "--all", "-q"]).run().code(0);
    let before = cloud.mark();
    let report = cloud.json(0, ["sync", "--all"]);
    assert_eq!(
        (&report["skipped"], &report["failed"]),
        (&json!(3), &json!(0))
    );
    let requests = cloud.since(before);
    let mut paths: Vec<&str> = requests
        .iter()
        .map(|request| request.path.as_str())
        .collect();
    paths.sort_unstable();
    let folder = |company: &str| format!("/vertex-ar/{company}/backups");
    assert_eq!(paths, ["acme-corp", "globex", "initech"].map(folder));
    assert_eq!(ops(&requests), [Op::List; 3]);
}

#[test]
fn a_service_that_is_down_is_asked_once_for_all_companies() {
    let cloud = three();
    for op in [Op::Disk, Op::List] {
        cloud.fake.on(
            op,
            When::Always,
            Fault::status(503, "DiskServiceUnavailableError"),
        );
    }
    let before = cloud.mark();
    let words = ["sync", "--all", "--jobs", "1", "--json"];
    let report = cloud.call(words).run().code(6).json();
    assert_eq!(
        (&report["failed"], &report["succeeded"]),
        (&json!(3), &json!(0))
    );
    for result in report["results"].as_array().unwrap() {
        assert_eq!(result["code"], "provider_connection_failed", "{result}");
        assert_eq!(result["reason"], "network", "{result}");
    }
    // As often as anything is tried, and not for each company.
    assert_eq!(cloud.since(before).len(), 6);
}

#[test]
fn a_folder_that_is_refused_keeps_no_other_company_waiting() {
    for (status, error) in [(403, "ForbiddenError"), (400, "FieldValidationError")] {
        let cloud = three();
        let refused = Fault::status(status, error);
        cloud.fake.on(Op::List, When::Nth(1), refused);
        let words = ["sync", "--all", "--jobs", "1", "--json"];
        let report = cloud.call(words).run().code(3).json();
        assert_eq!(report["failed"], 1, "{report}");
    }
}

#[test]
fn s10_companies_are_apart() {
    let cloud = Cloud::new();
    for taken in [
        FOLDER,
        "/vertex-ar/acme-corp",
        "/vertex-ar/acme-corp/backups/below/",
    ] {
        let set = [
            "config",
            "set",
            "globex",
            "--provider",
            "yandex_disk",
            "--remote-path",
            taken,
        ];
        let error = cloud.json(5, set);
        assert_eq!(error["code"], "remote_path_conflict", "{taken}");
    }
    // As stored by the application, it is refused before anything is asked.
    cloud.assign("globex", "yandex_disk", "vertex-ar//acme-corp/backups");
    let before = cloud.mark();
    for command in ["sync", "files", "verify"] {
        let error = cloud.json(5, [command, "globex"]);
        assert_eq!(error["code"], "remote_path_conflict", "{command}");
    }
    assert_eq!(ops(&cloud.since(before)), []);

    cloud.assign("globex", "yandex_disk", "/vertex-ar/acme-corp/backups2");
    let before = cloud.mark();
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
    fs::create_dir(cloud.file("back")).unwrap();
    for words in words {
        cloud.call(words.iter().chain(&["-q"])).run().code(0);
    }
    let parents = ["/vertex-ar", "/vertex-ar/acme-corp", FOLDER];
    let inside = format!("{FOLDER}/");
    for request in cloud.since(before) {
        let from = request
            .param("from")
            .map_or(&*inside, |from| &from["disk:".len()..]);
        let own = request.path.starts_with(&inside) && from.starts_with(&inside);
        let folder =
            matches!(request.op, Op::Mkdir | Op::List) && parents.contains(&&*request.path);
        let account = matches!(request.op, Op::Disk | Op::Operation);
        assert!(own || folder || account, "{request:?}");
    }
}

/// Fails when the token, or what only addresses of transfers hold, was said or written down.
#[track_caller]
fn keeps_secrets(cloud: &Cloud, said: String) {
    let mut shown = said;
    let app = cloud.app();
    for name in Sandbox::files_below(&app) {
        shown += &name;
        if name.contains("backup-state") {
            shown += &String::from_utf8_lossy(&fs::read(app.join(&name)).unwrap());
        }
    }
    assert!(shown.contains("vertex-ar/acme-corp") && shown.contains("yandex_disk"));
    let signed = [
        "upload-target",
        ".utd.",
        "66893f1b",
        "etag=",
        "signed?s=",
        "user:pw",
    ];
    for secret in signed.iter().chain(&[TOKEN]) {
        let at = shown.find(secret);
        let around =
            at.map(|at| String::from_utf8_lossy(&shown.as_bytes()[at.saturating_sub(300)..at]));
        assert!(at.is_none(), "{secret} after {around:?}");
    }
}

#[test]
fn no_secret_is_shown_or_stored() {
    let db = format!("backups/database/{DB}");
    let say = |cloud: &Cloud, commands: &[&[&str]]| {
        let said = commands.iter().enumerate().map(|(number, words)| {
            let format = ["--json", "--format=table"][number % 2];
            let outcome = cloud.call(words.iter().chain(&["-vv", format])).run();
            outcome.stdout + &outcome.stderr
        });
        said.collect::<String>()
    };
    let transfers: [&[&str]; 4] = [
        &["sync", "acme-corp", &db],
        &["sync", "acme-corp", &format!("backups/storage/{STORAGE}")],
        &["download", "acme-corp", "theirs.db", "-o", "back.db"],
        &["download", "acme-corp", "theirs.db", "-o", "-"],
    ];
    let questions: [&[&str]; 12] = [
        &["providers"],
        &["providers", "test"],
        &["providers", "test"],
        &["providers", "info"],
        &["config", "set", "acme-corp", "--provider", "yandex_disk"],
        &["files", "acme-corp", "--all"],
        &["files", "acme-corp", "--all"],
        &["verify", "acme-corp", "--download"],
        &["restore-test", "acme-corp"],
        &["status", "--max-age", "1h"],
        &["delete", "acme-corp", STORAGE, "-y"],
        &["history"],
    ];
    let page = b"HTTP/1.1 500 Bad\r\nContent-Length: 58\r\n\r\nsee http://127.0.0.1/upload-target/20261122T101112.345.utd";
    let page = Fault::Raw(page.to_vec());
    let signed = Fault::HrefRaw("https://user:pw@127.0.0.1/upload-target/signed?s=1".into());
    let astray = Fault::RedirectTo("ftp://127.0.0.1/rdisk/signed?s=1".into());
    let refused = Fault::status(401, "UnauthorizedError");
    for (fault, commands) in [
        (None, &[&transfers[..], &questions[..]].concat()[..]),
        (Some((Op::Put, Fault::ResetAtByte(10))), &transfers[..2]),
        (Some((Op::Put, page.clone())), &transfers[..2]),
        (Some((Op::Move, Fault::ResetBeforeWork)), &transfers[..2]),
        (Some((Op::Link, signed.clone())), &transfers[..2]),
        (Some((Op::DownloadLink, signed)), &transfers[2..]),
        (Some((Op::Download, astray)), &transfers[2..]),
        (Some((Op::Storage, Fault::CloseAtByte(10))), &transfers[2..]),
        (Some((Op::Storage, page.clone())), &transfers[2..]),
        (Some((Op::List, refused)), &questions[1..7]),
        (Some((Op::Disk, page)), &questions[..5]),
    ] {
        let cloud = Cloud::new();
        cloud.fake.put(&Cloud::path("theirs.db"), &noise(1, 5000));
        cloud.run(["files", "acme-corp"]).code(0);
        if let Some((op, fault)) = fault {
            cloud.fake.on(op, When::Always, fault);
        }
        keeps_secrets(&cloud, say(&cloud, commands));
    }
    // Nor in what a killed run leaves, which knows of an upload under way.
    let cloud = Cloud::new();
    let hold = cloud.fake.hold(Op::Put, 1, Moment::Body(10));
    let mut child = cloud.call(["sync", "acme-corp", &db]).spawn();
    hold.reached();
    child.kill().unwrap();
    child.wait().unwrap();
    keeps_secrets(&cloud, String::new());
}

/// A command that was started and told by these words that it listens for signals.
fn listening(cloud: &Cloud, words: &[&str], said: &str) -> Child {
    let call = cloud.sandbox.command(words.iter().chain(&["-v"]));
    let mut child = call.env("VERTEX_BACKUP_RETRY_PAUSE", "1h").spawn();
    let lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let found = lines.map_while(Result::ok).any(|line| line.contains(said));
    assert!(found, "{said}");
    child
}

/// Asks a command to end; how it did.
fn end(cloud: &Cloud, child: Child) -> Outcome {
    signal(&child, Signal::TERM);
    Outcome::of(&child.wait_with_output().unwrap(), cloud)
}

#[test]
fn a_command_that_waits_ends_when_it_is_asked_to() {
    let db = format!("backups/database/{DB}");
    // For an answer, which never comes.
    for (op, words) in [
        (Op::List, &["files", "acme-corp"][..]),
        (Op::Storage, &["download", "acme-corp", DB, "-o", "back.db"]),
        (Op::Put, &["sync", "acme-corp", &db]),
        (Op::Move, &["sync", "acme-corp", &db]),
    ] {
        let cloud = Cloud::new();
        if op == Op::Storage {
            cloud.sync(&db).code(0);
        }
        let hold = cloud.fake.hold(op, 1, Moment::BeforeWork);
        let child = listening(&cloud, words, "state");
        hold.reached();
        end(&cloud, child)
            .code(143)
            .stderr_has("Interrupted by SIGTERM");
        drop(hold);
    }
    let cloud = Cloud::new();
    // For the time the service named.
    let headers = vec![("Retry-After", "3600".to_owned())];
    let busy = Fault::Status {
        status: 429,
        error: "TooManyRequestsError",
        headers,
    };
    cloud.fake.on(Op::List, When::First(1), busy);
    let child = listening(&cloud, &["files", "acme-corp"], "state");
    until("a request", || cloud.fake.count(Op::List) == 2);
    end(&cloud, child).code(143);
    assert_eq!(cloud.fake.count(Op::List), 2);
    // For another run.
    let hold = cloud.fake.hold(Op::Put, 1, Moment::BeforeWork);
    let first = listening(&cloud, &["sync", "acme-corp", &db], "state");
    hold.reached();
    let second = listening(
        &cloud,
        &["sync", "acme-corp", &db, "--lock-wait", "1h"],
        "state",
    );
    end(&cloud, second).code(143);
    end(&cloud, first).code(143);
    drop(hold);
    // Nothing of it is in the way.
    cloud.sync(&db).code(0);
    // For a connection that nobody takes.
    let deaf = hole::at(([127, 0, 0, 1], 0).into());
    let url = format!("http://{}/v1/disk", deaf.address);
    cloud.configure_at(&url, TOKEN);
    let child = listening(&cloud, &["files", "acme-corp"], "remote directory");
    end(&cloud, child).code(143);
}
