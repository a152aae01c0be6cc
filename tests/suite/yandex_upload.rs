//! Uploads to Yandex Disk when the service hurts: the real binary against the fake.
//!
//! | `protocols/yandex_disk.md` | test |
//! |---|---|
//! | 5.1 brake, real name last | [`y51_the_name_is_neutral_until_all_is_proven`] |
//! | 5.2 silence after the last byte | `n03_…` |
//! | 5.3 lost answers | `n01_…`, `n02_…`, `p22_…`, `y53_…` |
//! | 5.4 eventual consistency | `p15_…`, `p20_…` |
//! | 5.5 locks | `p23_…` |
//! | 5.6 size and space | `p16_…` |
//! | §1, §3 errors: 429, 401, odd answers | `n05_…`, `p17_…`, `p24_…`, `s3_…` |
//!
//! [`Upload::settled`] holds for all of them: a further run ends well, what is stored is
//! what was sent, and nothing else is left, neither there nor in the state.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::backups::noise;
use crate::support::cloud::{Cloud, FOLDER};
use crate::support::fake_yandex::{FakeYandex, Fault, Moment, Op, When};
use crate::support::{Call, Outcome};

/// The backup that is sent. It has no sidecar: sent once, it is one PUT.
pub const NAME: &str = "site.tar";

/// What an older one holds.
pub const OLD: &[u8] = b"an older backup";

/// The size of the one that is sent, and of one that does not fit into any buffer.
const SIZE: usize = 300_000;
const LARGE: usize = 16 << 20;

/// What goes wrong, at which requests.
type Faults = Vec<(Op, When, Fault)>;

/// A backup about to be sent, and where to.
pub struct Upload {
    pub cloud: Cloud,
    pub bytes: Vec<u8>,
    sent_before: usize,
}

impl Upload {
    /// A backup whose name the remote does not have, nor any folder.
    pub fn new() -> Self {
        Self::of(noise(7, SIZE))
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        let cloud = Cloud::new();
        cloud.write(NAME, &bytes);
        Upload {
            cloud,
            bytes,
            sent_before: 0,
        }
    }

    /// An earlier run sent an older one.
    pub fn replacing() -> Self {
        let mut upload = Self::of(OLD.to_vec());
        upload.send(0);
        upload.bytes = noise(7, SIZE);
        upload.cloud.write(NAME, &upload.bytes);
        upload.sent_before = 1;
        upload
    }

    /// With a backup of more bytes than the system takes before somebody reads them: until
    /// then, nobody thinks that all of them were sent.
    pub fn larger(mut self) -> Self {
        self.bytes = vec![7; LARGE];
        self.cloud.write(NAME, &self.bytes);
        self
    }

    /// Several things that go wrong.
    #[track_caller]
    fn with(self, faults: Faults) -> Self {
        for (op, when, fault) in faults {
            self.fake().on(op, when, fault);
        }
        self
    }

    pub fn fake(&self) -> &FakeYandex {
        &self.cloud.fake
    }

