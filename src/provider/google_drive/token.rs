//! The access token in use, and the next one, as often as a long run needs it.
//!
//! A token lives for an hour, by Google's word and by a clock that nobody can set; a new one is
//! got before the old one ends, or when it is refused, by one thread while the others wait.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, Result};
use crate::provider::locked;
use crate::provider::oauth::{Fetch, Grant};
use crate::secret::Secret;

/// How long before a token ends the next one is got.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);

/// However soon a token is said to end, the next one is not got before this: should it end
/// sooner, that is found out.
const RENEWED_AFTER: Duration = Duration::from_secs(30);

/// How an operator gave access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A login: good until it is revoked.
    RefreshToken,
    /// The key of a service account.
    ServiceAccount,
    /// A bare token, which ends within an hour.
    AccessToken,
}

impl CredentialKind {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            CredentialKind::RefreshToken => "refresh_token",
            CredentialKind::ServiceAccount => "service_account",
            CredentialKind::AccessToken => "access_token",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The credentials of an account, shared by all who ask with them.
pub struct Credentials {
    kind: CredentialKind,
    /// Nothing gets a new one of a bare token.
    source: Option<Arc<dyn Fetch>>,
    client_id: Option<String>,
    impersonates: Option<String>,
    in_use: Mutex<InUse>,
}

#[derive(Default)]
struct InUse {
    token: Option<Token>,
    scope: Option<String>,
    expires_at: Option<Timestamp>,
    /// Why there will be no other token in this process: what was refused once is not asked again.
    refused: Option<Refusal>,
}

struct Token {
    secret: Secret,
    /// When the next one is to be got.
    renewed_at: Option<Instant>,
    ends_at: Option<Instant>,
}

/// A lasting error, which each thread is told.
#[derive(Clone)]
struct Refusal {
    detail: String,
    hint: Option<String>,
}

impl Credentials {
    /// A bare token, and when it ends, where that is known.
    pub fn access_token(secret: Secret, expires_at: Option<Timestamp>) -> Self {
        let token = Token {
            secret,
            renewed_at: None,
            ends_at: None,
        };
        let in_use = InUse {
            token: Some(token),
            expires_at,
            ..InUse::default()
        };
        Credentials {
            in_use: Mutex::new(in_use),
            ..Self::without_token(CredentialKind::AccessToken, None)
        }
    }

    /// A login with an OAuth client, and when it ends, where that is known.
    pub fn refresh_token(
        source: Arc<dyn Fetch>,
        client_id: String,
        expires_at: Option<Timestamp>,
    ) -> Self {
        let in_use = InUse {
            expires_at,
            ..InUse::default()
        };
        Credentials {
            client_id: Some(client_id),
            in_use: Mutex::new(in_use),
            ..Self::without_token(CredentialKind::RefreshToken, Some(source))
        }
    }

    /// The key of a service account, and the user it acts for.
    pub fn service_account(
        source: Arc<dyn Fetch>,
        client_id: Option<String>,
        impersonates: Option<String>,
    ) -> Self {
        Credentials {
            client_id,
            impersonates,
            ..Self::without_token(CredentialKind::ServiceAccount, Some(source))
        }
    }

    fn without_token(kind: CredentialKind, source: Option<Arc<dyn Fetch>>) -> Self {
        Credentials {
            kind,
            source,
            client_id: None,
            impersonates: None,
            in_use: Mutex::default(),
        }
    }

    /// Says what the token allows as far as the configuration knows, until the service says it.
    #[must_use]
    pub fn allowing(self, scope: Option<String>) -> Self {
        self.in_use().scope = scope;
        self
    }

