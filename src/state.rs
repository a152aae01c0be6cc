//! Our own `SQLite` file beside the application's database.
//!
//! It holds the history, what is known of remote objects, uploads under way and
//! the identity of storages. All of it is keyed by the company's id, so it
//! survives a new name. Losing the file loses no backup: what a restore needs
//! is on the remote.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::database::{self, Access};
use crate::dir::Stamp;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::provider::{ProviderKind, Session};
use crate::remote_path::RemotePath;
use crate::text::system_reason;

/// How long to wait for another of our own processes to commit.
const BUSY_WAIT: Duration = Duration::from_secs(30);

/// One step from each version of the schema to the next; `user_version` counts them.
const MIGRATIONS: [&str; 1] = [include_str!("state.sql")];

/// Marks our files among all `SQLite` databases; `state.sql` sets it.
const APPLICATION_ID: i64 = 0x5641_4253;

/// A company's directory at a provider: what objects are remembered under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The company's id.
    pub company_id: String,
    /// The provider.
    pub provider: ProviderKind,
    /// The remote directory.
    pub directory: RemotePath,
}

/// One object, by what [`Place::key`] gives.
const OBJECT: &str = "company_id = ?1 AND provider = ?2 AND directory = ?3 AND name = ?4";

impl Place {
    fn key<'a>(&'a self, name: &'a str) -> [&'a str; 4] {
        [
            &self.company_id,
            self.provider.name(),
            self.directory.as_str(),
            name,
        ]
    }
}

/// What is known of one remote object since it was last verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 it was verified to have.
    pub sha256: Sha256,
    /// The version of the object that was verified.
    pub version: String,
    /// The source it was made from, as [`source_key`] writes it.
    pub source: Option<String>,
    /// Whether it is the sidecar of another object.
    pub is_sidecar: bool,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When its bytes were last compared; absent since they were found to differ.
    pub verified_at: Option<Timestamp>,
}

