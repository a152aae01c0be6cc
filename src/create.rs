//! Create: a backup on this machine, made exactly as the application makes it.
//!
//! A copy of the database, an archive of the stored files, or both under one
//! timestamp with a manifest. Everything is made under temporary names, put on
//! the medium and read back; only when all of it is good do the names appear,
//! file by file, each sidecar after its file and the manifest last.

mod database;
mod folders;
mod pieces;
mod sidecar;

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use self::database::{Live, check_room};
use self::folders::{Folders, Wrote, write_failed};
use self::pieces::{Pieces, Whole, temporary};
use self::sidecar::{HalfText, Manifest, Stored, python_json, shown};
use crate::archive::{Compression, Packing, measure, pack};
use crate::backup::{BackupType, part_of, sidecar_name};
use crate::backup_settings::BackupSettings;
use crate::dir::Dir;
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::Installation;
use crate::interrupt;
use crate::lock::Lock;
use crate::progress::Progress;
use crate::provider::error::watch;
use crate::report::{CreateReport, HalfReport};
use crate::staging::Staging;
use crate::state::State;
use crate::text::{bytes, system_reason};

/// Making a backup, with what it needs at hand.
pub struct Create<'a> {
    /// Where everything is.
    pub installation: &'a Installation,
    /// How the application wants it.
    pub settings: BackupSettings,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// What the lock on making backups is called, and so who excludes whom.
pub fn lock_name(installation: &Installation) -> String {
    let folder = &installation.settings.backup_dir.value;
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| PathBuf::from(shown(folder)));
    format!("The backups in '{}'", folder.display())
}

/// One of the two, whole and verified, with what is written down about it; no name has appeared.
struct Half<'d> {
    dir: &'d Dir,
    whole: Whole<'d>,
    sidecar: Staging<'d>,
    sidecar_name: String,
    text: HalfText,
    stored: Option<Stored>,
}

