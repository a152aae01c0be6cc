//! Backup sets on this machine: found from any of their members, or all of a folder.
//!
//! Sidecars are read where they lie; what they name elsewhere is never opened.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use rustix::fs::{Mode, OFlags};

use crate::backup::{BackupType, is_json, local_time, looks_like_backup, made_at, sidecar_name};
use crate::dir::folder_of;
use crate::failure::{Code, Failure};
use crate::name::{FileName, is_temporary};
use crate::sets::{self, Learnt, Member, Set};
use crate::sidecar::{Facts, MAX_SIDECAR_BYTES};
use crate::text::system_reason;

/// A set, and where its members are.
#[derive(Clone, Debug)]
pub struct LocalSet {
    /// The set.
    pub set: Set,
    /// The sets a full backup is made of.
    pub halves: Vec<LocalSet>,
    /// What the operator should know before it is trusted.
    pub doubts: Vec<String>,
    paths: BTreeMap<String, PathBuf>,
}

impl LocalSet {
    /// Finds the set a path belongs to: a file, a part, a sidecar, a manifest, or
    /// the joined file of parts. What belongs to nothing is a set of one.
    pub fn find(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| FileName::new(name).is_ok()) else {
            return Self::alone(path);
        };
        let folder = folder_of(path);
        let files = LocalFiles::around(folder, name);
        files.find(name).unwrap_or_else(|| Self::alone(path))
    }

    fn alone(path: &Path) -> Self {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let size = path.metadata().map_or(0, |meta| meta.len());
        LocalSet {
            set: Set::alone(
                Member {
                    name: name.clone(),
                    size,
                },
                false,
            ),
            halves: Vec::new(),
            doubts: Vec::new(),
            paths: BTreeMap::from([(name, path.to_owned())]),
        }
    }

    /// Whether a path leads to one of its members, however it is spelled.
    pub fn is_at(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        let member = name.and_then(|name| self.paths.get(name));
        let place = |path: &Path| std::fs::canonicalize(path).ok();
        member.is_some_and(|member| member == path || place(member) == place(path))
    }

    /// The halves of a full backup, then the set itself.
    pub fn with_halves(&self) -> impl Iterator<Item = &LocalSet> {
        self.halves.iter().chain([self])
    }

    /// Where a member is.
    pub fn path(&self, member: &Member) -> &Path {
        self.paths
            .get(&member.name)
            .map_or(Path::new(""), PathBuf::as_path)
    }

    /// Where it begins: its file, its first part, or its manifest.
    pub fn first_path(&self) -> &Path {
        self.set
            .members()
            .next()
            .map_or(Path::new(""), |member| self.path(member))
    }

    /// What its sidecar or manifest says.
    ///
    /// # Errors
    /// `local_io` when it cannot be read, `source_changed` when it is none any more.
    pub fn facts(&self, json: &Member) -> Result<Facts, Failure> {
        if let Some(sidecar) = &self.set.sidecar {
            return Ok(Facts::Sidecar(sidecar.clone()));
        }
        let path = self.path(json).display();
        match learn(self.path(json)) {
            Learnt::Facts(facts) => Ok(facts),
            Learnt::Unreadable(why) => {
                let detail = format!("cannot read '{path}': {why}");
                Err(Failure::new(Code::LocalIo, detail))
            }
            Learnt::NotRead | Learnt::Neither(_) => {
                let detail = format!("'{path}' changed: it is no sidecar and no manifest any more");
                Err(Failure::new(Code::SourceChanged, detail))
            }
        }
    }

    /// When it was made: by its name, else by when its first file was last written.
    pub fn made(&self) -> Option<DateTime> {
        made_at(&self.set.name).or_else(|| {
            let modified = self
                .first_path()
                .metadata()
                .and_then(|meta| meta.modified())
                .ok()?;
            let at = Timestamp::try_from(modified).ok()?;
            Some(local_time(at))
        })
    }

    /// Bytes of all files that hold it, those of a full backup's halves included.
    pub fn size(&self) -> u64 {
        let halves = self.halves.iter().map(LocalSet::size);
        self.set
            .files
            .iter()
            .map(|file| file.size)
            .chain(halves)
            .sum()
    }
}

/// The files of some folders, as far as they can be backups.
pub struct LocalFiles {
    files: BTreeMap<String, (PathBuf, u64)>,
    sets: Vec<Set>,
    /// Backups by their looks, under names that no remote takes.
    unusable: Vec<PathBuf>,
    /// JSON files that are neither sidecar nor manifest, and why.
    neither: BTreeMap<String, String>,
}

