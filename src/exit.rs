//! Exit codes: what a script may rely on.
//!
//! The one place where the numbers stand. The help text and the man page print
//! [`TABLE`]; a test compares the README with it.

/// Done, also when there was nothing to do.
pub const DONE: u8 = 0;
/// Something that should not happen.
pub const UNEXPECTED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Some companies or files failed, others did not.
pub const PARTIAL: u8 = 3;
/// A company, file or database does not exist.
pub const NOT_FOUND: u8 = 4;
/// No provider is assigned, or the assigned one is not configured.
pub const NOT_CONFIGURED: u8 = 5;
/// The provider cannot be reached, refuses the credentials or has no room.
pub const PROVIDER: u8 = 6;
/// A hash or a size differs.
pub const INTEGRITY: u8 = 7;
/// Another run works on the same company.
pub const LOCKED: u8 = 8;
/// The last verified backup is older than `--max-age`.
pub const STALE: u8 = 9;
/// A confirmation is needed and nobody can be asked.
pub const CONFIRMATION: u8 = 10;
/// The target exists, differs, and was left alone.
pub const EXISTS: u8 = 11;
/// Reading or writing on this machine failed.
pub const LOCAL_IO: u8 = 12;
/// Added to a signal's number: 129 SIGHUP, 130 SIGINT, 143 SIGTERM.
pub const SIGNAL_BASE: u8 = 128;

/// Every code with its meaning, as users read it.
pub const TABLE: [(&str, &str); 14] = [
    ("0", "done, also when there was nothing to do"),
    ("1", "unexpected error"),
    ("2", "wrong usage"),
    ("3", "partial: some companies or files failed"),
    ("4", "not found: company, file or database"),
    ("5", "not configured"),
    (
        "6",
        "provider unreachable, refused the credentials, or out of space",
    ),
    ("7", "integrity: a hash or a size differs"),
    ("8", "locked by another run"),
    ("9", "stale: the last verified backup is too old"),
    ("10", "needs a confirmation and cannot ask"),
    ("11", "exists and differs, not overwritten"),
    ("12", "local input/output error"),
    ("129, 130, 143", "interrupted by SIGHUP, SIGINT, SIGTERM"),
];
