//! Bytes of a download that are too few, too many, others, or not what is stored (N06–N09).

use std::fs;

use serde_json::{Value, json};

use super::line::{
    DOWNLOAD, Fault, Line, NAME, OUT, SIZE, Step, answer, content, downloads, fails, survives,
};
use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::fake::rules::When;
use crate::support::invariants::Watch;
use crate::support::{fake_drive, fake_yandex};

/// So many bytes of the backup, from one on.
fn part(from: usize, count: usize) -> Vec<u8> {
    noise(7, SIZE + 4096)[from..from + count].to_vec()
}

/// Where the requests for bytes began, as they said.
fn starts(line: &dyn Line) -> Vec<u64> {
    let start = |range: &str| {
        let range = range.strip_prefix("bytes=").unwrap();
        range.trim_end_matches('-').parse().unwrap()
    };
    let seen = line.seen(Step::Fetch).into_iter();
    seen.map(|it| it.header("range").map_or(0, start)).collect()
}

#[test]
fn n06_a_download_that_ends_early_goes_on_where_it_ended() {
    for line in downloads() {
        for (what, faults, begun) in [
            ("with a length", vec![Fault::CloseAt(100_000)], 100_000),
            (
                "in chunks without an end",
                vec![Fault::Unterminated, Fault::CloseAt(100_000)],
                100_000,
            ),
            (
                "no length, a clean end",
                vec![Fault::NoLength(200_000)],
                100_000,
            ),
            ("nothing at all", vec![Fault::NoLength(SIZE as u64)], 0),
        ] {
            let before = starts(&*line).len();
            for fault in faults {
                line.breaks(Step::Fetch, When::Nth(1), fault);
            }
            survives(&*line, what, &DOWNLOAD, 0);
            let provider = line.provider();
            assert_eq!(starts(&*line)[before..], [0, begun], "{provider}, {what}");
            fs::remove_file(line.sandbox().file(OUT)).unwrap();
        }
        // For ever, whatever the form: never a short file.
        for fault in [Fault::CloseAt(0), Fault::NoLength(SIZE as u64)] {
            line.breaks(Step::Fetch, When::Always, fault);
            let told = fails(&*line, "for ever", &DOWNLOAD, "network");
            assert_eq!(told["retryable"], json!(true), "{told}");
            fs::remove_file(line.sandbox().file(OUT)).unwrap();
        }
    }
}

#[test]
fn n06_an_answer_in_json_that_ends_early_is_asked_for_again() {
    let text = br#"{"_embedded": {"items": [{"name": "site.tar"#;
    for (step, words) in [
        (Step::List, &["files", "acme-corp", "-v"][..]),
        (Step::Look, &DOWNLOAD),
    ] {
        for line in downloads() {
            let cut = [
                answer("200 OK\r\nConnection: close\r\nContent-Length: 5000", text),
                answer(
                    "200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked",
                    &[b"2b\r\n", &text[..]].concat(),
                ),
                answer("200 OK\r\nConnection: close", text),
            ];
            for (nth, fault) in cut.into_iter().enumerate() {
                line.breaks(step, When::Nth(nth + 1), fault);
            }
            let told = line.call(words).run().code(0);
            let retries = told.stderr.matches("retrying in").count();
            assert_eq!(retries, 3, "{}", told.stderr);
            if step == Step::List {
                assert!(told.stdout.contains(NAME), "{}", told.stdout);
            }
        }
    }
}

/// Heads of answers with all bytes and more, which tell a wrong length of them.
const WRONG: [(&str, usize, &str); 9] = [
    ("Content-Length: 299990", 300_000, "299990 are sent"),
    ("Content-Length: 300010", 300_010, "300010 are sent"),
    ("Content-Length: 300010", 300_000, "300010 are sent"),
    ("Content-Length: 600000", 300_000, "600000 are sent"),
    ("Content-Length: 0", 300_000, "0 are sent"),
    (
        "Connection: close",
        300_010,
        "has more bytes than its listing says",
    ),
    ("Content-Length: -1", 300_000, ""),
    ("Content-Length: 99999999999999999999999", 300_000, ""),
    (
        "Content-Length: 300000\r\nContent-Length: 299990",
        300_000,
        "",
    ),
];

