//! The section of Google Drive: one of three kinds of credentials, and where backups go.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::{self, Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Address, Given, Moment, Sources, Written, filled};
use crate::credential::{CommandLine, SecretSource};
use crate::failure::Failure;
use crate::json_file::Object;
use crate::provider::google_drive::scope;
use crate::provider::google_drive::token::CredentialKind;

/// What Google Drive takes in one piece is a multiple of this.
const CHUNK_STEP: u64 = 256 * 1024;

/// A piece is not larger: what was sent of one may have to be sent again.
const LARGEST_CHUNK: u64 = 1024 * 1024 * 1024;

/// Google Drive: one of three kinds of credentials, and where backups go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoogleDrive {
    /// Switched on; absent counts as on where there are credentials.
    pub enabled: Option<bool>,
    /// `api_url`, for tests, proxies and private gateways.
    pub api_url: Option<String>,
    /// `chunk_size`: how many bytes go in one piece.
    pub chunk_size: Option<u64>,
    /// `credentials.access_token`.
    pub access_token: Option<SecretSource>,
    /// `credentials.token_expires_at`: when the access token ends, as far as it is known.
    pub token_expires_at: Option<Timestamp>,
    /// `credentials.refresh_token`.
    pub refresh_token: Option<SecretSource>,
    /// `credentials.refresh_token_issued_at`: when somebody logged in.
    pub refresh_token_issued_at: Option<Timestamp>,
    /// `credentials.refresh_token_expires_at`: when that login ends, where it does.
    pub refresh_token_expires_at: Option<Timestamp>,
    /// `credentials.client_id`.
    pub client_id: Option<String>,
    /// `credentials.client_secret`.
    pub client_secret: Option<SecretSource>,
    /// `credentials.scope`, as Google has it.
    pub scope: Option<String>,
    /// `credentials.token_uri`.
    pub token_uri: Option<String>,
    /// `credentials.auth_uri`: the page that asks for consent.
    pub auth_uri: Option<String>,
    /// `credentials.device_uri`: where codes for other devices come from.
    pub device_uri: Option<String>,
    /// `credentials.service_account_file`.
    pub service_account_file: Option<PathBuf>,
    /// `credentials.impersonate`: the user a service account acts for.
    pub impersonate: Option<String>,
    /// `credentials.folder_id`: below which folder all goes.
    pub folder_id: Option<String>,
    /// `credentials.shared_drive_id`.
    pub shared_drive_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawGoogleDrive {
    enabled: Option<bool>,
    api_url: Option<Address>,
    chunk_size: Option<ChunkSize>,
    credentials: Option<Object<RawCredentials>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawCredentials {
    access_token: Option<Written>,
    access_token_file: Option<PathBuf>,
    access_token_command: Option<CommandLine>,
    access_token_age: Option<String>,
    token_expires_at: Option<Moment>,
    refresh_token: Option<Written>,
    refresh_token_file: Option<PathBuf>,
    refresh_token_command: Option<CommandLine>,
    refresh_token_age: Option<String>,
    refresh_token_issued_at: Option<Moment>,
    refresh_token_expires_at: Option<Moment>,
    client_id: Option<String>,
    client_secret: Option<Written>,
    client_secret_file: Option<PathBuf>,
    client_secret_command: Option<CommandLine>,
    client_secret_age: Option<String>,
    scope: Option<Scope>,
    token_uri: Option<Address>,
    auth_uri: Option<Address>,
    device_uri: Option<Address>,
    service_account_file: Option<PathBuf>,
    impersonate: Option<String>,
    folder_id: Option<String>,
    shared_drive_id: Option<String>,
}

impl RawGoogleDrive {
    pub(super) fn read(self, sources: &mut Sources<'_>) -> Result<GoogleDrive, Failure> {
        let keys = self
            .credentials
            .map(|Object(keys)| keys)
            .unwrap_or_default();
        let mut secret = |key: &str, inline, path, command, age| {
            let given = Given {
                inline,
                path,
                command,
                age,
            };
            sources.one(&format!("google_drive.credentials.{key}"), given)
        };
        let address = |given: Option<Address>| filled(given.map(|Address(url)| url));
        let moment = |given: Option<Moment>| given.and_then(|Moment(at)| at);
        Ok(GoogleDrive {
            enabled: self.enabled,
            api_url: address(self.api_url),
            chunk_size: self.chunk_size.map(|ChunkSize(size)| size),
            access_token: secret(
                "access_token",
                keys.access_token,
                keys.access_token_file,
                keys.access_token_command,
                keys.access_token_age,
            )?,
            token_expires_at: moment(keys.token_expires_at),
            refresh_token: secret(
                "refresh_token",
                keys.refresh_token,
                keys.refresh_token_file,
                keys.refresh_token_command,
                keys.refresh_token_age,
            )?,
            refresh_token_issued_at: moment(keys.refresh_token_issued_at),
            refresh_token_expires_at: moment(keys.refresh_token_expires_at),
            client_secret: secret(
                "client_secret",
                keys.client_secret,
                keys.client_secret_file,
                keys.client_secret_command,
                keys.client_secret_age,
            )?,
            client_id: filled(keys.client_id),
            scope: keys.scope.and_then(|Scope(scope)| scope),
            token_uri: address(keys.token_uri),
            auth_uri: address(keys.auth_uri),
            device_uri: address(keys.device_uri),
            service_account_file: keys
                .service_account_file
                .filter(|path| !path.as_os_str().is_empty()),
            impersonate: filled(keys.impersonate),
            folder_id: filled(keys.folder_id),
            shared_drive_id: filled(keys.shared_drive_id),
        })
    }
}

impl GoogleDrive {
    /// Which credentials are in use: of the kinds there are, the one that lasts longest.
    pub fn credential_kind(&self) -> Option<CredentialKind> {
        if self.refresh_token.is_some() {
            Some(CredentialKind::RefreshToken)
        } else if self.service_account_file.is_some() {
            Some(CredentialKind::ServiceAccount)
        } else {
            self.access_token
                .is_some()
                .then_some(CredentialKind::AccessToken)
        }
    }

    /// When an operator has to do something about them, as far as that is known.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.credential_kind()? {
            CredentialKind::RefreshToken => self.refresh_token_expires_at,
            CredentialKind::ServiceAccount => None,
            CredentialKind::AccessToken => self.token_expires_at,
        }
    }

    /// The key file of the service account that is in use.
    pub fn key_file(&self) -> Option<&Path> {
        let is_used = self.credential_kind() == Some(CredentialKind::ServiceAccount);
        self.service_account_file.as_deref().filter(|_| is_used)
    }

    /// Credentials given over there are others: no kind of ours wins over them, and what is
    /// known of ours does not hold for them.
    pub(super) fn overlaid(self, over: GoogleDrive) -> GoogleDrive {
        let ours = if over.credential_kind().is_some() {
            GoogleDrive {
                access_token: None,
                token_expires_at: None,
                refresh_token: None,
                refresh_token_issued_at: None,
                refresh_token_expires_at: None,
                scope: None,
                service_account_file: None,
                ..self
            }
        } else {
            self
        };
        GoogleDrive {
            enabled: over.enabled.or(ours.enabled),
            api_url: over.api_url.or(ours.api_url),
            chunk_size: over.chunk_size.or(ours.chunk_size),
            access_token: over.access_token.or(ours.access_token),
            token_expires_at: over.token_expires_at.or(ours.token_expires_at),
            refresh_token: over.refresh_token.or(ours.refresh_token),
            refresh_token_issued_at: over
                .refresh_token_issued_at
                .or(ours.refresh_token_issued_at),
            refresh_token_expires_at: over
                .refresh_token_expires_at
                .or(ours.refresh_token_expires_at),
            client_id: over.client_id.or(ours.client_id),
            client_secret: over.client_secret.or(ours.client_secret),
            scope: over.scope.or(ours.scope),
            token_uri: over.token_uri.or(ours.token_uri),
            auth_uri: over.auth_uri.or(ours.auth_uri),
            device_uri: over.device_uri.or(ours.device_uri),
            service_account_file: over.service_account_file.or(ours.service_account_file),
            impersonate: over.impersonate.or(ours.impersonate),
            folder_id: over.folder_id.or(ours.folder_id),
            shared_drive_id: over.shared_drive_id.or(ours.shared_drive_id),
        }
    }
}

