//! What holds after every fault, whatever it was and wherever it struck.
//!
//! A [`Ground`] is an installation with `acme-corp` on one of the three
//! providers. A [`Watch`] is taken before the fault and checked after it:
//!
//! - I1 each final name, remote and local, holds old or new verified bytes, or is absent;
//! - I2 nothing in another company's directory or elsewhere changed;
//! - I3 the history opens and its chain is whole;
//! - I4 no lock is held any more;
//! - I5 no secret is in what was said, in the state or in a name;
//! - I6 the same command again ends well, and nothing temporary is left ([`Watch::settles`]);
//! - I7 the application's database is sound and unchanged but for the two fields;
//! - I8 exit code and JSON agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::drive::Drive;
use super::{Call, Outcome, Sandbox, fake_yandex};

/// Bytes by name. A name that several objects have stands there once for each.
pub type Files = Vec<(String, Vec<u8>)>;

/// The remote directory of `acme-corp`, on every ground.
pub const DIRECTORY: &str = "/vertex-ar/acme-corp/backups";

/// An installation with `acme-corp` on one provider.
pub trait Ground {
    /// The provider's name.
    fn provider(&self) -> &'static str;

    /// The installation.
    fn sandbox(&self) -> &Sandbox;

    /// Everything the provider stores, by full path, unfinished files too, the trash not.
    fn stored(&self) -> Files;

    /// Tokens and signed addresses that are to be told nowhere.
    fn secrets(&self) -> Vec<String>;

    /// Those of them that the state keeps (0600) as long as an upload is unfinished: the next run
    /// goes on with it.
    fn kept(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ends all faults and waits until the service has done what it was asked for.
    fn heal(&self);

    /// A command that does not wait long for somebody silent.
    fn call(&self, arguments: &[&str]) -> Call<'_> {
        self.sandbox()
            .command(arguments)
            .env("VERTEX_BACKUP_TIMEOUT", "10s")
    }
}

/// Each provider's ground, fresh.
pub fn grounds() -> Vec<Box<dyn Ground>> {
    vec![
        Box::new(Sandbox::assigned()),
        Box::new(Cloud::new()),
        Box::new(Drive::new()),
    ]
}

/// The grounds of the two clouds, fresh.
pub fn clouds() -> Vec<Box<dyn Ground>> {
    grounds().split_off(1)
}

impl Ground for Sandbox {
    fn provider(&self) -> &'static str {
        "local"
    }

    fn sandbox(&self) -> &Sandbox {
        self
    }

    fn stored(&self) -> Files {
        let root = self.root();
        let names = Sandbox::files_below(&root).into_iter();
        names
            .map(|name| {
                let bytes = fs::read(root.join(&name)).unwrap_or_default();
                (format!("/{name}"), bytes)
            })
            .collect()
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    fn heal(&self) {}
}

impl Ground for Cloud {
    fn provider(&self) -> &'static str {
        "yandex_disk"
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn stored(&self) -> Files {
        self.fake.disk(|disk| disk.files())
    }

    fn secrets(&self) -> Vec<String> {
        let signed = ["/upload-target/", "/rdisk/", "signed?s="];
        let all = signed.iter().chain(&[fake_yandex::TOKEN]);
        all.map(|&secret| secret.to_owned()).collect()
    }

    fn heal(&self) {
        self.fake.heal();
    }
}

impl Ground for Drive {
    fn provider(&self) -> &'static str {
        "google_drive"
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn stored(&self) -> Files {
        let all = self.fake.all_files();
        let path_of = |file: &super::fake_drive::File| {
            let (mut path, mut at) = (String::new(), Some(file));
            while let Some(file) = at {
                path = format!("/{}{path}", file.name);
                let parent = file.parents.first();
                at = parent.and_then(|id| all.iter().find(|file| file.id == *id));
            }
            path
        };
        let alive = all.iter().filter(|file| !file.trashed);
        let mut files: Files = alive
            .filter_map(|file| Some((path_of(file), self.fake.bytes(&file.id)?)))
            .collect();
        files.sort();
        files
    }

    fn secrets(&self) -> Vec<String> {
        let sessions = self.fake.session_uris();
        self.fake.secrets().into_iter().chain(sessions).collect()
    }

    fn kept(&self) -> Vec<String> {
        self.fake.session_uris()
    }

