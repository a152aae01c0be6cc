//! Which calls are steps on the file system, and what they are about.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::unistd::Pid;

use super::machine::Registers;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens a file that it may make or empty.
    Create,
    Write,
    /// Waits until it is on the medium.
    Sync,
    /// Cuts or lengthens a file.
    Truncate,
    /// Takes room for a file.
    Allocate,
    Rename,
    /// Gives a file a second name, or makes a symbolic link.
    Link,
    Remove,
    MakeFolder,
    RemoveFolder,
    /// Owner, mode or times.
    Attributes,
}

/// A step on the file system.
#[derive(Clone, Debug)]
pub struct Step {
    /// The first is 1.
    pub number: usize,
    pub act: Act,
    /// The file or folder, by the name it has; of a rename, the one it had before.
    pub path: PathBuf,
    /// The file that it is done to, as the tracer can open it while the step lasts.
    pub file: Option<PathBuf>,
    /// How many bytes a write is about.
    pub count: u64,
}

impl Step {
    /// The last component of its path.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Where a call's arguments name what it is about.
enum Names {
    /// A descriptor.
    Fd(usize),
    /// A folder's descriptor, and a path from there.
    At(usize, usize),
    /// A path.
    #[cfg(target_arch = "x86_64")]
    Path(usize),
}

/// What a thread is about to do, if that is a step; its number is not known yet.
pub fn step(thread: Pid, registers: &Registers) -> Option<Step> {
    let (act, names) = known(registers)?;
    let (path, file) = match names {
        Names::Fd(index) => {
            let file = descriptor(thread, registers.arguments[index]);
            let meta = fs::metadata(&file).ok()?;
            if !meta.is_file() && !meta.is_dir() {
                return None;
            }
            (fs::read_link(&file).ok()?, Some(file))
        }
        Names::At(folder, path) => (at(thread, registers, folder, path)?, None),
        #[cfg(target_arch = "x86_64")]
        Names::Path(index) => (path(thread, registers, index)?, None),
    };
    // Devices are no files: what is written to them changes no disk.
    if path.starts_with("/dev/null") || path.starts_with("/proc") {
        return None;
    }
    let count = match act {
        Act::Write => registers.arguments[2],
        _ => 0,
    };
    Some(Step {
        number: 0,
        act,
        path,
        file,
        count,
    })
}

fn known(registers: &Registers) -> Option<(Act, Names)> {
    let [_, second, third, _] = registers.arguments;
    let makes = |flags: u64| {
        let changing = libc::O_CREAT | libc::O_TRUNC;
        flags & u64::from(changing.cast_unsigned()) != 0
    };
    let found = match registers.call {
        libc::SYS_openat if makes(third) => (Act::Create, Names::At(0, 1)),
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev => {
            (Act::Write, Names::Fd(0))
        }
        libc::SYS_sendfile => (Act::Write, Names::Fd(0)),
        libc::SYS_copy_file_range | libc::SYS_splice => (Act::Write, Names::Fd(2)),
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_sync_file_range | libc::SYS_syncfs => {
            (Act::Sync, Names::Fd(0))
        }
        libc::SYS_ftruncate => (Act::Truncate, Names::Fd(0)),
        libc::SYS_fallocate => (Act::Allocate, Names::Fd(0)),
        libc::SYS_renameat | libc::SYS_renameat2 => (Act::Rename, Names::At(0, 1)),
        libc::SYS_linkat => (Act::Link, Names::At(0, 1)),
        libc::SYS_symlinkat => (Act::Link, Names::At(1, 2)),
        libc::SYS_unlinkat if third & REMOVE_FOLDER != 0 => (Act::RemoveFolder, Names::At(0, 1)),
        libc::SYS_unlinkat => (Act::Remove, Names::At(0, 1)),
        libc::SYS_mkdirat => (Act::MakeFolder, Names::At(0, 1)),
        libc::SYS_fchmod | libc::SYS_fchown => (Act::Attributes, Names::Fd(0)),
        libc::SYS_utimensat if second == 0 => (Act::Attributes, Names::Fd(0)),
        libc::SYS_fchmodat | libc::SYS_fchownat | libc::SYS_utimensat => {
            (Act::Attributes, Names::At(0, 1))
        }
        _ => return known_by_path(registers.call, makes(second)),
    };
    Some(found)
}

const REMOVE_FOLDER: u64 = libc::AT_REMOVEDIR.cast_unsigned() as u64;

/// The older calls, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
fn known_by_path(call: i64, makes: bool) -> Option<(Act, Names)> {
    let act = match call {
        libc::SYS_rename => Act::Rename,
        libc::SYS_link => Act::Link,
        libc::SYS_symlink => return Some((Act::Link, Names::Path(1))),
        libc::SYS_open if makes => Act::Create,
        libc::SYS_creat => Act::Create,
        libc::SYS_truncate => Act::Truncate,
        libc::SYS_unlink => Act::Remove,
        libc::SYS_mkdir => Act::MakeFolder,
        libc::SYS_rmdir => Act::RemoveFolder,
        libc::SYS_chmod | libc::SYS_chown | libc::SYS_lchown => Act::Attributes,
        _ => return None,
    };
    Some((act, Names::Path(0)))
}

#[cfg(not(target_arch = "x86_64"))]
fn known_by_path(_: i64, _: bool) -> Option<(Act, Names)> {
    None
}

/// A descriptor of a thread; only the lower half of the register counts.
fn descriptor(thread: Pid, number: u64) -> PathBuf {
    PathBuf::from(format!("/proc/{thread}/fd/{}", number & 0xffff_ffff))
}

fn at(thread: Pid, registers: &Registers, folder: usize, name: usize) -> Option<PathBuf> {
    let number = registers.arguments[folder];
    let folder = if number & 0xffff_ffff == u64::from(libc::AT_FDCWD.cast_unsigned()) {
        PathBuf::from(format!("/proc/{thread}/cwd"))
    } else {
        descriptor(thread, number)
    };
    let name = text(thread, registers.arguments[name])?;
    // A descriptor that is none, or an absolute path.
    Some(fs::read_link(folder).unwrap_or_default().join(name))
}

#[cfg(target_arch = "x86_64")]
fn path(thread: Pid, registers: &Registers, index: usize) -> Option<PathBuf> {
    let folder = fs::read_link(format!("/proc/{thread}/cwd")).unwrap_or_default();
    Some(folder.join(text(thread, registers.arguments[index])?))
}

/// A string in the memory of a thread.
fn text(thread: Pid, address: u64) -> Option<PathBuf> {
    let memory = File::open(format!("/proc/{thread}/mem")).unwrap();
    let (mut found, mut block) = (Vec::new(), [0; 256]);
    loop {
        // Up to the end of a page: the next one may not be there.
        let at = address + found.len() as u64;
        let fits = usize::try_from(4096 - at % 4096).unwrap().min(block.len());
        let count = memory.read_at(&mut block[..fits], at).ok()?;
        let end = block[..count].iter().position(|byte| *byte == 0);
        found.extend_from_slice(&block[..end.unwrap_or(count)]);
        if end.is_some() || count == 0 {
            let text = std::ffi::OsStr::from_bytes(&found);
            return Some(Path::new(text).to_owned());
        }
    }
}
