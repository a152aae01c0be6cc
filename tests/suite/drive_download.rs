//! Downloads from Google Drive: whatever becomes of the connection, the file is whole or
//! is not there, and what came already is not fetched again.

use std::fs;
use std::process::Child;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::promises::until;
use crate::support::backups::noise;
use crate::support::drive::{Drive, FOLDER};
use crate::support::fake_drive::{Fault, Moment, Op, Request, When};
use crate::support::{DB, Outcome, signal};

/// A backup that somebody stored without a sidecar.
const NAME: &str = "storage_backup_20250301_010000.tar.gz";
const SIZE: usize = 300_000;
const OUT: &str = "out.tar.gz";
const PARTIAL: &str = ".out.tar.gz.partial";

const DOWNLOAD: [&str; 5] = ["download", "acme-corp", NAME, "-o", OUT];

fn content() -> Vec<u8> {
    noise(7, SIZE)
}

/// The Drive with the backup, and its id.
fn stored() -> (Drive, String) {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    let id = drive.fake.put_file(&folder, NAME, &content());
    (drive, id)
}

/// Downloads; on success the file is right, on failure it is not there.
#[track_caller]
fn fetch(drive: &Drive, code: i32) -> Outcome {
    let outcome = drive.call(DOWNLOAD).run().code(code);
    if code == 0 {
        arrived(drive, &content());
    } else {
        assert!(!drive.file(OUT).exists());
    }
    outcome
}

/// Fails to download; the error.
#[track_caller]
fn refused(drive: &Drive, code: i32) -> Value {
    let words = DOWNLOAD.iter().chain(&["--json"]);
    let error = drive.call(words).run().code(code).json();
    assert!(!drive.file(OUT).exists());
    error
}

/// The file is there with these bytes, nothing beside it; it is taken away again.
#[track_caller]
fn arrived(drive: &Drive, content: &[u8]) {
    assert!(fs::read(drive.file(OUT)).unwrap() == content);
    assert!(!drive.file(PARTIAL).exists());
    fs::remove_file(drive.file(OUT)).unwrap();
}

/// Where each request for bytes began, as it said: `0` without a range.
fn starts(requests: &[Request]) -> Vec<u64> {
    let media = requests.iter().filter(|request| request.op == Op::Media);
    let start = |request: &Request| {
        let range = request.header("range")?.strip_prefix("bytes=")?;
        Some(range.trim_end_matches('-').parse().unwrap())
    };
    media.map(|request| start(request).unwrap_or(0)).collect()
}

fn raw(head: &str, body: &[u8]) -> Fault {
    Fault::Raw([format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat())
}

/// What goes wrong, in words and in deeds, and where each request for bytes begins then.
type Cut<'a> = (&'a str, &'a [(When, Fault)], &'a [u64]);

#[test]
fn n06_a_cut_download_goes_on_where_it_broke() {
    let (drive, _) = stored();
    let fake = &drive.fake;
    fetch(&drive, 0);
    let cut = |at| (When::Nth(1), Fault::CloseAtByte(at));
    let cases: [Cut; 11] = [
        ("before the first byte", &[cut(0)], &[0, 0]),
        ("after the first", &[cut(1)], &[0, 1]),
        ("with a length", &[cut(100_000)], &[0, 100_000]),
        ("before the last", &[cut(299_999)], &[0, 299_999]),
        (
            "no length, a clean end",
            &[(When::Nth(1), Fault::NoLength { missing: 1 })],
            &[0, 299_999],
        ),
        // All came but the sign that it was all: it need not come again.
        ("in chunks", &[(When::Nth(1), Fault::Unterminated)], &[0]),
        (
            "in chunks, early",
            &[(When::Nth(1), Fault::Unterminated), cut(70_000)],
            &[0, 70_000],
        ),
        (
            "three times",
            &[
                cut(100_000),
                (When::Nth(2), Fault::CloseAtByte(0)),
                (When::Nth(3), Fault::CloseAtByte(50_000)),
            ],
            &[0, 100_000, 100_000, 150_000],
        ),
        (
            "more often than anything is tried, but always further",
            &[(When::First(9), Fault::CloseAtByte(30_000))],
            &[
                0, 30_000, 60_000, 90_000, 120_000, 150_000, 180_000, 210_000, 240_000, 270_000,
            ],
        ),
        (
            "and the range is ignored",
            &[cut(100_000), (When::Nth(2), Fault::IgnoreRange)],
            &[0, 100_000],
        ),
        (
            "and the wrong range is sent once",
            &[cut(100_000), (When::Nth(2), Fault::WrongContentRange)],
            &[0, 100_000, 100_000],
        ),
    ];
    for (what, faults, expected) in cases {
        for (when, fault) in faults {
            fake.fail(Op::Media, *when, fault.clone());
        }
        let mark = drive.mark();
        fetch(&drive, 0);
        assert_eq!(starts(&drive.since(mark)), expected, "{what}");
    }
    // After a reset some of what was sent may be lost, but nothing is skipped.
    fake.fail(Op::Media, When::Nth(1), Fault::ResetAtByte(200_000));
    let mark = drive.mark();
    fetch(&drive, 0);
    let begun = starts(&drive.since(mark));
    assert!(begun.len() == 2 && begun[1] <= 200_000, "{begun:?}");
}

