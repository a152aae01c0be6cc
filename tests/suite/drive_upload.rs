//! Sending to Google Drive when the service hurts: the real binary against the fake.
//!
//! | `protocols/google_drive.md` | test |
//! |---|---|
//! | §6.2 pieces, cuts, what `Range` tells | `s62_…` |
//! | §6.3 lost answers | `s63_…` |
//! | §6.4 no bytes at all, sizes | `s64_…` |
//! | §6.5 what to do after each answer | `s65_…` |
//!
//! [`Outgoing::settled`] holds for all of them: a further run ends well, what is stored is
//! what was sent, once, no byte was sent that the service had, and nothing else is left.

use serde_json::json;

use crate::support::backups::noise;
use crate::support::fake_drive::{Fault, Kept, Moment, Op, UNIT, When};
use crate::support::outgoing::{
    Faults, NAME, Outgoing, PIECES, after_work, failing, once, reason, units,
};

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
fn s62_what_is_cut_is_sent_again_from_where_it_was_cut() {
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
                let told = upload.send(0).stderr_has("retrying in");
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
fn s62_a_line_that_breaks_at_every_piece_still_ends() {
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
fn s62_only_what_the_service_says_to_have_counts() {
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
            chunk(2, Fault::Forgets(UNIT), 4),
        ],
    );
}

#[test]
fn s62_a_session_that_claims_more_than_it_was_sent_is_begun_anew() {
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
fn s62_without_progress_it_is_given_up_for_now() {
    for nth in [0, 2] {
        let upload = Outgoing::replacing();
        let stuck = (Op::Chunk, When::AllAfter(nth), Fault::NoProgress);
        let upload = upload.with(&vec![stuck]);
        let begun = upload.fake().count(Op::Initiate);
        let told = upload
            .send(6)
            .stderr_has("is kept; the next sync goes on from there");
        let told = told.stderr_has("it takes no more of 'site.tar'");
        let sent = upload.chunks();
        assert!((8..=nth + 48).contains(&sent), "{sent}: {}", told.stderr);
        assert_eq!((upload.noted(), upload.fake().sessions().len()), (1, 1));
        upload.is_sound();
        upload.settled_with(sent + PIECES - nth);
        assert_eq!(upload.fake().count(Op::Initiate) - begun, 1);
    }
}

#[test]
fn s63_what_was_done_is_not_done_twice() {
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
fn s63_names_change_once_whatever_is_lost() {
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
fn s63_a_session_whose_address_is_lost_is_begun_anew() {
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
fn s63_a_session_without_an_address_is_begun_anew() {
    // Somebody on the way took the head away: Location is missing.
    let nowhere = Fault::Empty(200);
    let upload = Outgoing::new().with(&once(Op::Initiate, nowhere));
    upload
        .send(0)
        .stderr_has("it does not say where to upload: retrying in");
    upload.settled_with(PIECES);
}

#[test]
fn s64_files_of_all_sizes_arrive() {
    let sizes = [
        (0, 1),
        (1, 1),
        (units(1, 0) - 1, 1),
        (units(1, 0), 1),
        (units(1, 1), 2),
        (units(3, 0), 3),
    ];
    for (size, chunks) in sizes {
        let upload = Outgoing::of(noise(7, size));
        upload.send(0);
        upload.settled_with(chunks);
    }
}

#[test]
fn s64_no_bytes_at_all_arrive_whatever_happens() {
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
fn s64_pieces_are_large_unless_configured_otherwise() {
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

/// Answers that only mean: not now.
fn not_now() -> Vec<Fault> {
    vec![
        failing(500),
        failing(502),
        failing(504),
        Fault::Error(408, "requestTimeout", "Request Timeout"),
        Fault::Text(503, "Service Unavailable"),
        Fault::Html(502),
        Fault::Empty(503),
        Fault::NoReason(500, "Internal Error"),
        Fault::rate_limit(),
        Fault::upload_cap(),
        Fault::Error(429, "rateLimitExceeded", "Too many requests"),
        Fault::RetryAfter(429, "rateLimitExceeded", "0"),
        Fault::RetryAfter(503, "backendError", "soon"),
        Fault::DetailsOnly(403, "RATE_LIMIT_EXCEEDED"),
        Fault::Text(429, "slow down"),
    ]
}

#[test]
fn s65_what_the_service_cannot_do_now_it_does_later() {
    for fault in not_now() {
        let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(3), fault)]);
        upload.send(0).stderr_has("retrying in");
        assert_eq!(upload.fake().count(Op::Initiate), 1);
        assert_eq!(upload.fake().count(Op::Status), 1);
        upload.settled_with(PIECES + 1);
    }
    let refused = Fault::RefuseAtByte(UNIT / 2, 503);
    survived(Outgoing::new, vec![chunk(3, refused, PIECES + 1)]);
}

#[test]
fn s65_each_step_is_asked_for_again() {
    // All at once: every kind of request is refused once.
    let all = [
        Op::About,
        Op::List,
        Op::GenerateIds,
        Op::CreateFolder,
        Op::Get,
        Op::Initiate,
        Op::Update,
    ];
    for fault in not_now() {
        let faults: Faults = all.map(|op| (op, When::Nth(1), fault.clone())).into();
        let upload = Outgoing::new().with(&faults);
        upload.send(0);
        upload.settled_with(PIECES);
    }
}

#[test]
fn s65_what_fails_for_ever_is_given_up_and_kept() {
    let silence = Fault::ResetAtByte(1000);
    for (fault, word) in [
        (failing(503), "network"),
        (Fault::Html(500), "network"),
        (silence, "network"),
        (
            Fault::Error(408, "requestTimeout", "Request Timeout"),
            "timeout",
        ),
        (Fault::rate_limit(), "quota"),
    ] {
        let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::AllAfter(2), fault)]);
        let begun = upload.fake().count(Op::Initiate);
        let told = upload.fails(6);
        reason(&told, word);
        assert_eq!(told["retryable"], json!(true), "{told}");
        assert_eq!(upload.chunks(), 2 + 6);
        let kept = upload.fake().sessions();
        assert_eq!((upload.noted(), kept[0].stored), (1, UNIT * 2));
        upload.is_sound();
        upload.settled_with(8 + PIECES - 2);
        assert_eq!(upload.fake().count(Op::Initiate) - begun, 1);
    }
}

