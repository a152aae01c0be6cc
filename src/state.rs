//! Our own `SQLite` file beside the application's database.
//!
//! It holds the history ([`crate::history`]) and what is known of remote objects,
//! transfers under way and storages ([`crate::catalog`]). All of it is keyed by
//! the company's id, so it survives a new name. Losing the file loses no
//! backup: what a restore needs is on the remote.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use crate::database::{self, Access};
use crate::dir::{folder_of, give_like, who_may_write};
use crate::failure::{Code, Failure};
use crate::text::system_reason;

/// How long to wait for another of our own processes to commit.
const BUSY_WAIT: Duration = Duration::from_secs(30);

/// How long to wait with what can be done without.
const HASTY_WAIT: Duration = Duration::from_secs(1);

/// One step from each version of the schema to the next; `user_version` counts them.
const MIGRATIONS: [&str; 4] = [
    include_str!("state.sql"),
    include_str!("state_2.sql"),
    include_str!("state_3.sql"),
    include_str!("state_4.sql"),
];

/// Marks our files among all `SQLite` databases; `state.sql` sets it.
const APPLICATION_ID: i64 = 0x5641_4253;

/// The open state.
pub struct State {
    pub(crate) connection: Connection,
    path: PathBuf,
}

impl State {
    /// Opens the state for writing; the first time, makes it.
    ///
    /// # Errors
    /// `local_io` when its folder cannot be written, `database_invalid` when it
    /// is damaged or of a newer version.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        create_private(path)?;
        let mut state = State {
            connection: database::connect(path, Access::Write, BUSY_WAIT)?,
            path: path.to_owned(),
        };
        // Before anything is changed: it may be somebody else's database.
        state.refuse_foreign()?;
        state.use_write_ahead_log()?;
        state.migrate()?;
        Ok(state)
    }

    /// Opens the state for reading; `None` where there is none yet.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Failure> {
        if std::fs::metadata(path).map_or(true, |meta| meta.len() == 0) {
            return Ok(None);
        }
        let connection = database::connect(path, Access::Read, BUSY_WAIT)?;
        let mut state = State {
            connection,
            path: path.to_owned(),
        };
        state.refuse_foreign()?;
        // A state that lags behind gets its new tables from the next command that writes.
        if state.version()? < MIGRATIONS.len() {
            drop(state);
            return Self::open(path).map(Some);
        }
        Ok(Some(state))
    }

    /// The first to open a new state switches it over, which needs it alone: `SQLite`
    /// does not ask the busy handler then, so the wait is made here.
    fn use_write_ahead_log(&mut self) -> Result<(), Failure> {
        // What was deleted is overwritten: it may have been the address of an upload.
        let settings =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;";
        let deadline = Instant::now() + BUSY_WAIT;
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
            .hint("name another file with VERTEX_BACKUP_STATE"))
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
            return Err(Failure::new(Code::DatabaseInvalid, detail)
                .hint("use that version, or a later one"));
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
        ask(&self.connection).map_err(|error| {
            let failure = self.failed(&error);
            if failure.code() != Code::DatabaseInvalid {
                return failure;
            }
            let detail = format!("The state '{}' is damaged", self.path.display());
            Failure::new(Code::DatabaseInvalid, detail).hint(format!(
                "move it away; no backup is lost with it, only the history: mv '{0}' '{0}.damaged'",
                self.path.display()
            ))
        })
    }

    pub(crate) fn failed(&self, error: &rusqlite::Error) -> Failure {
        database::classify(&self.path, error)
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
        run().map_err(|error| database::classify(&path, &error))
    }

    /// As [`State::transaction`], of a change that is rather left out than waited for long.
    pub(crate) fn hasty_transaction<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        self.wait_when_busy(HASTY_WAIT)?;
        let done = self.transaction(change);
        self.wait_when_busy(BUSY_WAIT)?;
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

/// Makes an empty file, 0600 from the first moment, owned as its folder is; `SQLite` gives its companions the same.
fn create_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Looking first: opening the file would drop locks this process holds on it.
    if path.exists() {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made.and_then(|file| give_like(&file, folder_of(path))) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let detail = format!(
                "cannot make the state '{}': {}",
                path.display(),
                system_reason(&error)
            );
            let way_out = "make its folder writable, or put it elsewhere with VERTEX_BACKUP_STATE";
            let who = who_may_write(folder_of(path), &error);
            let hint = who.map_or_else(|| way_out.to_owned(), |who| format!("{who}; {way_out}"));
            Err(Failure::new(Code::LocalIo, detail).hint(hint))
        }
    }
}
