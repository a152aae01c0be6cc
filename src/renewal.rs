//! Getting tokens with what a login left, so that nobody has to log in again.
//!
//! That of Yandex Disk lasts a year and ends with its refresh token. The new token is written to the provider file before it is used, under the lock of that
//! file: of two runs that find the old one ended, the second finds what the first has
//! got. Only a token that a login wrote there is renewed; one that comes from
//! elsewhere is its keeper's to renew.

mod google_drive;

use std::time::Duration;

use jiff::Timestamp;

use crate::credential::SecretSource;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result};
use crate::provider::oauth::{Grant, Renew};
use crate::provider::registry::yandex_oauth;
use crate::provider::retry::Policy;
use crate::provider_file;
use crate::provider_settings::{ProviderSettings, object, put_grant};
use crate::secret::Secret;
use crate::sections::{Sections, YandexDisk};

pub use self::google_drive::GoogleLogin;

const KIND: ProviderKind = ProviderKind::YandexDisk;

/// How the history and a lock name it.
const OPERATION: &str = "providers renew";

/// What is needed to renew the token of Yandex Disk.
pub struct Renewal {
    settings: ProviderSettings,
    client_id: String,
    client_secret: Option<SecretSource>,
    oauth_url: Option<String>,
    policy: Policy,
}

impl Renewal {
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
        Some(Renewal {
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
        let Some((sections, _)) = provider_file::load_sections(&self.settings.file)? else {
            return Ok(None);
        };
        let section = &sections.yandex_disk;
        let Some((written, next)) = tokens(section) else {
            return Ok(None);
        };
        if written != token {
            return Ok(Some(Grant {
                token: written.clone(),
                refresh_token: Some(next.clone()),
                expires_at: section.token_expires_at,
                lasts: None,
                scope: None,
                refresh_token_expires_at: None,
            }));
        }
        let url = self.oauth_url.as_deref();
        let secret = self.client_secret.as_ref();
        let service = yandex_oauth(url, &self.client_id, secret, self.policy)?;
        let mut grant = service.refresh(next)?;
        if grant.refresh_token.is_none() {
            grant.refresh_token = Some(next.clone());
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

impl Renew for Renewal {
    fn renew(&self, token: &Secret, refused: bool) -> Result<Option<Grant>> {
        self.try_renew(token, refused)
            .map_err(|error| as_error(KIND, error))
    }
}

/// A failure on the way to a token, as an error of the provider.
fn as_error(provider: ProviderKind, error: anyhow::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| {
        let detail = format!("{error:#}");
        let kind = match crate::interrupt::check() {
            Err(failure) => Kind::Body(failure.into()),
            Ok(()) => Kind::Connection(Reason::Auth),
        };
        let hint = Failure::of(&error).and_then(Failure::hint_text);
        // It was no word of the service: a file that was just being written, perhaps.
        let made = Error::new(provider, kind, detail).repeat(Repeat::Once);
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    })
}

/// Token and refresh token, where a login wrote them.
fn tokens(section: &YandexDisk) -> Option<(&Secret, &Secret)> {
    match (&section.oauth_token, &section.refresh_token) {
        (Some(SecretSource::Inline(token)), Some(SecretSource::Inline(next))) => {
            Some((token, next))
        }
        _ => None,
    }
}

/// How long a token has to live that is worth a word to the operator.
const WORTH_A_WORD: i64 = 14;

/// What to tell the operator of a token that ends soon, or has ended.
pub fn warning(kind: ProviderKind, expires_at: Timestamp, now: Timestamp) -> Option<String> {
    let days = expires_at.duration_since(now).as_hours() / 24;
    let when = match days {
        _ if expires_at <= now => "has ended".to_owned(),
        0 => "ends within a day".to_owned(),
        1 => "ends in 1 day".to_owned(),
        days if days < WORTH_A_WORD => format!("ends in {days} days"),
        _ => return None,
    };
    let login = format!("vertex-backup providers login {kind}");
    Some(match kind {
        // Hardly any other client gives logins that end.
        ProviderKind::GoogleDrive => format!(
            "the login of {kind} {when}: take the consent screen of its OAuth client out of \"Testing\", \
             then {login}"
        ),
        _ => format!("the token of {kind} {when}: {login}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_weeks_of_a_token_are_worth_a_word() {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let told = |at: &str| {
            let warning = warning(KIND, at.parse().unwrap(), now);
            warning.map(|text| text.split(':').next().unwrap().to_owned())
        };
        for (at, words) in [
            ("2026-12-31T23:59:59Z", Some("has ended")),
            ("2027-01-01T23:00:00Z", Some("ends within a day")),
            ("2027-01-02T23:00:00Z", Some("ends in 1 day")),
            ("2027-01-14T23:59:59Z", Some("ends in 13 days")),
            ("2027-01-15T00:00:00Z", None),
        ] {
            let words = words.map(|words| format!("the token of yandex_disk {words}"));
            assert_eq!(told(at), words, "{at}");
        }
    }
}
