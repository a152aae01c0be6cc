//! Sending to Google Drive over lines that break: the real binary against the fake.
//!
//! | `protocols/google_drive.md` | test |
//! |---|---|
//! | §6.2 pieces, cuts, what `Range` tells | `n01_…`, `p18_…` |
//! | §6.3 lost answers | `g63_…`, `p22_…` |
//! | §6.4 no bytes at all, sizes | `g64_…` |
//!
//! [`Outgoing::settled`] holds for all of them: a further run ends well, what is stored is
//! what was sent, once, no byte was sent that the service had, and nothing else is left.

use serde_json::json;

use crate::support::backups::noise;
use crate::support::fake_drive::{Fault, Kept, Op, UNIT, When};
use crate::support::outgoing::{Faults, Outgoing, PIECES, after_work, failing, once, units};

/// Each of these is survived by one run, with so many chunks.
#[track_caller]
fn survived(make: fn() -> Outgoing, cases: Vec<(Faults, usize)>) {
    for (number, (faults, chunks)) in cases.into_iter().enumerate() {
        let upload = make().with(&faults);
        let sent = upload.call().run();
        assert_eq!(sent.code, 0, "case {number}: {}", sent.stderr);
        assert_eq!(upload.chunks(), chunks, "case {number}: {}", sent.stderr);
        upload.settled_with(chunks);
    }
}

/// A fault of the nth chunk, and how many chunks there are then.
fn chunk(nth: usize, fault: Fault, chunks: usize) -> (Faults, usize) {
    (vec![(Op::Chunk, When::Nth(nth), fault)], chunks)
}

/// Sent in pieces of two units.
fn in_large_pieces() -> Outgoing {
    let upload = Outgoing::new();
    upload.drive.write_section(&json!({
        "enabled": true, "api_url": upload.fake().api_url(), "chunk_size": UNIT * 2,
        "credentials": upload.drive.login(),
    }));
    upload
}

#[test]
fn n01_what_is_cut_is_sent_again_from_where_it_was_cut() {
    let last = 1000;
    let all = [(1, UNIT), (3, UNIT), (PIECES, last)];
    for (kept, pieces) in [
        (Kept::Units, &all[..]),
        (Kept::All, &all[1..]),
        (Kept::Nothing, &all[1..2]),
    ] {
        for (nth, size) in pieces.iter().copied() {
            for at in [0, 1, size / 2, size - 1, size] {
                let cut = if at % 2 == 0 {
                    Fault::ResetAtByte
                } else {
                    Fault::CloseAtByte
                };
                let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(nth), cut(at))]);
                upload.fake().keep_of_broken_chunks(kept);
                let told = upload.send(0);
                let retries = told.stderr.matches("retrying in").count();
                assert_eq!(retries, 1, "{}", told.stderr);
                assert_eq!(upload.fake().count(Op::Initiate), 1, "{}", told.stderr);
                assert_eq!(upload.fake().count(Op::Status), 1);
                // Only the piece is sent again, as far as it was not kept. Of one that does not
                // begin at a multiple of 256 KiB, the service drops the end.
                let has = match kept {
                    Kept::Nothing => 0,
                    Kept::All if at == size || nth == PIECES => at,
                    Kept::Units | Kept::All => at / UNIT * UNIT,
                };
                let total = upload.bytes.len() as u64;
                assert_eq!(
                    upload.announced(),
                    total + size - has,
                    "{kept:?} {nth} {at}"
                );
                upload.settled();
            }
        }
    }
}

#[test]
fn n01_a_line_that_breaks_at_every_piece_still_ends() {
    // Each piece breaks once: who gets on is not failing.
    let upload = Outgoing::of(noise(7, units(9, 1000)));
    for nth in 0..9 {
        let cut = Fault::ResetAtByte(UNIT);
        upload.fake().fail(Op::Chunk, When::Nth(nth + 1), cut);
    }
    upload.send(0);
    upload.settled_with(10);
}

#[test]
fn p18_only_what_the_service_says_to_have_counts() {
    survived(
        Outgoing::new,
        vec![
            chunk(1, Fault::NoProgress, PIECES + 1),
            chunk(2, Fault::NoProgress, PIECES + 1),
            (
                vec![(Op::Chunk, When::First(3), Fault::NoProgress)],
                PIECES + 3,
            ),
            // It forgets all but one unit, or all: 308 without a range.
            chunk(4, Fault::Forgets(UNIT), PIECES + 3),
            chunk(3, Fault::Forgets(0), PIECES + 3),
            (vec![(Op::Chunk, When::Always, Fault::OldRange)], PIECES),
        ],
    );
    survived(
        in_large_pieces,
        vec![
            chunk(1, Fault::TakesOnly(UNIT), 3),
            chunk(2, Fault::TakesOnly(0), 4),
            chunk(2, Fault::TakesOnly(UNIT), 3),
            // What takes nothing is offered little at first.
            chunk(2, Fault::Forgets(UNIT), 5),
        ],
    );
}

#[test]
fn p18_a_session_that_claims_more_than_it_was_sent_is_begun_anew() {
    for (nth, beyond) in [(1, UNIT), (2, 1), (2, UNIT * 3), (2, UNIT << 20)] {
        let fault = Fault::RangeBeyond(beyond);
        let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::Nth(nth), fault)]);
        let begun = upload.fake().count(Op::Initiate);
        upload.send(0);
        assert_eq!(
            upload.fake().count(Op::Initiate) - begun,
            2,
            "{nth} {beyond}"
        );
        upload.settled_with(nth + PIECES);
    }
}