    fn heal(&self) {
        self.fake.heal();
        super::outgoing::until("the end of its work", || self.fake.is_idle());
    }
}

/// What was there before the fault, and what may be there after it.
pub struct Watch<'g> {
    ground: &'g dyn Ground,
    stored: Files,
    local: BTreeMap<String, Vec<u8>>,
    companies: Vec<String>,
    /// What may have each final name: of the remote by full path, of the installation by
    /// its path below it.
    allowed: Vec<(String, Vec<u8>)>,
    /// Names on the remote that may be absent.
    absent: Vec<String>,
}

impl<'g> Watch<'g> {
    /// Takes the state before the fault. Until more is allowed, nothing may change.
    pub fn over(ground: &'g dyn Ground) -> Self {
        Watch {
            stored: ground.stored(),
            local: local_files(ground.sandbox()),
            companies: companies(ground.sandbox()),
            allowed: Vec::new(),
            absent: Vec::new(),
            ground,
        }
    }

    /// A file of `acme-corp` may appear on the remote, or be replaced there, with these bytes.
    #[must_use]
    pub fn may_store(self, name: &str, bytes: &[u8]) -> Self {
        self.may_hold(&format!("{DIRECTORY}/{name}"), bytes)
    }

    /// A file of `acme-corp` may be absent for a while: the sidecar of a set that is replaced.
    #[must_use]
    pub fn may_lack(mut self, name: &str) -> Self {
        self.absent.push(format!("{DIRECTORY}/{name}"));
        self
    }

    /// A file of the installation (a path below it) may appear or be replaced with these bytes.
    #[must_use]
    pub fn may_hold(mut self, path: &str, bytes: &[u8]) -> Self {
        self.allowed.push((path.to_owned(), bytes.to_owned()));
        self
    }

    fn allows(&self, path: &str, bytes: &[u8]) -> bool {
        let mut allowed = self.allowed.iter();
        allowed.any(|(name, content)| name == path && content == bytes)
    }

    fn may_change(&self, path: &str) -> bool {
        self.allowed.iter().any(|(name, _)| name == path)
    }

    /// I1, I2, I4, I5, I7: what holds at every instant, also right after a `kill -9`.
    #[track_caller]
    pub fn holds(&self) {
        self.remote_is_sound();
        self.installation_is_sound();
        self.no_lock_is_held();
        let kept = self.ground.kept();
        let secrets = self.ground.secrets().into_iter();
        let secrets: Vec<_> = secrets.filter(|secret| !kept.contains(secret)).collect();
        is_discreet(&secrets, "the state", &self.state_bytes());
        assert_eq!(companies(self.ground.sandbox()), self.companies, "I7");
    }

    /// As [`Watch::holds`], and of a run that came to its end: I3, I5 and I8 of what it said.
    #[track_caller]
    pub fn holds_after(&self, outcome: &Outcome) {
        self.holds();
        self.chain_is_whole();
        let secrets = self.ground.secrets();
        is_discreet(&secrets, "stdout", outcome.stdout.as_bytes());
        is_discreet(&secrets, "stderr", outcome.stderr.as_bytes());
        if let Ok(told) = serde_json::from_str::<Value>(&outcome.stdout)
            && let Some(success) = told.get("success")
        {
            assert_eq!(*success, json!(outcome.code == 0), "I8: {told}");
        }
    }

