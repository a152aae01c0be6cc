//! Faults of listings: they lag, repeat, do not end, break off; and what is in doubt is an
//! error, about which nothing is done (P21).
//!
//! More of it stands in `yandex_files`, `drive_files`, `drive_folders` and `drive_publish`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::provider::{SYNC, with_json};
use crate::support::cloud::{Cloud, FOLDER};
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::fake_drive::{Fault as DriveFault, Op as DriveOp};
use crate::support::fake_yandex::{Fault, Op, When};
use crate::support::invariants::Ground;
use crate::support::{DB, Outcome, Sandbox, give_to_nobody};

/// Commands that act on what is listed, or would say that there is nothing to do.
const COMMANDS: [&[&str]; 4] = [
    &["files", "acme-corp"],
    &["prune", "acme-corp", "--yes"],
    &["sync", "acme-corp"],
    &["verify", "acme-corp"],
];

fn keep_one(ground: &dyn Ground) {
    let keep = ["retention", "set", "--default", "--keep-last", "1", "-q"];
    ground.sandbox().run(keep).code(0);
}

fn night(number: usize) -> String {
    format!(
        "db_backup_2024{:02}{:02}_010000.db",
        1 + number / 28,
        1 + number % 28
    )
}

/// Every command fails, says why, and nothing is changed.
#[track_caller]
fn is_in_doubt(ground: &dyn Ground, what: &str, mut set: impl FnMut()) {
    let before = ground.stored();
    for command in COMMANDS {
        set();
        let outcome = ground.call(&with_json(command)).run();
        assert_eq!(outcome.code, 6, "{what} {command:?}: {}", outcome.stderr);
        let told = outcome.json();
        assert_eq!(told["success"], false, "{what} {command:?}: {told}");
        let said = outcome.stderr.to_lowercase() + &outcome.stdout.to_lowercase();
        assert!(!said.contains("nothing to do"), "{what}: {said}");
        ground.heal();
    }
    assert!(ground.stored() == before, "{what}: something changed");
}

#[test]
fn p21_an_error_on_the_third_page_is_no_shorter_list() {
    let cloud = Cloud::new();
    for number in 0..300 {
        cloud.fake.put(&Cloud::path(&night(number)), b"x");
    }
    for number in 0..2000 {
        cloud
            .fake
            .put(&Cloud::path(&format!("x{number:04}.db")), b"x");
    }
    keep_one(&cloud);
    let forms = [
        Fault::status(500, "InternalServerError"),
        Fault::status(404, "DiskNotFoundError"),
        Fault::status(400, "FieldValidationError"),
        Fault::Html(200),
        Fault::Empty(200),
        Fault::ResetAfterWork,
    ];
    for (number, fault) in forms.into_iter().enumerate() {
        is_in_doubt(&cloud, &format!("yandex {number}"), || {
            cloud.fake.on(Op::List, When::AllAfter(2), fault.clone());
        });
    }

    let drive = Drive::new();
    let folder = drive.fake.make_folders(&DRIVE_FOLDER);
    for number in 0..7 {
        drive.fake.put_file(&folder, &night(number), b"x");
    }
    drive.fake.page_size(2);
    keep_one(&drive);
    let error = |status, reason| DriveFault::Error(status, reason, "No");
    let forms = [
        error(500, "internalError"),
        error(404, "notFound"),
        DriveFault::Html(200),
        DriveFault::Empty(200),
        DriveFault::Incomplete,
        DriveFault::RejectsPageToken,
        DriveFault::ResetAfterWork,
    ];
    for (number, fault) in forms.into_iter().enumerate() {
        is_in_doubt(&drive, &format!("drive {number}"), || {
            // Three searches for the folders come before.
            drive
                .fake
                .fail(DriveOp::List, When::AllAfter(5), fault.clone());
        });
    }
}

/// A listing that shows some twice shows them once.
#[test]
fn p21_what_is_listed_twice_is_there_once() {
    let twice = |told: &mut Value| {
        for items in ["/_embedded/items", "/files"] {
            let items = told.pointer_mut(items).and_then(Value::as_array_mut);
            if let Some(items) = items {
                let again = items.clone();
                items.extend(again);
            }
        }
    };
    let (cloud, drive) = (Cloud::new(), Drive::new());
    for ground in [&cloud as &dyn Ground, &drive] {
        ground.call(&SYNC).run().code(0);
    }
    cloud.fake.on(Op::List, When::Always, Fault::edit(twice));
    drive
        .fake
        .fail(DriveOp::List, When::Always, DriveFault::edit(twice));
    for ground in [&cloud as &dyn Ground, &drive] {
        let report = ground.sandbox().json(0, ["files", "acme-corp", "--all"]);
        assert_eq!(report["count"], 1, "{}: {report}", ground.provider());
    }
}

