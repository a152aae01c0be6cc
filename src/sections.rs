//! What is configured for each provider: the sections of the provider file and of `config.json`.

mod google_drive;
mod yandex_disk;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use self::google_drive::RawGoogleDrive;
use self::yandex_disk::RawYandexDisk;
use crate::credential::{CommandLine, SecretSource};
use crate::failure::{Code, Failure};
use crate::json_file::{Object, parse_typed};
use crate::protection::Protected;
use crate::provider::ProviderKind;
use crate::secret::Secret;

pub use self::google_drive::GoogleDrive;
pub use self::yandex_disk::YandexDisk;

/// What is configured for each provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// The `yandex_disk` section.
    pub yandex_disk: YandexDisk,
    /// The `google_drive` section.
    pub google_drive: GoogleDrive,
    /// The `local` section.
    pub local: LocalRoot,
    /// What the operator should know of how they are written.
    pub warnings: Vec<String>,
}

/// The local provider: its root directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalRoot {
    /// Switched on; absent counts as on: the local provider needs no set-up.
    pub enabled: Option<bool>,
    /// `root`; absent means the one in the data directory.
    pub root: Option<PathBuf>,
}

/// As in the file. `X`, `X_file`, `X_command` and `X_age` become one source.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RawSections {
    yandex_disk: Option<Object<RawYandexDisk>>,
    google_drive: Option<Object<RawGoogleDrive>>,
    local: Option<Object<RawLocal>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawLocal {
    enabled: Option<bool>,
    root: Option<AbsolutePath>,
}

/// A secret as written down; blanks around it are not part of it.
struct Written {
    secret: Secret,
    padded: bool,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Ok(Written {
            secret: Secret::new(&text),
            padded: text.trim() != text.as_str(),
        })
    }
}

/// What is under the four keys that a secret may be given by.
struct Given {
    inline: Option<Written>,
    path: Option<PathBuf>,
    command: Option<CommandLine>,
    age: Option<String>,
}

/// One file's secrets, each from the four keys it may be given by.
struct Sources<'a> {
    file: &'a Path,
    warnings: Vec<String>,
}

impl Sources<'_> {
    /// At most one of the four may be given.
    fn one(&mut self, key: &str, given: Given) -> Result<Option<SecretSource>, Failure> {
        let file = self.file.display();
        let inline = given.inline;
        if inline.as_ref().is_some_and(|written| written.padded) {
            self.warnings.push(format!(
                "{file}: {key} has blanks around it, which are left out"
            ));
        }
        let inline = inline
            .map(|written| written.secret)
            .filter(|secret| !secret.is_empty());
        let protected = filled(given.age).map(|text| Protected::new(&text));
        let given = [
            inline.map(SecretSource::Inline),
            given.path.map(SecretSource::File),
            given.command.map(SecretSource::Command),
            protected.map(SecretSource::Protected),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (_, Some(_)) => {
                let detail = format!(
                    "{file}: give only one of {key}, {key}_file, {key}_command and {key}_age"
                );
                Err(Failure::new(Code::ConfigInvalid, detail))
            }
            (one, None) => Ok(one),
        }
    }
}

impl RawLocal {
    fn read(self) -> LocalRoot {
        let root = self
            .root
            .map(|AbsolutePath(root)| root)
            .filter(|root| !root.as_os_str().is_empty());
        LocalRoot {
            enabled: self.enabled,
            root,
        }
    }
}

