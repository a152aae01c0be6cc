//! Sync: a local backup set to the company's remote directory, proven to be there.
//!
//! Files first, in order, the sidecar last, a full backup's manifest after its
//! two halves: what has a sidecar or a manifest is complete. A set that is not
//! whole is never begun, and what its sidecar can prove is proven before
//! anything of it appears.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::backup::made_at;
use crate::catalog::Place;
use crate::dir::Stamp;
use crate::failure::{Code, Failure};
use crate::hash::Sha256;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Installation, Remote};
use crate::local_set::LocalSet;
use crate::lock::Lock;
use crate::name::FileName;
use crate::parts;
use crate::progress::Progress;
use crate::report::{PartReport, SyncReport};
use crate::set_catalog::KnownSet;
use crate::sets::{Member, Problem, in_words};
use crate::state::State;
use crate::upload::{DAMAGED, Outgoing, Role, Step, Stored, Uploader, damaged};

pub use crate::upload::SyncOptions;

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

/// What a comparison with the sidecars found, before anything was sent.
#[derive(Default)]
struct Checked {
    /// The files that were compared, as they were then.
    files: HashMap<String, Stamp>,
    /// The sets that are not what their sidecars say, and go by force.
    damaged: BTreeSet<String>,
}

impl Checked {
    /// Whether a set, or a half of it, is known not to be what its sidecar says.
    fn is_damaged(&self, local: &LocalSet) -> bool {
        !local.set.is_complete()
            || self.damaged.contains(&local.set.name)
            || local.halves.iter().any(|half| self.is_damaged(half))
    }
}

/// What became of a set's own files.
struct Sent {
    files: Vec<Stored>,
    json: Option<Stored>,
    damaged: bool,
}