impl Create<'_> {
    /// Makes a backup, with a row in the history. The caller holds the lock of [`lock_name`].
    ///
    /// # Errors
    /// `storage_not_found`, `integrity_failed` for a damaged database, `source_changed`
    /// for a stored file that is written to; after any of them no new backup has
    /// appeared, but for the other half of a full one.
    pub fn run(
        &self,
        state: &mut State,
        lock: &Lock,
        what: BackupType,
    ) -> anyhow::Result<CreateReport> {
        let folder = &self.installation.settings.backup_dir.value;
        let intent = Intent {
            operation: "backup create".into(),
            target: Some(shown(&folder.join(what.name()))),
            ..Intent::default()
        };
        state.recorded(intent, Some(lock), |_| {
            let folders = Folders::open(folder)?;
            folders.clear_leftovers(self.progress)?;
            let stamp = folders.free_stamp()?;
            let report = match what {
                BackupType::Database => {
                    let half = self.database(&folders, &stamp)?;
                    CreateReport::of_half(what, stamp, half.publish()?)
                }
                BackupType::Storage => {
                    let half = self.storage(&folders, &stamp)?;
                    CreateReport::of_half(what, stamp, half.publish()?)
                }
                BackupType::Full => self.full(&folders, stamp)?,
            };
            let name = Path::new(&report.local_path).file_name();
            let name = name.unwrap_or_default().to_string_lossy();
            let done = format!("{}: {name}", report.message);
            let outcome = Outcome::done(Verdict::Ok, done, report.size);
            Ok((report, outcome))
        })
    }

    /// Both halves are made before either appears.
    fn full(&self, folders: &Folders, stamp: String) -> anyhow::Result<CreateReport> {
        let database = self.database(folders, &stamp);
        interrupt::check()?;
        let storage = self.storage(folders, &stamp);
        interrupt::check()?;
        match (database, storage) {
            (Ok(database), Ok(storage)) => both(folders, stamp, database, storage),
            (Ok(good), Err(error)) => Err(half_failed("storage half", &error, Some(good))),
            (Err(error), Ok(good)) => Err(half_failed("database half", &error, Some(good))),
            (Err(error), Err(other)) => {
                let note = format!("the storage half of the full backup failed, too: {other}");
                self.progress.note(&note);
                Err(half_failed("database half", &error, None))
            }
        }
    }

    fn database<'d>(&self, folders: &'d Folders, stamp: &str) -> anyhow::Result<Half<'d>> {
        let settings = &self.installation.settings;
        let dir = folders.of(BackupType::Database);
        let name = format!("db_backup_{stamp}.db");
        let wait = settings.timeout.value;
        let live = Live::open(
            &settings.db.value,
            wait.unwrap_or(crate::database::BUSY_WAIT),
        )?;
        check_room(dir, &name, &live)?;
        let task = self.progress.task(&name, live.size);
        task.phase("copying");
        let whole = live.copy(dir, &name, &*task)?;
        drop(task);
        Half::new(dir, stamp, (&settings.db.value, &name), whole, None)
    }

    fn storage<'d>(&self, folders: &'d Folders, stamp: &str) -> anyhow::Result<Half<'d>> {
        let BackupSettings { compression, split } = self.settings;
        let source = &self.installation.settings.storage_dir.value;
        let dir = folders.of(BackupType::Storage);
        let name = format!("storage_backup_{stamp}{}", compression.ending());
        let packing = Packing {
            folder: &open_storage(source)?,
            called: "storage",
            left_out: folders.root.stamp().ok(),
            note: &|text| self.progress.note(text),
        };
        let total = measure(&packing)?;
        let failed = |error| write_failed(dir, &name, Wrote::ArchiveOf(total), error);
        self.look_at_room(dir, total).map_err(failed)?;
        let task = self.progress.task(&name, total);
        task.phase("archiving");
        let pieces = Pieces::begin(dir, &name, split).map_err(failed)?;
        let output = BufWriter::with_capacity(256 * 1024, pieces);
        let mut step = |count| watch(&*task, count);
        let (packed, output) = pack(&packing, compression, output, &mut step, failed)?;
        let pieces = output
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let whole = pieces.seal(&*task).map_err(failed)?;
        drop(task);
        let stored = Stored {
            file_count: packed.files,
            compression,
            split,
        };
        Half::new(dir, stamp, (source, &name), whole, Some(stored))
    }

    /// A plain archive must fit; how small a compressed one gets nobody knows.
    fn look_at_room(&self, dir: &Dir, total: u64) -> io::Result<()> {
        let (_, free) = dir.space()?;
        if free >= total {
            return Ok(());
        }
        if self.settings.compression == Compression::None {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.progress.note(&format!(
            "{} are to be archived, {} are free in '{}': it fits only if it compresses well",
            bytes(total),
            bytes(free),
            dir.path().display()
        ));
        Ok(())
    }
}

fn open_storage(path: &Path) -> Result<Dir, Failure> {
    Dir::open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            let detail = format!("Storage folder not found: {}", path.display());
            return Failure::new(Code::StorageNotFound, detail).hint(
                "name it with --storage-dir DIR or VERTEX_BACKUP_STORAGE_DIR, \
                 or make a backup of the database alone: --type database",
            );
        }
        let why = system_reason(&error);
        let detail = format!("cannot open the storage folder '{}': {why}", path.display());
        Failure::new(Code::LocalIo, detail)
    })
}

impl<'d> Half<'d> {
    /// Writes down what is known of it, still under a temporary name.
    fn new(
        dir: &'d Dir,
        stamp: &str,
        (original, name): (&Path, &str),
        whole: Whole<'d>,
        stored: Option<Stored>,
    ) -> anyhow::Result<Self> {
        let text = HalfText::new(stamp, (original, name), dir, &whole, stored.as_ref());
        let beside = whole.names.first().and_then(|first| sidecar_name(first));
        let sidecar_name = beside.unwrap_or_else(|| format!("{name}.json"));
        let sidecar = stage_text(dir, &sidecar_name, &python_json(&text)?)?;
        Ok(Half {
            dir,
            whole,
            sidecar,
            sidecar_name,
            text,
            stored,
        })
    }

