//! Where tokens come from, and what they are good for.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::State;
use super::assertion::{self, SERVICE_ACCOUNT, USER};
use super::consent::{Code, Consent, Device};
use super::faults::{Fault, Op, oauth_error};
use crate::support::fake::http::{Answer, Head, form};

/// The token that is valid from the start. No output and no file of ours may show it.
pub const TOKEN: &str = "ya29.CANARY-access-token-of-the-fake-a0AfB_byC0";
/// The client the service knows.
pub const CLIENT_ID: &str = "112233445566-fake0drive0client.apps.googleusercontent.com";
/// Its password.
pub const CLIENT_SECRET: &str = "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fake";
/// What is given to renew a token.
pub const REFRESH_TOKEN: &str = "1//0CANARY-refresh-token-of-the-fake";

/// What scopes begin with.
pub const SCOPE: &str = "https://www.googleapis.com/auth/";

/// An access token.
#[derive(Clone)]
struct Token {
    text: String,
    expired: bool,
    /// Of a service account that acts for nobody.
    robot: bool,
}

/// Tokens, and what the token endpoint does.
pub struct Accounts {
    tokens: Vec<Token>,
    /// What renews tokens, and whether it still does.
    refresh_tokens: Vec<(String, bool)>,
    /// What is granted, whatever was asked for.
    pub scope: String,
    pub lifetime: u64,
    pub rotates: bool,
    /// The refusal of every grant: error and description.
    pub refuses: Option<(String, String)>,
    /// How far the service's clock is ahead of ours.
    pub skew: SignedDuration,
    pub consent: Consent,
    pub code: Option<Code>,
    pub device: Option<Device>,
}

impl Default for Accounts {
    fn default() -> Self {
        let token = Token {
            text: TOKEN.to_owned(),
            expired: false,
            robot: false,
        };
        Accounts {
            tokens: vec![token],
            refresh_tokens: vec![(REFRESH_TOKEN.to_owned(), true)],
            scope: format!("{SCOPE}drive.file"),
            lifetime: 3599,
            rotates: false,
            refuses: None,
            skew: SignedDuration::ZERO,
            consent: Consent::default(),
            code: None,
            device: None,
        }
    }
}

impl Accounts {
    pub fn accepts(&self, token: &str) -> bool {
        let mut all = self.tokens.iter();
        all.any(|known| known.text == token && !known.expired)
    }

    /// No token given so far is accepted any more.
    pub fn expire(&mut self) {
        for token in &mut self.tokens {
            token.expired = true;
        }
    }

    /// Whether a text has one of our secrets in it.
    pub fn tells(&self, text: &str) -> bool {
        let mut secrets = self.secrets().into_iter();
        text.contains(CLIENT_SECRET) || secrets.any(|secret| text.contains(&secret))
    }

    /// Every token there ever was.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = self.tokens.iter().map(|token| token.text.clone());
        let renewing = self.refresh_tokens.iter().map(|(text, _)| text.clone());
        tokens.chain(renewing).collect()
    }

    fn renews(&self, token: &str) -> bool {
        let mut all = self.refresh_tokens.iter();
        all.any(|(known, valid)| known == token && *valid)
    }

    fn forget(&mut self, token: &str) {
        for (known, valid) in &mut self.refresh_tokens {
            *valid &= known != token;
        }
    }

    fn bearer(&self, head: &Head) -> Option<&Token> {
        let given = head.header("authorization")?.strip_prefix("Bearer ")?;
        self.tokens.iter().find(|known| known.text == given)
    }

    /// Whether it is a service account that acts for nobody.
    pub fn is_robot(&self, head: &Head) -> bool {
        self.bearer(head).is_some_and(|token| token.robot)
    }

    /// The token from the start is one of a service account.
    pub fn set_robot(&mut self, robot: bool) {
        for token in &mut self.tokens {
            token.robot = robot;
        }
    }

    pub fn address_of(&self, head: &Head) -> &'static str {
        if self.is_robot(head) {
            SERVICE_ACCOUNT
        } else {
            USER
        }
    }

    /// Whether everything is seen, not only what this client made.
    pub fn sees_all(&self) -> bool {
        let wide = |scope: &str| !scope.ends_with("drive.file");
        self.scope.split(' ').any(wide)
    }
}

/// An error of the token endpoint: status, error, description.
pub type Refused = (u16, &'static str, &'static str);