    pub fn call(&self) -> Call<'_> {
        self.cloud.call(["sync", "acme-corp", NAME, "-v"])
    }

    #[track_caller]
    pub fn send(&self, code: i32) -> Outcome {
        self.call().run().code(code)
    }

    /// What scripts are told.
    #[track_caller]
    fn fails(&self, code: i32) -> Value {
        let call = self.cloud.call(["sync", "acme-corp", NAME, "--json"]);
        let told = call.run().code(code).json();
        assert_eq!(told["success"], json!(false));
        told
    }

    pub fn puts(&self) -> usize {
        self.fake().count(Op::Put) - self.sent_before
    }

    pub fn names(&self) -> Vec<String> {
        self.cloud.names()
    }

    /// The one name of ours that is not final.
    pub fn staged(&self) -> Option<String> {
        let names = self.names();
        let mut ours = names
            .into_iter()
            .filter(|name| name.starts_with("vertex-backup-partial-"));
        let first = ours.next();
        assert_eq!(ours.next(), None);
        first
    }

    /// Uploads the state knows of.
    pub fn noted(&self) -> i64 {
        let state = rusqlite::Connection::open(self.cloud.state()).unwrap();
        let count = "SELECT count(*) FROM uploads";
        state.query_row(count, [], |row| row.get(0)).unwrap()
    }

    /// What holds after any trouble, once it is over and the command has been run again.
    #[track_caller]
    pub fn settled(&self, puts: usize) {
        self.fake().heal();
        self.send(0);
        assert_eq!(self.names(), [NAME]);
        assert!(self.cloud.content(NAME).as_ref() == Some(&self.bytes));
        assert_eq!(self.puts(), puts, "PUTs");
        assert_eq!(self.noted(), 0, "unfinished uploads");
        assert_eq!(self.fake().braked_uploads(), Vec::<String>::new());
        assert_eq!(self.fake().trash(), Vec::<String>::new());
        self.cloud.run(["history", "--check"]).code(0);
    }
}

/// Waits for something another process does.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// How a child ended, and what it said.
#[track_caller]
pub fn ended(child: Child, upload: &Upload) -> Outcome {
    Outcome::of(&child.wait_with_output().unwrap(), &upload.cloud.sandbox)
}

#[track_caller]
fn reason(told: &Value, reason: &str) {
    let found = (&told["code"], &told["reason"]);
    let expected = (&json!("provider_connection_failed"), &json!(reason));
    assert_eq!(found, expected, "{told}");
}

/// Each of these is survived by one run, with so many PUTs.
#[track_caller]
fn survived(make: fn() -> Upload, cases: Vec<(Faults, usize)>) {
    for (number, (faults, puts)) in cases.into_iter().enumerate() {
        let upload = make().with(faults);
        let sent = upload.call().run();
        assert_eq!(sent.code, 0, "case {number}: {}", sent.stderr);
        assert_eq!(upload.puts(), puts, "case {number}: {}", sent.stderr);
        upload.settled(puts);
    }
}

fn after_work(status: u16) -> Fault {
    let error = "InternalServerError";
    Fault::StatusAfterWork { status, error }
}

fn failing(status: u16) -> Fault {
    Fault::status(status, "InternalServerError")
}

fn locked() -> Fault {
    Fault::status(423, "DiskResourceLockedError")
}

fn accepted(polls: usize, ends: &'static str) -> Fault {
    Fault::Accepted { polls, ends }
}

fn no_hashes(md5: bool, sha256: bool, looks: usize) -> Fault {
    Fault::NoHashes { md5, sha256, looks }
}

#[test]
fn y51_the_name_is_neutral_until_all_is_proven() {
    for make in [Upload::new, Upload::replacing] {
        let upload = make();
        let old = upload.cloud.content(NAME);
        let size = upload.bytes.len() as u64;
        let moments = [
            (Op::Put, Moment::Body(size / 2), None),
            (Op::Put, Moment::AfterWork, Some(&upload.bytes)),
            (Op::Move, Moment::BeforeWork, Some(&upload.bytes)),
        ];
        let holds = moments.map(|(op, at, _)| upload.fake().hold(op, 1, at));
        let child = upload.call().spawn();
        for (hold, (.., staged)) in holds.into_iter().zip(moments) {
            hold.reached();
            assert_eq!(upload.cloud.content(NAME), old);
            let found = upload.staged();
            assert!(found.iter().all(|name| !name.contains('.')));
            let found = found.map(|name| upload.cloud.content(&name).unwrap());
            assert!(found.as_ref() == staged);
        }
        ended(child, &upload).code(0);
        upload.settled(1);
    }
}

