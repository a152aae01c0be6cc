//! Our own `SQLite` file beside the application's database.
//!
//! It holds the history ([`crate::history`]) and what is known of remote objects,
//! transfers under way and storages ([`crate::catalog`]). All of it is keyed by
//! the company's id, so it survives a new name. Losing the file loses no
//! backup: what a restore needs is on the remote. A damaged file is moved aside
//! ([`mod@repair`]), looked into ([`mod@check`]), and never deleted.

mod check;
mod repair;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use crate::database::{self, Access};
use crate::failure::{Code, Failure};
use crate::lock::{Hold, Lock};

pub use self::check::Examination;
pub use self::repair::replace;

/// How long to wait for another of our own processes to commit.
pub const BUSY_WAIT: Duration = Duration::from_secs(30);

/// How long to wait with what can be done without.
const HASTY_WAIT: Duration = Duration::from_secs(1);

/// One step from each version of the schema to the next; `user_version` counts them.
const MIGRATIONS: [&str; 4] = [
    include_str!("state.sql"),
    include_str!("state_2.sql"),
    include_str!("state_3.sql"),
    include_str!("state_4.sql"),
];

/// How long the header of an `SQLite` file is.
const HEADER: u64 = 100;

/// Marks our files among all `SQLite` databases; `state.sql` sets it.
const APPLICATION_ID: i64 = 0x5641_4253;

/// The open state.
pub struct State {
    pub(crate) connection: Connection,
    path: PathBuf,
    wait: Duration,
    /// Held while the state may be written: nobody moves it aside meanwhile.
    in_use: Option<Lock>,
}

