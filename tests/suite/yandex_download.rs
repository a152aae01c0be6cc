//! Downloads from Yandex Disk: whatever becomes of the connection, the file is whole or
//! is not there, and what came already is not fetched again.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Child;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::promises::until;
use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::fake_yandex::{Fault, Moment, Op, Request, When};
use crate::support::{Outcome, Sandbox, signal};

/// A backup that somebody stored without a sidecar.
const NAME: &str = "storage_backup_20250301_010000.tar.gz";
const SIZE: usize = 300_000;
const OUT: &str = "out.tar.gz";
const PARTIAL: &str = ".out.tar.gz.partial";

fn content() -> Vec<u8> {
    noise(7, SIZE)
}

fn stored() -> Cloud {
    let cloud = Cloud::new();
    cloud.fake.put(&Cloud::path(NAME), &content());
    cloud
}

const DOWNLOAD: [&str; 5] = ["download", "acme-corp", NAME, "-o", OUT];

/// Downloads; on success the file is right, on failure it is not there.
#[track_caller]
fn fetch(cloud: &Cloud, code: i32) -> Outcome {
    let outcome = cloud.call(DOWNLOAD).run().code(code);
    if code == 0 {
        arrived(cloud, &content());
    } else {
        assert!(!cloud.file(OUT).exists());
    }
    outcome
}

/// The file is there with these bytes, nothing beside it; it is taken away again.
#[track_caller]
fn arrived(cloud: &Cloud, content: &[u8]) {
    assert!(fs::read(cloud.file(OUT)).unwrap() == content);
    assert!(!cloud.file(PARTIAL).exists());
    fs::remove_file(cloud.file(OUT)).unwrap();
}

/// Where each request for bytes began, as it said: `0` without a range.
fn starts(requests: &[Request]) -> Vec<u64> {
    let storage = requests.iter().filter(|request| request.op == Op::Storage);
    let start = |request: &Request| {
        let mut headers = request.headers.iter();
        let range = headers.find(|(name, _)| name == "range")?.1.clone();
        Some(
            range
                .strip_prefix("bytes=")?
                .trim_end_matches('-')
                .parse()
                .unwrap(),
        )
    };
    storage.map(|request| start(request).unwrap_or(0)).collect()
}

fn count(requests: &[Request], op: Op) -> usize {
    requests.iter().filter(|request| request.op == op).count()
}

fn failed(error: &Value) -> (&Value, &Value, &Value) {
    (&error["code"], &error["reason"], &error["retryable"])
}

/// What goes wrong, in words and in deeds, and where each request for bytes begins then.
type Cut<'a> = (&'a str, &'a [(When, Fault)], &'a [u64]);