#[test]
fn n07_a_wrong_length_publishes_nothing() {
    for (head, sent, words) in WRONG {
        let fault = || answer(&format!("200 OK\r\n{head}"), &part(0, sent));
        for line in downloads() {
            // Once, it may have been a slip. Without a length, nobody says that it was one.
            if head != "Connection: close" {
                line.breaks(Step::Fetch, When::Nth(1), fault());
                survives(&*line, head, &DOWNLOAD, 0);
                fs::remove_file(line.sandbox().file(OUT)).unwrap();
            }
            let before = line.seen(Step::Fetch).len();
            let watch = Watch::over(line.ground()).may_hold(OUT, &content());
            line.breaks(Step::Fetch, When::Always, fault());
            let told = line.call(&[&DOWNLOAD[..], &["--json"]].concat()).run();
            let provider = line.provider();
            // What has no length that can be read is not HTTP.
            let code = if words.is_empty() { 6 } else { 7 };
            assert_eq!(told.code, code, "{provider}, {head}: {}", told.stderr);
            watch.holds_after(&told);
            assert!(!line.sandbox().file(OUT).exists(), "{provider}, {head}");
            let told = told.json();
            let detail = told["detail"].as_str().unwrap();
            assert!(detail.contains(words), "{provider}, {head}: {detail}");
            let tries = line.seen(Step::Fetch).len() - before;
            assert!(
                tries <= if code == 7 { 2 } else { 6 },
                "{provider}, {head}: {tries}"
            );
            watch.settles(&DOWNLOAD);
        }
    }
}

#[test]
fn n07_a_listing_that_tells_another_size_publishes_nothing() {
    for told in [299_990, 300_010, 0, 1] {
        let (disk, drive) = (Cloud::new(), Drive::new());
        for op in [fake_yandex::Op::Stat, fake_yandex::Op::List] {
            let change = fake_yandex::Fault::edit(move |answer| {
                let listed = answer.pointer_mut("/_embedded/items");
                match listed.and_then(Value::as_array_mut) {
                    Some(items) => items.iter_mut().for_each(|item| item["size"] = json!(told)),
                    None => answer["size"] = json!(told),
                }
            });
            disk.fake.on(op, When::Always, change);
        }
        for op in [fake_drive::Op::Get, fake_drive::Op::List] {
            let change = fake_drive::Fault::edit(move |answer| {
                let size = json!(told.to_string());
                let resize = |file: &mut Value| {
                    if file.get("size").is_some() {
                        file["size"] = size.clone();
                    }
                };
                match answer.get_mut("files").and_then(Value::as_array_mut) {
                    Some(files) => files.iter_mut().for_each(resize),
                    None => resize(answer),
                }
            });
            drive.fake.fail(op, When::Always, change);
        }
        let lines: [&dyn Line; 2] = [&disk, &drive];
        for line in lines {
            line.put(NAME, &content());
            let watch = Watch::over(line.ground()).may_hold(OUT, &content());
            let outcome = line.call(&DOWNLOAD).run();
            let provider = line.provider();
            assert_eq!(outcome.code, 7, "{provider}, {told}: {}", outcome.stderr);
            watch.holds_after(&outcome);
            assert!(!line.sandbox().file(OUT).exists(), "{provider}, {told}");
            watch.settles(&DOWNLOAD);
        }
    }
}

/// Answers to the request for the bytes from 100 000 on.
fn other_ranges() -> Vec<(&'static str, Fault)> {
    let partial = |range: &str, from: usize, count: usize| {
        let head = format!("206 Partial Content\r\n{range}\r\nContent-Length: {count}");
        answer(&head, &part(from, count))
    };
    vec![
        (
            "a later offset",
            partial(
                "Content-Range: bytes 100001-299999/300000",
                100_001,
                199_999,
            ),
        ),
        (
            "an earlier offset",
            partial("Content-Range: bytes 0-299999/300000", 0, 300_000),
        ),
        (
            "another total",
            partial(
                "Content-Range: bytes 100000-300009/300010",
                100_000,
                200_010,
            ),
        ),
        (
            "a total that differs from the bytes",
            partial(
                "Content-Range: bytes 100000-299999/300001",
                100_000,
                200_000,
            ),
        ),
        (
            "no range at all",
            partial("X-Range: none", 100_000, 200_000),
        ),
        (
            "no first byte",
            partial("Content-Range: bytes */300000", 100_000, 200_000),
        ),
        (
            "another unit",
            partial(
                "Content-Range: items 100000-299999/300000",
                100_000,
                200_000,
            ),
        ),
        (
            "several parts",
            partial(
                "Content-Type: multipart/byteranges; boundary=x",
                100_000,
                200_000,
            ),
        ),
        (
            "fewer bytes than the rest",
            partial(
                "Content-Range: bytes 100000-299989/300000",
                100_000,
                199_990,
            ),
        ),
        ("no content", answer("204 No Content", b"")),
        (
            "other content",
            answer(
                "203 Changed\r\nContent-Length: 200000",
                &part(100_000, 200_000),
            ),
        ),
    ]
}

