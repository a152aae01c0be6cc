//! Runs that are killed while they upload to Google Drive, at every step.
//!
//! After the kill the final name holds what it held or what was sent, and beside it is at
//! most what the next run knows of. That run sends nothing again that had arrived.

use rustix::process::Signal;
use serde_json::json;

use crate::support::backups::noise;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Moment, Op, UNIT};
use crate::support::outgoing::{NAME, Outgoing, PIECES, units, until};
use crate::support::signal;

const BEFORE: Moment = Moment::BeforeWork;
const AFTER: Moment = Moment::AfterWork;

/// The requests of a run that nothing disturbs: of which kind, and the how manieth of it.
fn steps(upload: &Outgoing) -> Vec<(Op, usize)> {
    let mark = upload.drive.mark();
    upload.send(0);
    let ops: Vec<_> = upload.drive.since(mark).iter().map(|it| it.op).collect();
    let numbered = ops.iter().enumerate().map(|(index, op)| {
        let same = ops[..=index].iter().filter(|other| *other == op);
        (*op, same.count())
    });
    numbered.collect()
}

/// Small enough for many runs: two pieces.
fn small(mut upload: Outgoing) -> Outgoing {
    upload.change(noise(9, units(1, 1000)));
    upload
}

/// Kills one run after the other, each at another request.
fn sweep(make: fn() -> Outgoing, at: Moment) {
    let steps = steps(&small(make()));
    // Token, folder, listing, room, id, session, pieces, name.
    assert!(steps.len() >= 9, "{steps:?}");
    for (op, nth) in steps {
        let upload = small(make());
        upload.kill_at((op, nth, at));
        upload.goes_on();
    }
}

#[test]
fn x35_killed_before_each_request_of_a_first_upload() {
    sweep(Outgoing::new, BEFORE);
}

#[test]
fn x35_killed_after_each_request_of_a_first_upload() {
    sweep(Outgoing::new, AFTER);
}

#[test]
fn x35_killed_before_each_request_of_an_upload_that_replaces() {
    sweep(Outgoing::replacing, BEFORE);
}

#[test]
fn x35_killed_after_each_request_of_an_upload_that_replaces() {
    sweep(Outgoing::replacing, AFTER);
}

#[test]
fn x35_killed_in_the_middle_of_the_bytes() {
    for make in [Outgoing::new, Outgoing::replacing] {
        for (nth, at) in [
            (1, Moment::Body(UNIT / 2)),
            (3, Moment::Body(UNIT / 2)),
            (3, AFTER),
            (PIECES, Moment::Body(1)),
            (PIECES, AFTER),
        ] {
            let upload = make();
            upload.kill_at((Op::Chunk, nth, at));
            assert_eq!(
                (upload.noted(), upload.fake().sessions().len() <= 1),
                (1, true)
            );
            let mark = upload.drive.mark();
            let begins = upload.fake().count(Op::Initiate);
            upload.goes_on();
            // It is the same session, which is asked first.
            assert_eq!(upload.fake().count(Op::Initiate), begins);
            let asked = upload.drive.since(mark);
            let mut bytes = asked.iter().map(|it| it.op);
            let first = bytes.find(|op| matches!(op, Op::Chunk | Op::Status));
            assert_eq!(first, Some(Op::Status), "{nth} {at:?}");
        }
    }
}

#[test]
fn x35_of_a_piece_that_was_cut_what_arrived_counts() {
    let upload = Outgoing::replacing();
    upload.drive.write_section(&json!({
        "enabled": true, "api_url": upload.fake().api_url(), "chunk_size": UNIT * 4,
        "credentials": upload.drive.login(),
    }));
    upload.kill_at((Op::Chunk, 1, Moment::Body(UNIT * 3 + 5)));
    // What was on its way when the client died may have arrived, too.
    let stored = upload.fake().sessions()[0].stored;
    assert!(
        stored >= UNIT * 3 && stored.is_multiple_of(UNIT),
        "{stored}"
    );
    let told = upload.call().run().code(0);
    let told = told.stderr_has("'site.tar' goes on where an earlier run was stopped");
    let ranges: Vec<_> = upload.fake().requests_of(Op::Chunk);
    let last = ranges.last().unwrap().header("content-range").unwrap();
    assert_eq!(
        last,
        format!("bytes {stored}-1049575/1049576"),
        "{}",
        told.stderr
    );
    upload.settled();
}

#[test]
fn x35_killed_again_and_again_it_still_ends() {
    // Each run gets one piece further.
    let upload = Outgoing::replacing();
    for number in 1..PIECES {
        upload.kill_at((Op::Chunk, 1, AFTER));
        assert_eq!(upload.fake().sessions()[0].stored, UNIT * number as u64);
        upload.is_sound();
    }
    let begins = upload.fake().count(Op::Initiate);
    upload.goes_on();
    assert_eq!(upload.fake().count(Op::Initiate), begins);
    assert_eq!(upload.chunks(), PIECES);
}

