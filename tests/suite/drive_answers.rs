//! What the answers of Google Drive to an upload lead to: the real binary against the fake.
//!
//! Each row of the table in `protocols/google_drive.md` §6.5 but those of the last answer and
//! of refusals that last, which are in `drive_publish` and `drive_refusals`.

use serde_json::json;

use crate::support::fake_drive::{Fault, Moment, Op, UNIT, When};
use crate::support::outgoing::{Faults, NAME, Outgoing, PIECES, failing, once, reason};

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
        Fault::RetryAfter(429, "rateLimitExceeded", "-1"),
        Fault::RetryAfter(403, "rateLimitExceeded", "Wed, 21 Oct 2015 07:28:00 GMT"),
        Fault::DetailsOnly(403, "RATE_LIMIT_EXCEEDED"),
        Fault::Text(429, "slow down"),
    ]
}

#[test]
fn n04_what_the_service_cannot_do_now_it_does_later() {
    for fault in not_now() {
        let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(3), fault)]);
        upload.send(0).stderr_has("retrying in");
        assert_eq!(upload.fake().count(Op::Initiate), 1);
        assert_eq!(upload.fake().count(Op::Status), 1);
        upload.settled_with(PIECES + 1);
    }
    let refused = Fault::RefuseAtByte(UNIT / 2, 503);
    let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(3), refused)]);
    upload.send(0).stderr_has("retrying in");
    upload.settled_with(PIECES + 1);
}

#[test]
fn n04_each_step_is_asked_for_again() {
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
fn n02_what_fails_for_ever_is_given_up_and_kept() {
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
fn p18_a_session_that_is_lost_is_begun_anew() {
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
fn p18_a_file_that_was_finished_is_known_by_its_id() {
    for status in [404, 409, 410, 499, 400] {
        let lost = Fault::ErrorAfterWork(status, "gone", "It is not known.");
        let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(PIECES), lost)]);
        upload.send(0);
        assert_eq!(upload.fake().count(Op::Initiate), 1, "{status}");
        upload.settled_with(PIECES);
    }
}

#[test]
fn p18_a_session_lost_again_and_again_is_not_begun_for_ever() {
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
fn g65_a_mangled_request_is_asked_about_before_all_is_sent_again() {
    let mangled = Fault::Text(400, "Invalid request.");
    let upload = Outgoing::new().with(&vec![(Op::Chunk, When::Nth(4), mangled)]);
    upload.send(0);
    assert_eq!(upload.fake().count(Op::Initiate), 1);
    upload.settled_with(PIECES + 1);
}

#[test]
fn p17_a_token_that_is_refused_at_every_piece_is_not_renewed_for_ever() {
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
fn p22_an_id_that_is_taken_is_not_used() {
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
fn n03_silence_is_not_waited_for_for_ever() {
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
