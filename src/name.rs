//! Names of backup files: single components, and data, never instructions.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;

use serde::{Serialize, Serializer};

use crate::failure::{Code, Failure};
use crate::hash::{Sha256, random_id};
use crate::text::acts_on_terminal;

/// The longest name every provider and file system here takes, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// What our unfinished objects begin with, on a remote and on this machine.
///
/// It holds no dot: Yandex Disk slows uploads down by the extension of the name.
pub const TEMPORARY_MARK: &str = "vertex-backup-partial-";

/// The name of a backup file: UTF-8, one component, nothing that acts on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// Accepts a name, or says which character or form makes it unusable.
    ///
    /// # Errors
    /// `invalid_name` for an empty name, `.` and `..`, a `/`, a control or
    /// direction character, more than [`MAX_NAME_BYTES`], our own temporary mark.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let refuse = |why: String| {
            let detail = format!("'{name}' cannot be a backup file name: {why}");
            Err(Failure::new(Code::InvalidName, detail))
        };
        if name.is_empty() {
            return refuse("it is empty".into());
        }
        if name == "." || name == ".." {
            return refuse("it names a directory".into());
        }
        if name.contains('/') {
            return refuse("it holds a '/'; give the name alone, without a path".into())
                .map_err(|failure| failure.hint("`vertex-backup files COMPANY` lists the names"));
        }
        if let Some(c) = name.chars().find(|c| acts_on_terminal(*c)) {
            return refuse(format!(
                "it holds the control character {}",
                c.escape_default()
            ))
            .map_err(|failure| failure.hint("rename the file"));
        }
        if name.len() > MAX_NAME_BYTES {
            return refuse(format!(
                "it has {} bytes, at most {MAX_NAME_BYTES} are possible",
                name.len()
            ));
        }
        if is_temporary(name) {
            return refuse(format!(
                "names beginning with '{TEMPORARY_MARK}' are unfinished transfers"
            ));
        }
        Ok(FileName(name.to_owned()))
    }

    /// Accepts a name as the file system gives it.
    ///
    /// # Errors
    /// As [`FileName::new`], and `invalid_name` when it is not UTF-8.
    pub fn from_os(name: &OsStr) -> Result<Self, Failure> {
        let text = name.to_str().ok_or_else(|| {
            let shown = name.to_string_lossy();
            let bytes = name.as_bytes();
            let good = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
            let byte = bytes.get(good).copied().unwrap_or_default();
            let detail = format!(
                "'{shown}' cannot be a backup file name: it is not UTF-8, because of the byte \\x{byte:02x}"
            );
            Failure::new(Code::InvalidName, detail).hint("rename the file")
        })?;
        Self::new(text)
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short name for one upload of this file, until it is verified.
    ///
    /// Derived by hash, so that a name of 255 bytes still has one; with a part of
    /// its own, so that two who upload the same name never write to one object.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn temporary(&self) -> std::io::Result<String> {
        let digest = Sha256::of(self.0.as_bytes()).to_string();
        Ok(format!(
            "{TEMPORARY_MARK}{}-{}",
            &digest[..16],
            &random_id()?[..8]
        ))
    }
}

/// Whether a name is that of an unfinished upload of ours.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_MARK)
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_and_odd_names_are_data() {
        for name in [
            "a.db",
            "it's \"50%\" + #1.tar.gz",
            "резервная копия 🌼.db",
            "-rf",
            "a\\b",
            "...",
        ] {
            assert_eq!(FileName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/b",
            "a\0b",
            "a\nb",
            "\u{1b}[2J",
            "a\u{202e}b",
        ] {
            let failure = FileName::new(name).unwrap_err();
            assert_eq!(failure.code(), Code::InvalidName, "{name:?}");
        }
        assert!(FileName::new(&"я".repeat(127)).is_ok());
        assert!(FileName::new(&"я".repeat(128)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_one_component(name in ".{0,40}") {
            if let Ok(name) = FileName::new(&name) {
                let path = std::path::Path::new("base").join(name.as_str());
                prop_assert_eq!(path.components().count(), 2);
                prop_assert!(path.starts_with("base"));
                prop_assert!(name.temporary().unwrap().len() <= MAX_NAME_BYTES);
                prop_assert!(!name.temporary().unwrap().contains('.'));
            }
        }
    }
}
