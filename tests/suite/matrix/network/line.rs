//! The way to either cloud, and what goes wrong on it, in the same words for both.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::support::Outcome;
use crate::support::backups::noise;
use crate::support::cloud::{Cloud, FOLDER as DISK_FOLDER};
use crate::support::drive::{Drive, FOLDER as DRIVE_FOLDER};
use crate::support::fake::rules::When;
use crate::support::invariants::{Ground, Watch};
use crate::support::{fake_drive, fake_yandex};

/// The backup that is sent or fetched. It has no sidecar: sent once, it is one transfer.
pub const NAME: &str = "site.tar";

/// Its size: larger than a piece of an upload to the Drive.
pub const SIZE: usize = 300_000;

/// Where a download goes.
pub const OUT: &str = "out.tar";

pub const SYNC: [&str; 4] = ["sync", "acme-corp", NAME, "-v"];
pub const DOWNLOAD: [&str; 6] = ["download", "acme-corp", NAME, "-o", OUT, "-v"];

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Whose account it is, and its room.
    Account,
    /// The look at one file.
    Look,
    /// The list of a folder.
    List,
    /// The question where an upload goes.
    Begin,
    /// The bytes of an upload, or of a piece of it.
    Send,
    /// The last step of an upload: the final name.
    Name,
    /// The first address of a download.
    Lead,
    /// The bytes of a download.
    Fetch,
    /// The question for a token.
    Token,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// These bytes are the whole answer, in the place of the work.
    Says(Vec<u8>),
    ResetBeforeWork,
    ResetAfterWork,
    /// The connection ends after so many bytes of the body.
    CloseAt(u64),
    /// The answer tells nothing of its length, and so many bytes are missing.
    NoLength(u64),
    /// Chunked, without a last chunk.
    Unterminated,
    /// 200 and everything, whatever was asked for.
    IgnoreRange,
    /// Leads elsewhere.
    Leads(String),
    /// The same in the middle of the body of an upload: at which byte, with which status.
    LeadsAt(u64, u16, String),
    /// This encoding is claimed.
    Encoded(&'static str),
}

/// A request as the service noted it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub headers: Vec<(String, String)>,
    pub status: Option<u16>,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// One cloud, with what can go wrong on the way to it.
pub trait Line: Ground {
    /// Makes something go wrong from now on.
    fn breaks(&self, step: Step, when: When, fault: Fault);

    /// Everything that was asked for at a step.
    fn seen(&self, step: Step) -> Vec<Seen>;

    /// Stores a file behind the client's back.
    fn put(&self, name: &str, bytes: &[u8]);

    /// Where the API is.
    fn api_url(&self) -> String;

    /// Writes the provider file with another address of the API, and of the service of
    /// tokens, where there is one.
    fn configure(&self, api_url: &str, token_url: &str);

    /// Where tokens come from.
    fn token_url(&self) -> String;

    fn ground(&self) -> &dyn Ground;
}

impl Line for Cloud {
    fn breaks(&self, step: Step, when: When, fault: Fault) {
        use fake_yandex::{Fault as F, Op};
        let op = match step {
            Step::Account => Op::Disk,
            Step::Look => Op::Stat,
            Step::List => Op::List,
            Step::Begin => Op::Link,
            Step::Send => Op::Put,
            Step::Name => Op::Move,
            Step::Lead => Op::Download,
            Step::Fetch => Op::Storage,
            Step::Token => Op::OauthToken,
        };
        let fault = match fault {
            Fault::Says(bytes) => F::Raw(bytes),
            Fault::ResetBeforeWork => F::ResetBeforeWork,
            Fault::ResetAfterWork => F::ResetAfterWork,
            Fault::CloseAt(at) => F::CloseAtByte(at),
            Fault::NoLength(missing) => F::NoLength { missing },
            Fault::Unterminated => F::Unterminated,
            Fault::IgnoreRange => F::IgnoreRange,
            Fault::Leads(place) => F::RedirectTo(place),
            Fault::LeadsAt(at, status, place) => F::LeadAtByte(at, status, place),
            Fault::Encoded(name) => F::ContentEncoding(name),
        };
        self.fake.on(op, when, fault);
    }

    fn seen(&self, step: Step) -> Vec<Seen> {
        use fake_yandex::Op;
        let all = self.fake.requests().into_iter();
        let wanted = all.filter(|it| match step {
            Step::Account => it.op == Op::Disk,
            Step::Look => it.op == Op::Stat,
            Step::List => it.op == Op::List,
            Step::Begin => it.op == Op::Link,
            Step::Send => it.op == Op::Put,
            Step::Name => it.op == Op::Move,
            Step::Lead => it.op == Op::Download,
            Step::Fetch => it.op == Op::Storage,
            Step::Token => it.op == Op::OauthToken,
        });
        wanted
            .map(|it| Seen {
                headers: it.headers,
                status: it.status,
                at: it.at,
            })
            .collect()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.fake.put(&format!("{DISK_FOLDER}/{name}"), bytes);
    }

    fn api_url(&self) -> String {
        self.fake.api_url()
    }

    fn configure(&self, api_url: &str, _: &str) {
        self.configure_at(api_url, fake_yandex::TOKEN);
    }

    fn token_url(&self) -> String {
        self.fake.oauth_url()
    }

