//! Sidecars and manifests: what the application wrote down about its backups.
//!
//! They come from disks and clouds that others can write to. Nothing in them
//! is believed before it is compared, and of every path only the last name is
//! used: the files may have been moved since.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::backup::{BackupType, part_of};
use crate::hash::Sha256;
use crate::json;

/// More than any sidecar has.
pub const MAX_SIDECAR_BYTES: u64 = 1024 * 1024;

/// What the application wrote down about one database or storage backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// What the backup holds.
    pub backup_type: Option<BackupType>,
    /// The size of the whole backup, in bytes.
    pub size: Option<u64>,
    /// The SHA-256 of the whole backup.
    pub checksum: Option<Sha256>,
    /// The name of the file it was written for; of a split backup, of the joined file.
    pub of_file: Option<String>,
    /// The names of the parts of a split backup, as they are listed; empty for a whole one.
    pub parts: Vec<String>,
}

/// What the application wrote down about a full backup: one of each, or `None` for what failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The database backup.
    pub database: Option<Sidecar>,
    /// The storage backup.
    pub storage: Option<Sidecar>,
}

/// What a JSON file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// It is the sidecar of one backup.
    Sidecar(Sidecar),
    /// It names the halves of a full backup.
    Manifest(Manifest),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    backup_type: Option<String>,
    backup_path: Option<String>,
    file_size: Option<u64>,
    checksum: Option<String>,
    split_files: Option<Vec<String>>,
}

impl Facts {
    /// Reads a sidecar or manifest, or `None` when the text is neither: some other JSON, or damaged.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let value = json::tree(text)?;
        let is_full = value.get("type").and_then(Value::as_str) == Some(BackupType::Full.name());
        if is_full && (value.get("database").is_some() || value.get("storage").is_some()) {
            let half = |key| value.get(key).and_then(Sidecar::of);
            return Some(Facts::Manifest(Manifest {
                database: half("database"),
                storage: half("storage"),
            }));
        }
        Sidecar::of(&value).map(Facts::Sidecar)
    }

    /// The sidecar, where it is one.
    pub fn sidecar(&self) -> Option<&Sidecar> {
        match self {
            Facts::Sidecar(sidecar) => Some(sidecar),
            Facts::Manifest(_) => None,
        }
    }
}

impl Sidecar {
    fn of(value: &Value) -> Option<Self> {
        let raw = Raw::deserialize(value).ok()?;
        raw.file_size?;
        Some(Sidecar {
            backup_type: raw.backup_type.and_then(|text| text.parse().ok()),
            size: raw.file_size,
            checksum: raw.checksum.and_then(|text| text.parse().ok()),
            of_file: raw.backup_path.and_then(|path| base_name(&path)),
            parts: raw
                .split_files
                .unwrap_or_default()
                .into_iter()
                .map(|path| base_name(&path).unwrap_or(path))
                .collect(),
        })
    }

    /// The name of the backup it tells of.
    pub fn tells_of(&self) -> Option<String> {
        let joined = || Some(part_of(self.parts.first()?)?.0);
        self.of_file.clone().or_else(joined)
    }

    /// Whether the backup was split, so that size and checksum are those of the joined parts.
    pub fn is_split(&self) -> bool {
        !self.parts.is_empty()
    }
}

/// The last name of a path, whichever system wrote it; `None` where it ends in no name.
fn base_name(path: &str) -> Option<String> {
    let separator = if path.contains('/') { '/' } else { '\\' };
    let name = path.rsplit(separator).next()?;
    (!matches!(name, "" | "." | "..")).then(|| name.to_owned())
}

/// The same sidecar for a backup that lies elsewhere and in one piece: `backup_path`
/// leads to it and `split_files` is empty, so that the application's own check accepts it.
///
/// `None` when the text is no JSON object.
pub fn relocated(text: &[u8], path: &str) -> Option<Vec<u8>> {
    let mut value = json::tree(text)?;
    relocate(value.as_object_mut()?, path);
    serde_json::to_vec_pretty(&value).ok()
}