impl LocalFiles {
    /// Reads folders; of two files of one name the one in the earlier folder counts.
    /// Folders that are not there are empty. Links are not followed: nobody named them.
    ///
    /// # Errors
    /// `local_io` when one of them cannot be read.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Failure> {
        Self::read_with(folders, None).map_err(|error| {
            let root = folders.first().map_or(Path::new(""), PathBuf::as_path);
            let why = system_reason(&error);
            let detail = format!("cannot read the backups in '{}': {why}", root.display());
            Failure::new(Code::LocalIo, detail)
        })
    }

    /// As [`LocalFiles::read`], following the one link that somebody named.
    fn read_with(folders: &[PathBuf], named: Option<&str>) -> io::Result<Self> {
        let (mut files, mut unusable) = (BTreeMap::new(), Vec::new());
        for folder in folders {
            let entries = match std::fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let name = entry?.file_name();
                // A bare name stays one, as the operator typed it.
                let path = if folder == Path::new(".") {
                    PathBuf::from(&name)
                } else {
                    folder.join(&name)
                };
                let name = name.to_str();
                let meta = if name == named {
                    path.metadata()
                } else {
                    path.symlink_metadata()
                };
                // A backup under a name that cannot be sent must not be passed over in silence.
                let shown = name.map_or_else(|| path.to_string_lossy(), Into::into);
                let is_unusable = name.is_none_or(|name| FileName::new(name).is_err());
                if is_unusable && !is_temporary(&shown) && looks_like_backup(&shown) {
                    unusable.push(path);
                    continue;
                }
                // What vanished meanwhile is not there; what may not be looked at is.
                let meta = match meta {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    meta => meta?,
                };
                if let Some(name) = name
                    && meta.is_file()
                    && !is_temporary(name)
                {
                    files
                        .entry(name.to_owned())
                        .or_insert((path.clone(), meta.len()));
                }
            }
        }
        Ok(LocalFiles {
            unusable,
            ..Self::group(files)
        })
    }

    /// The folder a file is in; for a manifest also those of its halves, as the application lays them out.
    fn around(folder: &Path, name: &str) -> Self {
        let mut folders = vec![folder.to_owned()];
        let is_manifest =
            is_json(name) && matches!(learn(&folder.join(name)), Learnt::Facts(Facts::Manifest(_)));
        if is_manifest {
            let beside = |kind: BackupType| folder_of(folder).join(kind.name());
            folders.extend([BackupType::Database, BackupType::Storage].map(beside));
        }
        Self::read_with(&folders, Some(name)).unwrap_or_else(|_| {
            // A folder that may be entered and not listed: its names must be guessed.
            let guesses = [Some(name.to_owned()), sidecar_name(name)];
            let known = guesses.into_iter().flatten().filter_map(|name| {
                let path = folder.join(&name);
                let size = path
                    .metadata()
                    .ok()
                    .filter(std::fs::Metadata::is_file)?
                    .len();
                Some((name, (path, size)))
            });
            Self::group(known.collect())
        })
    }

    fn group(files: BTreeMap<String, (PathBuf, u64)>) -> Self {
        let mut neither = BTreeMap::new();
        let listing = files.iter().map(|(name, (_, size))| (name.clone(), *size));
        let sets = sets::group(listing, |name, _| {
            let learnt = learn(&files[name].0);
            if let Learnt::Neither(why) = &learnt {
                neither.insert(name.to_owned(), why.clone());
            }
            Ok::<_, Infallible>(learnt)
        });
        let Ok(sets) = sets;
        LocalFiles {
            files,
            sets,
            unusable: Vec::new(),
            neither,
        }
    }

    /// All sets that are backups by name or sidecar, oldest first, a full backup after its halves.
    pub fn backups(&self) -> Vec<LocalSet> {
        let recognised = self.sets.iter().filter(|set| set.recognised);
        let once = recognised.filter(|set| !self.is_joined(set));
        let unusable = self.unusable.iter().map(|path| LocalSet::alone(path));
        let mut found: Vec<LocalSet> = once.map(|set| self.local(set)).chain(unusable).collect();
        found.sort_by_cached_key(|found| {
            (found.made(), found.set.is_full(), found.set.name.clone())
        });
        found
    }

    /// Whether a set is the parts of a backup that lies beside them in one piece.
    fn is_joined(&self, set: &Set) -> bool {
        let whole = set.whole_name().filter(|whole| *whole != set.name);
        let whole = whole.and_then(|whole| sets::named(&self.sets, whole));
        whole.is_some_and(|whole| {
            whole.is_complete() && set.checksum().is_some() && set.checksum() == whole.checksum()
        })
    }

    /// The set a name belongs to. The name of a broken sidecar belongs to the one backup it is beside.
    pub fn find(&self, name: &str) -> Option<LocalSet> {
        let beside = |set: &&Set| {
            let first = set.files.first().filter(|_| set.recognised);
            first.and_then(|file| sidecar_name(&file.name)).as_deref() == Some(name)
        };
        if self.neither.contains_key(name) {
            let mut beside = self.sets.iter().filter(beside);
            if let (Some(set), None) = (beside.next(), beside.next()) {
                return Some(self.local(set));
            }
        }
        sets::find(&self.sets, name).map(|set| self.local(set))
    }

    fn local(&self, set: &Set) -> LocalSet {
        let paths = set
            .members()
            .filter_map(|member| {
                Some((member.name.clone(), self.files.get(&member.name)?.0.clone()))
            })
            .collect();
        let halves = set.halves.iter().filter_map(|half| self.find(half));
        LocalSet {
            halves: halves.collect(),
            doubts: self.doubts(set),
            set: set.clone(),
            paths,
        }
    }

    fn doubts(&self, set: &Set) -> Vec<String> {
        let mut doubts = Vec::new();
        let shown = |name: &str| {
            let path = self
                .files
                .get(name)
                .map(|(path, _)| path.display().to_string());
            path.unwrap_or_else(|| name.to_owned())
        };
        let beside = set.files.first().and_then(|file| sidecar_name(&file.name));
        let known = beside
            .as_ref()
            .and_then(|json| self.neither.get_key_value(json));
        if let Some((json, why)) = known {
            doubts.push(format!(
                "'{}' is left out, it is no sidecar: {why}",
                shown(json)
            ));
        }
        let named = set
            .sidecar
            .as_ref()
            .and_then(|sidecar| sidecar.of_file.as_deref());
        let other = named.filter(|named| set.whole_name().is_some_and(|whole| whole != *named));
        if let (Some(other), Some(json)) = (other, &set.json) {
            let shown = shown(&json.name);
            doubts.push(format!("the sidecar '{shown}' speaks of '{other}'"));
        }
        if let (Some(sidecar), Some(json)) = (&set.sidecar, &set.json)
            && sidecar.checksum.is_none()
        {
            let shown = shown(&json.name);
            doubts.push(format!(
                "the sidecar '{shown}' has no checksum to compare with"
            ));
        }
        doubts
    }
}

