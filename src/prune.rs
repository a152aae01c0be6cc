//! Prune: removing what retention no longer keeps, set by set.
//!
//! A plan is made and shown before anything happens; then the remote is listed
//! anew under the company's lock, and only what is still there, unchanged, and
//! still to go is removed. A listing that the provider doubts is an error.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Zoned;
use jiff::civil::DateTime;
use serde::{Serialize, Serializer};

use crate::backup::{BackupType, made_at, part_of, sidecar_name};
use crate::delete::remove_set;
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Remote, shell_word};
use crate::lock::Lock;
use crate::provider::Deletion;
use crate::remote_set::RemoteFiles;
use crate::retention::{Candidate, Rules, decide};
use crate::set_catalog::KnownSet;
use crate::sets::{self, Set, in_words, total};
use crate::state::State;

/// What is to be done with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
}

/// What became of a set that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was removed.
    Removed,
    /// Somebody else had removed it.
    AlreadyGone,
    /// It was left for the next prune: it is not what was planned any more, or a half of it is still there.
    Left,
    /// It could not be removed.
    Failed,
}

impl Fate {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Fate::Removed => "removed",
            Fate::AlreadyGone => "already_gone",
            Fate::Left => "left",
            Fate::Failed => "failed",
        }
    }
}

impl Serialize for Fate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One set of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// When it was made, else when it was stored, in local time.
    pub created: Option<DateTime>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// Bytes, of a full backup those of its halves.
    pub size: u64,
    /// What is to be done with it.
    pub action: Action,
    /// Why.
    pub reasons: Vec<String>,
    /// What became of it; absent as long as nothing did.
    pub result: Option<Fate>,
    /// Bytes of its own files, sidecar or manifest included.
    #[serde(skip)]
    bytes: u64,
    /// The sets a full backup is made of.
    #[serde(skip)]
    halves: Vec<String>,
    /// Its files and which versions of them were planned for.
    #[serde(skip)]
    versions: BTreeMap<String, String>,
}

impl Planned {
    fn goes(&self) -> bool {
        self.action == Action::Remove
    }
}

/// What is to be done in one remote directory: newest first.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every backup set there is.
    pub rows: Vec<Planned>,
}

impl Plan {
    /// How many sets are to go.
    pub fn removals(&self) -> usize {
        self.rows.iter().filter(|row| row.goes()).count()
    }

    /// How many bytes that would free.
    pub fn bytes(&self) -> u64 {
        let going = self.rows.iter().filter(|row| row.goes());
        going.map(|row| row.bytes).fold(0, u64::saturating_add)
    }

    fn has_stuck_half(&self, full: &Planned) -> bool {
        let mut failed = self
            .rows
            .iter()
            .filter(|row| row.result == Some(Fate::Failed));
        failed.any(|row| full.halves.contains(&row.name))
    }

    /// The sets to go, oldest first. A full backup goes after its halves: as long as its
    /// manifest is there, the next prune knows that they were to go too.
    fn sequence(&self) -> Vec<usize> {
        let places: HashMap<&str, usize> = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.goes())
            .map(|(at, row)| (row.name.as_str(), at))
            .collect();
        let (mut sequence, mut seen) = (Vec::new(), BTreeSet::new());
        for (at, row) in self.rows.iter().enumerate().rev() {
            if !row.goes() {
                continue;
            }
            let halves = row.halves.iter();
            let halves = halves.filter_map(|half| places.get(half.as_str()).copied());
            sequence.extend(halves.chain([at]).filter(|at| seen.insert(*at)));
        }
        sequence
    }
}

/// What a prune did.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many sets were removed.
    pub removed: usize,
    /// How many bytes that freed.
    pub freed: u64,
    /// What could not be removed, and why.
    pub errors: Vec<(String, anyhow::Error)>,
}

/// The rules in force for a company.
///
/// # Errors
/// `no_retention_policy` when there is none, or none for the type that is asked for.
pub fn rules(
    state: Option<&State>,
    company_id: &str,
    only: Option<BackupType>,
) -> anyhow::Result<Rules> {
    let in_force = match state {
        Some(state) => state.policies_for(Some(company_id))?,
        None => BTreeMap::new(),
    };
    let policies: BTreeMap<_, _> = in_force
        .into_iter()
        .map(|(kind, (policy, _))| (kind, policy))
        .collect();
    let has_any = only.map_or(!policies.is_empty(), |only| policies.contains_key(&only));
    if !has_any {
        let what = only.map_or_else(String::new, |kind| format!(" for {kind} backups"));
        let detail = format!("Company '{company_id}' has no retention policy{what}");
        let id = shell_word(company_id);
        return Err(Failure::new(Code::NoRetentionPolicy, detail)
            .hint(format!(
                "vertex-backup retention set {id} --keep-last 7 --keep-weekly 4 --keep-monthly 12"
            ))
            .into());
    }
    Ok(Rules {
        policies,
        only,
        ..Rules::default()
    })
}

