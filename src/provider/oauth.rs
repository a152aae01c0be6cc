//! Where tokens come from: the OAuth service of a provider.
//!
//! Two ways need no browser on this machine: a code shown here and typed on a page
//! of the service (RFC 8628), and one shown on a page and typed here, bound to this
//! process by PKCE (RFC 7636). A token that is about to end is exchanged for the
//! next one, before it ends: Yandex gives both tokens the same length of life.
//!
//! All that is secret travels in the body of a POST to the service, and is in no error.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::ProviderKind;
use super::error::{Error, Kind, Reason, Repeat, Result, stopped};
use super::http::{Answer, Http, Request, encoded};
use super::retry::Policy;
use crate::hash::{Sha256, random_id};
use crate::interrupt::sleep;
use crate::secret::Secret;
use crate::text::printable;

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
    kind: ProviderKind,
    http: Http,
    base: String,
    client: Client,
}

/// What a login or a renewal brings.
pub struct Grant {
    /// The token for the API.
    pub token: Secret,
    /// What the next token is given for.
    pub refresh_token: Option<Secret>,
    /// When the token ends, where it does.
    pub expires_at: Option<Timestamp>,
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

/// What ties a code typed here to the page that showed it.
pub struct Verifier(Secret);

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

#[derive(Deserialize)]
struct Codes {
    device_code: Text,
    user_code: String,
    #[serde(alias = "verification_uri")]
    verification_url: String,
    interval: Option<u64>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Text,
    refresh_token: Option<Text>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// A secret in an answer.
struct Text(Secret);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Ok(Text(Secret::new(&text)))
    }
}

impl Verifier {
    /// A new one, which nobody can guess.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> std::io::Result<Self> {
        let text = Zeroizing::new(random_id()? + &random_id()?);
        Ok(Verifier(Secret::new(&text)))
    }

    /// What the page is told of it.
    fn challenge(&self) -> String {
        base64url(Sha256::of(self.0.expose().as_bytes()).as_bytes())
    }
}

impl OAuth {
    /// The service at an address.
    pub fn new(kind: ProviderKind, url: &str, client: Client, policy: Policy) -> Self {
        let base = url.trim_end_matches('/').to_owned();
        OAuth {
            kind,
            http: Http::new(kind, &base, policy),
            base,
            client,
        }
    }

    /// Whether the application can prove who it is.
    pub fn has_secret(&self) -> bool {
        self.client.secret.is_some()
    }

    /// Asks for a code that the operator types on a page of the service.
    ///
    /// # Errors
    /// Why there is none.
    pub fn device_code(&self) -> Result<DeviceCode> {
        let answer = self.policy().hasty().run(|| {
            let answer = self.post("/device/code", &[("client_id", &self.client.id)])?;
            if answer.is_success() {
                return Ok(answer);
            }
            Err(self.refused(&self.word(&answer)?))
        })?;
        let codes: Codes = self.read(&answer)?;
        let seconds = |given: Option<u64>, usual| Duration::from_secs(given.unwrap_or(usual));
        Ok(DeviceCode {
            verification_url: codes.verification_url,
            user_code: codes.user_code,
            expires_in: seconds(codes.expires_in, 300).min(LONGEST_LOGIN),
            code: codes.device_code.0,
            // As the RFC has it where the service does not say.
            interval: seconds(codes.interval, 5),
        })
    }