/// As [`relocated`], for a manifest and the places of its two halves.
pub fn relocated_manifest(text: &[u8], halves: &[(&str, String)]) -> Option<Vec<u8>> {
    let mut value = json::tree(text)?;
    let manifest = value.as_object_mut()?;
    for (half, path) in halves {
        relocate(manifest.get_mut(*half)?.as_object_mut()?, path);
    }
    serde_json::to_vec_pretty(&value).ok()
}

fn relocate(sidecar: &mut serde_json::Map<String, Value>, path: &str) {
    sidecar.insert("backup_path".into(), path.into());
    if let Some(parts) = sidecar.get_mut("split_files") {
        *parts = Value::Array(Vec::new());
    }
    // What a sidecar of a backup in one piece does not have.
    for key in ["split", "chunk_size_mb"] {
        sidecar.shift_remove(key);
    }
}

/// Whether two sidecars or manifests say the same of the same content, wherever it lies.
pub fn says_the_same(a: &[u8], b: &[u8]) -> bool {
    let content = |text: &[u8]| -> Option<Value> {
        let mut value = json::tree(text)?;
        let map = value.as_object_mut()?;
        map.shift_remove("backup_path");
        for half in ["database", "storage"] {
            if let Some(half) = map.get_mut(half).and_then(Value::as_object_mut) {
                half.shift_remove("backup_path");
            }
        }
        Some(value)
    };
    a == b || content(a).is_some_and(|a| Some(a) == content(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar(text: &str) -> Option<Sidecar> {
        match Facts::parse(text.as_bytes())? {
            Facts::Sidecar(sidecar) => Some(sidecar),
            Facts::Manifest(_) => None,
        }
    }

    #[test]
    fn other_json_is_no_sidecar() {
        for text in [
            "{}",
            "[]",
            "3",
            "\u{0}",
            r#"{"type": "full"}"#,
            r#"{"file_size": "3"}"#,
        ] {
            assert_eq!(Facts::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Facts::parse(b"\xff"), None);
        let found = sidecar(r#"{"type": "database", "file_size": 3, "checksum": "xyz"}"#).unwrap();
        assert_eq!(
            (found.size, found.checksum, found.is_split()),
            (Some(3), None, false)
        );
    }

    #[test]
    fn of_paths_only_the_last_name_counts() {
        let text = r#"{"file_size": 3, "backup_path": "C:\\backups\\x.db",
            "split_files": ["../../etc/passwd", "/opt/a.part001.gz", ".."]}"#;
        let found = sidecar(text).unwrap();
        assert_eq!(found.of_file.as_deref(), Some("x.db"));
        assert_eq!(found.parts, ["passwd", "a.part001.gz", ".."]);
    }

    #[test]
    fn a_manifest_may_lack_a_half() {
        let text = br#"{"type": "full", "database": {"file_size": 1}, "storage": null}"#;
        let Some(Facts::Manifest(manifest)) = Facts::parse(text) else {
            panic!("a manifest")
        };
        assert!(manifest.database.is_some() && manifest.storage.is_none());
    }

    #[test]
    fn a_relocated_sidecar_says_the_same() {
        let text =
            br#"{"file_size": 3, "backup_path": "/a/x.gz", "split_files": ["p"], "split": true}"#;
        let moved = relocated(text, "/b/x.gz").unwrap();
        let found = sidecar(std::str::from_utf8(&moved).unwrap()).unwrap();
        assert!(!found.is_split() && found.of_file.as_deref() == Some("x.gz"));
        let whole = br#"{"file_size": 3, "backup_path": "/a/x.gz"}"#;
        assert!(says_the_same(whole, &relocated(whole, "/b/x.gz").unwrap()));
        assert!(!says_the_same(
            whole,
            br#"{"file_size": 4, "backup_path": "/a/x.gz"}"#
        ));
    }
}
