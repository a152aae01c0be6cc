//! Retention: which backups a policy keeps, and why.
//!
//! Pure: facts, policies and a moment in, decisions out, the same for every
//! order of the facts. What is damaged, ahead of the clock, of unknown age or
//! the newest of its kind is never given up for a number.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::backup::BackupType;
use crate::duration;
use crate::failure::{Code, Failure};

/// How much is kept of one type of backup. What one rule keeps, no other gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// A rule that this version does not know might keep what the others do not.
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The newest so many.
    pub keep_last: u32,
    /// All that are no older than this.
    #[serde(with = "as_text")]
    pub keep_within: Option<Duration>,
    /// The newest of each of the last so many days that have one.
    pub keep_daily: u32,
    /// The same for weeks, from Monday to Sunday.
    pub keep_weekly: u32,
    /// The same for months.
    pub keep_monthly: u32,
}

impl Policy {
    /// Refuses a policy that keeps nothing.
    ///
    /// # Errors
    /// `usage`.
    pub fn check(self) -> Result<Self, Failure> {
        let counts = [
            self.keep_last,
            self.keep_daily,
            self.keep_weekly,
            self.keep_monthly,
        ];
        let within = self.keep_within.unwrap_or_default();
        if counts.iter().all(|count| *count == 0) && within.is_zero() {
            return Err(Failure::new(
                Code::Usage,
                "a policy that keeps nothing would remove every backup",
            )
            .hint("say what to keep: --keep-last 7, --keep-within 30d, --keep-daily 7, --keep-weekly 4, --keep-monthly 12"));
        }
        Ok(self)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |name: &str, count: u32| (count > 0).then(|| format!("{name} {count}"));
        let within = self.keep_within.filter(|within| !within.is_zero());
        let words = [
            count("last", self.keep_last),
            within.map(|within| format!("within {}", duration::write(within))),
            count("daily", self.keep_daily),
            count("weekly", self.keep_weekly),
            count("monthly", self.keep_monthly),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        f.write_str(&words.join(", "))
    }
}

/// Lengths of time as operators write them.
mod as_text {
    use super::{Duration, duration};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(duration::write).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        let length = text.as_deref().map(duration::parse).transpose();
        length.map_err(D::Error::custom)
    }
}

/// What is known of one backup set.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// When it was made, in the zone whose days count; absent when nothing tells.
    pub made: Option<Zoned>,
    /// What is missing of it; absent when it is whole.
    pub incomplete: Option<String>,
    /// Whether all its bytes were compared and found right.
    pub verified: bool,
    /// Whether it is exempt.
    pub pinned: bool,
    /// Whether an upload of it was begun and not ended.
    pub under_way: bool,
    /// The names of the sets a full backup is made of.
    pub halves: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The policy in force for each type; a type without one loses nothing of its own.
    pub policies: BTreeMap<BackupType, Policy>,
    /// Only backups of this type are to go.
    pub only: Option<BackupType>,
    /// Whether nobody keeps track of which sets are verified, as of those on this machine.
    pub verified_unknown: bool,
}

impl Rules {
    fn of(&self, kind: BackupType) -> Option<&Policy> {
        let is_asked = self.only.is_none_or(|only| only == kind);
        self.policies.get(&kind).filter(|_| is_asked)
    }
}

/// What becomes of one set, and why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it stays.
    pub keep: bool,
    /// Never empty.
    pub reasons: Vec<String>,
}

/// Decides for each set, in the order in which they are given.
pub fn decide(sets: &[Candidate], rules: &Rules, now: &Zoned) -> Vec<Decision> {
    let counted = BackupType::ALL.map(|kind| (kind, Counted::of(sets, kind, now)));
    let counted: BTreeMap<_, _> = counted.into_iter().collect();
    let mut why: Vec<Vec<String>> = sets
        .iter()
        .map(|set| {
            let counted = &counted[&set.backup_type];
            let mut why = protections(set, counted, rules, now);
            if let Some(policy) = rules.of(set.backup_type) {
                why.extend(slots(set, policy, counted, now));
            }
            why
        })
        .collect();
    keep_halves(sets, rules, &mut why);
    let going: BTreeMap<&str, &str> = halves_that_go(sets, rules, &why);
    let decisions = sets.iter().zip(why).map(|(set, mut reasons)| {
        let mut keep = !reasons.is_empty();
        if !keep {
            let taken_along = going.get(set.name.as_str());
            keep = rules.of(set.backup_type).is_none() && taken_along.is_none();
            reasons.push(match (taken_along, rules.policies.get(&set.backup_type)) {
                (Some(full), None) => format!("half of {full}, which goes"),
                (None, None) => format!("no policy for {} backups", set.backup_type),
                (_, Some(_)) if keep => format!("{} backups were not asked for", set.backup_type),
                _ => "no rule keeps it".to_owned(),
            });
        }
        if let Some(problems) = &set.incomplete {
            reasons.insert(0, format!("incomplete: {problems}"));
        }
        Decision { keep, reasons }
    });
    decisions.collect()
}