#[test]
fn a_slip_on_the_way_to_the_bytes_is_made_up_for() {
    let (drive, _) = stored();
    let busy = Fault::Error(403, "userRateLimitExceeded", "User Rate Limit Exceeded");
    let slips = [
        (Op::Media, Fault::ShortBody(10)),
        (Op::Media, Fault::rate_limit()),
        (Op::Media, busy),
        (Op::Media, Fault::DetailsOnly(403, "RATE_LIMIT_EXCEEDED")),
        (Op::Media, Fault::RetryAfter(429, "rateLimitExceeded", "0")),
        (
            Op::Media,
            Fault::Error(401, "authError", "Invalid Credentials"),
        ),
        (
            Op::Media,
            Fault::Error(503, "backendError", "Backend Error"),
        ),
        (Op::Media, Fault::Html(500)),
        (Op::Media, Fault::Empty(502)),
        (Op::Media, Fault::Text(408, "Request Timeout")),
        (Op::Media, Fault::ResetBeforeWork),
        (Op::Media, Fault::ResetAfterWork),
        (
            Op::Get,
            Fault::Error(500, "internalError", "Internal Error"),
        ),
        (
            Op::Get,
            Fault::Error(401, "authError", "Invalid Credentials"),
        ),
        (Op::List, Fault::Empty(502)),
        (Op::List, Fault::ResetAfterWork),
    ];
    for (number, (op, slip)) in slips.into_iter().enumerate() {
        let mark = drive.mark();
        drive.fake.fail(op, When::Nth(1), slip);
        fetch(&drive, 0);
        let begun = starts(&drive.since(mark));
        let expected = if op == Op::Media { 2 } else { 1 };
        assert_eq!(begun, vec![0; expected], "slip {number}");
    }
}

