//! Upload: one file to its name on the remote, proven to be there.
//!
//! Look at the remote, stage, compare what is stored with what was read and with
//! what its sidecar says, publish, record. The final name changes in one step
//! at the end, so that whatever ends the process it holds the old verified
//! file, the new one, or nothing.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Known, Place, Unfinished, source_key};
use crate::failure::{Code, Failure, fail};
use crate::hash::Sha256;
use crate::history::done_but_not_written;
use crate::installation::{Installation, Remote};
use crate::name::FileName;
use crate::progress::{Progress, Task};
use crate::provider::error::{Error, Kind, Repeat, watch};
use crate::provider::{Deletion, Look, Object, ObjectKind, Session};
use crate::remote_set::{read_json, sidecar_of};
use crate::sidecar::{Facts, MAX_SIDECAR_BYTES, says_the_same};
use crate::source::{Body, SourceFile};
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
        let name = FileName::from_os(path.file_name().unwrap_or_default())?;
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

/// What was published: its SHA-256, how it stands, and the upload it came by.
type Published = (Sha256, Object, Session);

/// What one try to upload came to.
enum Attempt {
    Published(Published),
    /// It did not arrive.
    Lost(Error),
    /// What arrived is not what was sent.
    Damaged(Failure),
}

/// From this size on, in bytes, it is noted when all has gone out: smaller files are
/// sent again sooner than looked for.
const WORTH_A_NOTE: u64 = 8 * 1024 * 1024;

/// How often a file is sent again that was sent whole and did not arrive.
const SENT_AGAIN: u32 = 2;

/// A body that notes when its last byte has been read.
struct NotedAtEnd<'a, 'n> {
    body: Body<'a>,
    left: u64,
    is_noted: bool,
    note: &'n mut dyn FnMut(),
}

