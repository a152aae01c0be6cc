//! What differs between the OAuth services: their addresses, their words, and what their
//! refusals mean to an operator.

use super::Refused;
use crate::provider::ProviderKind;

/// Where Google gives tokens, unless configured otherwise.
pub const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Where Google asks for consent, unless configured otherwise.
const GOOGLE_AUTH_URI: &str = "https://accounts.google.com/o/oauth2/v2/auth";

/// Whose service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// That of Yandex.
    Yandex,
    /// That of Google.
    Google,
}

/// The addresses of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where tokens are given.
    pub token: String,
    /// Where codes are given that are typed on a page.
    pub device_code: String,
    /// The page that asks for consent.
    pub authorize: String,
}

/// What was asked for when the service refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A code for another device.
    DeviceCode,
    /// The token for such a code.
    Consent,
    /// The token for a code that a page gave.
    Code,
    /// The next token.
    Refresh,
}

impl Endpoints {
    /// Those of Yandex, all below one address.
    pub fn below(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Endpoints {
            token: format!("{base}/token"),
            device_code: format!("{base}/device/code"),
            authorize: format!("{base}/authorize"),
        }
    }

    /// Those of Google, each where it is configured. Codes for devices are given beside tokens.
    pub fn google(
        token_uri: Option<&str>,
        device_uri: Option<&str>,
        auth_uri: Option<&str>,
    ) -> Self {
        let token = token_uri.unwrap_or(GOOGLE_TOKEN_URI);
        let folder = token.trim_end_matches('/').rsplit_once('/');
        let folder = folder.map_or(token, |(folder, _)| folder);
        let beside = || format!("{folder}/device/code");
        Endpoints {
            device_code: device_uri.map_or_else(beside, str::to_owned),
            authorize: auth_uri.unwrap_or(GOOGLE_AUTH_URI).to_owned(),
            token: token.to_owned(),
        }
    }
}

impl Service {
    /// The provider whose tokens it gives.
    pub const fn kind(self) -> ProviderKind {
        match self {
            Service::Yandex => ProviderKind::YandexDisk,
            Service::Google => ProviderKind::GoogleDrive,
        }
    }

    /// The grant for a code that was typed on a page, and under which name the code goes.
    pub(super) const fn device_grant(self) -> (&'static str, &'static str) {
        match self {
            Service::Yandex => ("device_code", "code"),
            Service::Google => (
                "urn:ietf:params:oauth:grant-type:device_code",
                "device_code",
            ),
        }
    }

    /// The key in the provider file that says where it is.
    pub(super) const fn address_key(self) -> &'static str {
        match self {
            Service::Yandex => "oauth_url",
            Service::Google => "credentials.token_uri of google_drive",
        }
    }

    /// Whether what it says now may be different in a while.
    pub(super) fn is_busy(self, word: &str) -> bool {
        self == Service::Google
            && matches!(
                word,
                "rate_limit_exceeded"
                    | "internal_failure"
                    | "server_error"
                    | "temporarily_unavailable"
            )
    }

    /// What a refusal means, and what mends it.
    pub(super) fn meaning(self, asked: Asked, refused: &Refused) -> (String, Option<String>) {
        let known = match self {
            Service::Yandex => yandex(&refused.error),
            Service::Google => google(asked, &refused.error),
        };
        match known {
            Some((why, hint)) => {
                let clock = wrong_clock(refused).filter(|_| asked == Asked::Refresh);
                let clock = clock.map_or_else(String::new, |clock| {
                    format!("{clock}: set it right first. ")
                });
                (clock + why, Some(hint.to_owned()))
            }
            None => (format!("the OAuth service answers {}", said(refused)), None),
        }
    }
}

/// What to say of our clock, where it is so wrong that tokens are refused for it.
pub fn wrong_clock(refused: &Refused) -> Option<String> {
    let ahead = refused.ahead?;
    let minutes = ahead.as_mins().unsigned_abs();
    let by = match minutes {
        0..5 => return None,
        5..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    };
    let direction = if ahead.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    Some(format!(
        "the clock of this machine is {by} {direction} that of the service"
    ))
}

/// A refusal in the service's own words, fit to be shown.
pub fn said(refused: &Refused) -> String {
    let text = match &refused.description {
        Some(description) => format!("{} ({description})", refused.error),
        None => refused.error.clone(),
    };
    crate::provider::http::said(&text)
}