/// Scopes by their short names or full ones; empty counts as absent.
struct Scope(Option<String>);

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Ok(Scope(None));
        }
        scope::full(&text)
            .map(|scope| Scope(Some(scope)))
            .ok_or_else(|| {
                let expected = "drive.file, drive or drive.readonly";
                D::Error::invalid_value(Unexpected::Other("another"), &expected)
            })
    }
}

/// Bytes as a number, or with a unit: `32M`.
struct ChunkSize(u64);

impl ChunkSize {
    const EXPECTED: &str = "a multiple of 256K from 256K to 1G, such as \"32M\"";

    fn checked(size: u64) -> Option<Self> {
        let fits = (CHUNK_STEP..=LARGEST_CHUNK).contains(&size) && size.is_multiple_of(CHUNK_STEP);
        fits.then_some(ChunkSize(size))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix("iB").unwrap_or(text);
        let (digits, factor) = match text.chars().last()? {
            'K' | 'k' => (&text[..text.len() - 1], 1024),
            'M' | 'm' => (&text[..text.len() - 1], 1024 * 1024),
            'G' | 'g' => (&text[..text.len() - 1], 1024 * 1024 * 1024),
            _ => (text, 1),
        };
        let count: u64 = digits.trim().parse().ok()?;
        Self::checked(count.checked_mul(factor)?)
    }
}

impl<'de> Deserialize<'de> for ChunkSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = ChunkSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ChunkSize::EXPECTED)
            }

            fn visit_u64<E: de::Error>(self, size: u64) -> Result<ChunkSize, E> {
                let wrong = || E::invalid_value(Unexpected::Other("another"), &self);
                ChunkSize::checked(size).ok_or_else(wrong)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ChunkSize, E> {
                let wrong = || E::invalid_value(Unexpected::Other("another"), &self);
                ChunkSize::parse(text).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Size)
    }
}