#[test]
fn n03_a_server_that_checks_is_waited_for() {
    // 64 MiB may be checked for 11 s, whatever the patience with a silent line.
    let upload = Upload::of(vec![7; 64 << 20]);
    let all = upload.fake().hold(Op::Put, 1, Moment::Body(64 << 20));
    let call = upload.call().env("VERTEX_BACKUP_TIMEOUT", "300ms");
    let child = call.env("VERTEX_BACKUP_PROGRESS", "json").spawn();
    all.reached();
    sleep(Duration::from_secs(2));
    drop(all);
    let sent = ended(child, &upload).code(0);
    let lines = sent.stderr.lines();
    let told = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut waits = told.filter(|told| told["phase"] == "sent, the server is checking");
    assert!(waits.any(|told| told["waited_seconds"].as_u64() >= Some(1)));
    assert_eq!(upload.fake().count(Op::Put), 1);
    upload.settled(1);
}

#[test]
fn n03_silence_for_ever_ends_and_what_comes_late_is_taken_up() {
    // So little that the system takes it although nobody reads.
    let upload = Upload::of(noise(7, 5000));
    let tries = 1..=3;
    let silent: Vec<_> = tries
        .map(|nth| upload.fake().hold(Op::Put, nth, Moment::BeforeWork))
        .collect();
    let call = ["sync", "acme-corp", NAME, "--timeout", "300ms", "--json"];
    let told = upload.cloud.run(call).code(6).json();
    reason(&told, "timeout");
    assert_eq!(told["retryable"], json!(true));
    assert_eq!(upload.puts(), 3);
    drop(silent);
    until("late arrivals", || upload.names().len() == 3);
    upload.settled(3);
}

#[test]
fn p22_what_was_done_is_not_done_twice() {
    let lost = [Fault::ResetAfterWork, after_work(500), after_work(503)];
    let once = |op, fault: &Fault| (vec![(op, When::Nth(1), fault.clone())], 1);
    let mut cases = Vec::new();
    for op in [Op::Put, Op::Move, Op::Link, Op::Stat, Op::Mkdir, Op::Disk] {
        cases.extend(lost.iter().map(|fault| once(op, fault)));
    }
    survived(Upload::new, cases);
}

#[test]
fn n03_an_answer_that_never_comes_is_looked_for() {
    let upload = Upload::new();
    let silent = upload.fake().hold(Op::Put, 1, Moment::AfterWork);
    let call = upload.call().env("VERTEX_BACKUP_TIMEOUT", "300ms");
    let sent = call.run().code(0);
    sent.stderr_has("gave no answer, after all was sent; looking whether it arrived");
    drop(silent);
    upload.settled(1);
}

#[test]
fn n01_what_broke_off_is_sent_again_by_a_new_link() {
    let size = SIZE as u64;
    let breaks = [0, 1, size / 2, size - 1, size].map(Fault::ResetAtByte);
    let refusals = [400, 404, 410, 500, 503].map(Fault::Html);
    let mut faults = vec![Fault::CloseAtByte(size / 2), Fault::Expired];
    faults.push(Fault::RefuseAtByte(size / 2, 503));
    faults.push(Fault::Empty(502));
    for fault in faults.into_iter().chain(breaks).chain(refusals) {
        let upload = Upload::replacing().with(vec![(Op::Put, When::Nth(1), fault)]);
        let links = upload.fake().count(Op::Link);
        let told = upload.send(0);
        let retries = told.stderr.matches("retrying in").count();
        assert_eq!(retries, 1, "{}", told.stderr);
        assert_eq!(upload.fake().count(Op::Link) - links, 2);
        upload.settled(2);
    }
}

#[test]
fn n02_what_breaks_off_for_ever_is_given_up() {
    let upload = Upload::replacing().larger();
    let broken = Fault::ResetAtByte(1000);
    upload.fake().on(Op::Put, When::Always, broken);
    let told = upload.fails(6);
    reason(&told, "network");
    assert_eq!(told["retryable"], json!(true));
    assert_eq!(upload.puts(), 6);
    assert_eq!(upload.names(), [NAME]);
    assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
    upload.settled(7);
}

