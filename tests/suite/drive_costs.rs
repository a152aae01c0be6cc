//! What backups on Google Drive cost in requests, and several companies and runs on one account.
//!
//! Requests are counted by Google, and each costs a round trip: the lists here are whole.

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Moment, Op, When};
use crate::support::outgoing::{NAME, Outgoing, failing, units, until};

/// What the fake was asked since then.
fn ops(drive: &Drive, mark: usize) -> Vec<Op> {
    drive.since(mark).iter().map(|request| request.op).collect()
}

/// The home, and each folder by its name.
fn folders() -> Vec<Op> {
    [vec![Op::Get], vec![Op::List; FOLDER.len()]].concat()
}

#[test]
fn g9_what_did_not_change_costs_a_look() {
    let upload = Outgoing::new();
    upload.send(0);
    let mark = upload.drive.mark();
    upload.send(0);
    let look = vec![Op::List];
    assert_eq!(
        ops(&upload.drive, mark),
        [vec![Op::Token], folders(), look].concat()
    );
}

#[test]
fn g9_a_small_file_costs_three_requests_and_what_is_known_before() {
    let upload = Outgoing::of(noise(7, 1000));
    upload.send(0);
    let mark = upload.drive.mark();
    upload.drive.write("other.tar", noise(8, 1000));
    upload.drive.sync("other.tar").code(0);
    let expected = [
        vec![Op::Token],
        folders(),
        // What has the name; the room; whether the folder is not in the trash; an id.
        vec![Op::List, Op::About, Op::Get, Op::GenerateIds],
        vec![Op::Initiate, Op::Chunk],
        // Its sidecar, if the Drive has one.
        vec![Op::List],
        vec![Op::Update],
    ];
    assert_eq!(ops(&upload.drive, mark), expected.concat());
}

#[test]
fn g9_a_replaced_file_costs_one_request_more() {
    let upload = Outgoing::replacing();
    let mark = upload.drive.mark();
    upload.send(0);
    let asked = ops(&upload.drive, mark);
    let changes = asked.iter().filter(|op| **op == Op::Update);
    assert_eq!(changes.count(), 2);
    let once = [Op::Token, Op::About, Op::GenerateIds, Op::Initiate];
    for op in once {
        assert_eq!(asked.iter().filter(|it| **it == op).count(), 1, "{op:?}");
    }
    assert!(
        asked
            .iter()
            .all(|op| !matches!(op, Op::Media | Op::Delete | Op::Status))
    );
}

#[test]
fn g9_ids_and_room_are_asked_for_once_in_a_run() {
    let drive = Drive::new();
    drive.without_backups();
    for night in 1..=9 {
        let name = format!("db_backup_2025030{night}_010000.db");
        drive.backup("backups/database", &name, &noise(night, 3000));
    }
    let report: Value = drive.json(0, ["sync", "acme-corp"]);
    assert_eq!(report["succeeded"], json!(9), "{report}");
    // Three folders and eighteen files, twenty ids at a time.
    assert_eq!(drive.fake.count(Op::GenerateIds), 2);
    assert_eq!(drive.fake.count(Op::Initiate), 18);
    assert!(drive.fake.count(Op::About) <= 2);
    assert_eq!(
        drive.fake.token_requests(),
        drive.fake.token_requests().min(2)
    );
    assert_eq!(drive.names().len(), 18);
    let mark = drive.mark();
    let report: Value = drive.json(0, ["sync", "acme-corp"]);
    assert_eq!(report["succeeded"], json!(0), "{report}");
    // One listing tells of all of them.
    let look = vec![Op::List];
    assert_eq!(
        ops(&drive, mark),
        [vec![Op::Token], folders(), look].concat()
    );
}

/// Companies on one Drive, each with the same backup.
const COMPANIES: [&str; 4] = ["acme-corp", "widget-inc", "romashka", "globex"];

fn shared() -> Drive {
    let drive = Drive::unassigned();
    for company in COMPANIES {
        let directory = format!("/vertex-ar/{company}/backups");
        drive.sandbox.assign(company, "google_drive", &directory);
    }
    drive.write(NAME, noise(7, units(2, 1000)));
    drive
}

