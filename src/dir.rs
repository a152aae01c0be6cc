//! A directory held open, in which every name is one component.
//!
//! Files are reached relative to the handle and without following links, so
//! nothing outside the directory can be read or written, whatever somebody
//! puts into it meanwhile. New files are 0600 and new directories 0700.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

const NEW_FILE: Mode = Mode::from_raw_mode(0o600);
const NEW_DIR: Mode = Mode::from_raw_mode(0o700);

impl std::os::fd::AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What a name in a directory stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Regular file, directory, symbolic link, …
    pub kind: FileType,
    /// Where it is and when it changed.
    pub stamp: Stamp,
    /// Who may do what, as the system counts it.
    pub mode: u32,
    /// The number of the user it belongs to.
    pub owner: u32,
    /// The number of the group it belongs to.
    pub group: u32,
}

impl Entry {
    fn from_stat(stat: &fs::Stat) -> Self {
        Entry {
            kind: FileType::from_raw_mode(stat.st_mode),
            stamp: Stamp::from_stat(stat),
            mode: stat.st_mode,
            owner: stat.st_uid,
            group: stat.st_gid,
        }
    }

    /// What an open file is.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from_stat(&fs::fstat(file)?))
    }
}

/// What changes when a file is written, replaced or touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970.
    pub modified: i64,
    /// Last change of content or attributes, nanoseconds since 1970.
    pub changed: i64,
}