#[test]
fn y53_an_upload_that_the_server_calls_failed_is_not_looked_for() {
    let upload = Upload::new();
    let size = Fault::ResetAtByte(SIZE as u64);
    upload.fake().on(Op::Put, When::Nth(1), size);
    upload.send(0);
    // One look for it, and one when it is cleared away.
    assert_eq!(upload.fake().count(Op::Operation), 2);
    upload.settled(2);
}

#[test]
fn p15_what_is_stored_may_show_late() {
    let (ever, put) = (usize::MAX, |fault| (Op::Put, When::Nth(1), fault));
    let stat = |nth| (Op::Stat, When::Nth(nth), failing(500));
    let unknown = || Fault::status(404, "DiskOperationNotFoundError");
    let forgets = || (Op::Operation, When::Always, unknown());
    let tells = |field: &'static str, value: Value| {
        let edit = Fault::edit(move |answer| answer[field] = value.clone());
        (Op::Stat, When::Always, edit)
    };
    let cases = [
        (vec![put(Fault::Late { looks: 4 })], 1),
        (vec![put(no_hashes(true, true, 4))], 1),
        (vec![put(no_hashes(false, true, 3))], 1),
        (vec![put(no_hashes(false, true, ever))], 1),
        (vec![put(no_hashes(true, false, ever))], 1),
        (vec![put(Fault::UpperCaseHash)], 1),
        (vec![stat(2), stat(3), stat(4)], 1),
        (vec![put(accepted(3, "success"))], 1),
        (vec![put(accepted(1, "failed"))], 2),
        (vec![put(accepted(1, "failure"))], 2),
        (vec![put(accepted(3, "success")), stat(2), stat(3)], 1),
        (vec![put(Fault::Late { looks: 10 }), forgets()], 1),
        (vec![tells("modified", json!("soon"))], 1),
        (vec![tells("revision", json!(-1.5))], 1),
    ];
    survived(Upload::new, cases.into());
}

#[test]
fn p20_what_nobody_can_see_is_not_sent_again() {
    let odd = Fault::edit(|answer| answer["size"] = json!("many"));
    for fault in [failing(503), Fault::Html(200), Fault::ResetBeforeWork, odd] {
        let upload = Upload::replacing();
        upload
            .fake()
            .on(Op::Put, When::Nth(1), Fault::ResetAfterWork);
        upload.fake().on(Op::Stat, When::AllAfter(1), fault);
        let told = upload.fails(6);
        reason(&told, "timeout");
        assert_eq!((upload.puts(), upload.noted()), (1, 1));
        upload.settled(1);
    }
}

#[test]
fn p20_a_move_is_looked_after() {
    let moving = |fault| vec![(Op::Move, When::Nth(1), fault)];
    let cases = [
        (moving(accepted(0, "success")), 1),
        (moving(accepted(3, "success")), 1),
        (moving(Fault::Late { looks: 3 }), 1),
        (moving(failing(500)), 1),
        (moving(locked()), 1),
        (moving(Fault::ResetBeforeWork), 1),
        (moving(after_work(423)), 1),
        (moving(after_work(500)), 1),
        (moving(Fault::ResetAfterWork), 1),
    ];
    survived(Upload::replacing, cases.into());
}

#[test]
fn p15_without_any_hash_it_is_read_back() {
    for damaged in [false, true] {
        let upload = Upload::new();
        let never = no_hashes(true, true, usize::MAX);
        upload.fake().on(Op::Put, When::Always, never);
        if damaged {
            upload.fake().before(Op::DownloadLink, 1, |disk| {
                let name = disk.names(FOLDER).pop().unwrap();
                disk.corrupt(&Cloud::path(&name));
            });
        }
        let call = upload.call().env("VERTEX_BACKUP_TIMEOUT", "300ms");
        // Fewer looks within that time: those of the usual pause would be kept apart by the gate.
        let call = call.env("VERTEX_BACKUP_RETRY_PAUSE", "20ms");
        call.run().code(0);
        upload.settled(1 + usize::from(damaged));
    }
}

