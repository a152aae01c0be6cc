//! Answers that are a no, and what they mean: by status first, then by reason (§8).

use std::time::Duration;

use serde::Deserialize;

use super::KIND;
use crate::json;
use crate::provider::error::{Error, Kind, Reason, Repeat, Shortage};
use crate::provider::http::{Answer, said};

/// The way out where time alone helps.
const LATER: &str = "try again later";

/// The way out where something else answers in the service's place.
pub(super) const NOT_THE_DRIVE: &str =
    "check api_url in the provider file, and whether the network wants a login";

/// The way out where the login does not suffice.
pub(super) const LOGIN: &str = "log in again: vertex-backup providers login google_drive";

/// How the upload limit of a day shows, as far as is known: a word of no other meaning.
const DAILY_UPLOADS: &str = "User rate limit exceeded.";

/// An answer that the API would not give, or not all of one.
pub(super) fn astray(why: impl Into<String>) -> Error {
    Error::new(KIND, Kind::Connection(Reason::Network), why)
}

/// An answer that is a no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// It has the form in which the API refuses, so it is the API that does.
    is_the_drives: bool,
    reason: String,
    text: String,
    retry_after: Option<Duration>,
}

/// What asking came to: a yes, or a no that the caller may have a use for.
pub(super) type Asked<T> = std::result::Result<T, Refusal>;

#[derive(Deserialize)]
struct Said {
    error: Problem,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    code: u16,
    message: String,
    status: String,
    errors: Vec<Item>,
    details: Vec<Item>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item {
    reason: String,
}

impl Refusal {
    pub(super) fn of(answer: &Answer) -> Self {
        // The front end of uploads answers in plain words, or in HTML (§1).
        let found: Option<Said> = json::read(&answer.body);
        let problem = found.map(|found| found.error).unwrap_or_default();
        let reasons = problem.errors.iter().chain(&problem.details);
        let reason = reasons.map(|item| &item.reason).find(|it| !it.is_empty());
        let text = if problem.message.is_empty() {
            answer.excerpt()
        } else {
            said(&problem.message)
        };
        Refusal {
            status: answer.status,
            is_the_drives: problem.code == answer.status,
            reason: said(reason.unwrap_or(&problem.status)),
            text,
            retry_after: answer.retry_after,
        }
    }

    fn is(&self, reasons: &[&str]) -> bool {
        reasons.contains(&self.reason.as_str())
    }

    /// Whether what was asked for is not there, or not for these eyes.
    pub(super) fn is_missing(&self) -> bool {
        self.is_gone() || self.is(&["appNotAuthorizedToFile"])
    }

    /// Whether it is not there: what one may not touch is no less there for that.
    pub(super) fn is_gone(&self) -> bool {
        // A 404 of somebody in its place, such as a gateway, says nothing of what the Drive has.
        self.status == 404 && (self.is_the_drives || self.is(&["notFound", "NOT_FOUND"]))
    }

    /// Whether it only wants to be asked less often.
    pub(super) fn is_throttle(&self) -> bool {
        let reasons = [
            "rateLimitExceeded",
            "userRateLimitExceeded",
            "RATE_LIMIT_EXCEEDED",
            "sharingRateLimitExceeded",
        ];
        self.status == 429 || self.status == 403 && self.is(&reasons)
    }

    /// Whether the login would have to allow more.
    pub(super) fn is_about_scope(&self) -> bool {
        self.is(&["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"])
    }

    /// Whether the file is taken for malware, which only its owner's word overrules (§7).
    pub(super) fn is_about_abuse(&self) -> bool {
        self.is(&["cannotDownloadAbusiveFile"])
    }

    pub(super) fn words(&self) -> String {
        match (self.text.is_empty(), self.reason.is_empty()) {
            (true, true) => format!("{}", self.status),
            (true, false) => format!("{} {}", self.status, self.reason),
            (false, true) => format!("{}: {}", self.status, self.text),
            (false, false) => {
                format!("{} {}: {}", self.status, self.reason, self.text)
            }
        }
    }

