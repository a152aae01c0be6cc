//! Configuration files in JSON: reading them, and saying what is wrong with them.
//!
//! They hold secrets, and serde's messages quote the value they stumble over.
//! So messages are made here: place, key and what was expected.

use std::fmt;
use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::marker::PhantomData;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};
use crate::json;
use crate::text::system_reason;

/// A configuration file is small; this bounds what a wrong one costs.
const MAX_BYTES: u64 = 1024 * 1024;

/// Parses a configuration text; the error says where, which key and what was expected.
///
/// # Errors
/// `config_invalid`, without any value of the file in it.
pub fn parse_typed<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, Failure> {
    if !json::is_modest(text.as_bytes()) {
        let detail = format!(
            "{}: it is nested more deeply, or has more values, than any",
            file.display()
        );
        return Err(Failure::new(Code::ConfigInvalid, detail));
    }
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
    /// Who can get at it.
    pub exposure: Exposure,
}

/// Who can get at a file with secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    mode: u32,
    owner: u32,
}

impl Exposure {
    fn of(meta: &Metadata) -> Self {
        Exposure {
            mode: meta.mode() & 0o777,
            owner: meta.uid(),
        }
    }

    /// That of a file, or `None` where none can be seen.
    pub fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::of)
    }

    /// Whether others than its owner may do anything with it.
    pub fn is_wide(self) -> bool {
        self.mode & 0o077 != 0
    }

    /// What the operator should know: that others may read it, or own it. It may be ours, the
    /// administrator's, or of the user that the application runs as, where it shares the file.
    pub fn warnings(self, path: &Path, application: Option<u32>) -> Vec<String> {
        let (shown, mode, owner) = (path.display(), self.mode, self.owner);
        let ours = rustix::process::geteuid().as_raw();
        let is_foreign = ![Some(ours), Some(0), application].contains(&Some(owner));
        let wide = self.is_wide().then(|| {
            format!("'{shown}' can be read by others (mode {mode:04o}); run: chmod 600 '{shown}'")
        });
        let foreign = is_foreign.then(|| {
            format!(
                "'{shown}' belongs to another user (uid {owner}), who can read and change it; \
                 run: chown {ours} '{shown}'"
            )
        });
        wide.into_iter().chain(foreign).collect()
    }
}

/// Reads a configuration file, or `None` where there is none.
///
/// # Errors
/// `config_invalid` when it is no file, too large or not UTF-8; `local_io` when it cannot be read.
pub fn load(path: &Path) -> Result<Option<Loaded>, Failure> {
    read(path, OFlags::empty())
}

/// As [`load`], of a file that will be replaced: nobody shall put a link to another in its place.
///
/// # Errors
/// As [`load`]; `local_io` for a link.
pub fn load_itself(path: &Path) -> Result<Option<Loaded>, Failure> {
    read(path, OFlags::NOFOLLOW)
}

fn read(path: &Path, flags: OFlags) -> Result<Option<Loaded>, Failure> {
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
    let no_file = "this is not a file";
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err(invalid(no_file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    // What stands there by now must not keep us waiting.
    let flags = (flags | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(invalid(no_file));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(invalid(
            "it is larger than 1 MiB, which no provider file is",
        ));
    }
    let text = str::from_utf8(&bytes).map_err(|_| invalid("it is not UTF-8 text"))?;
    let text = Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned());
    Ok(Some(Loaded {
        text,
        exposure: Exposure::of(&meta),
    }))
}

/// Reads and parses a file that another program may be saving at this moment:
/// the application writes it in place, so a torn one is read once more.
///
/// # Errors
/// As `load` and `parse`.
pub fn load_shared<T>(
    load: impl Fn() -> Result<Option<Loaded>, Failure>,
    parse: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Option<(T, Loaded)>, Failure> {
    for last in [false, true] {
        let parsed = load().and_then(|loaded| match loaded {
            Some(loaded) => Ok(Some((parse(&loaded.text)?, loaded))),
            None => Ok(None),
        });
        match parsed {
            // Cut within a letter, it is not even text.
            Err(failure) if !last && failure.code() == Code::ConfigInvalid => {
                std::thread::sleep(Duration::from_millis(100));
            }
            settled => return settled,
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    #[test]
    fn a_torn_file_is_read_once_more_and_no_oftener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared.json");
        let parse = |text: &str| parse_typed::<serde_json::Value>(text, &path);
        let (reads, torn) = (Cell::new(0), [&b"{\"a\": \"\xd0"[..], b"{\"a\": ", b""]);
        for torn in torn {
            fs::write(&path, torn).unwrap();
            reads.set(0);
            // The application has saved it when it is read again.
            let load = || {
                if reads.replace(reads.get() + 1) == 1 {
                    fs::write(&path, "{\"a\": 1}").unwrap();
                }
                load(&path)
            };
            let (value, _) = load_shared(load, parse).unwrap().unwrap();
            assert_eq!((&value["a"], reads.get()), (&1.into(), 2));

            fs::write(&path, torn).unwrap();
            reads.set(0);
            let load = || {
                reads.set(reads.get() + 1);
                super::load(&path)
            };
            let failure = load_shared(load, parse).unwrap_err();
            assert_eq!((failure.code(), reads.get()), (Code::ConfigInvalid, 2));
        }
    }

    #[test]
    fn a_file_of_others_is_warned_of() {
        let ours = rustix::process::geteuid().as_raw();
        let warnings = |mode, owner, application| {
            let exposure = Exposure { mode, owner };
            exposure.warnings(Path::new("p.json"), application).len()
        };
        assert_eq!(warnings(0o600, ours, None), 0);
        assert_eq!(warnings(0o600, 0, None), 0);
        assert_eq!(warnings(0o600, ours + 1, None), 1);
        assert_eq!(warnings(0o600, ours + 1, Some(ours + 1)), 0);
        assert_eq!(warnings(0o640, ours + 1, Some(ours + 2)), 2);
    }
}
