//! Where everything is: flag, environment, `config.json`, what is found, default.
//!
//! One function, [`Settings::resolve`], decides; it touches nothing but the
//! existence of a few files. Each value keeps its origin, so `-v` can say which won.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::duration;
use crate::failure::{Code, Failure};
use crate::provider_file::{self, Sections};

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
    pub remote_config: Option<PathBuf>,
    pub config: Option<PathBuf>,
    pub format: Option<String>,
    pub progress: Option<String>,
    pub color: Option<String>,
    pub lock_wait: Option<String>,
    pub timeout: Option<String>,
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

/// `config.json`: the same settings, and provider sections that win over the provider file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    db: Option<PathBuf>,
    backup_dir: Option<PathBuf>,
    remote_config: Option<PathBuf>,
    state: Option<PathBuf>,
    format: Option<String>,
    progress: Option<String>,
    color: Option<String>,
    lock_wait: Option<String>,
    timeout: Option<String>,
}

/// The keys of [`ConfigFile`] and the sections, to tell a typing error from a key.
const CONFIG_KEYS: [&str; 12] = [
    "db",
    "backup_dir",
    "remote_config",
    "state",
    "format",
    "progress",
    "color",
    "lock_wait",
    "timeout",
    "yandex_disk",
    "google_drive",
    "local",
];

/// Everything a command needs to know about its surroundings.
#[derive(Debug)]
pub struct Settings {
    /// The application's database.
    pub db: Setting<PathBuf>,
    /// Where the application puts its backups.
    pub backup_dir: Setting<PathBuf>,
    /// The provider file; it need not exist.
    pub remote_config: Setting<PathBuf>,
    /// Our own state.
    pub state: Setting<PathBuf>,
    /// The `config.json` that was read, if any.
    pub config: Option<Setting<PathBuf>>,
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
    /// How long to wait for somebody silent: the application's database, later a provider.
    pub timeout: Setting<Option<Duration>>,
    /// Provider sections of `config.json`.
    pub sections: Sections,
    /// What the operator should know about the configuration.
    pub warnings: Vec<String>,
}

/// One setting's candidates, strongest first.
struct Choice<'a, T> {
    world: &'a Surroundings<'a>,
    best: Option<Setting<T>>,
}

impl Surroundings<'_> {
    fn choose<T>(&self) -> Choice<'_, T> {
        Choice {
            world: self,
            best: None,
        }
    }
}

impl<T> Choice<'_, T> {
    fn or(mut self, value: Option<T>, origin: Origin) -> Self {
        if self.best.is_none() {
            self.best = value.map(|value| Setting { value, origin });
        }
        self
    }

    fn or_variable(self, name: &'static str, read: impl Fn(OsString) -> T) -> Self {
        let value = (self.world.variable)(name).filter(|value| !value.is_empty());
        self.or(value.map(read), Origin::Environment(name))
    }

    fn or_default(self, value: impl FnOnce() -> T) -> Setting<T> {
        self.best.unwrap_or_else(|| Setting {
            value: value(),
            origin: Origin::Default,
        })
    }
}

impl Settings {
    /// Decides every setting.
    ///
    /// # Errors
    /// `config_invalid` when `config.json` is named and missing, or malformed;
    /// `usage` for a value no setting can have, naming where it came from.
    pub fn resolve(flags: Flags, world: &Surroundings<'_>) -> Result<Self, Failure> {
        let data = world
            .data_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from("."))
            .join("vertex-backup");
        let (config, file, sections, mut warnings) = read_config(flags.config, world)?;
        let existing =
            |candidates: &[PathBuf]| candidates.iter().find(|path| path.exists()).cloned();

