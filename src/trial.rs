//! Really opening a backup: the only proof that it can be restored.
//!
//! It comes from a remote that others can write to, so it is not trusted: a
//! database is opened read-only, cannot make `SQLite` run anything, and has so
//! long and no longer; an archive is read to its very end and unpacked nowhere.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::archive::{Compression, read_through};
use crate::backup::BackupType;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::progress::Task;
use crate::provider::error::watch;
use crate::report::{ArchiveFound, DatabaseFound};
use crate::text::{printable, system_reason};

/// What every `SQLite` file begins with.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// What a tar has at this place.
const USTAR: (usize, &[u8]) = (257, b"ustar");

/// How long a database may take, and how long more for each MiB.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(1));

/// More than any sound database makes `SQLite` ask for; a hostile one gets no more.
const MEMORY: u64 = 512 * 1024 * 1024;

/// How many of `SQLite`'s steps pass between two looks at the clock.
const STEPS: i32 = 10_000;

/// What was found in a backup that could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is a database of the application.
    Database(DatabaseFound),
    /// It is an archive of files.
    Archive(ArchiveFound),
}

/// Opens a backup of that name and type, and looks at all of it.
///
/// # Errors
/// `integrity_failed` when it cannot be restored; `local_io` when it cannot be read here.
pub fn open(
    name: &str,
    backup_type: BackupType,
    (mut file, path): (File, &Path),
    task: &dyn Task,
) -> anyhow::Result<Opened> {
    task.phase("opening");
    let mut first = Vec::new();
    let read = file.by_ref().take(512).read_to_end(&mut first);
    read.and_then(|_| file.rewind()).map_err(|error| {
        let detail = format!(
            "cannot read '{}': {}",
            path.display(),
            system_reason(&error)
        );
        Failure::new(Code::LocalIo, detail)
    })?;
    let is_database = first.starts_with(SQLITE);
    let is_archive = Compression::of_name(name).is_some()
        || Compression::of_magic(&first) != Compression::None
        || first
            .get(USTAR.0..)
            .is_some_and(|rest| rest.starts_with(USTAR.1));
    match backup_type {
        BackupType::Database | BackupType::Full if is_database => {
            drop(file);
            Ok(Opened::Database(open_database(name, path)?))
        }
        BackupType::Storage | BackupType::Full if is_archive => {
            let step = |count| watch(task, count);
            let found = read_through(name, file, Compression::of_name(name), step)?;
            Ok(Opened::Archive(ArchiveFound {
                entries: found.entries,
                files: found.files,
                bytes: found.bytes,
            }))
        }
        BackupType::Database => Err(cannot_open(name, "not a database").into()),
        BackupType::Storage => Err(cannot_open(name, "not an archive").into()),
        BackupType::Full => Err(cannot_open(name, "not a database or archive").into()),
    }
}

fn cannot_open(name: &str, why: &str) -> Failure {
    Failure::new(
        Code::IntegrityFailed,
        format!("'{name}' cannot be opened: {why}"),
    )
}

fn open_database(name: &str, path: &Path) -> Result<DatabaseFound, Failure> {
    let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
    let mebibytes = u32::try_from(size >> 20).unwrap_or(u32::MAX);
    let patience = PATIENCE.0 + PATIENCE.1 * mebibytes;
    let deadline = Instant::now() + patience;
    let failed = |error: rusqlite::Error| {
        if let Err(interrupted) = interrupt::check() {
            return interrupted;
        }
        let words = printable(&error.to_string()).into_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                let limit = crate::duration::show(patience);
                cannot_open(name, &format!("it took longer than {limit}"))
            }
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => Failure::new(
                Code::LocalIo,
                format!("cannot read '{}': {words}", path.display()),
            ),
            _ => cannot_open(name, &words),
        }
    };
    let connection = connect(path, deadline).map_err(failed)?;
    check_integrity(name, &connection).map_err(|error| error.or_failure(failed))?;
    check_references(name, &connection).map_err(|error| error.or_failure(failed))?;
    let companies = count_companies(name, &connection);
    let companies = companies.map_err(|error| error.or_failure(failed))?;
    Ok(DatabaseFound {
        integrity: "ok",
        foreign_keys: "ok",
        companies,
    })
}

/// What `SQLite` said, or what its answer means.
enum Refusal {
    Sqlite(rusqlite::Error),
    Verdict(Failure),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Refusal::Sqlite(error)
    }
}

impl Refusal {
    fn or_failure(self, failed: impl FnOnce(rusqlite::Error) -> Failure) -> Failure {
        match self {
            Refusal::Sqlite(error) => failed(error),
            Refusal::Verdict(failure) => failure,
        }
    }
}

/// Opens a database that may be hostile: nothing in it is run, nothing is written.
fn connect(path: &Path, deadline: Instant) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let mut connection = Connection::open_with_flags(address(path), flags)?;
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.progress_handler(
        STEPS,
        Some(move || interrupt::received().is_some() || Instant::now() > deadline),
    )?;
    connection.execute_batch(&format!(
        "PRAGMA hard_heap_limit = {MEMORY}; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;
         PRAGMA query_only = ON;"
    ))?;
    Ok(connection)
}

