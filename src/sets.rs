//! Backup sets: which files of a folder or remote directory belong together.
//!
//! Pure: names and sizes in, sets out, the same for every order of the listing.
//! A sidecar says what belongs to it; where none does, names tell. Whatever a
//! sidecar names, only files of the listing ever become members.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};

use crate::backup::{BackupType, is_json, looks_like_backup, part_of, sidecar_name};
use crate::hash::Sha256;
use crate::name::FileName;
use crate::sidecar::{Facts, Sidecar};

/// What was learnt of a JSON file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// What it says.
    Facts(Facts),
    /// It was not looked into, for its name tells enough.
    NotRead,
    /// It is neither a sidecar nor a manifest; why.
    Neither(String),
    /// It cannot be read; why. What it says matters all the same.
    Unreadable(String),
}

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a set is not whole, or not what its sidecar says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A part that should be there.
    PartMissing(u32),
    /// A file that should be there.
    FileMissing(String),
    /// Parts without a sidecar: nothing tells how many there should be.
    SidecarMissing,
    /// The sidecar lists a part twice.
    ListedTwice(String),
    /// The sidecar lists what is no part of this backup.
    NotAPart(String),
    /// The files together have another size than the sidecar says.
    SizeDiffers {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        told: u64,
    },
    /// The sidecar or manifest cannot be read.
    Unreadable(String, String),
    /// The manifest has no such half: making it failed.
    HalfFailed(BackupType),
    /// The manifest's half is not whole.
    HalfBroken(String, String),
    /// The manifest and its half's own sidecar disagree.
    HalfDiffers(String),
}

impl Problem {
    /// Whether something is missing that nobody can make up for.
    pub fn is_gap(&self) -> bool {
        matches!(
            self,
            Problem::PartMissing(_) | Problem::FileMissing(_) | Problem::HalfFailed(_)
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::PartMissing(number) => write!(f, "part{number:03} missing"),
            Problem::FileMissing(name) => write!(f, "{name} missing"),
            Problem::SidecarMissing => f.write_str("sidecar missing"),
            Problem::ListedTwice(name) => write!(f, "the sidecar lists {name} twice"),
            Problem::NotAPart(name) => {
                write!(
                    f,
                    "the sidecar lists {name}, which is no part of this backup"
                )
            }
            Problem::SizeDiffers { found, told } => {
                write!(f, "size differs: {found} bytes, the sidecar says {told}")
            }
            Problem::Unreadable(name, why) => write!(f, "{name} cannot be read: {why}"),
            Problem::HalfFailed(half) => write!(f, "the manifest has no {half} backup"),
            Problem::HalfBroken(name, why) => write!(f, "{name}: {why}"),
            Problem::HalfDiffers(name) => {
                write!(
                    f,
                    "checksum differs between the manifest and the sidecar of {name}"
                )
            }
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The problems in one line.
pub fn in_words(problems: &[Problem]) -> String {
    let words: Vec<String> = problems.iter().map(Problem::to_string).collect();
    words.join(", ")
}

/// One logical backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name: that of its file, of the joined parts, or of the manifest.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// The files that hold it, in the order in which they are joined. None in a full backup.
    pub files: Vec<Member>,
    /// Whether the files are parts to be joined.
    pub split: bool,
    /// The sidecar, or the manifest of a full backup.
    pub json: Option<Member>,
    /// What the sidecar says.
    pub sidecar: Option<Sidecar>,
    /// The names of the sets a full backup is made of.
    pub halves: Vec<String>,
    /// What is missing or does not match.
    pub problems: Vec<Problem>,
    /// Whether name or sidecar say that it is a backup; others' files are left alone.
    pub recognised: bool,
}

impl Set {
    /// Bytes of the files that hold it; of a full backup, its manifest's.
    pub fn own_size(&self) -> u64 {
        let members = if self.halves.is_empty() {
            &self.files[..]
        } else {
            self.json.as_slice()
        };
        members.iter().map(|member| member.size).sum()
    }

    /// The SHA-256 of the whole, where the sidecar tells it.
    pub fn checksum(&self) -> Option<Sha256> {
        self.sidecar.as_ref()?.checksum
    }

    /// Whether nothing is known to be missing.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }

    /// Every name that belongs to it: files in order, the sidecar or manifest last.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.files.iter().chain(&self.json)
    }

    /// Whether a name is this set's or one of its members'.
    pub fn has(&self, name: &str) -> bool {
        self.name == name || self.members().any(|member| member.name == name)
    }

    /// The name of the file its parts join to; its own name for what has no parts.
    pub fn whole_name(&self) -> Option<&str> {
        if !self.split {
            return Some(&self.name);
        }
        self.sidecar.as_ref()?.of_file.as_deref()
    }

    /// Whether it is a full backup.
    pub fn is_full(&self) -> bool {
        self.backup_type == BackupType::Full && self.files.is_empty()
    }
}

impl Set {
    /// A file that stands for itself.
    pub fn alone(file: Member, recognised: bool) -> Self {
        Set {
            name: file.name.clone(),
            backup_type: BackupType::of_name(&file.name),
            files: vec![file],
            split: false,
            json: None,
            sidecar: None,
            halves: Vec::new(),
            problems: Vec::new(),
            recognised,
        }
    }
}

/// The set a name belongs to: the set of that name, else the one with that member.
pub fn find<'s>(sets: &'s [Set], name: &str) -> Option<&'s Set> {
    named(sets, name).or_else(|| sets.iter().find(|set| set.has(name)))
}

