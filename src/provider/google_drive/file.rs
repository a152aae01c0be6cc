//! Files of the Drive in our words.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::query::FOLDER;
use super::refusal::astray;
use crate::hash::{Md5, Sha256};
use crate::name::is_temporary;
use crate::provider::error::Result;
use crate::provider::lenient::{few, or_default, readable, scalar};
use crate::provider::{Object, ObjectKind};

/// What is asked of a file (§3).
pub(super) const FIELDS: &str = "id,name,mimeType,size,md5Checksum,sha256Checksum,parents,createdTime,modifiedTime,trashed,driveId";

/// The types of what is no file of bytes: folders, shortcuts, documents.
const GOOGLE_APPS: &str = "application/vnd.google-apps.";

/// A file or folder. All but its id and name may be missing.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    mime_type: String,
    #[serde(default, deserialize_with = "readable")]
    size: Option<Number>,
    #[serde(default, deserialize_with = "readable")]
    md5_checksum: Option<Md5>,
    #[serde(default, deserialize_with = "readable")]
    sha256_checksum: Option<Sha256>,
    #[serde(default, deserialize_with = "few")]
    pub(super) parents: Vec<String>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) created_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) modified_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) trashed: bool,
    pub(super) drive_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) capabilities: Rights,
}

/// What the account may do with a folder, as far as was asked.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rights {
    pub(super) can_add_children: Option<bool>,
}

/// A number of 64 bits, which the service writes as a text (§1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let number = scalar(deserializer)?.and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| serde::de::Error::custom("not a number"))?;
        Ok(Number(number))
    }
}

impl File {
    pub(super) fn is_folder(&self) -> bool {
        self.mime_type == FOLDER
    }

    /// Bytes, rather than a folder, shortcut or document.
    pub(super) fn is_blob(&self) -> bool {
        !self.mime_type.starts_with(GOOGLE_APPS)
    }

    /// Which of several of a name is the one: the newest, and always the same.
    pub(super) fn precedence(&self) -> impl Ord + use<'_> {
        (
            self.is_blob(),
            self.modified_time,
            self.created_time,
            &self.id,
        )
    }

    /// Which of several was there before: the oldest first, and always the same.
    pub(super) fn age(&self) -> impl Ord + use<'_> {
        (self.created_time, &self.id)
    }

    /// Changes with the content, and with nothing else.
    fn version(&self) -> String {
        let content = match (&self.md5_checksum, &self.sha256_checksum) {
            (Some(md5), _) => md5.to_string(),
            (None, Some(sha256)) => sha256.to_string(),
            (None, None) => format!("{:?}", self.modified_time),
        };
        format!("{}:{content}", self.id)
    }

    /// The file in our words.
    pub(super) fn object(&self) -> Result<Object> {
        // An id that is none would lead to another file, or to all of them.
        if self.id.is_empty() || self.id.contains(':') {
            return Err(astray("it tells of a file with an impossible id"));
        }
        let kind = match self.is_blob() {
            true if is_temporary(&self.name) => ObjectKind::Temporary,
            true => ObjectKind::File,
            false => ObjectKind::Other,
        };
        let size = match (self.size, kind) {
            (Some(Number(size)), _) => size,
            (None, ObjectKind::Other) => 0,
            (None, _) => return Err(astray("it tells of a file without a size")),
        };
        Ok(Object {
            name: self.name.clone(),
            kind,
            size,
            modified: self.modified_time,
            sha256: self.sha256_checksum,
            md5: self.md5_checksum,
            version: self.version(),
        })
    }
}

/// The id in a version.
pub(super) fn id_of(version: &str) -> &str {
    version.split_once(':').map_or(version, |(id, _)| id)
}