    /// I6: once the fault is over, the command ends with 0 and leaves nothing temporary.
    #[track_caller]
    pub fn settles(&self, arguments: &[&str]) -> Outcome {
        self.ground.heal();
        let outcome = self.ground.call(arguments).run().code(0);
        self.holds_after(&outcome);
        is_discreet(&self.ground.secrets(), "the state", &self.state_bytes());
        let unfinished = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.starts_with("vertex-backup-partial-") || name.ends_with(".partial")
        };
        let remote = self.ground.stored().into_iter().map(|(path, _)| path);
        let local = Sandbox::files_below(self.ground.sandbox().path());
        let left: Vec<_> = remote.chain(local).filter(unfinished).collect();
        assert_eq!(left, Vec::<String>::new(), "I6: left over");
        outcome
    }

    #[track_caller]
    fn remote_is_sound(&self) {
        let after = self.ground.stored();
        for (path, bytes) in &after {
            let is_own = path.starts_with(&format!("{DIRECTORY}/"));
            let is_unfinished = is_own && path.contains("/vertex-backup-partial-");
            let is_ours = path.rsplit('/').next().is_some_and(is_marker);
            let was_there = self.stored.contains(&(path.clone(), bytes.clone()));
            let is_sound = was_there || is_unfinished || is_ours || self.allows(path, bytes);
            assert!(is_sound, "I1: '{path}' holds other bytes");
        }
        for (path, bytes) in &self.stored {
            let is_ours = path.contains("/vertex-backup-partial-") || is_marker(path);
            let is_there = after.contains(&(path.clone(), bytes.clone()));
            let is_replaced = after
                .iter()
                .any(|(name, bytes)| name == path && self.allows(name, bytes));
            let is_retired = self.absent.contains(path);
            assert!(
                is_there || is_replaced || is_ours || is_retired,
                "I1: '{path}' is lost"
            );
        }
    }

    #[track_caller]
    fn installation_is_sound(&self) {
        let after = local_files(self.ground.sandbox());
        for (path, bytes) in &after {
            let was_there = self.local.get(path) == Some(bytes);
            let is_unfinished = path.ends_with(".partial");
            let is_sound = was_there || is_unfinished || self.allows(path, bytes);
            assert!(is_sound, "I1: the local '{path}' holds other bytes");
        }
        for path in self.local.keys() {
            let is_there = after.contains_key(path) || path.ends_with(".partial");
            assert!(
                is_there || self.may_change(path),
                "I2: the local '{path}' is lost"
            );
        }
    }

    #[track_caller]
    fn no_lock_is_held(&self) {
        let folder = self.ground.sandbox().state().with_extension("locks");
        let Ok(entries) = fs::read_dir(&folder) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let Ok(file) = fs::File::open(&path) else {
                continue;
            };
            assert!(file.try_lock().is_ok(), "I4: {} is held", path.display());
        }
    }

    #[track_caller]
    fn chain_is_whole(&self) {
        let checked = self.ground.sandbox().run(["history", "--check"]);
        assert_eq!(checked.code, 0, "I3: {}", checked.stderr);
    }

    fn state_bytes(&self) -> Vec<u8> {
        let state = self.ground.sandbox().state();
        let beside = ["", "-wal", "-journal"].map(|end| format!("{}{end}", state.display()));
        let files = beside.iter().filter_map(|path| fs::read(path).ok());
        files.collect::<Vec<_>>().concat()
    }
}

#[track_caller]
fn is_discreet(secrets: &[String], what: &str, said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    // There are many, and few beginnings: what is not begun is not told.
    let head = |secret: &String| secret.chars().take(12).collect::<String>();
    let heads: BTreeSet<_> = secrets.iter().map(head).collect();
    let begun: Vec<_> = heads.iter().filter(|head| said.contains(*head)).collect();
    for secret in secrets
        .iter()
        .filter(|secret| begun.contains(&&head(secret)))
    {
        assert!(!said.contains(secret), "I5: {secret} is in {what}");
    }
}

/// The marker of a local root, which a first sync writes.
fn is_marker(path: &str) -> bool {
    path.rsplit('/').next() == Some(".vertex-backup-root")
}

/// The installation's files but for our state and locks and `SQLite`'s companions.
fn local_files(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let app = sandbox.app();
    let files = Sandbox::files_below(&app).into_iter();
    files
        .filter(|path| !path.starts_with("app_data.") && path.as_str() != "vertex-backup")
        .map(|path| {
            let bytes = fs::read(app.join(&path)).unwrap_or_default();
            (path, bytes)
        })
        .collect()
}

/// Every row of `companies` but for the two fields that are ours to set.
#[track_caller]
fn companies(sandbox: &Sandbox) -> Vec<String> {
    let database = sandbox.db();
    if !is_database(&database) {
        return Vec::new();
    }
    let connection = Connection::open(&database).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok", "I7");
    let mut statement = connection
        .prepare("SELECT * FROM companies ORDER BY id")
        .unwrap();
    let columns: Vec<_> = statement
        .column_names()
        .enumerate()
        .filter(|(_, name)| !matches!(*name, "backup_provider" | "backup_remote_path"))
        .map(|(index, _)| index)
        .collect();
    let rows = statement.query_map([], |row| {
        let cells = columns.iter().map(|&index| row.get_ref(index).unwrap());
        Ok(format!("{:?}", cells.collect::<Vec<_>>()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn is_database(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0)
}
