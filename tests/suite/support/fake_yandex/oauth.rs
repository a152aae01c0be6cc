//! Where tokens come from: the code shown on a screen, and the code typed by the user.

use serde_json::json;

use super::State;
use super::faults::Op;
use crate::support::fake::content;
use crate::support::fake::http::{Answer, Head, form};

/// The application the service knows.
pub const CLIENT_ID: &str = "0123456789abcdef0123456789abcdef";
/// Its password.
pub const CLIENT_SECRET: &str = "fedcba9876543210fedcba9876543210";
/// What is given to renew a token.
pub const REFRESH_TOKEN: &str = "1:refresh-token-canary:of-the-fake";

const DEVICE_CODE: &str = "4ed1fbd2a2a54c0c9a0a2a0f7d6b9e31";

/// What the user does in the browser, and when.
pub struct Consent {
    /// Polls before the user confirms.
    pub polls: usize,
    pub denied: bool,
    /// The code for the device is too old.
    pub expired: bool,
    /// The code that the user types here.
    pub code: &'static str,
    pub interval: u64,
    /// From the page that showed the code.
    pub challenge: Option<(String, String)>,
}

impl Default for Consent {
    fn default() -> Self {
        Consent {
            polls: 0,
            denied: false,
            expired: false,
            code: "7654321",
            interval: 1,
            challenge: None,
        }
    }
}

impl State {
    /// Answers at the host of the accounts.
    pub fn oauth(&mut self, op: Op, head: &Head, body: &[u8]) -> Answer {
        let mut flaws = Vec::new();
        let pairs = form(&String::from_utf8_lossy(body), &mut flaws);
        if op != Op::Other {
            let kind = head.header("content-type").unwrap_or_default();
            if !kind.starts_with("application/x-www-form-urlencoded") {
                flaws.push("the body is no form".to_owned());
            }
            if !head.query.is_empty() {
                flaws.push("a secret may not be in an address".to_owned());
            }
        }
        for flaw in flaws {
            self.violate(head, &flaw);
        }
        let given = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let told = match op {
            Op::OauthDevice if given("client_id") == CLIENT_ID => Ok(json!({
                "device_code": DEVICE_CODE,
                "user_code": "nx4vbqz2",
                "verification_url": "https://ya.ru/device",
                "interval": self.consent.interval,
                "expires_in": 300,
            })),
            Op::OauthDevice => Err(("invalid_client", "Client not found")),
            Op::OauthToken => self.grant(given),
            _ if head.method == "GET" && head.path() == "/authorize" => return self.page(head),
            _ => {
                self.violate(head, "the service has nothing there");
                return Answer::html(404);
            }
        };
        match told {
            Ok(told) => Answer::json(200, &told),
            Err((error, text)) => {
                Answer::json(400, &json!({"error": error, "error_description": text}))
            }
        }
    }

    fn grant<'a>(
        &mut self,
        given: impl Fn(&str) -> &'a str,
    ) -> Result<serde_json::Value, (&'static str, &'static str)> {
        if given("client_id") != CLIENT_ID {
            return Err(("invalid_client", "Client not found"));
        }
        let consent = &mut self.consent;
        // A code that was asked for with a challenge needs no secret.
        let verifier = given("code_verifier");
        if verifier.is_empty() && given("client_secret") != CLIENT_SECRET {
            return Err(("invalid_client", "Wrong client secret"));
        }
        match given("grant_type") {
            "device_code" if given("code") != DEVICE_CODE => {
                return Err(("invalid_grant", "Invalid code"));
            }
            "device_code" if consent.expired => return Err(("invalid_grant", "Code has expired")),
            "device_code" if consent.polls > 0 => {
                consent.polls -= 1;
                let text = "User has not yet authorized your application";
                return Err(("authorization_pending", text));
            }
            "device_code" if consent.denied => return Err(("access_denied", "Access denied")),
            "device_code" => {}
            "authorization_code" if !seven_digits(given("code")) => {
                return Err(("bad_verification_code", "Invalid code"));
            }
            "authorization_code" if given("code") != consent.code => {
                return Err(("invalid_grant", "Code has expired"));
            }
            "authorization_code" => match &consent.challenge {
                Some((method, challenge)) if *challenge != challenge_of(method, verifier) => {
                    return Err(("invalid_grant", "code_verifier not matched"));
                }
                _ => {}
            },
            "refresh_token" if given("refresh_token") == REFRESH_TOKEN => {}
            "refresh_token" => return Err(("invalid_grant", "expired_token")),
            _ => return Err(("unsupported_grant_type", "Unknown grant_type")),
        }
        Ok(json!({
            "token_type": "bearer",
            "access_token": super::TOKEN,
            "expires_in": 31_536_000,
            "refresh_token": REFRESH_TOKEN,
            "scope": "cloud_api:disk.info cloud_api:disk.read cloud_api:disk.write",
        }))
    }

    /// The page that shows the user a code.
    fn page(&mut self, head: &Head) -> Answer {
        if head.param("response_type") != Some("code") || head.param("client_id") != Some(CLIENT_ID)
        {
            self.violate(head, "the page needs response_type=code and a client_id");
        }
        let method = head.param("code_challenge_method").unwrap_or("plain");
        let challenge = head.param("code_challenge");
        self.consent.challenge = challenge.map(|it| (method.to_owned(), it.to_owned()));
        let mut page = Answer::html(200);
        page.body = format!("<p>{}</p>\n", self.consent.code)
            .into_bytes()
            .into();
        page
    }
}

fn seven_digits(code: &str) -> bool {
    code.len() == 7 && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn challenge_of(method: &str, verifier: &str) -> String {
    if method == "plain" {
        return verifier.to_owned();
    }
    content::challenge_of(verifier)
}
