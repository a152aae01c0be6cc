//! One run at a time for each company, by a lock that dies with its process.
//!
//! The lock is the system's advisory lock on a file beside the state, not the
//! file's existence: a killed holder never blocks anybody. The file tells who
//! holds it.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::dir::{Dir, Stamp, folder_of, give_like, who_may_write};
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::redact::known;
use crate::text::system_reason;

/// What is locked by whom: the content of a lock file.
#[derive(Debug, Deserialize, Serialize)]
struct Holder {
    what: String,
    command: String,
    since: Timestamp,
    actor: Actor,
}

/// A lock held; let go when dropped.
#[derive(Debug)]
pub struct Lock {
    key: String,
    file: File,
}

impl Lock {
    /// What is locked.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Tells in the lock's file who holds it; what is told stays there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sign(&mut self, command: &str) -> std::io::Result<()> {
        let holder = Holder {
            what: self.key.clone(),
            command: command.to_owned(),
            since: Timestamp::now(),
            actor: Actor::current(),
        };
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file
            .write_all(known(&serde_json::to_string(&holder)?).as_bytes())
    }

    /// Whether anybody ever signed it.
    pub fn is_signed(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.len() > 0)
    }
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By nobody else.
    Alone,
    /// By any number that hold it so, too.
    Shared,
}

/// The folder of locks that belongs to a state file.
#[derive(Clone, Debug)]
pub struct Locks {
    folder: PathBuf,
}

impl Locks {
    /// The locks beside a state file.
    pub fn beside(state: &Path) -> Self {
        Locks {
            folder: state.with_extension("locks"),
        }
    }

    /// Takes the lock on `what` alone and signs it, waiting at most `wait` for another holder.
    ///
    /// # Errors
    /// `locked` with the holder's pid, command and age; `local_io`.
    pub fn acquire(&self, what: &str, command: &str, wait: Duration) -> Result<Lock, Failure> {
        let mut lock = self.hold(what, Hold::Alone, wait)?;
        lock.sign(command).map_err(|error| self.failed(&error))?;
        Ok(lock)
    }

    /// Takes the lock on `what`, waiting at most `wait` for another holder.
    ///
    /// # Errors
    /// As [`Locks::acquire`].
    pub fn hold(&self, what: &str, hold: Hold, wait: Duration) -> Result<Lock, Failure> {
        let failed = |error: std::io::Error| self.failed(&error);
        let dir = self.open_folder().map_err(failed)?;
        let name = file_name(what);
        let started = Instant::now();
        loop {
            let mut file = open_or_create(&dir, &name).map_err(failed)?;
            give_like(&file, &self.folder).map_err(failed)?;
            let locked = match hold {
                Hold::Alone => file.try_lock(),
                Hold::Shared => file.try_lock_shared(),
            };
            match locked {
                // A cleaner may have removed the file before we locked it: then it excludes nobody.
                Ok(()) if is_still_there(&dir, &name, &file).map_err(failed)? => {
                    return Ok(Lock {
                        key: what.to_owned(),
                        file,
                    });
                }
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) if started.elapsed() < wait => {
                    crate::interrupt::check()?;
                    std::thread::sleep(Duration::from_millis(50).min(wait));
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    let holder = Holder::read(&mut file);
                    // Whoever has just taken it is about to say so.
                    let is_new = holder.as_ref().is_none_or(|holder| holder.actor.is_gone());
                    if !is_new || started.elapsed() >= wait + TO_SIGN {
                        return Err(held(holder, what));
                    }
                    crate::interrupt::check()?;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Whether anybody ever signed the lock on `what`; nothing is made.
    pub fn was_signed(&self, what: &str) -> bool {
        let file = std::fs::metadata(self.folder.join(file_name(what)));
        file.is_ok_and(|file| file.len() > 0)
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let detail = format!(
            "cannot lock in '{}': {}",
            self.folder.display(),
            system_reason(error)
        );
        let way_out = "make the folder of the state writable, or set VERTEX_BACKUP_STATE";
        let who = who_may_write(&self.folder, error);
        let hint = who.map_or_else(|| way_out.to_owned(), |who| format!("{who}; {way_out}"));
        Failure::new(Code::LocalIo, detail).hint(hint)
    }

    fn open_folder(&self) -> std::io::Result<Dir> {
        use std::os::unix::fs::DirBuilderExt as _;
        let made = std::fs::DirBuilder::new().mode(0o700).create(&self.folder);
        let is_new = match made {
            Ok(()) => true,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let dir = Dir::open(&self.folder)?;
        if is_new {
            give_like(&dir, folder_of(&self.folder))?;
        }
        Ok(dir)
    }
}

/// Ids may hold anything, so the file's name is a hash of it.
fn file_name(what: &str) -> String {
    format!("{}.lock", &Sha256::of(what.as_bytes()).to_string()[..32])
}

fn open_or_create(dir: &Dir, name: &str) -> std::io::Result<File> {
    match dir.create_file(name) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            match dir.reopen_file(name) {
                // Removed in between: make it anew.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => dir.create_file(name),
                result => result,
            }
        }
        result => result,
    }
}

fn is_still_there(dir: &Dir, name: &str, file: &File) -> std::io::Result<bool> {
    let ours = Stamp::of(file)?;
    Ok(dir
        .entry(name)?
        .is_some_and(|entry| entry.stamp.same_file(&ours)))
}

impl Holder {
    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.rewind().ok()?;
        file.take(64 * 1024).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }
}

fn held(holder: Option<Holder>, what: &str) -> Failure {
    match holder {
        Some(holder) => in_use(what, &holder.command, holder.since, &holder.actor),
        None => Failure::new(Code::Locked, format!("{what} is in use by another run")).hint(HINT),
    }
}

/// How long the next holder of a lock may take to say who it is.
const TO_SIGN: Duration = Duration::from_millis(500);

const HINT: &str = "wait for it with --lock-wait 10m, or look at it with ps";

/// The failure for what somebody else is at.
pub(crate) fn in_use(what: &str, command: &str, since: Timestamp, actor: &Actor) -> Failure {
    let age = Timestamp::now().duration_since(since);
    let age = Duration::try_from(age).unwrap_or_default();
    let detail = format!(
        "{what} is in use by another run: `{command}`, pid {} of {} on {}, for {}",
        actor.pid,
        actor.user,
        actor.host,
        crate::duration::show(age)
    );
    Failure::new(Code::Locked, detail)
        .hint(HINT)
        .field("pid", actor.pid)
        .field("command", command)
        .field("age_seconds", age.as_secs())
}
