//! The section of Yandex Disk: a token, how to get the next one, and where the API is.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Address, Given, Moment, Sources, Written, filled};
use crate::credential::{CommandLine, SecretSource};
use crate::failure::Failure;

/// Yandex Disk: a token, how to get the next one, and where the API is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct YandexDisk {
    /// Switched on; absent counts as on where there are credentials.
    pub enabled: Option<bool>,
    /// `oauth_token`.
    pub oauth_token: Option<SecretSource>,
    /// `refresh_token`: what a new token is given for.
    pub refresh_token: Option<SecretSource>,
    /// `token_expires_at`, as far as it is known.
    pub token_expires_at: Option<Timestamp>,
    /// `client_id`: the application that the operator registered.
    pub client_id: Option<String>,
    /// `client_secret`.
    pub client_secret: Option<SecretSource>,
    /// `oauth_url`: where tokens come from, for tests, proxies and private gateways.
    pub oauth_url: Option<String>,
    /// `api_url`, for tests, proxies and private gateways.
    pub api_url: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawYandexDisk {
    enabled: Option<bool>,
    oauth_token: Option<Written>,
    oauth_token_file: Option<PathBuf>,
    oauth_token_command: Option<CommandLine>,
    oauth_token_age: Option<String>,
    refresh_token: Option<Written>,
    refresh_token_file: Option<PathBuf>,
    refresh_token_command: Option<CommandLine>,
    refresh_token_age: Option<String>,
    token_expires_at: Option<Moment>,
    client_id: Option<String>,
    client_secret: Option<Written>,
    client_secret_file: Option<PathBuf>,
    client_secret_command: Option<CommandLine>,
    client_secret_age: Option<String>,
    oauth_url: Option<Address>,
    api_url: Option<Address>,
}

impl RawYandexDisk {
    pub(super) fn read(self, sources: &mut Sources<'_>) -> Result<YandexDisk, Failure> {
        let mut secret = |key: &str, inline, path, command, age| {
            let given = Given {
                inline,
                path,
                command,
                age,
            };
            sources.one(&format!("yandex_disk.{key}"), given)
        };
        Ok(YandexDisk {
            enabled: self.enabled,
            oauth_token: secret(
                "oauth_token",
                self.oauth_token,
                self.oauth_token_file,
                self.oauth_token_command,
                self.oauth_token_age,
            )?,
            refresh_token: secret(
                "refresh_token",
                self.refresh_token,
                self.refresh_token_file,
                self.refresh_token_command,
                self.refresh_token_age,
            )?,
            token_expires_at: self.token_expires_at.and_then(|Moment(at)| at),
            client_id: filled(self.client_id),
            client_secret: secret(
                "client_secret",
                self.client_secret,
                self.client_secret_file,
                self.client_secret_command,
                self.client_secret_age,
            )?,
            oauth_url: filled(self.oauth_url.map(|Address(url)| url)),
            api_url: filled(self.api_url.map(|Address(url)| url)),
        })
    }
}

impl YandexDisk {
    /// A token given over there is another one: what is known of this one does not hold for it.
    pub(super) fn overlaid(self, over: YandexDisk) -> YandexDisk {
        let ours = if over.oauth_token.is_some() {
            (None, None)
        } else {
            (self.refresh_token, self.token_expires_at)
        };
        YandexDisk {
            enabled: over.enabled.or(self.enabled),
            oauth_token: over.oauth_token.or(self.oauth_token),
            refresh_token: over.refresh_token.or(ours.0),
            token_expires_at: over.token_expires_at.or(ours.1),
            client_id: over.client_id.or(self.client_id),
            client_secret: over.client_secret.or(self.client_secret),
            oauth_url: over.oauth_url.or(self.oauth_url),
            api_url: over.api_url.or(self.api_url),
        }
    }
}
