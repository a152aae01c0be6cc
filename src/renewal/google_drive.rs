//! Tokens of Google Drive with the login that is configured, and the next login token, where
//! Google gives one.
//!
//! It rarely does; but then it has to be stored where the old one is, in one step, or the next
//! night fails. The old one may be worth nothing from that moment on, so runs ask one after
//! another, each with what the one before has stored. Who cannot keep the others waiting asks
//! all the same, and when it is refused looks a few times for what they store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{OPERATION, as_error};
use crate::credential::SecretSource;
use crate::failure::{Code, Failure};
use crate::interrupt::sleep;
use crate::lock::Lock;
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result};
use crate::provider::oauth::{Fetch, Grant};
use crate::provider::registry::google_oauth;
use crate::provider::retry::Policy;
use crate::provider_file;
use crate::provider_settings::{ProviderSettings, object, put_refresh_token};
use crate::secret::Secret;
use crate::sections::{GoogleDrive, Sections};
use crate::staging::write_atomically;
use crate::text::system_reason;

const KIND: ProviderKind = ProviderKind::GoogleDrive;

/// How often the next login token is looked for that another run may be about to store.
const LOOKS: u32 = 5;

/// A login to Google Drive, as it is configured.
pub struct GoogleLogin {
    settings: ProviderSettings,
    /// As `config.json` has it, over the provider file.
    over: Sections,
    /// As both had it at the start.
    section: GoogleDrive,
    policy: Policy,
    /// The refresh tokens that were in use here, the newest last.
    used: Mutex<Vec<Secret>>,
}

type Settled<T> = std::result::Result<T, Failure>;

/// Where the refresh token in use comes from, and so where the next one belongs.
enum Keeper {
    ProviderFile,
    File(PathBuf),
    Elsewhere,
}

impl GoogleLogin {
    /// From `config.json`, and as it completes the provider file; `None` without a refresh token.
    pub fn of(
        settings: ProviderSettings,
        over: &Sections,
        merged: &Sections,
        policy: Policy,
    ) -> Option<Self> {
        let section = merged.google_drive.clone();
        section.refresh_token.as_ref()?;
        Some(GoogleLogin {
            settings,
            over: over.clone(),
            section,
            policy,
            used: Mutex::default(),
        })
    }

