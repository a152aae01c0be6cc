//! Our own `config.json`: settings, and provider sections that win over the provider file.

use std::path::{Path, PathBuf};

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::duration;
use crate::failure::{Code, Failure};
use crate::json_file::{load, parse_typed};
use crate::sections::Sections;
use crate::settings::{COLOR_MODES, FORMATS, PROGRESS_MODES, Setting};
use crate::text::nearest;

/// The settings it may hold, each the same as the flag or variable of that name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is the setting of that name")]
pub struct Values {
    pub db: Option<PathBuf>,
    pub backup_dir: Option<PathBuf>,
    pub storage_dir: Option<PathBuf>,
    pub remote_config: Option<PathBuf>,
    pub state: Option<PathBuf>,
    #[serde(deserialize_with = "format")]
    pub format: Option<String>,
    #[serde(deserialize_with = "progress")]
    pub progress: Option<String>,
    #[serde(deserialize_with = "color")]
    pub color: Option<String>,
    #[serde(deserialize_with = "length_of_time")]
    pub lock_wait: Option<String>,
    #[serde(deserialize_with = "length_of_time")]
    pub timeout: Option<String>,
    #[serde(deserialize_with = "length_of_time")]
    pub retry_pause: Option<String>,
}

/// A word that a setting can have. What it is instead may be a token in the wrong place, so
/// the error is one of this file, with its place and without the value.
fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    fits: impl FnOnce(&str) -> bool,
    expected: &str,
) -> Result<Option<String>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    if word.as_deref().is_none_or(fits) {
        return Ok(word);
    }
    Err(D::Error::invalid_value(
        Unexpected::Other("another"),
        &expected,
    ))
}

fn one_of<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    choices: &[(&str, T)],
) -> Result<Option<String>, D::Error> {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    let expected = format!("one of {}", names.join(", "));
    checked(deserializer, |word| names.contains(&word), &expected)
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    one_of(deserializer, &FORMATS)
}

fn progress<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    one_of(deserializer, &PROGRESS_MODES)
}

fn color<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    one_of(deserializer, &COLOR_MODES)
}

fn length_of_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let fits = |word: &str| duration::parse(word).is_ok();
    checked(
        deserializer,
        fits,
        "a length of time such as 90s, 15m, 26h or 7d",
    )
}

/// The keys of [`Values`], that of [`crate::protection`], and the sections, to tell a typing error from a key.
const KEYS: [&str; 15] = [
    "db",
    "backup_dir",
    "storage_dir",
    "remote_config",
    "state",
    "format",
    "progress",
    "color",
    "lock_wait",
    "timeout",
    "retry_pause",
    "protection",
    "yandex_disk",
    "google_drive",
    "local",
];

/// A `config.json` as read.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// The settings in it.
    pub values: Values,
    /// The provider sections in it.
    pub sections: Sections,
    /// What the operator should know: unknown keys, secrets that others can read.
    pub warnings: Vec<String>,
}

impl ConfigFile {
    /// Reads the file that was named or found.
    ///
    /// # Errors
    /// `config_invalid` when it is missing or malformed.
    pub fn read(config: &Setting<PathBuf>) -> Result<Self, Failure> {
        let path = &config.value;
        let Some(loaded) = load(path)? else {
            let detail = format!(
                "The configuration file '{}' ({}) does not exist",
                path.display(),
                config.origin
            );
            return Err(Failure::new(Code::ConfigInvalid, detail));
        };
        let mut file = Self::parse(&loaded.text, path)?;
        if file.sections != Sections::default() {
            file.warnings.extend(loaded.exposure.warnings(path, None));
        }
        Ok(file)
    }

    /// Reads the text of a file.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let keys: Map<String, Value> = parse_typed(text, path)?;
        Ok(ConfigFile {
            warnings: unknown_keys(&keys, path),
            values: parse_typed(text, path)?,
            sections: Sections::parse(text, path)?.opened_by(Some(path)),
        })
    }
}

fn unknown_keys(keys: &Map<String, Value>, path: &Path) -> Vec<String> {
    let unknown = keys.keys().filter(|key| !KEYS.contains(&key.as_str()));
    let warning = |key: &String| {
        let near = nearest(key, KEYS);
        let near = near
            .map(|near| format!(", did you mean '{near}'?"))
            .unwrap_or_default();
        format!("{}: unknown key '{key}'{near}", path.display())
    };
    unknown.map(warning).collect()
}
