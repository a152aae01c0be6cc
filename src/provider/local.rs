//! The local provider: a directory on this machine, such as a mounted NAS.
//!
//! The root is followed wherever the operator's path leads; below it nothing
//! is followed: each component of the remote directory must be a real
//! directory, each backup a regular file. Uploads are written beside their
//! target, settled, read back from the medium and renamed.

mod exact;
mod root;

use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use jiff::Timestamp;
use rustix::fs::FileType;

use self::exact::{Found, find};
use self::root::Root;
use super::error::{Kind, Shortage, disk, ended_early, watch};
use super::{
    Capabilities, Connection, Content, Deletion, Error, Look, Object, ObjectKind, Provider,
    ProviderKind, Quota, Result, Session,
};
use crate::dir::{Dir, Entry, Stamp, is_link_refusal, lacks_room, who_may_write};
use crate::name::{FileName, is_temporary};
use crate::progress::Task;
use crate::remote_path::RemotePath;
use crate::staging::{Staging, read_back, read_from_medium};
use crate::text::bytes;

pub use self::root::{Identity, refuse_empty_root};

const KIND: ProviderKind = ProviderKind::Local;

/// A root directory and one remote directory below it.
pub struct Local {
    root: Root,
    directory: Option<RemotePath>,
}

impl Local {
    /// Binds a root and a company's directory; without one, only the root can be asked about.
    pub fn new(root: PathBuf, directory: Option<RemotePath>, identity: Identity) -> Self {
        Local {
            root: Root::new(root, identity),
            directory,
        }
    }