#[test]
fn n06_a_cut_download_goes_on_where_it_broke_with_a_new_link() {
    let cloud = stored();
    let fake = &cloud.fake;
    fetch(&cloud, 0);
    let cases: [Cut; 9] = [
        (
            "with a length",
            &[(When::Nth(1), Fault::CloseAtByte(100_000))],
            &[0, 100_000],
        ),
        (
            "before the first byte",
            &[(When::Nth(1), Fault::CloseAtByte(0))],
            &[0, 0],
        ),
        (
            "no length, a clean end",
            &[(When::Nth(1), Fault::NoLength { missing: 1 })],
            &[0, 299_999],
        ),
        // All came but the sign that it was all: it need not come again.
        ("in chunks", &[(When::Nth(1), Fault::Unterminated)], &[0]),
        (
            "in chunks, early",
            &[
                (When::Nth(1), Fault::Unterminated),
                (When::Nth(1), Fault::CloseAtByte(70_000)),
            ],
            &[0, 70_000],
        ),
        (
            "three times",
            &[
                (When::Nth(1), Fault::CloseAtByte(100_000)),
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
            &[
                (When::Nth(1), Fault::CloseAtByte(100_000)),
                (When::Nth(2), Fault::IgnoreRange),
            ],
            &[0, 100_000],
        ),
        (
            "and the wrong range is sent once",
            &[
                (When::Nth(1), Fault::CloseAtByte(100_000)),
                (When::Nth(2), Fault::WrongContentRange),
            ],
            &[0, 100_000, 100_000],
        ),
    ];
    for (what, faults, expected) in cases {
        for (when, fault) in faults {
            fake.on(Op::Storage, *when, fault.clone());
        }
        let mark = cloud.mark();
        fetch(&cloud, 0);
        let requests = cloud.since(mark);
        assert_eq!(starts(&requests), expected, "{what}");
        assert_eq!(count(&requests, Op::DownloadLink), expected.len(), "{what}");
    }
    // After a reset some of what was sent may be lost, but nothing is skipped.
    fake.on(Op::Storage, When::Nth(1), Fault::ResetAtByte(200_000));
    let mark = cloud.mark();
    fetch(&cloud, 0);
    let begun = starts(&cloud.since(mark));
    assert!(begun.len() == 2 && begun[1] <= 200_000, "{begun:?}");
}

#[test]
fn a_slip_on_the_way_to_the_bytes_is_made_up_for() {
    let cloud = stored();
    let fake = &cloud.fake;
    let slips = [
        (Op::Storage, Fault::ShorterLength(10)),
        (Op::Storage, Fault::LongerLength(10)),
        (Op::Storage, Fault::Expired),
        (Op::Storage, Fault::Html(500)),
        (Op::Storage, Fault::ResetBeforeWork),
        (Op::Download, Fault::Expired),
        (Op::Download, Fault::ResetAfterWork),
        (
            Op::DownloadLink,
            Fault::status(503, "DiskServiceUnavailableError"),
        ),
        (Op::DownloadLink, Fault::status(401, "UnauthorizedError")),
        (
            Op::DownloadLink,
            Fault::Raw(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\n{}".into()),
        ),
        (Op::Stat, Fault::Empty(502)),
    ];
    for (op, slip) in slips {
        let mark = cloud.mark();
        fake.on(op, When::Nth(1), slip);
        fetch(&cloud, 0);
        let statuses = cloud.since(mark);
        let links = count(&statuses, Op::DownloadLink);
        assert_eq!(links, if op == Op::Stat { 1 } else { 2 }, "{op:?}");
    }
}

#[test]
fn a_download_that_cannot_succeed_ends_and_says_why() {
    let network = ("provider_connection_failed", json!("network"));
    let integrity = ("integrity_failed", Value::Null);
    let quota = ("provider_connection_failed", json!("quota"));
    let no_more = Fault::status(429, "DiskResourceDownloadLimitExceededError");
    let gzip = Fault::ContentEncoding("gzip");
    // Each with the words of the error, and how often it is tried.
    let cases = [
        (
            Op::Storage,
            Fault::CloseAtByte(0),
            6,
            &network,
            "(tried 6 times)",
            6,
        ),
        (Op::Storage, Fault::Expired, 6, &network, "answers 410", 6),
        (Op::Download, Fault::Expired, 6, &network, "answers 410", 6),
        (
            Op::Storage,
            Fault::Html(416),
            7,
            &integrity,
            "has fewer bytes than its listing",
            1,
        ),
        (
            Op::Storage,
            Fault::ShorterLength(10),
            7,
            &integrity,
            "299990 are sent",
            2,
        ),
        (
            Op::Storage,
            Fault::LongerLength(10),
            7,
            &integrity,
            "300010 are sent",
            2,
        ),
        (Op::Storage, gzip, 6, &network, "the encoding 'gzip'", 1),
        (
            Op::Download,
            Fault::RedirectLoop,
            6,
            &network,
            "too many redirects",
            6,
        ),
        (
            Op::DownloadLink,
            no_more,
            6,
            &quota,
            "allowance of downloads is used up",
            1,
        ),
        (
            Op::DownloadLink,
            Fault::HrefTemplated,
            6,
            &network,
            "placeholders in it",
            1,
        ),
        (
            Op::DownloadLink,
            Fault::HrefScheme("ftp"),
            6,
            &network,
            "not one of the web",
            1,
        ),
    ];
    for (op, fault, code, (name, reason), words, tries) in cases {
        let cloud = stored();
        cloud.fake.on(op, When::Always, fault);
        let outcome = cloud
            .call(DOWNLOAD.iter().chain(&["--json"]))
            .run()
            .code(code);
        let error = outcome.json();
        let retryable = json!(words.starts_with("(tried") || words == "answers 410" || code == 7);
        assert_eq!(
            failed(&error),
            (&json!(name), reason, &retryable),
            "{error}"
        );
        assert!(error["detail"].as_str().unwrap().contains(words), "{error}");
        assert_eq!(cloud.fake.count(op), tries, "{words}");
        assert!(!cloud.file(OUT).exists(), "{words}");
    }
}

#[test]
fn n08_wrong_ranges_are_never_appended() {
    let cloud = stored();
    cloud
        .fake
        .on(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
    cloud
        .fake
        .on(Op::Storage, When::AllAfter(1), Fault::WrongContentRange);
    let told = fetch(&cloud, 6);
    told.stderr_has("sends other bytes than it was asked for (tried 6 times)");
    // What came before is right, and kept.
    assert!(fs::read(cloud.file(PARTIAL)).unwrap() == content()[..100_000]);
}

#[test]
fn what_came_before_the_connection_was_gone_is_kept() {
    let cloud = stored();
    cloud
        .fake
        .on(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
    for number in 2..=6 {
        cloud
            .fake
            .on(Op::Storage, When::Nth(number), Fault::CloseAtByte(0));
    }
    fetch(&cloud, 6).stderr_has("97.7 KiB are kept in '.out.tar.gz.partial'");
    assert_eq!(cloud.fake.count(Op::Storage), 6);
    let mark = cloud.mark();
    fetch(&cloud, 0);
    assert_eq!(starts(&cloud.since(mark)), [100_000]);
}

#[test]
fn n08_a_replaced_backup_is_never_mixed_with_the_old_one() {
    let other = noise(8, SIZE);
    // Seen by the look before the second range, or only by what came.
    for (op, nth) in [(Op::Stat, 4), (Op::DownloadLink, 2)] {
        let cloud = stored();
        let stored = other.clone();
        cloud
            .fake
            .before(op, nth, move |disk| disk.put(&Cloud::path(NAME), &stored));
        cloud
            .fake
            .on(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
        let told = cloud.call(DOWNLOAD).run().code(0);
        told.stderr_has("changed")
            .stderr_has("; it is fetched anew");
        arrived(&cloud, &other);
    }
    // Replaced between two runs: what the first one left belongs to the old content.
    let cloud = stored();
    cut_short(&cloud, |child| child.kill().unwrap());
    cloud.fake.put(&Cloud::path(NAME), &other);
    let mark = cloud.mark();
    cloud.call(DOWNLOAD).run().code(0);
    assert_eq!(starts(&cloud.since(mark)), [0]);
    arrived(&cloud, &other);
}

/// Starts a download and does something to it after 100 000 bytes: how it ended.
fn cut_short(cloud: &Cloud, deed: impl FnOnce(&mut Child)) -> Outcome {
    let hold = cloud.fake.hold(Op::Storage, 1, Moment::Body(100_000));
    let mut child = cloud.call(DOWNLOAD).spawn();
    hold.reached();
    until("a partial file", || {
        fs::metadata(cloud.file(PARTIAL)).is_ok_and(|meta| meta.len() == 100_000)
    });
    deed(&mut child);
    Outcome::of(&child.wait_with_output().unwrap(), cloud)
}

#[test]
fn x36_a_run_goes_on_where_a_killed_or_stopped_one_ended() {
    let deaths = [(Signal::KILL, -9), (Signal::INT, 130), (Signal::TERM, 143)];
    for (death, code) in deaths {
        let cloud = stored();
        let told = cut_short(&cloud, |child| signal(child, death)).code(code);
        if death != Signal::KILL {
            told.stderr_has("97.7 KiB are kept in '.out.tar.gz.partial'");
        }
        assert!(!cloud.file(OUT).exists());
        let run = &cloud.json(0, ["history", "--limit", "1"])["runs"][0];
        assert_eq!(run["verdict"], "interrupted");
        let mark = cloud.mark();
        fetch(&cloud, 0);
        assert_eq!(starts(&cloud.since(mark)), [100_000]);
    }
}

#[test]
fn parts_that_came_are_not_fetched_again() {
    let cloud = Cloud::new();
    let part = |number: u64| noise(number, 150_000);
    let parts = cloud.split(
        "made",
        "storage_backup_20250301_010000",
        &[part(1), part(2), part(3)],
    );
    let first = format!("made/{}", parts[0]);
    cloud.sync(&first).code(0);
    // The sidecar comes before the parts.
    let hold = cloud.fake.hold(Op::Storage, 3, Moment::Body(40_000));
    let mut child = cloud.call(DOWNLOAD).spawn();
    hold.reached();
    until("a partial file", || {
        fs::metadata(cloud.file(PARTIAL)).is_ok_and(|meta| meta.len() == 190_000)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let mark = cloud.mark();
    cloud.call(DOWNLOAD).run().code(0);
    arrived(&cloud, &[part(1), part(2), part(3)].concat());
    let requests = cloud.since(mark);
    assert_eq!(starts(&requests), [0, 40_000, 0]);
    let storage = requests.iter().filter(|request| request.op == Op::Storage);
    let paths: Vec<_> = storage.map(|request| request.path.clone()).collect();
    assert_eq!(paths[1..], [Cloud::path(&parts[1]), Cloud::path(&parts[2])]);
}

#[test]
fn n03_a_silent_connection_is_given_up_and_the_download_goes_on() {
    let cloud = stored();
    let _silent = cloud.fake.hold(Op::Storage, 1, Moment::Body(100_000));
    let call = cloud.call(DOWNLOAD.iter().chain(&["--timeout", "1s"]));
    call.run().code(0);
    arrived(&cloud, &content());
    assert_eq!(starts(&cloud.fake.requests())[..2], [0, 100_000]);
}

#[test]
fn a_stream_goes_on_after_a_cut() {
    let stream = |cloud: &Cloud| {
        let mut call = cloud.call(["download", "acme-corp", NAME, "-o", "-"]);
        let output = call.command.output().unwrap();
        (Outcome::of(&output, cloud), output.stdout)
    };
    let cloud = stored();
    cloud
        .fake
        .on(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
    let (outcome, bytes) = stream(&cloud);
    outcome.code(0);
    assert!(bytes == content());
    assert_eq!(starts(&cloud.fake.requests()), [0, 100_000]);
    // Cut for ever, the exit code says that what came is not all.
    cloud
        .fake
        .on(Op::Storage, When::Nth(1), Fault::CloseAtByte(100_000));
    cloud
        .fake
        .on(Op::Storage, When::AllAfter(1), Fault::CloseAtByte(0));
    let (outcome, bytes) = stream(&cloud);
    outcome.code(6);
    assert!(bytes == content()[..100_000]);
}

/// Answers one request with a file, and says what it was asked.
fn somebody_else(body: Vec<u8>) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0);
        }
        let told = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream
            .write_all(&[told.as_bytes(), &body].concat())
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = reader.read_to_end(&mut Vec::new());
        head.to_lowercase()
    };
    (
        format!("http://{address}/elsewhere?sig=SECRET"),
        thread::spawn(serve),
    )
}

#[test]
fn n10_redirects_lead_to_no_strange_place_and_carry_no_token() {
    // To another host, as the service itself does: followed without a token, and compared.
    for (body, code) in [(content(), 0), (noise(8, SIZE), 7)] {
        let cloud = stored();
        let (url, asked) = somebody_else(body);
        cloud
            .fake
            .on(Op::Download, When::Always, Fault::RedirectTo(url));
        let outcome = fetch(&cloud, code);
        assert!(!outcome.stderr.contains("SECRET"), "{}", outcome.stderr);
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("get /elsewhere?sig=secret"), "{asked}");
        assert!(
            !asked.contains("authorization") && !asked.contains("referer"),
            "{asked}"
        );
    }
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
        let cloud = stored();
        cloud.fake.on(
            Op::Download,
            When::Always,
            Fault::RedirectTo(place.to_owned()),
        );
        let outcome = fetch(&cloud, 6).stderr_has(words);
        assert!(!outcome.stderr.contains("SECRET"), "{}", outcome.stderr);
        assert_eq!(cloud.fake.count(Op::Download), 1, "{place}");
        assert!(
            Sandbox::names_in(&cloud.app())
                .iter()
                .all(|name| name != PARTIAL),
            "{place}"
        );
    }
}

#[test]
fn n05_the_service_says_when_to_come_back() {
    let retry = |after: &str| Fault::Status {
        status: 429,
        error: "TooManyRequestsError",
        headers: vec![("Retry-After", after.to_owned())],
    };
    // Nonsense is none: then our own pauses count.
    let nonsense = ["-1", "1e18", "soon", "", "99999999999999999999999", "7.5"];
    let past = ["0", "Wed, 21 Oct 2015 07:28:00 GMT"];
    for after in nonsense.iter().chain(&past) {
        let cloud = stored();
        cloud.fake.on(Op::Stat, When::First(2), retry(after));
        fetch(&cloud, 0);
    }
    let far = [
        "3600",
        "18446744073709551615",
        "Wed, 21 Oct 2099 07:28:00 GMT",
    ];
    for (op, after) in [Op::Stat, Op::DownloadLink, Op::List].iter().zip(far) {
        let cloud = stored();
        let mark = cloud.mark();
        cloud.fake.on(*op, When::Always, retry(after));
        let call = match op {
            Op::List => cloud.call(["files", "acme-corp", "--json"]),
            _ => cloud.call(DOWNLOAD.iter().chain(&["--json"])),
        };
        let error = call.run().code(6).json();
        let expected = (
            &json!("provider_connection_failed"),
            &json!("quota"),
            &json!(true),
        );
        assert_eq!(failed(&error), expected);
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("it asks to come back at 20"), "{detail}");
        assert_eq!(count(&cloud.since(mark), *op), 1);
    }
}

#[test]
fn a_sidecar_that_cannot_be_read_is_the_providers_failure() {
    let cloud = Cloud::new();
    cloud.backup("made", NAME, &content());
    cloud.sync(&format!("made/{NAME}")).code(0);
    fs::remove_file(cloud.state()).unwrap();
    // The sidecar comes first, as nothing is known of it any more.
    cloud
        .fake
        .on(Op::Storage, When::First(1), Fault::CloseAtByte(5));
    fetch(&cloud, 0);
    cloud
        .fake
        .on(Op::Storage, When::Always, Fault::CloseAtByte(5));
    fs::remove_file(cloud.state()).unwrap();
    let error = cloud
        .call(DOWNLOAD.iter().chain(&["--json"]))
        .run()
        .code(6)
        .json();
    assert_eq!(error["reason"], "network", "{error}");
}