/// Newest first; of several made at one time the verified one counts first.
type Key<'a> = (Timestamp, bool, &'a str);

/// The sets of a type that count: whole, of known age, and not ahead of the clock.
struct Counted<'a> {
    keys: Vec<Key<'a>>,
    /// For each day, week and month that has one, the newest.
    periods: [BTreeMap<Bucket, Key<'a>>; 3],
    newest_verified: Option<&'a str>,
}

impl<'a> Counted<'a> {
    fn of(sets: &'a [Candidate], kind: BackupType, now: &Zoned) -> Self {
        let mut whole: Vec<(Key<'a>, &Zoned)> = sets
            .iter()
            .filter(|set| set.backup_type == kind && set.incomplete.is_none())
            .filter_map(|set| Some((key(set)?, set.made.as_ref()?)))
            .filter(|(_, made)| *made <= now)
            .collect();
        whole.sort_by(|a, b| b.0.cmp(&a.0));
        let mut periods: [BTreeMap<Bucket, Key<'a>>; 3] = Default::default();
        for (key, made) in &whole {
            for (period, newest) in Period::ALL.iter().zip(&mut periods) {
                newest.entry(period.bucket(made)).or_insert(*key);
            }
        }
        let keys: Vec<Key<'a>> = whole.into_iter().map(|(key, _)| key).collect();
        let verified = keys.iter().find(|(_, verified, _)| *verified);
        Counted {
            newest_verified: verified.map(|(.., name)| *name),
            keys,
            periods,
        }
    }
}

fn key(set: &Candidate) -> Option<Key<'_>> {
    Some((set.made.as_ref()?.timestamp(), set.verified, &set.name))
}

/// A calendar's units, of which one backup each is kept.
#[derive(Clone, Copy)]
enum Period {
    Day,
    Week,
    Month,
}

/// A day, week or month; later ones are greater.
type Bucket = (i16, i8, i8);

impl Period {
    const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    fn bucket(self, made: &Zoned) -> Bucket {
        let date = made.date();
        match self {
            Period::Day => (date.year(), date.month(), date.day()),
            Period::Week => {
                let week = date.iso_week_date();
                (week.year(), week.week(), 0)
            }
            Period::Month => (date.year(), date.month(), 0),
        }
    }

