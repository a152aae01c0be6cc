//! Verify: what lies on a remote, compared with what is known of it.
//!
//! Every backup gets a verdict of its own, and one that is bad does not keep
//! the others from being looked at. What was compared is dated in the state; what
//! was found wrong is not a verified backup any more.

mod summary;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use crate::backup::{BackupType, made_at};
use crate::catalog::{Known, Place};
use crate::check::{Check, Checker};
use crate::failure::{Code, Failure};
use crate::history::Intent;
use crate::installation::{Remote, shell_word};
use crate::lock::Lock;
use crate::name::FileName;
use crate::outage::is_outage;
use crate::progress::Progress;
use crate::remote_set::RemoteFiles;
use crate::report::{Finding, VerifyReport};
use crate::set_catalog::KnownSet;
use crate::sets::Set;
use crate::state::State;
use crate::wanted::not_found;

pub use self::summary::Summary;

/// What to verify, and how.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Only the backups these names belong to; none means all.
    pub names: Vec<FileName>,
    /// Only those of this type.
    pub of_type: Option<BackupType>,
    /// Read everything back, whatever the provider says of it.
    pub download: bool,
    /// Read only so many of a hundred backups back.
    pub sample: Option<u8>,
    /// Also record what is there and cannot be compared with anything: the state knew it once.
    pub rebuild: bool,
}

/// How the history names a verification that rebuilds the state.
pub const REBUILD: &str = "state rebuild";

/// What became of one backup.
pub enum Verified {
    /// It was compared.
    Compared(Box<VerifyReport>),
    /// It could not be.
    Failed {
        /// Its name.
        name: String,
        /// Why.
        error: anyhow::Error,
    },
}

/// A verification of one company's remote, with what it needs at hand.
pub struct Verify<'a> {
    /// The company's remote directory.
    pub remote: &'a Remote,
    /// The company's lock, held.
    pub lock: &'a Lock,
    /// What and how.
    pub options: VerifyOptions,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// What is going to be compared.
struct Plan<'f> {
    /// Database and storage backups, newest first.
    backups: Vec<&'f Set>,
    /// Full backups, newest first.
    full: Vec<&'f Set>,
    /// What is recorded and not there.
    missing: Vec<&'f KnownSet>,
    /// Names that nobody knows.
    unknown: Vec<&'f FileName>,
}

