//! The backups on this machine, looked after by whole sets: listed, verified, rotated.
//!
//! They are the application's. Nothing here writes to one; what rotation removes
//! goes whole, its sidecar first, as on a remote.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::backup::{BackupType, moment};
use crate::dir::{Dir, folder_of};
use crate::failure::Failure;
use crate::hash::Sha256;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::Installation;
use crate::local_set::{LocalFiles, LocalSet, folders_below, refuse_missing_folder};
use crate::lock::Lock;
use crate::progress::Progress;
use crate::report::Finding;
use crate::retention::{Candidate, Decision, Policy, Rules, decide};
use crate::sets::{Problem, in_words};
use crate::state::State;
use crate::target::{cannot_write, original_name};

/// One backup on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct LocalReport {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// Bytes, those of a full backup's halves included.
    pub size: u64,
    /// The files that hold it, in order.
    pub parts: Vec<String>,
    /// When it was made, by its name, else when it was last written: local time.
    pub created: Option<DateTime>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// Whether nothing of it is missing.
    pub complete: bool,
    /// What is missing or does not match.
    pub problems: Vec<Problem>,
    /// Whether its sidecar is there too.
    pub sidecar: bool,
    /// Its file, its first part, or its manifest.
    pub local_path: String,
    /// The backups a full one is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<String>,
}

/// The backups of the application's folder, newest first; of one type if it is given.
///
/// # Errors
/// `backup_file_not_found` without the folder, `local_io`.
pub fn all(
    installation: &Installation,
    of_type: Option<BackupType>,
) -> Result<Vec<LocalSet>, Failure> {
    let root = &installation.settings.backup_dir.value;
    refuse_missing_folder(root)?;
    let files = LocalFiles::read(&folders_below(root))?;
    let mut found = files.backups();
    found.retain(|local| of_type.is_none_or(|of_type| local.set.backup_type == of_type));
    found.reverse();
    Ok(found)
}

/// What is told of a backup on this machine.
pub fn report(local: &LocalSet, now: Timestamp) -> LocalReport {
    let set = &local.set;
    let halves = local.halves.iter().flat_map(|half| &half.set.files);
    let made = local.made();
    LocalReport {
        name: set.name.clone(),
        backup_type: set.backup_type,
        size: local.size(),
        parts: set
            .files
            .iter()
            .chain(halves)
            .map(|file| file.name.clone())
            .collect(),
        created: made,
        age_seconds: made
            .and_then(moment)
            .map(|at| now.duration_since(at).as_secs()),
        complete: set.is_complete(),
        problems: set.problems.clone(),
        sidecar: set.json.is_some() && !set.is_full(),
        local_path: local.first_path().display().to_string(),
        halves: set.halves.clone(),
    }
}

/// How a backup on this machine compares with its sidecar.
#[derive(Clone, Debug, Serialize)]
pub struct LocalVerdict {
    /// Whether nothing is wrong with it.
    pub success: bool,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// Bytes, those of a full backup's halves included.
    pub size: u64,
    /// The verdict.
    pub result: Finding,
    /// What is wrong with it, or why nothing can be said.
    pub problems: Vec<String>,
    /// The SHA-256 the sidecar tells.
    pub expected: Option<Sha256>,
    /// The SHA-256 its bytes have.
    pub found: Option<Sha256>,
    /// Its file, its first part, or its manifest.
    pub local_path: String,
}

/// Compares backups with their sidecars, each once, a full one by its halves.
pub struct LocalVerify<'a> {
    installation: &'a Installation,
    progress: &'a dyn Progress,
    done: BTreeMap<String, LocalVerdict>,
}

impl<'a> LocalVerify<'a> {
    /// Nothing is compared yet.
    pub fn new(installation: &'a Installation, progress: &'a dyn Progress) -> Self {
        LocalVerify {
            installation,
            progress,
            done: BTreeMap::new(),
        }
    }

    /// Compares one backup with its sidecar by reading it.
    ///
    /// # Errors
    /// When its files cannot be read, or change meanwhile.
    pub fn verify(&mut self, local: &LocalSet) -> anyhow::Result<LocalVerdict> {
        let key = local.first_path().display().to_string();
        if let Some(verdict) = self.done.get(&key) {
            return Ok(verdict.clone());
        }
        let set = &local.set;
        let mut verdict = LocalVerdict {
            success: true,
            name: set.name.clone(),
            backup_type: set.backup_type,
            size: local.size(),
            result: Finding::Ok,
            problems: set.problems.iter().map(Problem::to_string).collect(),
            expected: set.checksum(),
            found: None,
            local_path: key.clone(),
        };
        if set.problems.iter().any(Problem::is_gap) {
            verdict.result = Finding::Incomplete;
        } else if !set.is_complete() {
            verdict.result = Finding::Differs;
        }
        if set.is_full() {
            self.judge_halves(local, &mut verdict)?;
        } else if set.problems.is_empty() {
            self.judge_content(local, &mut verdict)?;
        }
        verdict.success = !verdict.result.is_bad();
        self.done.insert(key, verdict.clone());
        Ok(verdict)
    }

