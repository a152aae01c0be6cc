//! Where tokens come from: the OAuth service of a provider.
//!
//! Two ways need no browser on this machine: a code shown here and typed on a page
//! of the service (RFC 8628), and one that a page shows, or a redirect brings, to be typed
//! here, bound to this process by PKCE (RFC 7636). A token that is about to end is exchanged
//! for the next one, before it ends.
//!
//! All that is secret travels in the body of a POST to the service, and is in no error.

mod pkce;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod service;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use self::service::Asked;
use super::error::{Error, Kind, Reason, Repeat, Result, stopped};
use super::http::{Answer, Http, Rate, Request, encoded};
use super::lenient::scalar;
use super::retry::Policy;
use crate::interrupt::sleep;
use crate::json;
use crate::secret::Secret;

pub use self::pkce::{Verifier, base64url};
pub use self::service::{Endpoints, GOOGLE_TOKEN_URI, Service, said, wrong_clock};

/// Nobody logs in more often.
const RATE: Rate = Rate {
    burst: 10,
    per_second: 10,
};

/// No code is waited for longer, whatever the service says.
const LONGEST_LOGIN: Duration = Duration::from_secs(3600);

/// The application that the operator registered with the service.
pub struct Client {
    /// Its id, which is no secret.
    pub id: String,
    /// Its secret, without which some grants are refused.
    pub secret: Option<Secret>,
}

/// The OAuth service of a provider, as one application sees it.
pub struct OAuth {
    service: Service,
    http: Http,
    endpoints: Endpoints,
    /// None where an assertion says who asks.
    client: Option<Client>,
    scope: Option<String>,
}

/// What a login or a renewal brings.
pub struct Grant {
    /// The token for the API.
    pub token: Secret,
    /// What the next token is given for.
    pub refresh_token: Option<Secret>,
    /// When the token ends, where it does.
    pub expires_at: Option<Timestamp>,
    /// For how long it is good, where it ends.
    pub lasts: Option<Duration>,
    /// What it allows, where the service says so.
    pub scope: Option<String>,
    /// When the refresh token ends, where it is known to.
    pub refresh_token_expires_at: Option<Timestamp>,
}

/// Why the service refuses, in its own words.
#[derive(Debug, Deserialize)]
pub struct Refused {
    /// Its word for it.
    pub error: String,
    /// What it says beside.
    #[serde(rename = "error_description")]
    pub description: Option<String>,
    /// How far our clock is ahead of the service's, where it says what time it is.
    #[serde(skip)]
    pub ahead: Option<SignedDuration>,
}

/// A code to be typed on a page of the service.
pub struct DeviceCode {
    /// The page.
    pub verification_url: String,
    /// What to type there.
    pub user_code: String,
    /// For how long it is good.
    pub expires_in: Duration,
    code: Secret,
    interval: Duration,
}

/// Finds a new token when the one at hand has ended, or is about to.
pub trait Renew: Send + Sync {
    /// A token other than the one at hand; `refused` when the API does not take that any more.
    ///
    /// `None` when somebody else is just getting one, and the one at hand still serves.
    ///
    /// # Errors
    /// Why there is none.
    fn renew(&self, token: &Secret, refused: bool) -> Result<Option<Grant>>;
}

/// Gets a token that is good for the time it says, whenever it is asked.
pub trait Fetch: Send + Sync {
    /// A new token; tried once: whoever repeats a request repeats this with it.
    ///
    /// # Errors
    /// Why there is none.
    fn fetch(&self) -> Result<Grant>;

    /// What tokens are got with, the newest first: keys are made of it that only this login has.
    fn roots(&self) -> Vec<Secret>;
}

#[derive(Deserialize)]
struct Codes {
    device_code: Secret,
    user_code: String,
    #[serde(alias = "verification_uri")]
    verification_url: String,
    #[serde(default, deserialize_with = "seconds")]
    interval: Option<u64>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    scope: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    refresh_token_expires_in: Option<u64>,
}

/// A time in seconds, however it is written; what is no time says nothing.
fn seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u64>, D::Error> {
    let number = scalar(deserializer)?.and_then(|text| text.trim().parse().ok());
    let time = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(time.map(|time| time.as_secs()))
}

impl OAuth {
    /// The service, as an application sees it.
    pub fn new(service: Service, endpoints: Endpoints, client: Client, policy: Policy) -> Self {
        OAuth {
            client: Some(client),
            ..Self::for_assertions(service, endpoints, policy)
        }
    }

    /// The service, as it is for those who sign who they are.
    pub fn for_assertions(service: Service, endpoints: Endpoints, policy: Policy) -> Self {
        OAuth {
            service,
            http: Http::new(service.kind(), &endpoints.token, RATE, policy).of_few_words(),
            endpoints,
            client: None,
            scope: None,
        }
    }

