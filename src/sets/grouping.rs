//! From a listing to sets: by what sidecars list, then by names, then each file alone.
//!
//! Every file ends in exactly one set, and no set has a file that is not listed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Learnt, Member, Problem, Set, in_words, total};
use crate::backup::{BackupType, is_json, looks_like_backup, part_of, sidecar_name};
use crate::name::FileName;
use crate::sidecar::{Facts, Sidecar};

/// Groups a listing into sets, sorted by name.
///
/// `learn` is asked what a JSON file says; its second argument tells whether
/// names alone leave that open. Names that cannot be backup files are left out.
///
/// # Errors
/// Those of `learn`.
pub fn group<E>(
    listing: impl IntoIterator<Item = (String, u64)>,
    mut learn: impl FnMut(&str, bool) -> Result<Learnt, E>,
) -> Result<Vec<Set>, E> {
    let files: BTreeMap<String, u64> = listing
        .into_iter()
        .filter(|(name, _)| FileName::new(name).is_ok())
        .collect();
    let owners = owners(&files);
    let mut grouping = Grouping {
        files: &files,
        owners: &owners,
        taken: BTreeSet::new(),
        sets: BTreeMap::new(),
    };
    let (mut sidecars, mut manifests, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for name in files.keys().filter(|name| is_json(name)) {
        let mine = owners.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_open = !matches!(mine, [one] if part_of(one).is_none());
        match learn(name, is_open)? {
            Learnt::Facts(Facts::Sidecar(sidecar)) => sidecars.push((name, Some(sidecar))),
            Learnt::Facts(Facts::Manifest(manifest)) => manifests.push((name, manifest)),
            Learnt::NotRead if mine.len() == 1 => sidecars.push((name, None)),
            Learnt::Unreadable(why) => unreadable.push((name, why)),
            Learnt::NotRead | Learnt::Neither(_) => {}
        }
    }
    // Those that list their parts come first: they say more than names do.
    sidecars.sort_by_key(|(_, sidecar)| !sidecar.as_ref().is_some_and(Sidecar::is_split));
    for (json, sidecar) in sidecars {
        match sidecar {
            Some(sidecar) if sidecar.is_split() => grouping.split(json, sidecar),
            sidecar => grouping.whole(json, sidecar),
        }
    }
    for (json, why) in unreadable {
        grouping.unreadable(json, why);
    }
    grouping.rest();
    for (json, manifest) in manifests {
        grouping.full(json, [manifest.database, manifest.storage]);
    }
    grouping.foreign_json();
    Ok(grouping.sets.into_values().collect())
}

/// For each JSON file, those whose sidecar it is by name.
fn owners(files: &BTreeMap<String, u64>) -> BTreeMap<String, Vec<String>> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in files.keys() {
        if let Some(json) = sidecar_name(name).filter(|json| files.contains_key(json)) {
            owners.entry(json).or_default().push(name.clone());
        }
    }
    owners
}

struct Grouping<'a> {
    files: &'a BTreeMap<String, u64>,
    owners: &'a BTreeMap<String, Vec<String>>,
    /// What belongs to a set already.
    taken: BTreeSet<String>,
    sets: BTreeMap<String, Set>,
}

