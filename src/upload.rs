//! Upload: one file to its name on the remote, proven to be there.
//!
//! Look at the remote, stage, compare what is stored with what was read and with
//! what its sidecar says, publish, record. The final name changes in one step
//! at the end, so that whatever ends the process it holds the old verified
//! file, the new one, or nothing.

mod sending;

use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use crate::catalog::{Known, Place, source_key};
use crate::failure::{Code, Failure, fail};
use crate::hash::Sha256;
use crate::history::done_but_not_written;
use crate::installation::{Installation, Remote};
use crate::name::FileName;
use crate::progress::{Progress, Task};
use crate::provider::error::watch;
use crate::provider::{Deletion, Object, ObjectKind};
use crate::remote_set::{read_json, sidecar_of};
use crate::sidecar::{Facts, MAX_SIDECAR_BYTES, says_the_same};
use crate::source::SourceFile;
use crate::state::State;

/// How to upload.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncOptions {
    /// Leave a remote file alone that has the name and other content.
    pub no_clobber: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Send what does not match its sidecar, too.
    pub force: bool,
}

impl SyncOptions {
    /// Fails for a backup that is not what its sidecar says; with `force` it is only told about.
    pub(crate) fn refuse(self, failure: Failure, progress: &dyn Progress) -> Result<(), Failure> {
        if !self.force {
            return Err(failure);
        }
        progress.note(&format!("{failure}; it is sent as it is"));
        Ok(())
    }
}

/// What became of one file.
pub(crate) struct Stored {
    pub(crate) name: FileName,
    pub(crate) size: u64,
    /// What is known of it now; absent in a dry run.
    pub(crate) known: Option<Known>,
    pub(crate) step: Step,
    /// Its bytes are not those its sidecar tells of.
    pub(crate) damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Skipped,
    Added,
    Replaced,
}

/// One file on its way.
pub(crate) struct Outgoing {
    pub(crate) source: SourceFile,
    pub(crate) name: FileName,
    pub(crate) role: Role,
}

/// What a file is to its backup.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// It holds the backup or a part of it; its SHA-256, where that is known.
    Data(Option<Sha256>),
    /// It is the sidecar or the manifest, and says this.
    Json(Facts),
}

impl Outgoing {
    /// Opens a file to be sent.
    pub(crate) fn open(
        installation: &Installation,
        path: &Path,
        role: Role,
    ) -> Result<Self, Failure> {
        let Some(name) = path.file_name() else {
            // It ends in `..` or is the root: what that is, opening it tells.
            installation.source(path)?;
            let detail = format!("'{}' names no file", path.display());
            return Err(Failure::new(Code::LocalIo, detail));
        };
        let name = FileName::from_os(name)?;
        let source = installation.source(path)?;
        Ok(Outgoing { source, name, role })
    }

    /// Fails when the application wrote down another checksum than the bytes have.
    pub(crate) fn check_against_sidecar(&self, found: Sha256) -> Result<(), Failure> {
        match self.role {
            Role::Data(Some(told)) if told != found => {
                let path = self.source.path().display().to_string();
                Err(damaged(&path, told, found))
            }
            _ => Ok(()),
        }
    }

    fn known(
        &self,
        object: &Object,
        sha256: Sha256,
        stored_at: Timestamp,
        verified_at: Option<Timestamp>,
    ) -> Known {
        let facts = match &self.role {
            Role::Json(facts) => Some(facts.clone()),
            Role::Data(_) => None,
        };
        Known {
            name: self.name.as_str().to_owned(),
            size: object.size,
            sha256,
            version: object.version.clone(),
            source: Some(source_key(self.source.stamp())),
            facts,
            stored_at,
            verified_at,
        }
    }

    fn stored(&self, known: Option<Known>, step: Step) -> Stored {
        let is_damaged = |known: &Known| self.check_against_sidecar(known.sha256).is_err();
        Stored {
            name: self.name.clone(),
            size: self.source.size(),
            damaged: known.as_ref().is_some_and(is_damaged),
            known,
            step,
        }
    }
}

/// The failure for bytes that are not those a sidecar tells of.
pub(crate) fn damaged(what: &str, told: Sha256, found: Sha256) -> Failure {
    let detail = format!(
        "'{what}' has the SHA-256 {found}, but its sidecar says {told}: the backup is damaged (checksum differs)"
    );
    Failure::new(Code::IntegrityFailed, detail)
        .hint(DAMAGED)
        .field("expected", told.to_string())
        .field("found", found.to_string())
}

