//! The folders that backups are made in, and what earlier runs left there.
//!
//! A run that was killed leaves files under temporary names only. The next one
//! removes them, or gives them their names where the run had begun to: a set of
//! which some parts have appeared is never left in between.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use jiff::Zoned;
use serde::Deserialize;

use super::pieces::{final_name, temporary};
use crate::backup::{BackupType, is_json, sidecar_name};
use crate::dir::{Dir, folder_of, give_like, lacks_room, make_folders};
use crate::failure::{Code, Failure};
use crate::name::{FileName, TEMPORARY_MARK};
use crate::progress::Progress;
use crate::provider::error::unsmuggle;
use crate::sidecar::MAX_SIDECAR_BYTES;
use crate::staging::Staging;
use crate::text::{bytes, system_reason};

/// The folders below `backups/`, held open.
pub(super) struct Folders {
    /// `backups/` itself.
    pub(super) root: Dir,
    database: Dir,
    storage: Dir,
    full: Dir,
}

impl Folders {
    /// Opens them; those that are missing are made, for the same owner.
    pub(super) fn open(root: &Path) -> Result<Self, Failure> {
        let absolute = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let open = |path: &Path| {
            let opened = open_or_make(path);
            opened.map_err(|error| {
                let why = system_reason(&error);
                let detail = format!("cannot open the folder '{}': {why}", path.display());
                Failure::new(Code::LocalIo, detail)
                    .hint("make it writable, or choose another with --backup-dir DIR")
            })
        };
        let below = |what: BackupType| open(&absolute.join(what.name()));
        Ok(Folders {
            root: open(&absolute)?,
            database: below(BackupType::Database)?,
            storage: below(BackupType::Storage)?,
            full: below(BackupType::Full)?,
        })
    }

    /// The folder of one type.
    pub(super) fn of(&self, what: BackupType) -> &Dir {
        match what {
            BackupType::Database => &self.database,
            BackupType::Storage => &self.storage,
            BackupType::Full => &self.full,
        }
    }

    fn all(&self) -> [&Dir; 3] {
        [&self.database, &self.storage, &self.full]
    }

    /// Clears away what killed runs left.
    pub(super) fn clear_leftovers(&self, progress: &dyn Progress) -> Result<(), Failure> {
        self.all().into_iter().try_for_each(|dir| {
            clear(dir, progress).map_err(|error| {
                let why = system_reason(&error);
                let detail = format!("cannot clean up in '{}': {why}", dir.path().display());
                Failure::new(Code::LocalIo, detail)
            })
        })
    }

