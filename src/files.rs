//! What lies in a company's remote directory, as whole backups.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Serialize;

use crate::backup::{BackupType, local_time, made_at, moment};
use crate::installation::Remote;
use crate::provider::{Object, ObjectKind};
use crate::remote_set::RemoteFiles;
use crate::set_catalog::KnownSet;
use crate::sets::{Problem, Set};
use crate::state::State;

/// One remote backup, or something else that lies beside the backups.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteFile {
    /// The name, as the provider has it; of a split backup, that of the joined file.
    pub name: String,
    /// What it holds; absent for what is no backup.
    pub backup_type: Option<BackupType>,
    /// Bytes, those of a full backup's halves included.
    pub size: u64,
    /// The files that hold it, in order.
    pub parts: Vec<String>,
    /// When the backup was made, by its name: the application's local time.
    pub created: Option<DateTime>,
    /// When it was stored.
    pub modified: Option<Timestamp>,
    /// Seconds since it was made, as far as its name tells, else since it was stored.
    pub age_seconds: Option<i64>,
    /// Whether nothing of it is missing.
    pub complete: bool,
    /// What is missing or does not match.
    pub problems: Vec<Problem>,
    /// Whether its sidecar is there too.
    pub sidecar: bool,
    /// When its bytes were last compared; absent when they never were, or it changed since.
    pub verified_at: Option<Timestamp>,
    /// When it was last restored for a test.
    pub tested_at: Option<Timestamp>,
    /// Whether that restore went well.
    pub test_passed: Option<bool>,
    /// Whether it is exempt from retention.
    pub pinned: bool,
    /// The backups a full one is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<String>,
    /// `backup`, `temporary` or `foreign`.
    pub kind: &'static str,
}

/// Lists a company's backups, newest first; `all` adds foreign and unfinished objects.
///
/// # Errors
/// As `Provider::list`.
pub fn list(remote: &Remote, state: Option<&State>, all: bool) -> anyhow::Result<Vec<RemoteFile>> {
    let listed = RemoteFiles::list(remote, state)?;
    let (known, pins) = match state {
        Some(state) => (state.known_sets(&remote.place)?, state.pins(&remote.place)?),
        None => (HashMap::new(), BTreeSet::new()),
    };
    let now = Timestamp::now();
    let shown = listed.sets.iter().filter(|set| all || set.recognised);
    let mut files: Vec<RemoteFile> = shown
        .map(|set| {
            let mut file = of_set(&listed, set, known.get(&set.name), now);
            file.pinned = pins.contains(&set.name);
            file
        })
        .collect();
    if all {
        files.extend(listed.others.iter().map(|object| of_other(object, now)));
    }
    files.sort_by_cached_key(|file| {
        (
            Reverse(newness(file.created, file.modified)),
            file.name.clone(),
        )
    });
    Ok(files)
}

fn of_set(listed: &RemoteFiles, set: &Set, known: Option<&KnownSet>, now: Timestamp) -> RemoteFile {
    let (created, modified) = (made_at(&set.name), listed.modified(set));
    let halves = listed.halves(set).flat_map(|half| &half.files);
    let parts = set.files.iter().chain(halves).map(|file| file.name.clone());
    let tested = known.and_then(|known| known.tested);
    RemoteFile {
        backup_type: set.recognised.then_some(set.backup_type),
        size: listed.size(set),
        parts: parts.collect(),
        created,
        modified,
        age_seconds: age(created, modified, now),
        complete: set.is_complete(),
        problems: set.problems.clone(),
        sidecar: set.json.is_some() && !set.is_full(),
        // Parts that arrived as they were sent make no verified backup when it was sent damaged.
        verified_at: listed
            .verified_at(set)
            .filter(|_| known.is_none_or(|known| known.verified_at.is_some())),
        tested_at: tested.map(|(at, _)| at),
        test_passed: tested.map(|(_, went_well)| went_well),
        pinned: false,
        halves: set.halves.clone(),
        kind: if set.recognised { "backup" } else { "foreign" },
        name: set.name.clone(),
    }
}

fn of_other(object: &Object, now: Timestamp) -> RemoteFile {
    RemoteFile {
        name: object.name.clone(),
        backup_type: None,
        size: object.size,
        parts: Vec::new(),
        created: None,
        modified: object.modified,
        age_seconds: age(None, object.modified, now),
        complete: false,
        problems: Vec::new(),
        sidecar: false,
        verified_at: None,
        tested_at: None,
        test_passed: None,
        pinned: false,
        halves: Vec::new(),
        kind: if object.kind == ObjectKind::Temporary {
            "temporary"
        } else {
            "foreign"
        },
    }
}

/// The newest whole backup, of one type if it is given. Of several made at one time, the one that holds most.
pub fn newest(listed: &RemoteFiles, of_type: Option<BackupType>) -> Option<&Set> {
    newest_of(listed, |set| {
        of_type.is_none_or(|of_type| set.backup_type == of_type)
    })
}

/// As [`newest`], of those that pass.
pub fn newest_of(listed: &RemoteFiles, passes: impl Fn(&Set) -> bool) -> Option<&Set> {
    let whole = listed
        .sets
        .iter()
        .filter(|set| set.recognised && set.is_complete() && passes(set));
    whole.max_by_key(|set| {
        (
            newness(made_at(&set.name), listed.modified(set)),
            set.is_full(),
            listed.size(set),
            Reverse(&set.name),
        )
    })
}

/// When it was made where the name tells, else when it was stored.
fn newness(created: Option<DateTime>, modified: Option<Timestamp>) -> Option<DateTime> {
    created.or_else(|| modified.map(local_time))
}

/// Seconds since then; the names' times are the application's local ones.
fn age(created: Option<DateTime>, modified: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let made = created.and_then(moment).or(modified)?;
    Some(now.duration_since(made).as_secs())
}