    fn judge_halves(&mut self, local: &LocalSet, verdict: &mut LocalVerdict) -> anyhow::Result<()> {
        for half in &local.halves {
            let found = self.verify(half)?;
            if found.result != Finding::Ok && verdict.result != Finding::Incomplete {
                verdict.result = verdict.result.max(found.result);
                let problems = found.problems.join(", ");
                verdict.problems.push(format!("{}: {problems}", found.name));
            }
        }
        Ok(())
    }

    fn judge_content(&self, local: &LocalSet, verdict: &mut LocalVerdict) -> anyhow::Result<()> {
        let task = self.progress.task(&local.set.name, local.size());
        task.phase("comparing");
        let found = self.installation.digest(local, &*task, |_, _| ())?;
        verdict.found = Some(found);
        let (result, problem) = match (verdict.expected, &local.set.json) {
            (Some(expected), _) if expected == found => return Ok(()),
            (Some(_), _) => (Finding::Differs, "checksum differs"),
            (None, Some(_)) => (Finding::Unproven, "its sidecar has no checksum"),
            // A broken one: the grouping had its doubts.
            (None, None) if !local.doubts.is_empty() => (
                Finding::Differs,
                "the JSON file beside it is not its sidecar",
            ),
            (None, None) => (Finding::Unproven, "it has no sidecar to compare with"),
        };
        verdict.result = result;
        verdict.problems.push(problem.to_owned());
        Ok(())
    }
}

/// A rotation's plan: each backup, newest first, and what becomes of it.
pub struct Rotation {
    /// The backups and the decisions on them.
    pub rows: Vec<(LocalSet, Decision)>,
}

impl Rotation {
    /// Keeps the newest `keep_last` whole backups of each type, and what those are made of.
    pub fn plan(
        found: Vec<LocalSet>,
        keep_last: u32,
        only: Option<BackupType>,
        now: &Zoned,
    ) -> Self {
        let policy = Policy {
            keep_last,
            ..Policy::default()
        };
        let rules = Rules {
            policies: BackupType::ALL
                .map(|kind| (kind, policy))
                .into_iter()
                .collect(),
            only,
            verified_unknown: true,
        };
        let candidates: Vec<Candidate> = found.iter().map(candidate).collect();
        let decisions = decide(&candidates, &rules, now);
        Rotation {
            rows: found.into_iter().zip(decisions).collect(),
        }
    }

    /// The backups that are to go, oldest first.
    pub fn going(&self) -> impl Iterator<Item = &LocalSet> {
        let going = self
            .rows
            .iter()
            .rev()
            .filter(|(_, decision)| !decision.keep);
        going.map(|(local, _)| local)
    }
}

fn candidate(local: &LocalSet) -> Candidate {
    let set = &local.set;
    Candidate {
        name: set.name.clone(),
        backup_type: set.backup_type,
        made: local
            .made()
            .and_then(|at| at.to_zoned(TimeZone::system()).ok()),
        incomplete: (!set.is_complete()).then(|| in_words(&set.problems)),
        verified: false,
        pinned: false,
        under_way: false,
        halves: set.halves.clone(),
    }
}

/// Removes one backup's own files from this machine, sidecar or manifest first, with a row in the history.
///
/// # Errors
/// `local_io`; what was removed before it is gone.
pub fn remove(state: &mut State, lock: &Lock, local: &LocalSet) -> anyhow::Result<()> {
    let intent = Intent {
        operation: "backup rotate".into(),
        target: Some(local.first_path().display().to_string()),
        ..Intent::default()
    };
    state.recorded(intent, Some(lock), |_| {
        for member in local.set.json.iter().chain(&local.set.files) {
            crate::interrupt::check()?;
            let path = local.path(member);
            let failed = |error| cannot_write(path, &error);
            let dir = Dir::open(folder_of(path)).map_err(failed)?;
            dir.remove(&member.name).map_err(failed)?;
            if local.set.json.as_ref() == Some(member) {
                dir.remove(original_name(&member.name)).map_err(failed)?;
            }
            dir.sync().map_err(failed)?;
        }
        let done = format!("Backup removed from this machine: {}", local.set.name);
        Ok(((), Outcome::done(Verdict::Ok, done, 0)))
    })
}
