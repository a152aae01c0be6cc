//! Uploads that Google Drive refuses: no room, limits, allowances, tokens.
//!
//! | `protocols/google_drive.md` | test |
//! |---|---|
//! | §8, §11 storage full | `p16_…` |
//! | §8 limits, and what stays forbidden | `g8_…` |
//! | §9 rate limits, 750 GB a day | `g9_…` |
//! | §2.1, §11 tokens in mid-upload | `p17_…` |

use serde_json::{Value, json};

use crate::support::fake_drive::{Fault, Moment, Op, UNIT, When};
use crate::support::outgoing::{Faults, Outgoing, PIECES, once, reason, units};

fn full() -> Fault {
    let text = "The user's Drive storage quota has been exceeded.";
    Fault::Error(403, "storageQuotaExceeded", text)
}

fn unauthorised() -> Fault {
    Fault::Error(401, "authError", "Invalid Credentials")
}

/// Nothing was left of an upload that will not go on.
#[track_caller]
fn is_gone(upload: &Outgoing) {
    assert_eq!(upload.noted(), 0);
    assert_eq!(upload.fake().sessions(), []);
    assert_eq!(upload.partial(), Vec::<String>::new());
    upload.is_sound();
}

#[track_caller]
fn is_full(told: &Value, upload: &Outgoing, free: &Value) {
    assert_eq!(told["code"], json!("quota_exceeded"), "{told}");
    let needed = upload.bytes.len();
    assert_eq!(
        (&told["needed"], &told["free"]),
        (&json!(needed), free),
        "{told}"
    );
}

#[test]
fn p16_what_is_known_not_to_fit_is_not_begun() {
    let upload = Outgoing::replacing();
    let begun = upload.fake().count(Op::Initiate);
    upload.fake().quota(Some(UNIT * 2), UNIT, UNIT / 2);
    let told = upload.fails(6);
    is_full(&told, &upload, &json!(UNIT - 15));
    let hint = told["hint"].as_str().unwrap();
    assert!(
        hint.contains("the trash holds 128.0 KiB: empty it"),
        "{hint}"
    );
    assert_eq!(upload.fake().count(Op::Initiate), begun);
    is_gone(&upload);
    upload.fake().quota(None, UNIT << 20, 0);
    upload.settled_with(PIECES);
}

#[test]
fn p16_room_that_runs_out_meanwhile_is_named() {
    // The service knows more than it told: at the begin, in the middle, at the end.
    for (op, nth, chunks) in [
        (Op::Initiate, 1, 0),
        (Op::Chunk, 3, 3),
        (Op::Chunk, PIECES, PIECES),
    ] {
        let upload = Outgoing::replacing();
        upload.fake().before(op, nth, |drive| {
            drive.quota.usage = 15 << 30;
            drive.quota.in_trash = 3 << 20;
        });
        let upload = upload.with(&vec![(op, When::Nth(nth), full())]);
        let told = upload.fails(6);
        is_full(&told, &upload, &json!(0));
        let hint = told["hint"].as_str().unwrap();
        assert!(hint.contains("the trash holds 3.0 MiB: empty it"), "{hint}");
        assert_eq!(upload.chunks(), chunks);
        is_gone(&upload);
        upload.fake().quota(None, 0, 0);
        upload.settled();
    }
}

#[test]
fn p16_a_full_drive_that_tells_no_numbers_is_full_all_the_same() {
    for refusal in [full(), Fault::Error(403, "quotaExceeded", "Quota exceeded")] {
        let faults = vec![
            (Op::Chunk, When::Nth(2), refusal),
            (Op::About, When::AllAfter(1), Fault::Html(500)),
        ];
        let upload = Outgoing::replacing().with(&faults);
        let told = upload.fails(6);
        is_full(&told, &upload, &Value::Null);
        is_gone(&upload);
        upload.settled();
    }
}

