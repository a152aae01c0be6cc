//! The runs that are killed: one sync, one download and one restore test, for each provider.
//!
//! A [`Trial`] is made ready again and again on one [`Ground`]; after each run it says what must
//! hold at every instant, and after a run that went well, what must hold then.

use std::fmt::Debug;
use std::fs;

use crate::support::backups::noise;
use crate::support::cloud::Cloud;
use crate::support::drive::Drive;
use crate::support::fake::rules::{Hold, Moment};
use crate::support::invariants::{DIRECTORY, Files, Ground, Watch};
use crate::support::{Call, DB, STORAGE, Sandbox, fake_drive, fake_yandex, fixtures};

/// A command that is run again and again, and what holds after it.
pub trait Trial {
    type Ground: Ground;

    fn ground(&self) -> &Self::Ground;

    /// Something to do for the next run.
    fn prepare(&mut self);

    /// What is run.
    fn words(&self) -> Vec<String>;

    fn call(&self) -> Call<'_> {
        let words = self.words();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.ground().call(&words)
    }

    /// What may change from here on.
    fn watch(&self) -> Watch<'_>;

    /// What holds at every instant, beside the invariants.
    #[track_caller]
    fn is_sound(&self);

    /// What holds after a run that went well, beside the invariants.
    #[track_caller]
    fn is_done(&self);
}

/// Each provider's ground, for many runs.
pub fn local() -> Sandbox {
    let sandbox = Sandbox::quick();
    assigned(&sandbox, "local");
    sandbox
}

pub fn yandex() -> Cloud {
    let cloud = Cloud::beside(Sandbox::quick());
    assigned(&cloud.sandbox, "yandex_disk");
    cloud
}

pub fn drive() -> Drive {
    let drive = Drive::beside(Sandbox::quick());
    assigned(&drive.sandbox, "google_drive");
    drive
}

fn assigned(sandbox: &Sandbox, provider: &str) {
    let set = ["config", "set", "acme-corp", "--provider", provider, "-q"];
    sandbox.run(set).code(0);
    sandbox.without_backups();
}

/// A provider that is asked by requests, each of which can be held.
pub trait Asked: Ground {
    type Op: Copy + PartialEq + Debug;

    /// The kinds of all requests so far.
    fn ops(&self) -> Vec<Self::Op>;

    fn hold(&self, op: Self::Op, nth: usize, at: Moment) -> Hold;

    /// Whether the answer of such a request is a file.
    fn is_media(op: Self::Op) -> bool;

    /// Waits until the service has nothing to do.
    fn is_idle(&self);
}

impl Asked for Cloud {
    type Op = fake_yandex::Op;

    fn ops(&self) -> Vec<Self::Op> {
        self.fake.requests().iter().map(|it| it.op).collect()
    }

    fn hold(&self, op: Self::Op, nth: usize, at: Moment) -> Hold {
        self.fake.hold(op, nth, at)
    }

    fn is_media(op: Self::Op) -> bool {
        op == fake_yandex::Op::Storage
    }

    fn is_idle(&self) {
        crate::yandex_kill::is_done(&self.fake);
    }
}

impl Asked for Drive {
    type Op = fake_drive::Op;

    fn ops(&self) -> Vec<Self::Op> {
        self.fake.requests().iter().map(|it| it.op).collect()
    }

    fn hold(&self, op: Self::Op, nth: usize, at: Moment) -> Hold {
        self.fake.hold(op, nth, at)
    }

    fn is_media(op: Self::Op) -> bool {
        op == fake_drive::Op::Media
    }

    fn is_idle(&self) {
        crate::support::outgoing::until("the end of its work", || self.fake.is_idle());
    }
}

const FOLDER: &str = "backups/storage";
const STEM: &str = "storage_backup_20250301_030000";

/// A backup in two parts, of which the second is always the same, and its sidecar; by name.
fn write_set(sandbox: &Sandbox, seed: u64) -> Files {
    let parts = [noise(seed, 700), noise(1, 500)];
    let names = sandbox.split(FOLDER, STEM, &parts);
    let sidecar = names[0].replace(".gz", ".json");
    let text = fs::read(sandbox.file(&format!("{FOLDER}/{sidecar}"))).unwrap();
    let mut files: Files = names.into_iter().zip(parts).collect();
    files.push((sidecar, text));
    files.sort();
    files
}

/// A sync of a set that replaces an older one in part.
pub struct Sending<G> {
    ground: G,
    seed: u64,
    old: Files,
    new: Files,
}

impl<G: Ground> Sending<G> {
    pub fn new(ground: G) -> Self {
        let new = write_set(ground.sandbox(), 1);
        let sending = Sending {
            ground,
            seed: 1,
            old: Files::new(),
            new,
        };
        sending.call().run().code(0);
        sending.is_done();
        sending
    }

    /// What has a final name.
    fn named(&self) -> Files {
        let own = format!("{DIRECTORY}/");
        let stored = self.ground.stored().into_iter();
        let own =
            stored.filter_map(|(path, bytes)| Some((path.strip_prefix(&own)?.to_owned(), bytes)));
        own.filter(|(name, _)| !name.starts_with("vertex-backup-partial-"))
            .collect()
    }
}

impl<G: Ground> Trial for Sending<G> {
    type Ground = G;

    fn ground(&self) -> &G {
        &self.ground
    }

    fn prepare(&mut self) {
        self.seed += 1;
        let new = write_set(self.ground.sandbox(), self.seed);
        self.old = std::mem::replace(&mut self.new, new);
    }