    /// The company's directory, or `None` while it does not exist.
    fn open_directory(&self) -> Result<Option<Dir>> {
        let Some(mut dir) = self.root.open()? else {
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
        let mut dir = self.root.make()?;
        for name in self.components() {
            dir = dir
                .descend_or_make(name)
                .map_err(|error| step_failed(&dir, name, error))?;
        }
        Ok(dir)
    }

    fn components(&self) -> impl Iterator<Item = &str> {
        self.directory.iter().flat_map(RemotePath::components)
    }
}

fn step_failed(dir: &Dir, name: &str, error: io::Error) -> Error {
    let path = dir.path().join(name);
    if is_link_refusal(&error) {
        let detail = format!(
            "the remote directory leads through '{}', which is no directory of its own",
            path.display()
        );
        return Error::new(KIND, Kind::Misplaced, detail).hint(
            "below the root, links are not followed: replace it with a real directory, or choose another --remote-path",
        );
    }
    let who = who_may_write(dir.path(), &error);
    let doing = format!("cannot open the remote directory '{}'", path.display());
    advised(disk(KIND, &doing, error, None), who)
}

/// With the way out, where one is known.
fn advised(error: Error, hint: Option<String>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Changes with every write. Without the device: its number may be another after a new mount.
fn version(stamp: &Stamp) -> String {
    format!("{}:{}:{}", stamp.inode, stamp.size, stamp.changed)
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
        md5: None,
        version: version(&entry.stamp),
    }
}

/// An error while writing `name`, with the room left when that is what is missing.
fn write_failed(dir: &Dir, name: &str, needed: u64, error: io::Error) -> Error {
    let doing = format!("cannot write '{}'", dir.path().join(name).display());
    match dir.space() {
        Ok((_, free)) if lacks_room(&error) => {
            let doing = format!("{doing}, {} needed and {} free", bytes(needed), bytes(free));
            let free = Some(free);
            disk(KIND, &doing, error, Some(Shortage { needed, free }))
        }
        _ => {
            let who = who_may_write(dir.path(), &error);
            advised(disk(KIND, &doing, error, None), who)
        }
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
        self.root.probe()?;
        Ok(Connection {
            account: self.root.path().display().to_string(),
            access: None,
            identity: self.root.known_id().map(str::to_owned),
        })
    }

    fn claim(&self) -> Result<String> {
        self.root.claim()
    }

    fn quota(&self) -> Result<Quota> {
        let (total, free) = self.root.space()?;
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
        let found = find(&dir, name.as_str()).map_err(|error| {
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
        Ok(found.entry().map(|entry| object(name.as_str(), &entry)))
    }

    /// One page holds all: the file system is asked as the visits go on.
    fn list_page(
        &self,
        _: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        let Some(dir) = self.open_directory()? else {
            return Ok(None);
        };
        let failed = |error| {
            let doing = format!("cannot list '{}'", dir.path().display());
            disk(KIND, &doing, error, None)
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
        Ok(None)
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
        read_from_medium(&file);
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
        let taken = find(&dir, name.as_str()).map_err(|error| disk(KIND, &doing(), error, None))?;
        if let Found::OtherCase(other) = &taken {
            let detail = format!(
                "'{name}' cannot be stored beside '{other}' in '{}': the file system there takes both for one",
                dir.path().display()
            );
            return Err(Error::new(KIND, Kind::NotAFile, detail)
                .hint("rename one of the two, or use a storage that tells capital letters from small ones"));
        }
        if taken
            .entry()
            .is_some_and(|entry| entry.kind != FileType::RegularFile)
        {
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
            handle: name
                .temporary()
                .map_err(|error| disk(KIND, "cannot name the upload", error, None))?,
            operation: None,
            address: None,
        })
    }

    fn send(&self, session: &Session, body: &mut dyn Content, _: &dyn Task) -> Result<()> {
        let dir = self.make_directory()?;
        let failed = |error| write_failed(&dir, &session.handle, session.size, error);
        let mut staging = Staging::create(&dir, &session.handle, session.size).map_err(failed)?;
        // What was given, not what is there: whether the medium took all of it shows when it is inspected.
        let mut sent = 0;
        let count = |block: &[u8]| {
            sent += block.len() as u64;
            Ok(())
        };
        staging.append(&mut *body, count).map_err(failed)?;
        if sent < session.size {
            return Err(failed(ended_early(sent, session.size)));
        }
        // A failed sync may have thrown the bytes away: dropping the file is the only honest answer.
        staging.settle().map_err(failed)?;
        staging.keep();
        Ok(())
    }

    fn inspect(&self, session: &Session, _: Look, task: &dyn Task) -> Result<Object> {
        let dir = self.make_directory()?;
        let doing = format!(
            "cannot read back '{}'",
            dir.path().join(&session.handle).display()
        );
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(KIND, Kind::Missing, doing.clone()),
            _ => disk(KIND, &doing, error, None),
        };
        let mut file = dir.open_file(&session.handle).map_err(failed)?;
        let entry = Entry::of(&file).map_err(failed)?;
        if entry.stamp.size != session.size {
            // Cut short: its bytes need not be read to know.
            return Ok(object(&session.handle, &entry));
        }
        let (sha256, size) = read_back(&mut file, |count| watch(task, count)).map_err(failed)?;
        Ok(Object {
            size,
            sha256: Some(sha256),
            ..object(&session.handle, &entry)
        })
    }

    fn publish(&self, session: &Session, _: &Object) -> Result<Object> {
        let dir = self.make_directory()?;
        let doing = format!(
            "cannot rename to '{}'",
            dir.path().join(&session.name).display()
        );
        let failed = |error: io::Error| match error.kind() {
            // The directory was removed with what was in it, and is a new one by now.
            io::ErrorKind::NotFound => {
                Error::new(KIND, Kind::Missing, format!("{doing}: it is gone"))
            }
            _ if lacks_room(&error) => write_failed(&dir, &session.name, session.size, error),
            _ => disk(KIND, &doing, error, None),
        };
        dir.rename(&session.handle, &session.name).map_err(failed)?;
        dir.sync().map_err(failed)?;
        let entry = dir.entry(&session.name).map_err(failed)?;
        let entry = entry.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        Ok(object(&session.name, &entry))
    }

    /// The run that gave it its name may have been killed, or have failed, before that was settled.
    fn settle(&self, object: &Object) -> Result<()> {
        let Some(dir) = self.open_directory()? else {
            return Ok(());
        };
        let doing = format!(
            "cannot settle '{}'",
            dir.path().join(&object.name).display()
        );
        dir.sync().map_err(|error| disk(KIND, &doing, error, None))
    }

    fn discard(&self, session: &Session) -> Result<bool> {
        let Some(dir) = self.open_directory()? else {
            return Ok(true);
        };
        let doing = format!(
            "cannot remove '{}'",
            dir.path().join(&session.handle).display()
        );
        if is_temporary(&session.handle) {
            dir.remove(&session.handle)
                .map_err(|error| disk(KIND, &doing, error, None))?;
        }
        Ok(true)
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
        match find(&dir, name.as_str()).map_err(failed)?.entry() {
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