#[test]
fn a_download_that_cannot_succeed_ends_and_says_why() {
    let network = ("provider_connection_failed", json!("network"));
    let integrity = ("integrity_failed", Value::Null);
    let quota = ("provider_connection_failed", json!("quota"));
    let forbidden = ("provider_connection_failed", json!("forbidden"));
    let error = |reason, text| Fault::Error(403, reason, text);
    let more = raw("200 OK\r\nContent-Length: 300010", &noise(7, SIZE + 10));
    let endless = raw("200 OK\r\nConnection: close", &noise(7, SIZE + 10));
    let used_up = error("downloadQuotaExceeded", "The download quota is exceeded.");
    let document = error("fileNotDownloadable", "Only files with binary content.");
    // Each with the words of the error, and how often it is tried.
    let cases = [
        (Fault::CloseAtByte(0), 6, &network, "(tried 6 times)", 6),
        (Fault::Html(404), 6, &network, "it answers 404", 1),
        (
            Fault::Html(416),
            7,
            &integrity,
            "has fewer bytes than its listing",
            1,
        ),
        (Fault::ShortBody(10), 7, &integrity, "299990 are sent", 2),
        (more, 7, &integrity, "300010 are sent", 2),
        (endless, 7, &integrity, "has more bytes than its listing", 1),
        (
            Fault::ContentEncoding("gzip"),
            6,
            &network,
            "the encoding 'gzip'",
            1,
        ),
        (
            Fault::Error(503, "backendError", "No"),
            6,
            &network,
            "503 backendError",
            6,
        ),
        (Fault::rate_limit(), 6, &quota, "too many requests", 6),
        (used_up, 6, &quota, "used up for today", 1),
        (document, 6, &forbidden, "fileNotDownloadable", 1),
    ];
    for (fault, code, (name, reason), words, tries) in cases {
        let (drive, _) = stored();
        drive.fake.fail(Op::Media, When::Always, fault);
        let error = refused(&drive, code);
        assert_eq!(
            (&error["code"], &error["reason"]),
            (&json!(name), reason),
            "{error}"
        );
        assert!(error["detail"].as_str().unwrap().contains(words), "{error}");
        assert_eq!(drive.fake.count(Op::Media), tries, "{words}");
        assert!(!drive.file(PARTIAL).exists(), "{words}");
    }
}

#[test]
fn n08_wrong_ranges_are_never_appended() {
    let (drive, _) = stored();
    let fake = &drive.fake;
    fake.fail(Op::Media, When::Nth(1), Fault::CloseAtByte(100_000));
    fake.fail(Op::Media, When::AllAfter(1), Fault::WrongContentRange);
    let told = fetch(&drive, 6);
    told.stderr_has("sends other bytes than it was asked for (tried 6 times)");
    // What came before is right, and kept.
    assert!(fs::read(drive.file(PARTIAL)).unwrap() == content()[..100_000]);
    fake.heal();
    let mark = drive.mark();
    fetch(&drive, 0);
    assert_eq!(starts(&drive.since(mark)), [100_000]);
}

#[test]
fn what_the_drive_has_is_never_given_out_for_what_was_sent() {
    let drive = Drive::new();
    drive.backup("made", NAME, &content());
    drive.sync(&format!("made/{NAME}")).code(0);
    fetch(&drive, 0);
    // The hashes that the service tells are those of the damage.
    drive.fake.corrupt(NAME);
    refused(&drive, 7);
    drive
        .run(["verify", "acme-corp", NAME, "--download"])
        .code(7);
    drive.run(["restore-test", "acme-corp", NAME, "-q"]).code(7);
    // On another machine the sidecar tells.
    fs::remove_file(drive.state()).unwrap();
    refused(&drive, 7);
    assert!(!drive.file(PARTIAL).exists());
}

#[test]
fn bytes_that_are_not_what_the_service_says_do_not_arrive() {
    let (drive, _) = stored();
    let other = raw("200 OK\r\nContent-Length: 300000", &noise(8, SIZE));
    drive.fake.fail(Op::Media, When::Always, other);
    let error = refused(&drive, 7);
    assert_eq!(error["code"], "integrity_failed", "{error}");
    assert!(!drive.file(PARTIAL).exists());
}

#[test]
fn without_a_hash_of_the_service_the_sidecar_proves_it() {
    let drive = Drive::new();
    drive.backup("made", NAME, &content());
    drive.sync(&format!("made/{NAME}")).code(0);
    let none = Fault::NoHashes {
        md5: true,
        sha256: true,
    };
    for op in [Op::List, Op::Get] {
        drive.fake.fail(op, When::Always, none.clone());
    }
    for known in [true, false] {
        if !known {
            fs::remove_file(drive.state()).unwrap();
        }
        fetch(&drive, 0);
        let report = drive.json(0, ["verify", "acme-corp", "--download"]);
        assert_eq!(
            (&report["count"], &report["failed"]),
            (&json!(1), &json!(0))
        );
    }
    drive.fake.corrupt(NAME);
    refused(&drive, 7);
    drive.run(["verify", "acme-corp", "--download"]).code(7);
}