        let db = world
            .choose()
            .or(flags.db, Origin::Flag("--db"))
            .or_variable("VERTEX_BACKUP_DB", PathBuf::from)
            .or(file.db, Origin::ConfigFile)
            .or(
                existing(&["./app_data.db".into(), "/app/data/app_data.db".into()]),
                Origin::Found,
            )
            .or_default(|| data.join("app_data.db"));
        let home = db
            .value
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
            .to_owned();
        let backup_dir = world
            .choose()
            .or(flags.backup_dir, Origin::Flag("--backup-dir"))
            .or_variable("VERTEX_BACKUP_BACKUP_DIR", PathBuf::from)
            .or(file.backup_dir, Origin::ConfigFile)
            .or(existing(&[home.join("backups")]), Origin::Found)
            .or_default(|| home.join("backups"));
        let provider_file = Path::new("config/remote_storage.json");
        let beside = [
            PathBuf::from(".").join(provider_file),
            home.join(provider_file),
            home.join("..").join(provider_file),
        ];
        let remote_config = world
            .choose()
            .or(flags.remote_config, Origin::Flag("--remote-config"))
            .or_variable("VERTEX_BACKUP_REMOTE_CONFIG", PathBuf::from)
            .or_variable("REMOTE_STORAGE_CONFIG", PathBuf::from)
            .or(file.remote_config, Origin::ConfigFile)
            .or(existing(&beside), Origin::Found)
            .or_default(|| data.join("remote_storage.json"));
        let state = world
            .choose()
            .or_variable("VERTEX_BACKUP_STATE", PathBuf::from)
            .or(file.state, Origin::ConfigFile)
            .or_default(|| state_beside(&db.value));
        let format = world
            .choose()
            .or(flags.format, Origin::Flag("--format"))
            .or_variable("VERTEX_BACKUP_FORMAT", lossy)
            .or(file.format, Origin::ConfigFile)
            .or_default(|| "table".into());
        let progress = world
            .choose()
            .or(flags.progress, Origin::Flag("--progress"))
            .or_variable("VERTEX_BACKUP_PROGRESS", lossy)
            .or(file.progress, Origin::ConfigFile)
            .or_default(|| "auto".into());
        let color = world
            .choose()
            .or(flags.color, Origin::Flag("--color"))
            .or_variable("VERTEX_BACKUP_COLOR", lossy)
            .or(file.color, Origin::ConfigFile)
            .or_default(|| "auto".into());
        let lock_wait = world
            .choose()
            .or(flags.lock_wait, Origin::Flag("--lock-wait"))
            .or_variable("VERTEX_BACKUP_LOCK_WAIT", lossy)
            .or(file.lock_wait, Origin::ConfigFile)
            .or_default(|| "0".into());
        let timeout = world
            .choose()
            .or(flags.timeout, Origin::Flag("--timeout"))
            .or_variable("VERTEX_BACKUP_TIMEOUT", lossy)
            .or(file.timeout, Origin::ConfigFile)
            .or_default(String::new);
        if remote_config.origin != Origin::Default && !remote_config.value.exists() {
            warnings.push(format!(
                "the provider file '{}' ({}) does not exist",
                remote_config.value.display(),
                remote_config.origin
            ));
        }
        Ok(Settings {
            format: format.read(|text| match text {
                "table" => Ok(Format::Table),
                "json" => Ok(Format::Json),
                _ => Err("it is table or json".into()),
            })?,
            progress: progress.read(|text| match text {
                "auto" => Ok(ProgressMode::Auto),
                "bar" => Ok(ProgressMode::Bar),
                "plain" => Ok(ProgressMode::Plain),
                "json" => Ok(ProgressMode::Json),
                "none" => Ok(ProgressMode::None),
                _ => Err("it is auto, bar, plain, json or none".into()),
            })?,
            color: color.read(|text| match text {
                "auto" => Ok(ColorMode::Auto),
                "always" => Ok(ColorMode::Always),
                "never" => Ok(ColorMode::Never),
                _ => Err("it is auto, always or never".into()),
            })?,
            lock_wait: lock_wait.read(duration::parse)?,
            timeout: timeout.read(|text| match text {
                "" => Ok(None),
                text => duration::parse(text).map(Some),
            })?,
            db,
            backup_dir,
            remote_config,
            state,
            config,
            builtin_root: data.join("remote"),
            sections,
            warnings,
        })
    }
}

impl Setting<String> {
    fn read<T>(self, parse: impl Fn(&str) -> Result<T, String>) -> Result<Setting<T>, Failure> {
        let Setting { value, origin } = self;
        let value = parse(&value).map_err(|why| {
            let shown = value.clone();
            Failure::new(
                Code::Usage,
                format!("invalid value '{shown}' from {origin}: {why}"),
            )
        })?;
        Ok(Setting { value, origin })
    }
}

fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}

/// `app_data.db` → `app_data.backup-state.db`, beside the real file, so that
/// every spelling of the database's path finds one state.
fn state_beside(db: &Path) -> PathBuf {
    std::fs::canonicalize(db)
        .unwrap_or_else(|_| db.to_owned())
        .with_extension("backup-state.db")
}

type Config = (Option<Setting<PathBuf>>, ConfigFile, Sections, Vec<String>);