#[test]
fn p15_what_is_stored_wrong_is_sent_again_once() {
    let lies = || (Op::Put, When::Nth(1), Fault::LyingHash);
    survived(Upload::replacing, vec![(vec![lies()], 2)]);

    let upload = Upload::replacing();
    for nth in [2, 5] {
        // At what is stored: the looks between are at what it would replace, and for its removal.
        upload.fake().before(Op::Stat, nth, |disk| {
            let name = disk.names(FOLDER).pop().unwrap();
            disk.corrupt(&Cloud::path(&name));
        });
    }
    let told = upload.fails(7);
    assert_eq!(told["code"], json!("integrity_failed"), "{told}");
    assert_ne!(told["expected"], told["found"]);
    assert_eq!(upload.names(), [NAME]);
    assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
    upload.settled(3);
}

#[test]
fn p22_what_the_server_does_not_replace_is_put_aside_first() {
    let ignoring = |more: Option<(usize, Fault)>| {
        let always = (Op::Move, When::Always, Fault::IgnoreOverwrite);
        let more = more.map(|(nth, fault)| (Op::Move, When::Nth(nth), fault));
        (std::iter::once(always).chain(more).collect(), 1)
    };
    let mut cases = vec![ignoring(None)];
    for nth in [2, 3] {
        let faults = [
            Fault::ResetBeforeWork,
            Fault::ResetAfterWork,
            after_work(500),
            failing(503),
            locked(),
            accepted(2, "success"),
        ];
        cases.extend(faults.map(|fault| ignoring(Some((nth, fault)))));
    }
    survived(Upload::replacing, cases);
}

#[test]
fn p23_a_lock_is_waited_for() {
    for op in [Op::Link, Op::Mkdir, Op::Move, Op::Put] {
        let upload = Upload::new().with(vec![(op, When::First(4), locked())]);
        upload.send(0).stderr_has("it stays locked");
        upload.settled(1 + 4 * usize::from(op == Op::Put));
    }
    let upload = Upload::new().with(vec![(Op::Link, When::Always, locked())]);
    let before = upload.fake().count(Op::Link);
    let told = upload.fails(6);
    reason(&told, "timeout");
    assert_eq!(told["retryable"], json!(true));
    assert!((5..20).contains(&(upload.fake().count(Op::Link) - before)));
    upload.settled(1);
}

#[test]
fn p16_a_used_up_allowance_is_not_waited_for() {
    let upload = Upload::new();
    let used_up = Fault::status(423, "DiskUploadTrafficLimitExceeded");
    upload.fake().on(Op::Link, When::Always, used_up);
    let before = upload.fake().count(Op::Link);
    let told = upload.fails(6);
    reason(&told, "quota");
    assert_eq!(told["retryable"], json!(false));
    assert_eq!(upload.fake().count(Op::Link) - before, 1);
    upload.settled(1);
}

