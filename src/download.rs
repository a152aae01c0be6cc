//! Download: a remote backup back to this machine, compared on the way and on disk.
//!
//! The parts of a split backup are joined while they come; a full backup brings
//! its database and its storage backup, and its manifest last. Sidecars are
//! written for where the files now lie, so that the application accepts them.

use std::io::{Read as _, Write};

use crate::backup::sidecar_name;
use crate::catalog::Place;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::history::{Intent, Outcome, Verdict, note_recorded};
use crate::installation::{Installation, Remote};
use crate::lock::Lock;
use crate::progress::Progress;
use crate::provider::error::watch;
use crate::receive::Receiver;
use crate::report::DownloadReport;
use crate::sidecar::{MAX_SIDECAR_BYTES, relocated, relocated_manifest};
use crate::source::is_one_of;
use crate::staging::settle;
use crate::state::State;
use crate::target::{Output, Target, cannot_write};
use crate::wanted::Wanted;

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
        let is_full = wanted.is_full();
        let target = Target::find(&self.options.output, backup_dir, wanted, is_full)?;
        self.refuse_live(&target)?;
        let what = format!("Download to '{}'", target.resolved().display());
        let lock = match self.installation.lock(&what, "download") {
            Err(failure) if failure.code() == Code::Locked => return Err(failure.into()),
            // The unfinished file itself is locked, too: two of us still exclude each other.
            lock => lock.ok(),
        };
        self.recorded(state, lock.as_ref(), wanted, |state| {
            let report = if is_full {
                self.bring_full(state, wanted, &target)?
            } else {
                self.bring(state, wanted, &target)?
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

    /// Fails before the application's database or our state would be opened or replaced: who
    /// has them open would go on writing to what has no name any more.
    fn refuse_live(&self, target: &Target) -> Result<(), Failure> {
        let settings = &self.installation.settings;
        let path = target.path();
        if is_one_of(&path, &[&settings.db.value, &settings.state.value]) {
            let detail = format!(
                "'{}' is a live database: a download does not replace it",
                path.display()
            );
            return Err(
                Failure::new(Code::LiveDatabase, detail).hint("choose another name with -o FILE")
            );
        }
        Ok(())
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
    /// `usage` for a full backup, which is several files; `integrity_failed` after the
    /// bytes were written; `local_io` when they could not be.
    pub fn stream(
        &self,
        state: Option<&mut State>,
        wanted: &Wanted,
        output: &mut dyn Write,
    ) -> anyhow::Result<Sha256> {
        if wanted.is_full() {
            let detail = "-o - is one stream, but a full backup is several files";
            return Err(Failure::new(Code::Usage, detail)
                .hint("choose a folder with -o DIR/, or one of its halves")
                .into());
        }
        self.recorded(state, None, wanted, |_| {
            let sha256 = self.receiver().to_stream(wanted, output)?;
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
            .map_err(|error| self.receiver().read_failed(wanted, error))?;
        let sha256 = Sha256::of(&text);
        self.receiver().check_unchanged(wanted, text.len() as u64)?;
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
            Err(error) => {
                note_recorded(error);
                Outcome::failed(error)
            }
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

    fn receiver(&self) -> Receiver<'_> {
        Receiver {
            remote: self.remote,
            progress: self.progress,
            replace: self.options.force,
            resumable: self.options.resumable,
        }
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
            let sha256 = self.receiver().to_file(state, wanted, target)?;
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
                digest
                    .map_err(|error| self.receiver().read_failed(wanted, error))?
                    .0
            };
            if found == expected {
                // Who brought it may have been stopped before it was settled.
                settle(&file, target.dir.path())
                    .and_then(|()| target.dir.sync())
                    .map_err(|error| cannot_write(&path, &error))?;
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
}
