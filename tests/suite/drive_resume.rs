//! Uploads to Google Drive that a later run goes on with, or does not: the source, the session
//! and the Drive may have changed meanwhile.
//!
//! A session goes on only where the source is the same: by its stamps, and by the hash of what
//! was sent, which a rewritten file with the old stamps does not have.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use serde_json::json;

use crate::support::backups::noise;
use crate::support::fake_drive::{Fault, Moment, Op, UNIT, When};
use crate::support::outgoing::{NAME, OLD, Outgoing, PIECES, failing, units};

/// An upload that was killed when so many pieces had arrived.
fn stopped(pieces: usize) -> Outgoing {
    let upload = Outgoing::replacing();
    upload.kill_at((Op::Chunk, pieces, Moment::AfterWork));
    assert_eq!(upload.fake().sessions()[0].stored, UNIT * pieces as u64);
    upload
}

/// Runs it again; all of it is sent anew, and nothing is left of the first try.
#[track_caller]
fn is_begun_anew(upload: &Outgoing, sent_before: usize) {
    let begun = upload.fake().count(Op::Initiate);
    let told = upload.send(0);
    assert_eq!(
        upload.fake().count(Op::Initiate) - begun,
        1,
        "{}",
        told.stderr
    );
    upload.settled_with(sent_before + PIECES);
}

/// What an operator, or the application, does to the source meanwhile.
type Change = fn(&mut Outgoing);

/// The key by which the state knows a source as it is.
fn key_of(upload: &Outgoing) -> String {
    let now = fs::metadata(upload.drive.file(NAME)).unwrap();
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let modified = nanos(now.mtime(), now.mtime_nsec());
    let changed = nanos(now.ctime(), now.ctime_nsec());
    format!("{}:{}:{modified}:{changed}", now.ino(), now.size())
}

/// The state takes the source for the one it knows, whatever it holds now.
#[track_caller]
fn mistake(upload: &Outgoing) {
    let sql = "UPDATE uploads SET source = ?1 WHERE source != ?1";
    let changed = upload.state().execute(sql, [key_of(upload)]);
    assert_eq!(changed.unwrap(), 1);
}

#[test]
fn x35_a_source_that_changed_is_sent_from_its_start() {
    let mtime = |file: &File, time: SystemTime| {
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    // Written anew with the same bytes, with others, longer, shorter, another file at its place.
    let changes: [(&str, Change); 4] = [
        ("other bytes", |upload| {
            upload.change(noise(8, units(4, 1000)));
        }),
        ("longer", |upload| {
            upload.change(noise(7, units(4, 2000)));
        }),
        ("shorter", |upload| {
            upload.change(noise(7, units(4, 10)));
        }),
        ("another file", |upload| {
            let path = upload.drive.file(NAME);
            let other = upload.drive.write("other.tar", &upload.bytes);
            fs::rename(other, path).unwrap();
        }),
    ];
    for (what, change) in changes {
        let mut upload = stopped(3);
        change(&mut upload);
        let begun = upload.fake().count(Op::Initiate);
        let told = upload.send(0);
        assert_eq!(
            upload.fake().count(Op::Initiate) - begun,
            1,
            "{what}: {}",
            told.stderr
        );
        upload.settled_with(3 + PIECES);
    }
    // A later time of modification alone.
    let upload = stopped(3);
    let file = File::options()
        .append(true)
        .open(upload.drive.file(NAME))
        .unwrap();
    mtime(&file, SystemTime::UNIX_EPOCH);
    is_begun_anew(&upload, 3);
}

#[test]
fn x35_other_bytes_behind_the_same_stamps_are_found_by_their_hash() {
    // The state is made to know the stamps of the new bytes: only the hash tells.
    for at in [0, units(1, 5)] {
        let mut upload = stopped(3);
        let path = upload.drive.file(NAME);
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        upload.bytes[at] ^= 1;
        let file = File::options().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &upload.bytes, 0).unwrap();
        file.set_times(FileTimes::new().set_modified(before))
            .unwrap();
        drop(file);
        let key = key_of(&upload);
        let changed = upload
            .state()
            .execute("UPDATE uploads SET source = ?1", [key]);
        assert_eq!(changed.unwrap(), 1);
        let told = upload.send(0);
        let told = told.stderr_has("is sent from its start: ");
        let told = told.stderr_has("it does not begin with what was sent of it before");
        assert!(!told.stderr.contains("error"), "{}", told.stderr);
        upload.settled_with(3 + PIECES);
    }
}

