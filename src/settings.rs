//! Where everything is: flag, environment, `config.json`, what is found, default.
//!
//! One function, [`Settings::resolve`], decides; it touches nothing but the
//! existence of a few files. Each value keeps its origin, so `-v` can say which won.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config_file::ConfigFile;
use crate::dir::folder_of;
use crate::duration;
use crate::failure::{Code, Failure};
use crate::provider::retry::Policy;
use crate::sections::Sections;

/// Who decided a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag on the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// `config.json`.
    ConfigFile,
    /// It lay where one usually is.
    Found,
    /// Nothing was said and nothing found.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Environment(name) => f.write_str(name),
            Origin::ConfigFile => f.write_str("config.json"),
            Origin::Found => f.write_str("found"),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value and who decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who decided it.
    pub origin: Origin,
}

/// How results are written to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// One JSON document, for programs.
    Json,
}

/// How progress is shown on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere.
    Auto,
    /// A bar.
    Bar,
    /// A line every ten seconds.
    Plain,
    /// A JSON object a line, at most one a second.
    Json,
    /// Nothing.
    None,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorMode {
    /// On a terminal that wants it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the command line says. Absent means: not said.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the flag of that name")]
pub struct Flags {
    pub db: Option<PathBuf>,
    pub backup_dir: Option<PathBuf>,
    pub storage_dir: Option<PathBuf>,
    pub remote_config: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub format: Option<String>,
    pub progress: Option<String>,
    pub color: Option<String>,
    pub lock_wait: Option<String>,
    pub timeout: Option<String>,
    pub acknowledge_abuse: bool,
}

/// The world that settings are looked up in.
pub struct Surroundings<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The user's configuration directory, if there is one.
    pub config_dir: Option<PathBuf>,
    /// The user's data directory, if there is one.
    pub data_dir: Option<PathBuf>,
}

/// Everything a command needs to know about its surroundings.
#[derive(Debug)]
pub struct Settings {
    /// The application's database.
    pub db: Setting<PathBuf>,
    /// Where the application puts its backups.
    pub backup_dir: Setting<PathBuf>,
    /// Where the application keeps the companies' files.
    pub storage_dir: Setting<PathBuf>,
    /// The provider file; it need not exist.
    pub remote_config: Setting<PathBuf>,
    /// Our own state.
    pub state: Setting<PathBuf>,
    /// The `config.json` that was read, if any.
    pub config: Option<Setting<PathBuf>>,
    /// Where `config.json` is, or belongs.
    pub config_place: PathBuf,
    /// The root of the local provider when none is configured.
    pub builtin_root: PathBuf,
    /// Table or JSON.
    pub format: Setting<Format>,
    /// How progress is shown.
    pub progress: Setting<ProgressMode>,
    /// When output is coloured.
    pub color: Setting<ColorMode>,
    /// How long to wait for another run on the same company.
    pub lock_wait: Setting<Duration>,
    /// How long to wait for somebody silent: the application's database, a provider.
    pub timeout: Setting<Option<Duration>>,
    /// The first pause before a provider is asked again.
    pub retry_pause: Setting<Duration>,
    /// Files that a provider takes for malware are read all the same.
    pub acknowledge_abuse: bool,
    /// Provider sections of `config.json`.
    pub sections: Sections,
    /// What the operator should know about the configuration.
    pub warnings: Vec<String>,
}

/// How a setting can be given from outside: a flag, and variables, the strongest first.
struct Key {
    flag: &'static str,
    variables: &'static [&'static str],
}

const DB: Key = Key {
    flag: "--db",
    variables: &["VERTEX_BACKUP_DB"],
};
const BACKUP_DIR: Key = Key {
    flag: "--backup-dir",
    variables: &["VERTEX_BACKUP_BACKUP_DIR"],
};
const STORAGE_DIR: Key = Key {
    flag: "--storage-dir",
    variables: &["VERTEX_BACKUP_STORAGE_DIR"],
};
const REMOTE_CONFIG: Key = Key {
    flag: "--remote-config",
    variables: &["VERTEX_BACKUP_REMOTE_CONFIG", "REMOTE_STORAGE_CONFIG"],
};
const STATE: Key = Key {
    flag: "",
    variables: &["VERTEX_BACKUP_STATE"],
};
const CONFIG: Key = Key {
    flag: "--config",
    variables: &["VERTEX_BACKUP_CONFIG"],
};
const FORMAT: Key = Key {
    flag: "--format",
    variables: &["VERTEX_BACKUP_FORMAT"],
};
const PROGRESS: Key = Key {
    flag: "--progress",
    variables: &["VERTEX_BACKUP_PROGRESS"],
};
const COLOR: Key = Key {
    flag: "--color",
    variables: &["VERTEX_BACKUP_COLOR"],
};
const LOCK_WAIT: Key = Key {
    flag: "--lock-wait",
    variables: &["VERTEX_BACKUP_LOCK_WAIT"],
};
const RETRY_PAUSE: Key = Key {
    flag: "",
    variables: &["VERTEX_BACKUP_RETRY_PAUSE"],
};
const TIMEOUT: Key = Key {
    flag: "--timeout",
    variables: &["VERTEX_BACKUP_TIMEOUT"],
};

