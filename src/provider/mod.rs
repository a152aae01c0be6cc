//! The provider seam: what a place that stores backups must be able to do.
//!
//! One object-safe, synchronous trait. A value of it is bound to one company's
//! remote directory: the [`FileName`]s given to it are single components, and
//! the constructor takes the directory, so no call can name anything outside.
//!
//! An upload has two phases. [`Provider::begin`] makes a [`Session`], a plain
//! value that a later process can take up; [`Provider::send`] moves the bytes
//! under a temporary name; [`Provider::inspect`] says what the provider really
//! holds; only then [`Provider::publish`] gives it its final name. What the
//! final name held stays whole until that last step.
//!
//! A provider classifies its errors ([`error::Kind`], [`error::Repeat`]) and never
//! repeats what failed: one policy above the seam ([`retry`]) decides, so every
//! call may come twice. `tests/suite/conformance.rs` holds every
//! provider to this contract.

pub mod error;
pub mod google_drive;
pub mod http;
mod lenient;
mod listing;
pub mod local;
pub mod oauth;
pub mod registry;
pub mod retry;
pub mod yandex_disk;

use std::fmt;
use std::io::{Cursor, Read, Seek};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};
use crate::hash::{Md5, Sha256};
use crate::name::FileName;
use crate::progress::Task;
use crate::text::printable;

pub use error::{Error, Result};

/// The providers there are. Their names are data in the application's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Yandex Disk, by its REST API.
    YandexDisk,
    /// Google Drive v3.
    GoogleDrive,
    /// A directory on this machine, such as a mounted NAS.
    Local,
}

impl ProviderKind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [ProviderKind; 3] = [Self::YandexDisk, Self::GoogleDrive, Self::Local];

    /// The name in the database, the provider file and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YandexDisk => "yandex_disk",
            Self::GoogleDrive => "google_drive",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ProviderKind {
    type Err = Failure;

    fn from_str(name: &str) -> std::result::Result<Self, Failure> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::name).join(", ");
                let shown = name;
                Failure::new(
                    Code::InvalidProvider,
                    format!("backup_provider must be one of: {known} (not '{shown}')"),
                )
            })
    }
}

/// What a provider can and cannot do.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// An interrupted [`Provider::send`] goes on where it stopped, also in another process.
    pub resumable: bool,
    /// [`Provider::stat`] and `Provider::list` give a SHA-256 for free.
    pub server_hash: bool,
    /// Deleted objects go to a trash first, unless deleted for good.
    pub trash: bool,
}

/// The answer to a connection test that went well.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Who or what answers: an account, or the root directory.
    pub account: String,
    /// What this storage is, however it is reached; see [`Provider::claim`].
    pub identity: Option<String>,
    /// How it is reached, where there are several ways.
    #[serde(flatten)]
    pub access: Option<Access>,
}

/// What was given to reach a provider, and what it allows.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// What kind of credentials, such as `service_account`.
    pub credentials: &'static str,
    /// What was allowed, as far as it is known.
    pub scope: Option<String>,
    /// Where all remote directories begin, as an operator calls it.
    pub folder: String,
    /// Whether backups can be stored there.
    pub can_write: bool,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.credentials.replace('_', " "))?;
        if let Some(scope) = &self.scope {
            write!(f, ", scope {}", printable(scope))?;
        }
        let may = if self.can_write {
            "stores in"
        } else {
            "only reads"
        };
        write!(f, ", {may} '{}'", printable(&self.folder))
    }
}

/// Room at the provider, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quota {
    /// All there is; absent when there is no limit.
    pub total: Option<u64>,
    /// What is taken.
    pub used: Option<u64>,
    /// What is left; absent when there is no limit.
    pub available: Option<u64>,
    /// What of the taken lies in the trash, where there is one.
    pub trash: Option<u64>,
    /// The largest file that is taken.
    pub max_file_size: Option<u64>,
}

impl Quota {
    /// Whether there is no limit, rather than one that nobody tells.
    pub fn is_unlimited(&self) -> bool {
        self.total.is_none() && self.available.is_none() && self.used.is_some()
    }
}

/// What a name in the remote directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A stored file.
    File,
    /// An unfinished upload of ours.
    Temporary,
    /// A folder, link, device or anything else that is no stored file.
    Other,
}

/// One object in the remote directory.
#[derive(Clone, Debug)]
pub struct Object {
    /// The name, exactly as the provider has it; it may be unfit for a [`FileName`].
    pub name: String,
    /// A file, or something that is none.
    pub kind: ObjectKind,
    /// Bytes.
    pub size: u64,
    /// When the provider says it was last written.
    pub modified: Option<Timestamp>,
    /// The SHA-256 of the stored bytes, where the provider computes one.
    pub sha256: Option<Sha256>,
    /// Their MD5, where the provider computes one; looked at only in want of a SHA-256.
    pub md5: Option<Md5>,
    /// Changes whenever the content may have changed: an id with a revision.
    pub version: String,
}

impl Object {
    /// When it was stored, as far as the provider tells; never later than now.
    pub fn stored_at(&self, now: Timestamp) -> Timestamp {
        self.modified.unwrap_or(now).min(now)
    }
}

