//! What is configured for each provider: the sections of the provider file and of `config.json`.

use std::path::{Path, PathBuf};

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::credential::{CommandLine, SecretSource};
use crate::failure::{Code, Failure};
use crate::json_file::{Object, parse_typed};
use crate::provider::ProviderKind;
use crate::secret::Secret;

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

/// Yandex Disk: a token, and where the API is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YandexDisk {
    /// Switched on; absent counts as on where there are credentials.
    pub enabled: Option<bool>,
    /// `oauth_token`.
    pub oauth_token: Option<SecretSource>,
    /// `api_url`, for tests, proxies and private gateways.
    pub api_url: Option<String>,
}

/// Google Drive: one of three kinds of credentials, and where backups go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoogleDrive {
    /// Switched on; absent counts as on where there are credentials.
    pub enabled: Option<bool>,
    /// `api_url`, for tests, proxies and private gateways.
    pub api_url: Option<String>,
    /// `credentials.access_token`.
    pub access_token: Option<SecretSource>,
    /// `credentials.refresh_token`.
    pub refresh_token: Option<SecretSource>,
    /// `credentials.client_id`.
    pub client_id: Option<String>,
    /// `credentials.client_secret`.
    pub client_secret: Option<SecretSource>,
    /// `credentials.token_uri`.
    pub token_uri: Option<String>,
    /// `credentials.service_account_file`.
    pub service_account_file: Option<PathBuf>,
    /// `credentials.impersonate`: the user a service account acts for.
    pub impersonate: Option<String>,
    /// `credentials.folder_id`: below which folder all goes.
    pub folder_id: Option<String>,
    /// `credentials.shared_drive_id`.
    pub shared_drive_id: Option<String>,
}

/// The local provider: its root directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalRoot {
    /// Switched on; absent counts as on: the local provider needs no set-up.
    pub enabled: Option<bool>,
    /// `root`; absent means the one in the data directory.
    pub root: Option<PathBuf>,
}