/// What a JSON file on this machine says.
fn learn(path: &Path) -> Learnt {
    // Should it be a pipe: NONBLOCK keeps the open from hanging.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let read = || -> io::Result<Option<Vec<u8>>> {
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(MAX_SIDECAR_BYTES + 1).read_to_end(&mut text)?;
        Ok(Some(text))
    };
    let why = match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => "it vanished".into(),
        Err(error) => return Learnt::Unreadable(system_reason(&error)),
        Ok(None) => "it is no regular file".into(),
        Ok(Some(text)) if text.len() as u64 > MAX_SIDECAR_BYTES => {
            "it is larger than any sidecar".into()
        }
        Ok(Some(text)) => match Facts::parse(&text) {
            Some(facts) => return Learnt::Facts(facts),
            None => "it does not say type, size and checksum as the application does".into(),
        },
    };
    Learnt::Neither(why)
}

/// The folders of a company's local backups: its own, where there is one, else the shared ones.
pub fn folders_of(backup_dir: &Path, company_id: &str) -> Vec<PathBuf> {
    let types = BackupType::ALL.map(BackupType::name);
    // An id that is no name of its own must not lead elsewhere.
    let own = FileName::new(company_id)
        .ok()
        .filter(|_| !types.contains(&company_id))
        .map(|_| backup_dir.join(company_id))
        .filter(|folder| folder.is_dir());
    folders_below(&own.unwrap_or_else(|| backup_dir.to_owned()))
}

/// A folder of backups and those of each type in it, as the application lays them out.
pub fn folders_below(root: &Path) -> Vec<PathBuf> {
    let below = BackupType::ALL.map(|kind| root.join(kind.name()));
    std::iter::once(root.to_owned()).chain(below).collect()
}

/// Fails where there is no folder of backups: an empty answer would look like one without backups.
///
/// # Errors
/// `backup_file_not_found`.
pub fn refuse_missing_folder(root: &Path) -> Result<(), Failure> {
    if root.is_dir() {
        return Ok(());
    }
    let shown = root.display();
    let detail = format!("Backup file not found: {shown} (there is no such folder)");
    Err(Failure::new(Code::BackupFileNotFound, detail)
        .hint("name the folder of the application's backups with --backup-dir DIR"))
}
