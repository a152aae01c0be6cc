//! A file that gets its name only when it is whole.
//!
//! Written under another name beside its target, settled on the medium, read
//! back, and only then renamed. Whatever ends the process in between leaves
//! the target as it was.

use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Read, Seek as _, Write as _};
use std::path::Path;
use std::sync::Once;

use rustix::fs::{Advice, FallocateFlags};
use rustix::io::Errno;

use crate::dir::{Dir, Stamp, folder_of, give_like};
use crate::hash::{Hasher, Sha256};

const BLOCK: usize = 1024 * 1024;

/// Waits until the bytes of a file are on the medium.
///
/// A file system that cannot wait (some network ones) is taken as it is, and told of once.
pub fn settle(file: &File, folder: &Path) -> io::Result<()> {
    match rustix::io::retry_on_intr(|| rustix::fs::fsync(file)) {
        Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => {
            warn_of_weak_sync(folder);
            Ok(())
        }
        result => Ok(result?),
    }
}

/// A file under a temporary name. Dropped unpublished, it is removed, unless kept.
pub struct Staging<'d> {
    dir: &'d Dir,
    name: String,
    file: File,
    keep: bool,
}

impl<'d> Staging<'d> {
    /// Starts anew, in place of what an earlier run may have left.
    ///
    /// `size` bytes are reserved, so that a full disk shows before the first one.
    ///
    /// # Errors
    /// `WouldBlock` while another process writes to the file of that name.
    pub fn create(dir: &'d Dir, name: &str, size: u64) -> io::Result<Self> {
        // The old file stays locked until the new one stands in its place.
        let _old = match dir.reopen_file(name) {
            Ok(old) => Some(lock(dir, name, old)?),
            Err(_) => None,
        };
        dir.remove(name)?;
        let file = lock(dir, name, dir.create_file(name)?)?;
        let staging = Staging {
            dir,
            name: name.to_owned(),
            file,
            keep: false,
        };
        staging.reserve(size)?;
        Ok(staging)
    }

    /// Goes on with what an earlier run left. The bytes there are [`Staging::written`].
    ///
    /// # Errors
    /// `WouldBlock` while another process writes to it.
    pub fn resume(dir: &'d Dir, name: &str) -> io::Result<Self> {
        let file = lock(dir, name, dir.reopen_file(name)?)?;
        Ok(Staging {
            dir,
            name: name.to_owned(),
            file,
            keep: false,
        })
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        // KEEP_SIZE: the length stays the number of bytes really written.
        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, size) {
            Err(Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The bytes written so far.
    pub fn written(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Which file it is, whatever its name becomes.
    pub fn stamp(&self) -> io::Result<Stamp> {
        Stamp::of(&self.file)
    }

    /// Leaves the file where it is when dropped, for a later run to go on with.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Feeds the bytes there to a digest and stands behind them; how many they were.
    pub fn hash_prefix(
        &mut self,
        hasher: &mut Hasher,
        step: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<u64> {
        self.file.rewind()?;
        hasher.feed(&mut self.file, step)
    }

    /// Appends all a reader gives; `step` sees each block and may stop the copy.
    pub fn append(
        &mut self,
        reader: &mut dyn Read,
        mut step: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BLOCK];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.file.write_all(&buffer[..count])?;
            step(&buffer[..count])?;
        }
    }

    /// Writes all of a small file, settles it, and makes sure that it reads back as that.
    pub fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(&mut &*bytes, |_| Ok(()))?;
        self.settle()?;
        let (found, _) = self.read_back(|_| Ok(()))?;
        if found == Sha256::of(bytes) {
            Ok(())
        } else {
            Err(io::Error::other(
                "it reads back otherwise than it was written",
            ))
        }
    }

    /// Gives it to the owner of another file or folder, where we may.
    pub fn give_like(&self, like: &Path) -> io::Result<()> {
        give_like(&self.file, like)
    }

    /// Waits until the bytes are on the medium: see [`settle`].
    pub fn settle(&self) -> io::Result<()> {
        settle(&self.file, self.dir.path())
    }

    /// Gives the file its name. Only a settled and verified file may come here.
    pub fn publish(mut self, target: &str, replace: bool) -> io::Result<()> {
        if replace {
            self.dir.rename(&self.name, target)?;
        } else {
            self.dir.rename_new(&self.name, target)?;
        }
        self.keep = true;
        self.dir.sync()
    }

    /// Reads the file back from the medium: see [`read_back`].
    pub fn read_back(
        &mut self,
        step: impl FnMut(u64) -> io::Result<()>,
    ) -> io::Result<(Sha256, u64)> {
        read_back(&mut self.file, step)
    }
}

fn warn_of_weak_sync(folder: &Path) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        log::warn!(
            "the file system of '{}' cannot say when a file is on its disk: a power cut may take the last files along",
            folder.display()
        );
    });
}

impl io::Write for Staging<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing can be done about a failure here; the next run removes it.
            let _ = self.dir.remove(&self.name);
        }
    }
}

/// Takes a file for this process alone, as long as it is open, and as long as it has its name.
fn lock(dir: &Dir, name: &str, file: File) -> io::Result<File> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        // Some network file systems know no locks; there the name alone must do.
        Err(TryLockError::Error(_)) | Ok(()) => {}
    }
    let ours = Stamp::of(&file)?;
    let named = dir
        .entry(name)?
        .is_some_and(|entry| entry.stamp.same_file(&ours));
    if named {
        Ok(file)
    } else {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Digest and size of a settled file, read from the medium where the system allows it.
///
/// The pages written before are dropped from the cache first; otherwise a
/// re-read would only prove that memory was right.
pub fn read_back(
    file: &mut File,
    step: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<(Sha256, u64)> {
    let mut hasher = Hasher::new();
    let size = feed_back(file, &mut hasher, step)?;
    Ok((hasher.finish(), size))
}

/// As [`read_back`], for a file that is a piece of what is hashed.
pub fn feed_back(
    file: &mut File,
    hasher: &mut Hasher,
    step: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<u64> {
    read_from_medium(file);
    file.rewind()?;
    hasher.feed(file, step)
}

/// Drops a file's settled pages from the cache: what is read next proves what the medium holds.
pub fn read_from_medium(file: &File) {
    // A file system without this advice reads from its cache: weaker, not wrong.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
}

/// Writes a small file as a whole: complete or as it was before, mode 0600, its owner as before.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, bytes, None)
}

/// As [`write_atomically`], with the mode that the file had, where there was one.
pub fn rewrite_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = std::fs::metadata(path).map(|meta| meta.permissions());
    write_whole(path, bytes, before.ok())
}

fn write_whole(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    let dir = Dir::open(folder_of(path))?;
    let temporary = format!(
        ".{}.partial",
        &Sha256::of(name.as_bytes()).to_string()[..16]
    );
    let mut staging = Staging::create(&dir, &temporary, bytes.len() as u64)?;
    staging.give_like(path)?;
    if let Some(permissions) = permissions {
        staging.file.set_permissions(permissions)?;
    }
    staging.fill(bytes)?;
    staging.publish(name, true)
}
