//! Download: a remote backup back to this machine, compared on the way and on disk.
//!
//! The parts of a split backup are joined while they come; a full backup brings
//! its database and its storage backup, and its manifest last. Sidecars are
//! written for where the files now lie, so that the application accepts them.

use std::io::{self, Read, Write};

use crate::backup::sidecar_name;
use crate::catalog::Place;
use crate::failure::{Code, Failure, fail};
use crate::hash::{Hasher, Sha256};
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Installation, Remote};
use crate::lock::Lock;
use crate::name::FileName;
use crate::progress::{Progress, Task};
use crate::provider::error::{smuggle, unsmuggle, watch};
use crate::report::DownloadReport;
use crate::sidecar::{MAX_SIDECAR_BYTES, relocated, relocated_manifest};
use crate::staging::Staging;
use crate::state::State;
use crate::target::{Output, Target, cannot_write};
use crate::text::{bytes, system_reason};
use crate::wanted::{Joined, Wanted};

/// How to download.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    /// Where to.
    pub output: Output,
    /// Replace a file that has the name and other content.
    pub force: bool,
    /// Interrupted, leave what came for the next run to go on with.
    pub resumable: bool,
}

/// A download for one company, with what it needs at hand.
pub struct Download<'a> {
    /// Where everything is.
    pub installation: &'a Installation,
    /// The company's remote directory.
    pub remote: &'a Remote,
    /// How.
    pub options: DownloadOptions,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Download<'_> {
    /// Brings a backup and its sidecar, with a row in the history.
    ///
    /// Without a state the backup comes all the same: on a bad day the disk of
    /// the state may be the one that is full or read-only.
    ///
    /// # Errors
    /// As the contract lists them; after any of them the target holds what it held.
    pub fn backup(
        &self,
        state: Option<&mut State>,
        wanted: &Wanted,
    ) -> anyhow::Result<DownloadReport> {
        let backup_dir = &self.installation.settings.backup_dir.value;
        let target = Target::find(
            &self.options.output,
            backup_dir,
            wanted,
            !wanted.halves.is_empty(),
        )?;
        let what = format!("Download to '{}'", target.resolved().display());
        let lock = match self.installation.lock(&what, "download") {
            Err(failure) if failure.code() == Code::Locked => return Err(failure.into()),
            // The unfinished file itself is locked, too: two of us still exclude each other.
            lock => lock.ok(),
        };
        self.recorded(state, lock.as_ref(), wanted, |state| {
            let report = if wanted.halves.is_empty() {
                self.bring(state, wanted, &target)?
            } else {
                self.bring_full(state, wanted, &target)?
            };
            let (verdict, bytes) = if report.skipped {
                (Verdict::Skipped, 0)
            } else {
                (Verdict::Ok, report.size)
            };
            let outcome = Outcome::done(verdict, &report.message, bytes);
            Ok((report, outcome))
        })
    }

    /// Brings one database or storage backup as part of something else, which has the
    /// lock and the row in the history.
    pub(crate) fn bring_for(
        &self,
        state: &mut State,
        wanted: &Wanted,
    ) -> anyhow::Result<DownloadReport> {
        let backup_dir = &self.installation.settings.backup_dir.value;
        let target = Target::find(&self.options.output, backup_dir, wanted, false)?;
        self.bring(None, wanted, &target)
            .inspect_err(|error| self.distrust(state, wanted, error))
    }

    /// Writes a backup file to a stream, with a row in the history. The error
    /// says whether its bytes were right.
    ///
    /// # Errors
    /// `integrity_failed` after the bytes were written; `local_io` when they could not be.
    pub fn stream(
        &self,
        state: Option<&mut State>,
        wanted: &Wanted,
        output: &mut dyn Write,
    ) -> anyhow::Result<Sha256> {
        self.recorded(state, None, wanted, |_| {
            let sha256 = self.copy_to(wanted, output)?;
            Ok((
                sha256,
                Outcome::done(Verdict::Ok, "Backup written to stdout", wanted.size()),
            ))
        })
    }

    /// Both halves of a full backup, then its manifest.
    fn bring_full(
        &self,
        mut state: Option<&mut State>,
        wanted: &Wanted,
        target: &Target,
    ) -> anyhow::Result<DownloadReport> {
        let backup_dir = &self.installation.settings.backup_dir.value;
        let mut halves = Vec::new();
        let mut places = Vec::new();
        for half in &wanted.halves {
            let target = Target::find(&self.options.output, backup_dir, half, true)?;
            let brought = self.bring(state.as_deref_mut(), half, &target);
            halves.push(brought.inspect_err(|error| {
                if let Some(state) = state.as_deref_mut() {
                    self.distrust(state, half, error);
                }
            })?);
            let place = target.resolved().display().to_string();
            places.push((half.backup_type.name(), place));
        }
        let mut text = Vec::new();
        wanted
            .open(self.remote, 0)
            .take(MAX_SIDECAR_BYTES)
            .read_to_end(&mut text)
            .map_err(|error| self.read_failed(wanted, error))?;
        let sha256 = Sha256::of(&text);
        self.check_unchanged(wanted, text.len() as u64)?;
        wanted.compare(sha256)?;
        let adjusted = relocated_manifest(&text, &places).unwrap_or_else(|| text.clone());
        target.write_json(&target.name, &text, &adjusted, self.options.force)?;
        let size = halves.iter().map(|half| half.size).sum();
        let skipped = halves.iter().all(|half| half.skipped);
        let parts = halves.iter().flat_map(|half| half.parts.clone()).collect();
        // What was said of both halves was said of the whole.
        let mut compared_with = halves
            .first()
            .map_or_else(Vec::new, |half: &DownloadReport| half.compared_with.clone());
        compared_with.retain(|who| halves.iter().all(|half| half.compared_with.contains(who)));
        let report = self.report(wanted, target, (sha256, compared_with), skipped);
        Ok(DownloadReport {
            size,
            parts,
            halves,
            ..report
        })
    }

    /// As [`State::recorded`], but a history that cannot be written keeps no backup from coming.
    fn recorded<T>(
        &self,
        state: Option<&mut State>,
        lock: Option<&Lock>,
        wanted: &Wanted,
        work: impl FnOnce(Option<&mut State>) -> anyhow::Result<(T, Outcome)>,
    ) -> anyhow::Result<T> {
        let missing = |failure: &Failure| {
            self.progress
                .note(&format!("the history is not written: {failure}"));
        };
        let Some(state) = state else {
            return work(None).map(|(value, _)| value);
        };
        let run = match state.start(self.intent(wanted), lock) {
            Ok(run) => run,
            Err(failure) => {
                missing(&failure);
                return work(None).map(|(value, _)| value);
            }
        };
        let result = work(Some(&mut *state));
        if let Err(error) = &result {
            self.distrust(state, wanted, error);
        }
        let outcome = match &result {
            Ok((_, outcome)) => outcome.clone(),
            Err(error) => Outcome::failed(error),
        };
        if let Err(failure) = state.finish(&run, &outcome) {
            missing(&failure);
        }
        result.map(|(value, _)| value)
    }

    /// A copy found damaged is not a verified backup any more.
    fn distrust(&self, state: &mut State, wanted: &Wanted, error: &anyhow::Error) {
        if Failure::of(error).is_some_and(|failure| failure.code() == Code::RemoteChanged) {
            // The damage is what must be told; the record is mended by the next sync.
            for object in wanted.objects() {
                let _ = state.distrust(&self.remote.place, &object.name);
            }
            let _ = state.set_verified(&self.remote.place, wanted.name.as_str(), None);
        }
    }

    fn copy_to(&self, wanted: &Wanted, output: &mut dyn Write) -> anyhow::Result<Sha256> {
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

    fn intent(&self, wanted: &Wanted) -> Intent {
        let Place {
            provider,
            directory,
            ..
        } = &self.remote.place;
        let target = directory.join(wanted.name.as_str());
        Intent::of(
            "download",
            &self.remote.company,
            Some(provider.name()),
            target,
        )
    }

    fn read_failed(&self, wanted: &Wanted, error: io::Error) -> anyhow::Error {
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

    /// The objects must have given as many bytes as they have, and still be the same ones.
    fn check_unchanged(&self, wanted: &Wanted, total: u64) -> anyhow::Result<()> {
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

    /// The file, then its sidecar.
    fn bring(
        &self,
        state: Option<&mut State>,
        wanted: &Wanted,
        target: &Target,
    ) -> anyhow::Result<DownloadReport> {
        let there = self.already_there(wanted, target)?;
        let skipped = there.is_some();
        let (sha256, compared_with) = if let Some(sha256) = there {
            (sha256, wanted.compare(sha256)?)
        } else {
            let sha256 = self.fetch(state, wanted, target)?;
            let mut compared_with = wanted.compare(sha256)?;
            compared_with.push("disk");
            (sha256, compared_with)
        };
        let mut report = self.report(wanted, target, (sha256, compared_with), skipped);
        if let Some((_, text)) = wanted.sidecar().filter(|_| target.whole_backup)
            && let Some(name) = sidecar_name(&target.name)
        {
            let place = target.resolved().display().to_string();
            let adjusted = relocated(text, &place).unwrap_or_else(|| text.to_owned());
            let path = target.write_json(&name, text, &adjusted, self.options.force)?;
            report.sidecar = Some(path.display().to_string());
        }
        Ok(report)
    }

    fn report(
        &self,
        wanted: &Wanted,
        target: &Target,
        (sha256, compared_with): (Sha256, Vec<&'static str>),
        skipped: bool,
    ) -> DownloadReport {
        let message = if skipped {
            "Backup is already there"
        } else {
            "Backup downloaded successfully"
        };
        DownloadReport {
            success: true,
            message: message.to_owned(),
            company_id: self.remote.company.id.clone(),
            company_name: self.remote.company.name.clone(),
            provider: self.remote.place.provider.name().to_owned(),
            local_path: target.path().display().to_string(),
            backup_type: wanted.backup_type,
            remote_path: self.remote.place.directory.join(wanted.name.as_str()),
            size: wanted.size(),
            sha256,
            skipped,
            compared_with,
            sidecar: None,
            parts: wanted
                .objects()
                .iter()
                .map(|object| object.name.clone())
                .collect(),
            halves: Vec::new(),
        }
    }

    /// The digest of what has the target's name, when it is the wanted content.
    ///
    /// # Errors
    /// `already_exists` when it is something else and nobody said `--force`.
    fn already_there(&self, wanted: &Wanted, target: &Target) -> anyhow::Result<Option<Sha256>> {
        let path = target.path();
        let Some(entry) = target
            .dir
            .entry(&target.name)
            .map_err(|error| cannot_write(&path, &error))?
        else {
            return Ok(None);
        };
        if entry.kind != rustix::fs::FileType::RegularFile {
            let detail = format!("'{}' exists and is not a regular file", path.display());
            return Err(Failure::new(Code::AlreadyExists, detail)
                .hint("choose another name with -o FILE")
                .into());
        }
        if entry.stamp.size == wanted.size() {
            let task = self.progress.task(&target.name, wanted.size());
            task.phase("comparing");
            let mut file = target
                .dir
                .open_file(&target.name)
                .map_err(|error| cannot_write(&path, &error))?;
            let (found, _) = Sha256::of_reader(&mut file, |count| watch(&*task, count))
                .map_err(|e| target.write_failed(0, e))?;
            let expected = if let Some(expected) = wanted.expected() {
                expected
            } else {
                let mut reader = wanted.open(self.remote, 0);
                let digest = Sha256::of_reader(&mut reader, |count| watch(&*task, count));
                digest.map_err(|error| self.read_failed(wanted, error))?.0
            };
            if found == expected {
                return Ok(Some(found));
            }
        }
        if self.options.force {
            return Ok(None);
        }
        let detail = format!(
            "'{}' exists already and differs from the backup",
            path.display()
        );
        Err(Failure::new(Code::AlreadyExists, detail)
            .hint("replace it with --force, or choose another place with -o")
            .into())
    }

    /// Fetches the bytes, compares them, and gives them their name.
    ///
    /// What an earlier run left is gone on with, if it belongs to the same
    /// object; should the whole then not fit, it is fetched anew.
    fn fetch(
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

    /// Receives what is missing and publishes; interrupted, the unfinished file is kept.
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
                    fail!(
                        Code::IntegrityFailed,
                        "'{}' reads back as {on_disk}, but {sha256} was written",
                        path.display()
                    );
                }
                wanted.compare(sha256)?;
                Ok(sha256)
            });
        let is_interrupted = verified.is_err() && crate::interrupt::received().is_some();
        if is_interrupted && self.options.resumable {
            // The next run goes on from here; the bytes are hashed again then.
            staging.keep();
            let (kept, partial) = (
                bytes(staging.written().unwrap_or_default()),
                target.partial(),
            );
            self.progress.note(&format!(
                "{kept} are kept in '{partial}'; the same command goes on from there"
            ));
        }
        let sha256 = verified?;
        let path = target.path();
        staging
            .publish(&target.name, self.options.force)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::new(
                    Code::AlreadyExists,
                    format!("'{}' appeared meanwhile", path.display()),
                ),
                _ => cannot_write(&path, &error),
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