#[test]
fn g8_limits_are_explained_and_not_asked_about_again() {
    let cases = [
        (
            "teamDriveFileLimitExceeded",
            "quota",
            "as many files as Google allows",
        ),
        (
            "numChildrenInNonRootLimitExceeded",
            "quota",
            "as many files as Google allows",
        ),
        (
            "activeItemCreationLimitExceeded",
            "quota",
            "as many files as Google allows",
        ),
        (
            "myDriveHierarchyDepthLimitExceeded",
            "forbidden",
            "nested deeper than Google allows",
        ),
        (
            "teamDriveHierarchyTooDeep",
            "forbidden",
            "nested deeper than Google allows",
        ),
        (
            "dailyLimitExceeded",
            "quota",
            "of the Google Cloud project are used up for today",
        ),
        (
            "insufficientPermissions",
            "forbidden",
            "does not have the scope",
        ),
        (
            "insufficientFilePermissions",
            "forbidden",
            "the account may not do that here",
        ),
        ("accessNotConfigured", "forbidden", "is not switched on"),
        ("domainPolicy", "forbidden", "403 domainPolicy: Not so."),
    ];
    for (refusal, why, words) in cases {
        let fault = Fault::Error(403, refusal, "Not so.");
        for (op, nth) in [(Op::Initiate, 1), (Op::Chunk, 2)] {
            let upload = Outgoing::replacing().with(&vec![(op, When::Nth(nth), fault.clone())]);
            let asked = upload.fake().count(op);
            let told = upload.fails(6);
            reason(&told, why);
            assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
            assert!(told["hint"].is_string(), "{told}");
            assert_eq!(told["retryable"], json!(false), "{told}");
            assert_eq!(upload.fake().count(op) - asked, nth);
            upload.is_sound();
            upload.settled();
        }
    }
}

