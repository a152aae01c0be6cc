//! Answers of somebody who means harm, or of no provider at all (P24).
//!
//! Listings without an end stand in `provider_listing`; more of it in `yandex_upload`,
//! `yandex_files`, `drive_files`, `drive_odd` and `drive_publish`, and what only parsers do
//! with such things in `hostile`.

use std::fs;

use serde_json::{Value, json};

use super::provider::{SYNC, watch, with_json};
use crate::support::cloud::Cloud;
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::fake_drive::{Fault as DriveFault, Op as DriveOp};
use crate::support::fake_yandex::{Fault, Op, When};
use crate::support::invariants::Ground;
use crate::support::{DB, Outcome};

/// An answer of 200 with such a body.
fn raw(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Bodies that are no answer to anything.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str| {
        let inside = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        format!("{{\"modified\":{inside},\"modifiedTime\":{inside},\"name\":\"x\"}}")
    };
    let error = r#"{"error":{"code":500,"message":"No","errors":[{"reason":"internalError"}]}}"#;
    let theirs = r#"{"error":"InternalServerError","description":"No","message":"Нет"}"#;
    let nul = "{\"name\":\"a\\u0000b\",\"id\":\"a\\u0000b\",\"href\":\"http://a\\u0000b/\"}";
    vec![
        ("nothing", Vec::new()),
        (
            "half a document",
            br#"{"id":"x","name":"y","href":"htt"#.to_vec(),
        ),
        ("an error of Google's", error.into()),
        ("an error of Yandex's", theirs.into()),
        ("lists in lists", deep("[", "]").into()),
        ("objects in objects", deep("{\"a\":", "}").into()),
        ("null", b"null".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("a document without a key", b"{}".to_vec()),
        ("no text", vec![0xff, 0xfe, 0, 1, 2]),
        ("a name that is none", nul.into()),
        (
            "a page",
            b"<html><body>Welcome to the hotel</body></html>".to_vec(),
        ),
    ]
}

/// A run that met such an answer: it may have got by, or it says why not, but never falls.
#[track_caller]
fn is_orderly(what: &str, outcome: &Outcome) {
    let is_known = matches!(outcome.code, 0 | 6 | 7);
    assert!(is_known, "{what}: {} {}", outcome.code, outcome.stderr);
    assert!(
        !outcome.stderr.contains("panicked"),
        "{what}: {}",
        outcome.stderr
    );
    if outcome.code != 0 {
        let told = outcome.json();
        let code = told["code"].as_str().unwrap_or_default();
        let known = [
            "provider_connection_failed",
            "provider_busy",
            "integrity_failed",
        ];
        assert!(known.contains(&code), "{what}: {told}");
    }
}

#[test]
fn p24_no_answer_of_yandex_disk_makes_a_run_fall_or_lie() {
    let ops = [
        Op::Disk,
        Op::Stat,
        Op::Link,
        Op::Mkdir,
        Op::Move,
        Op::Operation,
    ];
    for (what, body) in bodies() {
        for op in ops {
            let cloud = Cloud::new();
            let watch = watch(&cloud);
            if op == Op::Operation {
                let (polls, ends) = (1, "success");
                cloud
                    .fake
                    .on(Op::Move, When::Always, Fault::Accepted { polls, ends });
            }
            cloud.fake.on(op, When::Always, Fault::Raw(raw(&body)));
            let call = cloud.call(with_json(&SYNC));
            let outcome = call.env("VERTEX_BACKUP_TIMEOUT", "300ms").run();
            is_orderly(&format!("{op:?} {what}"), &outcome);
            watch.holds_after(&outcome);
            watch.settles(&SYNC);
        }
        let cloud = Cloud::new();
        cloud.call(SYNC).run().code(0);
        for op in [Op::List, Op::DownloadLink] {
            cloud.fake.on(op, When::Always, Fault::Raw(raw(&body)));
            for words in reading() {
                let outcome = cloud.call(with_json(words)).run();
                if words[0] != "files" || op == Op::List {
                    assert_eq!(outcome.code, 6, "{op:?} {what}: {}", outcome.stderr);
                }
                is_orderly(&format!("{op:?} {what}"), &outcome);
            }
            cloud.fake.heal();
        }
        assert!(!cloud.file("out").exists());
    }
}

/// What reads the remote.
fn reading() -> [&'static [&'static str]; 2] {
    [
        &["files", "acme-corp"],
        &["download", "acme-corp", "--latest", "-o", "out"],
    ]
}

