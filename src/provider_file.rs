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
use crate::json_file::{Loaded, load, load_shared, parse_typed};
use crate::sections::Sections;
use crate::staging::write_atomically;
use crate::text::system_reason;

/// The sections of the provider file, and the file as it was found.
///
/// # Errors
/// As [`load`] and [`Sections::parse`].
pub fn load_sections(path: &Path) -> Result<Option<(Sections, Loaded)>, Failure> {
    load_shared(path, |text| Sections::parse(text, path))
}

/// Changes a section of the provider file and writes it whole, mode 0600.
///
/// Keys that `change` does not touch keep their value and place. The caller
/// holds the lock that keeps two of us apart.
///
/// # Errors
/// `config_invalid` when the file is malformed: it is then left as it is.
pub fn edit(path: &Path, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Failure> {
    // Through a link to the file itself: replacing the link would split the two.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut whole: Map<String, Value> = match load(&path)? {
        Some(loaded) => {
            Sections::parse(&loaded.text, &path)?;
            parse_typed(&loaded.text, &path)?
        }
        None => Map::new(),
    };
    change(&mut whole);
    let text = serde_json::to_string_pretty(&Value::Object(whole)).map(Zeroizing::new);
    let failed = |error: io::Error| {
        Failure::new(
            Code::LocalIo,
            format!(
                "cannot write '{}': {}",
                path.display(),
                system_reason(&error)
            ),
        )
    };
    let text = text.map_err(|error| failed(error.into()))?;
    make_folders(folder_of(&path)).map_err(failed)?;
    write_atomically(&path, format!("{}\n", *text).as_bytes()).map_err(failed)
}
