//! How providers say what went wrong, so that callers can decide.

use std::fmt;
use std::io;

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
    /// The storage that should be there is not: an unmounted NAS, another disk.
    NotMounted,
    /// This version has no adapter for it.
    Unsupported,
}

impl Reason {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Forbidden => "forbidden",
            Reason::NotMounted => "not_mounted",
            Reason::Unsupported => "unsupported",
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
    /// The provider's disk failed; with the bytes needed and free when it is full.
    Disk(Option<Shortage>),
    /// The body of an upload failed: the caller's own error, handed back.
    Body(anyhow::Error),
}

/// A disk without room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Bytes that were to be stored.
    pub needed: u64,
    /// Bytes that are free.
    pub free: u64,
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
}

impl Error {
    /// An error in words.
    pub fn new(provider: ProviderKind, kind: Kind, detail: impl Into<String>) -> Self {
        Error {
            provider,
            kind,
            detail: detail.into(),
            hint: None,
        }
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

/// The failure of a connection test, in the contract's words.
pub fn connection_failed(provider: ProviderKind, reason: Reason, why: &str) -> Failure {
    let detail = format!("Provider '{provider}' connection test failed: {why}");
    Failure::new(Code::ProviderConnectionFailed, detail).field("reason", reason.name())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let Error {
            provider,
            kind,
            detail,
            hint,
        } = error;
        let failure = match kind {
            Kind::Connection(reason) => connection_failed(provider, reason, &detail),
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
