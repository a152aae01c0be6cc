//! What the application writes down beside a backup, key by key as it does.
//!
//! The application and older tools read these files: the keys, their order and
//! the spelling of the text are Python's, and no key of ours is among them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use serde::Serialize;
use serde_json::Value;

use super::pieces::Whole;
use crate::archive::Compression;
use crate::backup::BackupType;
use crate::backup_settings::Split;
use crate::dir::Dir;
use crate::hash::Sha256;

/// What is written down about the database or the stored files.
#[derive(Clone, Debug, Serialize)]
pub(super) struct HalfText {
    timestamp: String,
    #[serde(rename = "type")]
    backup_type: BackupType,
    original_path: String,
    backup_path: String,
    file_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_count: Option<u64>,
    checksum: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<&'static str>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    split_files: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_size_mb: Option<u64>,
}

/// What is written down about stored files beyond what every backup has.
pub(super) struct Stored {
    pub(super) file_count: u64,
    pub(super) compression: Compression,
    pub(super) split: Option<Split>,
}

impl HalfText {
    /// About a backup that will be called `name`, or is split from what would be.
    pub(super) fn new(
        stamp: &str,
        (original, name): (&Path, &str),
        dir: &Dir,
        whole: &Whole<'_>,
        stored: Option<&Stored>,
    ) -> Self {
        let in_folder = |name: &str| shown(&dir.path().join(name));
        let is_split = whole.names != [name];
        let parts = if is_split {
            whole.names.iter().map(|part| in_folder(part)).collect()
        } else {
            Vec::new()
        };
        let chunk = stored.and_then(|stored| stored.split).filter(|_| is_split);
        HalfText {
            timestamp: stamp.to_owned(),
            backup_type: stored.map_or(BackupType::Database, |_| BackupType::Storage),
            original_path: shown(original),
            backup_path: in_folder(name),
            file_size: whole.size,
            file_count: stored.map(|stored| stored.file_count),
            checksum: whole.sha256,
            compression: stored.map(|stored| stored.compression.word()),
            created_at: now(),
            split_files: stored.map(|_| parts),
            split: is_split.then_some(true),
            chunk_size_mb: chunk.map(|split| split.chunk_mib()),
        }
    }
}

/// The manifest of a full backup.
#[derive(Serialize)]
pub(super) struct Manifest<'a> {
    timestamp: &'a str,
    #[serde(rename = "type")]
    backup_type: BackupType,
    database: &'a HalfText,
    storage: &'a HalfText,
    created_at: String,
    success: bool,
    db_success: bool,
    storage_success: bool,
    errors: [&'a str; 0],
}

impl<'a> Manifest<'a> {
    /// Of both halves.
    pub(super) fn new(stamp: &'a str, database: &'a HalfText, storage: &'a HalfText) -> Self {
        Manifest {
            timestamp: stamp,
            backup_type: BackupType::Full,
            database,
            storage,
            created_at: now(),
            success: true,
            db_success: true,
            storage_success: true,
            errors: [],
        }
    }
}

/// A path as text, from the root on.
pub(super) fn shown(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // Without the dots that an operator may have typed.
    let tidy: PathBuf = absolute.components().collect();
    tidy.to_string_lossy().into_owned()
}

/// The local time without its zone, as the application has it.
fn now() -> String {
    Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// JSON as Python's `json.dump(…, indent=2)` writes it: ASCII only.
pub(super) fn python_json(value: &impl Serialize) -> serde_json::Result<String> {
    let value: Value = serde_json::to_value(value)?;
    let text = serde_json::to_string_pretty(&value)?;
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        // Line breaks are the only other ones here that stand outside of strings.
        if c == '\n' || (' '..='~').contains(&c) {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(ascii, "\\u{unit:04x}");
        }
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn text_is_spelled_as_python_spells_it() {
        let value =
            json!({"path": "/srv/Ромашка/🌼\u{7f}\t\"", "list": [], "n": 1, "deep": {"a": ["b"]}});
        let expected = "{\n  \"path\": \"/srv/\\u0420\\u043e\\u043c\\u0430\\u0448\\u043a\\u0430/\\ud83c\\udf3c\\u007f\\t\\\"\",\n  \
            \"list\": [],\n  \"n\": 1,\n  \"deep\": {\n    \"a\": [\n      \"b\"\n    ]\n  }\n}";
        assert_eq!(python_json(&value).unwrap(), expected);
    }

    #[test]
    fn paths_are_absolute() {
        assert_eq!(shown(Path::new("/a/./b/")), "/a/b");
        assert!(shown(Path::new("a")).starts_with('/'));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text: String) {
            let written = python_json(&json!([text])).unwrap();
            prop_assert!(written.is_ascii());
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!([text]));
        }
    }
}