    fn used(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_used(&self, token: &Secret) {
        let mut used = self.used();
        if !used.contains(token) {
            used.push(token.clone());
        }
    }

    fn try_fetch(&self) -> anyhow::Result<Grant> {
        let turn = self.turn()?;
        let (section, token) = self.login()?;
        let refused = match self.exchange(&section, &token) {
            Err(error) if is_final(&error) => error,
            granted => return granted,
        };
        // Somebody may have logged in meanwhile, or another run may be about to store the next.
        let looks = if turn.is_some() { 1 } else { LOOKS };
        for look in 0..looks {
            if look > 0 {
                sleep(self.policy.pause / 2)?;
            }
            let (section, now) = self.login()?;
            if now != token {
                return self.exchange(&section, &now);
            }
        }
        Err(refused)
    }

    /// Waits until no other run is getting a token with this login; `None` where that cannot
    /// be told, or takes too long: then it has to do without.
    fn turn(&self) -> Settled<Option<Lock>> {
        let lock = |wait| self.settings.lock_login(KIND, OPERATION, wait);
        let turn = lock(Duration::ZERO).or_else(|failure| match failure.code() {
            Code::Locked => {
                log::info!("waiting for another run that renews the login of {KIND}");
                lock(self.settings.patience)
            }
            _ => Err(failure),
        });
        match turn {
            Ok(lock) => Ok(Some(lock)),
            Err(failure) if matches!(failure.code(), Code::Interrupted(_)) => Err(failure),
            Err(failure) => {
                log::info!("{failure}; going on without");
                Ok(None)
            }
        }
    }

    fn exchange(&self, section: &GoogleDrive, token: &Secret) -> anyhow::Result<Grant> {
        let id = section.client_id.as_deref().ok_or_else(|| {
            let detail = "credentials.client_id is missing";
            Failure::new(Code::ProviderNotConfigured, detail)
        })?;
        let secret = section.client_secret.as_ref();
        let grant = google_oauth(section, id, secret, self.policy)?.refresh(token)?;
        self.note_used(token);
        if let Some(next) = &grant.refresh_token {
            self.note_used(next);
        }
        if let Some(next) = grant.refresh_token.as_ref().filter(|next| *next != token)
            && let Err(error) = self.keep(section, token, next, &grant)
        {
            // This run can go on; the next one will perhaps not.
            log::warn!(
                "Google gave a new refresh token for {KIND}, which could not be stored: {error:#}; \
                 should the old one be refused next time: vertex-backup providers login {KIND}"
            );
        }
        Ok(grant)
    }

    /// The login as it is stored at this moment.
    fn login(&self) -> Settled<(GoogleDrive, Secret)> {
        let (file, config) = (&self.settings.file, &self.settings.config);
        let stored = provider_file::load_sections(file, Some(config))?;
        let section = stored.map(|(stored, _)| stored.overlaid(self.over.clone()).google_drive);
        let section = section.filter(|section| section.refresh_token.is_some());
        let section = section.unwrap_or_else(|| self.section.clone());
        let Some(source) = &section.refresh_token else {
            let detail = "credentials.refresh_token is missing";
            return Err(Failure::new(Code::ProviderNotConfigured, detail));
        };
        let token = source.resolve("credentials.refresh_token")?;
        Ok((section, token))
    }

    fn keeper(&self, section: &GoogleDrive) -> Keeper {
        match &section.refresh_token {
            Some(SecretSource::File(path)) => Keeper::File(path.clone()),
            Some(source)
                if source.is_written() && self.over.google_drive.refresh_token.is_none() =>
            {
                Keeper::ProviderFile
            }
            _ => Keeper::Elsewhere,
        }
    }

    /// Stores the next refresh token in place of the one that was used, if that is still there.
    fn keep(
        &self,
        section: &GoogleDrive,
        used: &Secret,
        next: &Secret,
        grant: &Grant,
    ) -> anyhow::Result<()> {
        let keeper = self.keeper(section);
        if matches!(keeper, Keeper::Elsewhere) {
            let why = "the old one comes from config.json or from a command";
            return Err(Failure::new(Code::LocalIo, why).into());
        }
        let lock = self.settings.lock(OPERATION, self.settings.patience)?;
        let (_, stored) = self.login()?;
        if stored != *used {
            log::info!("another refresh token of {KIND} was stored meanwhile");
            return Ok(());
        }
        if let Keeper::File(path) = keeper {
            return Ok(rewrite(&path, next)?);
        }
        self.settings.edit(&lock, KIND, OPERATION, |whole| {
            let credentials = object(object(whole, KIND.name()), "credentials");
            let ends = grant.refresh_token_expires_at;
            put_refresh_token(credentials, next, Timestamp::now(), ends);
        })
    }
}

impl Fetch for GoogleLogin {
    fn fetch(&self) -> Result<Grant> {
        self.try_fetch().map_err(|error| as_error(KIND, error))
    }

    fn roots(&self) -> Vec<Secret> {
        if self.used().is_empty()
            && let Ok((_, token)) = self.login()
        {
            self.note_used(&token);
        }
        self.used().iter().rev().cloned().collect()
    }
}

/// Whether the service has refused, and will again.
fn is_final(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Error>().is_some_and(|error| {
        error.repeat == Repeat::Never && matches!(error.kind, Kind::Connection(Reason::Auth))
    })
}

/// Puts a secret into a file of its own, through a link to the file itself.
fn rewrite(path: &Path, secret: &Secret) -> Settled<()> {
    let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let line = zeroize::Zeroizing::new(format!("{}\n", secret.expose()));
    write_atomically(&file, line.as_bytes()).map_err(|error| {
        let why = system_reason(&error);
        let detail = format!("cannot write '{}': {why}", path.display());
        Failure::new(Code::LocalIo, detail)
    })
}
