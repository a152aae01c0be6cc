//! Sync: a local backup file to the company's remote directory, proven to be there.
//!
//! For each file, sidecar last: look at the remote, stage, compare what is
//! stored with what was read and with the sidecar, publish, record. The final
//! name changes in one step at the end, so that whatever ends the process it
//! holds the old verified file, the new one, or nothing.

use std::path::Path;

use jiff::Timestamp;

use crate::backup::{BackupType, LocalBackup, Sidecar};
use crate::catalog::{Known, Place, source_key};
use crate::failure::{Code, Failure, fail};
use crate::hash::Sha256;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Installation, Remote};
use crate::lock::Lock;
use crate::name::FileName;
use crate::progress::{Progress, Task};
use crate::provider::error::watch;
use crate::provider::{Object, ObjectKind, Session};
use crate::report::SyncReport;
use crate::source::SourceFile;
use crate::state::State;

/// How to sync.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncOptions {
    /// Leave a remote file alone that has the name and other content.
    pub no_clobber: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What became of one file.
struct Stored {
    name: FileName,
    size: u64,
    sha256: Option<Sha256>,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Skipped,
    Added,
    Replaced,
}

/// A sync of one company, with what it needs at hand.
pub struct Sync<'a> {
    /// Where everything is.
    pub installation: &'a Installation,
    /// The company's remote directory.
    pub remote: &'a Remote,
    /// The company's lock, held.
    pub lock: &'a Lock,
    /// How.
    pub options: SyncOptions,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Sync<'_> {
    /// Syncs one backup file and its sidecar, with a row in the history.
    ///
    /// # Errors
    /// As the contract lists them; after any of them the remote's names hold what they held.
    pub fn backup(&self, state: &mut State, path: &Path) -> anyhow::Result<SyncReport> {
        let backup = LocalBackup::find(path);
        for doubt in &backup.doubts {
            self.progress.note(doubt);
        }
        let open = || self.open(&backup.path, Role::Backup(checksum(&backup)));
        if self.options.dry_run {
            let stored = self.plan(state, &backup, &mut open()?)?;
            return Ok(self.report(&backup, &stored));
        }
        let name = backup
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let target = self.place().directory.join(&name);
        let provider = self.place().provider.name();
        let intent = Intent::of("sync", &self.remote.company, Some(provider), target);
        state.recorded(intent, Some(self.lock), |state| {
            let stored = self.send_backup(state, &backup, &mut open()?)?;
            let report = self.report(&backup, &stored);
            let outcome = match stored.step {
                Step::Skipped => Outcome::done(Verdict::Skipped, &report.message, 0),
                Step::Added | Step::Replaced => {
                    Outcome::done(Verdict::Ok, &report.message, stored.size)
                }
            };
            Ok((report, outcome))
        })
    }

    fn place(&self) -> &Place {
        &self.remote.place
    }

    fn open(&self, path: &Path, role: Role) -> Result<Outgoing, Failure> {
        let settings = &self.installation.settings;
        let name = FileName::from_os(path.file_name().unwrap_or_default())?;
        let source = SourceFile::open(path, &[&settings.db.value, &settings.state.value])?;
        Ok(Outgoing { source, name, role })
    }

    /// The backup file, then its sidecar: a remote file with a sidecar is a complete backup.
    fn send_backup(
        &self,
        state: &mut State,
        backup: &LocalBackup,
        file: &mut Outgoing,
    ) -> anyhow::Result<Stored> {
        self.check_size(backup, file)?;
        let stored = self.store(state, file)?;
        if let Some((path, _)) = &backup.sidecar {
            self.store(state, &mut self.open(path, Role::Sidecar)?)?;
        }
        Ok(stored)
    }

    /// A wrong size shows before anything is sent.
    fn check_size(&self, backup: &LocalBackup, file: &mut Outgoing) -> anyhow::Result<()> {
        let size = file.source.size();
        let is_db = BackupType::of_name(file.name.as_str()) == BackupType::Database;
        if size == 0 && is_db {
            self.progress.note(&format!(
                "'{}' is empty, which no database is",
                backup.path.display()
            ));
        }
        let Some((
            path,
            Sidecar {
                size: Some(told),
                checksum,
                ..
            },
        )) = &backup.sidecar
        else {
            return Ok(());
        };
        if *told == size {
            return Ok(());
        }
        let task = self.progress.task(file.name.as_str(), size);
        task.phase("comparing");
        let found = file.source.digest(&*task)?.to_string();
        let expected = checksum.map(|checksum| checksum.to_string());
        let (shown, sidecar) = (backup.path.display(), path.display());
        let detail = format!(
            "'{shown}' has {size} bytes, but its sidecar '{sidecar}' says {told}: the backup is damaged"
        );
        let failure = Failure::new(Code::IntegrityFailed, detail).hint(DAMAGED);
        Err(failure
            .field("expected", expected)
            .field("found", found)
            .into())
    }

    /// Stores one file under its name, unless it is there.
    fn store(&self, state: &mut State, file: &mut Outgoing) -> anyhow::Result<Stored> {
        let existing = self
            .remote
            .provider
            .stat(&file.name)
            .map_err(Failure::from)?;
        if let Some(object) = &existing
            && let Some(known) = self.same_content(state, file, object)?
        {
            file.check_against_sidecar(known.sha256)?;
            state.record(self.place(), &known)?;
            return Ok(file.stored(Some(known.sha256), Step::Skipped));
        }
        let full = self.place().directory.join(file.name.as_str());
        if existing.is_some() && self.options.no_clobber {
            return Err(self.not_clobbered(file).into());
        }
        let (sha256, object) = self.upload(state, file)?;
        let now = Timestamp::now();
        let known = file.known(&object, sha256, now, Some(now));
        state
            .record(self.place(), &known)
            .map_err(|failure| stored_but_not_recorded(&full, failure))?;
        Ok(file.stored(
            Some(sha256),
            if existing.is_some() {
                Step::Replaced
            } else {
                Step::Added
            },
        ))
    }

    /// Begin, send, compare, publish. A failure before the last step leaves nothing.
    fn upload(&self, state: &mut State, file: &mut Outgoing) -> anyhow::Result<(Sha256, Object)> {
        let provider = &self.remote.provider;
        let session = provider
            .begin(&file.name, file.source.size())
            .map_err(Failure::from)?;
        state.begin_upload(self.place(), &session, &source_key(file.source.stamp()))?;
        self.send(file, &session).inspect_err(|_| {
            // What cannot be removed now is found by the next run, which has it in the state.
            if provider.discard(&session).is_ok() {
                let _ = state.drop_upload(self.place(), file.name.as_str());
            }
        })
    }

    fn send(&self, file: &mut Outgoing, session: &Session) -> anyhow::Result<(Sha256, Object)> {
        let provider = &self.remote.provider;
        let task = self.progress.task(file.name.as_str(), file.source.size());
        let mut body = file.source.body(&*task)?;
        provider.send(session, &mut body).map_err(Failure::from)?;
        let sha256 = body.digest();
        file.source.confirm_unchanged()?;
        file.check_against_sidecar(sha256)?;
        task.phase("verifying");
        let staged = provider.inspect(session, &*task).map_err(Failure::from)?;
        self.compare(file, &staged, sha256)?;
        crate::interrupt::check()?;
        Ok((sha256, provider.publish(session).map_err(Failure::from)?))
    }

    /// What is stored must be what was sent.
    fn compare(&self, file: &Outgoing, staged: &Object, sent: Sha256) -> Result<(), Failure> {
        let size = file.source.size();
        if staged.size == size && staged.sha256 == Some(sent) {
            return Ok(());
        }
        let found = staged
            .sha256
            .map_or_else(|| "none".to_owned(), |found| found.to_string());
        let detail = format!(
            "'{}' was stored on {} with {} bytes and SHA-256 {found}, but {size} bytes with SHA-256 {sent} were sent",
            file.name,
            self.place().provider,
            staged.size
        );
        Err(Failure::new(Code::IntegrityFailed, detail)
            .hint("nothing was published; run the command again, and check the storage if it happens twice")
            .field("expected", sent.to_string())
            .field("found", found)
            .retry(true))
    }

    /// What is known of the remote object when it has the source's bytes.
    ///
    /// Our record spares reading whatever did not change since it was made.
    fn same_content(
        &self,
        state: &State,
        file: &mut Outgoing,
        object: &Object,
    ) -> anyhow::Result<Option<Known>> {
        if object.kind != ObjectKind::File || object.size != file.source.size() {
            return Ok(None);
        }
        let recorded = state.known(self.place(), file.name.as_str())?;
        // What was found to differ is read again.
        let recorded =
            recorded.filter(|known| known.version == object.version && known.verified_at.is_some());
        let key = source_key(file.source.stamp());
        if let Some(known) = &recorded
            && known.source.as_deref() == Some(key.as_str())
        {
            return Ok(recorded);
        }
        let task = self.progress.task(file.name.as_str(), file.source.size());
        task.phase("comparing");
        let stored = match (object.sha256, &recorded) {
            (Some(sha256), _) => sha256,
            (None, Some(known)) => known.sha256,
            (None, None) => remote_digest(self.remote, object, &*task)?,
        };
        let read_back = recorded.is_none();
        let sha256 = file.source.digest(&*task)?;
        let now = Timestamp::now();
        let stored_at = recorded.as_ref().map_or(now, |known| known.stored_at);
        // Compared by reading both, it is verified now; by the record alone, as of then.
        let verified_at = if read_back {
            Some(now)
        } else {
            recorded.and_then(|known| known.verified_at)
        };
        Ok((sha256 == stored).then(|| file.known(object, sha256, stored_at, verified_at)))
    }

    /// What [`Sync::store`] would do, or fail with.
    fn plan(
        &self,
        state: &State,
        backup: &LocalBackup,
        file: &mut Outgoing,
    ) -> anyhow::Result<Stored> {
        self.check_size(backup, file)?;
        if let Role::Backup(Some(_)) = file.role {
            let task = self.progress.task(file.name.as_str(), file.source.size());
            task.phase("comparing");
            let found = file.source.digest(&*task)?;
            file.check_against_sidecar(found)?;
        }
        let existing = self
            .remote
            .provider
            .stat(&file.name)
            .map_err(Failure::from)?;
        let Some(object) = &existing else {
            return Ok(file.stored(None, Step::Added));
        };
        match self.same_content(state, file, object)? {
            Some(known) => Ok(file.stored(Some(known.sha256), Step::Skipped)),
            None if self.options.no_clobber => Err(self.not_clobbered(file).into()),
            None => Ok(file.stored(None, Step::Replaced)),
        }
    }

    fn not_clobbered(&self, file: &Outgoing) -> Failure {
        let full = self.place().directory.join(file.name.as_str());
        Failure::new(
            Code::AlreadyExists,
            format!("'{full}' exists already with other content"),
        )
        .hint("without --no-clobber it is replaced")
    }

    fn report(&self, backup: &LocalBackup, stored: &Stored) -> SyncReport {
        let provider = self.place().provider;
        let message = match (stored.step, self.options.dry_run) {
            (Step::Skipped, _) => format!("Backup is already on {provider}"),
            (Step::Added, true) => format!("Backup would be synced to {provider}"),
            (Step::Replaced, true) => format!("Backup would replace another file on {provider}"),
            (Step::Added | Step::Replaced, false) => format!("Backup synced to {provider}"),
        };
        let sidecar = backup
            .sidecar
            .as_ref()
            .and_then(|(path, _)| path.file_name()?.to_str());
        SyncReport {
            success: true,
            message,
            company_id: self.remote.company.id.clone(),
            company_name: self.remote.company.name.clone(),
            provider: provider.name().to_owned(),
            remote_path: self.place().directory.join(stored.name.as_str()),
            size_mb: mebibytes(stored.size),
            size: stored.size,
            sha256: stored.sha256,
            skipped: stored.step == Step::Skipped,
            replaced: stored.step == Step::Replaced,
            local_path: backup.path.display().to_string(),
            backup_type: backup.backup_type(),
            sidecar: sidecar.map(|name| self.place().directory.join(name)),
            dry_run: self.options.dry_run,
        }
    }
}

