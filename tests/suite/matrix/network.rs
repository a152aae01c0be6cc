//! Faults of the network between this machine and a cloud (N01–N14, S3, S7).
//!
//! `line` says them in the same words for both clouds; here are connections that break and
//! servers that fail, in `waits` what keeps silent or asks to wait, in `bytes` what is wrong
//! with the bytes of a download, in `reach` names and proxies, in `way` where requests are led,
//! in `tls` who is met there, in `clock` what a wrong time does.

mod bytes;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod clock;
mod line;
mod reach;
mod somebody;
mod tls;
mod waits;
mod way;

use serde_json::{Value, json};

use crate::support::drive::Drive;
use crate::support::fake::rules::When;
use line::{
    DOWNLOAD, Fault, Line as _, SYNC, Step, content, downloads, fails, lines, survives, uploads,
    whole,
};

/// The steps of an upload, and of a download.
const UP: [Step; 5] = [
    Step::Account,
    Step::Look,
    Step::Begin,
    Step::Send,
    Step::Name,
];
const DOWN: [Step; 4] = [Step::List, Step::Look, Step::Lead, Step::Fetch];

#[test]
fn n01_a_cut_at_any_step_is_made_up_for() {
    for (lines, steps, words) in [
        (uploads(), &UP[..], &SYNC[..]),
        (downloads(), &DOWN, &DOWNLOAD),
    ] {
        for line in lines {
            for step in steps {
                line.breaks(*step, When::Nth(1), Fault::ResetBeforeWork);
            }
            let told = survives(&*line, "a reset at every step", words, 0);
            assert!(told.stderr.contains("retrying in"), "{}", told.stderr);
        }
    }
    let drive = Drive::new();
    for fault in [Fault::ResetBeforeWork, Fault::ResetAfterWork] {
        drive.breaks(Step::Token, When::Nth(1), fault);
        drive.sandbox.write(line::NAME, content());
        survives(&drive, "a reset where tokens are", &SYNC, 0);
        drive.sandbox.write(line::NAME, line::OUT);
    }
}

#[test]
fn n02_a_line_that_breaks_for_ever_is_given_up() {
    let files = ["files", "acme-corp", "--json"];
    for line in lines() {
        line.breaks(Step::List, When::Always, Fault::ResetBeforeWork);
        let before = line.seen(Step::List).len();
        let told = line.call(&files).run().code(6).json();
        assert_eq!(
            (&told["reason"], &told["retryable"]),
            (&json!("network"), &json!(true))
        );
        assert_eq!(line.seen(Step::List).len() - before, 6, "{told}");
    }
    for (words, steps) in [(&SYNC[..], &UP[..]), (&DOWNLOAD, &DOWN[1..])] {
        for step in steps {
            let is_upload = words == SYNC;
            let lines = if is_upload { uploads() } else { downloads() };
            for line in lines {
                let is_drive = line.provider() == "google_drive";
                if *step == Step::Look && is_upload && is_drive {
                    // Nothing is looked at there in a first upload.
                    continue;
                }
                line.breaks(*step, When::Always, Fault::ResetBeforeWork);
                let before = line.seen(*step).len();
                let told = line
                    .call(&[words, &["--json"]].concat())
                    .run()
                    .code(6)
                    .json();
                let tries = line.seen(*step).len() - before;
                let what = format!("{step:?} on {}: {told}", line.provider());
                assert_eq!(told["reason"], "network", "{what}");
                assert_eq!(told["retryable"], true, "{what}");
                assert!((2..=6).contains(&tries), "{tries} times {what}");
                // The Drive has a session by then, with which the next run goes on.
                let hint = told["hint"].as_str().unwrap_or_default();
                let is_kept = *step == Step::Name || *step == Step::Send && is_drive;
                assert_eq!(hint.contains("what was sent of"), is_kept, "{what}");
                // Tried a second time, it fails the same way, and then all is well.
                fails(&*line, &what, words, "network");
            }
        }
    }
    let drive = Drive::new();
    drive.sandbox.write(line::NAME, content());
    drive.breaks(Step::Token, When::Always, Fault::ResetBeforeWork);
    let told = fails(&drive, "tokens", &SYNC, "network");
    assert_eq!(told["retryable"], json!(true), "{told}");
}