impl Grouping<'_> {
    fn member(&self, name: &str) -> Option<Member> {
        let size = *self.files.get(name)?;
        Some(Member {
            name: name.to_owned(),
            size,
        })
    }

    fn add(&mut self, mut set: Set) {
        for member in set.members() {
            self.taken.insert(member.name.clone());
        }
        // The name of a file that is there belongs to the set of that file: parts beside
        // the joined file are called by the first of them.
        let is_taken = |name: &str, set: &Set| {
            self.sets.contains_key(name)
                || self.files.contains_key(name) && !set.members().any(|member| member.name == name)
        };
        let first = set.members().next().map(|member| member.name.clone());
        if let Some(first) = first.filter(|_| is_taken(&set.name, &set)) {
            set.name = first;
        }
        self.sets.insert(set.name.clone(), set);
    }

    /// A split backup by what its sidecar lists.
    fn split(&mut self, json: &str, sidecar: Sidecar) {
        let mut problems = Vec::new();
        let mut listed: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for part in &sidecar.parts {
            if seen.insert(part) {
                listed.push(part.clone());
            } else {
                problems.push(Problem::ListedTwice(part.clone()));
            }
        }
        let named = listed.first().and_then(|first| Some(part_of(first)?.0));
        let name = sidecar
            .of_file
            .clone()
            .or(named)
            .unwrap_or_else(|| json.to_owned());
        // Their numbers order the parts, whatever order somebody wrote them down in.
        let number = |part: &String| {
            part_of(part)
                .filter(|(whole, _)| *whole == name)
                .map(|(_, n)| n)
        };
        if listed.iter().all(|part| number(part).is_some()) {
            listed.sort_by_key(number);
            let last = listed.last().and_then(number).unwrap_or_default();
            let have: BTreeSet<_> = listed.iter().filter_map(number).collect();
            let gaps = (1..last).filter(|n| !have.contains(n));
            problems.extend(gaps.take(MAX_GAPS).map(Problem::PartMissing));
        }
        let mut files = Vec::new();
        for part in &listed {
            let is_anothers = number(part).is_none() && sidecar_name(part).as_deref() != Some(json)
                || is_json(part)
                || self.taken.contains(part);
            match self.member(part) {
                Some(_) if is_anothers => problems.push(Problem::NotAPart(part.clone())),
                Some(member) => files.push(member),
                None => problems.push(
                    number(part)
                        .map_or_else(|| Problem::FileMissing(part.clone()), Problem::PartMissing),
                ),
            }
        }
        if files.is_empty() && self.files.contains_key(&name) {
            // The parts were joined, and this is what is left of them.
            return;
        }
        self.finish(json, name, files, true, Some(sidecar), problems);
    }

    /// A backup of one file, by its sidecar.
    fn whole(&mut self, json: &str, sidecar: Option<Sidecar>) {
        let owners = self.owners.get(json).map(Vec::as_slice).unwrap_or_default();
        let of_file = sidecar
            .as_ref()
            .and_then(|sidecar| sidecar.of_file.as_deref());
        let owner = match (of_file, owners) {
            (Some(named), owners) if owners.iter().any(|owner| owner == named) => Some(named),
            // It is beside nothing, and what it speaks of has another name's sidecar.
            (Some(named), []) if self.files.contains_key(named) => return,
            (_, [one]) if !self.taken.contains(one) => Some(one.as_str()),
            (_, [_, _, ..]) => return,
            _ => None,
        };
        let name = owner.or(of_file).map(str::to_owned);
        let Some(name) = name.filter(|name| FileName::new(name).is_ok()) else {
            return;
        };
        if self.taken.contains(&name) {
            return;
        }
        let mut problems = Vec::new();
        let file = self.member(&name);
        if file.is_none() {
            if part_of(&name).is_some() || !looks_like_backup(&name) {
                return;
            }
            problems.push(Problem::FileMissing(name.clone()));
        }
        self.finish(
            json,
            name,
            file.into_iter().collect(),
            false,
            sidecar,
            problems,
        );
    }

    /// What a file that cannot be read is beside must not pass for a backup without a sidecar.
    fn unreadable(&mut self, json: &str, why: String) {
        let owners = self.owners.get(json).map(Vec::as_slice).unwrap_or_default();
        let problem = Problem::Unreadable(json.to_owned(), why);
        match owners {
            [one] if part_of(one).is_none() && !self.taken.contains(one) => {
                let (name, file) = (one.clone(), self.member(one));
                self.finish(
                    json,
                    name,
                    file.into_iter().collect(),
                    false,
                    None,
                    vec![problem],
                );
            }
            [] if looks_like_backup(json) => {
                self.finish(
                    json,
                    json.to_owned(),
                    Vec::new(),
                    false,
                    None,
                    vec![problem],
                );
            }
            _ => {}
        }
    }

    fn finish(
        &mut self,
        json: &str,
        name: String,
        files: Vec<Member>,
        split: bool,
        sidecar: Option<Sidecar>,
        mut problems: Vec<Problem>,
    ) {
        let found = total(&files);
        let told = sidecar.as_ref().and_then(|sidecar| sidecar.size);
        if let Some(told) = told.filter(|told| problems.is_empty() && *told != found) {
            problems.push(Problem::SizeDiffers { found, told });
        }
        let of_type = sidecar.as_ref().and_then(|sidecar| sidecar.backup_type);
        self.add(Set {
            backup_type: of_type.unwrap_or_else(|| BackupType::of_name(&name)),
            json: self.member(json),
            name,
            files,
            split,
            sidecar,
            halves: Vec::new(),
            problems,
            recognised: true,
        });
    }

    /// Files without a sidecar: parts by their names, all others alone.
    fn rest(&mut self) {
        let mut parts: BTreeMap<String, Vec<(u32, Member)>> = BTreeMap::new();
        let mut alone = Vec::new();
        let free = self
            .files
            .keys()
            .filter(|name| !self.taken.contains(*name) && !is_json(name));
        for name in free {
            let member = Member {
                name: name.clone(),
                size: self.files[name],
            };
            match part_of(name).filter(|_| looks_like_backup(name)) {
                Some((whole, number)) => parts.entry(whole).or_default().push((number, member)),
                None => alone.push(member),
            }
        }
        for file in alone {
            let recognised = looks_like_backup(&file.name);
            self.add(Set::alone(file, recognised));
        }
        for (name, mut parts) in parts {
            parts.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
            let numbers: BTreeSet<u32> = parts.iter().map(|(number, _)| *number).collect();
            let last = numbers.last().copied().unwrap_or_default();
            let gaps = (1..last).filter(|n| !numbers.contains(n)).take(MAX_GAPS);
            let mut problems: Vec<Problem> = gaps.map(Problem::PartMissing).collect();
            problems.push(Problem::SidecarMissing);
            self.add(Set {
                backup_type: BackupType::of_name(&name),
                name,
                files: parts.into_iter().map(|(_, member)| member).collect(),
                split: true,
                json: None,
                sidecar: None,
                halves: Vec::new(),
                problems,
                recognised: true,
            });
        }
    }

    /// A full backup by its manifest.
    fn full(&mut self, json: &str, halves: [Option<Sidecar>; 2]) {
        let (mut names, mut problems) = (Vec::new(), Vec::new());
        for (kind, half) in [BackupType::Database, BackupType::Storage]
            .into_iter()
            .zip(halves)
        {
            let Some(half) = half else {
                problems.push(Problem::HalfFailed(kind));
                continue;
            };
            let Some(name) = half.tells_of() else {
                problems.push(Problem::HalfFailed(kind));
                continue;
            };
            // One that names another full backup would lead round in circles.
            let Some(set) = self.sets.get_mut(&name).filter(|set| !set.is_full()) else {
                problems.push(Problem::FileMissing(name));
                continue;
            };
            let (own, found) = (set.sidecar.as_ref(), set.own_size());
            let own = own.and_then(|sidecar| sidecar.checksum);
            if !set.is_complete() {
                problems.push(Problem::HalfBroken(name.clone(), in_words(&set.problems)));
            } else if let Some(told) = half.size.filter(|told| *told != found) {
                let why = Problem::SizeDiffers { found, told }.to_string();
                problems.push(Problem::HalfBroken(name.clone(), why));
            } else if own.is_some() && half.checksum.is_some() && own != half.checksum {
                problems.push(Problem::HalfDiffers(name.clone()));
            }
            // What the manifest says of it stands for a sidecar that is missing or was not read.
            if set.sidecar.is_none() && !set.split {
                set.sidecar = Some(half);
            }
            names.push(name);
        }
        self.add(Set {
            name: json.to_owned(),
            backup_type: BackupType::Full,
            files: Vec::new(),
            split: false,
            json: self.member(json),
            sidecar: None,
            halves: names,
            problems,
            recognised: true,
        });
    }

    /// JSON files that speak of no backup.
    fn foreign_json(&mut self) {
        let free: Vec<Member> = self
            .files
            .keys()
            .filter(|name| is_json(name) && !self.taken.contains(*name))
            .filter_map(|name| self.member(name))
            .collect();
        for file in free {
            self.add(Set::alone(file, false));
        }
    }
}

/// A listing of part numbers up to billions must not become a list of as many gaps.
const MAX_GAPS: usize = 20;
