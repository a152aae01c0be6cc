//! Getting tokens with what a login left, so that nobody has to log in again.

mod google_drive;
mod yandex_disk;

use jiff::Timestamp;

use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::{Error, Kind, Reason, Repeat, no_credentials};

pub use self::google_drive::GoogleLogin;
pub use self::yandex_disk::YandexLogin;

/// How the history and a lock name it.
const OPERATION: &str = "providers renew";

/// A failure on the way to a token, as an error of the provider.
fn as_error(provider: ProviderKind, error: anyhow::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| {
        if Failure::of(&error).map(Failure::code) == Some(Code::KeyUnusable) {
            return Error::new(provider, Kind::Body(error), "opening a protected secret");
        }
        let detail = format!("{error:#}");
        let unfetched = Failure::of(&error).filter(|it| it.code() == Code::ProviderNotConfigured);
        let kind = match (crate::interrupt::check(), unfetched) {
            (Err(failure), _) => Kind::Body(failure.into()),
            (_, Some(failure)) => Kind::Body(no_credentials(provider, failure).into()),
            _ => Kind::Connection(Reason::Auth),
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
            let warning = warning(ProviderKind::YandexDisk, at.parse().unwrap(), now);
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
