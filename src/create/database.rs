//! A copy of the live database, by `SQLite`'s own means.
//!
//! The application goes on writing: it is read in small batches, between which
//! it is free, and only a database that never rests long enough is held for
//! longer. The copy is one moment of the database, in one file, and checked.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::folders::{Wrote, write_failed};
use super::pieces::{Whole, temporary};
use crate::database::{self, Access};
use crate::dir::Dir;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::progress::Task;
use crate::provider::error::watch;
use crate::staging::Staging;
use crate::text::bytes;

/// Pages in the first batches: some milliseconds of work.
const BATCH: i32 = 256;

/// How long the application has the database to itself between two batches.
const PAUSE: Duration = Duration::from_millis(5);

/// A busy writer leaves gaps of a moment; who looks seldom misses them.
const GAP: Duration = Duration::from_millis(1);

/// A live database to be copied.
pub(super) struct Live<'a> {
    pub(super) path: &'a Path,
    connection: Connection,
    /// Its size at this moment.
    pub(super) size: u64,
}

impl<'a> Live<'a> {
    /// Opens it for reading, waiting for the application as long as `wait`.
    pub(super) fn open(path: &'a Path, wait: Duration) -> Result<Self, Failure> {
        let mut connection = database::open(path, Access::Read, wait)?;
        let failed = |error| database::classify(path, &error);
        database::wait_when_busy(&mut connection, wait, GAP).map_err(failed)?;
        let number = |pragma: &str| {
            let sql = format!("PRAGMA {pragma}");
            connection
                .query_row(&sql, [], |row| row.get::<_, i64>(0))
                .map(|number| u64::try_from(number).unwrap_or(0))
        };
        let pages = number("page_count").map_err(failed)?;
        let page_size = number("page_size").map_err(failed)?;
        Ok(Live {
            path,
            connection,
            size: pages.saturating_mul(page_size),
        })
    }

    /// Copies it into a file that will be called `name`.
    pub(super) fn copy<'d>(
        self,
        dir: &'d Dir,
        name: &str,
        task: &dyn Task,
    ) -> anyhow::Result<Whole<'d>> {
        let needed = Wrote::Needs(self.size);
        let failed = |error| write_failed(dir, name, needed, error);
        let mut staging = Staging::create(dir, &temporary(name), self.size).map_err(failed)?;
        staging.give_like(dir.path()).map_err(failed)?;
        let place = dir.path().join(temporary(name));
        self.copy_to(&place, task).map_err(|error| {
            if is_about_writing(&error) {
                let kind = std::io::ErrorKind::StorageFull;
                return write_failed(dir, name, needed, kind.into());
            }
            database::classify(self.path, &error).into()
        })?;
        drop(self.connection);
        staging.settle().map_err(failed)?;
        task.phase("verifying");
        let (sha256, size) = staging
            .read_back(|count| watch(task, count))
            .map_err(failed)?;
        check(&place, self.path)?;
        Ok(Whole::of_file(dir, staging, name.to_owned(), size, sha256))
    }

    fn copy_to(&self, place: &Path, task: &dyn Task) -> rusqlite::Result<()> {
        let mut copy = open_copy(place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Nobody else knows of the copy, and should we die it is thrown away.
        copy.execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;",
        )?;
        let mode: String = self
            .connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        // With a write-ahead log a reader keeps its moment, and no writer waits for it.
        let moment = if mode == "wal" {
            let moment = self.connection.unchecked_transaction()?;
            moment.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
            Some(moment)
        } else {
            None
        };
        self.copy_pages(&mut copy, moment.is_some(), task)?;
        drop(moment);
        // The copy is read without a log beside it, however the application keeps the original.
        copy.execute_batch("PRAGMA journal_mode = DELETE")?;
        copy.close().map_err(|(_, error)| error)
    }

    /// Batch by batch. A write of the application in between makes `SQLite` begin
    /// anew; each time the batches grow, so that it comes to an end.
    fn copy_pages(
        &self,
        copy: &mut Connection,
        undisturbed: bool,
        task: &dyn Task,
    ) -> rusqlite::Result<()> {
        let backup = Backup::new(&self.connection, copy)?;
        let (mut batch, mut done) = (BATCH, 0_i32);
        loop {
            if interrupt::received().is_some() {
                return Err(sqlite_error(ffi::SQLITE_INTERRUPT));
            }
            match backup.step(batch)? {
                StepResult::Done => return Ok(()),
                StepResult::More => {}
                _ => return Err(sqlite_error(ffi::SQLITE_BUSY)),
            }
            let progress = backup.progress();
            let now = progress.pagecount - progress.remaining;
            if now < done.saturating_add(batch) {
                batch = batch.saturating_mul(4);
                task.phase("copying again");
                done = 0;
            }
            let pages = u64::try_from(progress.pagecount).unwrap_or(0).max(1);
            let new = u64::try_from(now - done).unwrap_or(0);
            task.advance(self.size / pages * new);
            done = now;
            if !undisturbed {
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn sqlite_error(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

fn is_about_writing(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    full || extended == Some(ffi::SQLITE_IOERR_WRITE)
}

/// Opens the copy without `SQLite`'s locks: ours is on it, and nobody else knows its name.
fn open_copy(place: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    Connection::open_with_flags_and_vfs(place, flags, "unix-none")
}

/// Fails unless `SQLite` finds nothing wrong in the copy.
fn check(place: &Path, original: &Path) -> anyhow::Result<()> {
    let look = || -> rusqlite::Result<String> {
        let mut copy = open_copy(place, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        copy.progress_handler(10_000, Some(|| interrupt::received().is_some()))?;
        copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
    };
    let found = match look() {
        Ok(verdict) if verdict == "ok" => return Ok(()),
        Ok(found) => found,
        Err(error) => {
            interrupt::check()?;
            error.to_string()
        }
    };
    let first = found.lines().next().unwrap_or_default();
    let detail = format!(
        "the copy of '{}' fails SQLite's integrity check: {first}",
        original.display()
    );
    Err(Failure::new(Code::IntegrityFailed, detail)
        .hint("the database itself is damaged; restore the last good backup of it")
        .into())
}

/// Fails when the copy is known not to fit.
pub(super) fn check_room(dir: &Dir, name: &str, live: &Live<'_>) -> anyhow::Result<()> {
    let failed = |error| write_failed(dir, name, Wrote::Needs(live.size), error);
    let (_, free) = dir.space().map_err(failed)?;
    if free >= live.size {
        return Ok(());
    }
    let why = format!("{} are free", bytes(free));
    Err(failed(std::io::Error::new(
        std::io::ErrorKind::StorageFull,
        why,
    )))
}