#[test]
fn p23_one_locked_folder_stops_one_company() {
    let cloud = Cloud::new();
    cloud.companies(2, "yandex_disk");
    // Five requests make the folders of the first company, three those of the second.
    cloud.fake.on(Op::Mkdir, When::AllAfter(8), locked());
    let all = ["sync", "--all", "--provider", "yandex_disk", "--jobs", "1"];
    let call = [&all[..], &["--type", "database", "--latest", "--json"]].concat();
    let told = cloud.call(&call).run().code(3).json();
    let results = told["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|told| (&told["company_id"], &told["success"]))
        .collect();
    let expected = [
        ("acme-corp", true),
        ("company-000x", true),
        ("company-001x", false),
    ];
    let expected = expected.map(|(company, done)| (json!(company), json!(done)));
    assert!(
        told.into_iter()
            .eq(expected.iter().map(|(company, done)| (company, done))),
        "{results:?}"
    );
    let last = "/vertex-ar/company-001x/backups";
    assert_eq!((cloud.names().len(), cloud.fake.names(last).len()), (2, 0));
    cloud.fake.heal();
    cloud.call(&call).run().code(0);
    assert_eq!(cloud.fake.names(last).len(), 2);
    assert_eq!(cloud.fake.count(Op::Put), 6);
    cloud.run(["history", "--check"]).code(0);
}

#[test]
fn p16_what_is_known_not_to_fit_is_not_begun() {
    let size = SIZE as u64;
    let room = |code, key, upload: &Upload, expected: u64| {
        let links = upload.fake().count(Op::Link);
        let told = upload.fails(6);
        assert_eq!(told["code"], json!(code), "{told}");
        assert_eq!(told[key], json!(expected), "{told}");
        assert_eq!(upload.fake().count(Op::Link), links);
        assert_eq!(upload.names(), [NAME]);
        upload.fake().set_quota(10 << 30, 1 << 30);
        upload.settled(1);
        told
    };
    let upload = Upload::replacing();
    upload.fake().set_quota(10 << 30, size - 1);
    room("file_too_large", "limit", &upload, size - 1);

    // Both need their room while one replaces the other, and the trash takes some.
    let upload = Upload::replacing();
    upload
        .fake()
        .set_quota(OLD.len() as u64 + size - 1, 1 << 30);
    let told = room("quota_exceeded", "free", &upload, size - 1);
    assert_eq!(told["needed"], json!(size));
    let upload = Upload::replacing();
    upload.fake().put("/photos/1.jpg", &noise(1, 5000));
    upload.cloud.fake.disk(|disk| {
        disk.delete("/photos/1.jpg", false, None).unwrap();
    });
    upload.fake().set_quota(5000 + size, 1 << 30);
    let links = upload.fake().count(Op::Link);
    let told = upload.fails(6);
    assert_eq!(told["free"], json!(size - OLD.len() as u64));
    let hint = told["hint"].as_str().unwrap();
    assert!(
        hint.starts_with("the trash holds 4.9 KiB: empty it"),
        "{hint}"
    );
    assert_eq!(upload.fake().count(Op::Link), links);
}

#[test]
fn p16_who_pays_may_store_more() {
    let free = |told: &mut Value| {
        told["is_paid"] = json!(false);
        told["max_file_size"] = json!(1000);
    };
    let paying = |told: &mut Value| {
        told["is_paid"] = json!(true);
        told["max_file_size"] = json!(1000);
    };
    let upload = Upload::new();
    upload.fake().on(Op::Disk, When::Always, Fault::edit(free));
    let told = upload.fails(6);
    assert_eq!(told["limit"], json!(1000));
    let hint = told["hint"].as_str().unwrap();
    assert!(
        hint.contains("with a subscription it takes up to 50.0 GiB"),
        "{hint}"
    );
    upload.fake().heal();
    upload
        .fake()
        .on(Op::Disk, When::Always, Fault::edit(paying));
    upload.send(0);
    upload.settled(1);
}

#[test]
fn p16_room_that_runs_out_meanwhile_is_named() {
    let size = SIZE as u64;
    let known = |told: &Value| (told["code"].clone(), told["needed"].clone());
    let full = (json!("quota_exceeded"), json!(size));
    // Somebody else fills the Disk: before the link, or before the last byte.
    for op in [Op::Link, Op::Put] {
        let upload = Upload::replacing();
        upload
            .fake()
            .before(op, 1, |disk| disk.total_space = OLD.len() as u64);
        let told = upload.fails(6);
        assert_eq!(known(&told), full, "{told}");
        assert_eq!(told["free"], json!(0), "{told}");
        assert_eq!(told["retryable"], json!(false));
        assert_eq!(upload.names(), [NAME]);
        upload.fake().set_quota(10 << 30, 1 << 30);
        upload.settled(1 + usize::from(op == Op::Put));
    }
    let upload = Upload::replacing();
    upload
        .fake()
        .before(Op::Put, 1, |disk| disk.max_file_size = 1000);
    let told = upload.fails(6);
    let found = (&told["code"], &told["limit"]);
    assert_eq!(found, (&json!("file_too_large"), &json!(1000)), "{told}");
    upload.fake().set_quota(10 << 30, 1 << 30);
    upload.settled(2);

    // A refusal that the account's numbers do not explain, at once or in the middle.
    for (fault, code) in [
        (Fault::Html(507), "quota_exceeded"),
        (Fault::RefuseAtByte(size / 2, 507), "quota_exceeded"),
        (Fault::Html(413), "file_too_large"),
        (Fault::RefuseAtByte(size / 2, 413), "file_too_large"),
    ] {
        let upload = Upload::replacing().with(vec![(Op::Put, When::Always, fault)]);
        let told = upload.fails(6);
        assert_eq!(told["code"], json!(code), "{told}");
        assert_eq!((upload.puts(), upload.names()), (1, vec![NAME.to_owned()]));
        upload.settled(2);
    }
}

#[test]
fn n05_who_is_asked_to_come_back_later_does() {
    let busy = |after: &str| Fault::Status {
        status: 429,
        error: "TooManyRequestsError",
        headers: vec![("Retry-After", after.to_owned())],
    };
    let nonsense = [
        "0",
        "-1",
        "soon",
        "99999999999999999999",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    let mut cases = Vec::new();
    for op in [Op::Link, Op::Move] {
        cases.extend(nonsense.map(|after| (vec![(op, When::First(2), busy(after))], 1)));
    }
    survived(Upload::new, cases);

    // The longest wait that is obeyed is 600 pauses: 1.2 s here.
    let upload = Upload::new().with(vec![(Op::Link, When::Nth(1), busy("1"))]);
    let start = Instant::now();
    upload.send(0).stderr_has("retrying in 1.0 s");
    assert!(start.elapsed() >= Duration::from_secs(1));
    upload.settled(1);

    // Two hours are not waited for, nor any part of them, wherever they are asked for.
    for op in [Op::Link, Op::Put, Op::Move] {
        let upload = Upload::replacing().with(vec![(op, When::Always, busy("7200"))]);
        let asked = upload.fake().count(op);
        let call = ["sync", "acme-corp", NAME, "--json"];
        let call = upload
            .cloud
            .call(call)
            .env("VERTEX_BACKUP_RETRY_PAUSE", "10s");
        let mut child = call.spawn();
        until("the end", || child.try_wait().unwrap().is_some());
        let told = ended(child, &upload).code(6).json();
        reason(&told, "quota");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains("; it asks to come back at 20"), "{detail}");
        assert_eq!(upload.fake().count(op) - asked, 1);
        // What arrived is kept for the next run.
        assert_eq!(upload.staged().is_some(), op == Op::Move);
        assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
        upload.settled(if op == Op::Put { 2 } else { 1 });
    }

    let upload = Upload::new().with(vec![(Op::Link, When::Always, busy("0"))]);
    let links = upload.fake().count(Op::Link);
    reason(&upload.fails(6), "quota");
    assert_eq!(upload.fake().count(Op::Link) - links, 6);
    upload.settled(1);
}

#[test]
fn p17_a_refused_token_is_asked_about_once_more() {
    let refused = || Fault::status(401, "UnauthorizedError");
    let ops = [Op::Disk, Op::Link, Op::Stat, Op::Mkdir, Op::Move];
    let cases = ops.map(|op| (vec![(op, When::Nth(1), refused())], 1));
    survived(Upload::new, cases.into());

    for op in ops {
        let upload = Upload::new().with(vec![(op, When::Always, refused())]);
        let asked = upload.fake().count(op);
        let told = upload.fails(6);
        reason(&told, "auth");
        let hint = told["hint"].as_str().unwrap();
        assert!(
            hint.contains("vertex-backup providers login yandex_disk"),
            "{hint}"
        );
        assert!(upload.fake().count(op) - asked <= 4);
        // What was staged waits for a token that is taken.
        upload.settled(1);
    }
}

#[test]
fn p17_a_token_revoked_in_mid_upload_costs_no_second_one() {
    let upload = Upload::replacing();
    let sent = upload.fake().hold(Op::Put, 1, Moment::AfterWork);
    let child = upload.call().spawn();
    sent.reached();
    upload.fake().revoke();
    drop(sent);
    ended(child, &upload).code(6).stderr_has("providers login");
    assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
    assert!(upload.staged().is_some());
    upload.fake().accept("y0_CANARY-another");
    upload.cloud.configure("y0_CANARY-another");
    upload.settled(1);
}

#[test]
fn p24_answers_of_somebody_else_end_the_run() {
    let large = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n",
        &*vec![b' '; 17_000_000],
    ]
    .concat();
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"href\":\"http";
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"href\":\"http";
    let deep = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        &*vec![b'['; 100_000],
    ]
    .concat();
    let own = Fault::HrefRaw("http://u:p@127.0.0.1/".into());
    let mut cases: Vec<(Op, Fault)> = vec![
        (Op::Link, Fault::HrefTemplated),
        (Op::Link, Fault::HrefScheme("ftp")),
        (Op::Link, Fault::HrefRaw("/upload".into())),
        (Op::Link, Fault::HrefRaw("http://[::".into())),
        (Op::Link, own),
        (Op::Link, Fault::edit(|told| told["href"] = json!(null))),
        (Op::Stat, Fault::edit(|told| told["size"] = json!(-1))),
        (Op::Stat, Fault::edit(|told| told["size"] = json!("12"))),
        (Op::Stat, Fault::edit(|told| told["size"] = json!(1e20))),
    ];
    for raw in [large, cut.to_vec(), half.to_vec(), deep] {
        cases.push((Op::Link, Fault::Raw(raw)));
    }
    for op in [Op::Disk, Op::Link, Op::Stat] {
        cases.extend([Fault::Html(200), Fault::Empty(200)].map(|fault| (op, fault)));
    }
    for (op, fault) in cases {
        let upload = Upload::replacing().with(vec![(op, When::Always, fault)]);
        let told = upload.fails(6);
        reason(&told, "network");
        assert!(!told.to_string().contains("127.0.0.1:"), "{told}");
        assert_eq!((upload.puts(), upload.names()), (0, vec![NAME.to_owned()]));
        upload.settled(1);
    }
}