/// The way out for a damaged backup.
pub(crate) const DAMAGED: &str =
    "nothing was published; make a new backup in Vertex AR, or send it as it is with --force";

/// Sends the files of one set to one company's remote.
pub(crate) struct Uploader<'a> {
    remote: &'a Remote,
    options: SyncOptions,
    progress: &'a dyn Progress,
    /// The set's name.
    set: String,
    /// The set's sidecar here, where it has one: its name, and what it says.
    sidecar: Option<(FileName, Vec<u8>)>,
    /// The remote's sidecar was looked at already.
    is_settled: bool,
}

impl<'a> Uploader<'a> {
    /// For a set of this name and with this sidecar.
    pub(crate) fn new(
        remote: &'a Remote,
        options: SyncOptions,
        progress: &'a dyn Progress,
        set: &str,
        sidecar: Option<(FileName, Vec<u8>)>,
    ) -> Self {
        Uploader {
            remote,
            options,
            progress,
            set: set.to_owned(),
            sidecar,
            is_settled: false,
        }
    }

    fn place(&self) -> &Place {
        &self.remote.place
    }

    /// Stores one file under its name, unless it is there. A dry run only says what would be done.
    pub(crate) fn store(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
    ) -> anyhow::Result<Stored> {
        let existing = self
            .remote
            .provider
            .stat(&file.name)
            .map_err(Failure::from)?;
        if let Some(object) = &existing
            && let Some(known) = self.same_content(state, file, object)?
        {
            self.judge(file, known.sha256)?;
            if !self.options.dry_run {
                state.record(self.place(), &known)?;
                self.clear(state, &file.name)?;
                let settled = self.remote.provider.settle(object);
                settled.map_err(Failure::from)?;
            }
            return Ok(file.stored(Some(known), Step::Skipped));
        }
        if let Some(object) = &existing
            && object.kind == ObjectKind::Other
        {
            let full = self.place().directory.join(file.name.as_str());
            let detail = format!("'{full}' is not a file, and is left alone");
            return Err(Failure::new(Code::AlreadyExists, detail)
                .hint("remove it, or rename it, by hand")
                .into());
        }
        if existing.is_some() && self.options.no_clobber {
            return Err(self.not_clobbered(&file.name).into());
        }
        let step = if existing.is_some() {
            Step::Replaced
        } else {
            Step::Added
        };
        if self.options.dry_run {
            self.check_readable(file)?;
            return Ok(file.stored(None, step));
        }
        let (sha256, object, session) = self.upload(state, file)?;
        let now = Timestamp::now();
        let known = file.known(&object, sha256, now, Some(now));
        let full = self.place().directory.join(file.name.as_str());
        state
            .record_upload(self.place(), &known, &session)
            .map_err(|failure| stored_but_not_recorded(&full, failure))?;
        Ok(file.stored(Some(known), step))
    }

    /// Fails when the name is taken by other content; what was read to know is recorded.
    pub(crate) fn refuse_clobber(
        &self,
        state: &mut State,
        file: &mut Outgoing,
    ) -> anyhow::Result<()> {
        let existing = self.remote.provider.stat(&file.name);
        let Some(object) = existing.map_err(Failure::from)? else {
            return Ok(());
        };
        let Some(known) = self.same_content(state, file, &object)? else {
            return Err(self.not_clobbered(&file.name).into());
        };
        if !self.options.dry_run {
            state.record(self.place(), &known)?;
        }
        Ok(())
    }

    /// A plan for a damaged backup would be a wrong one.
    fn check_readable(&self, file: &mut Outgoing) -> anyhow::Result<()> {
        if let Role::Data(Some(_)) = file.role {
            let task = self.progress.task(file.name.as_str(), file.source.size());
            task.phase("comparing");
            let found = file.source.digest(&*task)?;
            self.judge(file, found)?;
        }
        Ok(())
    }

    /// Whether the bytes are those the sidecar tells of; with `--force` others are only told about.
    fn judge(&self, file: &Outgoing, found: Sha256) -> Result<(), Failure> {
        let result = file.check_against_sidecar(found);
        result.or_else(|failure| self.options.refuse(failure, self.progress))
    }