impl Verify<'_> {
    /// Compares what was asked for, with a row in the history; `tell` hears of each backup at once.
    ///
    /// # Errors
    /// When the remote cannot be listed, the provider goes away, or the state cannot be written.
    /// What is wrong with a backup is a verdict and no error.
    pub fn run(
        &self,
        state: &mut State,
        tell: &mut dyn FnMut(Verified),
    ) -> anyhow::Result<Summary> {
        let Place {
            provider,
            directory,
            ..
        } = &self.remote.place;
        let company = &self.remote.company;
        let operation = if self.options.rebuild {
            REBUILD
        } else {
            "verify"
        };
        let intent = Intent::of(
            operation,
            company,
            Some(provider.name()),
            directory.as_str(),
        );
        state.recorded(intent, Some(self.lock), |state| {
            let mut summary = Summary::default();
            self.compare(state, &mut summary, tell)?;
            let outcome = summary.outcome();
            Ok((summary, outcome))
        })
    }

    fn compare(
        &self,
        state: &mut State,
        summary: &mut Summary,
        tell: &mut dyn FnMut(Verified),
    ) -> anyhow::Result<()> {
        let place = &self.remote.place;
        let files = RemoteFiles::list_and_read(self.remote, Some(state))?;
        let (recorded, known) = (state.known_objects(place)?, state.known_sets(place)?);
        let plan = self.plan(&files, &known);
        let chosen = self.chosen(&plan, &files, &recorded);
        let checker = Checker {
            remote: self.remote,
            files: &files,
            recorded: &recorded,
            progress: self.progress,
        };
        let mut halves = HashMap::new();
        for set in plan.backups.iter().chain(&plan.full) {
            crate::interrupt::check()?;
            let read = chosen.contains(set.name.as_str());
            let check = if set.is_full() {
                checker.full(set, self.options.download, &halves)
            } else {
                checker.backup(set, read)
            };
            match check {
                Ok(check) => {
                    let known = known.get(&set.name);
                    let known = self.remember(state, &files, set, &check, known)?;
                    let report = self.report(&files, set, &check, known.as_ref());
                    summary.add(&report);
                    tell(Verified::Compared(Box::new(report)));
                    halves.insert(set.name.clone(), check);
                }
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => summary.fail(&set.name, error, tell),
            }
        }
        for gone in plan.missing {
            let mut distrusted = vec![gone.name.as_str()];
            distrusted.extend(full_of(&files, &gone.name));
            for name in distrusted {
                state.set_verified(place, name, None)?;
            }
            let report = self.report_missing(gone);
            summary.add(&report);
            tell(Verified::Compared(Box::new(report)));
        }
        for name in plan.unknown {
            summary.fail(name.as_str(), not_found(self.remote, name).into(), tell);
        }
        Ok(())
    }

    fn plan<'f>(
        &'f self,
        files: &'f RemoteFiles,
        known: &'f HashMap<String, KnownSet>,
    ) -> Plan<'f> {
        let VerifyOptions { names, of_type, .. } = &self.options;
        let is_type = |kind: BackupType| of_type.is_none_or(|of_type| of_type == kind);
        let mut asked: Vec<&Set> = Vec::new();
        let (mut missing, mut unknown): (Vec<&KnownSet>, Vec<&FileName>) = (Vec::new(), Vec::new());
        if names.is_empty() {
            let sets = files.sets.iter();
            asked.extend(sets.filter(|set| set.recognised && is_type(set.backup_type)));
            missing.extend(
                known.values().filter(|known| {
                    is_type(known.backup_type) && files.find(&known.name).is_none()
                }),
            );
        }
        for name in names {
            match (files.find(name.as_str()), known.get(name.as_str())) {
                (Some(set), _) => asked.push(set),
                (None, Some(known)) => missing.push(known),
                (None, None) => unknown.push(name),
            }
        }
        // Each set once, also where it is asked for and half of a full one besides.
        let halves = asked.iter().flat_map(|set| files.halves(set));
        let halves: Vec<&Set> = halves.collect();
        let mut seen = BTreeSet::new();
        asked.extend(halves);
        asked.retain(|set| seen.insert(set.name.as_str()));
        asked.sort_by_key(|set| (Reverse(made_at(&set.name)), set.name.as_str()));
        missing.sort_by_key(|known| &known.name);
        missing.dedup_by_key(|known| &known.name);
        let (full, backups) = asked.into_iter().partition(|set| set.is_full());
        Plan {
            backups,
            full,
            missing,
            unknown,
        }
    }

    /// The names of the backups that are read back.
    fn chosen<'f>(
        &self,
        plan: &Plan<'f>,
        files: &RemoteFiles,
        recorded: &HashMap<String, Known>,
    ) -> HashSet<&'f str> {
        let Some(percent) = self.options.sample else {
            let lacks_hash = |set: &Set| {
                let mut objects = set.files.iter().filter_map(|file| files.object(file));
                objects.any(|object| object.sha256.is_none())
            };
            let read = plan.backups.iter();
            let read = read.filter(|set| self.options.download || lacks_hash(set));
            return read.map(|set| set.name.as_str()).collect();
        };
        // What nobody speaks for would be read in vain, and what was read last can wait longest.
        let is_spoken_for = |set: &Set| {
            let told = set.checksum();
            let known = |name: &String| recorded.contains_key(name);
            told.is_some() || set.files.iter().all(|file| known(&file.name))
        };
        let mut order = plan.backups.clone();
        order.sort_by_key(|set| {
            (
                !is_spoken_for(set),
                files.verified_at(set),
                set.name.as_str(),
            )
        });
        let share = (order.len() * usize::from(percent)).div_ceil(100);
        order.truncate(share.max(1));
        order.iter().map(|set| set.name.as_str()).collect()
    }

    /// Dates what was compared, and distrusts what was found wrong.
    fn remember(
        &self,
        state: &mut State,
        files: &RemoteFiles,
        set: &Set,
        check: &Check,
        known: Option<&KnownSet>,
    ) -> Result<Option<KnownSet>, Failure> {
        let place = &self.remote.place;
        if check.is_proven() {
            let now = Timestamp::now();
            let unrecorded = files.unrecorded(set, now);
            let known = KnownSet {
                stored_at: known.map_or(unrecorded.stored_at, |known| known.stored_at),
                sha256: check
                    .whole
                    .or(set.checksum())
                    .or_else(|| known.and_then(|known| known.sha256)),
                verified_at: Some(now),
                ..unrecorded
            };
            state.record_compared(place, &known, &check.known)?;
            return Ok(Some(known));
        }
        let mut known = known.cloned();
        let finding = check.finding();
        if self.options.rebuild && known.is_none() && finding != Finding::Incomplete {
            let unrecorded = files.unrecorded(set, Timestamp::now());
            state.record_set(place, &unrecorded)?;
            known = Some(unrecorded);
        }
        if finding.is_bad() {
            // A part that is as it was proves nothing when the whole is not.
            if finding == Finding::Differs {
                for member in set.members() {
                    state.distrust(place, &member.name)?;
                }
            }
            let names = [set.name.as_str()];
            for name in names.into_iter().chain(full_of(files, &set.name)) {
                state.set_verified(place, name, None)?;
            }
            if let Some(known) = &mut known {
                known.verified_at = None;
            }
        }
        Ok(known)
    }

    fn report(
        &self,
        files: &RemoteFiles,
        set: &Set,
        check: &Check,
        known: Option<&KnownSet>,
    ) -> VerifyReport {
        let result = check.finding();
        let mut problems = check.problems.clone();
        if result == Finding::Unproven {
            problems.push("there is nothing to compare it with".into());
        }
        VerifyReport {
            compared_with: check.compared_with.clone(),
            problems,
            differences: check.differences.clone(),
            bytes_read: check.bytes_read,
            verified_at: known.and_then(|known| known.verified_at),
            halves: set.halves.clone(),
            ..self.verdict(&set.name, set.backup_type, files.size(set), result)
        }
    }

    fn report_missing(&self, gone: &KnownSet) -> VerifyReport {
        let check = Check::missing();
        VerifyReport {
            problems: check.problems.clone(),
            ..self.verdict(&gone.name, gone.backup_type, gone.bytes, check.finding())
        }
    }

    fn verdict(
        &self,
        name: &str,
        backup_type: BackupType,
        size: u64,
        result: Finding,
    ) -> VerifyReport {
        let Place {
            provider,
            directory,
            ..
        } = &self.remote.place;
        let found = match result {
            Finding::Ok => "is what it should be",
            Finding::Unproven => "cannot be compared with anything",
            Finding::Differs => "is not what it should be",
            Finding::Incomplete => "is incomplete",
            Finding::Missing => "is missing",
        };
        VerifyReport {
            success: !result.is_bad(),
            message: format!("The backup '{name}' on {provider} {found}"),
            company_id: self.remote.company.id.clone(),
            company_name: self.remote.company.name.clone(),
            provider: provider.name().to_owned(),
            remote_path: directory.join(name),
            name: name.to_owned(),
            backup_type,
            size,
            result,
            compared_with: Vec::new(),
            problems: Vec::new(),
            differences: Vec::new(),
            bytes_read: 0,
            verified_at: None,
            halves: Vec::new(),
        }
    }
}

/// The full backups that a backup is half of.
fn full_of<'f>(files: &'f RemoteFiles, name: &str) -> Vec<&'f str> {
    let full = files
        .sets
        .iter()
        .filter(|set| set.halves.iter().any(|half| half == name));
    full.map(|set| set.name.as_str()).collect()
}

/// Whether no other backup could be compared either.
pub(crate) fn ends_all(error: &anyhow::Error) -> bool {
    let code = Failure::of(error).map(Failure::code);
    is_outage(error) || matches!(code, Some(Code::Interrupted(_)))
}

/// The way out, where a backup was found wrong.
pub fn hint(report: &VerifyReport) -> String {
    let (id, name) = (shell_word(&report.company_id), shell_word(&report.name));
    match report.result {
        Finding::Missing => {
            format!(
                "sync it again where it still exists, or forget it: vertex-backup delete {id} {name}"
            )
        }
        _ => format!(
            "sync it again where it still exists whole, and choose another for a restore: vertex-backup files {id}"
        ),
    }
}