/// The application stores an empty string where nothing is set.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl Sections {
    /// Reads the sections of a file's text.
    ///
    /// # Errors
    /// `config_invalid` with file, line, column and key; never with a value.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Failure> {
        let raw: RawSections = parse_typed(text, file)?;
        let mut sources = Sources {
            file,
            warnings: Vec::new(),
        };
        let sections = Sections {
            yandex_disk: raw
                .yandex_disk
                .map(|Object(raw)| raw)
                .unwrap_or_default()
                .read(&mut sources)?,
            google_drive: raw
                .google_drive
                .map(|Object(raw)| raw)
                .unwrap_or_default()
                .read(&mut sources)?,
            local: raw.local.map(|Object(raw)| raw).unwrap_or_default().read(),
            warnings: sources.warnings,
        };
        Ok(sections)
    }

    /// Puts other sections over these: a key given there wins.
    #[must_use]
    pub fn overlaid(self, over: Sections) -> Sections {
        let local = over.local;
        Sections {
            yandex_disk: self.yandex_disk.overlaid(over.yandex_disk),
            google_drive: self.google_drive.overlaid(over.google_drive),
            local: LocalRoot {
                enabled: local.enabled.or(self.local.enabled),
                root: local.root.or(self.local.root),
            },
            warnings: self.warnings.into_iter().chain(over.warnings).collect(),
        }
    }

    /// Says which `config.json` says where the key to protected secrets is.
    #[must_use]
    pub fn opened_by(mut self, config: Option<&Path>) -> Self {
        let (yandex, google) = (&mut self.yandex_disk, &mut self.google_drive);
        for source in [
            &mut yandex.oauth_token,
            &mut yandex.refresh_token,
            &mut yandex.client_secret,
            &mut google.access_token,
            &mut google.refresh_token,
            &mut google.client_secret,
        ] {
            *source = source.take().map(|source| match source {
                SecretSource::Protected(protected) => {
                    SecretSource::Protected(protected.by_config(config))
                }
                other => other,
            });
        }
        self
    }

    /// The secrets of a provider, by their keys, and how each is kept.
    pub fn kept(&self, kind: ProviderKind) -> Vec<(&'static str, &'static str)> {
        let (yandex, google) = (&self.yandex_disk, &self.google_drive);
        let sources = match kind {
            ProviderKind::YandexDisk => vec![
                ("oauth_token", &yandex.oauth_token),
                ("refresh_token", &yandex.refresh_token),
                ("client_secret", &yandex.client_secret),
            ],
            ProviderKind::GoogleDrive => vec![
                ("access_token", &google.access_token),
                ("refresh_token", &google.refresh_token),
                ("client_secret", &google.client_secret),
            ],
            ProviderKind::Local => Vec::new(),
        };
        let kept =
            |(key, source): (_, &Option<SecretSource>)| Some((key, source.as_ref()?.kept()?));
        let mut kept: Vec<_> = sources.into_iter().filter_map(kept).collect();
        if kind == ProviderKind::GoogleDrive && google.service_account_file.is_some() {
            kept.push(("service_account", "file"));
        }
        kept
    }

    /// The files that secrets of the providers in use are read from.
    pub fn secret_files(&self) -> Vec<&Path> {
        let (disk, drive) = (&self.yandex_disk, &self.google_drive);
        let disk = [&disk.oauth_token, &disk.refresh_token, &disk.client_secret]
            .map(|source| (ProviderKind::YandexDisk, source));
        let drive_sources = [
            &drive.access_token,
            &drive.refresh_token,
            &drive.client_secret,
        ];
        let sources = drive_sources.map(|source| (ProviderKind::GoogleDrive, source));
        let files = disk
            .into_iter()
            .chain(sources)
            .filter(|(kind, _)| self.is_configured(*kind))
            .filter_map(|(_, source)| source.as_ref()?.file());
        let is_used = self.is_configured(ProviderKind::GoogleDrive);
        files.chain(drive.key_file().filter(|_| is_used)).collect()
    }

    /// Whether a provider is switched on and has something to connect with.
    pub fn is_configured(&self, kind: ProviderKind) -> bool {
        match kind {
            ProviderKind::Local => self.local.enabled.unwrap_or(true),
            ProviderKind::YandexDisk => self
                .yandex_disk
                .enabled
                .unwrap_or(self.yandex_disk.oauth_token.is_some()),
            ProviderKind::GoogleDrive => {
                let section = &self.google_drive;
                let has_credentials = section.credential_kind().is_some();
                section.enabled.unwrap_or(has_credentials)
            }
        }
    }
}

/// An address that credentials may travel to; empty counts as absent.
struct Address(String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() || is_safe_url(&text) {
            return Ok(Address(text));
        }
        let expected = "an address that begins with https:// (http:// only for this machine)";
        Err(D::Error::invalid_value(
            Unexpected::Other("another"),
            &expected,
        ))
    }
}

/// A point in time; empty counts as absent.
struct Moment(Option<Timestamp>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Ok(Moment(None));
        }
        text.trim().parse().map(|at| Moment(Some(at))).map_err(|_| {
            let expected = "a time such as 2027-11-22T12:00:00Z";
            D::Error::invalid_value(Unexpected::Other("another"), &expected)
        })
    }
}

/// A path that means the same from every folder; empty counts as absent.
struct AbsolutePath(PathBuf);

impl<'de> Deserialize<'de> for AbsolutePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.as_os_str().is_empty() || path.is_absolute() {
            return Ok(AbsolutePath(path));
        }
        Err(D::Error::invalid_value(
            Unexpected::Other("another"),
            &"an absolute path",
        ))
    }
}

/// `https`, or `http` to this machine: credentials travel to these addresses.
pub fn is_safe_url(url: &str) -> bool {
    let host = |rest: &str| {
        let authority = rest
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let plain = !authority.is_empty() && !authority.contains(['@', '\\', ' ']);
        plain.then_some(authority)
    };
    if let Some(rest) = url.strip_prefix("https://") {
        return host(rest).is_some();
    }
    let Some(authority) = url.strip_prefix("http://").and_then(host) else {
        return false;
    };
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => authority.as_str(),
    };
    name == "localhost"
        || name == "[::1]"
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