impl Sync<'_> {
    /// Syncs a set, with a row in the history.
    ///
    /// # Errors
    /// As the contract lists them; after any of them the remote's names hold what they held.
    pub fn set(&self, state: &mut State, local: &LocalSet) -> anyhow::Result<SyncReport> {
        self.tell_doubts(local);
        if self.options.dry_run {
            return self.send(state, local);
        }
        let target = self.place().directory.join(&local.set.name);
        let provider = self.place().provider.name();
        let intent = Intent::of("sync", &self.remote.company, Some(provider), target);
        state.recorded(intent, Some(self.lock), |state| {
            let report = self.send(state, local)?;
            let outcome = if report.skipped {
                Outcome::done(Verdict::Skipped, &report.message, 0)
            } else {
                Outcome::done(Verdict::Ok, &report.message, report.size)
            };
            Ok((report, outcome))
        })
    }

    fn place(&self) -> &Place {
        &self.remote.place
    }

    fn uploader(&self, local: &LocalSet) -> anyhow::Result<Uploader<'_>> {
        let sidecar = match local.set.json.as_ref() {
            Some(json) => {
                let text = self.open_json(local, json)?.source.content()?;
                Some((FileName::new(&json.name)?, text))
            }
            None => None,
        };
        let (options, progress) = (self.options, self.progress);
        let name = &local.set.name;
        Ok(Uploader::new(self.remote, options, progress, name, sidecar))
    }

    fn tell_doubts(&self, local: &LocalSet) {
        let halves = local.halves.iter().flat_map(|half| &half.doubts);
        for doubt in local.doubts.iter().chain(halves) {
            self.progress.note(doubt);
        }
    }

    /// The set under the name it has on the remote: parts that lie here beside the file
    /// they join to are called by the first of them, and there by the whole.
    fn as_stored<'l>(&self, local: &'l LocalSet) -> anyhow::Result<Cow<'l, LocalSet>> {
        let whole = local
            .set
            .whole_name()
            .filter(|name| *name != local.set.name);
        let Some(whole) = whole.and_then(|name| FileName::new(name).ok()) else {
            return Ok(Cow::Borrowed(local));
        };
        if self
            .remote
            .provider
            .stat(&whole)
            .map_err(Failure::from)?
            .is_some()
        {
            return Ok(Cow::Borrowed(local));
        }
        let mut stored = local.clone();
        whole.as_str().clone_into(&mut stored.set.name);
        Ok(Cow::Owned(stored))
    }

    fn send(&self, state: &mut State, local: &LocalSet) -> anyhow::Result<SyncReport> {
        let local = &*self.as_stored(local)?;
        self.refuse_incomplete(local)?;
        let mut checked = Checked::default();
        if local.set.is_full() || local.set.split {
            // Of a damaged set nothing may appear, and its first file is published before its last is read.
            for set in local.with_halves() {
                self.check_before(state, set, &mut checked)?;
            }
        }
        if self.options.no_clobber {
            for set in local.with_halves() {
                self.refuse_clobber(state, set, &checked)?;
            }
        }
        let mut halves = Vec::new();
        for half in &local.halves {
            let sent = self.send_files(state, half, &checked)?;
            halves.push(self.report(half, &sent, Vec::new()));
        }
        let sent = self.send_files(state, local, &checked)?;
        Ok(self.report(local, &sent, halves))
    }

    /// Fails for a set of which something is missing, or does not match its sidecar.
    fn refuse_incomplete(&self, local: &LocalSet) -> Result<(), Failure> {
        let set = &local.set;
        let broken_half = local.halves.iter().find(|half| !half.set.is_complete());
        if set.is_complete() && broken_half.is_none() {
            return Ok(());
        }
        // What it says is not known: nobody can tell whether the rest matches.
        for local in local.with_halves() {
            for problem in &local.set.problems {
                if let (Problem::Unreadable(_, why), Some(json)) = (problem, &local.set.json) {
                    let path = local.path(json).display();
                    let detail = format!("cannot read '{path}': {why}");
                    return Err(Failure::new(Code::LocalIo, detail).hint("nothing was sent"));
                }
            }
        }
        let gaps = |local: &LocalSet| local.set.problems.iter().any(Problem::is_gap);
        let words = in_words(&set.problems);
        let path = local.first_path().display();
        if local.with_halves().any(gaps) {
            let detail = format!(
                "The backup '{}' is incomplete: {words} ('{path}')",
                set.name
            );
            return Err(Failure::new(Code::IntegrityFailed, detail)
                .hint("nothing was sent; bring the missing files back, or make a new backup")
                .field("problems", words));
        }
        let detail = format!(
            "The backup '{}' does not match its sidecar: {words} ('{path}')",
            set.name
        );
        let failure = Failure::new(Code::IntegrityFailed, detail)
            .hint(DAMAGED)
            .field("problems", words);
        self.options.refuse(failure, self.progress)
    }

    /// Compares a set with its sidecar before any of it is sent, unless its files were compared before.
    fn check_before(
        &self,
        state: &State,
        local: &LocalSet,
        checked: &mut Checked,
    ) -> anyhow::Result<()> {
        let told = local.set.checksum();
        let Some(told) = told.filter(|_| !local.set.files.is_empty()) else {
            return Ok(());
        };
        if self.is_known(state, local, told)? {
            return Ok(());
        }
        let task = self.progress.task(&local.set.name, local.size());
        task.phase("comparing");
        let found = self.installation.digest(local, &*task, |file, stamp| {
            checked.files.insert(file.name.clone(), *stamp);
        })?;
        if found == told {
            return Ok(());
        }
        let failure = damaged(&local.first_path().display().to_string(), told, found);
        self.options.refuse(failure, self.progress)?;
        checked.damaged.insert(local.set.name.clone());
        Ok(())
    }

    /// Whether all of a set is recorded as sent from these very files.
    fn is_known(&self, state: &State, local: &LocalSet, told: Sha256) -> anyhow::Result<bool> {
        let known = state.known_set(self.place(), &local.set.name)?;
        if known.and_then(|set| set.sha256) != Some(told) {
            return Ok(false);
        }
        for file in &local.set.files {
            let known = state.known(self.place(), &file.name)?;
            if !known.is_some_and(|known| known.is_of(local.path(file))) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fails before anything is sent when one of a set's names is taken by other content.
    fn refuse_clobber(
        &self,
        state: &mut State,
        local: &LocalSet,
        checked: &Checked,
    ) -> anyhow::Result<()> {
        let uploader = self.uploader(local)?;
        for file in &local.set.files {
            uploader.refuse_clobber(state, &mut self.open_data(local, file, checked)?)?;
        }
        if let Some(json) = &local.set.json {
            uploader.refuse_clobber(state, &mut self.open_json(local, json)?)?;
        }
        Ok(())
    }

    /// Opens a file that holds the backup or a part of it, if it is still the one that was compared.
    fn open_data(
        &self,
        local: &LocalSet,
        file: &Member,
        checked: &Checked,
    ) -> anyhow::Result<Outgoing> {
        let set = &local.set;
        let checksum = set.checksum();
        // The checksum is that of the whole: a part has none of its own.
        let role = Role::Data(checksum.filter(|_| !set.split));
        let before = checked.files.get(&file.name);
        let file = Outgoing::open(self.installation, local.path(file), role)?;
        if before.is_some_and(|before| before != file.source.stamp()) {
            let changed = file.source.changed("it is not the file that was compared");
            return Err(changed.into());
        }
        Ok(file)
    }

    /// Opens the sidecar or the manifest.
    fn open_json(&self, local: &LocalSet, json: &Member) -> Result<Outgoing, Failure> {
        let role = Role::Json(local.facts(json)?);
        Outgoing::open(self.installation, local.path(json), role)
    }

    /// A set's own files in order, its sidecar or manifest last; then it is recorded as a whole.
    fn send_files(
        &self,
        state: &mut State,
        local: &LocalSet,
        checked: &Checked,
    ) -> anyhow::Result<Sent> {
        if let Some((files, json)) = parts::stored_in_parts(self.remote, state, local)? {
            return Ok(Sent {
                files,
                json,
                damaged: false,
            });
        }
        let (set, mut uploader) = (&local.set, self.uploader(local)?);
        let mut sent = Sent {
            files: Vec::new(),
            json: None,
            damaged: checked.is_damaged(local),
        };
        for file in &set.files {
            let mut file = self.open_data(local, file, checked)?;
            if file.source.size() == 0 && file.name.as_str().to_lowercase().ends_with(".db") {
                let shown = file.source.path().display();
                self.progress
                    .note(&format!("'{shown}' is empty, which no database is"));
            }
            let stored = uploader.store(state, &mut file)?;
            sent.damaged |= stored.damaged;
            sent.files.push(stored);
        }
        if let Some(json) = &set.json {
            let mut file = self.open_json(local, json)?;
            sent.json = Some(uploader.store(state, &mut file)?);
        }
        if !self.options.dry_run {
            let known = known_set(local, &sent);
            state.record_set(self.place(), &known)?;
            if set.split {
                parts::remove_surplus(self.remote, state, set, self.progress)?;
            }
        }
        Ok(sent)
    }

    fn report(&self, local: &LocalSet, sent: &Sent, halves: Vec<SyncReport>) -> SyncReport {
        let (set, provider) = (&local.set, self.place().provider);
        let mut steps: Vec<Step> = sent.files.iter().map(|stored| stored.step).collect();
        // Of a full backup, the manifest is the file.
        steps.extend(
            sent.json
                .iter()
                .filter(|_| set.is_full())
                .map(|stored| stored.step),
        );
        let skipped = steps.iter().all(|step| *step == Step::Skipped)
            && halves.iter().all(|half| half.skipped);
        let replaced = steps.contains(&Step::Replaced);
        let message = match (skipped, replaced, self.options.dry_run) {
            (true, ..) => format!("Backup is already on {provider}"),
            (_, true, true) => format!("Backup would replace another file on {provider}"),
            (_, false, true) => format!("Backup would be synced to {provider}"),
            (_, _, false) => format!("Backup synced to {provider}"),
        };
        let mut parts: Vec<PartReport> =
            sent.files.iter().map(|stored| self.part(stored)).collect();
        parts.extend(halves.iter().flat_map(|half| half.parts.clone()));
        let full_name = |name: &str| self.place().directory.join(name);
        let checksum = set.checksum();
        let sha256 = match (sent.files.as_slice(), &sent.json) {
            ([one], _) => one.known.as_ref().map(|known| known.sha256),
            ([], Some(manifest)) => manifest.known.as_ref().map(|known| known.sha256),
            _ => checksum.filter(|_| !self.options.dry_run && !sent.damaged),
        };
        SyncReport {
            success: true,
            message,
            company_id: self.remote.company.id.clone(),
            company_name: self.remote.company.name.clone(),
            provider: provider.name().to_owned(),
            remote_path: full_name(&set.name),
            size_mb: mebibytes(local.size()),
            size: local.size(),
            sha256,
            skipped,
            parts,
            replaced,
            local_path: local.first_path().display().to_string(),
            backup_type: set.backup_type,
            sidecar: sent
                .json
                .as_ref()
                .filter(|_| !set.is_full())
                .map(|json| full_name(json.name.as_str())),
            damaged: sent.damaged,
            dry_run: self.options.dry_run,
            halves,
        }
    }

    fn part(&self, stored: &Stored) -> PartReport {
        PartReport {
            name: stored.name.as_str().to_owned(),
            remote_path: self.place().directory.join(stored.name.as_str()),
            size: stored.size,
            sha256: stored.known.as_ref().map(|known| known.sha256),
            skipped: stored.step == Step::Skipped,
        }
    }
}

/// What is known of a set once all of it is stored.
fn known_set(local: &LocalSet, sent: &Sent) -> KnownSet {
    let set = &local.set;
    let known = || {
        sent.files
            .iter()
            .chain(&sent.json)
            .filter_map(|stored| stored.known.as_ref())
    };
    let verified = known()
        .map(|known| known.verified_at)
        .collect::<Option<Vec<_>>>();
    let times = known()
        .filter(|known| known.facts.is_none() || set.is_full())
        .map(|known| known.stored_at);
    let whole = match sent.files.as_slice() {
        [one] => one.known.as_ref().map(|known| known.sha256),
        _ => set.checksum(),
    };
    KnownSet {
        name: set.name.clone(),
        backup_type: set.backup_type,
        created: made_at(&set.name),
        stored_at: times.max().unwrap_or_else(Timestamp::now),
        bytes: set.own_size(),
        sha256: whole.filter(|_| !sent.damaged),
        // What is known to be damaged proves nothing to `status`.
        verified_at: verified
            .and_then(|times| times.into_iter().min())
            .filter(|_| !sent.damaged),
        tested: None,
    }
}

/// Bytes as the seed's `size_mb`: MiB with two decimals.
#[expect(clippy::cast_precision_loss, reason = "two decimals are kept")]
fn mebibytes(size: u64) -> f64 {
    (size as f64 / 1_048_576.0 * 100.0).round() / 100.0
}