    fn words(self, (year, part, day): Bucket) -> String {
        match self {
            Period::Day => format!("daily {year:04}-{part:02}-{day:02}"),
            Period::Week => format!("weekly {year:04}-W{part:02}"),
            Period::Month => format!("monthly {year:04}-{part:02}"),
        }
    }
}

/// Why a set stays, whatever a policy says.
fn protections(set: &Candidate, counted: &Counted<'_>, rules: &Rules, now: &Zoned) -> Vec<String> {
    let kind = set.backup_type;
    let mut why = Vec::new();
    if set.pinned {
        why.push("pinned".to_owned());
    }
    if set.under_way {
        why.push("its upload is under way".to_owned());
    }
    let newest = counted.keys.first();
    match key(set) {
        None => why.push("age unknown".to_owned()),
        Some((made, ..)) if made > now.timestamp() => why.push("from the future".to_owned()),
        Some((made, ..)) if set.incomplete.is_some() => {
            if newest.is_none_or(|(newest, ..)| *newest <= made) {
                why.push(format!("no whole {kind} backup is newer"));
            }
        }
        Some((.., name)) if counted.newest_verified == Some(name) => {
            why.push(format!("newest verified {kind} backup"));
        }
        Some((.., name)) if newest.is_some_and(|(.., newest)| *newest == name) => {
            let but = match counted.newest_verified {
                _ if rules.verified_unknown => "",
                None => ", none is verified",
                Some(_) => ", not verified",
            };
            why.push(format!("newest {kind} backup{but}"));
        }
        Some(_) => {}
    }
    why
}

/// Which rules of a policy keep a set. One that is not whole takes no other's place: it
/// stays where a whole one in its place would, so that only what is due goes.
fn slots(set: &Candidate, policy: &Policy, counted: &Counted<'_>, now: &Zoned) -> Vec<String> {
    let (Some(made), Some(key)) = (&set.made, key(set)) else {
        return Vec::new();
    };
    let Ok(age) = Duration::try_from(now.timestamp().duration_since(made.timestamp())) else {
        return Vec::new();
    };
    let reaches = |count: u32, newer: usize| u64::from(count) > newer as u64;
    let mut why = Vec::new();
    let newer = counted.keys.partition_point(|other| *other > key);
    if reaches(policy.keep_last, newer) {
        why.push(format!("last {}", policy.keep_last));
    }
    let within = policy.keep_within.filter(|within| !within.is_zero());
    if let Some(within) = within.filter(|within| age <= *within) {
        why.push(format!("within {}", duration::write(within)));
    }
    let counts = [policy.keep_daily, policy.keep_weekly, policy.keep_monthly];
    for ((period, newest), count) in Period::ALL.iter().zip(&counted.periods).zip(counts) {
        let bucket = period.bucket(made);
        let is_newest = newest.get(&bucket).is_none_or(|newest| *newest <= key);
        let later = newest.range((Excluded(bucket), Unbounded));
        // Nobody needs to know how many more than that there are.
        let later = later.take(usize::try_from(count).unwrap_or(usize::MAX));
        if is_newest && reaches(count, later.count()) {
            why.push(period.words(bucket));
        }
    }
    why
}

/// Whether a set stays, as far as reasons of its own and its type's policy go.
fn stays(set: &Candidate, rules: &Rules, why: &[String]) -> bool {
    !why.is_empty() || rules.of(set.backup_type).is_none()
}

/// What a full backup that stays is made of stays with it.
fn keep_halves(sets: &[Candidate], rules: &Rules, why: &mut [Vec<String>]) {
    let places: HashMap<&str, usize> = sets
        .iter()
        .enumerate()
        .map(|(at, set)| (set.name.as_str(), at))
        .collect();
    let stays_by = |at: usize, why: &[Vec<String>]| stays(&sets[at], rules, &why[at]);
    let mut staying: BTreeSet<usize> = (0..sets.len()).filter(|at| stays_by(*at, why)).collect();
    let mut waiting: Vec<usize> = staying.iter().copied().collect();
    let mut fulls: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    while let Some(full) = waiting.pop() {
        for half in &sets[full].halves {
            let Some(&at) = places.get(half.as_str()) else {
                continue;
            };
            fulls.entry(at).or_default().insert(&sets[full].name);
            // A manifest can name another one.
            if staying.insert(at) {
                waiting.push(at);
            }
        }
    }
    for (at, fulls) in fulls {
        why[at].extend(fulls.into_iter().map(|full| format!("half of {full}")));
    }
}

/// What a full backup that goes takes along: halves that no policy is about. To each its full backup.
fn halves_that_go<'a>(
    sets: &'a [Candidate],
    rules: &Rules,
    why: &[Vec<String>],
) -> BTreeMap<&'a str, &'a str> {
    let free: BTreeSet<&str> = sets
        .iter()
        .zip(why)
        .filter(|(set, why)| why.is_empty() && !rules.policies.contains_key(&set.backup_type))
        .map(|(set, _)| set.name.as_str())
        .collect();
    let mut going: BTreeMap<&str, &str> = BTreeMap::new();
    let gone = sets.iter().zip(why);
    for (full, _) in gone.filter(|(set, why)| !stays(set, rules, why)) {
        for half in full
            .halves
            .iter()
            .filter(|half| free.contains(half.as_str()))
        {
            let first = going.entry(half).or_insert(&full.name);
            *first = (*first).min(&full.name);
        }
    }
    going
}

#[cfg(test)]
mod tests;