    /// Lets it appear: the file or its parts, then the sidecar.
    fn publish(self) -> anyhow::Result<HalfReport> {
        interrupt::check()?;
        let Half {
            dir,
            whole,
            sidecar,
            sidecar_name,
            stored,
            ..
        } = self;
        let path = |name: &str| shown(&dir.path().join(name));
        let names = whole.names.clone();
        let report = HalfReport {
            local_path: path(&names[0]),
            size: whole.size,
            sha256: whole.sha256,
            sidecar: path(&sidecar_name),
            file_count: stored.as_ref().map(|stored| stored.file_count),
            compression: stored.map(|stored| stored.compression.to_string()),
            parts: if names.len() > 1 || part_of(&names[0]).is_some() {
                names.clone()
            } else {
                Vec::new()
            },
        };
        let failed = |name: &str, error: io::Error| {
            write_failed(dir, name, Wrote::Needs(report.size), error)
        };
        whole.publish((sidecar, &sidecar_name), failed)?;
        Ok(report)
    }
}

/// Both appear, then the manifest that makes one backup of them.
fn both(
    folders: &Folders,
    stamp: String,
    database: Half<'_>,
    storage: Half<'_>,
) -> anyhow::Result<CreateReport> {
    let dir = folders.of(BackupType::Full);
    let name = format!("full_backup_{stamp}.json");
    let manifest = Manifest::new(&stamp, &database.text, &storage.text);
    let manifest = stage_text(dir, &name, &python_json(&manifest)?)?;
    let database = database.publish()?;
    let storage = storage
        .publish()
        .map_err(|error| named("storage half", &error, &[&database]))?;
    let published = manifest.publish(&name, false);
    published.map_err(|error| {
        let error = write_failed(dir, &name, Wrote::Needs(0), error);
        named("manifest", &error, &[&database, &storage])
    })?;
    let path = shown(&dir.path().join(&name));
    Ok(CreateReport::of_both(stamp, path, database, storage))
}

/// A small file under a temporary name, on the medium.
fn stage_text<'d>(dir: &'d Dir, name: &str, text: &str) -> anyhow::Result<Staging<'d>> {
    let write = || -> io::Result<Staging<'d>> {
        let mut staging = Staging::create(dir, &temporary(name), text.len() as u64)?;
        staging.give_like(dir.path())?;
        staging.fill(text.as_bytes())?;
        Ok(staging)
    };
    write().map_err(|error| write_failed(dir, name, Wrote::Needs(text.len() as u64), error))
}

/// The error of one half; the other one appears and stays.
fn half_failed(what: &str, error: &anyhow::Error, good: Option<Half<'_>>) -> anyhow::Error {
    match good.map(Half::publish) {
        None => named(what, error, &[]),
        Some(Ok(good)) => named(what, error, &[&good]),
        Some(Err(other)) => other,
    }
}

/// The failure of a piece of it, under its own code, with what is there nevertheless.
fn named(what: &str, error: &anyhow::Error, good: &[&HalfReport]) -> anyhow::Error {
    let good: Vec<&str> = good.iter().map(|half| half.local_path.as_str()).collect();
    let kept = match good.as_slice() {
        [] => String::new(),
        [path] => format!("; '{path}' was made and stays"),
        paths => format!("; '{}' were made and stay", paths.join("' and '")),
    };
    let detail = format!("The {what} of the full backup failed: {error}{kept}");
    let Some(failure) = Failure::of(error) else {
        return anyhow::Error::msg(detail);
    };
    let mut named = Failure::new(failure.code(), detail)
        .retry(failure.is_retryable())
        .field("half", what.strip_suffix(" half"))
        .field("kept", good.first().copied());
    for (key, value) in failure.fields() {
        named = named.field(key, value.clone());
    }
    match failure.hint_text() {
        Some(hint) => named.hint(hint).into(),
        None => named.into(),
    }
}