fn yandex(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
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
        _ => return None,
    })
}

fn google(asked: Asked, word: &str) -> Option<(&'static str, &'static str)> {
    Some(match (word, asked) {
        ("invalid_grant", Asked::Refresh) => (
            "Google does not take the refresh token any more: the consent screen of the OAuth \
             client is in \"Testing\", where a login lasts seven days, or access was revoked, or \
             the login was not used for six months, or 100 newer ones took its place",
            "publish the consent screen if it is in \"Testing\", then log in again: \
             vertex-backup providers login google_drive",
        ),
        ("invalid_grant" | "expired_token", _) => (
            "the code is wrong, was used before, or has expired",
            "log in anew: each code is good for one login, and for some minutes",
        ),
        ("invalid_client", Asked::DeviceCode | Asked::Consent) => (
            "Google does not know this client_id for a login on another device, or the client \
             secret is wrong",
            "--device needs an OAuth client of the type \"TVs and Limited Input devices\": look at \
             https://console.cloud.google.com/apis/credentials",
        ),
        ("invalid_client", _) => (
            "Google does not know this client_id, or the client secret is wrong",
            "compare both with the client's page on \
             https://console.cloud.google.com/apis/credentials",
        ),
        ("deleted_client", _) => (
            "the OAuth client was deleted in the Google console",
            "restore it there within 30 days, or make another one and log in with it: \
             https://console.cloud.google.com/apis/credentials",
        ),
        ("disabled_client", _) => (
            "the OAuth client was disabled in the Google console",
            "enable it again: https://console.cloud.google.com/apis/credentials",
        ),
        ("unauthorized_client", _) => (
            "this OAuth client may not do that: it is of another type, or not the one of the login",
            "log in with a client of the type \"Desktop app\": \
             vertex-backup providers login google_drive --help",
        ),
        ("access_denied", _) => (
            "access was denied on Google's page",
            "run the command again, and allow it; while the consent screen is in \"Testing\", only \
             the test users named there can",
        ),
        ("invalid_scope", Asked::DeviceCode) => (
            "Google gives this scope to no login on another device: only drive.file",
            "log in without --device",
        ),
        ("invalid_scope", _) => (
            "Google does not give this scope to this client",
            "choose another one: vertex-backup providers login google_drive --scope drive.file",
        ),
        ("admin_policy_enforced", _) => (
            "the administrator of the Workspace does not allow this client",
            "have the client_id allowed in the admin console, under API controls",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn codes_for_devices_are_given_beside_tokens() {
        let google = Endpoints::google(None, None, None);
        assert_eq!(
            google.device_code,
            "https://oauth2.googleapis.com/device/code"
        );
        let fake = Endpoints::google(Some("http://127.0.0.1:9/oauth/token"), None, Some("a:"));
        assert_eq!(fake.device_code, "http://127.0.0.1:9/oauth/device/code");
        assert_eq!(fake.authorize, "a:");
        let yandex = Endpoints::below("https://oauth.yandex.com/");
        assert_eq!(yandex.token, "https://oauth.yandex.com/token");
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_by_how_much() {
        for (seconds, words) in [
            (299, None),
            (-299, None),
            (600, Some("10 min ahead of")),
            (-7200, Some("2 h behind")),
            (86_400 * 40, Some("40 days ahead of")),
        ] {
            let refused = Refused {
                error: "invalid_grant".to_owned(),
                description: None,
                ahead: Some(SignedDuration::from_secs(seconds)),
            };
            let told = wrong_clock(&refused);
            let told = told.as_deref();
            let words = words
                .map(|words| format!("the clock of this machine is {words} that of the service"));
            assert_eq!(told, words.as_deref());
        }
    }

    #[test]
    fn what_is_not_known_is_shown_and_harmless() {
        let refused = Refused {
            error: "new\u{1b}[2J".to_owned(),
            description: Some("see https://x/secret".to_owned()),
            ahead: None,
        };
        let (why, hint) = Service::Google.meaning(Asked::Refresh, &refused);
        assert!(
            why.starts_with("the OAuth service answers new") && why.ends_with("(see …"),
            "{why}"
        );
        assert!(!why.contains('\u{1b}') && hint.is_none());
    }
}
