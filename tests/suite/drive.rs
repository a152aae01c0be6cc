//! Google Drive as the operator meets it: the real binary against the fake service.

use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Fault, Op, UNIT, When};
use crate::support::{DB, DB_SHA256};

/// A backup of the installation.
fn db() -> String {
    format!("backups/database/{DB}")
}

#[test]
fn a_backup_goes_to_the_drive_and_comes_back() {
    let drive = Drive::new();
    let report = drive.json(0, ["sync", "acme-corp", &db()]);
    assert_eq!(report["message"], "Backup synced to google_drive");
    assert_eq!(report["sha256"], DB_SHA256);
    let sidecar = DB.replace(".db", ".json");
    assert_eq!(drive.names(), [DB, sidecar.as_str()]);
    let source = std::fs::read(drive.file(&db())).unwrap();
    assert_eq!(drive.content(DB).unwrap(), source);

    let mark = drive.mark();
    drive.sync(&db()).code(0);
    let asked = drive.since(mark);
    assert!(asked.iter().all(|request| request.op != Op::Chunk));

    let brought = drive.json(0, ["download", "acme-corp", DB, "-o", "back.db"]);
    assert_eq!(brought["sha256"], DB_SHA256);
    assert_eq!(std::fs::read(drive.file("back.db")).unwrap(), source);
    let files = drive.json(0, ["files", "acme-corp"]);
    assert_eq!(files["count"], 1);
    drive.run(["verify", "acme-corp"]).code(0);
    let deleted = drive.run(["delete", "acme-corp", DB, "-y"]).code(0);
    let told = "; it is in the provider's trash, which still counts against the room";
    assert!(deleted.stdout.contains(told), "{}", deleted.stdout);
    assert_eq!(drive.names(), Vec::<String>::new());
    let folder = drive.fake.folder(&FOLDER).unwrap();
    let left = drive.fake.children(&folder);
    assert!(left.iter().all(|file| file.trashed) && !left.is_empty());
}

#[test]
fn a_cut_in_the_middle_costs_no_more_than_what_was_cut() {
    let drive = Drive::new();
    let size = usize::try_from(UNIT * 4 + 1000).unwrap();
    let content: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
    drive.write("big.tar", &content);
    drive
        .fake
        .fail(Op::Chunk, When::Nth(3), Fault::ResetAtByte(UNIT / 2));
    drive.sync("big.tar").code(0);
    assert_eq!(drive.content("big.tar").unwrap(), content);
    assert_eq!(drive.fake.count(Op::Initiate), 1);
    assert_eq!(drive.fake.count(Op::Chunk), 6);
}
