//! Sending one file: begun, sent, compared, published, as often as it takes.
//!
//! What did not arrive is sent again; of what may have arrived, it is asked first. What an
//! earlier run sent of the same source is taken up. Where the provider can go on in the
//! middle of a file, it does, in this process and in the next.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use jiff::Timestamp;

use super::{Outgoing, Role, Uploader, remote_digest};
use crate::catalog::{Taken, Unfinished, source_key};
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::name::FileName;
use crate::progress::Task;
use crate::provider::error::{Error, Kind, Repeat, smuggle};
use crate::provider::{Content, Look, Object, Session};
use crate::source::{Body, carried};
use crate::state::State;

/// What was published: its SHA-256, how it stands, and the upload it came by.
pub(super) type Published = (Sha256, Object, Session);

/// What one try to upload came to.
enum Attempt {
    Published(Published),
    /// It did not arrive; whether all of it had been sent.
    Lost(Error, bool),
    /// It arrived, and has neither been verified nor got its name, which is not its fault.
    Kept(anyhow::Error),
    /// What arrived is not what was sent.
    Damaged(Failure),
}

/// From this size on, in bytes, it is noted when all has gone out: smaller files are
/// sent again sooner than looked for.
const WORTH_A_NOTE: u64 = 8 * 1024 * 1024;

/// How often a file is sent again that was sent whole and did not arrive.
const SENT_AGAIN: u32 = 2;

/// How far an upload came.
enum Reached {
    /// The provider has as much for good.
    Taken(Taken),
    /// The last byte has gone out.
    End,
}

/// A body that notes how far it came.
struct Noted<'a, 'n> {
    body: Body<'a>,
    /// As much the provider is known to have.
    taken: u64,
    is_at_end: bool,
    note: &'n mut dyn FnMut(Reached),
}

/// Keeps what arrived where it is the provider that cannot go on, or a signal that stops us.
fn kept(error: anyhow::Error) -> anyhow::Result<Attempt> {
    match Failure::of(&error).map(Failure::code) {
        Some(Code::ProviderBusy | Code::ProviderConnectionFailed | Code::Interrupted(_)) => {
            Ok(Attempt::Kept(error))
        }
        _ => Err(error),
    }
}

impl Read for Noted<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        if self.body.is_at_end() && !self.is_at_end {
            self.is_at_end = true;
            (self.note)(Reached::End);
        }
        Ok(count)
    }
}

impl Seek for Noted<'_, '_> {
    /// Each piece begins with a look at the source: a file that changed is of no use.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let unchanged = self.body.confirm_unchanged();
        unchanged.map_err(|failure| smuggle(failure.into()))?;
        self.body.seek(to)
    }
}

impl Content for Noted<'_, '_> {
    fn taken(&mut self, bytes: u64) {
        if bytes > self.taken {
            self.taken = bytes;
            let taken = self.body.digest_of(bytes);
            let taken = taken.map(|sha256| Reached::Taken(Taken { bytes, sha256 }));
            taken.into_iter().for_each(&mut *self.note);
        }
    }
}