    /// Says which scope a login is to ask for.
    #[must_use]
    pub fn asking_for(self, scope: &str) -> Self {
        let scope = Some(scope.to_owned());
        OAuth { scope, ..self }
    }

    /// Whether the application can prove who it is.
    pub fn has_secret(&self) -> bool {
        let client = self.client.as_ref();
        client.is_some_and(|client| client.secret.is_some())
    }

    /// Asks for a code that the operator types on a page of the service.
    ///
    /// # Errors
    /// Why there is none.
    pub fn device_code(&self) -> Result<DeviceCode> {
        let mut form = vec![("client_id", self.client_id())];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let codes: Codes = self.policy().hasty().run(|| {
            let mut answer = self.post(&self.endpoints.device_code, &form)?;
            if answer.is_success() {
                return self.read(&mut answer);
            }
            Err(self.refused(Asked::DeviceCode, &self.word(&mut answer)?))
        })?;
        Ok(Self::to_be_typed(codes))
    }

    fn to_be_typed(codes: Codes) -> DeviceCode {
        let seconds = |given: Option<u64>, usual| Duration::from_secs(given.unwrap_or(usual));
        DeviceCode {
            verification_url: codes.verification_url,
            user_code: codes.user_code,
            expires_in: seconds(codes.expires_in, 300).min(LONGEST_LOGIN),
            code: codes.device_code,
            // As the RFC has it where the service does not say.
            interval: seconds(codes.interval, 5),
        }
    }

