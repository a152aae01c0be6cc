//! The local provider: a directory on this machine, such as a mounted NAS.
//!
//! The root is followed wherever the operator's path leads; below it nothing
//! is followed: each component of the remote directory must be a real
//! directory, each backup a regular file. Uploads are written beside their
//! target, settled, read back from the medium and renamed.
//!
//! A configured root carries a marker file with an id. Once that id is known,
//! a root without it is "not connected": the NAS is not mounted, and the empty
//! mount point on the system disk must not be taken for it.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::FileType;
use serde_json::json;

use super::error::{Kind, Reason, Shortage, disk};
use super::{
    Capabilities, Connection, Deletion, Error, Object, ObjectKind, Provider, ProviderKind, Quota,
    Result, Session,
};
use crate::dir::{Dir, Entry, Stamp, is_link_refusal};
use crate::hash::random_id;
use crate::name::{FileName, is_temporary};
use crate::progress::Task;
use crate::remote_path::RemotePath;
use crate::staging::{Staging, read_back, write_atomically};
use crate::text::{bytes, system_reason};

/// The file that tells the root from an empty mount point.
const MARKER: &str = ".vertex-backup-root";
const PROBE: &str = ".vertex-backup-probe";
const KIND: ProviderKind = ProviderKind::Local;

/// A root directory and one remote directory below it.
pub struct Local {
    root: PathBuf,
    directory: Option<RemotePath>,
    identity: Identity,
}

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

impl Local {
    /// Binds a root and a company's directory; without one, only the root can be asked about.
    pub fn new(root: PathBuf, directory: Option<RemotePath>, identity: Identity) -> Self {
        Local {
            root,
            directory,
            identity,
        }
    }

    /// The root, made if it is missing, and the right one.
    fn make_root(&self) -> Result<Dir> {
        self.check_marker()?;
        make_directories(&self.root).map_err(|error| {
            let why = format!(
                "cannot make the root '{}': {}",
                self.root.display(),
                system_reason(&error)
            );
            Error::new(KIND, Kind::Connection(Reason::Forbidden), why)
        })?;
        self.open_root()?.ok_or_else(|| self.missing_root())
    }

    /// The root if it exists, or `None` where it may still be made.
    fn open_root(&self) -> Result<Option<Dir>> {
        match Dir::open(&self.root) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let why = format!(
                    "cannot open the root '{}': {}",
                    self.root.display(),
                    system_reason(&error)
                );
                Err(Error::new(KIND, Kind::Connection(Reason::Forbidden), why)
                    .hint("check the directory's owner and mode, or choose another: vertex-backup providers set local --root DIR"))
            }
        }
    }

    fn missing_root(&self) -> Error {
        let why = format!("the root '{}' is missing", self.root.display());
        Error::new(KIND, Kind::Connection(Reason::NotMounted), why)
            .hint("mount the storage, or choose another root: vertex-backup providers set local --root DIR")
    }

    /// The id in the root's marker file, if there is one.
    fn marker(&self) -> Result<Option<String>> {
        let path = self.root.join(MARKER);
        let unreadable = |why: &str| {
            let why = format!("cannot read the marker '{}': {why}", path.display());
            Error::new(KIND, Kind::Connection(Reason::Forbidden), why)
        };
        let Some(dir) = self.open_root()? else {
            return Ok(None);
        };
        let mut text = String::new();
        let read = dir
            .open_file(MARKER)
            .and_then(|file| file.take(4096).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&system_reason(&error))),
        }
        let marker: serde_json::Value =
            serde_json::from_str(&text).map_err(|_| unreadable("it is damaged"))?;
        match marker.get("id").and_then(serde_json::Value::as_str) {
            Some(id) => Ok(Some(id.to_owned())),
            None => Err(unreadable("it holds no id")),
        }
    }

    fn check_marker(&self) -> Result<()> {
        let Identity::Known(expected) = &self.identity else {
            return Ok(());
        };
        let why = match self.marker()? {
            Some(found) if found == *expected => return Ok(()),
            Some(_) => format!(
                "'{}' is another storage than the one used before",
                self.root.display()
            ),
            None => format!(
                "'{}' does not hold the storage used before ({MARKER} is missing)",
                self.root.display()
            ),
        };
        Err(
            Error::new(KIND, Kind::Connection(Reason::NotMounted), why).hint(format!(
                "mount the storage at '{root}'; to start anew on what is there now: \
             vertex-backup providers set local --root '{root}'",
                root = self.root.display()
            )),
        )
    }

    /// The company's directory, or `None` while it does not exist.
    fn open_directory(&self) -> Result<Option<Dir>> {
        self.check_marker()?;
        let Some(mut dir) = self.open_root()? else {
            return Ok(None);
        };
        for name in self.components() {
            dir = match dir.descend(name) {
                Ok(dir) => dir,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(step_failed(&dir, name, error)),
            };
        }
        Ok(Some(dir))
    }

    fn make_directory(&self) -> Result<Dir> {
        let mut dir = self.make_root()?;
        for name in self.components() {
            dir = match dir.descend_or_make(name) {
                Ok(dir) => dir,
                Err(error) => return Err(step_failed(&dir, name, error)),
            };
        }
        Ok(dir)
    }

    fn components(&self) -> impl Iterator<Item = &str> {
        self.directory.iter().flat_map(RemotePath::components)
    }

    /// What [`Provider::check`] tries: writing and removing a file where the root is or would be.
    fn probe(&self) -> io::Result<()> {
        let mut place = self.root.as_path();
        while !place.exists() {
            place = place.parent().unwrap_or(Path::new("/"));
        }
        let dir = Dir::open(place)?;
        let name = format!("{PROBE}-{}", &random_id()?[..8]);
        let mut staging = Staging::create(&dir, &name, 0)?;
        staging.append(&mut &b"vertex-backup connection test\n"[..], |_| Ok(()))
    }
}

