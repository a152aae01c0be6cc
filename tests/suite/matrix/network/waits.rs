//! Silence, and times to wait that are asked for (N03, N05).

use std::io::{BufRead as _, BufReader};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::line::{
    DOWNLOAD, Fault, Line, NAME, SYNC, Step, content, downloads, fails, survives, uploads, whole,
};
use crate::support::Outcome;
use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::fake::rules::{Hold, Moment, When};
use crate::support::fake_drive::{self, UNIT};
use crate::support::fake_yandex;
use crate::support::outgoing::until;

/// More than the system takes before somebody reads.
const LARGE: usize = 16 << 20;

#[test]
fn n03_an_upload_that_stands_still_is_begun_again() {
    let disk = Cloud::new();
    let hold = disk.fake.hold(fake_yandex::Op::Put, 1, Moment::Body(1000));
    stands_still(&disk, hold);
    assert_eq!(disk.fake.count(fake_yandex::Op::Put), 2);
    let drive = Drive::new();
    // In one piece.
    drive.write_section(&json!({
        "enabled": true, "api_url": drive.fake.api_url(), "credentials": drive.login(),
    }));
    let hold = drive
        .fake
        .hold(fake_drive::Op::Chunk, 1, Moment::Body(1000));
    stands_still(&drive, hold);
    assert_eq!(
        drive.fake.count(fake_drive::Op::Initiate),
        1,
        "the same session"
    );
}

#[track_caller]
fn stands_still(line: &dyn Line, hold: Hold) {
    line.sandbox().write(NAME, vec![7; LARGE]);
    let words = [&SYNC[..], &["--timeout", "1s"]].concat();
    let told = line.sandbox().run(words).code(0);
    let told = told.stderr_has("127.0.0.1 moved no byte for 1 s: retrying in");
    assert_eq!(
        told.stderr.matches("retrying in").count(),
        1,
        "{}",
        told.stderr
    );
    drop(hold);
    let stored = line.stored();
    let sent = stored
        .iter()
        .find(|(path, _)| path.ends_with(NAME))
        .unwrap();
    assert!(sent.1 == vec![7; LARGE]);
}

#[test]
fn n03_a_download_that_stands_still_goes_on_where_it_stood() {
    let disk = Cloud::new();
    let hold = disk
        .fake
        .hold(fake_yandex::Op::Storage, 1, Moment::Body(100_000));
    goes_on(&disk, hold);
    let drive = Drive::new();
    let hold = drive
        .fake
        .hold(fake_drive::Op::Media, 1, Moment::Body(100_000));
    goes_on(&drive, hold);
}

#[track_caller]
fn goes_on(line: &dyn Line, hold: Hold) {
    line.put(NAME, &content());
    let words = [&DOWNLOAD[..], &["--timeout", "1s"]].concat();
    line.sandbox().run(words).code(0);
    drop(hold);
    let seen = line.seen(Step::Fetch);
    assert_eq!(seen.last().unwrap().header("range"), Some("bytes=100000-"));
    assert!(std::fs::read(line.sandbox().file(super::line::OUT)).unwrap() == content());
}

/// Yandex Disk's is `n03_a_server_that_checks_is_waited_for`, beside its other uploads.
#[test]
fn n03_a_drive_that_checks_the_last_piece_is_waited_for() {
    // 64 MiB may be checked for 11 s, whatever the patience with a silent line.
    let drive = Drive::new();
    drive.write_section(&json!({
        "enabled": true, "api_url": drive.fake.api_url(), "chunk_size": UNIT * 256,
        "credentials": drive.login(),
    }));
    drive.sandbox.write(NAME, vec![7; 64 << 20]);
    let all = drive
        .fake
        .hold(fake_drive::Op::Chunk, 1, Moment::Body(64 << 20));
    let call = drive
        .sandbox
        .command(SYNC)
        .env("VERTEX_BACKUP_TIMEOUT", "300ms");
    let child = call.env("VERTEX_BACKUP_PROGRESS", "json").spawn();
    all.reached();
    sleep(Duration::from_secs(2));
    drop(all);
    let sent = Outcome::of(&child.wait_with_output().unwrap(), &drive).code(0);
    let lines = sent.stderr.lines();
    let told = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut waits = told.filter(|told| told["phase"] == "sent, the server is checking");
    assert!(
        waits.any(|told| told["waited_seconds"].as_u64() >= Some(1)),
        "{}",
        sent.stderr
    );
    assert_eq!(drive.fake.count(fake_drive::Op::Chunk), 1);
}

