//! Opening `SQLite` files of others and of ours, with errors that name them.
//!
//! The application's database is live. It is never created, copied, switched
//! to another journal mode or, while others use it, checkpointed here; a plain file descriptor on it
//! is never opened either, because closing one drops this process's `SQLite`
//! locks (`stat` is enough to look at it).

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::text::system_reason;

/// How long to wait for the application to finish a write: twice its own patience.
pub const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The longest pause before a busy database is looked at again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is changed.
    Read,
    /// One short transaction.
    Write,
}

/// Opens an existing database file.
///
/// # Errors
/// `database_not_found`, `database_invalid` (a directory, an empty file, not a
/// database), `database_readonly`, `database_busy`.
pub fn open(path: &Path, access: Access, wait: Duration) -> Result<Connection, Failure> {
    check_file(path)?;
    let connection = connect(path, access, wait)?;
    match leave_the_log(&connection).and_then(|()| probe(&connection)) {
        Ok(()) => check_end(path, &connection).map(|()| connection),
        Err(error) if access == Access::Read && needs_recovery(&error) => {
            // Left by a writer that was killed: SQLite rolls back as soon as somebody may write.
            let connection = connect(path, Access::Write, wait)?;
            let opened = leave_the_log(&connection).and_then(|()| probe(&connection));
            opened.map_err(|_| {
                let detail = format!(
                    "The database '{}' was left in the middle of a write",
                    path.display()
                );
                Failure::new(Code::DatabaseReadonly, detail).hint(
                    "start the application once, or run this as a user who may write the database",
                )
            })?;
            Ok(connection)
        }
        Err(error) => Err(classify(path, &error)),
    }
}

/// Fails for a file that ends within a page: `SQLite` counts such a page as a whole one, and
/// reads what is missing as zeros.
fn check_end(path: &Path, connection: &Connection) -> Result<(), Failure> {
    let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0));
    let page = u64::from(page.map_err(|error| classify(path, &error))?);
    let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
    if page != 0 && !size.is_multiple_of(page) {
        return Err(invalid(path, "it was cut off"));
    }
    Ok(())
}

fn invalid(path: &Path, why: &str) -> Failure {
    let shown = path.display();
    let detail = format!("'{shown}' is not a database of the application: {why}");
    Failure::new(Code::DatabaseInvalid, detail)
}

fn check_file(path: &Path) -> Result<(), Failure> {
    let invalid = |why: &str| Err(invalid(path, why));
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_found(path)),
        Err(error) => {
            let detail = format!(
                "cannot open the database '{}': {}",
                path.display(),
                system_reason(&error)
            );
            Err(Failure::new(Code::LocalIo, detail))
        }
        Ok(meta) if meta.is_dir() => invalid("it is a directory"),
        Ok(meta) if !meta.is_file() => invalid("it is not a regular file"),
        Ok(meta) if meta.len() == 0 => invalid("it is empty"),
        Ok(_) => Ok(()),
    }
}

fn not_found(path: &Path) -> Failure {
    Failure::new(
        Code::DatabaseNotFound,
        format!("Database not found: {}", path.display()),
    )
    .hint(
        "name the application's database with --db FILE or VERTEX_BACKUP_DB, \
         or make a standalone one: vertex-backup init",
    )
}

/// Opens a connection without asking it anything.
pub(crate) fn connect(path: &Path, access: Access, wait: Duration) -> Result<Connection, Failure> {
    let mode = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| classify(path, &error))?;
    // One plan whatever is bound: else a cached statement is planned anew for each value.
    let one_plan = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    one_plan.map_err(|error| classify(path, &error))?;
    wait_when_busy(&mut connection, wait, LONGEST_PAUSE).map_err(|error| classify(path, &error))?;
    Ok(connection)
}

/// Leaves it to the application to move a write-ahead log into its database while it runs:
/// doing so as another writes has been the death of databases (the reset of the log, mended
/// in `SQLite` 3.51.3). Whoever is the last to close it does so alone, and may.
fn leave_the_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))
}

/// How long a run that is asked to stop still waits, so that each of its threads can say so.
const LAST_WORD: Duration = Duration::from_millis(500);

/// Waits for other writers, but no longer than `wait` at a time, and not when asked to stop.
///
/// It looks again after pauses that grow to `longest`.
pub(crate) fn wait_when_busy(
    connection: &mut Connection,
    wait: Duration,
    longest: Duration,
) -> rusqlite::Result<()> {
    let mut started = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            started = Instant::now();
        }
        let wait = match interrupt::received() {
            Some(_) => wait.min(LAST_WORD),
            None => wait,
        };
        if started.elapsed() >= wait {
            return false;
        }
        let first = Duration::from_millis(5).min(longest);
        let pause = if tries < 10 { first } else { longest };
        std::thread::sleep(pause.min(wait));
        true
    }))
}

/// The first look: reads the schema, which finds most of what can be wrong.
fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
}

fn needs_recovery(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        extended,
        Some(
            ffi::SQLITE_READONLY_ROLLBACK
                | ffi::SQLITE_READONLY_RECOVERY
                | ffi::SQLITE_READONLY_CANTINIT
        )
    )
}

/// What an `SQLite` error means for the operator, with the path.
pub fn classify(path: &Path, error: &rusqlite::Error) -> Failure {
    if let Err(interrupted) = interrupt::check() {
        return interrupted;
    }
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Failure::new(Code::DatabaseBusy, format!("The database '{shown}' is in use by another process"))
                .hint("run the command again in a moment; --timeout 60s waits longer")
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Failure::new(Code::DatabaseInvalid, format!("'{shown}' is not a usable database: {}", words(error)))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Failure::new(Code::DatabaseReadonly, format!("The database '{shown}' cannot be written"))
                .hint("run this as the user that owns the database, and check that its folder can be written too")
        }
        Some(ErrorCode::CannotOpen) => {
            // SQLite does not pass on the system's reason; this one concerns every file.
            if let Err(error) = std::fs::File::open("/dev/null") {
                let why = system_reason(&error);
                return Failure::new(Code::LocalIo, format!("cannot open the database '{shown}': {why}"));
            }
            Failure::new(Code::LocalIo, format!("cannot open the database '{shown}': {}", words(error)))
                .hint("check who may read the file and write its folder")
        }
        Some(ErrorCode::OutOfMemory) => {
            Failure::new(Code::LocalIo, format!("cannot use the database '{shown}': the system gives no more memory"))
        }
        Some(ErrorCode::DiskFull) => {
            Failure::new(Code::LocalIo, format!("cannot write the database '{shown}': the disk is full"))
        }
        _ => Failure::new(Code::LocalIo, format!("the database '{shown}' failed: {}", words(error))),
    }
}

fn words(error: &rusqlite::Error) -> String {
    crate::text::printable(&error.to_string()).into_owned()
}