/// Decides what is to go; changes nothing.
///
/// # Errors
/// As [`RemoteFiles::list_and_read`].
pub fn plan(
    remote: &Remote,
    state: Option<&State>,
    rules: &Rules,
    now: &Zoned,
) -> anyhow::Result<Plan> {
    // A name alone may tell the wrong type, and says nothing of what was cut short.
    let listed = RemoteFiles::list_and_read(remote, state)?;
    of_listing(remote, state, rules, now, &listed)
}

fn of_listing(
    remote: &Remote,
    state: Option<&State>,
    rules: &Rules,
    now: &Zoned,
    listed: &RemoteFiles,
) -> anyhow::Result<Plan> {
    let (pins, uploads, known) = match state {
        Some(state) => (
            state.pins(&remote.place)?,
            state.uploads(&remote.company.id)?,
            state.known_sets(&remote.place)?,
        ),
        None => Default::default(),
    };
    let uploads = uploads.iter().filter(|upload| upload.place == remote.place);
    let uploads: Vec<&str> = uploads.map(|upload| upload.session.name.as_str()).collect();
    // What is no backup is nobody's to remove but its owner's.
    let sets: Vec<&Set> = listed.sets.iter().filter(|set| set.recognised).collect();
    let candidates: Vec<Candidate> = sets
        .iter()
        .map(|set| Candidate {
            name: set.name.clone(),
            backup_type: set.backup_type,
            made: made(listed, set, now),
            incomplete: (!set.is_complete()).then(|| in_words(&set.problems)),
            verified: listed.verified_at(set).is_some()
                && std::iter::once(*set)
                    .chain(listed.halves(set))
                    .all(|set| known.get(&set.name).is_none_or(is_trusted)),
            pinned: pins.contains(&set.name),
            under_way: uploads.iter().any(|name| belongs(name, set)),
            halves: set.halves.clone(),
        })
        .collect();
    let decisions = decide(&candidates, rules, now);
    let rows = sets.iter().zip(candidates).zip(decisions);
    let mut rows: Vec<Planned> = rows
        .map(|((set, candidate), decision)| Planned {
            created: candidate.made.as_ref().map(Zoned::datetime),
            age_seconds: candidate
                .made
                .map(|made| now.timestamp().duration_since(made.timestamp()).as_secs()),
            name: candidate.name,
            backup_type: candidate.backup_type,
            size: listed.size(set),
            action: if decision.keep {
                Action::Keep
            } else {
                Action::Remove
            },
            reasons: decision.reasons,
            result: None,
            bytes: total(set.members()),
            halves: candidate.halves,
            versions: versions(listed, set),
        })
        .collect();
    rows.sort_by(|a, b| (b.created, &b.name).cmp(&(a.created, &a.name)));
    Ok(Plan { rows })
}

/// Whether nothing speaks against a set whose files are those that were compared: it may
/// have been sent damaged, or have failed its restore test.
fn is_trusted(known: &KnownSet) -> bool {
    let failed = known.tested.is_some_and(|(_, went_well)| !went_well);
    known.verified_at.is_some() && !failed
}

/// When a set was made: by its name the application's local time, else when it was stored.
fn made(listed: &RemoteFiles, set: &Set, now: &Zoned) -> Option<Zoned> {
    let zone = now.time_zone().clone();
    match made_at(&set.name) {
        Some(made) => made.to_zoned(zone).ok(),
        None => Some(listed.modified(set)?.to_zoned(zone)),
    }
}

/// Whether an upload's file is one of a set's, though it is not there yet.
fn belongs(upload: &str, set: &Set) -> bool {
    let whole = part_of(upload).map(|(whole, _)| whole);
    let is_sidecar = |of: &str| sidecar_name(of).as_deref() == Some(upload);
    set.has(upload)
        || whole.is_some_and(|whole| whole == set.name)
        || is_sidecar(&set.name)
        || set.files.iter().any(|file| is_sidecar(&file.name))
}