/// As in the file. `X`, `X_file` and `X_command` become one source.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RawSections {
    yandex_disk: Option<Object<RawYandexDisk>>,
    google_drive: Option<Object<RawGoogleDrive>>,
    local: Option<Object<RawLocal>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawYandexDisk {
    enabled: Option<bool>,
    oauth_token: Option<Written>,
    oauth_token_file: Option<PathBuf>,
    oauth_token_command: Option<CommandLine>,
    api_url: Option<Address>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawGoogleDrive {
    enabled: Option<bool>,
    api_url: Option<Address>,
    credentials: Option<Object<RawCredentials>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawCredentials {
    access_token: Option<Written>,
    access_token_file: Option<PathBuf>,
    access_token_command: Option<CommandLine>,
    refresh_token: Option<Written>,
    refresh_token_file: Option<PathBuf>,
    refresh_token_command: Option<CommandLine>,
    client_id: Option<String>,
    client_secret: Option<Written>,
    client_secret_file: Option<PathBuf>,
    client_secret_command: Option<CommandLine>,
    token_uri: Option<Address>,
    service_account_file: Option<PathBuf>,
    impersonate: Option<String>,
    folder_id: Option<String>,
    shared_drive_id: Option<String>,
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

/// One file's secrets, each from the three keys it may be given by.
struct Sources<'a> {
    file: &'a Path,
    warnings: Vec<String>,
}

impl Sources<'_> {
    /// At most one of the three may be given.
    fn one(
        &mut self,
        key: &str,
        inline: Option<Written>,
        path: Option<PathBuf>,
        command: Option<CommandLine>,
    ) -> Result<Option<SecretSource>, Failure> {
        let file = self.file.display();
        if inline.as_ref().is_some_and(|written| written.padded) {
            self.warnings.push(format!(
                "{file}: {key} has blanks around it, which are left out"
            ));
        }
        let inline = inline
            .map(|written| written.secret)
            .filter(|secret| !secret.is_empty());
        let given = [
            inline.map(SecretSource::Inline),
            path.map(SecretSource::File),
            command.map(SecretSource::Command),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (_, Some(_)) => {
                let detail =
                    format!("{file}: give only one of {key}, {key}_file and {key}_command");
                Err(Failure::new(Code::ConfigInvalid, detail))
            }
            (one, None) => Ok(one),
        }
    }
}

impl RawYandexDisk {
    fn read(self, sources: &mut Sources<'_>) -> Result<YandexDisk, Failure> {
        let (token, file, command) = (
            self.oauth_token,
            self.oauth_token_file,
            self.oauth_token_command,
        );
        Ok(YandexDisk {
            enabled: self.enabled,
            oauth_token: sources.one("yandex_disk.oauth_token", token, file, command)?,
            api_url: filled(self.api_url.map(|Address(url)| url)),
        })
    }
}

impl RawGoogleDrive {
    fn read(self, sources: &mut Sources<'_>) -> Result<GoogleDrive, Failure> {
        let keys = self
            .credentials
            .map(|Object(keys)| keys)
            .unwrap_or_default();
        let mut secret = |key: &str, inline, file, command| {
            sources.one(
                &format!("google_drive.credentials.{key}"),
                inline,
                file,
                command,
            )
        };
        Ok(GoogleDrive {
            enabled: self.enabled,
            api_url: filled(self.api_url.map(|Address(url)| url)),
            access_token: secret(
                "access_token",
                keys.access_token,
                keys.access_token_file,
                keys.access_token_command,
            )?,
            refresh_token: secret(
                "refresh_token",
                keys.refresh_token,
                keys.refresh_token_file,
                keys.refresh_token_command,
            )?,
            client_secret: secret(
                "client_secret",
                keys.client_secret,
                keys.client_secret_file,
                keys.client_secret_command,
            )?,
            client_id: filled(keys.client_id),
            token_uri: filled(keys.token_uri.map(|Address(url)| url)),
            service_account_file: keys.service_account_file,
            impersonate: filled(keys.impersonate),
            folder_id: filled(keys.folder_id),
            shared_drive_id: filled(keys.shared_drive_id),
        })
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
        let (yandex, google, local) = (over.yandex_disk, over.google_drive, over.local);
        Sections {
            yandex_disk: YandexDisk {
                enabled: yandex.enabled.or(self.yandex_disk.enabled),
                oauth_token: yandex.oauth_token.or(self.yandex_disk.oauth_token),
                api_url: yandex.api_url.or(self.yandex_disk.api_url),
            },
            google_drive: GoogleDrive {
                enabled: google.enabled.or(self.google_drive.enabled),
                api_url: google.api_url.or(self.google_drive.api_url),
                access_token: google.access_token.or(self.google_drive.access_token),
                refresh_token: google.refresh_token.or(self.google_drive.refresh_token),
                client_id: google.client_id.or(self.google_drive.client_id),
                client_secret: google.client_secret.or(self.google_drive.client_secret),
                token_uri: google.token_uri.or(self.google_drive.token_uri),
                service_account_file: google
                    .service_account_file
                    .or(self.google_drive.service_account_file),
                impersonate: google.impersonate.or(self.google_drive.impersonate),
                folder_id: google.folder_id.or(self.google_drive.folder_id),
                shared_drive_id: google.shared_drive_id.or(self.google_drive.shared_drive_id),
            },
            local: LocalRoot {
                enabled: local.enabled.or(self.local.enabled),
                root: local.root.or(self.local.root),
            },
            warnings: self.warnings.into_iter().chain(over.warnings).collect(),
        }
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
                let credentials = section.access_token.is_some()
                    || section.refresh_token.is_some()
                    || section.service_account_file.is_some();
                section.enabled.unwrap_or(credentials)
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Sections, String> {
        Sections::parse(text, Path::new("p.json")).map_err(|failure| failure.to_string())
    }

    #[test]
    fn errors_name_place_and_key_but_never_the_value() {
        let cases = [
            (
                r#"{"yandex_disk": {"enabled": "y0_SECRET"}}"#,
                "p.json:1:39: yandex_disk.enabled: expected a boolean",
            ),
            (
                r#"{"yandex_disk": {"oauth_token": 12}}"#,
                "p.json:1:34: yandex_disk.oauth_token: expected a string",
            ),
            (
                r#"{"yandex_disk": "y0_SECRET"}"#,
                "p.json:1:27: yandex_disk: expected an object",
            ),
            (
                "{\n \"local\": {\"root\": \"/x\",}\n}",
                "p.json:2:25: local: trailing comma",
            ),
            ("", "p.json:1:0: EOF while parsing a value"),
            ("{} x", "p.json:1:4: trailing characters"),
            (
                r#"{"yandex_disk": {"enabled": true, "enabled": false}}"#,
                "p.json:1:43: yandex_disk: duplicate field `enabled`",
            ),
            (
                r#"{"yandex_disk": {"oauth_token": ", expected SECRET", "enabled": ", expected SECRET"}}"#,
                "p.json:1:83: yandex_disk.enabled: expected a boolean",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn one_secret_has_one_source() {
        let both = r#"{"yandex_disk": {"oauth_token": "a", "oauth_token_file": "/t"}}"#;
        assert!(
            parse(both)
                .unwrap_err()
                .contains("give only one of yandex_disk.oauth_token")
        );
    }

    #[test]
    fn our_own_keys_win_over_the_shared_file() {
        let base = parse(
            r#"{"yandex_disk": {"enabled": true, "oauth_token": "a"}, "local": {"root": "/a"}}"#,
        )
        .unwrap();
        let over =
            parse(r#"{"yandex_disk": {"oauth_token_file": "/t"}, "local": {"enabled": false}}"#)
                .unwrap();
        let merged = base.overlaid(over);
        assert_eq!(merged.yandex_disk.enabled, Some(true));
        assert_eq!(
            merged.yandex_disk.oauth_token,
            Some(SecretSource::File("/t".into()))
        );
        assert_eq!(merged.local.root, Some("/a".into()));
        assert!(!merged.is_configured(ProviderKind::Local));
        assert!(merged.is_configured(ProviderKind::YandexDisk));
        assert!(!merged.is_configured(ProviderKind::GoogleDrive));
    }

    #[test]
    fn only_https_leaves_this_machine() {
        for url in [
            "https://x.example/v1",
            "http://localhost:8080",
            "http://127.0.0.1:1/",
            "http://[::1]:9/x",
        ] {
            assert!(is_safe_url(url), "{url}");
        }
        for url in [
            "http://x.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1@evil.example",
            "ftp://x",
            "https://",
            "x",
        ] {
            assert!(!is_safe_url(url), "{url}");
        }
    }
}