#[test]
fn x35_other_bytes_where_nothing_was_sent_yet_are_simply_sent() {
    // Behind the same stamps, too: what is sent is what is compared.
    let mut upload = stopped(3);
    let path = upload.drive.file(NAME);
    upload.bytes[units(3, 5)] ^= 1;
    fs::write(&path, &upload.bytes).unwrap();
    mistake(&upload);
    upload.settled_with(PIECES);
}

#[test]
fn x35_what_the_state_does_not_know_is_compared_in_the_end() {
    // Killed before the answer to a piece, and as if before that to the first one.
    for (at, is_noted) in [(units(2, 5), true), (7, false)] {
        let mut upload = stopped(3);
        if !is_noted {
            let forget = "UPDATE uploads SET taken = NULL, taken_sha256 = NULL";
            assert_eq!(upload.state().execute(forget, []).unwrap(), 1);
        }
        upload.bytes[at] ^= 1;
        fs::write(upload.drive.file(NAME), &upload.bytes).unwrap();
        mistake(&upload);
        let told = upload.send(0);
        let told = told.stderr_has("is sent from its start: 'site.tar' was stored");
        assert!(!told.stderr.contains("error"), "{}", told.stderr);
        upload.settled_with(PIECES * 2);
    }
}

#[test]
fn x35_a_source_that_is_gone_is_cleared_away_by_the_next_sync() {
    let upload = stopped(3);
    fs::remove_file(upload.drive.file(NAME)).unwrap();
    upload.drive.write("other.tar", "x");
    upload.drive.sync("other.tar").code(0);
    assert_eq!((upload.noted(), upload.fake().sessions()), (0, Vec::new()));
    assert_eq!(upload.drive.content(NAME).unwrap(), OLD);
    assert_eq!(upload.partial(), Vec::<String>::new());
}

#[test]
fn x35_what_was_sent_of_another_file_waits_for_its_run() {
    let upload = stopped(3);
    upload.drive.write("other.tar", "x");
    upload.drive.sync("other.tar").code(0);
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (1, 1));
    upload
        .drive
        .run(["delete", "acme-corp", "other.tar", "-y"])
        .code(0);
    let begun = upload.fake().count(Op::Initiate);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Initiate), begun);
    assert_eq!(upload.named().len(), 1);
}

#[test]
fn x35_a_session_older_than_a_week_is_begun_anew() {
    for (age, is_resumed) in [("6 days", true), ("8 days", false)] {
        let upload = stopped(3);
        let sql = format!(
            "UPDATE uploads SET begun_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{age}')"
        );
        assert_eq!(upload.state().execute(&sql, []).unwrap(), 1);
        if is_resumed {
            upload.settled_with(PIECES);
        } else {
            is_begun_anew(&upload, 3);
        }
    }
}

#[test]
fn p18_a_session_that_the_service_forgot_is_begun_anew() {
    for status in [404, 410, 499] {
        let upload = stopped(3);
        upload.fake().forget_sessions(status);
        let told = upload.send(0);
        told.stderr_has(
            "note: 'site.tar' is sent from its start: the upload session of 'site.tar' vanished",
        );
        upload.settled_with(3 + PIECES);
    }
}

