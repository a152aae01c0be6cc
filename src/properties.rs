//! What holds of everything that reads what others wrote, whatever they wrote.
//!
//! One function a reader, which takes any bytes at all. None may panic or ask for memory
//! without bound; a name never leads out of its folder; what is shown never acts on a
//! terminal; what is written can be read again. `fuzz/` has a target for each function, of
//! the same name, and `cargo test` gives each a few hundred inputs ([`tests`]).

#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how a property says no"
)]

mod files;
mod names;
mod stored;

use std::borrow::Cow;

use crate::archive;
use crate::provider::{google_drive, http, oauth, yandex_disk};
use crate::text::acts_on_terminal;

pub use self::files::{config_file, key_file, manifest, provider_file, sidecar};
pub use self::names::{durations, listing, names, remote_paths, terminal};
pub use self::stored::{state_file, state_rows};

/// Takes any bytes, and panics where something does not hold.
pub type Property = fn(&[u8]);

/// All of them, by the names of their fuzz targets.
pub const ALL: [(&str, Property); 20] = [
    ("addresses", addresses),
    ("config_file", config_file),
    ("drive_answers", drive_answers),
    ("drive_query", drive_query),
    ("durations", durations),
    ("headers", headers),
    ("key_file", key_file),
    ("listing", listing),
    ("manifest", manifest),
    ("names", names),
    ("oauth_answers", oauth_answers),
    ("pax", pax),
    ("provider_file", provider_file),
    ("remote_paths", remote_paths),
    ("sidecar", sidecar),
    ("state_file", state_file),
    ("state_rows", state_rows),
    ("tar", tar),
    ("terminal", terminal),
    ("yandex_answers", yandex_answers),
];

/// Addresses of answers, of settings, of redirects and of proxies.
pub fn addresses(bytes: &[u8]) {
    http::properties::addresses(&text(bytes));
}

/// What the headers of an answer say of its length, range, time and the next try.
pub fn headers(bytes: &[u8]) {
    http::properties::headers(&text(bytes));
    google_drive::properties::range(&text(bytes));
}

/// Answers of Yandex Disk: files, listings, links, operations, the account, errors.
pub fn yandex_answers(bytes: &[u8]) {
    yandex_disk::properties::answers(bytes);
}

/// Answers of Google Drive: files, listings, ids, drives, the account, errors.
pub fn drive_answers(bytes: &[u8]) {
    google_drive::properties::answers(bytes);
}

/// A name in a search of Google Drive.
pub fn drive_query(bytes: &[u8]) {
    google_drive::properties::query(&text(bytes));
}

/// Answers of an OAuth service: tokens, codes, refusals.
pub fn oauth_answers(bytes: &[u8]) {
    oauth::properties::answers(bytes);
}

/// An archive that came back from a remote, in any compression.
pub fn tar(bytes: &[u8]) {
    archive::properties::tar(bytes);
}

/// A record before an entry of an archive.
pub fn pax(bytes: &[u8]) {
    archive::properties::records(bytes);
}

/// Bytes as somebody's text.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Nothing in it acts on a terminal.
fn assert_inert(shown: &str) {
    assert!(!shown.contains(acts_on_terminal), "{shown:?}");
}

#[cfg(test)]
mod tests;