/// The path as `SQLite` takes it, with the word that nobody else writes to the
/// file: then it needs neither a journal nor a lock, whatever the file's mode.
fn address(path: &Path) -> String {
    let mut text = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                text.push(char::from(*byte));
            }
            byte => text.extend(["%", &format!("{byte:02X}")]),
        }
    }
    text.push_str("?mode=ro&immutable=1");
    text
}

fn check_integrity(name: &str, connection: &Connection) -> Result<(), Refusal> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<rusqlite::Result<_>>()?;
    if lines == ["ok"] {
        return Ok(());
    }
    let said: Vec<&str> = lines.iter().flat_map(|text| text.lines()).take(3).collect();
    let said = said.join("; ");
    let said = printable(&said);
    Err(Refusal::Verdict(cannot_open(
        name,
        &format!("the database is damaged: {said}"),
    )))
}

fn check_references(name: &str, connection: &Connection) -> Result<(), Refusal> {
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    let (mut count, mut first) = (0_u64, None);
    while let Some(row) = rows.next()? {
        if first.is_none() {
            first = Some((row.get::<_, String>(0)?, row.get::<_, String>(2)?));
        }
        count += 1;
    }
    let Some((table, parent)) = first else {
        return Ok(());
    };
    let rows = if count == 1 {
        "row refers"
    } else {
        "rows refer"
    };
    let why = format!(
        "{count} {rows} to others that are not there, the first of '{table}' to '{parent}'"
    );
    Err(Refusal::Verdict(cannot_open(name, &why)))
}

fn count_companies(name: &str, connection: &Connection) -> Result<u64, Refusal> {
    // A real table: anything else by that name could be made to count for ever.
    let sql = "SELECT count(*) FROM sqlite_schema
               WHERE type = 'table' AND name = 'companies' COLLATE NOCASE AND rootpage > 0";
    let tables: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    if tables != 1 {
        let why = "not a Vertex AR database: it has no table of companies";
        return Err(Refusal::Verdict(cannot_open(name, why)));
    }
    let count: i64 =
        connection.query_row("SELECT count(*) FROM companies", [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn opened(name: &str, kind: BackupType, make: impl FnOnce(&Path)) -> anyhow::Result<Opened> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        make(&path);
        open(name, kind, (File::open(&path).unwrap(), &path), &Silent)
    }

    fn database(sql: &'static str) -> impl FnOnce(&Path) {
        move |path| Connection::open(path).unwrap().execute_batch(sql).unwrap()
    }

    fn why(result: anyhow::Result<Opened>) -> String {
        let error = result.unwrap_err();
        assert_eq!(Failure::of(&error).unwrap().code(), Code::IntegrityFailed);
        error.to_string()
    }

    #[test]
    fn a_database_is_one_of_the_application_or_none() {
        let companies = "CREATE TABLE companies (id TEXT PRIMARY KEY); INSERT INTO companies VALUES ('a'), ('b');";
        // Whatever the name: it must not get into the address.
        for name in ["x.db", "a?mode=rwc&vfs=none#%00 'b\".db"] {
            let Opened::Database(found) =
                opened(name, BackupType::Database, database(companies)).unwrap()
            else {
                panic!("a database")
            };
            assert_eq!(found.companies, 2);
        }
        let in_wal_mode = |path: &Path| {
            let connection = Connection::open(path).unwrap();
            let sql = format!("PRAGMA journal_mode = WAL; {companies}");
            connection.execute_batch(&sql).unwrap();
        };
        opened("x.db", BackupType::Full, in_wal_mode).unwrap();
        let other = database("CREATE TABLE pets (id TEXT)");
        let said = why(opened("x.db", BackupType::Database, other));
        assert!(said.contains("not a Vertex AR database"), "{said}");
    }

    #[test]
    fn what_could_count_for_ever_is_never_asked() {
        let forever = "CREATE VIEW companies AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
        let said = why(opened("x.db", BackupType::Database, database(forever)));
        assert!(said.contains("no table of companies"), "{said}");
    }

    #[test]
    fn rows_that_lead_nowhere_are_found() {
        let orphan = "PRAGMA foreign_keys = OFF; CREATE TABLE companies (id TEXT PRIMARY KEY);
            CREATE TABLE users (id TEXT, company TEXT REFERENCES companies(id)); INSERT INTO users VALUES ('u', 'gone');";
        let said = why(opened("x.db", BackupType::Database, database(orphan)));
        assert!(said.contains("1 row refers to others"), "{said}");
    }

    #[test]
    fn what_is_neither_is_told_so() {
        let text = |path: &Path| std::fs::write(path, "hello").unwrap();
        for (name, kind, expected) in [
            ("x.db", BackupType::Database, "not a database"),
            ("x.bin", BackupType::Storage, "not an archive"),
            ("x.bin", BackupType::Full, "not a database or archive"),
        ] {
            assert!(why(opened(name, kind, text)).contains(expected));
        }
        let said = why(opened("x.tar.gz", BackupType::Storage, text));
        assert!(said.contains("damaged"), "{said}");
    }

    #[test]
    fn a_database_that_takes_too_long_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        database(
            "CREATE TABLE companies (id INTEGER);
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000)
             INSERT INTO companies SELECT x FROM n;",
        )(&path);
        let connection = connect(&path, Instant::now()).unwrap();
        let result = check_integrity("x.db", &connection);
        let Err(Refusal::Sqlite(error)) = result else {
            panic!("it must be stopped")
        };
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(ErrorCode::OperationInterrupted));
    }
}
