//! The root of the local provider, and the marker that tells it from an empty mount point.
//!
//! A configured root carries a marker file with an id. Once that id is known,
//! a root without it is "not connected": the NAS is not mounted, and the mount
//! point on the system disk must not be taken for it. The marker is looked up
//! in the very directory handle that is used afterwards.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::error::{Kind, Reason};
use super::super::{Error, ProviderKind, Result};
use crate::dir::{Dir, make_folders, who_may_write};
use crate::hash::random_id;
use crate::staging::Staging;
use crate::text::system_reason;

const KIND: ProviderKind = ProviderKind::Local;
const MARKER: &str = ".vertex-backup-root";
const PROBE: &str = ".vertex-backup-probe";
const MAX_MARKER_BYTES: u64 = 4096;
const OTHER_ROOT: &str =
    "check who may use it, or choose another: vertex-backup providers set local --root DIR";

/// What is known of the root's marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The built-in root in the data directory: no marker is needed.
    Builtin,
    /// A configured root that was never used.
    Unclaimed,
    /// A configured root that must carry this id.
    Known(String),
}

/// A root directory that may not be there.
pub(super) struct Root {
    path: PathBuf,
    identity: Identity,
}

impl Root {
    pub(super) fn new(path: PathBuf, identity: Identity) -> Self {
        Root { path, identity }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The id the root must carry, where one is known.
    pub(super) fn known_id(&self) -> Option<&str> {
        match &self.identity {
            Identity::Known(id) => Some(id),
            Identity::Builtin | Identity::Unclaimed => None,
        }
    }

    /// The root, checked to be the right one; `None` where it may still be made.
    pub(super) fn open(&self) -> Result<Option<Dir>> {
        let dir = match Dir::open(&self.path) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return if self.known_id().is_some() {
                    Err(self.not_mounted("is missing"))
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(self.forbidden("open", &error)),
        };
        if let Some(expected) = self.known_id() {
            match self.marker(&dir)? {
                Some(found) if found == expected => {}
                Some(_) => {
                    return Err(self.not_mounted("is another storage than the one used before"));
                }
                None => {
                    return Err(self.not_mounted(
                        "does not hold the storage used before: its marker is missing",
                    ));
                }
            }
        }
        Ok(Some(dir))
    }

    /// As [`Root::open`], making it where it may be made.
    pub(super) fn make(&self) -> Result<Dir> {
        if let Some(dir) = self.open()? {
            return Ok(dir);
        }
        let made = make_folders(&self.path);
        made.map_err(|error| self.forbidden("make", &error))?;
        self.open()?.ok_or_else(|| self.not_mounted("is missing"))
    }

    /// The id this root carries from now on. Of two who claim at once, one id stays.
    pub(super) fn claim(&self) -> Result<String> {
        let dir = self.make()?;
        if self.identity == Identity::Builtin {
            return Ok("builtin".into());
        }
        if let Some(id) = self.marker(&dir)? {
            return Ok(id);
        }
        let write = || -> io::Result<String> {
            let id = random_id()?;
            let marker =
                json!({ "id": id, "made_by": "vertex-backup", "made_at": Timestamp::now() });
            let temporary = format!("{MARKER}-{}", &id[..8]);
            let text = format!("{marker}\n");
            let mut staging = Staging::create(&dir, &temporary, text.len() as u64)?;
            staging.fill(text.as_bytes())?;
            staging.publish(MARKER, false)?;
            Ok(id)
        };
        match write() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self
                .marker(&dir)?
                .ok_or_else(|| self.not_mounted("changes at this moment")),
            result => result.map_err(|error| self.forbidden("write in", &error)),
        }
    }

    /// Writes and removes a file where the root is, or where it would be made.
    pub(super) fn probe(&self) -> Result<()> {
        let there = self.open()?;
        let try_it = || -> io::Result<()> {
            let dir = match there {
                Some(dir) => dir,
                None => Dir::open(self.nearest())?,
            };
            let name = format!("{PROBE}-{}", &random_id()?[..8]);
            let mut staging = Staging::create(&dir, &name, 0)?;
            staging.append(&mut &b"vertex-backup connection test\n"[..], |_| Ok(()))
        };
        try_it().map_err(|error| self.forbidden("write in", &error))
    }

    /// Bytes in all and free, where the root is or would be made.
    pub(super) fn space(&self) -> Result<(u64, u64)> {
        let dir = match self.open()? {
            Some(dir) => Ok(dir),
            None => Dir::open(self.nearest()),
        };
        dir.and_then(|dir| dir.space())
            .map_err(|error| self.forbidden("ask for the free space of", &error))
    }

    /// The nearest directory above that exists.
    fn nearest(&self) -> &Path {
        self.path
            .ancestors()
            .find(|place| place.exists())
            .unwrap_or(Path::new("/"))
    }

    fn marker(&self, dir: &Dir) -> Result<Option<String>> {
        let mut text = String::new();
        let read = dir
            .open_file(MARKER)
            .and_then(|file| file.take(MAX_MARKER_BYTES).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.forbidden("read the marker of", &error)),
            Ok(_) => {}
        }
        let marker: Option<Value> = serde_json::from_str(&text).ok();
        let id = marker
            .as_ref()
            .and_then(|marker| marker.get("id")?.as_str());
        id.map(|id| Some(id.to_owned()))
            .ok_or_else(|| self.not_mounted("has a damaged marker"))
    }

    fn not_mounted(&self, why: &str) -> Error {
        not_mounted(&self.path, why)
    }

    fn forbidden(&self, doing: &str, error: &io::Error) -> Error {
        // A server took back what it had handed out, as NFS does.
        if error.kind() == io::ErrorKind::StaleNetworkFileHandle {
            return self.not_mounted("is not served any more (stale file handle)");
        }
        let why = format!(
            "cannot {doing} the root '{}': {}",
            self.path.display(),
            system_reason(error)
        );
        let hint = match who_may_write(&self.path, error) {
            Some(who) => format!("{who}; {OTHER_ROOT}"),
            None => OTHER_ROOT.to_owned(),
        };
        Error::new(KIND, Kind::Connection(Reason::Forbidden), why).hint(hint)
    }
}

/// Fails for a root that is missing or empty, though it should hold backups.
///
/// # Errors
/// [`Reason::NotMounted`]; what the system says of a root that cannot be looked into is left
/// to whoever uses it.
pub fn refuse_empty_root(root: &Path) -> Result<()> {
    let is_empty = match Dir::open(root).and_then(|dir| Ok(dir.names()?.next().is_none())) {
        Ok(is_empty) => is_empty,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_empty {
        let why =
            "is empty, though companies have their backups there, and nothing is recorded of it";
        return Err(not_mounted(root, why));
    }
    Ok(())
}

fn not_mounted(root: &Path, why: &str) -> Error {
    let root = root.display();
    let detail = format!("the root '{root}' {why}");
    Error::new(KIND, Kind::Connection(Reason::NotMounted), detail).hint(format!(
        "mount the storage there; to take what is there now: vertex-backup providers set local --root '{root}' --accept"
    ))
}