#[test]
fn s65_a_session_that_is_lost_is_begun_anew() {
    for status in [404, 410, 499] {
        for nth in [1, 3, PIECES] {
            let gone = Fault::Text(status, "Not Found");
            let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::Nth(nth), gone)]);
            upload
                .send(0)
                .stderr_has("'site.tar' is sent again: the upload session");
            upload.settled_with(nth + PIECES);
        }
    }
}

#[test]
fn s65_a_file_that_was_finished_is_known_by_its_id() {
    for status in [404, 409, 410, 499, 400] {
        let lost = Fault::ErrorAfterWork(status, "gone", "It is not known.");
        let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(PIECES), lost)]);
        upload.send(0);
        assert_eq!(upload.fake().count(Op::Initiate), 1, "{status}");
        upload.settled_with(PIECES);
    }
}

#[test]
fn s65_a_session_lost_again_and_again_is_not_begun_for_ever() {
    for status in [404, 410, 400] {
        let gone = Fault::Text(status, "Invalid request.");
        let faults = vec![
            (Op::Chunk, When::Always, gone.clone()),
            (Op::Status, When::Always, gone),
        ];
        let upload = Outgoing::replacing().with(&faults);
        let begun = upload.fake().count(Op::Initiate);
        let told = upload.fails(6);
        assert_eq!(upload.fake().count(Op::Initiate) - begun, 3, "{told}");
        assert_eq!(upload.noted(), 0);
        assert_eq!(upload.fake().sessions(), []);
        upload.is_sound();
        upload.settled_with(3 + PIECES);
    }
}

#[test]
fn s65_a_mangled_request_is_asked_about_before_all_is_sent_again() {
    let mangled = Fault::Text(400, "Invalid request.");
    let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(4), mangled)]);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Initiate), 1);
    upload.settled_with(PIECES + 1);
}

#[test]
fn s65_a_token_that_is_refused_at_every_piece_is_not_renewed_for_ever() {
    let refused = Fault::Error(401, "authError", "Invalid Credentials");
    let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::AllAfter(2), refused)]);
    let asked = upload.fake().token_requests();
    let told = upload.fails(6);
    reason(&told, "auth");
    assert!(
        told["hint"]
            .as_str()
            .unwrap()
            .contains("providers login google_drive"),
        "{told}"
    );
    let asked = upload.fake().token_requests() - asked;
    assert!((2..=4).contains(&asked), "{asked} tokens");
    assert_eq!(
        (upload.noted(), upload.fake().sessions()[0].stored),
        (1, UNIT * 2)
    );
    upload.settled();
}

#[test]
fn s65_an_id_that_is_taken_is_not_used() {
    let taken = Fault::Error(
        409,
        "fileIdInUse",
        "A file already exists with the provided ID.",
    );
    let upload = Outgoing::new().with(&once(Op::Initiate, taken.clone()));
    upload.send(0);
    let begun = upload.fake().requests_of(Op::Initiate);
    assert_ne!(begun[0].id, begun[1].id);
    upload.settled_with(PIECES);

    let upload = Outgoing::replacing().with(&vec![(Op::Initiate, When::Always, taken)]);
    let begun = upload.fake().count(Op::Initiate);
    let told = upload.fails(6);
    assert!(upload.fake().count(Op::Initiate) - begun <= 6, "{told}");
    upload.settled_with(PIECES);

    // At the end, and nothing is there.
    let taken = Fault::Error(
        409,
        "duplicate",
        "A file already exists with the provided ID.",
    );
    let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(PIECES), taken)]);
    upload.send(0);
    upload.settled_with(PIECES * 2);
}

#[test]
fn s65_silence_is_not_waited_for_for_ever() {
    let upload = Outgoing::replacing();
    let held: Vec<_> = (1..=6)
        .map(|nth| upload.fake().hold(Op::Chunk, nth, Moment::BeforeWork))
        .collect();
    let call = ["sync", "acme-corp", NAME, "--timeout", "300ms", "--json"];
    let told = upload.drive.run(call).code(6).json();
    reason(&told, "timeout");
    assert_eq!(told["retryable"], json!(true));
    assert_eq!((upload.chunks(), upload.noted()), (6, 1));
    // Those still wait; what they sent before counts for nothing.
    upload.settled_with(6 + PIECES);
    // Before they are let go: what they would send by then is nobody's fault.
    drop(upload);
    drop(held);
}
