//! A private folder for what is needed for a moment, and gone afterwards.
//!
//! It is locked as long as its process lives, and removed when the process is
//! done with it. What a killed process left is removed by the next one: only
//! folders with our mark, of this user, that nobody has locked.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::dir::Dir;
use crate::failure::{Code, Failure};
use crate::hash::random_id;
use crate::text::{bytes, system_reason};

/// What our folders' names begin with.
const MARK: &str = "vertex-backup-scratch-";

/// The way out when there is no room.
const ELSEWHERE: &str = "make room, or choose another place with --scratch DIR";

/// A folder of our own. Dropped, it is removed with all that is in it.
pub struct Scratch {
    base: Dir,
    name: String,
    dir: Dir,
}

impl Scratch {
    /// Makes a folder inside `base`, and clears away those that killed runs left there.
    ///
    /// # Errors
    /// `local_io` when `base` is no folder, or cannot be written.
    pub fn inside(base: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let detail = format!(
                "cannot make a scratch folder in '{}': {}",
                base.display(),
                system_reason(&error)
            );
            Failure::new(Code::LocalIo, detail)
                .hint("make the folder, or choose another with --scratch DIR")
        };
        let base = Dir::open(base).map_err(failed)?;
        // What cannot be cleared away is no reason to do nothing.
        let _ = sweep(&base);
        loop {
            let name = format!("{MARK}{}", random_id().map_err(failed)?);
            let dir = base.make(&name).map_err(failed)?;
            // Between the two steps another run may have taken it for one that was left.
            if dir.try_lock().unwrap_or(true) && is_named(&base, &name, &dir).map_err(failed)? {
                return Ok(Scratch { base, name, dir });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// Opened for reading what is in it.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Fails when what is to be put into it is known not to fit.
    ///
    /// # Errors
    /// `local_io` with the bytes needed and free.
    pub fn check_room(&self, needed: u64) -> Result<(), Failure> {
        let (_, free) = self.dir.space().map_err(|error| {
            let detail = format!(
                "cannot look at '{}': {}",
                self.dir.path().display(),
                system_reason(&error)
            );
            Failure::new(Code::LocalIo, detail)
        })?;
        if free >= needed {
            return Ok(());
        }
        let detail = format!(
            "no room in '{}': {} needed, {} free",
            self.dir.path().display(),
            bytes(needed),
            bytes(free)
        );
        Err(Failure::new(Code::LocalIo, detail)
            .hint(ELSEWHERE)
            .field("needed", needed)
            .field("free", free))
    }

    /// The same failure, with the way out that this folder has.
    pub fn advise(error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Failure>() {
            Ok(failure) if failure.code() == Code::LocalIo => failure.hint(ELSEWHERE).into(),
            Ok(failure) => failure.into(),
            Err(error) => error,
        }
    }

    /// Removes what is in it.
    ///
    /// # Errors
    /// `local_io` when something cannot be removed.
    pub fn empty(&self) -> Result<(), Failure> {
        empty(&self.dir).map_err(|error| {
            let detail = format!(
                "cannot clear '{}': {}",
                self.dir.path().display(),
                system_reason(&error)
            );
            Failure::new(Code::LocalIo, detail)
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next run removes it.
        let _ = empty(&self.dir).and_then(|()| self.base.remove_dir(&self.name));
    }
}

/// Removes the folders whose processes are gone.
fn sweep(base: &Dir) -> io::Result<()> {
    for name in base.names()? {
        let name = name?;
        if let Some(name) = name.to_str().filter(|name| name.starts_with(MARK)) {
            // One that resists does not keep the others.
            let _ = sweep_one(base, name);
        }
    }
    Ok(())
}

fn sweep_one(base: &Dir, name: &str) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    let entry = base.entry(name)?;
    if !entry.is_some_and(|entry| entry.kind == FileType::Directory && entry.owner == own) {
        return Ok(());
    }
    let dir = base.descend(name)?;
    // Where the file system knows no locks, nobody can tell whether it is in use.
    if dir.try_lock()? && is_named(base, name, &dir)? {
        empty(&dir)?;
        base.remove_dir(name)?;
    }
    Ok(())
}

fn is_named(base: &Dir, name: &str, dir: &Dir) -> io::Result<bool> {
    let ours = dir.stamp()?;
    let entry = base.entry(name)?;
    Ok(entry.is_some_and(|entry| entry.stamp.same_file(&ours)))
}

/// Removes the files of a folder. We never make folders in it.
fn empty(dir: &Dir) -> io::Result<()> {
    for name in dir.names()? {
        dir.remove(&name?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_left_goes_and_what_is_in_use_stays() {
        let base = tempfile::tempdir().unwrap();
        let left = base.path().join(format!("{MARK}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("x.db"), "x").unwrap();
        let foreign = base.path().join("vertex-backup");
        fs::create_dir(&foreign).unwrap();
        let link = base.path().join(format!("{MARK}link"));
        std::os::unix::fs::symlink(&foreign, &link).unwrap();
        fs::write(foreign.join("kept"), "x").unwrap();

        let first = Scratch::inside(base.path()).unwrap();
        fs::write(first.path().join("one"), "1").unwrap();
        let second = Scratch::inside(base.path()).unwrap();
        assert!(!left.exists());
        assert!(first.path().join("one").exists() && foreign.join("kept").exists());
        assert!(link.exists());
        let paths = [first.path(), second.path()];
        drop((first, second));
        assert!(paths.iter().all(|path| !path.exists()));
    }

    #[test]
    fn room_is_asked_for_first() {
        let base = tempfile::tempdir().unwrap();
        let scratch = Scratch::inside(base.path()).unwrap();
        scratch.check_room(0).unwrap();
        let failure = scratch.check_room(u64::MAX).unwrap_err();
        assert_eq!(failure.code(), Code::LocalIo);
        assert!(failure.fields().iter().any(|(key, _)| *key == "free"));
    }
}