#[test]
fn p24_no_answer_of_google_drive_makes_a_run_fall_or_lie() {
    let ops = [
        DriveOp::About,
        DriveOp::List,
        DriveOp::GenerateIds,
        DriveOp::CreateFolder,
        DriveOp::Get,
        DriveOp::Initiate,
        DriveOp::Chunk,
        DriveOp::Update,
    ];
    for (what, body) in bodies() {
        for op in ops {
            let drive = Drive::new();
            let watch = watch(&drive);
            drive
                .fake
                .fail(op, When::Always, DriveFault::Raw(raw(&body)));
            let call = drive.call(with_json(&SYNC));
            let outcome = call.env("VERTEX_BACKUP_TIMEOUT", "300ms").run();
            is_orderly(&format!("{op:?} {what}"), &outcome);
            watch.holds_after(&outcome);
            watch.settles(&SYNC);
        }
        let drive = Drive::new();
        drive.call(SYNC).run().code(0);
        drive
            .fake
            .fail(DriveOp::List, When::Always, DriveFault::Raw(raw(&body)));
        for words in reading() {
            let outcome = drive.call(with_json(words)).run();
            assert_eq!(outcome.code, 6, "{what}: {}", outcome.stderr);
            is_orderly(what, &outcome);
        }
        assert!(!drive.file("out").exists());
    }
}

/// Sizes that are none, or none that can be: nothing is stored, fetched or called whole by them.
#[test]
fn p24_sizes_that_cannot_be_are_no_sizes() {
    let sizes = [
        json!(-1),
        json!(1e20),
        json!("-1"),
        json!("1e20"),
        json!("99999999999999999999"),
        json!(1.5),
        json!(null),
        json!([]),
        json!(u64::MAX),
    ];
    for size in sizes {
        let change = |size: &Value| {
            let size = size.clone();
            move |told: &mut Value| {
                for items in ["/_embedded/items", "/files"] {
                    let items = told.pointer_mut(items).and_then(Value::as_array_mut);
                    for item in items.into_iter().flatten() {
                        if !item["size"].is_null() {
                            item["size"] = size.clone();
                        }
                    }
                }
                if !told["size"].is_null() {
                    told["size"] = size.clone();
                }
            }
        };
        let (cloud, drive) = (Cloud::new(), Drive::new());
        for ground in [&cloud as &dyn Ground, &drive] {
            ground.call(&SYNC).run().code(0);
        }
        for op in [Op::Stat, Op::List] {
            cloud.fake.on(op, When::Always, Fault::edit(change(&size)));
        }
        for op in [DriveOp::Get, DriveOp::List] {
            let edit = DriveFault::edit(change(&size));
            drive.fake.fail(op, When::Always, edit);
        }
        for ground in [&cloud as &dyn Ground, &drive] {
            let before = ground.stored();
            let what = format!("{} {size}", ground.provider());
            let download = ["download", "acme-corp", DB, "-o", "out", "--json"];
            let outcome = ground.call(&download).run();
            assert!(matches!(outcome.code, 6 | 7 | 12), "{what}: {outcome:?}");
            assert!(!outcome.stderr.contains("panicked"), "{what}: {outcome:?}");
            assert!(!ground.sandbox().file("out").exists(), "{what}");
            let verify = ground.call(&["verify", "acme-corp", "--json"]).run();
            assert!(matches!(verify.code, 6 | 7), "{what}: {verify:?}");
            assert!(ground.stored() == before, "{what}");
        }
    }
}

/// "12" is a size on Google Drive, and none on Yandex Disk, where a size is a number.
#[test]
fn p24_a_size_in_quotes_counts_where_the_service_writes_it_so() {
    let edit = |told: &mut Value| {
        if let Some(size) = told["size"].as_u64() {
            told["size"] = json!(size.to_string());
        }
    };
    let cloud = Cloud::new();
    cloud.call(SYNC).run().code(0);
    cloud.fake.on(Op::Stat, When::Always, Fault::edit(edit));
    let told = cloud.call(["download", "acme-corp", DB, "-o", "out", "--json"]);
    let told = told.run().code(6).json();
    assert_eq!(told["reason"], "network", "{told}");
    let drive = Drive::new();
    drive.call(SYNC).run().code(0);
    drive
        .run(["download", "acme-corp", DB, "-o", "out"])
        .code(0);
}