/// An upload under way, as a value: it can be stored, and taken up by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The final name.
    pub name: String,
    /// The size announced, in bytes.
    pub size: u64,
    /// Where the bytes go meanwhile: a temporary name, or the provider's own handle.
    pub handle: String,
    /// The provider's number of the transfer, to ask by how it went; no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Where the provider takes the bytes, piece by piece. Whoever knows it can write there, so
    /// the provider has sealed it, and opens it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The bytes of an upload: as many as were announced, any of them as often as needed.
pub trait Content: Read + Seek {
    /// The provider has all bytes before this one for good.
    fn taken(&mut self, _offset: u64) {}
}

impl<T: AsRef<[u8]>> Content for Cursor<T> {}

/// How long to look for what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it is now.
    Once,
    /// Until it is there, as long as a provider may take to check it.
    Patiently,
}

/// How to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// To the trash, where the provider has one; else for good.
    Trash,
    /// For good.
    Permanent,
}

/// What a provider remembers from run to run, such as the ids of folders that a search may
/// not find yet.
pub trait Notes: Send + Sync {
    /// What was noted under a key.
    fn recall(&self, key: &str) -> Option<String>;

    /// Notes something for good, in place of what was noted before.
    fn note(&self, key: &str, value: &str) -> std::result::Result<(), Failure>;
}

/// One company's remote directory at one provider.
pub trait Provider: Send + Sync {
    /// Which provider this is.
    fn kind(&self) -> ProviderKind;

    /// What it can and cannot do.
    fn capabilities(&self) -> Capabilities;

    /// Tests the connection: reachable, credentials taken, writing allowed.
    ///
    /// Leaves nothing behind and makes nothing.
    fn check(&self) -> Result<Connection>;

    /// Marks the storage as in use by this tool, where that is possible, and
    /// returns its identity. A second call returns the same.
    ///
    /// The identity tells a NAS from the empty mount point below it, and one
    /// account from another.
    fn claim(&self) -> Result<String>;

    /// The room there is.
    fn quota(&self) -> Result<Quota>;

    /// The object of that name, or `None`. A missing directory is no error.
    fn stat(&self, name: &FileName) -> Result<Option<Object>>;

    /// Visits the objects of one page of the directory, in no order, foreign and
    /// temporary ones included, and returns where the next page begins: of the
    /// first page `None` is asked for, after the last `None` is returned. A missing
    /// directory is an empty one. The visitor may stop it with an error.
    ///
    /// Fails before the first visit, or not at all; with [`error::Kind::Changed`]
    /// when the directory changed so that objects may have been passed over.
    /// [`dyn Provider::list`](trait.Provider.html#method.list) puts the pages together.
    fn list_page(
        &self,
        page: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>>;

    /// Opens the object's bytes from `offset` on.
    ///
    /// Fails with [`error::Kind::Changed`] when the object is no longer the one
    /// of that version.
    fn read(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>>;

    /// Begins an upload of exactly `size` bytes, apart from any other unfinished
    /// one, of the same name or not. What is known not to fit is refused here. Makes the
    /// directory if it is missing.
    fn begin(&self, name: &FileName, size: u64) -> Result<Session>;

    /// Sends the bytes; the body stands at its first one, and gives exactly the size announced.
    ///
    /// Where sessions can be resumed, a second call, or one of another process, asks how far
    /// the session came and goes on from there; [`error::Kind::Missing`] when the
    /// session is gone. Elsewhere it is called once in a session.
    ///
    /// An error of the body comes back as [`error::Kind::Body`]; it leaves the
    /// session as it is, to be taken up or discarded. [`error::Kind::Unanswered`]
    /// is to be followed by a patient look.
    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Result<()>;

    /// What the provider holds under the session: size and hashes of what is
    /// stored, not of what was received. Fails with [`error::Kind::Missing`] when
    /// there is nothing.
    fn inspect(&self, session: &Session, look: Look, task: &dyn Task) -> Result<Object>;

    /// Gives the object that was inspected its final name, in place of what had it.
    /// Returns the object as it now stands, which is the one that was staged.
    ///
    /// At no instant is the name without the old content or the new; where the
    /// provider cannot do that in one step, [`Provider::publish`], [`Provider::settle`] and
    /// [`Provider::discard`] finish what a killed run began.
    fn publish(&self, session: &Session, staged: &Object) -> Result<Object>;

    /// Finishes the publication of an object that was just verified, should the run that gave it
    /// its name not have come so far: the name is made to stay, and what else has it, where names
    /// may be there more than once, is put away.
    fn settle(&self, object: &Object) -> Result<()>;

    /// Removes what the session stored. A session that is gone is no error.
    ///
    /// Returns whether that settles it: `false` while the provider may still be
    /// storing what it was sent. Then it is asked again later.
    fn discard(&self, session: &Session) -> Result<bool>;

    /// Deletes an object; whether there was one.
    fn delete(&self, name: &FileName, deletion: Deletion) -> Result<bool>;
}

/// Locks, whatever became of the thread that had it before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