    fn words(&self) -> Vec<String> {
        [
            "sync",
            "acme-corp",
            &format!("{FOLDER}/{STEM}.tar.part001.gz"),
        ]
        .map(str::to_owned)
        .into()
    }

    fn watch(&self) -> Watch<'_> {
        let watch = Watch::over(&self.ground).may_lack(&self.new[1].0);
        let new = self.new.iter();
        new.fold(watch, |watch, (name, bytes)| watch.may_store(name, bytes))
    }

    /// With a sidecar it is the one set or the other, whole.
    fn is_sound(&self) {
        let named = self.named();
        let sidecar = &self.new[1].0;
        assert_eq!(*sidecar, format!("{STEM}.tar.part001.json"));
        let has = |set: &Files| set.iter().all(|file| named.contains(file));
        let is_told = named.iter().any(|(name, _)| name == sidecar);
        assert!(
            !is_told || has(&self.old) || has(&self.new),
            "a sidecar without its set: {:?}",
            names(&named)
        );
    }

    fn is_done(&self) {
        let named = self.named();
        assert!(named == self.new, "not what was sent: {:?}", names(&named));
    }
}

fn names(files: &Files) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

/// A download of a set in parts, which are joined, in place of an older backup.
pub struct Fetching<G> {
    ground: G,
    whole: Vec<u8>,
    /// What a run that nothing disturbs leaves.
    expected: Files,
}

/// Where it is brought to.
const OUT: &str = "out";

impl<G: Ground> Fetching<G> {
    pub fn new(ground: G) -> Self {
        let sending = Sending::new(ground);
        let parts = sending.new.iter().filter(|(name, _)| name.contains(".gz"));
        let whole = parts.flat_map(|(_, bytes)| bytes.clone()).collect();
        let mut fetching = Fetching {
            ground: sending.ground,
            whole,
            expected: Files::new(),
        };
        fetching.prepare();
        fetching.call().run().code(0);
        fetching.expected = fetching.there();
        fetching.is_done();
        fetching
    }

    fn there(&self) -> Files {
        let out = self.ground.sandbox().file(OUT);
        let names = Sandbox::names_in(&out).into_iter();
        names
            .map(|name| (name.clone(), fs::read(out.join(name)).unwrap()))
            .collect()
    }
}

/// What was there before.
const BEFORE: &[u8] = b"an older backup";

impl<G: Ground> Trial for Fetching<G> {
    type Ground = G;

    fn ground(&self) -> &G {
        &self.ground
    }

    fn prepare(&mut self) {
        let out = self.ground.sandbox().file(OUT);
        let _ = fs::remove_dir_all(&out);
        let name = format!("{OUT}/{STEM}.tar.gz");
        self.ground.sandbox().write(&name, BEFORE);
    }

    fn words(&self) -> Vec<String> {
        let name = format!("{STEM}.tar.part001.gz");
        ["download", "acme-corp", &name, "-o", "out/", "--force"]
            .map(str::to_owned)
            .into()
    }

    fn watch(&self) -> Watch<'_> {
        let watch = Watch::over(&self.ground);
        let new = self.expected.iter();
        new.fold(watch, |watch, (name, bytes)| {
            watch.may_hold(&format!("{OUT}/{name}"), bytes)
        })
    }

    /// The backup is never away, as it is replaced in one step.
    fn is_sound(&self) {
        let there = self.there();
        let name = format!("{STEM}.tar.gz");
        assert!(there.iter().any(|(found, _)| *found == name), "it is away");
    }

    fn is_done(&self) {
        let there = self.there();
        let expected = names(&self.expected);
        assert_eq!(names(&there), expected);
        assert!(there == self.expected, "other bytes");
        assert!(there.iter().any(|(_, bytes)| *bytes == self.whole));
    }
}

/// A restore test of a database and of an archive in two parts.
pub struct Testing<G> {
    ground: G,
}

impl<G: Ground> Testing<G> {
    pub fn new(ground: G) -> Self {
        let sandbox = ground.sandbox();
        let made = fixtures().join("vertex-ar/backups");
        let archive = fs::read(made.join("storage").join(STORAGE)).unwrap();
        let (first, second) = archive.split_at(archive.len() / 2);
        sandbox.split(FOLDER, STEM, &[first.to_vec(), second.to_vec()]);
        let database = fs::read(made.join("database").join(DB)).unwrap();
        sandbox.backup("backups/database", DB, &database);
        fs::create_dir(sandbox.path().join("scratch")).unwrap();
        ground.call(&["sync", "acme-corp", "-q"]).run().code(0);
        Testing { ground }
    }

    fn left(&self) -> Vec<String> {
        Sandbox::names_in(&self.ground.sandbox().path().join("scratch"))
    }
}

impl<G: Ground> Trial for Testing<G> {
    type Ground = G;

    fn ground(&self) -> &G {
        &self.ground
    }

    fn prepare(&mut self) {}

    fn words(&self) -> Vec<String> {
        let scratch = self.ground.sandbox().path().join("scratch");
        let scratch = scratch.to_str().unwrap();
        ["restore-test", "acme-corp", "--scratch", scratch]
            .map(str::to_owned)
            .into()
    }

    fn watch(&self) -> Watch<'_> {
        Watch::over(&self.ground)
    }

    fn is_sound(&self) {
        let left = self.left();
        assert!(left.len() <= 1, "{left:?}");
    }

    fn is_done(&self) {
        assert_eq!(self.left(), Vec::<String>::new());
    }
}