/// An answer that asks for patience.
fn busy(more: &str) -> Fault {
    let told = json!({"error": {"code": 429, "errors": [{"reason": "rateLimitExceeded"}]}});
    whole(
        &format!("429 Too Many Requests\r\n{more}"),
        told.to_string().as_bytes(),
    )
}

fn date(ahead: i64) -> String {
    let at = Timestamp::from_second(Timestamp::now().as_second() + ahead).unwrap();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[test]
fn n05_a_time_that_is_none_is_not_waited_for() {
    let past = date(-3600);
    for after in [
        "0",
        "-1",
        "1e18",
        "soon",
        "7.5",
        "",
        "99999999999999999999999",
        &past,
    ] {
        let fault = || busy(&format!("Retry-After: {after}"));
        // The first request, some in the middle, and the last one.
        for line in uploads() {
            for step in [Step::Account, Step::Begin, Step::Send, Step::Name] {
                line.breaks(step, When::Nth(1), fault());
            }
            survives(&*line, after, &SYNC, 0);
        }
        for line in downloads() {
            for step in [Step::Look, Step::Lead, Step::Fetch] {
                line.breaks(step, When::Nth(1), fault());
            }
            survives(&*line, after, &DOWNLOAD, 0);
        }
    }
    // For ever, it ends all the same, and is no busy loop.
    for line in uploads() {
        line.breaks(Step::Begin, When::Always, busy("Retry-After: 0"));
        let before = line.seen(Step::Begin).len();
        line.call(&SYNC).run().code(6);
        assert_eq!(line.seen(Step::Begin).len() - before, 6);
    }
}

#[test]
fn n05_a_time_beyond_all_patience_ends_the_run_at_once() {
    // Nobody waits longer than 600 pauses: 1.2 s here.
    let (soon, far) = (date(3600), date(400 * 86_400));
    for after in ["7", "3600", "1000000000000000000", &soon, &far] {
        for step in [Step::Begin, Step::Send, Step::Name] {
            for line in uploads() {
                line.breaks(step, When::Always, busy(&format!("Retry-After: {after}")));
                let before = line.seen(step).len();
                let words = [&SYNC[..], &["--json"]].concat();
                let told = line.call(&words).run().code(6).json();
                assert_eq!(told["reason"], "quota", "{step:?} {after}: {told}");
                assert_eq!(told["retryable"], true, "{told}");
                let detail = told["detail"].as_str().unwrap();
                assert!(detail.contains("; it asks to come back at 20"), "{detail}");
                assert_eq!(line.seen(step).len() - before, 1, "{step:?} {after}");
                survives(&*healed(line), after, &SYNC, 0);
            }
        }
    }
    for line in downloads() {
        line.breaks(Step::Lead, When::Always, busy("Retry-After: 3600"));
        fails(&*line, "a download", &DOWNLOAD, "quota");
    }
    let drive = Drive::new();
    drive.breaks(Step::Token, When::Always, busy("Retry-After: 3600"));
    let told = drive.json(6, ["files", "acme-corp"]);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("it asks to come back at 20"),
        "{told}"
    );
}

fn healed(line: Box<dyn Line>) -> Box<dyn Line> {
    line.heal();
    line
}

#[test]
fn n05_a_date_is_counted_by_the_clock_over_there() {
    // Their clock is two days off; what they mean is a second.
    for off in [-2 * 86_400, 2 * 86_400] {
        for line in uploads() {
            let head = format!("Date: {}\r\nRetry-After: {}", date(off), date(off + 1));
            line.breaks(Step::Begin, When::Nth(1), busy(&head));
            let told = survives(&*line, "another clock", &SYNC, 0);
            assert!(told.stderr.contains("retrying in 1.0 s"), "{}", told.stderr);
            let asked = line.seen(Step::Begin);
            let refused = asked
                .iter()
                .position(|seen| seen.status == Some(0))
                .unwrap();
            let wait = asked[refused + 1].at.duration_since(asked[refused].at);
            assert!(wait >= Duration::from_secs(1), "{wait:?}");
        }
    }
}

