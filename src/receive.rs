//! Receiving: the bytes of a remote backup, to a stream or to a file.
//!
//! Whatever comes is hashed on the way, and compared with all that is known of
//! it. A file gets its name only when it is whole and reads back right; what an
//! interrupted run left of it is gone on with, as long as the remote's objects
//! are the same.

use std::io::{self, Read, Write};

use crate::failure::{Code, Failure, fail};
use crate::hash::{Hasher, Sha256};
use crate::installation::Remote;
use crate::name::FileName;
use crate::outage::is_outage;
use crate::progress::{Progress, Task};
use crate::provider::error::{smuggle, unsmuggle, watch};
use crate::staging::Staging;
use crate::state::State;
use crate::target::Target;
use crate::text::{bytes, system_reason};
use crate::wanted::{Joined, Wanted};

/// Receives backups from one company's remote.
pub(crate) struct Receiver<'a> {
    /// The company's remote directory.
    pub(crate) remote: &'a Remote,
    /// Who watches.
    pub(crate) progress: &'a dyn Progress,
    /// Replace a file that has the name.
    pub(crate) replace: bool,
    /// Keep what came, when cut short, for the next run to go on from.
    pub(crate) resumable: bool,
}

impl Receiver<'_> {
    /// Writes the bytes to a stream; the error says whether they were right.
    ///
    /// # Errors
    /// `integrity_failed` after they were written; `local_io` when they could not be.
    pub(crate) fn to_stream(
        &self,
        wanted: &Wanted,
        output: &mut dyn Write,
    ) -> anyhow::Result<Sha256> {
        let task = self.progress.task(wanted.name.as_str(), wanted.size());
        let mut reader = wanted.open(self.remote, 0);
        let not_written = |error: io::Error| {
            Failure::new(
                Code::LocalIo,
                format!("cannot write to stdout: {}", system_reason(&error)),
            )
        };
        let (mut hasher, mut total) = (Hasher::new(), 0);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            crate::interrupt::check()?;
            let count = reader
                .read(&mut buffer)
                .map_err(|error| self.read_failed(wanted, error))?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            total += count as u64;
            task.advance(count as u64);
            output.write_all(&buffer[..count]).map_err(not_written)?;
        }
        output.flush().map_err(not_written)?;
        self.check_unchanged(wanted, total)?;
        let sha256 = hasher.finish();
        wanted.compare(sha256)?;
        Ok(sha256)
    }

    /// Fetches the bytes, compares them, and gives them their name.
    ///
    /// What an earlier run left is gone on with, if it belongs to the same
    /// object; should the whole then not fit, it is fetched anew.
    ///
    /// # Errors
    /// As the contract lists them; after any of them the target holds what it held.
    pub(crate) fn to_file(
        &self,
        mut state: Option<&mut State>,
        wanted: &Wanted,
        target: &Target,
    ) -> anyhow::Result<Sha256> {
        let (place, origin, partial) = (target.resolved(), self.origin(wanted), target.partial());
        let known = match &state {
            Some(state) => state.download_origin(&place)?,
            None => None,
        };
        let same_object = known.is_some_and(|known| known == origin);
        let unfinished = same_object
            .then(|| Staging::resume(&target.dir, &partial).ok())
            .flatten();
        let resumed = unfinished.map(|staging| self.complete(wanted, target, staging));
        let sha256 = match resumed {
            Some(Err(error)) if !is_integrity(&error) => return Err(error),
            Some(Ok(sha256)) => sha256,
            unfit => {
                if unfit.is_some() {
                    self.progress.note(&format!(
                        "what an earlier run left in '{partial}' does not fit; it is fetched anew"
                    ));
                }
                target.check_space(wanted.size())?;
                if let Some(state) = state.as_deref_mut() {
                    // Without the note, a later run begins anew: slower, not wrong.
                    let _ = state.begin_download(&place, &origin);
                }
                let created = Staging::create(&target.dir, &partial, wanted.size());
                let staging = created.map_err(|error| target.write_failed(wanted.size(), error))?;
                self.complete(wanted, target, staging)?
            }
        };
        if let Some(state) = state {
            // The backup is in its place; a note about a partial file that is gone does no harm.
            let _ = state.end_download(&place);
        }
        Ok(sha256)
    }

    /// Receives what is missing and publishes; cut short, the unfinished file is kept.
    fn complete(
        &self,
        wanted: &Wanted,
        target: &Target,
        mut staging: Staging<'_>,
    ) -> anyhow::Result<Sha256> {
        let task = self.progress.task(wanted.name.as_str(), wanted.size());
        let verified = self
            .receive(wanted, target, &mut staging, &*task)
            .and_then(|sha256| {
                task.phase("verifying");
                staging
                    .settle()
                    .map_err(|error| target.write_failed(wanted.size(), error))?;
                let on_disk = staging.read_back(|count| watch(&*task, count));
                let (on_disk, _) = on_disk.map_err(|error| target.write_failed(0, error))?;
                if on_disk != sha256 {
                    let path = target.path();
                    let detail = format!(
                        "'{}' reads back as {on_disk}, but {sha256} was written",
                        path.display()
                    );
                    return Err(Failure::new(Code::IntegrityFailed, detail)
                        .hint("run the command again; if it happens twice, do not trust this disk")
                        .field("expected", sha256.to_string())
                        .field("found", on_disk.to_string())
                        .retry(true)
                        .into());
                }
                wanted.compare(sha256)?;
                Ok(sha256)
            });
        let is_cut = match &verified {
            Ok(_) => false,
            Err(error) => is_outage(error) || crate::interrupt::received().is_some(),
        };
        let kept = staging.written().unwrap_or_default();
        if is_cut && self.resumable && kept > 0 {
            // The next run goes on from here; the bytes are hashed again then.
            staging.keep();
            let (kept, partial) = (bytes(kept), target.partial());
            self.progress.note(&format!(
                "{kept} are kept in '{partial}'; the same command goes on from there"
            ));
        }
        let sha256 = verified?;
        let path = target.path();
        staging
            .publish(&target.name, self.replace)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::new(
                    Code::AlreadyExists,
                    format!("'{}' appeared meanwhile", path.display()),
                ),
                _ => target.not_written(&target.name, wanted.size(), &error),
            })?;
        Ok(sha256)
    }

    fn receive(
        &self,
        wanted: &Wanted,
        target: &Target,
        staging: &mut Staging<'_>,
        task: &dyn Task,
    ) -> anyhow::Result<Sha256> {
        let path = target.path();
        let mut hasher = Hasher::new();
        let mut total = staging
            .hash_prefix(&mut hasher, |count| watch(task, count))
            .map_err(|e| target.write_failed(0, e))?;
        if total > wanted.size() {
            fail!(
                Code::IntegrityFailed,
                "the unfinished '{}' is larger than the backup",
                path.display()
            );
        }
        let describe = |error| self.read_failed(wanted, error);
        let mut reader = Incoming {
            reader: wanted.open(self.remote, total),
            describe: &describe,
        };
        let copied = staging.append(&mut reader, |block| {
            hasher.update(block);
            total += block.len() as u64;
            watch(task, block.len() as u64)
        });
        copied.map_err(|error| target.write_failed(wanted.size(), error))?;
        self.check_unchanged(wanted, total)?;
        Ok(hasher.finish())
    }

    /// The objects must have given as many bytes as they have, and still be the same ones.
    pub(crate) fn check_unchanged(&self, wanted: &Wanted, total: u64) -> anyhow::Result<()> {
        let mut same = total == wanted.size();
        for object in wanted.objects() {
            let now = self
                .remote
                .provider
                .stat(&FileName::new(&object.name)?)
                .map_err(Failure::from)?;
            same &= now.is_some_and(|now| now.version == object.version);
        }
        if same {
            return Ok(());
        }
        let detail = format!(
            "'{}' changed on {} while it was read: {total} bytes came, {} were expected",
            wanted.name,
            self.remote.place.provider,
            wanted.size()
        );
        Err(Failure::new(Code::IntegrityFailed, detail)
            .hint("run the command again")
            .retry(true)
            .into())
    }

    /// What an error while reading the remote means.
    pub(crate) fn read_failed(&self, wanted: &Wanted, error: io::Error) -> anyhow::Error {
        let provider = self.remote.place.provider;
        match unsmuggle(error) {
            Ok(inner) => inner,
            Err(error) => {
                let why = system_reason(&error);
                let detail = format!("cannot read '{}' on {provider}: {why}", wanted.name);
                Failure::new(Code::LocalIo, detail).into()
            }
        }
    }

    /// Which object an unfinished file belongs to.
    fn origin(&self, wanted: &Wanted) -> String {
        let place = &self.remote.place;
        format!(
            "{}:{}:{}",
            place.provider,
            place.directory.join(wanted.name.as_str()),
            wanted.version()
        )
    }
}

/// A remote file being read: its errors are told as such, not as errors of what is written.
struct Incoming<'a> {
    reader: Joined<'a>,
    describe: &'a dyn Fn(io::Error) -> anyhow::Error,
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(smuggle((self.describe)(error)))
            }
            result => result,
        }
    }
}

fn is_integrity(error: &anyhow::Error) -> bool {
    let code = Failure::of(error).map(Failure::code);
    matches!(code, Some(Code::IntegrityFailed | Code::RemoteChanged))
}