#[test]
fn p18_a_session_that_claims_more_when_asked_is_begun_anew() {
    // The second piece never came, and it says to have the third one.
    let faults = vec![
        (Op::Chunk, When::Nth(2), Fault::ResetAtByte(0)),
        (Op::Status, When::Nth(1), Fault::RangeBeyond(UNIT * 2)),
    ];
    let upload = Outgoing::new().with(&faults);
    upload
        .send(0)
        .stderr_has("the upload session of 'site.tar' claims bytes that it was not sent");
    assert_eq!(upload.fake().count(Op::Initiate), 2);
    upload.settled_with(2 + PIECES);
}

#[test]
fn p18_without_progress_another_session_is_tried_and_then_none() {
    for nth in [0, 2] {
        let upload = Outgoing::replacing();
        let stuck = (Op::Chunk, When::AllAfter(nth), Fault::NoProgress);
        let upload = upload.with(&vec![stuck]);
        let begun = upload.fake().count(Op::Initiate);
        upload
            .send(6)
            .stderr_has("the upload session of 'site.tar' takes no more bytes");
        // Three sessions, each of which says eight times that it has nothing more.
        assert_eq!(upload.fake().count(Op::Initiate) - begun, 3);
        let sent = upload.chunks();
        assert_eq!(sent, nth + 24);
        assert_eq!((upload.noted(), upload.fake().sessions().len()), (0, 0));
        upload.is_sound();
        upload.settled_with(sent + PIECES);
    }
}

#[test]
fn p22_what_was_done_is_not_done_twice() {
    let lost = [Fault::ResetAfterWork, after_work(500), after_work(503)];
    let mut cases = Vec::new();
    for op in [
        Op::List,
        Op::GenerateIds,
        Op::CreateFolder,
        Op::About,
        Op::Get,
    ] {
        cases.extend(lost.iter().map(|fault| (once(op, fault.clone()), PIECES)));
    }
    for (nth, fault) in [1, 3, PIECES].into_iter().zip(&lost) {
        cases.push(chunk(nth, fault.clone(), PIECES));
        cases.push(chunk(nth, after_work(502), PIECES));
    }
    cases.push(chunk(PIECES, Fault::ResetAfterWork, PIECES));
    // The question how far it came is lost, too.
    for fault in lost {
        let mut faults = chunk(PIECES, Fault::ResetAfterWork, PIECES);
        faults.0.push((Op::Status, When::First(2), fault));
        cases.push(faults);
    }
    survived(Outgoing::new, cases);
}

#[test]
fn p22_names_change_once_whatever_is_lost() {
    // The first change gives the name, the second one retires what had it.
    let mut cases = Vec::new();
    for nth in [1, 2] {
        for fault in [
            Fault::ResetBeforeWork,
            Fault::ResetAfterWork,
            after_work(500),
            failing(503),
        ] {
            cases.push((vec![(Op::Update, When::Nth(nth), fault)], PIECES));
        }
    }
    survived(Outgoing::replacing, cases);
}

#[test]
fn p22_a_session_whose_address_is_lost_is_begun_anew() {
    for fault in [Fault::ResetAfterWork, after_work(503)] {
        let upload = Outgoing::new().with(&once(Op::Initiate, fault));
        upload.send(0).stderr_has("retrying in");
        // Nobody can cancel the first one; it never becomes a file.
        let open = upload.fake().sessions();
        assert_eq!((open.len(), open[0].stored), (1, 0));
        assert_eq!(upload.fake().count(Op::Initiate), 2);
        upload.fake().forget_sessions(404);
        upload.settled_with(PIECES);
    }
}

#[test]
fn g63_a_session_without_an_address_is_begun_anew() {
    // Somebody on the way took the head away: Location is missing.
    let nowhere = Fault::Empty(200);
    let upload = Outgoing::new().with(&once(Op::Initiate, nowhere));
    upload
        .send(0)
        .stderr_has("it does not say where to upload: retrying in");
    upload.settled_with(PIECES);
}

#[test]
fn g64_files_of_all_sizes_arrive() {
    let sizes = [
        (0, 1),
        (1, 1),
        (units(1, 0) - 1, 1),
        (units(1, 0), 1),
        (units(1, 1), 2),
        (units(3, 0), 3),
    ];
    for (size, chunks) in sizes {
        for status in [200, 201] {
            let upload = Outgoing::of(noise(7, size));
            upload.fake().created_status(status);
            upload.send(0);
            upload.settled_with(chunks);
        }
    }
}

#[test]
fn g64_no_bytes_at_all_arrive_whatever_happens() {
    for fault in [
        Fault::ResetBeforeWork,
        Fault::ResetAfterWork,
        after_work(500),
        failing(503),
        Fault::Error(401, "authError", "Invalid Credentials"),
    ] {
        let upload = Outgoing::of(Vec::new()).with(&once(Op::Chunk, fault));
        upload.send(0);
        assert_eq!(upload.fake().count(Op::Initiate), 1);
        upload.settled();
    }
}

#[test]
fn g64_pieces_are_large_unless_configured_otherwise() {
    let upload = Outgoing::of(vec![0; 33 << 20]);
    upload.drive.write_section(&json!({
        "enabled": true, "api_url": upload.fake().api_url(), "credentials": upload.drive.login(),
    }));
    upload.send(0);
    upload.settled_with(2);
    let lengths: Vec<_> = upload.fake().requests_of(Op::Chunk);
    let lengths: Vec<_> = lengths
        .iter()
        .map(|chunk| chunk.header("content-length").unwrap())
        .collect();
    assert_eq!(lengths, ["33554432", "1048576"]);
}