    /// What it means, where the caller has no meaning of its own for it; `doing` is
    /// "asking for the room".
    pub(super) fn error(&self, doing: &str) -> Error {
        let answers = || format!("it answers {}", self.words());
        let say = |reason, detail: String| {
            let detail = format!("{detail} ({doing})");
            Error::new(KIND, Kind::Connection(reason), detail)
        };
        let soon = self.retry_after.map_or(Repeat::Soon, Repeat::After);
        if self.is_throttle() {
            return if self.text == DAILY_UPLOADS {
                let why = "it has had too many requests, or the 750 GB that an account may upload in a day";
                say(Reason::Quota, why.into())
                    .hint("try again later; should it go on like this, after 24 hours")
            } else {
                say(Reason::Quota, "it has had too many requests".into()).hint(LATER)
            }
            .repeat(soon);
        }
        match self.status {
            // A login page of the network, or an address that is not the API's.
            300..=399 => say(
                Reason::Network,
                format!("it leads elsewhere, and answers {}", self.words()),
            )
            .hint(NOT_THE_DRIVE),
            401 => say(Reason::Auth, "the access token is refused".into())
                .hint(LOGIN)
                .repeat(Repeat::Once),
            403 => self.forbidden(doing),
            404 => say(Reason::Network, answers()).hint(NOT_THE_DRIVE),
            408 => say(Reason::Timeout, answers()).hint(LATER).repeat(soon),
            413 => Error::new(KIND, Kind::TooLarge(None), answers()),
            500..=599 => say(Reason::Network, answers()).hint(LATER).repeat(soon),
            _ => say(Reason::Network, answers()),
        }
    }

    /// What stays forbidden until somebody changes something.
    fn forbidden(&self, doing: &str) -> Error {
        let say = |reason, why: &str, hint: &str| {
            let detail = format!("{why} ({doing})");
            Error::new(KIND, Kind::Connection(reason), detail).hint(hint)
        };
        match self.reason.as_str() {
            "dailyLimitExceeded" => say(
                Reason::Quota,
                "the requests of the Google Cloud project are used up for today",
                "try again tomorrow, or raise the quota of the project",
            ),
            "storageQuotaExceeded" | "quotaExceeded" | "uploadLimitExceeded" => {
                let (needed, free) = (0, None);
                let shortage = Shortage { needed, free };
                Error::new(KIND, Kind::Full(shortage), "the Drive is full")
            }
            "downloadQuotaExceeded" => say(
                Reason::Quota,
                "the downloads of this file are used up for today",
                "try again tomorrow",
            ),
            "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => say(
                Reason::Forbidden,
                "the login does not have the scope that this needs",
                "log in again, and tick the box of Google Drive: vertex-backup providers login google_drive",
            ),
            "accessNotConfigured" | "SERVICE_DISABLED" => say(
                Reason::Forbidden,
                "the Google Drive API is not switched on in the project of the client_id",
                "switch it on at https://console.cloud.google.com/apis/library/drive.googleapis.com",
            ),
            "insufficientFilePermissions" => say(
                Reason::Forbidden,
                "the account may not do that here",
                "give the account the right to it: Editor of the folder, Content manager of the shared drive",
            ),
            "appNotAuthorizedToFile" => say(
                Reason::Forbidden,
                "another client_id made that, and the scope of the login is for its own files alone",
                "log in again for all files: vertex-backup providers login google_drive --scope drive",
            ),
            "teamDriveFileLimitExceeded"
            | "numChildrenInNonRootLimitExceeded"
            | "activeItemCreationLimitExceeded" => say(
                Reason::Quota,
                "the folder, the drive or the account holds as many files as Google allows",
                "remove old backups: vertex-backup prune --all --permanent",
            ),
            "myDriveHierarchyDepthLimitExceeded" | "teamDriveHierarchyTooDeep" => say(
                Reason::Forbidden,
                "the folders are nested deeper than Google allows",
                "choose a shorter --remote-path",
            ),
            _ => Error::new(
                KIND,
                Kind::Connection(Reason::Forbidden),
                format!("it answers {} ({doing})", self.words()),
            )
            .hint(
                "check what the account may do with the folder, and what its administrator allows",
            ),
        }
    }
}