    /// A sidecar that tells of other bytes than those about to get their name goes first:
    /// without one they are merely without a sidecar, with it, they would look damaged.
    fn retire_sidecar(&mut self, state: &mut State, file: &Outgoing) -> anyhow::Result<()> {
        if self.is_settled {
            return Ok(());
        }
        if let Some(json) = self.stale_sidecar(file)? {
            if self.options.no_clobber {
                return Err(self.not_clobbered(&json).into());
            }
            // From here until the last file is there, the set is neither the old one nor the new.
            state.set_verified(self.place(), &self.set, None)?;
            self.remote
                .provider
                .delete(&json, Deletion::Trash)
                .map_err(Failure::from)?;
            state.forget(self.place(), json.as_str())?;
        }
        self.is_settled = true;
        Ok(())
    }

    /// The remote's sidecar, where it says something else than the one here.
    fn stale_sidecar(&self, file: &Outgoing) -> anyhow::Result<Option<FileName>> {
        let Some((name, ours)) = &self.sidecar else {
            return Ok(sidecar_of(self.remote, &file.name)?.map(|(json, ..)| json));
        };
        let found = self.remote.provider.stat(name).map_err(Failure::from)?;
        let Some(object) = found.filter(|object| object.kind == ObjectKind::File) else {
            return Ok(None);
        };
        let is_same = object.size <= MAX_SIDECAR_BYTES
            && says_the_same(&read_json(self.remote, &object)?, ours);
        Ok((!is_same).then(|| name.clone()))
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
        if object.kind != ObjectKind::File {
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
        if matches!(file.role, Role::Json(_)) {
            return self.same_json(file, object);
        }
        if object.size != file.source.size() {
            return Ok(None);
        }
        let task = self.progress.task(file.name.as_str(), file.source.size());
        task.phase("comparing");
        let stored = match (object.sha256, &recorded) {
            (None, None) if object.md5.is_some() => {
                // The MD5 proves as much as reading all of it back would.
                if object.md5 != Some(file.source.md5(&*task)?) {
                    return Ok(None);
                }
                file.source.digest(&*task)?
            }
            (Some(sha256), _) => sha256,
            (None, Some(known)) => known.sha256,
            (None, None) => remote_digest(self.remote, object, &*task)?,
        };
        let sha256 = file.source.digest(&*task)?;
        let now = Timestamp::now();
        // Compared by reading both, it is verified now; by the record alone, as of then.
        let (stored_at, verified_at) = match recorded {
            Some(known) => (known.stored_at, known.verified_at),
            None => (object.stored_at(now), Some(now)),
        };
        Ok((sha256 == stored).then(|| file.known(object, sha256, stored_at, verified_at)))
    }

    /// A sidecar that says the same, and only lies elsewhere, is left as the remote has it.
    fn same_json(&self, file: &mut Outgoing, object: &Object) -> anyhow::Result<Option<Known>> {
        if object.size.max(file.source.size()) > MAX_SIDECAR_BYTES {
            return Ok(None);
        }
        let theirs = read_json(self.remote, object)?;
        let ours = file.source.content()?;
        let now = Timestamp::now();
        let stored_at = object.stored_at(now);
        Ok(says_the_same(&theirs, &ours)
            .then(|| file.known(object, Sha256::of(&theirs), stored_at, Some(now))))
    }

    fn not_clobbered(&self, name: &FileName) -> Failure {
        let full = self.place().directory.join(name.as_str());
        Failure::new(
            Code::AlreadyExists,
            format!("'{full}' exists already with other content"),
        )
        .hint("without --no-clobber it is replaced")
    }
}

/// The digest of a remote object, by reading it back.
///
/// # Errors
/// As [`crate::provider::Provider::read`]; `integrity_failed` when it ends early.
pub fn remote_digest(remote: &Remote, object: &Object, task: &dyn Task) -> anyhow::Result<Sha256> {
    let mut reader = remote.provider.read(object, 0).map_err(Failure::from)?;
    digest_of(remote, object, &mut *reader, task)
}

/// As [`remote_digest`], of an object that was opened before.
pub(crate) fn digest_of(
    remote: &Remote,
    object: &Object,
    reader: &mut dyn Read,
    task: &dyn Task,
) -> anyhow::Result<Sha256> {
    let digest = Sha256::of_reader(reader, |count| watch(task, count));
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
    done_but_not_written(detail, failure).field("stored", true)
}