impl Surroundings<'_> {
    /// What the flag, a variable or `config.json` says, in this order.
    fn said(
        &self,
        key: &Key,
        flag: Option<impl Into<OsString>>,
        file: Option<impl Into<OsString>>,
    ) -> Option<Setting<OsString>> {
        let flag = flag.map(|value| Setting {
            value: value.into(),
            origin: Origin::Flag(key.flag),
        });
        let variable = || {
            key.variables.iter().find_map(|name| {
                let value = (self.variable)(name).filter(|value| !value.is_empty())?;
                Some(Setting {
                    value,
                    origin: Origin::Environment(name),
                })
            })
        };
        let file = || {
            file.map(|value| Setting {
                value: value.into(),
                origin: Origin::ConfigFile,
            })
        };
        flag.or_else(variable).or_else(file)
    }
}

/// What was said, else what is found, else the default.
fn path(
    said: Option<Setting<OsString>>,
    found: &[PathBuf],
    default: impl FnOnce() -> PathBuf,
) -> Setting<PathBuf> {
    if let Some(Setting { value, origin }) = said {
        return Setting {
            value: value.into(),
            origin,
        };
    }
    match found.iter().find(|path| path.exists()) {
        Some(path) => Setting {
            value: path.clone(),
            origin: Origin::Found,
        },
        None => Setting {
            value: default(),
            origin: Origin::Default,
        },
    }
}

/// What was said, else the default, read by `parse`.
fn word<T>(
    said: Option<Setting<OsString>>,
    default: T,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Setting<T>, Failure> {
    let Some(Setting { value, origin }) = said else {
        return Ok(Setting {
            value: default,
            origin: Origin::Default,
        });
    };
    let text = value.to_string_lossy();
    let value = parse(&text).map_err(|why| {
        Failure::new(
            Code::Usage,
            format!("invalid value '{text}' from {origin}: {why}"),
        )
    })?;
    Ok(Setting { value, origin })
}

/// Reads one of a few words.
fn one_of<T: Copy>(choices: &[(&str, T)]) -> impl FnOnce(&str) -> Result<T, String> {
    |text| {
        let chosen = choices.iter().find(|(name, _)| *name == text);
        chosen.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("it is one of {}", names.join(", "))
        })
    }
}

pub(crate) const FORMATS: [(&str, Format); 2] = [("table", Format::Table), ("json", Format::Json)];
pub(crate) const PROGRESS_MODES: [(&str, ProgressMode); 5] = [
    ("auto", ProgressMode::Auto),
    ("bar", ProgressMode::Bar),
    ("plain", ProgressMode::Plain),
    ("json", ProgressMode::Json),
    ("none", ProgressMode::None),
];
pub(crate) const COLOR_MODES: [(&str, ColorMode); 3] = [
    ("auto", ColorMode::Auto),
    ("always", ColorMode::Always),
    ("never", ColorMode::Never),
];

impl Settings {
    /// Decides every setting.
    ///
    /// # Errors
    /// `config_invalid` when `config.json` is named and missing, or malformed;
    /// `usage` for a value no setting can have, naming where it came from.
    pub fn resolve(flags: Flags, world: &Surroundings<'_>) -> Result<Self, Failure> {
        // A service without a home keeps its data where services do.
        let data = world
            .data_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("/var/lib"))
            .join("vertex-backup");
        let config = find_config(flags.config, world);
        let config_place = config.as_ref().map_or_else(
            || usual_configs(world).swap_remove(0),
            |config| config.value.clone(),
        );
        let ConfigFile {
            values: file,
            sections,
            mut warnings,
        } = match &config {
            Some(config) => ConfigFile::read(config)?,
            None => ConfigFile::default(),
        };

