//! A database of our own, where there is no application: the same table of companies.

use std::path::Path;

use rusqlite::Connection;

use crate::database::{self, Access};
use crate::dir::{Dir, folder_of, make_folders};
use crate::failure::{Code, Failure};
use crate::text::system_reason;

/// The table as the application's newest version makes it, for a standalone database.
const SCHEMA: &str = "CREATE TABLE companies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    storage_connection_id TEXT,
    storage_type TEXT NOT NULL DEFAULT 'local',
    yandex_disk_folder_id TEXT,
    storage_folder_path TEXT,
    backup_provider TEXT,
    backup_remote_path TEXT,
    email TEXT,
    description TEXT,
    city TEXT,
    phone TEXT,
    website TEXT,
    social_links TEXT,
    manager_name TEXT,
    manager_phone TEXT,
    manager_email TEXT
)";

/// Makes a new standalone database with an empty table of companies.
///
/// # Errors
/// `already_exists` when the file is there; `local_io` otherwise.
pub fn create_database(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let detail = format!(
            "cannot make the database '{}': {}",
            path.display(),
            system_reason(&error)
        );
        Failure::new(Code::LocalIo, detail)
    };
    let bad_name = || {
        failed(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "not a file name",
        ))
    };
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(bad_name)?;
    let parent = folder_of(path);
    make_folders(parent).map_err(failed)?;
    let dir = Dir::open(parent).map_err(failed)?;
    // Made whole under another name: a half-made database is never found.
    let temporary = format!(".{name}.new-{}", std::process::id());
    let made = dir
        .create_file(&temporary)
        .map_err(failed)
        .and_then(|file| {
            drop(file);
            let staged = parent.join(&temporary);
            let connection = connect_new(&staged)?;
            drop(connection);
            dir.rename_new(&temporary, name)
                .and_then(|()| dir.sync())
                .map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => Failure::new(
                        Code::AlreadyExists,
                        format!("'{}' exists already", path.display()),
                    ),
                    _ => failed(error),
                })
        });
    if made.is_err() {
        // The error at hand matters more than a leftover that names itself.
        let _ = dir.remove(&temporary);
    }
    made
}

fn connect_new(path: &Path) -> Result<Connection, Failure> {
    let connection = database::connect(path, Access::Write, database::BUSY_WAIT)?;
    connection
        .execute_batch(SCHEMA)
        .map_err(|error| database::classify(path, &error))?;
    Ok(connection)
}
