//! How providers say what went wrong, so that callers can decide.

use std::fmt;
use std::io;
use std::time::Duration;

use super::ProviderKind;
use crate::failure::{Code, Failure};
use crate::progress::Task;
use crate::text::system_reason;

/// The result of asking a provider.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a provider cannot be used at all: the `reason` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The credentials are missing, refused or expired.
    Auth,
    /// The rights do not suffice.
    Forbidden,
    /// The connection could not be made, broke, or brought an answer that is not the provider's.
    Network,
    /// The other side could not prove who it is.
    Tls,
    /// Its name could not be resolved.
    Dns,
    /// It kept silent, or busy, for longer than anybody waits.
    Timeout,
    /// An allowance is used up.
    Quota,
    /// The storage that should be there is not: an unmounted NAS, another disk.
    NotMounted,
}

impl Reason {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Forbidden => "forbidden",
            Reason::Network => "network",
            Reason::Tls => "tls",
            Reason::Dns => "dns",
            Reason::Timeout => "timeout",
            Reason::Quota => "quota",
            Reason::NotMounted => "not_mounted",
        }
    }
}

/// What somebody above the seam may branch on.
#[derive(Debug)]
pub enum Kind {
    /// The provider cannot be used at all.
    Connection(Reason),
    /// The name stands for something that is no file, and is left alone.
    NotAFile,
    /// The directory leads elsewhere: a link on the way.
    Misplaced,
    /// The object changed between two looks at it.
    Changed,
    /// Somebody else works on it, for longer than anybody waits.
    Locked,
    /// What a session sent is not there, and will not come any more.
    Missing,
    /// All of a body went out, and no answer came, for this reason: it may have arrived.
    Unanswered(Reason),
    /// The account has no room for it.
    Full(Shortage),
    /// No file as large as that is taken; with the largest that is, in bytes, where that is known.
    TooLarge(Option<u64>),
    /// The provider's disk failed; with the bytes needed and free when it is full.
    Disk(Option<Shortage>),
    /// The caller's own error, handed back: of the body of an upload, or a signal to stop.
    Body(anyhow::Error),
}

/// Whether the same question may be answered another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It will not.
    Never,
    /// Once more at the most: it may have been a slip.
    Once,
    /// After a pause that grows.
    Soon,
    /// Not before this time has passed: the provider said so.
    After(Duration),
    /// Somebody else is at it, which may take minutes.
    Unlocked,
}

impl Repeat {
    /// Whether time alone may mend it. What was no slip stays until somebody changes something.
    pub fn is_worthwhile(self) -> bool {
        !matches!(self, Repeat::Never | Repeat::Once)
    }
}

/// A place without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Bytes that were to be stored.
    pub needed: u64,
    /// Bytes that are free, where that is known.
    pub free: Option<u64>,
}

/// An error of a provider: kind, words, and what lies beneath.
#[derive(Debug)]
pub struct Error {
    /// Which provider.
    pub provider: ProviderKind,
    /// What to branch on.
    pub kind: Kind,
    /// What happened to what, in lower case.
    pub detail: String,
    /// The way out, where the provider knows one.
    pub hint: Option<String>,
    /// Whether to ask again.
    pub repeat: Repeat,
}

impl Error {
    /// An error in words, which another try does not mend.
    pub fn new(provider: ProviderKind, kind: Kind, detail: impl Into<String>) -> Self {
        Error {
            provider,
            kind,
            detail: detail.into(),
            hint: None,
            repeat: Repeat::Never,
        }
    }

