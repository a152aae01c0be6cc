//! Changes of the provider file: one at a time, each with a row in the history.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::dir::folder_of;
use crate::failure::Failure;
use crate::history::{Intent, Outcome, Verdict};
use crate::lock::{Lock, Locks};
use crate::protected::{Readers, is_mixed, protect};
use crate::protection::Protection;
use crate::provider::ProviderKind;
use crate::provider::oauth::Grant;
use crate::provider_file::{self, Mode};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::state::State;

/// Where the provider file is, and who else may be at it.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The provider file.
    pub file: PathBuf,
    /// The `config.json`, which says whether what is written is protected; it need not exist.
    pub config: PathBuf,
    state: PathBuf,
    /// How long the operator wants to wait for others.
    pub lock_wait: Duration,
    /// How long others may take who renew a token.
    pub patience: Duration,
}

impl ProviderSettings {
    /// From resolved settings; nothing is opened yet.
    pub fn of(settings: &Settings) -> Self {
        ProviderSettings {
            file: settings.remote_config.value.clone(),
            config: settings.config_place.clone(),
            state: settings.state.value.clone(),
            lock_wait: settings.lock_wait.value,
            patience: settings.lock_wait.value.max(settings.policy().stall),
        }
    }

    /// Whether the file can be written, as far as can be told without writing it.
    pub fn is_writable(&self) -> bool {
        let file = std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        // Folders that are missing are made.
        let mut folders = folder_of(&file).ancestors();
        let folder = folders.find(|folder| folder.exists() || folder.as_os_str().is_empty());
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
    }

    /// Keeps all others from changing the file, waiting for them as long as said.
    ///
    /// # Errors
    /// `locked` when somebody else holds it for longer; `local_io`.
    pub fn lock(&self, operation: &'static str, wait: Duration) -> Result<Lock, Failure> {
        Locks::beside(&self.state).acquire("The provider file", operation, wait)
    }

    /// Keeps all others from using up a login, waiting for them as long as said. It is not the
    /// lock of the file: whoever changes that need not wait for a service.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn lock_login(
        &self,
        kind: ProviderKind,
        operation: &'static str,
        wait: Duration,
    ) -> Result<Lock, Failure> {
        let what = format!("The login of {kind}");
        Locks::beside(&self.state).acquire(&what, operation, wait)
    }

    /// Where changes of the file are recorded.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn history(&self) -> Result<State, Failure> {
        State::open(&self.state)
    }

    /// Rewrites the file, with the secrets in it protected where they are to be.
    ///
    /// # Errors
    /// As [`provider_file::edit`]; what was done and could not be recorded.
    pub fn edit(
        &self,
        lock: &Lock,
        kind: ProviderKind,
        operation: &'static str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> anyhow::Result<()> {
        let intent = Intent {
            operation: operation.into(),
            provider: Some(kind.name().into()),
            target: Some(self.file.display().to_string()),
            ..Intent::default()
        };
        self.history()?.recorded(intent, Some(lock), |_| {
            // Asked now: somebody may have protected or unprotected since this run began.
            let protection = Protection::in_config(&self.config)?;
            provider_file::edit(&self.file, Mode::Private, |whole| {
                change(whole);
                let Some(of) = protection else {
                    if is_mixed(whole) {
                        log::warn!(
                            "'{}' holds protected secrets, and now one in the plain: '{}' does not say for whom \
                             to protect it. Name the config.json that does with --config, and run: \
                             vertex-backup providers protect",
                            self.file.display(),
                            self.config.display()
                        );
                    }
                    return Ok(());
                };
                let whose = (&of.providers[..], of.shared);
                protect(whole, Readers::All, whose, &of.recipient, None).map(drop)
            })?;
            Ok(((), Outcome::done(Verdict::Ok, "Provider file written", 0)))
        })
    }
}

/// The object under a key, made if it is missing.
pub fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = parent
        .entry(key)
        .or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was made an object above"),
    }
}

/// Takes a secret away, however it is given.
pub fn take_secret(section: &mut Map<String, Value>, key: &str) {
    for suffix in ["", "_file", "_command", "_age"] {
        section.shift_remove(&format!("{key}{suffix}"));
    }
}

/// Writes a secret; giving it one way takes the other ways away.
pub fn put_secret(section: &mut Map<String, Value>, key: &str, form: &str, value: Value) {
    take_secret(section, key);
    section.insert(format!("{key}{form}"), value);
}

/// Writes a token of Yandex Disk, with all that is known of it and nothing of the one before.
pub fn put_token(section: &mut Map<String, Value>, form: &str, value: Value) {
    put_secret(section, "oauth_token", form, value);
    take_secret(section, "refresh_token");
    section.shift_remove("token_expires_at");
}

/// As [`put_token`], of a login or a renewal.
pub fn put_grant(section: &mut Map<String, Value>, grant: &Grant) {
    put_token(section, "", grant.token.expose().into());
    if let Some(next) = &grant.refresh_token {
        section.insert("refresh_token".into(), next.expose().into());
    }
    if let Some(at) = grant.expires_at {
        section.insert("token_expires_at".into(), at.to_string().into());
    }
}

/// Takes away whatever credentials of Google Drive there are, and what is known of them.
/// The client and the folder stay.
pub fn take_google_credentials(credentials: &mut Map<String, Value>) {
    for key in ["access_token", "refresh_token"] {
        take_secret(credentials, key);
    }
    for key in [
        "service_account_file",
        "impersonate",
        "scope",
        "token_expires_at",
        "refresh_token_issued_at",
        "refresh_token_expires_at",
    ] {
        credentials.shift_remove(key);
    }
}

/// Writes a refresh token of Google Drive, and when it was given and ends.
pub fn put_refresh_token(
    credentials: &mut Map<String, Value>,
    token: &Secret,
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
) {
    put_secret(credentials, "refresh_token", "", token.expose().into());
    let issued_at = format!("{issued_at:.0}");
    credentials.insert("refresh_token_issued_at".into(), issued_at.into());
    match expires_at {
        Some(at) => {
            credentials.insert("refresh_token_expires_at".into(), at.to_string().into());
        }
        None => {
            credentials.shift_remove("refresh_token_expires_at");
        }
    }
}
