//! The remote directory of a company: `/vertex-ar/acme/backups`.
//!
//! Guards the promise that companies are apart: two directories on one provider
//! are compared by whole components, never as text, so `/a/b` is inside `/a`
//! and not inside `/a/bc`.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::failure::{Code, Failure};
use crate::name::MAX_NAME_BYTES;
use crate::text::acts_on_terminal;

/// The longest remote directory, in bytes: what Linux takes for a path.
const MAX_PATH_BYTES: usize = 4000;

/// An absolute remote directory below the provider's root, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePath(String);

impl RemotePath {
    /// Reads what an operator typed. A trailing or doubled slash is dropped.
    ///
    /// # Errors
    /// `invalid_remote_path` for a relative path, the root itself, a `.` or
    /// `..` component, control or direction characters, and over-long names.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let refuse = |why: &str| {
            let detail = format!("'{text}' cannot be a remote directory: {why}");
            Err(Failure::new(Code::InvalidRemotePath, detail)
                .hint("give an absolute directory, such as --remote-path /vertex-ar/acme/backups"))
        };
        if !text.starts_with('/') {
            return refuse("it does not begin with '/'");
        }
        if let Some(c) = text.chars().find(|c| acts_on_terminal(*c)) {
            return refuse(&format!(
                "it holds the control character {}",
                c.escape_default()
            ));
        }
        let components: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        if components.is_empty() {
            return refuse("the provider's root holds every company");
        }
        if components.iter().any(|part| *part == "." || *part == "..") {
            return refuse("'.' and '..' are not allowed in it");
        }
        if components.iter().any(|part| part.len() > MAX_NAME_BYTES) {
            return refuse(&format!(
                "a name in it is longer than {MAX_NAME_BYTES} bytes"
            ));
        }
        let path = format!("/{}", components.join("/"));
        if path.len() > MAX_PATH_BYTES {
            return refuse(&format!("it is longer than {MAX_PATH_BYTES} bytes"));
        }
        Ok(RemotePath(path))
    }

    /// Reads what the application stored, which may lack the leading slash.
    ///
    /// # Errors
    /// As [`RemotePath::parse`].
    pub fn parse_stored(text: &str) -> Result<Self, Failure> {
        if text.starts_with('/') {
            Self::parse(text)
        } else {
            Self::parse(&format!("/{text}"))
        }
    }

    /// The directory a company gets when none is named.
    ///
    /// # Errors
    /// `invalid_remote_path` when the company's id cannot be one directory name.
    pub fn default_for(company_id: &str) -> Result<Self, Failure> {
        if company_id.contains('/') || company_id.is_empty() {
            let detail = format!("The id '{company_id}' cannot be a directory name");
            return Err(Failure::new(Code::InvalidRemotePath, detail)
                .hint("choose the directory with --remote-path /vertex-ar/NAME/backups"));
        }
        Self::parse(&format!("/vertex-ar/{company_id}/backups"))
    }

    /// The whole path, beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names on the way from the provider's root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }

    /// Whether one of the two is the other or lies inside it.
    pub fn overlaps(&self, other: &RemotePath) -> bool {
        self.components()
            .zip(other.components())
            .all(|(a, b)| a == b)
    }

    /// The full remote name of a file in this directory.
    pub fn join(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RemotePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> RemotePath {
        RemotePath::parse(text).unwrap()
    }

    #[test]
    fn spellings_of_one_directory_are_equal() {
        assert_eq!(path("/a/b/"), path("/a//b"));
        assert_eq!(RemotePath::parse_stored("a/b").unwrap(), path("/a/b"));
        assert_eq!(
            RemotePath::default_for("acme").unwrap().as_str(),
            "/vertex-ar/acme/backups"
        );
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        for text in [
            "",
            "a",
            "/",
            "//",
            "/a/../b",
            "/..",
            "/./a",
            "/a\nb",
            "/a\u{1b}b",
            "~/x",
        ] {
            let failure = RemotePath::parse(text).unwrap_err();
            assert_eq!(failure.code(), Code::InvalidRemotePath, "{text:?}");
        }
        assert!(RemotePath::default_for("../x").is_err());
        assert!(RemotePath::default_for("..").is_err());
    }

    #[test]
    fn overlap_goes_by_components() {
        assert!(path("/a/b").overlaps(&path("/a/b")));
        assert!(path("/a").overlaps(&path("/a/b")));
        assert!(path("/a/b").overlaps(&path("/a")));
        assert!(!path("/a/b").overlaps(&path("/a/bc")));
        assert!(!path("/a/B").overlaps(&path("/a/b")));
    }

    proptest! {
        #[test]
        fn overlap_is_what_the_file_system_would_say(a in "(/[ab]{1,2}){1,3}", b in "(/[ab]{1,2}){1,3}") {
            let (x, y) = (std::path::Path::new(&a), std::path::Path::new(&b));
            let inside = x.starts_with(y) || y.starts_with(x);
            prop_assert_eq!(path(&a).overlaps(&path(&b)), inside);
        }

        #[test]
        fn no_path_leaves_its_root(text in "/.{0,40}") {
            if let Ok(path) = RemotePath::parse(&text) {
                prop_assert!(path.components().all(|c| !c.is_empty() && c != "." && c != ".."));
                prop_assert_eq!(RemotePath::parse(path.as_str()).unwrap(), path);
            }
        }
    }
}