    /// Waits until the operator has typed the code and allowed access.
    ///
    /// # Errors
    /// When access is denied, or the code has expired meanwhile.
    pub fn wait_for_consent(&self, device: &DeviceCode) -> Result<Grant> {
        let mut pause = device.interval.max(self.policy().pause);
        let started = Instant::now();
        loop {
            let left = device.expires_in.saturating_sub(started.elapsed());
            sleep(pause.min(left)).map_err(|failure| stopped(self.kind, failure))?;
            let grant = [
                ("grant_type", "device_code"),
                ("code", device.code.expose()),
            ];
            match self.grant(&grant) {
                Ok(Ok(grant)) => return Ok(grant),
                Ok(Err(word)) if word == "authorization_pending" => {}
                Ok(Err(word)) if word == "slow_down" => pause += self.policy().pause * 5,
                Ok(Err(word)) => return Err(self.refused(&word)),
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
            "{}/authorize?response_type=code&client_id={}&code_challenge={}&code_challenge_method=S256",
            self.base,
            encoded(&self.client.id),
            verifier.challenge(),
        )
    }

    /// Exchanges a code that a page showed.
    ///
    /// # Errors
    /// When it is wrong, or has expired.
    pub fn exchange(&self, code: &str, verifier: &Verifier) -> Result<Grant> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier.0.expose()),
        ])
    }

    /// Exchanges a refresh token for the next token.
    ///
    /// # Errors
    /// When it is not taken any more.
    pub fn refresh(&self, refresh_token: &Secret) -> Result<Grant> {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
        ])
    }

    fn token(&self, grant: &[(&str, &str)]) -> Result<Grant> {
        self.policy()
            .hasty()
            .run(|| self.grant(grant)?.map_err(|word| self.refused(&word)))
    }

    /// A token, or the service's word for why there is none.
    fn grant(&self, grant: &[(&str, &str)]) -> Result<std::result::Result<Grant, String>> {
        let mut form = vec![("client_id", self.client.id.as_str())];
        let secret = self.client.secret.as_ref();
        form.extend(secret.map(|secret| ("client_secret", secret.expose())));
        form.extend(grant);
        let answer = self.post("/token", &form)?;
        if !answer.is_success() {
            return Ok(Err(self.word(&answer)?));
        }
        let granted: Granted = self.read(&answer)?;
        if granted.access_token.0.is_empty() {
            return Err(self.error(Reason::Network, "it gives a token with nothing in it"));
        }
        let now = Timestamp::now().as_second();
        let ends = |seconds| Timestamp::from_second(now.checked_add_unsigned(seconds)?).ok();
        Ok(Ok(Grant {
            token: granted.access_token.0,
            refresh_token: granted
                .refresh_token
                .map(|Text(secret)| secret)
                .filter(|secret| !secret.is_empty()),
            // What ends after the year 9999 does not end.
            expires_at: granted.expires_in.and_then(ends),
        }))
    }

    fn policy(&self) -> &Policy {
        self.http.policy()
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let pairs: Vec<Zeroizing<String>> = form
            .iter()
            .map(|(key, value)| Zeroizing::new(format!("{key}={}", encoded(value))))
            .collect();
        let pairs: Vec<&str> = pairs.iter().map(|pair| pair.as_str()).collect();
        let form = Zeroizing::new(pairs.join("&"));
        let url = format!("{}{path}", self.base);
        let answer = self.http.ask(&Request {
            method: "POST",
            url: &url,
            form: Some(&form),
            ..Request::default()
        });
        let answer = answer.map_err(|error| match &error.kind {
            Kind::Connection(Reason::Dns | Reason::Tls) => {
                error.hint("check oauth_url in the provider file, and the network of this machine")
            }
            _ => error,
        })?;
        log::debug!("POST {path}: {}", answer.status);
        Ok(answer)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Result<T> {
        // What it says instead is not quoted: it may hold a token.
        serde_json::from_slice(&answer.body).map_err(|_| self.stranger())
    }

    /// The service's word for why it refuses.
    fn word(&self, answer: &Answer) -> Result<String> {
        let status = answer.status;
        let busy = |reason, repeat| {
            Err(self
                .error(reason, &format!("the OAuth service answers {status}"))
                .repeat(repeat))
        };
        match (status, answer.retry_after) {
            (429, Some(pause)) => busy(Reason::Quota, Repeat::After(pause)),
            (429, None) => busy(Reason::Quota, Repeat::Soon),
            (500.., _) => busy(Reason::Network, Repeat::Soon),
            _ => Ok(self.read::<Refused>(answer)?.error),
        }
    }

    /// Not the service, but what stands in its place.
    fn stranger(&self) -> Error {
        let why = "what answers is not the OAuth service, or only a part of it";
        self.error(Reason::Network, why)
            .hint("check oauth_url in the provider file, and whether the network wants a login")
            .repeat(Repeat::Soon)
    }

    fn refused(&self, word: &str) -> Error {
        let (why, hint) = match word {
            "invalid_client" => (
                "the OAuth service does not know this client_id, or the client secret is wrong",
                "compare both with the application's page on https://oauth.yandex.com",
            ),
            "unauthorized_client" => (
                "the application was rejected, or still waits for moderation",
                "look at the application's page on https://oauth.yandex.com",
            ),
            "access_denied" => (
                "access was denied on the page of the service",
                "run the command again, and allow it",
            ),
            "invalid_grant" | "bad_verification_code" | "expired_token" => (
                "the code or token is wrong, or has expired",
                "log in anew: each code is good for one login, and for some minutes",
            ),
            "invalid_scope" => (
                "the rights of the application changed meanwhile",
                "run the command again",
            ),
            _ => {
                let word: String = printable(word).chars().take(60).collect();
                return self.error(Reason::Auth, &format!("the OAuth service answers {word}"));
            }
        };
        self.error(Reason::Auth, why).hint(hint)
    }

    fn error(&self, reason: Reason, why: &str) -> Error {
        Error::new(self.kind, Kind::Connection(reason), why)
    }
}

/// Base 64 for addresses, without padding (RFC 4648 §5).
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..=chunk.len() {
            let sextet = bits >> (18 - 6 * index) & 63;
            text.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        let verifier = Verifier(Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert_eq!(
            verifier.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert_eq!(Verifier::new().unwrap().0.expose().len(), 64);
    }

    #[test]
    fn base_64_has_all_lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v")] {
            assert_eq!(base64url(bytes.as_bytes()), text);
        }
    }
}