impl State {
    /// Answers at the host of the accounts.
    pub fn oauth(&mut self, op: Op, head: &Head, body: &[u8], faults: &[Fault]) -> Answer {
        if op == Op::Other {
            return self.nothing_there(head);
        }
        let mut flaws = Vec::new();
        let pairs = form(&String::from_utf8_lossy(body), &mut flaws);
        let kind = head.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            flaws.push("the body is no form".to_owned());
        }
        if !head.query.is_empty() {
            flaws.push("a secret may not be in an address".to_owned());
        }
        for flaw in flaws {
            self.violate(head, &flaw);
        }
        if let Some((error, text)) = &self.accounts.refuses
            && op == Op::Token
        {
            return oauth_error(status_of(error), error, text);
        }
        let given = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let done = match op {
            Op::DeviceCode => self.device_code(given),
            Op::Revoke => self.revoke(given("token")),
            _ => self.grant(head, given),
        };
        match done {
            Ok(mut told) => {
                for fault in faults {
                    fault.distort(&mut told);
                }
                Answer::json(200, &told)
            }
            Err((status, error, text)) => oauth_error(status, error, text),
        }
    }

    fn revoke(&mut self, token: &str) -> Result<Value, Refused> {
        let accounts = &mut self.accounts;
        let known = accounts.secrets().iter().any(|secret| secret == token);
        if !known {
            return Err((400, "invalid_token", "Token expired or revoked"));
        }
        accounts.forget(token);
        accounts.expire();
        Ok(json!({}))
    }

    fn grant<'a>(
        &mut self,
        head: &Head,
        given: impl Fn(&str) -> &'a str,
    ) -> Result<Value, Refused> {
        let kind = given("grant_type");
        if kind == assertion::GRANT {
            let own = format!("{}/token", self.url(super::Host::Oauth));
            let sub = assertion::check(given("assertion"), &own, self.accounts.skew)?;
            let mut told = self.issue(sub.is_none());
            told.as_object_mut().unwrap().shift_remove("scope");
            return Ok(told);
        }
        if given("client_id") != CLIENT_ID {
            return Err((401, "invalid_client", "The OAuth client was not found."));
        }
        if given("client_secret") != CLIENT_SECRET {
            return Err((401, "invalid_client", "Unauthorized"));
        }
        let revoked = (400, "invalid_grant", "Token has been expired or revoked.");
        match kind {
            "refresh_token" => {
                let old = given("refresh_token");
                if !self.accounts.renews(old) {
                    return Err(revoked);
                }
                let mut told = self.issue(false);
                if self.accounts.rotates {
                    self.accounts.forget(old);
                    told["refresh_token"] = json!(self.issue_refresh());
                }
                Ok(told)
            }
            "authorization_code" => {
                self.exchange_code(head, given)?;
                Ok(self.issue_both())
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                self.poll_device(given("device_code"))?;
                Ok(self.issue_both())
            }
            _ => {
                self.violate(head, "the service knows no such grant");
                let text = "Invalid grant_type: it is not supported.";
                Err((400, "unsupported_grant_type", text))
            }
        }
    }

    /// A new access token.
    fn issue(&mut self, robot: bool) -> Value {
        let text = format!("ya29.CANARY-{}", self.unique());
        let expired = false;
        self.accounts.tokens.push(Token {
            text: text.clone(),
            expired,
            robot,
        });
        json!({
            "access_token": text,
            "expires_in": self.accounts.lifetime,
            "scope": self.accounts.scope,
            "token_type": "Bearer",
        })
    }

    fn issue_refresh(&mut self) -> String {
        let token = format!("1//0CANARY-{}", self.unique());
        self.accounts.refresh_tokens.push((token.clone(), true));
        token
    }

    /// A new access token and a new token to renew it.
    fn issue_both(&mut self) -> Value {
        let mut told = self.issue(false);
        told["refresh_token"] = json!(self.issue_refresh());
        told
    }
}

/// The status that the service gives an error of the token endpoint.
fn status_of(error: &str) -> u16 {
    match error {
        "invalid_client" | "deleted_client" | "disabled_client" | "unauthorized_client" => 401,
        "rate_limit_exceeded" | "access_denied" => 403,
        "internal_failure" | "server_error" => 500,
        "temporarily_unavailable" => 503,
        _ => 400,
    }
}