/// Makes a path of directories, each 0700; those that exist are left as they are.
fn make_directories(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

fn step_failed(dir: &Dir, name: &str, error: io::Error) -> Error {
    let path = dir.path().join(name);
    if is_link_refusal(&error) {
        let detail = format!(
            "the remote directory leads through '{}', which is no directory of its own",
            path.display()
        );
        return Error::new(KIND, Kind::Misplaced, detail)
            .hint("below the root, links are not followed: replace it with a real directory, or choose another --remote-path");
    }
    disk(
        KIND,
        &format!("cannot open the remote directory '{}'", path.display()),
        error,
        None,
    )
}

/// Changes with every write: the inode, and when it last changed.
fn version(stamp: &Stamp) -> String {
    format!(
        "{}:{}:{}:{}",
        stamp.device, stamp.inode, stamp.size, stamp.changed
    )
}

fn object(name: &str, entry: &Entry) -> Object {
    let kind = match entry.kind {
        FileType::RegularFile if is_temporary(name) => ObjectKind::Temporary,
        FileType::RegularFile => ObjectKind::File,
        _ => ObjectKind::Other,
    };
    Object {
        name: name.to_owned(),
        kind,
        size: entry.stamp.size,
        modified: Timestamp::from_nanosecond(i128::from(entry.stamp.modified)).ok(),
        sha256: None,
        version: version(&entry.stamp),
    }
}

/// An error while writing `name`, with the room left when that is what is missing.
fn write_failed(dir: &Dir, name: &str, needed: u64, error: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let doing = format!("cannot write '{}'", dir.path().join(name).display());
    match (error.kind(), dir.space()) {
        (StorageFull | QuotaExceeded | FileTooLarge, Ok((_, free))) => {
            let doing = format!("{doing}, {} needed and {} free", bytes(needed), bytes(free));
            disk(KIND, &doing, error, Some(Shortage { needed, free }))
        }
        _ => disk(KIND, &doing, error, None),
    }
}

impl Provider for Local {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            resumable: false,
            server_hash: false,
            trash: false,
        }
    }

    fn check(&self) -> Result<Connection> {
        self.check_marker()?;
        self.open_root()?;
        self.probe().map_err(|error| {
            let why = format!("cannot write in the root '{}': {}", self.root.display(), system_reason(&error));
            Error::new(KIND, Kind::Connection(Reason::Forbidden), why)
                .hint("check the directory's owner and mode, or choose another: vertex-backup providers set local --root DIR")
        })?;
        let identity = match &self.identity {
            Identity::Known(id) => Some(id.clone()),
            Identity::Builtin | Identity::Unclaimed => None,
        };
        Ok(Connection {
            account: self.root.display().to_string(),
            identity,
        })
    }

    fn claim(&self) -> Result<String> {
        let root = self.make_root()?;
        if self.identity == Identity::Builtin {
            return Ok("builtin".into());
        }
        if let Some(id) = self.marker()? {
            return Ok(id);
        }
        let id = random_id().map_err(|error| disk(KIND, "cannot make an id", error, None))?;
        let text = format!(
            "{}\n",
            json!({ "id": id, "made_by": "vertex-backup", "made_at": Timestamp::now().to_string() })
        );
        write_atomically(&self.root.join(MARKER), text.as_bytes())
            .map_err(|error| write_failed(&root, MARKER, text.len() as u64, error))?;
        Ok(id)
    }

    fn quota(&self) -> Result<Quota> {
        self.check_marker()?;
        let mut place = self.root.as_path();
        while !place.exists() {
            place = place.parent().unwrap_or(Path::new("/"));
        }
        let space = Dir::open(place).and_then(|dir| dir.space());
        let (total, free) = space.map_err(|error| {
            disk(
                KIND,
                &format!("cannot ask '{}' for its free space", place.display()),
                error,
                None,
            )
        })?;
        Ok(Quota {
            total: Some(total),
            used: Some(total.saturating_sub(free)),
            available: Some(free),
            trash: None,
            max_file_size: None,
        })
    }

    fn stat(&self, name: &FileName) -> Result<Option<Object>> {
        let Some(dir) = self.open_directory()? else {
            return Ok(None);
        };
        let entry = dir.entry(name.as_str()).map_err(|error| {
            disk(
                KIND,
                &format!(
                    "cannot look at '{}'",
                    dir.path().join(name.as_str()).display()
                ),
                error,
                None,
            )
        })?;
        Ok(entry.map(|entry| object(name.as_str(), &entry)))
    }

    fn list(&self, visit: &mut dyn FnMut(Object) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Some(dir) = self
            .open_directory()
            .map_err(crate::failure::Failure::from)?
        else {
            return Ok(());
        };
        let failed = |error| {
            let error = disk(
                KIND,
                &format!("cannot list '{}'", dir.path().display()),
                error,
                None,
            );
            crate::failure::Failure::from(error)
        };
        for name in dir.names().map_err(failed)? {
            let name = name.map_err(failed)?;
            // Removed between the two looks: then it is not there.
            if let Some(entry) = dir.entry(&name).map_err(failed)? {
                let mut object = object(&name.to_string_lossy(), &entry);
                if name.to_str().is_none() {
                    object.kind = ObjectKind::Other;
                }
                visit(object)?;
            }
        }
        Ok(())
    }

    fn read(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>> {
        let changed = || {
            Error::new(
                KIND,
                Kind::Changed,
                format!("'{}' changed while it was read", object.name),
            )
        };
        let dir = self.open_directory()?.ok_or_else(changed)?;
        let doing = format!("cannot read '{}'", dir.path().join(&object.name).display());
        let mut file = match dir.open_file(&object.name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed()),
            Err(error) => return Err(disk(KIND, &doing, error, None)),
        };
        let stamp = Stamp::of(&file).map_err(|error| disk(KIND, &doing, error, None))?;
        if version(&stamp) != object.version {
            return Err(changed());
        }
        file.seek(SeekFrom::Start(offset))
            .map_err(|error| disk(KIND, &doing, error, None))?;
        // Not one byte more than the size that was looked up.
        Ok(Box::new(file.take(object.size.saturating_sub(offset))))
    }

    fn begin(&self, name: &FileName, size: u64) -> Result<Session> {
        let dir = self.make_directory()?;
        let doing = || {
            format!(
                "cannot look at '{}'",
                dir.path().join(name.as_str()).display()
            )
        };
        let taken = dir
            .entry(name.as_str())
            .map_err(|error| disk(KIND, &doing(), error, None))?;
        if taken.is_some_and(|entry| entry.kind != FileType::RegularFile) {
            let detail = format!(
                "'{}' is not a file, and is left alone",
                dir.path().join(name.as_str()).display()
            );
            return Err(
                Error::new(KIND, Kind::NotAFile, detail).hint("remove it, or rename it, by hand")
            );
        }
        let (_, free) = dir
            .space()
            .map_err(|error| disk(KIND, &doing(), error, None))?;
        if free < size {
            return Err(write_failed(
                &dir,
                name.as_str(),
                size,
                io::ErrorKind::StorageFull.into(),
            ));
        }
        Ok(Session {
            name: name.as_str().to_owned(),
            size,
            handle: name.temporary(),
        })
    }

    fn send(&self, session: &Session, body: &mut dyn Read) -> Result<()> {
        let dir = self.make_directory()?;
        let failed = |error| write_failed(&dir, &session.handle, session.size, error);
        let mut staging = Staging::create(&dir, &session.handle, session.size).map_err(failed)?;
        staging.append(body, |_| Ok(())).map_err(failed)?;
        // A failed sync may have thrown the bytes away: dropping the file is the only honest answer.
        staging.settle().map_err(failed)?;
        staging.keep();
        Ok(())
    }

    fn inspect(&self, session: &Session, task: &dyn Task) -> Result<Object> {
        let dir = self.make_directory()?;
        let doing = format!(
            "cannot read back '{}'",
            dir.path().join(&session.handle).display()
        );
        let failed = |error| disk(KIND, &doing, error, None);
        let mut file: File = dir.open_file(&session.handle).map_err(failed)?;
        let (sha256, size) = read_back(&mut file, |count| {
            task.advance(count);
            crate::interrupt::check().map_err(|failure| super::error::smuggle(failure.into()))
        })
        .map_err(failed)?;
        let stamp = Stamp::of(&file).map_err(failed)?;
        let entry = Entry {
            kind: FileType::RegularFile,
            stamp,
        };
        Ok(Object {
            size,
            sha256: Some(sha256),
            ..object(&session.handle, &entry)
        })
    }

    fn publish(&self, session: &Session) -> Result<Object> {
        let dir = self.make_directory()?;
        let doing = format!(
            "cannot rename to '{}'",
            dir.path().join(&session.name).display()
        );
        let failed = |error| disk(KIND, &doing, error, None);
        dir.rename(&session.handle, &session.name).map_err(failed)?;
        dir.sync().map_err(failed)?;
        let entry = dir.entry(&session.name).map_err(failed)?;
        let entry = entry.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        Ok(object(&session.name, &entry))
    }

    fn discard(&self, session: &Session) -> Result<()> {
        let Some(dir) = self.open_directory()? else {
            return Ok(());
        };
        let doing = format!(
            "cannot remove '{}'",
            dir.path().join(&session.handle).display()
        );
        if is_temporary(&session.handle) {
            dir.remove(&session.handle)
                .map_err(|error| disk(KIND, &doing, error, None))?;
        }
        Ok(())
    }

    fn delete(&self, name: &FileName, _: Deletion) -> Result<bool> {
        let Some(dir) = self.open_directory()? else {
            return Ok(false);
        };
        let path = dir.path().join(name.as_str());
        let failed = |error| {
            disk(
                KIND,
                &format!("cannot delete '{}'", path.display()),
                error,
                None,
            )
        };
        match dir.entry(name.as_str()).map_err(failed)? {
            None => return Ok(false),
            Some(entry) if entry.kind == FileType::RegularFile => {}
            Some(_) => {
                let detail = format!("'{}' is not a file, and is left alone", path.display());
                return Err(Error::new(KIND, Kind::NotAFile, detail));
            }
        }
        let gone = dir.remove(name.as_str()).map_err(failed)?;
        dir.sync().map_err(failed)?;
        Ok(gone)
    }
}
