//! The user: in the browser that comes back to this machine, and on another device.

use serde_json::{Value, json};

use super::faults::Op;
use super::oauth::{CLIENT_ID, Refused, SCOPE};
use super::{FakeDrive, State};
use crate::support::fake::content::challenge_of;
use crate::support::fake::http::{Head, encode, form};

/// What the user does when asked for consent, and when.
pub struct Consent {
    /// Polls of a device before the user answers.
    pub polls: usize,
    /// Polls that are said to come too fast, before all others.
    pub slow_downs: usize,
    pub denied: bool,
    /// The code for the device is too old.
    pub expired: bool,
    /// Seconds between polls, and until the code is too old.
    pub interval: u64,
    pub expires_in: u64,
}

impl Default for Consent {
    fn default() -> Self {
        Consent {
            polls: 0,
            slow_downs: 0,
            denied: false,
            expired: false,
            interval: 5,
            expires_in: 1800,
        }
    }
}

/// A code that the browser brought back.
pub struct Code {
    text: String,
    redirect: String,
    challenge: String,
}

/// A device that waits for the user.
pub struct Device {
    code: String,
}

/// The scopes a device may ask for.
const OF_DEVICES: &[&str] = &[
    "openid",
    "email",
    "profile",
    "https://www.googleapis.com/auth/drive.appdata",
    "https://www.googleapis.com/auth/drive.file",
    "https://www.googleapis.com/auth/youtube",
    "https://www.googleapis.com/auth/youtube.readonly",
];

impl State {
    /// Begins the consent on another device.
    pub fn device_code<'a>(&mut self, given: impl Fn(&str) -> &'a str) -> Result<Value, Refused> {
        if given("client_id") != CLIENT_ID {
            return Err((401, "invalid_client", "The OAuth client was not found."));
        }
        let mut scopes = given("scope").split(' ');
        if !scopes.all(|scope| OF_DEVICES.contains(&scope)) {
            return Err((400, "invalid_scope", "Invalid device flow scope"));
        }
        let code = format!("AH-1Ng{}", self.unique());
        self.accounts.device = Some(Device { code: code.clone() });
        Ok(json!({
            "device_code": code,
            "user_code": "GQVQ-JKEC",
            "verification_url": "https://www.google.com/device",
            "expires_in": self.accounts.consent.expires_in,
            "interval": self.accounts.consent.interval,
        }))
    }

    /// What a device is told that asks whether the user has answered.
    pub fn poll_device(&mut self, code: &str) -> Result<(), Refused> {
        let known = self.accounts.device.as_ref();
        if known.is_none_or(|device| device.code != code) {
            return Err((400, "invalid_grant", "Malformed device code."));
        }
        let consent = &mut self.accounts.consent;
        if consent.expired {
            return Err((400, "expired_token", "The device code is too old."));
        }
        if consent.slow_downs > 0 {
            consent.slow_downs -= 1;
            return Err((403, "slow_down", "Forbidden"));
        }
        if consent.polls > 0 {
            consent.polls -= 1;
            return Err((428, "authorization_pending", "Precondition Required"));
        }
        if consent.denied {
            return Err((403, "access_denied", "Forbidden"));
        }
        self.accounts.device = None;
        Ok(())
    }

    /// Takes the code that the browser brought back, once.
    pub fn exchange_code<'a>(
        &mut self,
        head: &Head,
        given: impl Fn(&str) -> &'a str,
    ) -> Result<(), Refused> {
        let known = self.accounts.code.take();
        let known = known.filter(|code| code.text == given("code"));
        let Some(code) = known else {
            return Err((400, "invalid_grant", "Malformed auth code."));
        };
        if code.redirect != given("redirect_uri") {
            return Err((400, "redirect_uri_mismatch", "Bad Request"));
        }
        let verifier = given("code_verifier");
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            self.violate(head, "the code_verifier is no verifier");
        }
        if code.challenge != challenge_of(verifier) {
            return Err((400, "invalid_grant", "Invalid code verifier."));
        }
        Ok(())
    }

    /// The page of the consent: where the browser goes from there.
    fn page(&mut self, address: &str) -> String {
        let mut flaws = Vec::new();
        let (page, query) = address.split_once('?').unwrap_or((address, ""));
        let pairs = form(query, &mut flaws);
        let given = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        if page != format!("{}/o/oauth2/v2/auth", self.url(super::Host::Oauth)) {
            flaws.push(format!("{page} is not the page of the consent"));
        }
        if self.accounts.tells(address) {
            flaws.push("a secret is in the address".to_owned());
        }
        for (name, wanted) in [
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("prompt", "consent"),
        ] {
            if given(name) != wanted {
                flaws.push(format!("{name} is {:?}, not {wanted}", given(name)));
            }
        }
        let redirect = given("redirect_uri");
        let here = ["http://127.0.0.1:", "http://localhost:"];
        let port = here.iter().find_map(|it| redirect.strip_prefix(it));
        if port.and_then(|port| port.parse::<u16>().ok()).is_none() {
            flaws.push(format!("{redirect:?} is no port of this machine"));
        }
        if given("state").len() < 16 {
            flaws.push("the state could be guessed".to_owned());
        }
        if given("code_challenge").len() != 43 {
            flaws.push("no challenge made with SHA-256".to_owned());
        }
        let scopes = given("scope");
        let known = |scope: &str| scope.starts_with(SCOPE) || OF_DEVICES.contains(&scope);
        if scopes.is_empty() || !scopes.split(' ').all(known) {
            flaws.push(format!("{scopes:?} are no scopes"));
        }
        for flaw in flaws {
            self.violations.push(format!("{address}: {flaw}"));
        }
        let state = encode(given("state"));
        if self.accounts.consent.denied {
            return format!("{redirect}/?error=access_denied&state={state}");
        }
        let code = format!("4/0A{}", self.unique());
        self.accounts.code = Some(Code {
            text: code.clone(),
            redirect: redirect.to_owned(),
            challenge: given("code_challenge").to_owned(),
        });
        let scope = encode(&self.accounts.scope);
        format!(
            "{redirect}/?state={state}&code={}&scope={scope}",
            encode(&code)
        )
    }
}

impl FakeDrive {
    /// Changes what the user does when asked for consent.
    pub fn consent(&self, f: impl FnOnce(&mut Consent)) {
        f(&mut self.shared.lock().accounts.consent);
    }

    /// Plays the browser at the page of the consent: the address it is sent to.
    pub fn authorize(&self, consent_url: &str) -> String {
        self.shared.lock().page(consent_url)
    }

    /// How often a device asked, and the user had not answered.
    pub fn polls(&self) -> usize {
        let asked = self.requests_of(Op::Token);
        let waits = |status: Option<u16>| matches!(status, Some(428 | 403));
        asked.iter().filter(|it| waits(it.status)).count()
    }
}