/// Addresses that are not to be followed, wherever one is given.
#[test]
fn p24_addresses_that_lead_astray_are_not_followed() {
    let addresses = [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "//127.0.0.1/x",
        "/etc/passwd",
        "",
        " ",
        "http://",
        "http://u:p@127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1:99999/x",
        "javascript:alert(1)",
        "http://a\u{0}b/",
        "http://127.0.0.1/{path}",
    ];
    let mut faults: Vec<_> = addresses
        .iter()
        .map(|address| Fault::HrefRaw((*address).to_owned()))
        .collect();
    faults.push(Fault::HrefTemplated);
    faults.push(Fault::HrefScheme("gopher"));
    for fault in faults {
        let cloud = Cloud::new();
        cloud.call(SYNC).run().code(0);
        let before = Ground::stored(&cloud);
        cloud.fake.on(Op::DownloadLink, When::Always, fault.clone());
        let download = ["download", "acme-corp", DB, "-o", "out"];
        let told = cloud.call(with_json(&download)).run().code(6).json();
        assert_eq!(told["code"], "provider_connection_failed", "{told}");
        assert!(!cloud.file("out").exists());
        // What a 202 refers to gets the token: it is the API's, or nobody's.
        let (polls, ends) = (usize::MAX, "success");
        cloud
            .fake
            .on(Op::Delete, When::Always, Fault::Accepted { polls, ends });
        cloud.fake.on(Op::Delete, When::Always, fault);
        let delete = ["delete", "acme-corp", DB, "-y"];
        let call = cloud.call(with_json(&delete));
        let outcome = call.env("VERTEX_BACKUP_TIMEOUT", "300ms").run();
        assert_eq!(outcome.code, 6, "{}", outcome.stderr);
        assert!(Ground::stored(&cloud) == before);
        assert_eq!(cloud.fake.count(Op::Operation), 0);
    }
}

/// Names that are no names: shown escaped, passed over, and never a path.
#[test]
fn p24_hostile_names_are_shown_and_lead_nowhere() {
    let names = [
        "../x.db",
        "/x.db",
        "a\0b.db",
        "\u{1b}[2Jx.db",
        "line\nbreak.db",
        "right\u{202e}bd.db",
        "..",
        ".",
        "",
        "a/b.db",
    ];
    let long = format!("{}.db", "x".repeat(5000));
    let (cloud, drive) = (Cloud::new(), Drive::new());
    for ground in [&cloud as &dyn Ground, &drive] {
        ground.call(&SYNC).run().code(0);
    }
    let all: Vec<String> = names
        .iter()
        .map(|name| (*name).to_owned())
        .chain([long])
        .collect();
    let listed = all.clone();
    let add = move |told: &mut Value| {
        let Some(items) = told["_embedded"]["items"].as_array_mut() else {
            return;
        };
        items.extend(
            listed
                .iter()
                .map(|name| json!({"name": name, "type": "file", "size": 1})),
        );
        let total = items.len();
        told["_embedded"]["total"] = json!(total);
    };
    cloud.fake.on(Op::List, When::Always, Fault::edit(add));
    let folder = drive.fake.folder(&DRIVE_FOLDER).unwrap();
    for name in &all {
        drive.fake.put_file(&folder, name, b"x");
    }
    for ground in [&cloud as &dyn Ground, &drive] {
        let sandbox = ground.sandbox();
        let above = fs::read_dir(sandbox.path()).unwrap().count();
        let report = sandbox.json(0, ["files", "acme-corp", "--all"]);
        let files = report["files"].as_array().unwrap();
        for name in &all {
            let found = files.iter().find(|file| file["name"] == json!(name));
            let kind = found.map(|file| &file["kind"]);
            assert_eq!(
                kind,
                Some(&json!("foreign")),
                "{}: {name:?}",
                ground.provider()
            );
        }
        let table = sandbox.run(["files", "acme-corp", "--all"]).code(0).stdout;
        let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!table.contains(raw), "{}: {table:?}", ground.provider());
        assert!(table.contains("\\u{1b}[2Jx.db"), "{table}");
        let download = ["download", "acme-corp", "--latest", "-o", "back.db"];
        ground.call(&download).run().code(0);
        for name in ["../x.db", "/x.db", "..", "a/b.db"] {
            let outcome = sandbox.run(["download", "acme-corp", name]);
            assert!(matches!(outcome.code, 2 | 4), "{name}: {outcome:?}");
        }
        assert_eq!(fs::read_dir(sandbox.path()).unwrap().count(), above);
        assert!(!sandbox.path().join("x.db").exists());
        assert_eq!(sandbox.json(0, ["files", "acme-corp"])["count"], 1);
    }
}