/// One file on its way.
struct Outgoing {
    source: SourceFile,
    name: FileName,
    role: Role,
}

/// What a file is to its backup.
#[derive(Clone, Copy)]
enum Role {
    /// The backup file, with the checksum that its sidecar tells.
    Backup(Option<Sha256>),
    /// The sidecar.
    Sidecar,
}

impl Outgoing {
    /// Fails when the application wrote down another checksum than the bytes have.
    fn check_against_sidecar(&self, found: Sha256) -> Result<(), Failure> {
        let Role::Backup(Some(told)) = self.role else {
            return Ok(());
        };
        if told == found {
            return Ok(());
        }
        let path = self.source.path().display();
        let detail = format!(
            "'{path}' has the SHA-256 {found}, but its sidecar says {told}: the backup is damaged"
        );
        Err(Failure::new(Code::IntegrityFailed, detail)
            .hint(DAMAGED)
            .field("expected", told.to_string())
            .field("found", found.to_string()))
    }

    fn known(
        &self,
        object: &Object,
        sha256: Sha256,
        stored_at: Timestamp,
        verified_at: Option<Timestamp>,
    ) -> Known {
        Known {
            name: self.name.as_str().to_owned(),
            size: self.source.size(),
            sha256,
            version: object.version.clone(),
            source: Some(source_key(self.source.stamp())),
            is_sidecar: matches!(self.role, Role::Sidecar),
            stored_at,
            verified_at,
        }
    }

