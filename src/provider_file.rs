//! The provider file, `config/remote_storage.json`, shared with the application.
//!
//! The application knows a few of its keys; we read those as they are and add
//! optional ones, which may also stand in our own `config.json`: its sections
//! win, key by key. What we do not know is kept when we rewrite the file.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::dir::{folder_of, make_folders};
use crate::failure::{Code, Failure};
use crate::json_file::{Loaded, load, load_itself, load_shared, parse_typed};
use crate::sections::Sections;
use crate::staging::{rewrite_atomically, write_atomically};
use crate::text::system_reason;

/// The sections of the provider file, and the file as it was found. What is protected in it is
/// opened as that `config.json` says.
///
/// # Errors
/// As [`load`] and [`Sections::parse`].
pub fn load_sections(
    path: &Path,
    config: Option<&Path>,
) -> Result<Option<(Sections, Loaded)>, Failure> {
    let load = || load(path);
    load_shared(load, |text| {
        Ok(Sections::parse(text, path)?.opened_by(config))
    })
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Its owner alone.
    Private,
    /// Whoever could before.
    AsBefore,
}

/// Changes a section of the provider file, or of `config.json`, and writes it whole.
///
/// Keys that `change` does not touch keep their value and place; a file in which nothing
/// changes is not written. The caller holds the lock that keeps two of us apart.
///
/// # Errors
/// `config_invalid` when the file is malformed, or what `change` fails with: it is then left as
/// it is.
pub fn edit<T>(
    path: &Path,
    mode: Mode,
    change: impl FnOnce(&mut Map<String, Value>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // Through a link to the file itself: replacing the link would split the two.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let parse = |text: &str| -> Result<Map<String, Value>, Failure> {
        Sections::parse(text, &path)?;
        parse_typed(text, &path)
    };
    let (mut whole, is_wide) = match load_shared(|| load_itself(&path), parse)? {
        Some((whole, loaded)) => (whole, loaded.exposure.is_wide()),
        None => (Map::new(), false),
    };
    let before = whole.clone();
    let value = change(&mut whole)?;
    if whole == before && !(is_wide && mode == Mode::Private) {
        return Ok(value);
    }
    write(&path, mode, whole).map_err(|error| {
        let (shown, why) = (path.display(), system_reason(&error));
        let detail = format!("cannot write '{shown}': {why}");
        Failure::new(Code::LocalIo, detail)
    })?;
    Ok(value)
}

fn write(path: &Path, mode: Mode, whole: Map<String, Value>) -> io::Result<()> {
    let mut text = Zeroizing::new(serde_json::to_string_pretty(&Value::Object(whole))?);
    text.push('\n');
    make_folders(folder_of(path))?;
    match mode {
        Mode::Private => write_atomically(path, text.as_bytes()),
        Mode::AsBefore => rewrite_atomically(path, text.as_bytes()),
    }
}
