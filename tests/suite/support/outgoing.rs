//! A backup on its way to the fake Google Drive, and what holds once all trouble is over.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::backups::noise;
use super::drive::{Drive, FOLDER};
use super::fake_drive::{FakeDrive, Fault, File, Moment, Op, UNIT, When};
use super::{Call, Outcome};

/// The backup that is sent. It has no sidecar: sent once, it is one session.
pub const NAME: &str = "site.tar";

/// What an older one holds.
pub const OLD: &[u8] = b"an older backup";

/// The pieces it is sent in, of 256 KiB each but the last.
pub const PIECES: usize = 5;

/// What goes wrong, at which requests.
pub type Faults = Vec<(Op, When, Fault)>;

/// A backup about to be sent, and where to.
pub struct Outgoing {
    pub drive: Drive,
    pub bytes: Vec<u8>,
    /// What has the name already: content and id.
    pub old: Option<(Vec<u8>, String)>,
    /// How many chunks were sent before.
    sent_before: usize,
}

/// So many units, and a few bytes more.
pub fn units(count: u64, more: u64) -> usize {
    usize::try_from(UNIT * count + more).unwrap()
}

impl Outgoing {
    /// A backup whose name the remote does not have, nor any folder.
    pub fn new() -> Self {
        Self::of(noise(7, units(4, 1000)))
    }

    pub fn of(bytes: Vec<u8>) -> Self {
        let drive = Drive::unassigned();
        let directory = format!("/{}", FOLDER.join("/"));
        drive
            .sandbox
            .assign("acme-corp", "google_drive", &directory);
        drive.write(NAME, &bytes);
        Outgoing {
            drive,
            bytes,
            old: None,
            sent_before: 0,
        }
    }

    /// An earlier run sent an older one.
    pub fn replacing() -> Self {
        let mut upload = Self::of(OLD.to_vec());
        upload.send(0);
        let id = upload.named()[0].id.clone();
        upload.old = Some((OLD.to_vec(), id));
        upload.change(noise(7, units(4, 1000)));
        upload.sent_before = upload.fake().count(Op::Chunk);
        upload
    }

    /// Other bytes are to be sent.
    pub fn change(&mut self, bytes: Vec<u8>) {
        self.drive.write(NAME, &bytes);
        self.bytes = bytes;
    }

    /// Several things that go wrong.
    #[track_caller]
    pub fn with(self, faults: &Faults) -> Self {
        for (op, when, fault) in faults {
            self.fake().fail(*op, *when, fault.clone());
        }
        self
    }

    pub fn fake(&self) -> &FakeDrive {
        &self.drive.fake
    }