    fn ground(&self) -> &dyn Ground {
        self
    }
}

impl Line for Drive {
    fn breaks(&self, step: Step, when: When, fault: Fault) {
        use fake_drive::{Fault as F, Op};
        let op = match step {
            Step::Account => Op::About,
            Step::Look => Op::Get,
            Step::List => Op::List,
            Step::Begin => Op::Initiate,
            Step::Send => Op::Chunk,
            Step::Name => Op::Update,
            Step::Lead | Step::Fetch => Op::Media,
            Step::Token => Op::Token,
        };
        let fault = match fault {
            Fault::Says(bytes) => F::Raw(bytes),
            Fault::ResetBeforeWork => F::ResetBeforeWork,
            Fault::ResetAfterWork => F::ResetAfterWork,
            Fault::CloseAt(at) => F::CloseAtByte(at),
            Fault::NoLength(missing) => F::NoLength { missing },
            Fault::Unterminated => F::Unterminated,
            Fault::IgnoreRange => F::IgnoreRange,
            Fault::Leads(place) => F::RedirectTo(place),
            Fault::LeadsAt(at, status, place) => F::LeadAtByte(at, status, place),
            Fault::Encoded(name) => F::ContentEncoding(name),
        };
        self.fake.fail(op, when, fault);
    }

    fn seen(&self, step: Step) -> Vec<Seen> {
        use fake_drive::Op;
        let op = match step {
            Step::Account => Op::About,
            Step::Look => Op::Get,
            Step::List => Op::List,
            Step::Begin => Op::Initiate,
            Step::Send => Op::Chunk,
            Step::Name => Op::Update,
            Step::Lead | Step::Fetch => Op::Media,
            Step::Token => Op::Token,
        };
        let all = self.fake.requests_of(op).into_iter();
        all.map(|it| Seen {
            headers: it.headers,
            status: it.status,
            at: it.at,
        })
        .collect()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let folder = self.fake.make_folders(&DRIVE_FOLDER);
        self.fake.put_file(&folder, name, bytes);
    }

    fn api_url(&self) -> String {
        self.fake.api_url()
    }

    fn configure(&self, api_url: &str, token_url: &str) {
        let mut login = self.login();
        login["token_uri"] = token_url.into();
        self.write_section(&serde_json::json!({
            "enabled": true, "api_url": api_url, "chunk_size": fake_drive::UNIT,
            "credentials": login,
        }));
    }

    fn token_url(&self) -> String {
        self.fake.token_uri()
    }

    fn ground(&self) -> &dyn Ground {
        self
    }
}

/// Both clouds, with nothing on them.
pub fn lines() -> Vec<Box<dyn Line>> {
    vec![Box::new(Cloud::new()), Box::new(Drive::new())]
}

/// What the backup holds.
pub fn content() -> Vec<u8> {
    noise(7, SIZE)
}

/// Both clouds, and the backup here, ready to be sent.
pub fn uploads() -> Vec<Box<dyn Line>> {
    let lines = lines();
    for line in &lines {
        line.sandbox().write(NAME, content());
    }
    lines
}

/// Both clouds, and the backup there, ready to be fetched.
pub fn downloads() -> Vec<Box<dyn Line>> {
    let lines = lines();
    for line in &lines {
        line.put(NAME, &content());
    }
    lines
}

/// Runs the command over the broken line; what must hold after any fault holds. Then the
/// fault is over, and the command ends well: the backup is where it should be, whole.
#[track_caller]
pub fn survives(line: &dyn Line, what: &str, words: &[&str], code: i32) -> Outcome {
    let watch = Watch::over(line.ground())
        .may_store(NAME, &content())
        .may_hold(OUT, &content());
    let outcome = line.call(words).run();
    let provider = line.provider();
    let Outcome {
        code: found,
        stdout,
        stderr,
    } = &outcome;
    assert_eq!(
        *found, code,
        "{provider}, {what}\nstdout: {stdout}\nstderr: {stderr}"
    );
    watch.holds_after(&outcome);
    watch.settles(words);
    if words[0] == "download" {
        let came = fs::read(line.sandbox().file(OUT)).unwrap();
        assert!(came == content(), "{provider}, {what}");
    } else {
        let stored = line.stored();
        let sent = stored.iter().find(|(path, _)| path.ends_with(NAME));
        assert!(sent.unwrap().1 == content(), "{provider}, {what}");
    }
    outcome
}

/// As [`survives`], of what scripts are told: a failure of the connection, for this reason.
#[track_caller]
pub fn fails(line: &dyn Line, what: &str, words: &[&str], reason: &str) -> Value {
    let words = [words, &["--json"]].concat();
    let told = survives(line, what, &words, 6).json();
    let provider = line.provider();
    assert_eq!(
        told["code"], "provider_connection_failed",
        "{provider}, {what}: {told}"
    );
    assert_eq!(told["reason"], reason, "{provider}, {what}: {told}");
    told
}

/// An answer, byte for byte.
pub fn answer(head: &str, body: &[u8]) -> Fault {
    Fault::Says([format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat())
}

/// An answer that tells its length, and ends the connection.
pub fn whole(head: &str, body: &[u8]) -> Fault {
    let length = format!("Content-Length: {}\r\nConnection: close", body.len());
    answer(&format!("{head}\r\n{length}"), body)
}