        let usual = ["./app_data.db".into(), "/app/data/app_data.db".into()];
        let db = path(world.said(&DB, flags.db, file.db), &usual, || {
            data.join("app_data.db")
        });
        let home = folder_of(&db.value);
        let backup_dir = path(
            world.said(&BACKUP_DIR, flags.backup_dir, file.backup_dir),
            &[home.join("backups")],
            || home.join("backups"),
        );
        let storage_dir = path(
            world.said(&STORAGE_DIR, flags.storage_dir, file.storage_dir),
            &[home.join("storage")],
            || home.join("storage"),
        );
        let usual = [Path::new("."), home, &home.join("..")]
            .map(|dir| dir.join("config/remote_storage.json"));
        let remote_config = path(
            world.said(&REMOTE_CONFIG, flags.remote_config, file.remote_config),
            &usual,
            || data.join("remote_storage.json"),
        );
        if remote_config.origin != Origin::Default && !remote_config.value.exists() {
            let (shown, origin) = (remote_config.value.display(), remote_config.origin);
            warnings.push(format!(
                "the provider file '{shown}' ({origin}) does not exist"
            ));
        }
        let state = path(
            world.said(&STATE, None::<OsString>, file.state),
            &[],
            || state_beside(&db.value),
        );
        let said = |key, flag: Option<String>, file: Option<String>| world.said(key, flag, file);
        Ok(Settings {
            format: word(
                said(&FORMAT, flags.format, file.format),
                Format::Table,
                one_of(&FORMATS),
            )?,
            progress: word(
                said(&PROGRESS, flags.progress, file.progress),
                ProgressMode::Auto,
                one_of(&PROGRESS_MODES),
            )?,
            color: word(
                said(&COLOR, flags.color, file.color),
                ColorMode::Auto,
                one_of(&COLOR_MODES),
            )?,
            lock_wait: word(
                said(&LOCK_WAIT, flags.lock_wait, file.lock_wait),
                Duration::ZERO,
                duration::parse,
            )?,
            timeout: word(said(&TIMEOUT, flags.timeout, file.timeout), None, |text| {
                duration::parse(text).map(Some)
            })?,
            retry_pause: word(
                said(&RETRY_PAUSE, None, file.retry_pause),
                Policy::default().pause,
                duration::parse,
            )?,
            db,
            backup_dir,
            storage_dir,
            remote_config,
            state,
            config,
            config_place,
            builtin_root: data.join("remote"),
            acknowledge_abuse: flags.acknowledge_abuse,
            sections,
            warnings,
        })
    }
}

impl Settings {
    /// How patient to be with a provider.
    pub fn policy(&self) -> Policy {
        let usual = Policy::default();
        Policy {
            // Without any, whoever waits would ask without end.
            pause: self.retry_pause.value.max(Duration::from_millis(1)),
            stall: self.timeout.value.unwrap_or(usual.stall),
            checking: self.timeout.value.unwrap_or(usual.checking),
            ..usual
        }
    }
}

/// `app_data.db` → `app_data.backup-state.db`, beside the real file, so that
/// every spelling of the database's path finds one state.
fn state_beside(db: &Path) -> PathBuf {
    std::fs::canonicalize(db)
        .unwrap_or_else(|_| db.to_owned())
        .with_extension("backup-state.db")
}

/// Where `config.json` is looked for: the user's, then the system's.
fn usual_configs(world: &Surroundings<'_>) -> Vec<PathBuf> {
    let usual = [world.config_dir.clone(), Some(PathBuf::from("/etc"))];
    let usual = usual.into_iter().flatten();
    usual
        .map(|dir| dir.join("vertex-backup/config.json"))
        .collect()
}

/// The `config.json` that was named, the user's, or the system's.
fn find_config(flag: Option<PathBuf>, world: &Surroundings<'_>) -> Option<Setting<PathBuf>> {
    match world.said(&CONFIG, flag, None::<OsString>) {
        Some(Setting { value, origin }) => Some(Setting {
            value: value.into(),
            origin,
        }),
        None => usual_configs(world)
            .into_iter()
            .find(|path| path.exists())
            .map(|value| Setting {
                value,
                origin: Origin::Found,
            }),
    }
}

#[cfg(test)]
mod tests;