    pub fn call(&self) -> Call<'_> {
        self.drive.call(["sync", "acme-corp", NAME, "-v"])
    }

    /// Runs the command; whatever it says, it tells no secret.
    #[track_caller]
    pub fn send(&self, code: i32) -> Outcome {
        self.discreet(self.call().run()).code(code)
    }

    /// What scripts are told of a failure.
    #[track_caller]
    pub fn fails(&self, code: i32) -> Value {
        let call = self.drive.call(["sync", "acme-corp", NAME, "--json"]);
        let told = self.discreet(call.run()).code(code).json();
        assert_eq!(told["success"], json!(false));
        told
    }

    /// How a child ended.
    #[track_caller]
    pub fn ended(&self, child: Child) -> Outcome {
        let output = child.wait_with_output().unwrap();
        self.discreet(Outcome::of(&output, &self.drive.sandbox))
    }

    /// Tokens and the addresses of sessions are shown nowhere.
    #[track_caller]
    fn discreet(&self, outcome: Outcome) -> Outcome {
        let fake = self.fake();
        for secret in fake.secrets().into_iter().chain(fake.session_uris()) {
            let told = outcome.stdout.contains(&secret) || outcome.stderr.contains(&secret);
            assert!(!told, "a secret was told: {}", outcome.stderr);
        }
        outcome
    }

    /// How many chunks were begun.
    pub fn chunks(&self) -> usize {
        self.fake().count(Op::Chunk) - self.sent_before
    }

    /// The bytes that the chunks announced, in all.
    pub fn announced(&self) -> u64 {
        let chunks = self.fake().requests_of(Op::Chunk);
        let lengths = chunks.iter().skip(self.sent_before).map(|chunk| {
            let length = chunk.header("content-length");
            length.unwrap().parse::<u64>().unwrap()
        });
        lengths.sum()
    }

    /// What has the final name and is not in the trash, oldest first.
    pub fn named(&self) -> Vec<File> {
        self.fake().files(&FOLDER, NAME)
    }

    /// Uploads the state knows of.
    pub fn noted(&self) -> i64 {
        let count = "SELECT count(*) FROM uploads";
        self.state().query_row(count, [], |row| row.get(0)).unwrap()
    }

    /// The state, as the command left it.
    pub fn state(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.drive.state()).unwrap()
    }

    /// Whether the newest of that name is what was there, or what was sent.
    #[track_caller]
    pub fn is_sound(&self) {
        let newest = self.named().pop();
        let content = newest.map(|file| self.fake().bytes(&file.id).unwrap());
        let old = self.old.as_ref().map(|(bytes, _)| bytes);
        assert!(
            content.as_ref() == old || content.as_ref() == Some(&self.bytes),
            "{NAME} holds neither the old bytes nor the new ones"
        );
    }

    /// What holds after any trouble, once it is over and the command has been run again.
    #[track_caller]
    pub fn settled(&self) {
        self.fake().heal();
        self.send(0);
        let named = self.named();
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(self.fake().bytes(&named[0].id).as_ref() == Some(&self.bytes));
        assert_eq!(self.drive.names(), [NAME]);
        assert_eq!(self.partial(), Vec::<String>::new(), "left over");
        assert_eq!(self.fake().sessions(), [], "open sessions");
        assert_eq!(self.noted(), 0, "unfinished uploads");
        assert_eq!(self.fake().wasted(), 0, "bytes that it had already");
        if let Some((bytes, id)) = &self.old {
            assert!(self.fake().file(id).is_none_or(|file| file.trashed));
            assert!(self.fake().bytes(id).is_none_or(|found| found == *bytes));
        }
        self.drive.run(["history", "--check"]).code(0);
    }

    /// As [`Outgoing::settled`]; so many chunks there were in all.
    #[track_caller]
    pub fn settled_with(&self, chunks: usize) {
        self.settled();
        assert_eq!(self.chunks(), chunks, "chunks");
    }

    /// Names of ours that are not final, wherever they are.
    pub fn partial(&self) -> Vec<String> {
        let all = self.fake().all_files().into_iter();
        all.map(|file| file.name)
            .filter(|name| name.starts_with("vertex-backup-partial-"))
            .collect()
    }

    /// Kills a run at a moment. What it asked for is done, though nobody waits for it any more.
    #[track_caller]
    pub fn kill_at(&self, (op, nth, at): (Op, usize, Moment)) {
        let hold = self.fake().hold(op, nth, at);
        let mut child = self.call().spawn();
        hold.reached();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(hold);
        self.is_idle();
    }

    /// Waits until the service has done what it was asked for.
    #[track_caller]
    pub fn is_idle(&self) {
        until("the end of its work", || self.fake().is_idle());
    }

    /// After a kill: the name is sound, and the next run ends well without sending again what
    /// had arrived.
    #[track_caller]
    pub fn goes_on(&self) {
        self.is_sound();
        let open = self.fake().sessions();
        let arrived = self.fake().all_files().iter().any(|file| {
            let bytes = self.fake().bytes(&file.id);
            bytes.as_ref() == Some(&self.bytes)
        });
        let total = self.bytes.len() as u64;
        let has = match open.as_slice() {
            _ if arrived => total,
            [] => 0,
            // Killed before it was stored, or before it was known: nothing had been sent.
            [session] if self.noted() == 0 => {
                assert_eq!(session.stored, 0);
                self.fake().forget_sessions(404);
                0
            }
            [session] => session.stored,
            more => panic!("{more:?}"),
        };
        let before = self.announced();
        self.settled();
        let again = self.announced() - before;
        assert_eq!(again, total - has, "{has} of {total} bytes had arrived");
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

/// Why a provider could not be used, as scripts are told.
#[track_caller]
pub fn reason(told: &Value, reason: &str) {
    let found = (&told["code"], &told["reason"]);
    let expected = (&json!("provider_connection_failed"), &json!(reason));
    assert_eq!(found, expected, "{told}");
}

/// An error that comes when the work is done.
pub fn after_work(status: u16) -> Fault {
    Fault::ErrorAfterWork(status, "backendError", "Backend Error")
}

/// An error that comes instead of the work.
pub fn failing(status: u16) -> Fault {
    Fault::Error(status, "backendError", "Backend Error")
}

/// One thing that goes wrong once.
pub fn once(op: Op, fault: Fault) -> Faults {
    vec![(op, When::Nth(1), fault)]
}