/// Every page brings something new, and another one: it ends, with few bytes kept.
#[test]
fn p21_a_listing_without_an_end_ends() {
    let cloud = Cloud::new();
    cloud.fake.mkdir(FOLDER);
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pages);
    // A page begins with the last file of the one before.
    let endless = move |told: &mut Value| {
        let first = counted.fetch_add(1, Ordering::Relaxed) * 999;
        let items = (first..first + 1000).map(|number| {
            json!({
                "name": format!("db_backup_{number:012}.db"), "type": "file", "size": 1,
                "sha256": format!("{number:064}"), "revision": number,
            })
        });
        told["_embedded"]["items"] = items.collect();
        told["_embedded"]["total"] = json!(u64::MAX / 2);
    };
    cloud.fake.on(Op::List, When::Always, Fault::edit(endless));
    let outcome = within(&cloud, &["files", "acme-corp", "--json"]);
    let told = outcome.code(6).json();
    is_endless(&told);
    assert_eq!(pages.load(Ordering::Relaxed), 101);

    let drive = Drive::new();
    let folder = drive.fake.make_folders(&DRIVE_FOLDER);
    let file = drive.fake.put_file(&folder, DB, b"x");
    let file = drive.fake.file(&file).unwrap();
    let pages = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pages);
    let endless = move |told: &mut Value| {
        let first = counted.fetch_add(1, Ordering::Relaxed) * 1000;
        let files = (first..first + 1000).map(|number| {
            json!({
                "id": format!("1file{number:020}"), "name": format!("db_backup_{number:012}.db"),
                "mimeType": "application/octet-stream", "size": "1", "parents": file.parents,
                "sha256Checksum": format!("{number:064}"),
            })
        });
        told["files"] = files.collect();
    };
    for fault in [DriveFault::EndlessPages, DriveFault::edit(endless)] {
        drive.fake.fail(DriveOp::List, When::AllAfter(3), fault);
    }
    let outcome = within(&drive, &["files", "acme-corp", "--json"]);
    let told = outcome.code(6).json();
    is_endless(&told);
    assert_eq!(pages.load(Ordering::Relaxed), 101);
    // A name that is looked for on all those pages is not there without an end either.
    let mark = drive.mark();
    is_endless(&within(&drive, &with_json(&SYNC)).code(6).json());
    let asked = drive.since(mark);
    assert!(asked.len() < 150, "{} requests", asked.len());
    assert!(asked.iter().all(|request| request.op != DriveOp::Initiate));
}

/// In far less memory than what is listed would take.
#[track_caller]
fn within(ground: &dyn Ground, words: &[&str]) -> Outcome {
    ground.call(words).limited("-v 200000").run()
}

#[track_caller]
fn is_endless(told: &Value) {
    assert_eq!(told["reason"], "network", "{told}");
    assert_eq!(told["retryable"], false, "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("more than 100000 files"), "{told}");
    assert!(
        told["hint"].as_str().unwrap().contains("--remote-path"),
        "{told}"
    );
}

/// What a listing does not show yet is there all the same: it is not sent again, and not
/// said to be missing.
#[test]
fn p21_what_a_listing_does_not_show_yet_is_not_missing() {
    let hide = |told: &mut Value| {
        let Some(items) = told["_embedded"]["items"].as_array_mut() else {
            return;
        };
        let before = items.len();
        items.retain(|item| item["name"] != DB);
        let hidden = (before - items.len()) as u64;
        let total = told["_embedded"]["total"].as_u64().unwrap();
        told["_embedded"]["total"] = json!(total - hidden);
    };
    let cloud = Cloud::new();
    cloud.call(["sync", "acme-corp"]).run().code(0);
    let puts = cloud.fake.count(Op::Put);
    let before = Ground::stored(&cloud);
    cloud.fake.on(Op::List, When::Always, Fault::edit(hide));
    cloud.call(["sync", "acme-corp"]).run().code(0);
    assert_eq!(cloud.fake.count(Op::Put), puts);
    let told = cloud.call(["verify", "acme-corp", "--json"]).run();
    let told = told.code(6).json();
    assert_eq!(told["retryable"], true, "{told}");
    assert!(
        told["detail"].as_str().unwrap().contains("does not show"),
        "{told}"
    );
    // A set that seems to lack a file is not put away for it, nor any other.
    keep_one(&cloud);
    let told = cloud.call(["prune", "acme-corp", "--yes", "--json"]).run();
    let told = told.code(6).json();
    assert!(
        told["detail"].as_str().unwrap().contains("does not show"),
        "{told}"
    );
    assert!(Ground::stored(&cloud) == before);
    cloud.fake.heal();
    cloud.run(["verify", "acme-corp"]).code(0);
    assert!(Ground::stored(&cloud) == before);
    // What is nowhere is missing.
    cloud.fake.remove(&Cloud::path(DB));
    cloud.run(["verify", "acme-corp"]).code(7);
}

/// A local directory that may not be read is not an empty one.
#[test]
fn p21_a_local_directory_that_cannot_be_listed_is_an_error() {
    let sandbox = Sandbox::assigned();
    sandbox.run(["sync", "acme-corp"]).code(0);
    keep_one(&sandbox);
    let remote = sandbox.remote("acme-corp");
    give_to_nobody(sandbox.path());
    let mode = |mode| fs::set_permissions(&remote, fs::Permissions::from_mode(mode)).unwrap();
    let before = Ground::stored(&sandbox);
    for command in COMMANDS {
        mode(0o000);
        let outcome = sandbox.command(with_json(command)).unprivileged().run();
        mode(0o755);
        assert_eq!(outcome.code, 12, "{command:?}: {outcome:?}");
        let told = outcome.json();
        let error = told["results"].get(0).unwrap_or(&told);
        assert_eq!(error["code"], "local_io", "{command:?}: {told}");
    }
    assert!(Ground::stored(&sandbox) == before);
}
