//! What can go wrong, in the words of the contract.
//!
//! A [`Failure`] is an error whose meaning is settled: it has a [`Code`] that
//! scripts branch on, a detail that names the thing, and often a hint with the
//! next command. It travels inside [`anyhow::Error`]; `cli` finds it in the
//! chain, prints it once and ends with its exit code. An error without a
//! `Failure` in its chain is a defect of ours and ends with code 1.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::exit;

/// The stable name of a failure, with the status and exit code it implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Code::row` says what each one is")]
pub enum Code {
    AlreadyExists,
    BackupFileNotFound,
    CompanyNotFound,
    ConfigInvalid,
    ConfirmationRequired,
    DatabaseBusy,
    DatabaseInvalid,
    DatabaseNotFound,
    DatabaseReadonly,
    FileTooLarge,
    HistoryBroken,
    IntegrityFailed,
    /// The signal's number.
    Interrupted(u8),
    InvalidName,
    InvalidProvider,
    InvalidRemotePath,
    KeyUnusable,
    LiveDatabase,
    LocalIo,
    Locked,
    NoBackupProvider,
    NoRetentionPolicy,
    /// As [`Code::ProviderConnectionFailed`], but about one file: others may fare better.
    ProviderBusy,
    ProviderConnectionFailed,
    ProviderNotConfigured,
    QuotaExceeded,
    /// As [`Code::IntegrityFailed`], and known to be the remote's fault.
    RemoteChanged,
    RemoteFileNotFound,
    RemotePathConflict,
    SourceChanged,
    StorageNotFound,
    Usage,
}

impl Code {
    /// The name in JSON, the HTTP-like status, the exit code, and whether the
    /// same command may succeed later without anyone changing anything.
    const fn row(self) -> (&'static str, u16, u8, bool) {
        match self {
            Code::AlreadyExists => ("already_exists", 409, exit::EXISTS, false),
            Code::BackupFileNotFound => ("backup_file_not_found", 404, exit::NOT_FOUND, false),
            Code::CompanyNotFound => ("company_not_found", 404, exit::NOT_FOUND, false),
            Code::ConfigInvalid => ("config_invalid", 400, exit::NOT_CONFIGURED, false),
            Code::ConfirmationRequired => ("confirmation_required", 400, exit::CONFIRMATION, false),
            Code::DatabaseBusy => ("database_busy", 503, exit::LOCAL_IO, true),
            Code::DatabaseInvalid => ("database_invalid", 500, exit::LOCAL_IO, false),
            Code::DatabaseNotFound => ("database_not_found", 404, exit::NOT_FOUND, false),
            Code::DatabaseReadonly => ("database_readonly", 500, exit::LOCAL_IO, false),
            Code::FileTooLarge => ("file_too_large", 413, exit::PROVIDER, false),
            Code::HistoryBroken => ("history_broken", 500, exit::INTEGRITY, false),
            Code::IntegrityFailed | Code::RemoteChanged => {
                ("integrity_failed", 500, exit::INTEGRITY, false)
            }
            Code::Interrupted(signal) => ("interrupted", 500, exit::SIGNAL_BASE + signal, true),
            Code::InvalidName => ("invalid_name", 400, exit::USAGE, false),
            Code::InvalidProvider => ("invalid_provider", 400, exit::USAGE, false),
            Code::InvalidRemotePath => ("invalid_remote_path", 400, exit::USAGE, false),
            Code::KeyUnusable => ("key_unusable", 400, exit::NOT_CONFIGURED, false),
            Code::LiveDatabase => ("live_database", 409, exit::LOCAL_IO, false),
            Code::LocalIo => ("local_io", 500, exit::LOCAL_IO, false),
            Code::Locked => ("locked", 409, exit::LOCKED, true),
            Code::NoBackupProvider => ("no_backup_provider", 400, exit::NOT_CONFIGURED, false),
            Code::NoRetentionPolicy => ("no_retention_policy", 400, exit::NOT_CONFIGURED, false),
            Code::ProviderBusy | Code::ProviderConnectionFailed => {
                ("provider_connection_failed", 400, exit::PROVIDER, false)
            }
            Code::ProviderNotConfigured => {
                ("provider_not_configured", 400, exit::NOT_CONFIGURED, false)
            }
            Code::QuotaExceeded => ("quota_exceeded", 507, exit::PROVIDER, false),
            Code::RemoteFileNotFound => ("remote_file_not_found", 404, exit::NOT_FOUND, false),
            Code::RemotePathConflict => ("remote_path_conflict", 409, exit::NOT_CONFIGURED, false),
            Code::SourceChanged => ("source_changed", 409, exit::LOCAL_IO, true),
            Code::StorageNotFound => ("storage_not_found", 404, exit::NOT_FOUND, false),
            Code::Usage => ("usage", 400, exit::USAGE, false),
        }
    }

    /// The name in JSON, such as `company_not_found`.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The HTTP-like status of the application's own answers.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The process's exit code.
    pub const fn exit(self) -> u8 {
        self.row().2
    }

    /// Whether trying again later may help.
    pub const fn retryable(self) -> bool {
        self.row().3
    }

    /// Whether nothing was tried: it was asked for wrongly, not confirmed, not set up, or
    /// somebody else was at it.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Code::CompanyNotFound
                | Code::ConfigInvalid
                | Code::ConfirmationRequired
                | Code::DatabaseNotFound
                | Code::InvalidName
                | Code::InvalidProvider
                | Code::InvalidRemotePath
                | Code::Locked
                | Code::NoBackupProvider
                | Code::NoRetentionPolicy
                | Code::ProviderNotConfigured
                | Code::RemotePathConflict
                | Code::Usage
        )
    }
}

/// An error whose meaning is settled.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    detail: String,
    hint: Option<String>,
    retryable: bool,
    fields: Vec<(&'static str, Value)>,
    source: Option<Box<dyn Error + Send + Sync>>,
    recorded: AtomicBool,
}

impl Failure {
    /// A failure that says what happened to what.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Failure {
            code,
            detail: detail.into(),
            hint: None,
            retryable: code.retryable(),
            fields: Vec::new(),
            source: None,
            recorded: AtomicBool::new(false),
        }
    }

    /// Adds the way out, with the next command where there is one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Overrides what the code says about trying again.
    #[must_use]
    pub fn retry(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// Adds a key that scripts may read from the JSON error.
    #[must_use]
    pub fn field(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((key, value.into()));
        self
    }

    /// Keeps the error beneath, printed as `caused by`.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same failure for somebody else it concerns, without the error beneath.
    #[must_use]
    pub fn again(&self) -> Self {
        Failure {
            code: self.code,
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            retryable: self.retryable,
            fields: self.fields.clone(),
            source: None,
            recorded: AtomicBool::new(false),
        }
    }

    /// Notes that the history has it.
    pub fn note_recorded(&self) {
        self.recorded.store(true, Ordering::Relaxed);
    }

    /// Whether the history has it.
    pub fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }

    /// The stable name of this failure.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The way out, if one is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether trying again later may help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The keys beyond the common ones.
    pub fn fields(&self) -> &[(&'static str, Value)] {
        &self.fields
    }

    /// Finds the settled failure in an error's chain.
    pub fn of(error: &anyhow::Error) -> Option<&Failure> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Returns early with a [`Failure`].
macro_rules! fail {
    ($code:expr, $($detail:tt)+) => {
        return Err($crate::failure::Failure::new($code, format!($($detail)+)).into())
    };
}
pub(crate) use fail;