#[test]
fn p18_a_session_that_forgot_some_goes_on_where_it_is() {
    for left in [0, UNIT] {
        let upload = stopped(3);
        upload
            .fake()
            .fail(Op::Status, When::Nth(1), Fault::Forgets(left));
        let begun = upload.fake().count(Op::Initiate);
        upload.send(0);
        assert_eq!(upload.fake().count(Op::Initiate), begun);
        let again = 3 - usize::try_from(left / UNIT).unwrap();
        upload.settled_with(PIECES + again);
    }
}

#[test]
fn x35_a_session_that_breaks_once_more_goes_on_where_it_is() {
    for nth in [1, 2] {
        let upload = stopped(2);
        let cut = Fault::ResetAtByte(UNIT / 2);
        upload.fake().fail(Op::Chunk, When::Nth(nth), cut);
        upload.send(0).stderr_has("retrying in");
        upload.settled_with(PIECES + 1);
    }
}

#[test]
fn x35_a_session_that_cannot_be_asked_now_is_kept() {
    let upload = stopped(3).with(&vec![(Op::Status, When::Always, failing(503))]);
    upload.fails(6);
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (1, 1));
    upload.settled_with(PIECES);
}

#[test]
fn x35_another_login_does_not_go_on_with_what_was_sent() {
    // The folder of the company is on another account now: its sessions are not ours.
    let upload = stopped(3);
    let set = upload.state().execute(
        "UPDATE storages SET identity = 'user another' WHERE identity LIKE 'user %'",
        [],
    );
    assert_eq!(set.unwrap(), 1);
    let told = upload.fails(6);
    assert_eq!(told["reason"], json!("forbidden"), "{told}");
    assert!(
        told["detail"].as_str().unwrap().contains("another account"),
        "{told}"
    );
}

#[test]
fn x35_more_than_one_unfinished_upload_of_a_file_is_settled() {
    // Both were left by runs of the same source.
    let upload = stopped(2);
    let aside = "UPDATE uploads SET source = 'aside'";
    upload.state().execute(aside, []).unwrap();
    // Not wanted as it stands, so kept away from the sweep by a run that cannot reach it.
    upload
        .fake()
        .fail(Op::CancelUpload, When::Always, failing(503));
    upload.kill_at((Op::Chunk, 1, Moment::AfterWork));
    mistake(&upload);
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (2, 2));
    upload.fake().heal();
    let begun = upload.fake().count(Op::Initiate);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Initiate), begun);
    upload.settled();
}

#[test]
fn l27_a_source_that_changes_while_it_is_sent_is_not_published() {
    let changes: [fn(&Outgoing); 4] = [
        |upload| drop(upload.drive.write(NAME, noise(8, units(4, 1000)))),
        |upload| {
            use std::io::Write as _;
            let file = File::options().append(true).open(upload.drive.file(NAME));
            file.unwrap().write_all(b"more").unwrap();
        },
        |upload| {
            let file = File::options().write(true).open(upload.drive.file(NAME));
            file.unwrap().set_len(UNIT * 3).unwrap();
        },
        |upload| {
            let other = upload.drive.write("other.tar", noise(8, units(4, 1000)));
            fs::rename(other, upload.drive.file(NAME)).unwrap();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut upload = Outgoing::replacing();
        let held = upload.fake().hold(Op::Chunk, 2, Moment::AfterWork);
        let call = upload.drive.call(["sync", "acme-corp", NAME, "--json"]);
        let child = call.spawn();
        held.reached();
        change(&upload);
        drop(held);
        let told = upload.ended(child).json();
        assert_eq!(told["code"], json!("source_changed"), "{number}: {told}");
        assert_eq!(
            (upload.noted(), upload.fake().sessions()),
            (0, Vec::new()),
            "{number}"
        );
        assert_eq!(upload.partial(), Vec::<String>::new());
        assert_eq!(upload.drive.content(NAME).unwrap(), OLD);
        upload.bytes = fs::read(upload.drive.file(NAME)).unwrap();
        upload.settled();
    }
}