/// One is told to wait, while another is in the middle of a request: from then on neither asks
/// for anything, and neither is busy meanwhile.
#[test]
fn n05_all_workers_give_a_provider_its_rest() {
    for step in [Step::Begin, Step::Send] {
        let disk = Cloud::new();
        disk.companies(1, "yandex_disk");
        let hold = disk.fake.hold(fake_yandex::Op::Link, 2, Moment::BeforeWork);
        let requests = || disk.fake.requests().iter().map(|it| it.at).collect();
        all_rest(&disk, step, hold, &requests);
        let drive = Drive::new();
        drive.companies(1, "google_drive");
        let hold = drive
            .fake
            .hold(fake_drive::Op::Initiate, 2, Moment::BeforeWork);
        let requests = || drive.fake.requests().iter().map(|it| it.at).collect();
        all_rest(&drive, step, hold, &requests);
    }
}

#[track_caller]
fn all_rest(line: &dyn Line, step: Step, hold: Hold, requests: &dyn Fn() -> Vec<Instant>) {
    let provider = line.provider();
    line.breaks(step, When::Nth(1), busy("Retry-After: 2"));
    let all = ["sync", "--all", "--provider", provider, "--jobs", "2", "-v"];
    let words = [&all[..], &["--type", "database", "--latest"]].concat();
    // Longer pauses, so that two seconds are waited for.
    let call = line.call(&words).env("VERTEX_BACKUP_RETRY_PAUSE", "20ms");
    let mut child = call.spawn();
    let said = BufReader::new(child.stderr.take().unwrap());
    let mut said = said.lines().map_while(Result::ok);
    assert!(
        said.any(|line| line.contains("retrying in 2.")),
        "{provider}"
    );
    hold.reached();
    let released = Instant::now();
    drop(hold);
    let ticks = || cpu_ticks(child.id());
    let before = ticks();
    sleep(Duration::from_millis(800));
    // A loop would have used 80 of the 80 hundredths.
    let used = ticks() - before;
    assert!(used < 30, "{provider}: {used} ticks");
    let rest: Vec<_> = said.collect();
    let outcome = Outcome::of(&child.wait_with_output().unwrap(), line.sandbox());
    assert_eq!(outcome.code, 0, "{provider}: {rest:?}");
    let refused = line.seen(step)[0].at;
    let early: Vec<_> = requests()
        .into_iter()
        .filter(|at| *at > released && *at < refused + Duration::from_secs(2))
        .map(|at| at.duration_since(refused))
        .collect();
    assert!(early.is_empty(), "{provider}, {step:?}: {early:?}");
}

/// What a process has used of the processor, in hundredths of a second; nothing where no
/// system tells.
fn cpu_ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let number = |field: Option<&str>| field.and_then(|text| text.parse::<u64>().ok());
    let mut times = fields.split(' ').skip(11);
    number(times.next()).unwrap_or(0) + number(times.next()).unwrap_or(0)
}

#[test]
fn n03_who_waits_for_silence_is_not_busy() {
    let disk = Cloud::new();
    disk.put(NAME, &content());
    let hold = disk
        .fake
        .hold(fake_yandex::Op::Storage, 1, Moment::Body(100_000));
    let mut child = disk.call(DOWNLOAD).spawn();
    hold.reached();
    until("what came", || {
        disk.file(".out.tar.partial")
            .metadata()
            .is_ok_and(|it| it.len() == 100_000)
    });
    let before = cpu_ticks(child.id());
    sleep(Duration::from_millis(800));
    let used = cpu_ticks(child.id()) - before;
    assert!(used < 30, "{used} ticks");
    drop(hold);
    assert!(child.wait().unwrap().success());
}