/// A source file as it was when it was read: the same key means the same bytes.
/// The device is left out: its number may be another after a reboot.
pub fn source_key(stamp: &Stamp) -> String {
    format!(
        "{}:{}:{}:{}",
        stamp.inode, stamp.size, stamp.modified, stamp.changed
    )
}

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
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
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

    /// What is known of an object.
    pub fn known(&self, place: &Place, name: &str) -> Result<Option<Known>, Failure> {
        let sql = format!("SELECT name, size, sha256, version, source, stored_at, verified_at, is_sidecar FROM objects
                   WHERE {OBJECT}");
        let key = place.key(name);
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut known| known.query_row(key, read_known).optional());
        found.map_err(|error| self.failed(&error))
    }

    /// Number, bytes and last verification of all objects known in a place.
    pub fn totals(&self, place: &Place) -> Result<Totals, Failure> {
        let sql =
            "SELECT count(*) FILTER (WHERE NOT is_sidecar), coalesce(sum(size) FILTER (WHERE NOT is_sidecar), 0), max(verified_at) FILTER (WHERE NOT is_sidecar) FROM objects
                   WHERE company_id = ?1 AND provider = ?2 AND directory = ?3";
        let key = params![
            place.company_id,
            place.provider.name(),
            place.directory.as_str()
        ];
        let read = |row: &Row<'_>| {
            Ok(Totals {
                files: unsigned(row.get(0)?),
                bytes: unsigned(row.get(1)?),
                verified_at: time(row.get(2)?),
            })
        };
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut totals| totals.query_row(key, read));
        found.map_err(|error| self.failed(&error))
    }

    /// Remembers a verified object; the upload that made it is over.
    pub(crate) fn remember(
        connection: &Connection,
        place: &Place,
        known: &Known,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO objects
                   (company_id, provider, directory, name, size, sha256, version, source, stored_at, verified_at, is_sidecar)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                   ON CONFLICT DO UPDATE SET size = ?5, sha256 = ?6, version = ?7, source = ?8, stored_at = ?9,
                   verified_at = ?10, is_sidecar = ?11";
        connection.execute(
            sql,
            params![
                place.company_id,
                place.provider.name(),
                place.directory.as_str(),
                known.name,
                signed(known.size),
                known.sha256.to_string(),
                known.version,
                known.source,
                written(known.stored_at),
                known.verified_at.map(written),
                known.is_sidecar,
            ],
        )?;
        Self::end_upload(connection, place, &known.name)
    }

    /// Remembers a verified object.
    pub fn record(&mut self, place: &Place, known: &Known) -> Result<(), Failure> {
        self.transaction(|connection| Self::remember(connection, place, known))
    }

    /// Takes back that an object is verified: it was found to differ.
    pub fn distrust(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = format!(
                "UPDATE objects SET verified_at = NULL
                       WHERE {OBJECT}"
            );
            let key = place.key(name);
            connection.execute(&sql, key).map(drop)
        })
    }

    /// Forgets an object that is gone.
    pub fn forget(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = format!("DELETE FROM objects WHERE {OBJECT}");
            let key = place.key(name);
            connection.execute(&sql, key).map(drop)
        })
    }

    /// Stores an upload session, before its first byte is sent.
    pub fn begin_upload(
        &mut self,
        place: &Place,
        session: &Session,
        source: &str,
    ) -> Result<(), Failure> {
        let text = serde_json::to_string(session).map_err(|error| {
            Failure::new(
                Code::LocalIo,
                format!("cannot store the upload session: {error}"),
            )
        })?;
        self.transaction(|connection| {
            let sql = "INSERT OR REPLACE INTO uploads VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (provider, directory) = (place.provider.name(), place.directory.as_str());
            let now = written(Timestamp::now());
            let row = params![
                place.company_id,
                provider,
                directory,
                session.name,
                text,
                source,
                now
            ];
            connection.execute(sql, row).map(drop)
        })
    }

    fn end_upload(connection: &Connection, place: &Place, name: &str) -> rusqlite::Result<()> {
        let sql = format!("DELETE FROM uploads WHERE {OBJECT}");
        let key = place.key(name);
        connection.execute(&sql, key).map(drop)
    }

    /// Forgets an upload that was discarded.
    pub fn drop_upload(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.transaction(|connection| Self::end_upload(connection, place, name))
    }

    /// The uploads that earlier runs of a company left, and where.
    pub fn uploads(&self, company_id: &str) -> Result<Vec<(Place, Session)>, Failure> {
        let read = |row: &Row<'_>| -> rusqlite::Result<[String; 3]> {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        };
        let rows = || -> rusqlite::Result<Vec<[String; 3]>> {
            let sql = "SELECT provider, directory, session FROM uploads WHERE company_id = ?1";
            self.connection
                .prepare(sql)?
                .query_map([company_id], read)?
                .collect()
        };
        let rows = rows().map_err(|error| self.failed(&error))?;
        // A row of another version that cannot be read now may be read by that version again.
        let known = rows.iter().filter_map(|[provider, directory, session]| {
            let (provider, directory) =
                (provider.parse().ok()?, RemotePath::parse(directory).ok()?);
            let place = Place {
                company_id: company_id.to_owned(),
                provider,
                directory,
            };
            Some((place, serde_json::from_str(session).ok()?))
        });
        Ok(known.collect())
    }

    /// Notes which remote object an unfinished download belongs to.
    pub fn begin_download(&mut self, target: &Path, origin: &str) -> Result<(), Failure> {
        self.transaction(|connection| {
            let sql = "INSERT OR REPLACE INTO downloads VALUES (?1, ?2, ?3)";
            let row = params![target.to_string_lossy(), origin, written(Timestamp::now())];
            connection.execute(sql, row).map(drop)
        })
    }

    /// The remote object an unfinished download of `target` belongs to.
    pub fn download_origin(&self, target: &Path) -> Result<Option<String>, Failure> {
        let sql = "SELECT origin FROM downloads WHERE target = ?1";
        let found = self
            .connection
            .query_row(sql, [target.to_string_lossy()], |row| row.get(0))
            .optional();
        found.map_err(|error| self.failed(&error))
    }

    /// Forgets an unfinished download.
    pub fn end_download(&mut self, target: &Path) -> Result<(), Failure> {
        self.transaction(|connection| {
            connection
                .execute(
                    "DELETE FROM downloads WHERE target = ?1",
                    [target.to_string_lossy()],
                )
                .map(drop)
        })
    }

    /// The identity a storage had when it was first used.
    pub fn identity(&self, storage: &str) -> Result<Option<String>, Failure> {
        let sql = "SELECT identity FROM storages WHERE key = ?1";
        let found = self
            .connection
            .query_row(sql, [storage], |row| row.get(0))
            .optional();
        found.map_err(|error| self.failed(&error))
    }

    /// Notes the identity of a storage; `None` forgets it.
    pub fn set_identity(&mut self, storage: &str, identity: Option<&str>) -> Result<(), Failure> {
        self.transaction(|connection| match identity {
            Some(identity) => {
                let row = params![storage, identity, written(Timestamp::now())];
                connection
                    .execute("INSERT OR REPLACE INTO storages VALUES (?1, ?2, ?3)", row)
                    .map(drop)
            }
            None => connection
                .execute("DELETE FROM storages WHERE key = ?1", [storage])
                .map(drop),
        })
    }
}

/// What is known to lie in a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
    /// When one of them was last verified.
    pub verified_at: Option<Timestamp>,
}

fn read_known(row: &Row<'_>) -> rusqlite::Result<Known> {
    let text = |index| row.get::<_, String>(index);
    let damaged = |index, column: &str| {
        rusqlite::Error::InvalidColumnType(index, column.to_owned(), rusqlite::types::Type::Text)
    };
    Ok(Known {
        name: text(0)?,
        size: unsigned(row.get(1)?),
        sha256: text(2)?.parse().map_err(|_| damaged(2, "sha256"))?,
        version: text(3)?,
        source: row.get(4)?,
        stored_at: time(row.get(5)?).ok_or_else(|| damaged(5, "stored_at"))?,
        verified_at: time(row.get(6)?),
        is_sidecar: row.get(7)?,
    })
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
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match made.and_then(|file| crate::dir::give_like(&file, folder)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let detail = format!(
                "cannot make the state '{}': {}",
                path.display(),
                system_reason(&error)
            );
            Err(Failure::new(Code::LocalIo, detail)
                .hint("make its folder writable, or put it elsewhere with VERTEX_BACKUP_STATE"))
        }
    }
}