#[test]
fn g8_a_reason_is_found_wherever_it_stands() {
    for (fault, words) in [
        (
            Fault::DetailsOnly(403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            "does not have the scope",
        ),
        (
            Fault::DetailsOnly(403, "SERVICE_DISABLED"),
            "is not switched on",
        ),
        (
            Fault::NoReason(403, "Ask your administrator."),
            "it answers 403: Ask your administrator.",
        ),
        (
            Fault::Text(403, "Sorry, this is a page."),
            "it answers 403: Sorry, this is a page.",
        ),
        (Fault::Empty(403), "it answers 403"),
    ] {
        let upload = Outgoing::new().with(&once(Op::Initiate, fault));
        let told = upload.fails(6);
        reason(&told, "forbidden");
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
        is_gone(&upload);
        upload.settled();
    }
}

#[test]
fn n05_a_rate_limit_for_ever_ends_and_names_the_day() {
    for (fault, words, hint) in [
        (Fault::rate_limit(), "too many requests", "try again later"),
        (
            Fault::upload_cap(),
            "750 GB that an account may upload in a day",
            "after 24 hours",
        ),
    ] {
        for op in [Op::Initiate, Op::Chunk] {
            let upload = Outgoing::replacing().with(&vec![(op, When::Always, fault.clone())]);
            let asked = upload.fake().count(op);
            let told = upload.fails(6);
            reason(&told, "quota");
            assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
            assert!(told["hint"].as_str().unwrap().contains(hint), "{told}");
            assert_eq!(told["retryable"], json!(true));
            assert_eq!(upload.fake().count(op) - asked, 6);
            upload.is_sound();
            upload.settled();
        }
    }
}

#[test]
fn n05_who_is_asked_to_come_back_much_later_does_not_wait() {
    for (status, name) in [
        (429, "rateLimitExceeded"),
        (403, "userRateLimitExceeded"),
        (503, "backendError"),
    ] {
        for after in ["3600", "1000000000000000000"] {
            let fault = Fault::RetryAfter(status, name, after);
            let upload = Outgoing::replacing().with(&vec![(Op::Chunk, When::Nth(3), fault)]);
            let told = upload.fails(6);
            assert!(
                told["detail"]
                    .as_str()
                    .unwrap()
                    .contains("it asks to come back at"),
                "{told}"
            );
            assert_eq!((upload.chunks(), upload.noted()), (3, 1));
            upload.settled_with(PIECES + 1);
        }
    }
}

#[test]
fn p17_a_token_that_ends_in_mid_upload_costs_nothing_but_a_new_one() {
    for nth in [1, 3, PIECES] {
        let upload = Outgoing::replacing();
        let held = upload.fake().hold(Op::Chunk, nth, Moment::BeforeWork);
        let asked = upload.fake().token_requests();
        let child = upload.call().spawn();
        held.reached();
        upload.fake().expire_tokens();
        drop(held);
        upload.ended(child).code(0);
        assert_eq!(upload.fake().token_requests() - asked, 2);
        // The piece was refused by its head: none of it was stored.
        assert_eq!(upload.chunks(), PIECES + 1);
        upload.settled();
    }
}

#[test]
fn p17_a_refused_token_is_renewed_once_wherever_it_is_refused() {
    let ops = [
        (Op::About, 1),
        (Op::List, 1),
        (Op::GenerateIds, 1),
        (Op::Initiate, 1),
        (Op::Status, 1),
        (Op::Get, 1),
        (Op::Update, 1),
        (Op::Update, 2),
    ];
    for (op, nth) in ops {
        let mut faults: Faults = vec![(op, When::Nth(nth), unauthorised())];
        if op == Op::Status {
            faults.push((Op::Chunk, When::Nth(2), Fault::ResetAtByte(UNIT)));
        }
        let upload = Outgoing::replacing().with(&faults);
        let asked = upload.fake().token_requests();
        upload.send(0);
        assert_eq!(upload.fake().token_requests() - asked, 2, "{op:?} {nth}");
        upload.settled_with(PIECES);
    }
}

#[test]
fn p17_a_login_revoked_in_mid_upload_keeps_what_was_sent() {
    let upload = Outgoing::replacing();
    let held = upload.fake().hold(Op::Chunk, 3, Moment::BeforeWork);
    let call = upload
        .drive
        .call(["sync", "acme-corp", "site.tar", "--json"]);
    let child = call.spawn();
    held.reached();
    upload.fake().expire_tokens();
    upload
        .fake()
        .refuse_grants("invalid_grant", "Token has been expired or revoked.");
    drop(held);
    let told = upload.ended(child).code(6);
    let told = told
        .stderr_has("is kept; the next sync goes on from there")
        .json();
    reason(&told, "auth");
    assert!(
        told["hint"]
            .as_str()
            .unwrap()
            .contains("providers login google_drive"),
        "{told}"
    );
    assert_eq!(told["retryable"], json!(false), "{told}");
    let kept = upload.fake().sessions();
    assert_eq!(
        (upload.noted(), kept.len(), kept[0].stored),
        (1, 1, UNIT * 2)
    );
    upload.is_sound();
    // Until somebody logs in again, nothing of it is lost.
    reason(&upload.fails(6), "auth");
    assert_eq!((upload.noted(), upload.fake().sessions().len()), (1, 1));
    upload.fake().accept_grants();
    let begun = upload.fake().count(Op::Initiate);
    upload.settled_with(PIECES + 1);
    assert_eq!(upload.fake().count(Op::Initiate), begun);
}

#[test]
fn p17_a_login_revoked_at_the_end_keeps_what_arrived() {
    for (op, nth) in [(Op::Update, 1), (Op::Update, 2)] {
        let upload = Outgoing::replacing();
        let held = upload.fake().hold(op, nth, Moment::BeforeWork);
        let child = upload.call().spawn();
        held.reached();
        upload.fake().expire_tokens();
        upload.fake().refuse_grants("invalid_grant", "Bad Request");
        drop(held);
        upload
            .ended(child)
            .code(6)
            .stderr_has("providers login google_drive");
        upload.is_sound();
        assert_eq!(upload.noted(), 1);
        upload.fake().accept_grants();
        upload.settled_with(PIECES);
    }
}

#[test]
fn s3_the_token_goes_to_no_foreign_host() {
    // The session is said to be elsewhere: no byte and no token goes there.
    let elsewhere = Outgoing::of(vec![7; units(1, 5)]);
    let foreign = Outgoing::new();
    let place = format!(
        "HTTP/1.1 200 OK\r\nLocation: {}/upload/drive/v3/files?upload_id=x\r\nContent-Length: 0\r\n\r\n",
        foreign.fake().oauth_url()
    );
    let fault = Fault::Raw(place.into_bytes());
    elsewhere.fake().fail(Op::Initiate, When::Always, fault);
    elsewhere.call().run().code(6);
    foreign.fake().forgive();
    assert!(
        foreign
            .fake()
            .requests()
            .iter()
            .all(|it| it.header("authorization").is_none())
    );
    elsewhere.settled();
    foreign.settled();
}