impl Stamp {
    /// The stamp of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from_stat(&fs::fstat(file)?))
    }

    /// The stamp of what a path leads to, links followed.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::from_stat(&fs::stat(path)?))
    }

    /// Whether two stamps are of the same file, changed or not.
    pub fn same_file(&self, other: &Stamp) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    // The widths of these fields differ between systems.
    #[allow(
        clippy::allow_attributes,
        clippy::cast_lossless,
        clippy::cast_possible_wrap
    )]
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
    fn from_stat(stat: &fs::Stat) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Stamp {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: stat.st_size.max(0) as u64,
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens a directory the operator named; links on the way are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty())?;
        Ok(Dir {
            fd,
            path: path.to_owned(),
        })
    }

    /// Opens a directory inside this one, which must not be a link.
    pub fn descend(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty())?;
        Ok(Dir {
            fd,
            path: self.path.join(name),
        })
    }

    /// As [`Dir::descend`], making the directory when it is missing.
    pub fn descend_or_make(&self, name: &str) -> io::Result<Self> {
        match fs::mkdirat(&self.fd, name, NEW_DIR) {
            Ok(()) => {
                // A new directory must be findable after a power cut, or so are not the files in it.
                self.sync()?;
                let made = self.descend(name)?;
                self.give(&made)?;
                Ok(made)
            }
            Err(Errno::EXIST) => self.descend(name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives what was made in it to its own owner, where we may: root leaves nothing that
    /// the user whose folder it is cannot use.
    fn give(&self, made: &impl std::os::fd::AsFd) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let stat = fs::fstat(&self.fd)?;
        let (owner, group) = (
            fs::Uid::from_raw(stat.st_uid),
            fs::Gid::from_raw(stat.st_gid),
        );
        if !owner.is_root() {
            // A file system without owners, or one that knows no root, is taken as it is.
            let _ = fs::fchown(made, Some(owner), Some(group));
        }
        Ok(())
    }

    /// A second handle on it.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Dir {
            fd: self.fd.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// Where a link leads.
    pub fn link_target(&self, name: impl AsRef<OsStr>) -> io::Result<PathBuf> {
        let target = fs::readlinkat(&self.fd, name.as_ref(), Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    /// Makes a directory inside this one; an existing name is an error.
    pub fn make(&self, name: &str) -> io::Result<Self> {
        fs::mkdirat(&self.fd, name, NEW_DIR)?;
        let made = self.descend(name)?;
        self.give(&made)?;
        Ok(made)
    }

    /// Removes an empty directory inside this one.
    pub fn remove_dir(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Takes the lock of the directory itself, which dies with the handle; whether nobody had it.
    ///
    /// A file system that knows no locks cannot keep anybody out.
    pub fn try_lock(&self) -> io::Result<bool> {
        match fs::flock(&self.fd, fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Device and inode: what the directory is, whatever it is called.
    pub fn stamp(&self) -> io::Result<Stamp> {
        Ok(Stamp::from_stat(&fs::fstat(&self.fd)?))
    }

    /// What a name stands for; links are not followed.
    pub fn entry(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Entry>> {
        match fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Entry::from_stat(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens an existing regular file for reading.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_regular(name.as_ref(), OFlags::RDONLY)
    }

    /// Opens an existing regular file of ours to go on writing it.
    pub fn reopen_file(&self, name: &str) -> io::Result<File> {
        self.open_regular(name.as_ref(), OFlags::RDWR)
    }

    fn open_regular(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
        // Without NONBLOCK, opening a FIFO that nobody writes to would hang.
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.fd, name, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(file)
    }

    /// Makes a new file, readable and writable; an existing name is an error.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.fd, name, flags, NEW_FILE)?);
        self.give(&file)?;
        Ok(file)
    }

    /// Renames within this directory, replacing what has the new name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Renames within this directory, failing when the new name is taken.
    pub fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        match fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link_new(from, to),
            result => Ok(result?),
        }
    }

    /// As [`Dir::rename_new`], on a file system that knows no such renaming.
    fn link_new(&self, from: &str, to: &str) -> io::Result<()> {
        match fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty()) {
            Ok(()) => self.remove(from).map(drop),
            // Nor links, as FAT does over some protocols. Looking first is all that is left.
            Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP | Errno::MLINK) => {
                if self.entry(to)?.is_some() {
                    return Err(Errno::EXIST.into());
                }
                self.rename(from, to)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes a file or link; whether there was one.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        match fs::unlinkat(&self.fd, name.as_ref(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Makes renames and removals in this directory survive a power cut.
    ///
    /// A file system that cannot sync a directory (some network ones) is taken as it is.
    pub fn sync(&self) -> io::Result<()> {
        match fs::fsync(&self.fd) {
            Err(Errno::INVAL | Errno::NOTSUP) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Bytes in all and bytes an ordinary user may still write, on this file system.
    pub fn space(&self) -> io::Result<(u64, u64)> {
        let space = fs::fstatvfs(&self.fd)?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Ok((bytes(space.f_blocks), bytes(space.f_bavail)))
    }

    /// The names in it, in no order, without `.` and `..`.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + use<>> {
        let entries = fs::Dir::read_from(&self.fd)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." => None,
                name => Some(Ok(OsStr::from_bytes(name).to_owned())),
            },
            Err(errno) => Some(Err(errno.into())),
        }))
    }
}

/// Gives a new file or folder to the owner of another, where we may: root leaves
/// nothing that the application's user cannot use.
pub fn give_like(file: &impl std::os::fd::AsFd, like: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let stat = match fs::stat(like) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    let (owner, group) = (
        fs::Uid::from_raw(stat.st_uid),
        fs::Gid::from_raw(stat.st_gid),
    );
    Ok(fs::fchown(file, Some(owner), Some(group))?)
}

/// The folder a file is in; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Who may write to a folder, where that is why it could not be written to.
///
/// Of one that is missing, the nearest above it is told of.
pub fn who_may_write(folder: &Path, error: &io::Error) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    match error.kind() {
        io::ErrorKind::PermissionDenied => {}
        io::ErrorKind::ReadOnlyFilesystem => {
            let shown = folder.display();
            return Some(format!("the file system of '{shown}' is mounted read-only"));
        }
        _ => return None,
    }
    let found = folder.ancestors().find_map(|place| {
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        Some((place, place.metadata().ok()?))
    });
    let (place, meta) = found?;
    Some(format!(
        "'{}' belongs to uid {} and gid {} with the mode {:04o}; this ran as uid {}",
        place.display(),
        meta.uid(),
        meta.gid(),
        meta.mode() & 0o7777,
        rustix::process::geteuid().as_raw()
    ))
}

/// Makes a path of folders, each 0700 and of the owner of the one it is in; those that
/// exist are left as they are.
pub fn make_folders(path: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Dir::open(folder_of(path))?.give(&Dir::open(path)?),
        Err(_) if path.is_dir() => Ok(()),
        // In a folder that was deleted, and in those of the system, nothing can be made.
        Err(error) if error.kind() != io::ErrorKind::NotFound || folder_of(path).is_dir() => {
            Err(error)
        }
        Err(_) => {
            make_folders(folder_of(path))?;
            make_folders(path)
        }
    }
}

/// Whether a disk, a quota or a limit on file sizes leaves no room.
pub fn lacks_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether an error means that the name was a link where none may be.
pub fn is_link_refusal(error: &io::Error) -> bool {
    // NOFOLLOW answers ELOOP; together with DIRECTORY it is ENOTDIR.
    [Errno::LOOP, Errno::NOTDIR, Errno::MLINK]
        .iter()
        .any(|e| error.raw_os_error() == Some(e.raw_os_error()))
}