const STATUSES: [(u16, &str); 5] = [
    (500, "500 Internal Server Error"),
    (502, "502 Bad Gateway"),
    (503, "503 Service Unavailable"),
    (504, "504 Gateway Timeout"),
    (509, "509 Bandwidth Limit Exceeded"),
];

/// An error of a server as the service itself, a gateway, or nobody words it.
fn worded(status: u16, head: &str) -> [Fault; 3] {
    let json = json!({
        "error": {"code": status, "message": "Backend Error", "errors": [{"reason": "backendError"}]},
        "description": "It failed.",
    });
    [
        whole(
            &format!("{head}\r\nContent-Type: application/json"),
            json.to_string().as_bytes(),
        ),
        whole(
            &format!("{head}\r\nContent-Type: text/html"),
            b"<html><h1>No</h1></html>",
        ),
        whole(head, b""),
    ]
}

#[test]
fn n04_a_server_that_fails_now_and_then_is_asked_again() {
    for (status, head) in STATUSES {
        for (lines, steps, words) in [
            (uploads(), &UP[..], &SYNC[..]),
            (downloads(), &DOWN, &DOWNLOAD),
        ] {
            for line in lines {
                // Each step by turns in one of the forms.
                for (number, step) in steps.iter().enumerate() {
                    let form = (number + usize::from(status)) % 3;
                    let fault = worded(status, head)[form].clone();
                    line.breaks(*step, When::Nth(1), fault);
                }
                survives(&*line, head, words, 0);
            }
        }
        for line in downloads() {
            for (nth, fault) in worded(status, head).into_iter().enumerate() {
                line.breaks(Step::List, When::Nth(nth + 1), fault);
            }
            line.call(&["files", "acme-corp"]).run().code(0);
        }
        let drive = Drive::new();
        drive.sandbox.write(line::NAME, content());
        for (nth, fault) in worded(status, head).into_iter().enumerate() {
            drive.breaks(Step::Token, When::Nth(nth + 1), fault);
        }
        survives(&drive, head, &SYNC, 0);
    }
}

/// Something of everything that is not to be shown as it is.
fn nasty() -> Vec<u8> {
    let text = "<h1>\x1b[31mBad\x07\r\n Gateway</h1> \u{202e}see https://up.example/SIGNED?sig=SECRET \
                Bearer SECRET ya29.SECRET ";
    [
        text.as_bytes(),
        b"\xff\xfe ",
        "word ".repeat(3000).as_bytes(),
    ]
    .concat()
}

#[test]
fn n04_a_server_that_fails_for_ever_is_quoted_with_care() {
    let shown = |told: &Value, what: &str| {
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains("503"), "{what}: {detail}");
        assert!(
            detail.contains("\\u{1b}[31mBad\\u{7} Gateway</h1>"),
            "{what}: {detail}"
        );
        assert!(detail.contains("\\u{202e}see …"), "{what}: {detail}");
        assert!(!told.to_string().contains("SECRET"), "{what}: {told}");
        let quoted = detail.split("503: ").nth(1).unwrap();
        let words = quoted
            .find(" (")
            .unwrap_or(quoted.len())
            .max(quoted.find(", after").unwrap_or(0));
        // The escapes take more room than what they stand for.
        assert!(words <= 200 + 40, "{what}: {detail}");
        assert_eq!(told["retryable"], json!(true), "{told}");
    };
    let failing = || whole("503 Service Unavailable", &nasty());
    for step in [Step::Begin, Step::Send] {
        for line in uploads() {
            line.breaks(step, When::Always, failing());
            shown(
                &fails(&*line, "for ever", &SYNC, "network"),
                &format!("{step:?}"),
            );
        }
    }
    for line in downloads() {
        line.breaks(Step::Fetch, When::Always, failing());
        let told = fails(&*line, "for ever", &DOWNLOAD, "network");
        shown(&told, "Fetch");
        line.breaks(Step::List, When::Always, failing());
        let told = line
            .call(&["files", "acme-corp", "--json"])
            .run()
            .code(6)
            .json();
        shown(&told, "List");
    }
}
