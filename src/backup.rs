//! What a backup file is: its type, and the sidecar the application wrote beside it.
//!
//! Names and sidecars follow the application's `backup_manager`: the sidecar of
//! a file is the file with its last extension replaced by `.json`, and holds
//! the type, the size and the SHA-256 that the application took.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::dir::folder_of;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;

/// More than any sidecar has.
pub const MAX_SIDECAR_BYTES: u64 = 1024 * 1024;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        let all = [BackupType::Database, BackupType::Storage, BackupType::Full];
        all.into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                Failure::new(
                    Code::Usage,
                    format!("'{text}' is not a backup type: database, storage or full"),
                )
            })
    }
}

/// What the application wrote down about a backup file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// What the backup holds.
    pub backup_type: Option<BackupType>,
    /// The size of the whole backup, in bytes.
    pub size: Option<u64>,
    /// The SHA-256 of the whole backup.
    pub checksum: Option<Sha256>,
    /// The name of the file it was written for.
    pub of_file: Option<String>,
    /// Whether the backup was split, so that size and checksum are those of the joined parts.
    pub split: bool,
}

#[derive(Deserialize)]
struct RawSidecar {
    #[serde(rename = "type")]
    backup_type: Option<String>,
    backup_path: Option<PathBuf>,
    file_size: Option<u64>,
    checksum: Option<String>,
    #[serde(default)]
    split_files: Vec<String>,
}

impl Sidecar {
    /// Reads a sidecar, or `None` when the text is none: some other JSON, or damaged.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let raw: RawSidecar = serde_json::from_slice(text).ok()?;
        // A manifest of a full backup has no size of its own; it is no sidecar.
        raw.file_size?;
        Some(Sidecar {
            backup_type: raw.backup_type.and_then(|text| text.parse().ok()),
            size: raw.file_size,
            checksum: raw.checksum.and_then(|text| text.parse().ok()),
            // Only the name: the files may have been moved since.
            of_file: raw
                .backup_path
                .and_then(|path| Some(path.file_name()?.to_str()?.to_owned())),
            split: !raw.split_files.is_empty(),
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

/// Whether a name is that of a sidecar or a manifest.
pub fn is_json(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json")
}

/// Whether a name is that of one part of a split backup, such as `x.tar.part002.gz`.
pub fn is_part(name: &str) -> bool {
    name.split('.').any(|piece| {
        let number = piece.strip_prefix("part");
        number.is_some_and(|number| {
            number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// A backup file on this machine, with its sidecar where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalBackup {
    /// The backup file.
    pub path: PathBuf,
    /// Its sidecar: where, and what it says.
    pub sidecar: Option<(PathBuf, Sidecar)>,
    /// What the operator should know before it is trusted.
    pub doubts: Vec<String>,
}

impl LocalBackup {
    /// Finds the backup a path belongs to: the file itself, or the file whose sidecar it is.
    ///
    /// A part of a split backup stands alone here: its sidecar speaks of the whole.
    pub fn find(path: &Path) -> Self {
        let path = file_of_sidecar(path).unwrap_or_else(|| path.to_owned());
        let mut backup = LocalBackup {
            path,
            sidecar: None,
            doubts: Vec::new(),
        };
        let beside = backup
            .path
            .file_name()
            .and_then(|name| sidecar_name(name.to_str()?));
        let Some(beside) = beside.map(|name| backup.path.with_file_name(name)) else {
            return backup;
        };
        let shown = beside.display();
        match read_sidecar(&beside) {
            Ok(None) => {}
            Ok(Some(sidecar)) if sidecar.split || belongs_to_another(&sidecar, &backup.path) => {}
            Ok(Some(sidecar)) => {
                if sidecar.checksum.is_none() {
                    backup.doubts.push(format!(
                        "the sidecar '{shown}' has no checksum to compare with"
                    ));
                }
                backup.sidecar = Some((beside, sidecar));
            }
            Err(why) => backup
                .doubts
                .push(format!("'{shown}' is left out, it is no sidecar: {why}")),
        }
        backup
    }

    /// What the backup holds: by its sidecar, else by its name.
    pub fn backup_type(&self) -> BackupType {
        let told = self
            .sidecar
            .as_ref()
            .and_then(|(_, sidecar)| sidecar.backup_type);
        told.unwrap_or_else(|| {
            BackupType::of_name(&self.path.file_name().unwrap_or_default().to_string_lossy())
        })
    }
}

/// `x.db` and `x.tar` would have one sidecar, `x.json`: it belongs to the one it names, if that is there.
fn belongs_to_another(sidecar: &Sidecar, path: &Path) -> bool {
    let named = sidecar
        .of_file
        .as_deref()
        .map(|name| path.with_file_name(name));
    named.is_some_and(|named| named != path && named.is_file())
}

/// The file a path is the sidecar of, if it is one.
fn file_of_sidecar(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let sidecar = if is_json(name) {
        read_sidecar(path).ok()??
    } else {
        return None;
    };
    if sidecar.split {
        return None;
    }
    let mut owners = std::fs::read_dir(folder_of(path))
        .ok()?
        .filter_map(|entry| {
            let candidate = entry.ok()?.file_name();
            let owner = path.with_file_name(&candidate);
            (sidecar_name(candidate.to_str()?)? == name && !belongs_to_another(&sidecar, &owner))
                .then_some(owner)
        });
    match (owners.next(), owners.next()) {
        (Some(owner), None) => Some(owner),
        _ => None,
    }
}

/// The sidecar at a path, if there is a file; or why what is there is none.
fn read_sidecar(path: &Path) -> Result<Option<Sidecar>, String> {
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let mut text = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_SIDECAR_BYTES).read_to_end(&mut text));
    read.map_err(|error| crate::text::system_reason(&error))?;
    match Sidecar::parse(&text) {
        Some(sidecar) => Ok(Some(sidecar)),
        None => Err("it does not say type, size and checksum as the application does".into()),
    }
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
        assert!(is_part("x.tar.part002.gz") && !is_part("x.tar.partner.gz") && !is_part("part.db"));
    }

    #[test]
    fn other_json_is_no_sidecar() {
        assert_eq!(Sidecar::parse(b"{}"), None);
        assert_eq!(Sidecar::parse(br#"{"type": "full", "database": {}}"#), None);
        assert_eq!(Sidecar::parse(b"\xff"), None);
        let sidecar =
            Sidecar::parse(br#"{"type": "database", "file_size": 3, "checksum": "xyz"}"#).unwrap();
        assert_eq!(
            (sidecar.size, sidecar.checksum, sidecar.split),
            (Some(3), None, false)
        );
    }
}
