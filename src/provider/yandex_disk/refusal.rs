//! Answers that are a no, and what they mean: by status and name, never by status alone (§3).

use std::time::Duration;

use serde::Deserialize;

use super::api::KIND;
use crate::json;
use crate::provider::error::{Error, Kind, Reason, Repeat, Shortage};
use crate::provider::http::{Answer, said};

/// The way out where time alone helps.
pub(super) const LATER: &str = "try again later";

/// The way out where something else answers in the service's place.
pub(super) const NOT_THE_DISK: &str =
    "check api_url in the provider file, and whether the network wants a login";

const LOGIN: &str = "get a new token: vertex-backup providers login yandex_disk";

/// The names of errors that mean something else than their status says (§3).
pub(super) mod name {
    pub(crate) const NO_PARENT: &str = "DiskPathDoesntExistsError";
    pub(crate) const FOLDER_EXISTS: &str = "DiskPathPointsToExistentDirectoryError";
    pub(crate) const EXISTS: &str = "DiskResourceAlreadyExistsError";
    pub(crate) const OTHER_MD5: &str = "MD5DifferError";
    pub(super) const NO_DISK: &str = "DiskUnsupportedUserAccountTypeError";
    pub(super) const NO_UPLOADS_LEFT: &str = "DiskUploadTrafficLimitExceeded";
    pub(super) const NO_DOWNLOADS_LEFT: &str = "DiskResourceDownloadLimitExceededError";
}

/// An answer that the API would not give, or not all of one.
pub(super) fn astray(why: impl Into<String>) -> Error {
    Error::new(KIND, Kind::Connection(Reason::Network), why)
}

/// The error of a file that has the name of a folder.
pub(super) fn file_in_the_way(path: &str) -> Error {
    let detail = format!("'{path}' on Yandex Disk is a file, where a folder should be");
    Error::new(KIND, Kind::Misplaced, detail)
        .hint("remove or rename it, or choose another --remote-path")
}

/// An answer that is a no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    name: String,
    text: String,
    retry_after: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    error: String,
    description: String,
}

/// What asking came to: a yes, or a no that the caller may have a use for.
pub(super) type Asked<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub(super) fn of(answer: &Answer) -> Self {
        // Upload and download hosts answer in HTML or not at all.
        let found: Option<Said> = json::read(&answer.body);
        let Said { error, description } = found.unwrap_or_default();
        let text = if description.is_empty() {
            answer.excerpt()
        } else {
            said(&description)
        };
        Refusal {
            status: answer.status,
            name: error,
            text,
            retry_after: answer.retry_after,
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Whether the Disk has no such file, folder or operation. A 404 of somebody in its
    /// place, such as a gateway, says nothing of what the Disk has.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 && self.name.starts_with("Disk")
    }

    fn words(&self) -> String {
        match (self.text.is_empty(), self.name.is_empty()) {
            (true, true) => format!("{}", self.status),
            (true, false) => format!("{} {}", self.status, said(&self.name)),
            (false, true) => format!("{}: {}", self.status, self.text),
            (false, false) => format!("{} {}: {}", self.status, said(&self.name), self.text),
        }
    }

    /// What it means, where the caller has no meaning of its own for it; `doing` is
    /// "asking for the room".
    pub(super) fn error(&self, doing: &str) -> Error {
        let say = |reason, detail: String| {
            Error::new(
                KIND,
                Kind::Connection(reason),
                format!("{detail} ({doing})"),
            )
        };
        let soon = self.retry_after.map_or(Repeat::Soon, Repeat::After);
        match self.status {
            // A login page of the network, or an address that is not the API's.
            300..=399 => say(Reason::Network, format!("it leads elsewhere, and answers {}", self.words()))
                .hint(NOT_THE_DISK),
            401 => say(Reason::Auth, "the token is refused: it has expired or was revoked".into())
                .hint(LOGIN)
                .repeat(Repeat::Once),
            403 if self.is(name::NO_DISK) => {
                let why = "the account has no Disk: it is one without mail";
                say(Reason::Forbidden, why.into()).hint("use the token of another account")
            }
            403 => say(Reason::Forbidden, format!("it answers {}", self.words())).hint(
                "the token needs the rights cloud_api:disk.info, cloud_api:disk.read and cloud_api:disk.write",
            ),
            404 if !self.is_missing() => {
                say(Reason::Network, format!("it answers {}", self.words())).hint(NOT_THE_DISK)
            }
            413 => Error::new(KIND, Kind::TooLarge(None), format!("it answers {}", self.words())),
            423 if self.is(name::NO_UPLOADS_LEFT) => {
                let why = "this month's allowance of uploads is used up";
                say(Reason::Quota, why.into())
                    .hint("wait for the next month, or take a larger plan")
            }
            423 => {
                let why = "another operation holds it, or the service is in maintenance";
                Error::new(KIND, Kind::Locked, format!("it stays locked: {why} ({doing})"))
                    .hint(LATER)
                    .repeat(Repeat::Unlocked)
            }
            429 if self.is(name::NO_DOWNLOADS_LEFT) => {
                say(Reason::Quota, "the allowance of downloads is used up".into())
                    .hint("wait a day")
            }
            429 => say(Reason::Quota, "it has had too many requests".into())
                .hint(LATER)
                .repeat(soon),
            507 => {
                let shortage = Shortage { needed: 0, free: None };
                Error::new(KIND, Kind::Full(shortage), "the Disk is full")
            }
            500..=599 => say(Reason::Network, format!("it answers {}", self.words()))
                .hint(LATER)
                .repeat(soon),
            _ => say(Reason::Network, format!("it answers {}", self.words())),
        }
    }
}