impl Uploader<'_> {
    /// Takes up what an earlier run sent, or begins anew, as often as the policy allows.
    pub(super) fn upload(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
    ) -> anyhow::Result<Published> {
        if let Some(published) = self.take_up(state, file)? {
            return Ok(published);
        }
        let mut attempts = self.remote.policy.attempts();
        let mut vanished = 0;
        let mut was_damaged = false;
        loop {
            match self.attempt(state, file)? {
                Attempt::Published(published) => return Ok(published),
                Attempt::Lost(error, was_whole) => {
                    if was_whole {
                        vanished += 1;
                        if vanished > SENT_AGAIN {
                            return Err(Failure::from(error).into());
                        }
                    }
                    if was_whole || file.source.size() >= WORTH_A_NOTE {
                        let why = format!("'{}' is sent again: {error}", file.name);
                        self.progress.note(&why);
                    }
                    attempts.after(error).map_err(Failure::from)?;
                }
                Attempt::Kept(error) => return Err(Self::keep(file, error)),
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
        let sent = sent.and_then(|()| self.send(state, file, session.clone(), None));
        if !matches!(sent, Ok(Attempt::Published(_) | Attempt::Kept(_))) {
            self.discard(state, &session);
        }
        sent
    }

    /// Removes what earlier runs sent of a file that is there by now.
    pub(super) fn clear(&self, state: &mut State, name: &FileName) -> anyhow::Result<()> {
        for upload in state.uploads(&self.place().company_id)? {
            if upload.place == *self.place() && upload.session.name == name.as_str() {
                self.discard(state, &upload.session);
            }
        }
        Ok(())
    }

    /// What cannot be removed now is found by the next run, which has it in the state.
    fn discard(&self, state: &mut State, session: &Session) {
        if let Ok(true) = self.remote.provider.discard(session) {
            let _ = state.drop_upload(self.place(), session);
        }
    }

    fn send(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
        session: Session,
        earlier: Option<Taken>,
    ) -> anyhow::Result<Attempt> {
        let provider = &self.remote.provider;
        let task = self.progress.task(file.name.as_str(), file.source.size());
        let place = self.place();
        let is_resumable = provider.capabilities().resumable;
        let is_small = file.source.size() < WORTH_A_NOTE;
        let mut body = Noted {
            body: file.source.body(&*task)?,
            taken: 0,
            is_at_end: false,
            note: &mut |reached| {
                // Without a note, a later run looks once for it instead of patiently, or
                // takes the source's times for it that it is the same.
                let _ = match reached {
                    Reached::Taken(taken) => state.note_taken(place, &session, taken),
                    Reached::End if is_small || is_resumable => Ok(()),
                    Reached::End => state.note_sent(place, &session),
                };
            },
        };
        if let Some(earlier) = earlier {
            task.phase("comparing");
            let at = body.seek(SeekFrom::Start(earlier.bytes)).map_err(carried)?;
            if body.body.digest_of(at) != Some(earlier.sha256) {
                let changed = "it does not begin with what was sent of it before";
                return Ok(Attempt::Damaged(body.body.changed(changed)));
            }
            body.rewind().map_err(carried)?;
            task.phase("sending");
            task.advance(at);
        }
        let mut attempts = self.remote.policy.attempts();
        let mut came = 0;
        let unanswered = loop {
            let Err(error) = provider.send(&session, &mut body, &*task) else {
                break None;
            };
            match error.kind {
                Kind::Unanswered(reason) => {
                    log::info!("{error}; looking whether it arrived");
                    break Some((reason, error.detail));
                }
                Kind::Missing => return Ok(Attempt::Lost(error.repeat(Repeat::Soon), true)),
                _ if is_resumable => {
                    // Who gets on is not counted as failing.
                    if body.taken > came {
                        came = body.taken;
                        attempts = self.remote.policy.attempts();
                    }
                    if let Err(error) = attempts.after(error) {
                        return kept(Failure::from(error).into());
                    }
                }
                _ if error.repeat != Repeat::Never => return Ok(Attempt::Lost(error, false)),
                _ => return Err(Failure::from(error).into()),
            }
        };
        // Had the provider the rest from an earlier run, it was not read by this one.
        body.seek(SeekFrom::End(0)).map_err(carried)?;
        let sha256 = body.body.digest();
        file.source.confirm_unchanged()?;
        self.judge(file, sha256)?;
        task.phase("verifying");
        let staged = match provider.inspect(&session, Look::Patiently, &*task) {
            Ok(staged) => staged,
            Err(error) if matches!(error.kind, Kind::Missing) => {
                let lost = match unanswered {
                    Some((reason, why)) => {
                        let why = format!("{why}, and it did not arrive");
                        Error::new(error.provider, Kind::Connection(reason), why)
                    }
                    None => error,
                };
                return Ok(Attempt::Lost(lost.repeat(Repeat::Soon), true));
            }
            Err(error) => return kept(Failure::from(error).into()),
        };
        if let Some(failure) = self.difference(file, &staged, sha256, &*task)? {
            return Ok(Attempt::Damaged(failure));
        }
        match self.publish(state, file, session, &staged, sha256) {
            Ok(Ok(published)) => Ok(Attempt::Published(published)),
            // Removed by somebody, perhaps with its folder: nothing of it is kept anywhere.
            Ok(Err(error)) if matches!(error.kind, Kind::Missing) => {
                Ok(Attempt::Lost(error.repeat(Repeat::Soon), true))
            }
            Ok(Err(error)) => kept(Failure::from(error).into()),
            Err(error) => kept(error),
        }
    }

    /// Gives what was compared its name; the provider's own error is for the caller to judge.
    fn publish(
        &mut self,
        state: &mut State,
        file: &Outgoing,
        session: Session,
        staged: &Object,
        sha256: Sha256,
    ) -> anyhow::Result<std::result::Result<Published, Error>> {
        crate::interrupt::check()?;
        if matches!(file.role, Role::Data(_)) {
            self.retire_sidecar(state, file)?;
        }
        let published = self.remote.provider.publish(&session, staged);
        Ok(published.map(|published| (sha256, published, session)))
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
            if taken.is_none() && self.remote.provider.capabilities().resumable {
                taken = self.resume(state, file, &upload)?;
                if taken.is_none() {
                    self.discard(state, &session);
                }
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
                let published = published.map_err(Failure::from)?;
                // What had the name may have been put aside by that run.
                let _ = self.remote.provider.discard(&session);
                taken = Some(published);
                continue;
            }
            self.discard(state, &session);
        }
        Ok(taken)
    }

    /// Goes on with an upload of an earlier run; `None` when that came to nothing.
    fn resume(
        &mut self,
        state: &mut State,
        file: &mut Outgoing,
        upload: &Unfinished,
    ) -> anyhow::Result<Option<Published>> {
        let name = &file.name;
        self.progress.note(&format!(
            "'{name}' goes on where an earlier run was stopped"
        ));
        let session = upload.session.clone();
        let sent = self.send(state, file, session, upload.taken);
        if sent.is_err() {
            self.discard(state, &upload.session);
        }
        let why = match sent? {
            Attempt::Published(published) => return Ok(Some(published)),
            Attempt::Kept(error) => return Err(Self::keep(file, error)),
            Attempt::Lost(error, _) => error.to_string(),
            Attempt::Damaged(failure) => failure.to_string(),
        };
        let name = &file.name;
        self.progress
            .note(&format!("'{name}' is sent from its start: {why}"));
        Ok(None)
    }

    /// Says in the error itself what is kept: whoever reads nothing but the JSON is told, too.
    fn keep(file: &Outgoing, error: anyhow::Error) -> anyhow::Error {
        let kept = format!(
            "what was sent of '{}' is kept; the next sync goes on from there",
            file.name
        );
        match error.downcast::<Failure>() {
            Ok(failure) => {
                let hint = match failure.hint_text() {
                    Some(hint) => format!("{kept}; {hint}"),
                    None => kept,
                };
                failure.hint(hint).into()
            }
            Err(error) => error,
        }
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
}
