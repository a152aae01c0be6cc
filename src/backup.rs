//! What the names of backup files tell: type, time, part of what, and the sidecar's name.
//!
//! Names follow the application's `backup_manager`: the sidecar of a file is the
//! file with its last extension replaced by `.json`; a split file's parts have
//! `partNNN` before that extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupType {
    /// The application's database.
    Database,
    /// The stored files.
    Storage,
    /// Both.
    Full,
}

impl BackupType {
    /// All of them, in the order in which they are listed.
    pub const ALL: [BackupType; 3] = [Self::Database, Self::Storage, Self::Full];

    /// The name in sidecars, JSON and the folders below `backups/`.
    pub const fn name(self) -> &'static str {
        match self {
            BackupType::Database => "database",
            BackupType::Storage => "storage",
            BackupType::Full => "full",
        }
    }

    /// The type a file's name tells.
    pub fn of_name(name: &str) -> Self {
        let is_db = Path::new(name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("db"));
        if name.starts_with("db_backup") || is_db {
            BackupType::Database
        } else if name.starts_with("storage_backup") {
            BackupType::Storage
        } else {
            BackupType::Full
        }
    }
}

impl fmt::Display for BackupType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BackupType {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                Failure::new(
                    Code::Usage,
                    format!("'{text}' is not a backup type: database, storage or full"),
                )
            })
    }
}

/// The name of a file's sidecar; `None` for a file that ends in `.json` itself.
pub fn sidecar_name(name: &str) -> Option<String> {
    match name.rsplit_once('.') {
        Some((_, "json")) => None,
        Some((stem, _)) if !stem.is_empty() => Some(format!("{stem}.json")),
        _ => Some(format!("{name}.json")),
    }
}

/// When a backup was made, by the `YYYYMMDD_HHMMSS` in its name: the application's local time.
pub fn made_at(name: &str) -> Option<DateTime> {
    let mut stamps = name.char_indices().filter_map(|(start, _)| {
        let stamp = name.get(start..start + 15)?;
        let digits = stamp.bytes().enumerate().all(|(at, byte)| {
            if at == 8 {
                byte == b'_'
            } else {
                byte.is_ascii_digit()
            }
        });
        digits.then(|| DateTime::strptime("%Y%m%d_%H%M%S", stamp).ok())?
    });
    stamps.next_back()
}

/// The moment of a local time, such as [`made_at`] gives; absent at the calendar's ends.
pub fn moment(local: DateTime) -> Option<Timestamp> {
    let zoned = local.to_zoned(TimeZone::system()).ok()?;
    Some(zoned.timestamp())
}

/// The local time of a moment.
pub fn local_time(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::system()).datetime()
}

/// Whether a name is that of a sidecar or a manifest.
pub fn is_json(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json")
}

/// The joined file a name is a part of, and which one it is: `x.tar.part002.gz` is part 2 of `x.tar.gz`.
pub fn part_of(name: &str) -> Option<(String, u32)> {
    let mut pieces: Vec<&str> = name.split('.').collect();
    let at = pieces.iter().rposition(|piece| {
        let number = piece.strip_prefix("part").unwrap_or_default();
        number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    })?;
    let number = pieces[at].strip_prefix("part")?.parse().ok()?;
    if at == 0 {
        return None;
    }
    pieces.remove(at);
    Some((pieces.join("."), number))
}

/// Whether a name is one the application gives its backups, or ends as databases and archives do.
pub fn looks_like_backup(name: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["db_backup_", "storage_backup_", "full_backup_"];
    const COMPANIONS: [&str; 3] = [".db-journal", ".db-shm", ".db-wal"];
    const ENDINGS: [&str; 8] = [
        ".db", ".sqlite", ".sqlite3", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz",
    ];
    let whole = part_of(name).map_or_else(|| name.to_owned(), |(whole, _)| whole);
    let lower = whole.to_lowercase();
    // What SQLite keeps beside a database is of no use without it, nor after it.
    if COMPANIONS.iter().any(|end| lower.ends_with(end)) {
        return false;
    }
    BEGINNINGS.iter().any(|start| lower.starts_with(start))
        || ENDINGS.iter().any(|end| lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_are_named_as_the_application_names_them() {
        assert_eq!(sidecar_name("db_backup_1.db").unwrap(), "db_backup_1.json");
        assert_eq!(
            sidecar_name("storage_backup_1.tar.gz").unwrap(),
            "storage_backup_1.tar.json"
        );
        assert_eq!(
            sidecar_name("x.tar.part001.gz").unwrap(),
            "x.tar.part001.json"
        );
        assert_eq!(sidecar_name("README").unwrap(), "README.json");
        assert_eq!(sidecar_name(".hidden").unwrap(), ".hidden.json");
        assert_eq!(sidecar_name("full_backup_1.json"), None);
    }

    #[test]
    fn types_by_name() {
        assert_eq!(BackupType::of_name("db_backup_1.db"), BackupType::Database);
        assert_eq!(BackupType::of_name("anything.DB"), BackupType::Database);
        assert_eq!(
            BackupType::of_name("storage_backup_1.tar.gz"),
            BackupType::Storage
        );
        assert_eq!(
            BackupType::of_name("backup_20250129.tar.gz"),
            BackupType::Full
        );
    }

    #[test]
    fn names_tell_when_a_backup_was_made() {
        let made = |name| made_at(name).map(|at| at.to_string());
        assert_eq!(
            made("db_backup_20250131_040000.db").unwrap(),
            "2025-01-31T04:00:00"
        );
        assert_eq!(
            made("x_20250131_040000.tar.part002.gz").unwrap(),
            "2025-01-31T04:00:00"
        );
        assert_eq!(made("db_backup_20251331_040000.db"), None);
        assert_eq!(made("резервная.db"), None);
    }

    #[test]
    fn names_tell_whose_part_a_file_is() {
        let part = |name| part_of(name).map(|(whole, number)| format!("{whole} {number}"));
        assert_eq!(part("x.tar.part002.gz").unwrap(), "x.tar.gz 2");
        assert_eq!(part("x.tar.part1000.gz").unwrap(), "x.tar.gz 1000");
        assert_eq!(part("x.part001.tar").unwrap(), "x.tar 1");
        for name in [
            "x.tar.partner.gz",
            "part.db",
            "x.part01.db",
            "part001.db",
            "x.part99999999999.db",
        ] {
            assert_eq!(part(name), None, "{name}");
        }
    }

    #[test]
    fn other_peoples_files_do_not_look_like_backups() {
        for name in [
            "db_backup_1.db",
            "x.TAR.GZ",
            "storage_backup_1.tar.part001.gz",
            "full_backup_1.json",
        ] {
            assert!(looks_like_backup(name), "{name}");
        }
        for name in ["notes.txt", "x.json", "report.part001.pdf"] {
            assert!(!looks_like_backup(name), "{name}");
        }
    }
}
