//! Configuration files in JSON: reading them, and saying what is wrong with them.
//!
//! They hold secrets, and serde's messages quote the value they stumble over.
//! So messages are made here: place, key and what was expected.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::text::system_reason;

/// A configuration file is small; this bounds what a wrong one costs.
const MAX_BYTES: u64 = 1024 * 1024;

/// Parses a configuration text; the error says where, which key and what was expected.
///
/// # Errors
/// `config_invalid`, without any value of the file in it.
pub fn parse_typed<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer)
        .map(|Object(value)| value)
        .map_err(|error| (error.path().to_string(), error.into_inner()))
        .and_then(|value| match deserializer.end() {
            Ok(()) => Ok(value),
            Err(error) => Err((".".into(), error)),
        });
    parsed.map_err(|(key, error)| {
        // A key that breaks off is shown as far as it was read.
        let key = key.trim_end_matches(".?");
        let key = if matches!(key, "." | "?") {
            String::new()
        } else {
            format!("{key}: ")
        };
        let place = format!("{}:{}:{}", file.display(), error.line(), error.column());
        Failure::new(
            Code::ConfigInvalid,
            format!("{place}: {key}{}", what_was_wrong(&error)),
        )
        .hint("mend the file by hand; nothing was changed")
    })
}

/// `serde_json`'s words without the value: only what follows the last "expected" is ours.
fn what_was_wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(words, _)| words);
    match error.classify() {
        serde_json::error::Category::Data => match text.rsplit_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None if text.starts_with("duplicate field") => text.to_owned(),
            None => "unexpected value".into(),
        },
        // Syntax errors name what they expected, never what they found.
        _ => text.to_owned(),
    }
}

/// A configuration file as found on disk.
#[derive(Debug)]
pub struct Loaded {
    /// The text, without a byte order mark.
    pub text: Zeroizing<String>,
    /// The mode, when others than the owner may read it.
    pub wide_mode: Option<u32>,
}

/// Reads a configuration file, or `None` where there is none.
///
/// # Errors
/// `config_invalid` when it is no file, too large or not UTF-8; `local_io` when it cannot be read.
pub fn load(path: &Path) -> Result<Option<Loaded>, Failure> {
    let invalid =
        |why: &str| Failure::new(Code::ConfigInvalid, format!("{}: {why}", path.display()));
    let failed = |error: io::Error| {
        Failure::new(
            Code::LocalIo,
            format!(
                "cannot read '{}': {}",
                path.display(),
                system_reason(&error)
            ),
        )
    };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !meta.is_file() {
        return Err(invalid("this is not a file"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .map_err(failed)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(invalid(
            "it is larger than 1 MiB, which no provider file is",
        ));
    }
    let text = str::from_utf8(&bytes).map_err(|_| invalid("it is not UTF-8 text"))?;
    let text = Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned());
    let wide_mode = wide(&meta);
    Ok(Some(Loaded { text, wide_mode }))
}

fn wide(meta: &Metadata) -> Option<u32> {
    (meta.mode() & 0o077 != 0).then_some(meta.mode() & 0o777)
}

/// The mode of a file that others than its owner may read.
pub fn wide_mode(path: &Path) -> Option<u32> {
    wide(&std::fs::metadata(path).ok()?)
}

/// Reads and parses a file that another program may be saving at this moment:
/// the application writes it in place, so a torn one is read once more.
///
/// # Errors
/// As [`load`] and `parse`.
pub fn load_shared<T>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Option<(T, Loaded)>, Failure> {
    for last in [false, true] {
        let Some(loaded) = load(path)? else {
            return Ok(None);
        };
        match parse(&loaded.text) {
            Ok(value) => return Ok(Some((value, loaded))),
            Err(failure) if last => return Err(failure),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    Ok(None)
}

/// A JSON object and nothing else: derived structs would take a list, too.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// What to say of a file with secrets that others can read.
pub fn wide_mode_warning(path: &Path, mode: u32) -> String {
    format!(
        "'{0}' can be read by others (mode {mode:04o}); run: chmod 600 '{0}'",
        path.display()
    )
}