/// The set of that name, among sets as [`group`] sorts them.
pub fn named<'s>(sets: &'s [Set], name: &str) -> Option<&'s Set> {
    let at = sets.binary_search_by(|set| set.name.as_str().cmp(name));
    at.ok().map(|at| &sets[at])
}

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
        let found: u64 = files.iter().map(|file| file.size).sum();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sidecar::Manifest;
    use proptest::prelude::*;

    fn sidecar(of_file: &str, size: u64, parts: &[&str]) -> Sidecar {
        Sidecar {
            of_file: Some(of_file.into()),
            size: Some(size),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            ..Sidecar::default()
        }
    }

    /// Groups names of ten bytes each.
    fn sets(names: &[&str], facts: &[(&str, Facts)]) -> Vec<Set> {
        let listing = names.iter().map(|name| ((*name).to_owned(), 10));
        let learn = |name: &str, _| -> Result<Learnt, ()> {
            let known = facts.iter().find(|(of, _)| *of == name);
            Ok(known.map_or(Learnt::Neither("other".into()), |(_, facts)| {
                Learnt::Facts(facts.clone())
            }))
        };
        group(listing, learn).unwrap()
    }

    fn split(names: &[&str], size: u64, parts: &[&str]) -> Set {
        let facts = [(
            "x.tar.part001.json",
            Facts::Sidecar(sidecar("x.tar.gz", size, parts)),
        )];
        let found = sets(names, &facts);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    const PARTS: [&str; 3] = ["x.tar.part001.gz", "x.tar.part002.gz", "x.tar.part003.gz"];
    const JSON: &str = "x.tar.part001.json";

    #[test]
    fn a_file_and_its_sidecar_are_one() {
        let facts = [("x.json", Facts::Sidecar(sidecar("x.db", 10, &[])))];
        let found = sets(&["x.db", "x.json", "y.db"], &facts);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(Set::is_complete));
        assert_eq!(find(&found, "x.json").unwrap().name, "x.db");
        assert!(find(&found, "y.db").unwrap().json.is_none());
    }

    #[test]
    fn parts_are_ordered_by_number_and_counted_by_the_sidecar() {
        let mixed = [PARTS[2], PARTS[0], PARTS[1]];
        let set = split(&[PARTS[1], PARTS[2], JSON, PARTS[0]], 30, &mixed);
        assert_eq!(set.name, "x.tar.gz");
        let names: Vec<_> = set.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!((names.as_slice(), set.is_complete()), (&PARTS[..], true));
        assert_eq!(set.own_size(), 30);
    }

    #[test]
    fn what_is_missing_is_said() {
        let set = split(&[PARTS[0], PARTS[2], JSON], 30, &PARTS);
        assert_eq!(in_words(&set.problems), "part002 missing");
        let set = split(&[PARTS[0], PARTS[2], JSON], 20, &[PARTS[0], PARTS[2]]);
        assert_eq!(in_words(&set.problems), "part002 missing");
        let found = sets(&[PARTS[0], PARTS[2]], &[]);
        assert_eq!(
            in_words(&found[0].problems),
            "part002 missing, sidecar missing"
        );
        let set = split(&[PARTS[0], PARTS[1], PARTS[2], JSON], 31, &PARTS);
        assert_eq!(
            in_words(&set.problems),
            "size differs: 30 bytes, the sidecar says 31"
        );
        let set = split(
            &[PARTS[0], PARTS[1], JSON],
            20,
            &[PARTS[0], PARTS[1], PARTS[1]],
        );
        assert_eq!(
            in_words(&set.problems),
            "the sidecar lists x.tar.part002.gz twice"
        );
        let facts = [("x.json", Facts::Sidecar(sidecar("x.db", 10, &[])))];
        assert_eq!(
            in_words(&sets(&["x.json"], &facts)[0].problems),
            "x.db missing"
        );
    }

    #[test]
    fn a_sidecar_claims_no_other_backups_files() {
        let listed = [PARTS[0], "y.db", "passwd", ".."];
        let facts = [(JSON, Facts::Sidecar(sidecar("x.tar.gz", 10, &listed)))];
        let found = sets(&[PARTS[0], JSON, "y.db"], &facts);
        let set = find(&found, "x.tar.gz").unwrap();
        assert_eq!(
            in_words(&set.problems),
            "the sidecar lists y.db, which is no part of this backup, passwd missing, .. missing"
        );
        assert!(find(&found, "y.db").unwrap().is_complete());
        // One that speaks of another file is still the one beside it: its checksum decides.
        let facts = [("x.json", Facts::Sidecar(sidecar("y.db", 10, &[])))];
        let found = sets(&["x.db", "x.json", "y.db"], &facts);
        assert!(find(&found, "x.db").unwrap().json.is_some());
        assert!(find(&found, "y.db").unwrap().json.is_none());
        // Beside nothing, it is nobody's.
        let facts = [("z.json", Facts::Sidecar(sidecar("y.db", 10, &[])))];
        assert!(
            !find(&sets(&["z.json", "y.db"], &facts), "z.json")
                .unwrap()
                .recognised
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        let learn =
            |_: &str, _| -> Result<Learnt, ()> { Ok(Learnt::Unreadable("read error".into())) };
        let names = ["x.db", "x.json", "full_backup_1.json", "notes.json"];
        let found = group(names.map(|name| (name.to_owned(), 10)), learn).unwrap();
        let words = |name| in_words(&find(&found, name).unwrap().problems);
        assert_eq!(words("x.db"), "x.json cannot be read: read error");
        assert_eq!(
            words("full_backup_1.json"),
            "full_backup_1.json cannot be read: read error"
        );
        assert!(!find(&found, "notes.json").unwrap().recognised);
    }

    #[test]
    fn a_thousand_parts_keep_their_order() {
        let names: Vec<String> = (1..=1100).map(|n| format!("x.tar.part{n:03}.gz")).collect();
        let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
        let parts = all.clone();
        all.push(JSON);
        let set = split(&all, 11_000, &parts);
        assert!(set.is_complete());
        assert_eq!(set.files[1099].name, "x.tar.part1100.gz");
    }

    #[test]
    fn joined_parts_leave_no_second_set() {
        let facts = [
            (JSON, Facts::Sidecar(sidecar("x.tar.gz", 10, &PARTS))),
            ("x.tar.json", Facts::Sidecar(sidecar("x.tar.gz", 10, &[]))),
        ];
        let found = sets(&["x.tar.gz", "x.tar.json", JSON], &facts);
        assert_eq!(found.iter().filter(|set| set.recognised).count(), 1);
        // With the parts still there, both are sets, under names of their own.
        let found = sets(&["x.tar.gz", "x.tar.json", JSON, PARTS[0]], &facts);
        assert_eq!(
            found.iter().filter(|set| set.recognised).count(),
            2,
            "{found:?}"
        );
        assert!(find(&found, "x.tar.gz").unwrap().is_complete());
    }

    #[test]
    fn a_full_backup_is_its_manifest_and_two_others() {
        let half = |name| Some(sidecar(name, 10, &[]));
        let manifest = |storage| {
            Facts::Manifest(Manifest {
                database: half("d.db"),
                storage,
            })
        };
        let facts = [("f.json", manifest(half("s.tar.gz")))];
        let found = sets(&["d.db", "f.json", "s.tar.gz"], &facts);
        let full = find(&found, "f.json").unwrap();
        assert!(full.is_full() && full.is_complete());
        assert_eq!(
            (found.len(), full.halves.as_slice()),
            (3, &["d.db".to_owned(), "s.tar.gz".into()][..])
        );
        let found = sets(&["f.json", "s.tar.gz"], &facts);
        assert_eq!(
            in_words(&find(&found, "f.json").unwrap().problems),
            "d.db missing"
        );
        let found = sets(&["d.db", "f.json"], &[("f.json", manifest(None))]);
        let full = find(&found, "f.json").unwrap();
        assert_eq!(
            in_words(&full.problems),
            "the manifest has no storage backup"
        );
    }

    fn a_name() -> impl Strategy<Value = String> {
        let stem = prop_oneof![
            Just("x"),
            Just("db_backup_1"),
            Just("storage_backup_1"),
            Just("notes")
        ];
        let end = prop_oneof![
            Just(".db".to_owned()),
            Just(".json".into()),
            Just(".tar.gz".into()),
            Just(".tar.json".into()),
            Just(".tar.part001.json".into()),
            (0u32..5).prop_map(|n| format!(".tar.part{n:03}.gz")),
        ];
        (stem, end).prop_map(|(stem, end)| format!("{stem}{end}"))
    }

    proptest! {
        #[test]
        fn every_order_gives_the_same_sets_and_each_file_one_place(
            listing in prop::collection::vec((a_name(), 0u64..100), 0..12).prop_shuffle(),
            listed in prop::collection::vec(a_name(), 0..4),
            of_file in a_name(),
        ) {
            let unique: BTreeMap<String, u64> = listing.into_iter().collect();
            let learn = |_: &str, _| -> Result<Learnt, ()> {
                let parts = listed.clone();
                let of_file = Some(of_file.clone());
                Ok(Learnt::Facts(Facts::Sidecar(Sidecar { of_file, parts, size: Some(50), ..Sidecar::default() })))
            };
            let sorted = group(unique.clone(), learn).unwrap();
            let turned = group(unique.clone().into_iter().rev(), learn).unwrap();
            prop_assert_eq!(&sorted, &turned);
            let mut seen = BTreeSet::new();
            for member in sorted.iter().flat_map(Set::members) {
                prop_assert!(unique.contains_key(&member.name), "{} is not listed", member.name);
                prop_assert!(seen.insert(member.name.clone()), "{} is in two sets", member.name);
            }
            prop_assert_eq!(seen.len(), unique.len());
            let names: BTreeSet<_> = sorted.iter().map(|set| &set.name).collect();
            prop_assert_eq!(names.len(), sorted.len());
        }
    }
}