#[test]
fn s3_the_token_is_not_taken_to_another_host() {
    // Where the token goes to any other host of the fake, the test fails as a violation.
    let upload = Upload::replacing();
    let elsewhere = format!("{}/token", upload.fake().oauth_url());
    for fault in [accepted(2, "success"), Fault::HrefRaw(elsewhere)] {
        upload.fake().on(Op::Move, When::Always, fault);
    }
    let told = upload.fails(6);
    reason(&told, "network");
    assert_eq!(upload.fake().count(Op::OauthToken), 0);
    assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
    upload.settled(1);
}

#[test]
fn l27_a_source_that_changes_while_it_is_sent_is_not_stored() {
    type Change = fn(&std::path::Path);
    let changes: [Change; 3] = [
        |path| {
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(9 << 20)
                .unwrap();
        },
        |path| fs::write(path, vec![8; LARGE]).unwrap(),
        |path| fs::rename(path.with_file_name("other"), path).unwrap(),
    ];
    for change in changes {
        let mut upload = Upload::replacing().larger();
        upload.cloud.write("other", &upload.bytes);
        let path = upload.cloud.file(NAME);
        let middle = upload.fake().hold(Op::Put, 1, Moment::Body(1 << 20));
        let child = upload.call().spawn();
        middle.reached();
        change(&path);
        drop(middle);
        ended(child, &upload)
            .code(12)
            .stderr_has("changed while it was read");
        assert_eq!(upload.names(), [NAME]);
        assert_eq!(upload.cloud.content(NAME).unwrap(), OLD);
        upload.bytes = fs::read(path).unwrap();
        upload.settled(2);
    }
}