#[test]
fn n08_a_replaced_backup_is_never_mixed_with_the_old_one() {
    let other = noise(8, SIZE);
    let cut = |drive: &Drive| {
        let at = Fault::CloseAtByte(100_000);
        drive.fake.fail(Op::Media, When::Nth(1), at);
    };
    // Seen by the look before the second range: it is another one, or gone.
    for is_replaced in [true, false] {
        let (drive, id) = stored();
        cut(&drive);
        let hold = drive.fake.hold(Op::Media, 1, Moment::Body(50_000));
        let words = DOWNLOAD.iter().chain(&["--json"]);
        let child = drive.call(words).spawn();
        hold.reached();
        if is_replaced {
            drive.fake.replace(&id, &other);
        } else {
            drive.fake.trash(&id);
        }
        drop(hold);
        let told = Outcome::of(&child.wait_with_output().unwrap(), &drive);
        if is_replaced {
            told.code(0).stderr_has("; it is fetched anew");
            arrived(&drive, &other);
            continue;
        }
        let error = told.code(7).json();
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("vanished"), "{error}");
        assert!(!drive.file(OUT).exists() && !drive.file(PARTIAL).exists());
        drive.call(DOWNLOAD).run().code(4);
    }
    // Or only by what came: never a mixture.
    let (drive, id) = stored();
    cut(&drive);
    let stored_then = other.clone();
    drive
        .fake
        .before(Op::Media, 2, move |files| files.replace(&id, &stored_then));
    drive
        .call(DOWNLOAD)
        .run()
        .code(0)
        .stderr_has("it is fetched anew");
    arrived(&drive, &other);
    // Replaced between two runs: what the first one left belongs to the old content.
    for in_place in [true, false] {
        let (drive, id) = stored();
        cut_short(&drive, |child| child.kill().unwrap());
        if in_place {
            drive.fake.replace(&id, &other);
        } else {
            let folder = drive.fake.make_folders(&FOLDER);
            drive.fake.trash(&id);
            drive.fake.put_file(&folder, NAME, &other);
        }
        let mark = drive.mark();
        drive.call(DOWNLOAD).run().code(0);
        assert_eq!(starts(&drive.since(mark)), [0]);
        arrived(&drive, &other);
    }
}

/// Starts a download and does something to it after 100 000 bytes: how it ended.
fn cut_short(drive: &Drive, deed: impl FnOnce(&mut Child)) -> Outcome {
    let hold = drive.fake.hold(Op::Media, 1, Moment::Body(100_000));
    let mut child = drive.call(DOWNLOAD).spawn();
    hold.reached();
    until("a partial file", || {
        fs::metadata(drive.file(PARTIAL)).is_ok_and(|meta| meta.len() == 100_000)
    });
    deed(&mut child);
    Outcome::of(&child.wait_with_output().unwrap(), drive)
}

#[test]
fn x36_a_run_goes_on_where_a_killed_or_stopped_one_ended() {
    for (death, code) in [(Signal::KILL, -9), (Signal::TERM, 143)] {
        let (drive, _) = stored();
        let told = cut_short(&drive, |child| signal(child, death)).code(code);
        if death != Signal::KILL {
            told.stderr_has("97.7 KiB are kept in '.out.tar.gz.partial'");
        }
        assert!(!drive.file(OUT).exists());
        let mark = drive.mark();
        fetch(&drive, 0);
        assert_eq!(starts(&drive.since(mark)), [100_000]);
    }
}