    /// Says that another try may help.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Whether it says nothing of what was asked, only that the answer did not come:
    /// the work may have been done.
    pub fn is_open(&self) -> bool {
        self.repeat.is_worthwhile() && matches!(self.kind, Kind::Connection(_) | Kind::Locked)
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

/// An error that passes through [`io::Read`] and comes out as it went in.
pub fn smuggle(error: anyhow::Error) -> io::Error {
    io::Error::other(Smuggled(error))
}

/// One step of moving bytes: told to who watches, and the last one when asked to stop.
pub fn watch(task: &dyn Task, count: u64) -> io::Result<()> {
    task.advance(count);
    crate::interrupt::check().map_err(|failure| smuggle(failure.into()))
}

/// Takes a smuggled error out again.
pub fn unsmuggle(error: io::Error) -> std::result::Result<anyhow::Error, io::Error> {
    match error.downcast::<Smuggled>() {
        Ok(Smuggled(inner)) => Ok(inner),
        Err(error) => Err(error),
    }
}

#[derive(Debug)]
struct Smuggled(anyhow::Error);

impl fmt::Display for Smuggled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Smuggled {}

/// The error of work that a signal ended.
pub fn stopped(provider: ProviderKind, failure: Failure) -> Error {
    Error::new(provider, Kind::Body(failure.into()), "stopped")
}

/// The error of a body that ended before it had given what was announced.
pub fn ended_early(sent: u64, size: u64) -> io::Error {
    let detail = format!("the source ended after {sent} of {size} bytes");
    smuggle(Failure::new(Code::SourceChanged, detail).into())
}

/// What a failing file operation means; `doing` is "cannot write '/x/y'".
pub fn disk(
    provider: ProviderKind,
    doing: &str,
    error: io::Error,
    shortage: Option<Shortage>,
) -> Error {
    match unsmuggle(error) {
        Ok(inner) => Error::new(provider, Kind::Body(inner), "reading what is to be sent"),
        Err(error) => Error::new(
            provider,
            Kind::Disk(shortage),
            format!("{doing}: {}", system_reason(&error)),
        ),
    }
}

/// How the failure of a connection begins, in the contract's words.
pub fn preamble(provider: ProviderKind) -> String {
    format!("Provider '{provider}' connection test failed: ")
}

/// How the failure begins of credentials that are named and cannot be had.
fn unfetched(provider: ProviderKind) -> String {
    format!("Provider '{provider}' is not configured: ")
}

/// Why a provider cannot be used, without the words about which it is.
pub fn without_preamble(provider: ProviderKind, detail: &str) -> &str {
    let why = detail.strip_prefix(&preamble(provider));
    why.or_else(|| detail.strip_prefix(&unfetched(provider)))
        .unwrap_or(detail)
}

/// The failure of credentials that their file or command did not give: nobody was asked, so
/// nobody refused them.
pub fn no_credentials(provider: ProviderKind, why: &Failure) -> Failure {
    let detail = format!("{}{why}", unfetched(provider));
    Failure::new(Code::ProviderNotConfigured, detail).field("reason", Reason::Auth.name())
}

fn failed(code: Code, provider: ProviderKind, reason: Reason, why: &str) -> Failure {
    let detail = preamble(provider) + why;
    Failure::new(code, detail).field("reason", reason.name())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let Error {
            provider,
            kind,
            detail,
            hint,
            repeat,
        } = error;
        let failure = match kind {
            Kind::Connection(reason) => {
                failed(Code::ProviderConnectionFailed, provider, reason, &detail)
                    .retry(repeat.is_worthwhile())
            }
            Kind::Locked | Kind::Missing | Kind::Unanswered(_) => {
                failed(Code::ProviderBusy, provider, Reason::Timeout, &detail).retry(true)
            }
            Kind::Full(Shortage { needed, free }) => Failure::new(Code::QuotaExceeded, detail)
                .field("needed", needed)
                .field("free", free),
            Kind::TooLarge(limit) => Failure::new(Code::FileTooLarge, detail).field("limit", limit),
            Kind::NotAFile => Failure::new(Code::AlreadyExists, detail),
            Kind::Misplaced => Failure::new(Code::RemotePathConflict, detail),
            Kind::Changed => Failure::new(Code::IntegrityFailed, detail).retry(true),
            Kind::Disk(None) => Failure::new(Code::LocalIo, detail),
            Kind::Disk(Some(Shortage { needed, free })) => Failure::new(Code::LocalIo, detail)
                .field("needed", needed)
                .field("free", free),
            Kind::Body(inner) => match inner.downcast::<Failure>() {
                Ok(failure) => failure,
                Err(inner) => Failure::new(Code::LocalIo, detail).caused_by(inner),
            },
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