impl Read for NotedAtEnd<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        if self.left == 0 && !self.is_noted {
            self.is_noted = true;
            (self.note)();
        }
        Ok(count)
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

    /// Takes up what an earlier run sent, or begins anew, as often as the policy allows.
    fn upload(&mut self, state: &mut State, file: &mut Outgoing) -> anyhow::Result<Published> {
        if let Some(published) = self.take_up(state, file)? {
            return Ok(published);
        }
        let mut attempts = self.remote.policy.attempts();
        let mut vanished = 0;
        let mut was_damaged = false;
        loop {
            match self.attempt(state, file)? {
                Attempt::Published(published) => return Ok(published),
                Attempt::Lost(error) => {
                    if matches!(error.kind, Kind::Missing) {
                        vanished += 1;
                        if vanished > SENT_AGAIN {
                            return Err(Failure::from(error).into());
                        }
                        let why = format!("{error}; it is sent again");
                        self.progress.note(&why);
                    }
                    attempts.after(error).map_err(Failure::from)?;
                }
                Attempt::Damaged(failure) if was_damaged => return Err(failure.into()),
                Attempt::Damaged(failure) => {
                    was_damaged = true;
                    self.progress.note(&format!("{failure}; it is sent again"));
                }
            }
        }
    }

    /// Begin, send, compare, publish. A failure before the last step leaves nothing.
    fn attempt(&mut self, state: &mut State, file: &mut Outgoing) -> anyhow::Result<Attempt> {
        let provider = &self.remote.provider;
        let session = provider
            .begin(&file.name, file.source.size())
            .map_err(Failure::from)?;
        let source = source_key(file.source.stamp());
        let noted = state.begin_upload(self.place(), &session, file.source.path(), &source);
        let sent = noted.map_err(anyhow::Error::from);
        let sent = sent.and_then(|()| self.send(state, file, session.clone()));
        if !matches!(sent, Ok(Attempt::Published(_))) {
            self.discard(state, &session);
        }
        sent
    }

    /// What cannot be removed now is found by the next run, which has it in the state.
    fn discard(&self, state: &mut State, session: &Session) {
        if let Ok(true) = self.remote.provider.discard(session) {
            let _ = state.drop_upload(self.place(), session);
        } else if crate::interrupt::received().is_some() {
            self.progress.note(&format!(
                "what was sent of '{}' may be on the remote; the next sync takes it up, or removes it",
                session.name
            ));
        }
    }

    fn send(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
        session: Session,
    ) -> anyhow::Result<Attempt> {
        let provider = &self.remote.provider;
        let task = self.progress.task(file.name.as_str(), file.source.size());
        let place = self.place();
        let mut body = NotedAtEnd {
            left: file.source.size(),
            is_noted: file.source.size() < WORTH_A_NOTE,
            body: file.source.body(&*task)?,
            note: &mut || {
                // Without the note, a later run looks once for it instead of patiently.
                let _ = state.note_sent(place, &session);
            },
        };
        let sent = provider.send(&session, &mut body, &*task);
        let sha256 = body.body.digest();
        match sent {
            Ok(()) => {}
            Err(error) if matches!(error.kind, Kind::Unanswered) => {
                log::info!("{error}; looking whether it arrived");
            }
            Err(error) if error.repeat != Repeat::Never => return Ok(Attempt::Lost(error)),
            Err(error) => return Err(Failure::from(error).into()),
        }
        file.source.confirm_unchanged()?;
        self.judge(file, sha256)?;
        task.phase("verifying");
        let staged = match provider.inspect(&session, Look::Patiently, &*task) {
            Ok(staged) => staged,
            Err(error) if matches!(error.kind, Kind::Missing) => {
                return Ok(Attempt::Lost(error.repeat(Repeat::Soon)));
            }
            Err(error) => return Err(Failure::from(error).into()),
        };
        if let Some(failure) = self.difference(file, &staged, sha256, &*task)? {
            return Ok(Attempt::Damaged(failure));
        }
        self.publish(state, file, session, &staged, sha256)
            .map(Attempt::Published)
    }

    fn publish(
        &mut self,
        state: &mut State,
        file: &Outgoing,
        session: Session,
        staged: &Object,
        sha256: Sha256,
    ) -> anyhow::Result<Published> {
        crate::interrupt::check()?;
        if matches!(file.role, Role::Data(_)) {
            self.retire_sidecar(state, file)?;
        }
        let published = self.remote.provider.publish(&session, staged);
        Ok((sha256, published.map_err(Failure::from)?, session))
    }

    /// Publishes what an earlier run sent of the same source, and did not get to publish.
    /// Had it sent it more than once, the rest goes.
    fn take_up(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
    ) -> anyhow::Result<Option<Published>> {
        let mut taken = None;
        for upload in state.uploads(&self.place().company_id)? {
            let session = upload.session.clone();
            let is_ours = upload.place == *self.place() && session.name == file.name.as_str();
            if !is_ours || !upload.is_from(file.source.stamp()) {
                continue;
            }
            if taken.is_none()
                && let Some((staged, sha256)) = self.arrived(file, &upload)?
            {
                self.progress.note(&format!(
                    "'{}' was sent by an earlier run; it only gets its name",
                    file.name
                ));
                let published = self.publish(state, file, session.clone(), &staged, sha256)?;
                // What had the name may have been put aside by that run.
                let _ = self.remote.provider.discard(&session);
                taken = Some(published);
                continue;
            }
            self.discard(state, &session);
        }
        Ok(taken)
    }

    /// What an earlier run sent, if it is there and has the source's bytes.
    fn arrived(
        &self,
        file: &mut Outgoing,
        upload: &Unfinished,
    ) -> anyhow::Result<Option<(Object, Sha256)>> {
        let task = self.progress.task(file.name.as_str(), file.source.size());
        let patience = self.remote.policy.searching(upload.session.size);
        let since = |sent: Timestamp| Duration::try_from(Timestamp::now().duration_since(sent));
        let look = match upload.sent_at.map(since) {
            Some(Ok(ago)) if ago <= patience => Look::Patiently,
            _ => Look::Once,
        };
        let staged = match self.remote.provider.inspect(&upload.session, look, &*task) {
            Ok(staged) if staged.size == file.source.size() => staged,
            Ok(_) => return Ok(None),
            Err(error) if matches!(error.kind, Kind::Missing) => return Ok(None),
            Err(error) => return Err(Failure::from(error).into()),
        };
        task.phase("comparing");
        let sha256 = file.source.digest(&*task)?;
        self.judge(file, sha256)?;
        let difference = self.difference(file, &staged, sha256, &*task)?;
        Ok(difference.is_none().then_some((staged, sha256)))
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

    /// What is stored must be what was sent: the failure when it is not.
    fn difference(
        &self,
        file: &mut Outgoing,
        staged: &Object,
        sent: Sha256,
        task: &dyn Task,
    ) -> anyhow::Result<Option<Failure>> {
        let size = file.source.size();
        let (expected, found) = match (staged.sha256, staged.md5) {
            (Some(found), _) => (format!("SHA-256 {sent}"), format!("SHA-256 {found}")),
            (None, Some(found)) => {
                let expected = file.source.md5(task)?;
                (format!("MD5 {expected}"), format!("MD5 {found}"))
            }
            (None, None) if staged.size == size => {
                let found = remote_digest(self.remote, staged, task)?;
                (format!("SHA-256 {sent}"), format!("SHA-256 {found}"))
            }
            (None, None) => (format!("SHA-256 {sent}"), "no digest".to_owned()),
        };
        if staged.size == size && expected == found {
            return Ok(None);
        }
        let detail = format!(
            "'{}' was stored on {} with {} bytes and {found}, but {size} bytes with {expected} were sent",
            file.name,
            self.place().provider,
            staged.size
        );
        let digest = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Some(
            Failure::new(Code::IntegrityFailed, detail)
                .hint("nothing was published; run the command again, and check the storage if it happens twice")
                .field("expected", digest(&expected))
                .field("found", digest(&found))
                .retry(true),
        ))
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
