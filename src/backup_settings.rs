//! How the application wants its backups made: `config/storage_config.json`.
//!
//! The file belongs to the application and holds its secrets, too; it is read
//! and never written. Where it says nothing, what the application itself would
//! assume holds.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected, Visitor};

use crate::archive::Compression;
use crate::dir::folder_of;
use crate::failure::Failure;
use crate::json_file::{Object, load, load_shared, parse_typed};
use crate::settings::Settings;

const MIB: u64 = 1024 * 1024;

/// How archives are made and when they are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSettings {
    /// How the archive of the stored files is compressed.
    pub compression: Compression,
    /// When and how it is split.
    pub split: Option<Split>,
}

/// When an archive is split, and into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// A larger archive is split.
    pub above: u64,
    /// The bytes of each part but the last.
    pub chunk: u64,
}

impl Split {
    /// The size of a part in MiB, as the sidecar tells it.
    pub fn chunk_mib(&self) -> u64 {
        self.chunk / MIB
    }
}

impl Default for BackupSettings {
    fn default() -> Self {
        RawBackups::default().into()
    }
}

impl BackupSettings {
    /// What the application's file says, where there is one.
    ///
    /// # Errors
    /// `config_invalid` with file, line and column; `local_io`.
    pub fn find(settings: &Settings) -> Result<Self, Failure> {
        let file = places(settings).into_iter().find(|path| path.exists());
        let Some(file) = file else {
            return Ok(Self::default());
        };
        Ok(load_shared(|| load(&file), |text| parse(text, &file))?
            .map_or_else(Self::default, |(it, _)| it))
    }
}

/// Beside the provider file, else in `config/` beside or above the database.
fn places(settings: &Settings) -> [PathBuf; 3] {
    let home = folder_of(&settings.db.value);
    [
        folder_of(&settings.remote_config.value).to_owned(),
        home.join("config"),
        home.join("../config"),
    ]
    .map(|folder| folder.join("storage_config.json"))
}

fn parse(text: &str, file: &Path) -> Result<BackupSettings, Failure> {
    let whole: Whole = parse_typed(text, file)?;
    let backups = whole.backup_settings.map(|Object(backups)| backups);
    Ok(backups.unwrap_or_default().into())
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Whole {
    backup_settings: Option<Object<RawBackups>>,
}

#[derive(serde::Deserialize)]
#[serde(default)]
struct RawBackups {
    auto_split_backups: bool,
    max_backup_size_mb: Mebibytes<0>,
    chunk_size_mb: Mebibytes<1>,
    compression: Word,
}

impl Default for RawBackups {
    fn default() -> Self {
        RawBackups {
            auto_split_backups: true,
            max_backup_size_mb: Mebibytes(500),
            chunk_size_mb: Mebibytes(100),
            compression: Word(Compression::Gz),
        }
    }
}

impl From<RawBackups> for BackupSettings {
    fn from(raw: RawBackups) -> Self {
        let split = Split {
            above: raw.max_backup_size_mb.0.saturating_mul(MIB),
            chunk: raw.chunk_size_mb.0.saturating_mul(MIB),
        };
        BackupSettings {
            compression: raw.compression.0,
            split: raw.auto_split_backups.then_some(split),
        }
    }
}

/// A whole number of MiB, not smaller than `LEAST`.
struct Mebibytes<const LEAST: u64>(u64);

impl<'de, const LEAST: u64> Deserialize<'de> for Mebibytes<LEAST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer);
        let expected = format!("a whole number of MiB, {LEAST} or more");
        // What stands there instead is not told: the file holds secrets.
        let wrong = || D::Error::invalid_value(Unexpected::Other("value"), &expected.as_str());
        let number = number.map_err(|_| wrong())?.as_u64();
        number
            .filter(|number| *number >= LEAST)
            .map(Mebibytes)
            .ok_or_else(wrong)
    }
}

/// The application's word for a compression; `null` is none, too.
struct Word(Compression);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one of \"gz\", \"bz2\", \"xz\" and \"\"")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Word, E> {
                let known = Compression::of_word(word).map(Word);
                known.ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Word, E> {
                Ok(Word(Compression::None))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BackupSettings, String> {
        parse(text, Path::new("s.json")).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_the_application_assumes() {
        let default = BackupSettings::default();
        assert_eq!(default.compression, Compression::Gz);
        let split = Split {
            above: 500 * MIB,
            chunk: 100 * MIB,
        };
        assert_eq!(default.split, Some(split));
        for text in [
            "{}",
            r#"{"backup_settings": {}, "yandex_disk": {"oauth_token": "x"}}"#,
            r#"{"backup_settings": null}"#,
        ] {
            assert_eq!(read(text).unwrap(), default, "{text}");
        }
    }

    #[test]
    fn every_value_counts() {
        let text = r#"{"backup_settings": {"auto_split_backups": true, "max_backup_size_mb": 0,
            "chunk_size_mb": 2, "compression": "xz"}}"#;
        let split = Split {
            above: 0,
            chunk: 2 * MIB,
        };
        let expected = BackupSettings {
            compression: Compression::Xz,
            split: Some(split),
        };
        assert_eq!(read(text).unwrap(), expected);
        for none in ["\"\"", "null"] {
            let text = format!(
                r#"{{"backup_settings": {{"auto_split_backups": false, "compression": {none}}}}}"#
            );
            let expected = BackupSettings {
                compression: Compression::None,
                split: None,
            };
            assert_eq!(read(&text).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_its_place_and_without_its_value() {
        for (value, expected) in [
            (
                r#""chunk_size_mb": 0"#,
                "chunk_size_mb: expected a whole number of MiB, 1 or more",
            ),
            (
                r#""chunk_size_mb": "secret""#,
                "chunk_size_mb: expected a whole number of MiB, 1 or more",
            ),
            (
                r#""max_backup_size_mb": -1"#,
                "max_backup_size_mb: expected a whole number of MiB, 0 or more",
            ),
            (
                r#""compression": "secret""#,
                r#"compression: expected one of "gz", "bz2", "xz" and """#,
            ),
            (
                r#""auto_split_backups": "secret""#,
                "auto_split_backups: expected a boolean",
            ),
        ] {
            let text = format!("{{\n \"backup_settings\": {{{value}}}}}");
            let told = read(&text).unwrap_err();
            assert!(told.starts_with("s.json:2:"), "{told}");
            assert!(told.ends_with(expected), "{told}");
        }
        assert!(
            read(r#"{"backup_settings": []}"#)
                .unwrap_err()
                .ends_with("expected an object")
        );
    }
}