/// Each company has the file once, and nobody has a folder twice.
#[track_caller]
fn are_apart(drive: &Drive, companies: &[&str]) {
    for company in companies {
        let path = ["vertex-ar", company, "backups"];
        let names = drive.fake.names(&path);
        assert!(names.contains(&NAME.to_owned()), "{company}: {names:?}");
        assert_eq!(drive.fake.files(&path, NAME).len(), 1, "{company}");
    }
    let all = drive.fake.all_files().into_iter();
    let mut folders: Vec<_> = all
        .filter(|file| file.size.is_none() && !file.trashed)
        .map(|file| (file.parents, file.name))
        .collect();
    let count = folders.len();
    folders.sort();
    folders.dedup();
    assert_eq!((count, folders.len()), (1 + 2 * companies.len(), count));
    assert_eq!(drive.fake.sessions(), []);
}

#[test]
fn all_companies_at_once_have_folders_of_their_own() {
    let drive = shared();
    drive.without_backups();
    drive.backup(
        "backups/storage",
        "storage_backup_20250301_010000.tar.gz",
        &noise(7, 3000),
    );
    let call = ["sync", "--all", "--jobs", "2", "--latest"];
    drive.call(call).run().code(0);
    for company in COMPANIES {
        let names = drive.fake.names(&["vertex-ar", company, "backups"]);
        assert_eq!(names.len(), 2, "{company}: {names:?}");
    }
    let made = drive.fake.requests_of(Op::CreateFolder);
    let tops = made
        .iter()
        .filter(|it| it.name.as_deref() == Some("vertex-ar"));
    assert_eq!((tops.count(), made.len()), (1, 1 + 2 * COMPANIES.len()));
    // The next night: the home and the outermost folder once, for each company the rest.
    let mark = drive.mark();
    drive.call(call).run().code(0);
    let asked = ops(&drive, mark);
    let rest = folders().len() + 1;
    assert!(asked.len() <= 1 + rest * COMPANIES.len(), "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|op| matches!(op, Op::Token | Op::Get | Op::List)),
        "{asked:?}"
    );
}

#[test]
fn two_runs_that_make_the_same_folder_end_with_one() {
    for op in [Op::CreateFolder, Op::GenerateIds] {
        let drive = shared();
        // Both have looked, and found nothing.
        let holds = [1, 2].map(|nth| drive.fake.hold(op, nth, Moment::BeforeWork));
        let children =
            ["acme-corp", "widget-inc"].map(|company| drive.call(["sync", company, NAME]).spawn());
        for hold in &holds {
            hold.reached();
        }
        drop(holds);
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        for company in ["acme-corp", "widget-inc"] {
            drive.call(["sync", company, NAME]).run().code(0);
            let call = drive.call(["files", company, "--json"]).run().code(0);
            assert_eq!(call.json()["count"], json!(1), "{company}: {}", call.stderr);
        }
        are_apart(&drive, &["acme-corp", "widget-inc"]);
    }
}

#[test]
fn one_company_that_fails_does_not_hold_up_another() {
    let drive = shared();
    let held = drive.fake.hold(Op::Chunk, 1, Moment::BeforeWork);
    let slow = drive.call(["sync", "acme-corp", NAME]).spawn();
    held.reached();
    drive.call(["sync", "widget-inc", NAME]).run().code(0);
    // Who sends the same company's waits for the lock, or says who has it.
    drive.call(["sync", "acme-corp", NAME]).run().code(8);
    drop(held);
    assert!(slow.wait_with_output().unwrap().status.success());
    are_apart(&drive, &["acme-corp", "widget-inc"]);
    let broken = (Op::Initiate, When::Always, failing(503));
    drive.fake.fail(broken.0, broken.1, broken.2);
    drive.call(["sync", "romashka", NAME]).run().code(6);
    drive.fake.heal();
    drive.call(["sync", "romashka", NAME]).run().code(0);
    are_apart(&drive, &["acme-corp", "widget-inc", "romashka"]);
    until("the end", || drive.fake.sessions().is_empty());
}