#[test]
fn parts_that_came_are_not_fetched_again_and_the_latest_is_found() {
    let drive = Drive::new();
    let part = |number: u64| noise(number, 150_000);
    let parts = drive.split(
        "made",
        "storage_backup_20250301_010000",
        &[part(1), part(2), part(3)],
    );
    drive.sync(&format!("made/{}", parts[0])).code(0);
    let whole = [part(1), part(2), part(3)].concat();
    // The sidecar comes before the parts.
    let hold = drive.fake.hold(Op::Media, 3, Moment::Body(40_000));
    let mut child = drive.call(DOWNLOAD).spawn();
    hold.reached();
    until("a partial file", || {
        fs::metadata(drive.file(PARTIAL)).is_ok_and(|meta| meta.len() == 190_000)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let mark = drive.mark();
    drive.call(DOWNLOAD).run().code(0);
    arrived(&drive, &whole);
    assert_eq!(starts(&drive.since(mark)), [0, 40_000, 0]);

    let latest = ["download", "acme-corp", "--latest", "-o", OUT];
    drive.call(latest).run().code(0);
    arrived(&drive, &whole);
}

#[test]
fn a_token_that_ends_between_two_pieces_is_renewed() {
    for at in [Op::Get, Op::Media] {
        let (drive, _) = stored();
        let fake = &drive.fake;
        fake.fail(Op::Media, When::Nth(1), Fault::CloseAtByte(100_000));
        let hold = fake.hold(Op::Media, 1, Moment::Body(50_000));
        let child = drive.call(DOWNLOAD).spawn();
        hold.reached();
        let tokens = fake.token_requests();
        let second = (at == Op::Media).then(|| fake.hold(Op::Media, 1, Moment::BeforeWork));
        if at == Op::Get {
            fake.expire_tokens();
        }
        drop(hold);
        if let Some(second) = second {
            second.reached();
            fake.expire_tokens();
        }
        Outcome::of(&child.wait_with_output().unwrap(), &drive).code(0);
        arrived(&drive, &content());
        assert_eq!(fake.token_requests(), tokens + 1, "{at:?}");
    }
    // A login that was revoked meanwhile ends it, and what came is kept.
    let (drive, _) = stored();
    let fake = &drive.fake;
    fake.fail(Op::Media, When::Nth(1), Fault::CloseAtByte(100_000));
    let hold = fake.hold(Op::Media, 1, Moment::Body(50_000));
    let child = drive.call(DOWNLOAD).spawn();
    hold.reached();
    fake.expire_tokens();
    fake.refuse_grants("invalid_grant", "Token has been expired or revoked.");
    drop(hold);
    let told = Outcome::of(&child.wait_with_output().unwrap(), &drive).code(6);
    told.stderr_has("vertex-backup providers login google_drive");
    assert!(!drive.file(OUT).exists());
    assert_eq!(fs::metadata(drive.file(PARTIAL)).unwrap().len(), 100_000);
}

#[test]
fn n10_a_redirect_to_the_bytes_carries_no_token() {
    // The fake writes down a token that comes to the other host.
    let (drive, _) = stored();
    let fake = &drive.fake;
    fake.redirect_media(true);
    fetch(&drive, 0);
    assert_eq!(fake.count(Op::Storage), 1);
    fake.fail(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
    fetch(&drive, 0);
    let asked = fake.requests_of(Op::Storage);
    assert_eq!(asked.last().unwrap().header("range"), Some("bytes=100000-"));

    for (place, words) in [
        ("ftp://127.0.0.1/x", "not one of the web"),
        (
            "http://user:SECRET@127.0.0.1:9/x",
            "an address with a user in it",
        ),
        (
            "https://169.254.169.254/latest?SECRET",
            "inside this network",
        ),
        ("//127.0.0.1:9/x?SECRET", "not a whole one"),
        ("", "an address that cannot be read"),
    ] {
        let (drive, _) = stored();
        let astray = Fault::RedirectTo(place.to_owned());
        drive.fake.fail(Op::Media, When::Always, astray);
        let outcome = fetch(&drive, 6).stderr_has(words);
        assert!(!outcome.stderr.contains("SECRET"), "{}", outcome.stderr);
        assert_eq!(drive.fake.count(Op::Media), 1, "{place}");
        assert!(!drive.file(PARTIAL).exists(), "{place}");
    }
}

#[test]
fn a_file_without_bytes_is_asked_for_without_a_range() {
    let drive = Drive::new();
    let folder = drive.fake.make_folders(&FOLDER);
    drive.fake.put_file(&folder, NAME, b"");
    drive.call(DOWNLOAD).run().code(0);
    arrived(&drive, b"");
    let asked = drive.fake.requests_of(Op::Media);
    assert!(
        asked
            .iter()
            .all(|request| request.header("range").is_none())
    );
}

#[test]
fn a_stream_goes_on_after_a_cut() {
    let (drive, _) = stored();
    let stream = || {
        let mut call = drive.call(["download", "acme-corp", NAME, "-o", "-"]);
        let output = call.command.output().unwrap();
        (Outcome::of(&output, &drive), output.stdout)
    };
    let cut = |when, at| drive.fake.fail(Op::Media, when, Fault::CloseAtByte(at));
    cut(When::Nth(1), 100_000);
    let (outcome, bytes) = stream();
    outcome.code(0);
    assert!(bytes == content());
    assert_eq!(starts(&drive.fake.requests()), [0, 100_000]);
    // Cut for ever, the exit code says that what came is not all.
    cut(When::Nth(1), 100_000);
    cut(When::AllAfter(1), 0);
    let (outcome, bytes) = stream();
    outcome.code(6);
    assert!(bytes == content()[..100_000]);
}

#[test]
fn what_google_takes_for_malware_needs_a_word() {
    let drive = Drive::new();
    drive.backup("made", NAME, &content());
    drive.sync(&format!("made/{NAME}")).code(0);
    let flagged = drive.fake.files(&FOLDER, NAME).remove(0).id;
    drive.fake.flag_as_abusive(&flagged);
    let acknowledged = || {
        let asked = drive.fake.requests_of(Op::Media).into_iter();
        asked
            .filter(|request| request.id.as_ref() == Some(&flagged))
            .map(|request| request.param("acknowledgeAbuse").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let mark = acknowledged().len();
    let error = refused(&drive, 6);
    assert_eq!(error["reason"], "forbidden", "{error}");
    assert_eq!(error["retryable"], false, "{error}");
    let detail = error["detail"].as_str().unwrap();
    assert!(
        detail.contains("malware") && detail.contains(NAME),
        "{detail}"
    );
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("--acknowledge-abuse"), "{hint}");
    assert_eq!(acknowledged()[mark..], [None]);

    let with_word = |words: &[&str]| {
        let mark = acknowledged().len();
        let words = words.iter().chain(&["--acknowledge-abuse"]);
        drive.call(words).run().code(0);
        acknowledged().split_off(mark)
    };
    // After the refusal, and for the file it is about: the fake takes it amiss elsewhere.
    let yes = Some("true".to_owned());
    assert_eq!(with_word(&DOWNLOAD), [None, yes.clone()]);
    arrived(&drive, &content());
    let read = with_word(&["verify", "acme-corp", "--download"]);
    assert_eq!(read.iter().filter(|word| **word == yes).count(), 1);
    // Cut (the sidecar comes first), it is asked for both ways again.
    drive
        .fake
        .fail(Op::Media, When::Nth(3), Fault::CloseAtByte(100_000));
    assert_eq!(with_word(&DOWNLOAD), [None, yes.clone(), None, yes]);
    arrived(&drive, &content());
    // A restore for a test needs the same word.
    drive.sync(&format!("backups/database/{DB}")).code(0);
    drive
        .fake
        .flag_as_abusive(&drive.fake.files(&FOLDER, DB)[0].id);
    let words = ["restore-test", "acme-corp", DB];
    drive.run(words).code(6).stderr_has("--acknowledge-abuse");
    let word = ["--acknowledge-abuse"];
    drive.run(words.iter().chain(&word)).code(0);
}

#[test]
fn n05_who_is_told_to_come_back_in_an_hour_does_not_ask_again() {
    for (status, reason) in [(429, "rateLimitExceeded"), (503, "backendError")] {
        let (drive, _) = stored();
        let later = Fault::RetryAfter(status, reason, "3600");
        drive.fake.fail(Op::Media, When::Always, later);
        let error = refused(&drive, 6);
        assert_eq!(error["retryable"], json!(true), "{error}");
        assert_eq!(drive.fake.count(Op::Media), 1);
        drive.fake.heal();
        fetch(&drive, 0);
    }
}
