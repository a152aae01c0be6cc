//! The token in use, and the next one: got once before it ends, once when it is refused.

use std::sync::{Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

use crate::provider::error::{Kind, Result};
use crate::provider::locked;
use crate::provider::oauth::{Grant, Renew};
use crate::secret::Secret;

/// How long before a token ends the next one is got. The service may answer with the same
/// one as long as that has much of its life before it.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The token of an account, shared by all who ask with it.
pub(super) struct Token(Mutex<InUse>);

struct InUse {
    secret: Secret,
    expires_at: Option<Timestamp>,
    renewal: Option<Box<dyn Renew>>,
}

impl Token {
    /// One of which nothing else is known.
    pub(super) fn new(secret: Secret) -> Self {
        Token(Mutex::new(InUse {
            secret,
            expires_at: None,
            renewal: None,
        }))
    }

    /// Says when it ends, and how to get the next one: at once when it is about to end,
    /// since what the next one is given for ends with it.
    pub(super) fn renewed_by(
        self,
        expires_at: Option<Timestamp>,
        renewal: Option<Box<dyn Renew>>,
    ) -> Self {
        {
            let mut token = self.in_use();
            token.expires_at = expires_at;
            token.renewal = renewal;
            let ends_soon =
                expires_at.is_some_and(|at| at.duration_since(Timestamp::now()) < RENEWED_BEFORE);
            // It may still be good: the listing warns of its end, and a refusal fails.
            if ends_soon && let Err(error) = token.renew(false) {
                log::info!("the token could not be renewed before it ends: {error}");
            }
        }
        self
    }

    /// The token as it is now.
    pub(super) fn now(&self) -> Secret {
        self.in_use().secret.clone()
    }

    /// When it ends, as far as that is known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.in_use().expires_at
    }

    /// The one after a token that was refused, if there is one.
    ///
    /// # Errors
    /// A signal to stop.
    pub(super) fn after(&self, refused: &Secret) -> Result<Option<Secret>> {
        let mut token = self.in_use();
        // Whoever was refused at the same time may have been here before.
        if token.secret == *refused {
            match token.renew(true) {
                Err(error) if matches!(error.kind, Kind::Body(_)) => return Err(error),
                Err(error) => log::info!("the token could not be renewed: {error}"),
                Ok(()) => {}
            }
        }
        Ok((token.secret != *refused).then(|| token.secret.clone()))
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        locked(&self.0)
    }
}

impl InUse {
    /// Takes the next token, where there is a way to get one.
    fn renew(&mut self, refused: bool) -> Result<()> {
        let Some(renewal) = self.renewal.take() else {
            return Ok(());
        };
        let next = renewal.renew(&self.secret, refused);
        self.renewal = (!refused).then_some(renewal);
        if let Some(Grant {
            token, expires_at, ..
        }) = next?
        {
            (self.secret, self.expires_at) = (token, expires_at);
        }
        Ok(())
    }
}