    /// The token to ask with; a new one when the one in use ends within minutes.
    ///
    /// # Errors
    /// Why there is none; a signal to stop.
    pub fn now(&self) -> Result<Secret> {
        let mut in_use = self.in_use();
        let now = Instant::now();
        let good = |at: Option<Instant>| at.is_none_or(|at| now < at);
        match &in_use.token {
            Some(token) if good(token.renewed_at) => return Ok(token.secret.clone()),
            _ => {}
        }
        let fetched = self.fetch(&mut in_use);
        match (fetched, &in_use.token) {
            (Ok(secret), _) => Ok(secret),
            // Somebody who is busy now will have time before it ends.
            (Err(error), Some(token)) if error.is_open() && good(token.ends_at) => {
                log::info!("the token could not be renewed yet: {error}");
                Ok(token.secret.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The token after one that was refused; `None` where there is no way to get another.
    ///
    /// # Errors
    /// Why there is none; a signal to stop.
    pub fn after(&self, refused: &Secret) -> Result<Option<Secret>> {
        let mut in_use = self.in_use();
        match &in_use.token {
            // Whoever was refused at the same time may have been here before.
            Some(token) if token.secret != *refused => return Ok(Some(token.secret.clone())),
            _ if self.source.is_none() => return Ok(None),
            _ => {}
        }
        in_use.token = None;
        let next = self.fetch(&mut in_use)?;
        Ok((next != *refused).then_some(next))
    }

    /// How the operator gave access.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// What the token allows, as far as that is known: as granted, once one was got.
    pub fn scope(&self) -> Option<String> {
        self.in_use().scope.clone()
    }

    /// The OAuth client, to which all files of a narrow scope are tied.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The user a service account acts for.
    pub fn impersonates(&self) -> Option<&str> {
        self.impersonates.as_deref()
    }

    /// Whether it is a service account that acts for itself: such a one owns no storage.
    pub fn owns_nothing(&self) -> bool {
        self.kind == CredentialKind::ServiceAccount && self.impersonates.is_none()
    }

    /// When an operator has to do something, as far as that is known.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.in_use().expires_at
    }

    /// What the login is held by, the newest first: keys are made of it that nobody else has.
    pub fn roots(&self) -> Vec<Secret> {
        if let Some(source) = &self.source {
            return source.roots();
        }
        let in_use = self.in_use();
        let token = in_use.token.as_ref();
        token
            .map(|token| token.secret.clone())
            .into_iter()
            .collect()
    }

    fn fetch(&self, in_use: &mut InUse) -> Result<Secret> {
        if let Some(Refusal { detail, hint }) = in_use.refused.clone() {
            let error = refused(&detail);
            return Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
        let Some(source) = &self.source else {
            return Err(refused("there is no token"));
        };
        let asked = Instant::now();
        match source.fetch() {
            Ok(grant) => Ok(in_use.take(grant, asked)),
            Err(error) => {
                let is_final = error.repeat == Repeat::Never;
                if is_final && matches!(error.kind, Kind::Connection(Reason::Auth)) {
                    in_use.refused = Some(Refusal {
                        detail: error.detail.clone(),
                        hint: error.hint.clone(),
                    });
                }
                Err(error)
            }
        }
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        locked(&self.in_use)
    }
}

impl InUse {
    /// Takes a token that was asked for at that moment.
    fn take(&mut self, grant: Grant, asked: Instant) -> Secret {
        let ends_at = |lasts: Duration| asked.checked_add(lasts);
        // What is given for a few minutes is used for half of them, not renewed at each request.
        let renewed_at = |lasts: Duration| {
            let used = lasts.saturating_sub(RENEWED_BEFORE).max(lasts / 2);
            asked.checked_add(used.max(RENEWED_AFTER))
        };
        self.token = Some(Token {
            secret: grant.token.clone(),
            renewed_at: grant.lasts.and_then(renewed_at),
            ends_at: grant.lasts.and_then(ends_at),
        });
        self.scope = grant.scope.or(self.scope.take());
        self.expires_at = grant.refresh_token_expires_at.or(self.expires_at);
        grant.token
    }
}

/// What to tell the operator of a token that nothing renews.
pub fn bare_token_warning(expires_at: Option<Timestamp>, now: Timestamp) -> String {
    let kind = ProviderKind::GoogleDrive;
    let when = match expires_at {
        Some(at) if at <= now => "has ended".to_owned(),
        Some(at) => {
            let at = at.to_zoned(TimeZone::system());
            format!("ends at {}", at.strftime("%Y-%m-%d %H:%M"))
        }
        None => "ends within an hour of its issue".to_owned(),
    };
    format!(
        "the access token of {kind} {when} and cannot be renewed: vertex-backup providers login {kind}"
    )
}

fn refused(detail: &str) -> Error {
    let kind = Kind::Connection(Reason::Auth);
    Error::new(ProviderKind::GoogleDrive, kind, detail)
}

#[cfg(test)]
mod tests;