    fn stored(&self, sha256: Option<Sha256>, step: Step) -> Stored {
        Stored {
            name: self.name.clone(),
            size: self.source.size(),
            sha256,
            step,
        }
    }
}

const DAMAGED: &str = "nothing was published; make a new backup in Vertex AR";

fn checksum(backup: &LocalBackup) -> Option<Sha256> {
    backup
        .sidecar
        .as_ref()
        .and_then(|(_, sidecar)| sidecar.checksum)
}

/// The digest of a remote object, by reading it back.
///
/// # Errors
/// As [`crate::provider::Provider::read`]; `integrity_failed` when it ends early.
pub fn remote_digest(remote: &Remote, object: &Object, task: &dyn Task) -> anyhow::Result<Sha256> {
    let mut reader = remote.provider.read(object, 0).map_err(Failure::from)?;
    let digest = Sha256::of_reader(&mut *reader, |count| watch(task, count));
    let doing = format!("cannot read '{}' on {}", object.name, remote.place.provider);
    let (sha256, size) = digest.map_err(|error| {
        Failure::from(crate::provider::error::disk(
            remote.place.provider,
            &doing,
            error,
            None,
        ))
    })?;
    if size != object.size {
        fail!(
            Code::IntegrityFailed,
            "{doing}: it ended after {size} of {} bytes",
            object.size
        );
    }
    Ok(sha256)
}

fn stored_but_not_recorded(remote_path: &str, failure: Failure) -> Failure {
    let detail = format!("'{remote_path}' is stored and verified, but this could not be recorded");
    Failure::new(Code::LocalIo, detail)
        .field("stored", true)
        .hint("make room beside the database; running the same command again records it")
        .caused_by(failure)
}

/// Bytes as the seed's `size_mb`: MiB with two decimals.
#[expect(clippy::cast_precision_loss, reason = "two decimals are kept")]
fn mebibytes(size: u64) -> f64 {
    (size as f64 / 1_048_576.0 * 100.0).round() / 100.0
}