#[test]
fn n08_only_the_very_range_that_was_asked_for_is_appended() {
    for (what, fault) in other_ranges() {
        for line in downloads() {
            let fetch = Step::Fetch;
            line.breaks(fetch, When::Nth(1), Fault::CloseAt(100_000));
            line.breaks(fetch, When::Nth(2), fault.clone());
            survives(&*line, what, &DOWNLOAD, 0);
            fs::remove_file(line.sandbox().file(OUT)).unwrap();

            line.breaks(fetch, When::Nth(1), Fault::CloseAt(100_000));
            line.breaks(fetch, When::AllAfter(1), fault.clone());
            let watch = Watch::over(line.ground()).may_hold(OUT, &content());
            let outcome = line.call(&DOWNLOAD).run();
            let provider = line.provider();
            assert!(
                matches!(outcome.code, 6 | 7),
                "{provider}, {what}: {}",
                outcome.stderr
            );
            watch.holds_after(&outcome);
            assert!(!line.sandbox().file(OUT).exists(), "{provider}, {what}");
            // What is kept for the next run is the beginning, and nothing else.
            let kept = fs::read(line.sandbox().file(".out.tar.partial")).unwrap_or_default();
            assert!(content().starts_with(&kept), "{provider}, {what}");
            watch.settles(&DOWNLOAD);
            assert!(fs::read(line.sandbox().file(OUT)).unwrap() == content());
        }
    }
}

#[test]
fn n08_a_range_that_is_not_there_and_one_that_is_ignored() {
    for line in downloads() {
        line.breaks(Step::Fetch, When::Nth(1), Fault::CloseAt(100_000));
        line.breaks(Step::Fetch, When::Nth(2), Fault::IgnoreRange);
        survives(&*line, "200 for a range", &DOWNLOAD, 0);
        fs::remove_file(line.sandbox().file(OUT)).unwrap();
        // The listing says otherwise: nothing is guessed.
        line.breaks(Step::Fetch, When::Nth(1), Fault::CloseAt(100_000));
        let none = "416 Range Not Satisfiable\r\nContent-Range: bytes */90000\r\nContent-Length: 0";
        line.breaks(Step::Fetch, When::AllAfter(1), answer(none, b""));
        let told = survives(&*line, "416", &DOWNLOAD, 7);
        told.stderr_has("has fewer bytes than its listing says");
    }
}

#[test]
fn n09_bytes_in_another_encoding_are_refused() {
    for line in downloads() {
        let encodings = [
            "gzip",
            "GZIP",
            "x-gzip",
            "deflate",
            "br",
            "zstd",
            "gzip, identity",
            "identity, gzip",
        ];
        for encoding in encodings {
            line.breaks(Step::Fetch, When::Always, Fault::Encoded(encoding));
            let before = line.seen(Step::Fetch).len();
            let told = fails(&*line, encoding, &DOWNLOAD, "network");
            let detail = told["detail"].as_str().unwrap();
            let words = format!("a file in the encoding '{encoding}'");
            assert!(detail.contains(&words), "{detail}");
            // The second one is that of the run that ends well.
            assert!(line.seen(Step::Fetch).len() - before <= 2, "{encoding}");
            fs::remove_file(line.sandbox().file(OUT)).unwrap();
        }
        // What is no encoding changes nothing.
        line.breaks(Step::Fetch, When::Nth(1), Fault::Encoded("Identity"));
        survives(&*line, "identity", &DOWNLOAD, 0);
        for step in [Step::List, Step::Look, Step::Lead, Step::Fetch] {
            for seen in line.seen(step) {
                let wanted = seen.header("accept-encoding");
                assert_eq!(wanted, Some("identity"), "{} {step:?}", line.provider());
            }
        }
    }
}