    /// The application's timestamp of this moment, or of the first one that no backup has yet.
    pub(super) fn free_stamp(&self) -> Result<String, Failure> {
        loop {
            let stamp = Zoned::now().strftime("%Y%m%d_%H%M%S").to_string();
            if !self.is_taken(&stamp)? {
                return Ok(stamp);
            }
            crate::interrupt::check()?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_taken(&self, stamp: &str) -> Result<bool, Failure> {
        for dir in self.all() {
            let unreadable = |error: io::Error| {
                let why = system_reason(&error);
                let detail = format!("cannot read '{}': {why}", dir.path().display());
                Failure::new(Code::LocalIo, detail)
            };
            for name in dir.names().map_err(unreadable)? {
                let name = name.map_err(unreadable)?;
                if name.to_string_lossy().contains(stamp) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn open_or_make(path: &Path) -> io::Result<Dir> {
    match Dir::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_folders(path)?;
            let dir = Dir::open(path)?;
            give_like(&dir, folder_of(path))?;
            Ok(dir)
        }
        result => result,
    }
}

/// How much was to be written, as far as it is known.
#[derive(Clone, Copy)]
pub(super) enum Wrote {
    /// So many bytes.
    Needs(u64),
    /// An archive of files of so many bytes.
    ArchiveOf(u64),
}

/// A failure that passed through a writer, a lack of room, or another error while writing.
pub(super) fn write_failed(dir: &Dir, name: &str, wrote: Wrote, error: io::Error) -> anyhow::Error {
    let error = match unsmuggle(error) {
        Ok(inner) => return inner,
        Err(error) => error,
    };
    let path = dir.path().join(name);
    if error.kind() == io::ErrorKind::WouldBlock {
        let detail = format!("'{}' is being written by another run", path.display());
        return Failure::new(Code::Locked, detail).into();
    }
    let (_, free) = dir.space().unwrap_or_default();
    if !lacks_room(&error) {
        let why = system_reason(&error);
        let detail = format!("cannot write '{}': {why}", path.display());
        return Failure::new(Code::LocalIo, detail).into();
    }
    let folder = dir.path().display();
    let (what, needed) = match wrote {
        Wrote::Needs(needed) => (format!("{} needed", bytes(needed)), needed),
        Wrote::ArchiveOf(needed) => (format!("{} to be archived", bytes(needed)), needed),
    };
    let detail = format!("no room in '{folder}': {what}, {} free", bytes(free));
    Failure::new(Code::LocalIo, detail)
        .hint("make room, or choose another place with --backup-dir DIR")
        .field("needed", needed)
        .field("free", free)
        .caused_by(system_reason(&error))
        .into()
}

/// What a sidecar says of the files it belongs to.
#[derive(Deserialize)]
struct Belongings {
    backup_path: String,
    file_size: u64,
    #[serde(default)]
    split_files: Vec<String>,
}

fn clear(dir: &Dir, progress: &dyn Progress) -> io::Result<()> {
    let leftovers = leftovers(dir)?;
    for name in &leftovers {
        match Staging::resume(dir, name) {
            Ok(mut dead) => dead.keep(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A run with another state is at work here, or one of another user may
            // be: then all of them may be its own.
            Err(_) => return Ok(()),
        }
    }
    for name in &leftovers {
        let target = final_name(name).filter(|target| is_json(target));
        if let Some(sidecar) = target
            && finish(dir, name, sidecar)?
        {
            let path = dir.path().join(sidecar);
            progress.note(&format!(
                "'{}' and what it belongs to were left unfinished by an earlier run, and are complete now",
                path.display()
            ));
        }
    }
    for name in &leftovers {
        dir.remove(name)?;
    }
    if leftovers.is_empty() {
        return Ok(());
    }
    dir.sync()
}

fn leftovers(dir: &Dir) -> io::Result<Vec<String>> {
    let ours = |name: OsString| {
        let name = name.into_string().ok()?;
        name.starts_with(TEMPORARY_MARK).then_some(name)
    };
    dir.names()?
        .filter_map(|name| name.map(ours).transpose())
        .collect()
}

/// Gives a set the names it lacks, if some of it has appeared and all of it is there.
fn finish(dir: &Dir, staged: &str, sidecar: &str) -> io::Result<bool> {
    let mut text = Vec::new();
    dir.open_file(staged)?
        .take(MAX_SIDECAR_BYTES)
        .read_to_end(&mut text)?;
    // Cut short, or the manifest of a full backup: its halves stand for themselves.
    let Ok(belongings) = serde_json::from_slice::<Belongings>(&text) else {
        return Ok(false);
    };
    let Some(files) = file_names(&belongings) else {
        return Ok(false);
    };
    let belongs = files.first().and_then(|first| sidecar_name(first));
    if belongs.as_deref() != Some(sidecar) || dir.entry(sidecar)?.is_some() {
        return Ok(false);
    }
    let (mut appeared, mut size) = (false, 0);
    for file in &files {
        let there = dir.entry(file)?;
        appeared |= there.is_some();
        let entry = match there {
            Some(entry) => Some(entry),
            None => dir.entry(temporary(file))?,
        };
        let Some(entry) = entry else {
            return Ok(false);
        };
        size += entry.stamp.size;
    }
    if !appeared || size != belongings.file_size {
        return Ok(false);
    }
    for file in files.iter().rev() {
        if dir.entry(file)?.is_none() {
            dir.rename_new(&temporary(file), file)?;
        }
    }
    dir.sync()?;
    dir.rename_new(staged, sidecar)?;
    dir.sync()?;
    Ok(true)
}

/// The names of a set's files, in order; nothing when one of them is no name.
fn file_names(belongings: &Belongings) -> Option<Vec<String>> {
    let paths = match belongings.split_files.as_slice() {
        [] => std::slice::from_ref(&belongings.backup_path),
        parts => parts,
    };
    let name = |path: &String| {
        let name = FileName::from_os(Path::new(path).file_name()?).ok()?;
        Some(name.as_str().to_owned())
    };
    paths.iter().map(name).collect()
}