fn versions(listed: &RemoteFiles, set: &Set) -> BTreeMap<String, String> {
    let objects = set.members().filter_map(|member| listed.object(member));
    objects
        .map(|object| (object.name.clone(), object.version.clone()))
        .collect()
}

/// Removes what a plan says, as far as it still holds; the rows learn what became of them.
///
/// # Errors
/// When the remote cannot be listed again: then nothing was removed. When a signal stopped it.
pub fn carry_out(
    remote: &Remote,
    state: &mut State,
    lock: &Lock,
    plan: &mut Plan,
    rules: &Rules,
    deletion: Deletion,
) -> anyhow::Result<Pruned> {
    let listed = RemoteFiles::list_and_read(remote, Some(state))?;
    let current = of_listing(remote, Some(state), rules, &Zoned::now(), &listed)?;
    let current: HashMap<&str, &Planned> = current
        .rows
        .iter()
        .map(|row| (row.name.as_str(), row))
        .collect();
    let mut pruned = Pruned::default();
    for at in plan.sequence() {
        let row = &plan.rows[at];
        let set = sets::named(&listed.sets, &row.name);
        let removal = match (set, current.get(row.name.as_str())) {
            // Without its manifest nobody would know whose half it was that could not be removed.
            _ if plan.has_stuck_half(row) => Ok((Fate::Left, 0)),
            (Some(set), Some(now)) if now.goes() && now.versions == row.versions => {
                let work = Removal {
                    remote,
                    lock,
                    set,
                    deletion,
                };
                work.run(state, &row.reasons)
            }
            (None, _) => Ok((Fate::AlreadyGone, 0)),
            _ => Ok((Fate::Left, 0)),
        };
        let fate = match removal {
            Ok((fate, bytes)) => {
                pruned.removed += usize::from(fate == Fate::Removed);
                pruned.freed += bytes;
                fate
            }
            Err(error) => {
                // A signal is meant for all of it.
                crate::interrupt::check()?;
                pruned.errors.push((row.name.clone(), error));
                Fate::Failed
            }
        };
        plan.rows[at].result = Some(fate);
    }
    Ok(pruned)
}

/// One set on its way out.
struct Removal<'a> {
    remote: &'a Remote,
    lock: &'a Lock,
    set: &'a Set,
    deletion: Deletion,
}

impl Removal<'_> {
    /// Removes the set, with a row in the history; what became of it, and the bytes that freed.
    fn run(&self, state: &mut State, reasons: &[String]) -> anyhow::Result<(Fate, u64)> {
        let intent = Intent {
            target: Some(self.remote.place.directory.join(&self.set.name)),
            ..intent(self.remote)
        };
        state.recorded(intent, Some(self.lock), |state| {
            let files = remove_set(self.remote, state, self.set, self.deletion)?;
            let removed = self
                .set
                .members()
                .filter(|member| files.contains(&member.name));
            let bytes = total(removed);
            let (fate, verdict, detail) = if files.is_empty() {
                (
                    Fate::AlreadyGone,
                    Verdict::Skipped,
                    "already gone".to_owned(),
                )
            } else {
                (Fate::Removed, Verdict::Ok, reasons.join(", "))
            };
            Ok(((fate, bytes), Outcome::done(verdict, detail, bytes)))
        })
    }
}

fn intent(remote: &Remote) -> Intent {
    let Remote { company, place, .. } = remote;
    let directory = place.directory.as_str();
    Intent::of("prune", company, Some(place.provider.name()), directory)
}

/// Writes the row that stands for a whole prune.
///
/// # Errors
/// When the state cannot be written.
pub fn record(
    remote: &Remote,
    state: &mut State,
    lock: Option<&Lock>,
    pruned: &Pruned,
    message: &str,
) -> anyhow::Result<()> {
    let mut outcome = match (&pruned.errors[..], pruned.removed) {
        ([], 0) => Outcome::done(Verdict::Skipped, message, 0),
        ([], _) => Outcome::done(Verdict::Ok, message, pruned.freed),
        ([(_, error), ..], _) => Outcome::failed(error),
    };
    outcome.detail = Some(message.to_owned());
    // The rows of its sets have targets; this one has none.
    let intent = Intent {
        target: None,
        ..intent(remote)
    };
    state.recorded(intent, lock, |_| Ok(((), outcome)))
}
