//! The next token of Yandex Disk, before the one in use ends.
//!
//! It lasts a year and ends with its refresh token. The new one is written to the provider
//! file before it is used, under the lock of that file: of two runs that find the old one
//! ended, the second finds what the first has got. Only a token that a login wrote there is
//! renewed; one that comes from elsewhere is its keeper's to renew.

use std::time::Duration;

use super::{OPERATION, as_error};
use crate::credential::SecretSource;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::Result;
use crate::provider::oauth::{Grant, Renew};
use crate::provider::registry::yandex_oauth;
use crate::provider::retry::Policy;
use crate::provider_file;
use crate::provider_settings::{ProviderSettings, object, put_grant};
use crate::secret::Secret;
use crate::sections::{Sections, YandexDisk};

const KIND: ProviderKind = ProviderKind::YandexDisk;

/// A login to Yandex Disk, as the provider file has it.
pub struct YandexLogin {
    settings: ProviderSettings,
    client_id: String,
    client_secret: Option<SecretSource>,
    oauth_url: Option<String>,
    policy: Policy,
}

impl YandexLogin {
    /// From the provider file as it stands alone, and as `config.json` completes it; `None`
    /// where the token in use is not one that a login wrote there.
    pub fn of(
        settings: ProviderSettings,
        shared: &Sections,
        merged: &Sections,
        policy: Policy,
    ) -> Option<Self> {
        let (theirs, all) = (&shared.yandex_disk, &merged.yandex_disk);
        if tokens(theirs)? != tokens(all)? {
            return None;
        }
        Some(YandexLogin {
            settings,
            client_id: all.client_id.clone()?,
            client_secret: all.client_secret.clone(),
            oauth_url: all.oauth_url.clone(),
            policy,
        })
    }

    fn try_renew(&self, token: &Secret, refused: bool) -> anyhow::Result<Option<Grant>> {
        if !self.settings.is_writable() {
            // The next refresh token would be lost, and this one may be good for one use.
            let detail = format!("'{}' cannot be written", self.settings.file.display());
            return Err(Failure::new(Code::LocalIo, detail).into());
        }
        let wait = if refused {
            self.settings.patience
        } else {
            Duration::ZERO
        };
        let lock = match self.settings.lock(OPERATION, wait) {
            Err(failure) if failure.code() == Code::Locked && !refused => return Ok(None),
            lock => lock?,
        };
        let (file, config) = (&self.settings.file, &self.settings.config);
        let Some((sections, _)) = provider_file::load_sections(file, Some(config))? else {
            return Ok(None);
        };
        let section = &sections.yandex_disk;
        let Some((written, next)) = tokens(section) else {
            return Ok(None);
        };
        let written = written.resolve("oauth_token")?;
        let next = next.resolve("refresh_token")?;
        if written != *token {
            return Ok(Some(Grant {
                token: written,
                refresh_token: Some(next),
                expires_at: section.token_expires_at,
                lasts: None,
                scope: None,
                refresh_token_expires_at: None,
            }));
        }
        let url = self.oauth_url.as_deref();
        let secret = self.client_secret.as_ref();
        let service = yandex_oauth(url, &self.client_id, secret, self.policy)?;
        let mut grant = self.policy.hasty().run(|| service.refresh(&next))?;
        if grant.refresh_token.is_none() {
            grant.refresh_token = Some(next);
        }
        let edited = self.settings.edit(&lock, KIND, OPERATION, |whole| {
            put_grant(object(whole, KIND.name()), &grant);
        });
        if let Err(error) = edited {
            // This run can go on; the next one will perhaps not.
            log::warn!(
                "the token of {KIND} was renewed, but could not be stored: {error:#}; should it be \
                 refused next time: vertex-backup providers login {KIND}"
            );
        }
        Ok(Some(grant))
    }
}

impl Renew for YandexLogin {
    fn renew(&self, token: &Secret, refused: bool) -> Result<Option<Grant>> {
        self.try_renew(token, refused)
            .map_err(|error| as_error(KIND, error))
    }
}

/// Token and refresh token, where a login wrote them.
fn tokens(section: &YandexDisk) -> Option<(&SecretSource, &SecretSource)> {
    let token = section.oauth_token.as_ref();
    let next = section.refresh_token.as_ref();
    let token = token.filter(|source| source.is_written())?;
    Some((token, next.filter(|source| source.is_written())?))
}