fn read_config(flag: Option<PathBuf>, world: &Surroundings<'_>) -> Result<Config, Failure> {
    let usual = [world.config_dir.clone(), Some(PathBuf::from("/etc"))];
    let usual = usual
        .into_iter()
        .flatten()
        .map(|dir| dir.join("vertex-backup/config.json"));
    let chosen = world
        .choose()
        .or(flag, Origin::Flag("--config"))
        .or_variable("VERTEX_BACKUP_CONFIG", PathBuf::from)
        .or(usual.into_iter().find(|path| path.exists()), Origin::Found);
    let Some(config) = chosen.best else {
        return Ok(Default::default());
    };
    let path = &config.value;
    let Some(loaded) = provider_file::load(path)? else {
        let detail = format!(
            "The configuration file '{}' ({}) does not exist",
            path.display(),
            config.origin
        );
        return Err(Failure::new(Code::ConfigInvalid, detail));
    };
    let mut warnings = Vec::new();
    let keys: serde_json::Map<String, serde_json::Value> =
        provider_file::parse_typed(&loaded.text, path)?;
    for key in keys
        .keys()
        .filter(|key| !CONFIG_KEYS.contains(&key.as_str()))
    {
        let near = crate::text::nearest(key, CONFIG_KEYS.iter().map(|known| (*known).into()));
        let near = near
            .first()
            .map(|near| format!(", did you mean '{near}'?"))
            .unwrap_or_default();
        warnings.push(format!("{}: unknown key '{}'{near}", path.display(), key));
    }
    let file = provider_file::parse_typed(&loaded.text, path)?;
    let sections = Sections::parse(&loaded.text, path)?;
    if sections != Sections::default()
        && let Some(mode) = loaded.wide_mode
    {
        warnings.push(wide_mode_warning(path, mode));
    }
    Ok((Some(config), file, sections, warnings))
}

/// What to say of a file with secrets that others can read.
pub fn wide_mode_warning(path: &Path, mode: u32) -> String {
    format!(
        "'{0}' can be read by others (mode {mode:04o}); run: chmod 600 '{0}'",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(flags: Flags, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        let world = Surroundings {
            variable: &variable,
            config_dir: Some("/no/config".into()),
            data_dir: Some("/no/data".into()),
        };
        Settings::resolve(flags, &world)
    }

    #[test]
    fn flags_beat_the_environment_and_that_beats_defaults() {
        let flags = Flags {
            db: Some("/flag/a.db".into()),
            ..Flags::default()
        };
        let variables = [
            ("VERTEX_BACKUP_DB", "/env/b.db"),
            ("VERTEX_BACKUP_BACKUP_DIR", "/env/backups"),
        ];
        let settings = resolve(flags, &variables).unwrap();
        assert_eq!(
            settings.db,
            Setting {
                value: "/flag/a.db".into(),
                origin: Origin::Flag("--db")
            }
        );
        assert_eq!(settings.backup_dir.value, Path::new("/env/backups"));
        assert_eq!(settings.state.value, Path::new("/flag/a.backup-state.db"));

        let settings = resolve(Flags::default(), &variables).unwrap();
        assert_eq!(settings.db.origin, Origin::Environment("VERTEX_BACKUP_DB"));
        let settings = resolve(Flags::default(), &[("VERTEX_BACKUP_DB", "")]).unwrap();
        assert_eq!(
            settings.db.value,
            Path::new("/no/data/vertex-backup/app_data.db")
        );
        assert_eq!(
            settings.builtin_root,
            Path::new("/no/data/vertex-backup/remote")
        );
    }

    #[test]
    fn the_applications_own_variable_is_the_weaker_one() {
        let both = [
            ("REMOTE_STORAGE_CONFIG", "/app.json"),
            ("VERTEX_BACKUP_REMOTE_CONFIG", "/ours.json"),
        ];
        assert_eq!(
            resolve(Flags::default(), &both)
                .unwrap()
                .remote_config
                .value,
            Path::new("/ours.json")
        );
        let settings = resolve(Flags::default(), &both[..1]).unwrap();
        assert_eq!(
            settings.remote_config.origin,
            Origin::Environment("REMOTE_STORAGE_CONFIG")
        );
        assert_eq!(settings.warnings.len(), 1);
    }

    #[test]
    fn a_bad_value_is_named_with_its_place() {
        let failure = resolve(Flags::default(), &[("VERTEX_BACKUP_FORMAT", "xml")]).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "invalid value 'xml' from VERTEX_BACKUP_FORMAT: it is table or json"
        );
        assert!(
            resolve(
                Flags {
                    lock_wait: Some("soon".into()),
                    ..Flags::default()
                },
                &[]
            )
            .is_err()
        );
    }
}