impl State {
    /// Opens the state for writing; the first time, makes it. A damaged one is moved
    /// aside, and a new one made.
    ///
    /// # Errors
    /// `local_io` when its folder cannot be written, `database_invalid` when it
    /// is of a newer version, somebody else's, or damaged and cannot be moved.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_within(path, BUSY_WAIT)
    }

    /// As [`State::open`], waiting so long for others to commit.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_within(path: &Path, wait: Duration) -> Result<Self, Failure> {
        if is_absent(path) {
            repair::make(path, wait)?;
        }
        match Self::open_used(path, wait) {
            Err(damage) if is_damaged(&damage) => {
                repair::replace(path, wait, &damage)?;
                Self::open_used(path, wait)
            }
            opened => opened,
        }
    }

    /// Opens a state that is there for writing, and keeps others from moving it meanwhile.
    fn open_used(path: &Path, wait: Duration) -> Result<Self, Failure> {
        let in_use = repair::lock(path, Hold::Shared, wait)?;
        let mut state = Self::open_bare(path, wait)?;
        state.in_use = in_use;
        Ok(state)
    }

    /// Opens a file as a state for writing, whoever uses it.
    fn open_bare(path: &Path, wait: Duration) -> Result<Self, Failure> {
        let mut state = State {
            connection: database::connect(path, Access::Write, wait)?,
            path: path.to_owned(),
            wait,
            in_use: None,
        };
        // Before anything is changed: it may be somebody else's database, or that of a newer version.
        state.refuse_foreign()?;
        state.version()?;
        state.use_write_ahead_log()?;
        state.migrate()?;
        Ok(state)
    }

    /// Opens the state for writing as it is: none is made, and none moved.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_as_it_is(path: &Path, wait: Duration) -> Result<Option<Self>, Failure> {
        if is_absent(path) {
            return Ok(None);
        }
        let state = Self::open_used(path, wait)?;
        Ok(Some(state))
    }

    /// Opens the state for reading; `None` where there is none yet.
    ///
    /// # Errors
    /// As [`State::open`]; a damaged one stays where it is.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Failure> {
        Self::open_existing_within(path, BUSY_WAIT)
    }

    /// As [`State::open_existing`], waiting so long for others to commit.
    ///
    /// # Errors
    /// As [`State::open_existing`].
    pub fn open_existing_within(path: &Path, wait: Duration) -> Result<Option<Self>, Failure> {
        if is_absent(path) {
            return Ok(None);
        }
        let mut state = Self::open_to_read(path, wait)?;
        // A state that lags behind gets its new tables from the next command that writes.
        if state.version()? < MIGRATIONS.len() {
            drop(state);
            return Self::open_as_it_is(path, wait);
        }
        Ok(Some(state))
    }

    fn open_to_read(path: &Path, wait: Duration) -> Result<Self, Failure> {
        let mut state = State {
            connection: database::connect(path, Access::Read, wait)?,
            path: path.to_owned(),
            wait,
            in_use: None,
        };
        state.refuse_foreign()?;
        Ok(state)
    }

    /// The first to open a new state switches it over, which needs it alone: `SQLite`
    /// does not ask the busy handler then, so the wait is made here.
    fn use_write_ahead_log(&mut self) -> Result<(), Failure> {
        // What was deleted is overwritten: it may have been the address of an upload.
        let settings =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;";
        let deadline = Instant::now() + self.wait;
        loop {
            match self.try_or_damaged(|connection| connection.execute_batch(settings)) {
                Err(failure)
                    if failure.code() == Code::DatabaseBusy && Instant::now() < deadline =>
                {
                    crate::interrupt::check()?;
                    std::thread::sleep(Duration::from_millis(10));
                }
                result => return result,
            }
        }
    }

    /// A database with tables in it that is not ours is never written to.
    fn refuse_foreign(&mut self) -> Result<(), Failure> {
        // SQLite takes what is shorter than a header for a database that has yet to be written.
        if std::fs::metadata(&self.path).is_ok_and(|file| (1..HEADER).contains(&file.len())) {
            return Err(damaged(&self.path));
        }
        let sql = "SELECT (SELECT count(*) FROM sqlite_master), application_id FROM pragma_application_id";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (tables, id): (i64, i64) =
            self.try_or_damaged(|connection| connection.query_row(sql, [], read))?;
        if tables == 0 || id == APPLICATION_ID {
            return Ok(());
        }
        let detail = format!(
            "'{}' is a database, but not a state of vertex-backup",
            self.path.display()
        );
        Err(Failure::new(Code::DatabaseInvalid, detail)
            .hint("name another file with VERTEX_BACKUP_STATE")
            .field(STATE, FOREIGN))
    }

    fn version(&mut self) -> Result<usize, Failure> {
        let version: i64 = self.try_or_damaged(|connection| {
            connection.query_row("PRAGMA user_version", [], |row| row.get(0))
        })?;
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        if version > MIGRATIONS.len() {
            let detail = format!(
                "The state '{}' was written by a newer version of vertex-backup",
                self.path.display()
            );
            let hint = format!(
                "use that version, or a later one; or begin a new history: move the file away, then \
                 vertex-backup state rebuild --all (mv '{0}' '{0}.newer')",
                self.path.display()
            );
            return Err(Failure::new(Code::DatabaseInvalid, detail)
                .hint(hint)
                .field(STATE, NEWER));
        }
        Ok(version)
    }

    fn migrate(&mut self) -> Result<(), Failure> {
        if self.version()? == MIGRATIONS.len() {
            return Ok(());
        }
        self.try_or_damaged(|connection| connection.execute_batch("BEGIN IMMEDIATE"))?;
        // Another process may have done it while this one waited for the lock.
        let version = self.version()?;
        let step = format!(
            "{}; PRAGMA user_version = {};",
            MIGRATIONS[version..].concat(),
            MIGRATIONS.len()
        );
        let step = if version == MIGRATIONS.len() {
            "COMMIT".to_owned()
        } else {
            format!("{step} COMMIT")
        };
        self.try_or_damaged(|connection| connection.execute_batch(&step))
    }

    fn try_or_damaged<T>(
        &mut self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        ask(&self.connection).map_err(|error| self.failed(&error))
    }

    pub(crate) fn failed(&self, error: &rusqlite::Error) -> Failure {
        failed(&self.path, error)
    }

    /// Runs a change as one durable transaction.
    pub(crate) fn transaction<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let path = self.path.clone();
        let run = || -> rusqlite::Result<T> {
            let behavior = rusqlite::TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behavior)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|error| failed(&path, &error))
    }

    /// As [`State::transaction`], of a change that is rather left out than waited for long.
    pub(crate) fn hasty_transaction<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        self.wait_when_busy(HASTY_WAIT)?;
        let done = self.transaction(change);
        self.wait_when_busy(self.wait)?;
        done
    }

    fn wait_when_busy(&mut self, wait: Duration) -> Result<(), Failure> {
        database::wait_when_busy(&mut self.connection, wait, database::LONGEST_PAUSE)
            .map_err(|error| self.failed(&error))
    }

    /// Answers many questions from one snapshot, which costs one look at the file instead of many.
    pub fn at_once<T>(&self, ask: impl FnOnce(&State) -> Result<T, Failure>) -> Result<T, Failure> {
        let snapshot = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        let answer = ask(self);
        drop(snapshot);
        answer
    }
}

/// What an `SQLite` error means for the state.
fn failed(path: &Path, error: &rusqlite::Error) -> Failure {
    let failure = database::classify(path, error);
    if failure.code() != Code::DatabaseInvalid {
        return failure;
    }
    damaged(path)
}

fn damaged(path: &Path) -> Failure {
    let detail = format!("The state '{}' is damaged", path.display());
    Failure::new(Code::DatabaseInvalid, detail)
        .hint(
            "no backup is lost with it; the next command that changes something moves it aside and \
             makes a new one, as does: vertex-backup state rebuild --all",
        )
        .field(STATE, DAMAGED)
}

/// The key of an error that says what is wrong with the state.
const STATE: &str = "state";
const DAMAGED: &str = "damaged";
const FOREIGN: &str = "foreign";
const NEWER: &str = "newer";

/// What an error says is wrong with the state, where that is what it is about.
fn trouble(failure: &Failure) -> Option<&str> {
    let (_, said) = failure.fields().iter().find(|(key, _)| *key == STATE)?;
    said.as_str()
}

/// Whether an error says that the state is damaged.
pub fn is_damaged(failure: &Failure) -> bool {
    trouble(failure) == Some(DAMAGED)
}

/// Whether there is no state, or none that anything was written to.
fn is_absent(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |meta| meta.len() == 0)
}

/// A time as it is stored: always as long, so that text sorts as time does.
pub(crate) fn written(at: Timestamp) -> String {
    format!("{at:.6}")
}

pub(crate) fn time(text: Option<String>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

/// `SQLite` counts in signed numbers; no file is larger than that.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
