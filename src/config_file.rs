//! Our own `config.json`: settings, and provider sections that win over the provider file.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::{Code, Failure};
use crate::json_file::{load, parse_typed, wide_mode_warning};
use crate::sections::Sections;
use crate::settings::Setting;
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
    pub format: Option<String>,
    pub progress: Option<String>,
    pub color: Option<String>,
    pub lock_wait: Option<String>,
    pub timeout: Option<String>,
    pub retry_pause: Option<String>,
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
        let keys: Map<String, Value> = parse_typed(&loaded.text, path)?;
        let mut warnings = unknown_keys(&keys, path);
        let values = parse_typed(&loaded.text, path)?;
        let sections = Sections::parse(&loaded.text, path)?.opened_by(Some(path));
        if sections != Sections::default() {
            warnings.extend(loaded.wide_mode.map(|mode| wide_mode_warning(path, mode)));
        }
        Ok(ConfigFile {
            values,
            sections,
            warnings,
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