    /// Waits until the operator has typed the code and allowed access.
    ///
    /// # Errors
    /// When access is denied, or the code has expired meanwhile.
    pub fn wait_for_consent(&self, device: &DeviceCode) -> Result<Grant> {
        let mut pause = device.interval.max(self.policy().pause);
        let started = Instant::now();
        let (grant_type, key) = self.service.device_grant();
        loop {
            let left = device.expires_in.saturating_sub(started.elapsed());
            sleep(pause.min(left)).map_err(|failure| stopped(self.service.kind(), failure))?;
            let grant = [("grant_type", grant_type), (key, device.code.expose())];
            match self.grant(&grant) {
                Ok(Ok(grant)) => return Ok(grant),
                Ok(Err(refused)) => match refused.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => pause = pause.saturating_add(self.policy().pause * 5),
                    _ => return Err(self.refused(Asked::Consent, &refused)),
                },
                // A question that got lost is asked again with the next.
                Err(error) if error.is_open() => log::info!("{error}: asking again"),
                Err(error) => return Err(error),
            }
            if started.elapsed() >= device.expires_in {
                let why = "nobody confirmed the code before it expired";
                return Err(self.error(Reason::Auth, why).hint("run the command again"));
            }
        }
    }

    /// The address of the page that shows the operator a code to be typed here.
    pub fn page(&self, verifier: &Verifier) -> String {
        format!(
            "{}?response_type=code&client_id={}&code_challenge={}&code_challenge_method=S256",
            self.endpoints.authorize,
            encoded(self.client_id()),
            verifier.challenge(),
        )
    }

    /// The address of the page that sends the browser on to this machine, with a code.
    ///
    /// `state` comes back with it, so that nobody else's code is taken.
    pub fn redirecting_page(&self, verifier: &Verifier, redirect_uri: &str, state: &str) -> String {
        let scope = self.scope.as_deref().unwrap_or_default();
        format!(
            "{}&redirect_uri={}&scope={}&state={}&access_type=offline&prompt=consent",
            self.page(verifier),
            encoded(redirect_uri),
            encoded(scope),
            encoded(state),
        )
    }

    /// Exchanges a code that a page showed, or a redirect to that address brought.
    ///
    /// # Errors
    /// When it is wrong, or has expired.
    pub fn exchange(
        &self,
        code: &str,
        verifier: &Verifier,
        redirect_uri: Option<&str>,
    ) -> Result<Grant> {
        let mut grant = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier.secret()),
        ];
        grant.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        self.policy().hasty().run(|| {
            let granted = self.grant(&grant)?;
            granted.map_err(|refused| self.refused(Asked::Code, &refused))
        })
    }

    /// What the service means that sends the browser back without a code.
    pub fn denied(&self, word: &str) -> Error {
        let refused = Refused {
            error: word.to_owned(),
            description: None,
            ahead: None,
        };
        self.refused(Asked::Code, &refused)
    }

    /// Exchanges a refresh token for the next token; tried once.
    ///
    /// # Errors
    /// When it is not taken any more.
    pub fn refresh(&self, refresh_token: &Secret) -> Result<Grant> {
        let grant = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ];
        let granted = self.grant(&grant)?;
        granted.map_err(|refused| self.refused(Asked::Refresh, &refused))
    }

    /// Exchanges what somebody signed of himself for a token; tried once, since each try is
    /// to be signed anew.
    ///
    /// # Errors
    /// What `refused` makes of a refusal.
    pub fn assert(&self, assertion: &Secret, refused: impl Fn(&Refused) -> Error) -> Result<Grant> {
        let grant = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        self.grant(&grant)?.map_err(|word| refused(&word))
    }

    fn client_id(&self) -> &str {
        self.client.as_ref().map_or("", |client| &client.id)
    }

    /// A token, or the service's word for why there is none.
    fn grant(&self, grant: &[(&str, &str)]) -> Result<std::result::Result<Grant, Refused>> {
        let mut form = Vec::new();
        if let Some(client) = &self.client {
            form.push(("client_id", client.id.as_str()));
            let secret = client.secret.as_ref();
            form.extend(secret.map(|secret| ("client_secret", secret.expose())));
        }
        form.extend(grant);
        let mut answer = self.post(&self.endpoints.token, &form)?;
        if !answer.is_success() {
            return Ok(Err(self.word(&mut answer)?));
        }
        self.granted(self.read(&mut answer)?).map(Ok)
    }

    fn granted(&self, granted: Granted) -> Result<Grant> {
        if granted.access_token.is_empty() {
            return Err(self.error(Reason::Network, "it gives a token with nothing in it"));
        }
        let now = Timestamp::now().as_second();
        // What ends after the year 9999 does not end.
        let ends = |seconds| Timestamp::from_second(now.checked_add_unsigned(seconds)?).ok();
        Ok(Grant {
            token: granted.access_token,
            refresh_token: granted.refresh_token.filter(|secret| !secret.is_empty()),
            expires_at: granted.expires_in.and_then(ends),
            lasts: granted.expires_in.map(Duration::from_secs),
            scope: granted.scope.filter(|scope| !scope.trim().is_empty()),
            refresh_token_expires_at: granted.refresh_token_expires_in.and_then(ends),
        })
    }

    fn policy(&self) -> &Policy {
        self.http.policy()
    }

    fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let pairs: Vec<Zeroizing<String>> = form
            .iter()
            .map(|(key, value)| Zeroizing::new(format!("{key}={}", encoded(value))))
            .collect();
        let pairs: Vec<&str> = pairs.iter().map(|pair| pair.as_str()).collect();
        let form = Zeroizing::new(pairs.join("&"));
        let answer = self.http.ask(&Request {
            method: "POST",
            url,
            form: Some(&form),
            ..Request::default()
        });
        let answer = answer.map_err(|error| match &error.hint {
            // It is another key that says where this service is.
            Some(hint) if hint.contains("api_url") => error.hint(format!(
                "check {} in the provider file, and the network of this machine",
                self.service.address_key()
            )),
            _ => error,
        })?;
        // The last words of the address say which question it was, and hold no secret.
        let path = url.rsplit('/').next().unwrap_or_default();
        log::debug!("POST {path}: {}", answer.status);
        Ok(answer)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: &mut Answer) -> Result<T> {
        // What it says instead is not quoted: it may hold a token.
        let body = Zeroizing::new(std::mem::take(&mut answer.body));
        json::read(&body).ok_or_else(|| self.stranger())
    }

    /// The service's word for why it refuses.
    fn word(&self, answer: &mut Answer) -> Result<Refused> {
        let status = answer.status;
        let busy = |reason, repeat| {
            Err(self
                .error(reason, &format!("the OAuth service answers {status}"))
                .repeat(repeat))
        };
        match (status, answer.retry_after) {
            (429, Some(pause)) => return busy(Reason::Quota, Repeat::After(pause)),
            (429, None) => return busy(Reason::Quota, Repeat::Soon),
            (408 | 500.., _) => return busy(Reason::Network, Repeat::Soon),
            _ => {}
        }
        let mut refused: Refused = self.read(answer)?;
        let ahead = |date: Timestamp| Timestamp::now().duration_since(date);
        refused.ahead = answer.date.map(ahead);
        if self.service.is_busy(&refused.error) {
            return busy(Reason::Network, Repeat::Soon);
        }
        Ok(refused)
    }

    /// Not the service, but what stands in its place.
    fn stranger(&self) -> Error {
        let why = "what answers is not the OAuth service, or only a part of it";
        let key = self.service.address_key();
        self.error(Reason::Network, why)
            .hint(format!(
                "check {key} in the provider file, and whether the network wants a login"
            ))
            .repeat(Repeat::Soon)
    }

    fn refused(&self, asked: Asked, refused: &Refused) -> Error {
        let (why, hint) = self.service.meaning(asked, refused);
        let error = self.error(Reason::Auth, &why);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn error(&self, reason: Reason, why: &str) -> Error {
        Error::new(self.service.kind(), Kind::Connection(reason), why)
    }
}