#[test]
fn x35_at_every_request_in_between_a_verified_file_has_the_name() {
    let upload = Outgoing::replacing();
    let old = upload.named()[0].id.clone();
    let steps = [
        (Op::Chunk, PIECES, AFTER, 1),
        (Op::Update, 1, BEFORE, 1),
        (Op::Update, 1, AFTER, 2),
        (Op::Update, 2, BEFORE, 2),
        (Op::Update, 2, AFTER, 1),
    ];
    let holds = steps.map(|(op, nth, at, _)| upload.fake().hold(op, nth, at));
    let child = upload.call().spawn();
    for (hold, (op, nth, at, count)) in holds.into_iter().zip(steps) {
        hold.reached();
        let named = upload.named();
        assert_eq!(named.len(), count, "{op:?} {nth} {at:?}");
        upload.is_sound();
        // The new one comes before the old one goes.
        let is_new = op == Op::Update && (nth, at) != (1, BEFORE);
        assert_eq!(
            named.last().unwrap().id != old,
            is_new,
            "{op:?} {nth} {at:?}"
        );
    }
    upload.ended(child).code(0);
    let retired = upload.fake().file(&old).unwrap();
    assert!(retired.trashed);
    assert_eq!(retired.name, NAME);
    upload.settled();
}

#[test]
fn x37_a_signal_ends_an_upload_and_the_next_run_goes_on() {
    for (op, nth, at, order, code) in [
        (Op::Chunk, 3, Moment::Body(1000), Signal::TERM, 143),
        (Op::Chunk, 2, AFTER, Signal::INT, 130),
        (Op::Chunk, PIECES, AFTER, Signal::TERM, 143),
        (Op::Update, 1, BEFORE, Signal::HUP, 129),
        (Op::Update, 1, AFTER, Signal::TERM, 143),
    ] {
        let upload = Outgoing::replacing();
        let held = upload.fake().hold(op, nth, at);
        let mut child = upload.call().spawn();
        held.reached();
        signal(&child, order);
        // It ends while the server is silent.
        until("the end", || child.try_wait().unwrap().is_some());
        let told = upload.ended(child).code(code);
        let told = told.stderr_has("error: Interrupted by SIG");
        let kept = "hint: what was sent of 'site.tar' is kept; the next sync goes on from there";
        let told = told.stderr_has(kept);
        drop(held);
        upload.is_idle();
        assert_eq!(upload.noted(), 1, "{}", told.stderr);
        upload.goes_on();
    }
}

/// A backup and its sidecar, of the content that belongs to a number.
fn backup(drive: &Drive, seed: u64) -> Vec<(String, Vec<u8>)> {
    let name = "storage_backup_20250301_030000.tar.gz";
    let bytes = noise(seed, units(1, 1000));
    drive.backup("backups/storage", name, &bytes);
    let sidecar = "storage_backup_20250301_030000.tar.json";
    let text = std::fs::read(drive.file(&format!("backups/storage/{sidecar}"))).unwrap();
    let mut files = vec![(name.to_owned(), bytes), (sidecar.to_owned(), text)];
    files.sort();
    files
}

/// What has a final name; of two of a name, the newer one.
fn stored(drive: &Drive) -> Vec<(String, Vec<u8>)> {
    let mut names = drive.names();
    names.dedup();
    let newest = |name: &String| {
        let file = drive.fake.files(&FOLDER, name).pop().unwrap();
        drive.fake.bytes(&file.id).unwrap()
    };
    let all = names
        .into_iter()
        .filter(|name| !name.starts_with("vertex-backup-partial-"));
    all.map(|name| (name.clone(), newest(&name))).collect()
}

#[test]
fn x35_a_killed_backup_and_its_sidecar_are_finished_by_the_next_run() {
    let path = "backups/storage/storage_backup_20250301_030000.tar.gz";
    let begun = || {
        let drive = Drive::new();
        let old = backup(&drive, 1);
        drive.sync(path).code(0);
        assert!(stored(&drive) == old);
        let new = backup(&drive, 2);
        (drive, old, new)
    };
    let (drive, _, new) = begun();
    let mark = drive.mark();
    drive.sync(path).code(0);
    let ops: Vec<_> = drive.since(mark).iter().map(|it| it.op).collect();
    let count = |op| ops.iter().filter(|it| **it == op).count();
    let changes = (1..=count(Op::Update)).map(|nth| (Op::Update, nth));
    let chunks = (1..=count(Op::Chunk)).map(|nth| (Op::Chunk, nth));
    assert!(stored(&drive) == new);
    let begins = (1..=count(Op::Initiate)).map(|nth| (Op::Initiate, nth));
    for (op, nth) in changes.chain(chunks).chain(begins) {
        let (drive, old, new) = begun();
        let hold = drive.fake.hold(op, nth, AFTER);
        let mut child = drive.call(["sync", "acme-corp", path]).spawn();
        hold.reached();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(hold);
        until("the end of its work", || drive.fake.is_idle());
        // With a sidecar it is the one backup or the other, whole.
        let found = stored(&drive);
        let is_told = found.iter().any(|(name, _)| *name == new[1].0);
        assert!(!is_told || found == old || found == new, "{op:?} {nth}");
        drive.sync(path).code(0);
        assert!(stored(&drive) == new, "{op:?} {nth}");
        assert_eq!(drive.names().len(), 2);
        assert!(
            drive
                .fake
                .sessions()
                .iter()
                .all(|session| session.stored == 0)
        );
        drive.run(["verify", "acme-corp"]).code(0);
        drive.run(["history", "--check"]).code(0);
    }
}
