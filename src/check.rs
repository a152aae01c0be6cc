//! One backup on a remote, compared with all that is known of it.
//!
//! What is known: its sidecar, what was recorded when it was stored, the
//! provider's own hash, and a full backup's manifest. Whatever contradicts one
//! of them is found to differ; what nobody speaks for is unproven, never `ok`.

use std::collections::HashMap;
use std::io::{self, Read};

use jiff::Timestamp;

use crate::backup::sidecar_name;
use crate::catalog::Known;
use crate::failure::Failure;
use crate::hash::{Hasher, Sha256};
use crate::installation::Remote;
use crate::progress::{Progress, Task};
use crate::provider::Object;
use crate::remote_set::{RemoteFiles, read_json};
use crate::report::{Difference, Finding};
use crate::sets::{Member, Problem, Set};
use crate::sidecar::{Facts, Sidecar};
use crate::upload::{digest_of, remote_digest};

/// What comparing one backup has shown so far.
#[derive(Default)]
pub(crate) struct Check {
    /// Those it was compared with, and agrees with.
    pub(crate) compared_with: Vec<&'static str>,
    /// What is wrong with it, in words.
    pub(crate) problems: Vec<String>,
    /// What differs from what.
    pub(crate) differences: Vec<Difference>,
    /// The digest of the whole, where it was taken.
    pub(crate) whole: Option<Sha256>,
    /// Bytes that were read back.
    pub(crate) bytes_read: u64,
    /// What is now known of its files: none, unless the bytes of all of them were compared.
    pub(crate) known: Vec<Known>,
    is_damaged: bool,
    is_gone: bool,
}

impl Check {
    /// Of a backup that is recorded and not there.
    pub(crate) fn missing() -> Self {
        Check {
            is_gone: true,
            problems: vec!["it is not there any more".into()],
            ..Check::default()
        }
    }

    /// Begins with what its grouping has shown.
    fn of_problems(set: &Set) -> Self {
        let is_damage = |problem: &Problem| {
            matches!(
                problem,
                Problem::SizeDiffers { .. } | Problem::HalfDiffers(_)
            )
        };
        Check {
            problems: set.problems.iter().map(Problem::to_string).collect(),
            is_damaged: set.problems.iter().any(is_damage),
            ..Check::default()
        }
    }

    /// The verdict.
    pub(crate) fn finding(&self) -> Finding {
        if self.is_gone {
            Finding::Missing
        } else if self.is_damaged {
            Finding::Differs
        } else if !self.problems.is_empty() {
            Finding::Incomplete
        } else if self.compared_with.is_empty() {
            Finding::Unproven
        } else {
            Finding::Ok
        }
    }

    /// Whether the bytes of all its files were compared just now.
    pub(crate) fn is_proven(&self) -> bool {
        self.finding() == Finding::Ok && !self.known.is_empty()
    }

    fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }

    /// Compares two digests of a file; whether they are the same.
    fn same(
        &mut self,
        file: &str,
        with: &'static str,
        expected: Sha256,
        found: Sha256,
    ) -> Option<&'static str> {
        if expected == found {
            return Some(with);
        }
        self.differs(file, with, &expected.to_string(), &found.to_string());
        None
    }

    fn differs(&mut self, file: &str, with: &'static str, expected: &str, found: &str) {
        let what = if expected.ends_with("bytes") {
            "size"
        } else {
            "checksum"
        };
        self.is_damaged = true;
        self.problems
            .push(format!("{file}: {what} differs from the {with}"));
        self.differences.push(Difference {
            file: file.to_owned(),
            with,
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    /// Notes those that every file agrees with.
    fn agrees(&mut self, by_file: &[Vec<&'static str>]) {
        for who in ["record", "provider"] {
            if !by_file.is_empty() && by_file.iter().all(|file| file.contains(&who)) {
                self.compared_with.push(who);
            }
        }
    }
}

/// Compares the backups of one remote directory.
pub(crate) struct Checker<'a> {
    /// The directory.
    pub(crate) remote: &'a Remote,
    /// What lies in it.
    pub(crate) files: &'a RemoteFiles,
    /// What was recorded of its objects, also of those that changed or are gone.
    pub(crate) recorded: &'a HashMap<String, Known>,
    /// Who watches.
    pub(crate) progress: &'a dyn Progress,
}

impl Checker<'_> {
    /// Compares a database or storage backup; by its bytes if `read`, else by the
    /// provider's hashes, else by being the very object that was recorded.
    pub(crate) fn backup(&self, set: &Set, read: bool) -> anyhow::Result<Check> {
        let mut check = Check::of_problems(set);
        self.recorded_sidecar(set, &mut check);
        self.recorded_sizes(set, &mut check);
        if !check.is_fine() {
            return Ok(check);
        }
        let task = self.progress.task(&set.name, set.own_size());
        task.phase("comparing");
        if let Some(json) = &set.json {
            self.json(json, read, &mut check)?;
        }
        if read || self.cannot_be_told_apart(set) {
            self.read(set, &*task, &mut check)?;
        } else {
            self.look(set, &mut check);
        }
        Ok(check)
    }

    /// Compares a full backup's manifest with its halves, which were compared before.
    pub(crate) fn full(
        &self,
        set: &Set,
        read: bool,
        halves: &HashMap<String, Check>,
    ) -> anyhow::Result<Check> {
        let mut check = Check::of_problems(set);
        let Some(json) = &set.json else {
            return Ok(check);
        };
        let facts = self.json(json, read, &mut check)?;
        let Some(Facts::Manifest(manifest)) = facts else {
            check.problems.push("its manifest cannot be read".into());
            return Ok(check);
        };
        let told: Vec<Sidecar> = [manifest.database, manifest.storage]
            .into_iter()
            .flatten()
            .collect();
        let (mut agree, mut proven) = (true, true);
        for name in &set.halves {
            let told = told
                .iter()
                .find(|told| told.tells_of().as_ref() == Some(name));
            let half = halves.get(name);
            agree &= self.half(name, told, half, &mut check);
            proven &= half.is_some_and(Check::is_proven);
        }
        if agree && check.is_fine() {
            check.compared_with.push("manifest");
        }
        // A full backup was compared just now when both its halves were.
        if !proven {
            check.known.clear();
        }
        Ok(check)
    }

    /// Holds one half against what the manifest says of it; whether anything speaks for it.
    fn half(
        &self,
        name: &str,
        told: Option<&Sidecar>,
        half: Option<&Check>,
        check: &mut Check,
    ) -> bool {
        let Some(half) = half else {
            check.problems.push(format!("{name}: it was not compared"));
            return false;
        };
        let finding = half.finding();
        if finding.is_bad() {
            check.is_damaged |= finding == Finding::Differs;
            // Its grouping may have said so before.
            let is_told = check.problems.iter().any(|told| told.starts_with(name));
            if !is_told {
                check.problems.push(format!("{name}: {}", finding.name()));
            }
        }
        let size = self.files.find(name).map(Set::own_size);
        let sizes = told.and_then(|told| told.size).zip(size);
        if let Some((told, size)) = sizes.filter(|(told, size)| told != size) {
            let (told, size) = (format!("{told} bytes"), format!("{size} bytes"));
            check.differs(name, "manifest", &told, &size);
        }
        let digests = told.and_then(|told| told.checksum).zip(half.whole);
        let agrees = digests
            .is_some_and(|(told, found)| check.same(name, "manifest", told, found).is_some());
        agrees || finding == Finding::Ok
    }

    /// A sidecar that was stored with the backup belongs to it, whatever became of it.
    fn recorded_sidecar(&self, set: &Set, check: &mut Check) {
        let file = set.files.first().filter(|_| set.json.is_none());
        let Some(name) = file.and_then(|file| sidecar_name(&file.name)) else {
            return;
        };
        let was_ours = self.recorded.get(&name).is_some_and(|known| {
            let told = known.facts.as_ref().and_then(Facts::sidecar);
            told.is_some_and(|told| told.tells_of().is_none_or(|told| told == set.name))
        });
        if was_ours && self.files.find(&name).is_some() {
            check.is_damaged = true;
            let problem = format!("{name} is not the sidecar that was stored");
            check.problems.push(problem);
        } else if was_ours {
            check.problems.push(Problem::FileMissing(name).to_string());
        }
    }

    /// A size that is not the recorded one names the file.
    fn recorded_sizes(&self, set: &Set, check: &mut Check) {
        for file in &set.files {
            if let Some(known) = self.recorded.get(&file.name)
                && known.size != file.size
            {
                let (told, found) = (known.size, file.size);
                check.differs(
                    &file.name,
                    "record",
                    &format!("{told} bytes"),
                    &format!("{found} bytes"),
                );
            }
        }
    }

    /// Compares a sidecar or manifest with its record; what it says.
    fn json(&self, json: &Member, read: bool, check: &mut Check) -> anyhow::Result<Option<Facts>> {
        let Some(object) = self.files.object(json) else {
            return Ok(None);
        };
        let known = self.recorded.get(&json.name);
        let unchanged = known.filter(|known| is_same(known, object));
        if let Some(known) = unchanged.filter(|_| !read) {
            check.known.push(known.clone());
            return Ok(known.facts.clone());
        }
        let text = read_json(self.remote, object)?;
        let (sha256, facts) = (Sha256::of(&text), Facts::parse(&text));
        // One that says the same in other words is as good.
        let is_other = known.is_some_and(|known| known.sha256 != sha256 && known.facts != facts);
        if let Some(known) = known.filter(|_| is_other) {
            check.same(&json.name, "record", known.sha256, sha256);
        }
        check.known.push(Known {
            facts: facts.clone(),
            ..self.now_known(object, sha256)
        });
        Ok(facts)
    }

    /// Whether only reading can tell: a file changed since it was recorded, and the provider has no hash.
    fn cannot_be_told_apart(&self, set: &Set) -> bool {
        set.files.iter().any(|file| {
            let object = self.files.object(file);
            let known = self.recorded.get(&file.name);
            object
                .zip(known)
                .is_some_and(|(object, known)| object.sha256.is_none() && !is_same(known, object))
        })
    }

    /// Compares all bytes, read back.
    fn read(&self, set: &Set, task: &dyn Task, check: &mut Check) -> anyhow::Result<()> {
        let mut whole = Hasher::new();
        let mut by_file = Vec::new();
        let mut digests = Vec::new();
        for file in &set.files {
            let Some(object) = self.files.object(file) else {
                continue;
            };
            let sha256 = if set.split {
                let reader = self
                    .remote
                    .provider
                    .read(object, 0)
                    .map_err(Failure::from)?;
                let mut part = Part {
                    reader,
                    whole: &mut whole,
                };
                digest_of(self.remote, object, &mut part, task)?
            } else {
                remote_digest(self.remote, object, task)?
            };
            check.bytes_read += object.size;
            by_file.push(self.against(object, sha256, check));
            digests.push((object, sha256));
        }
        check.whole = match digests.as_slice() {
            [(_, one)] if !set.split => Some(*one),
            _ => Some(whole.finish()),
        };
        self.conclude(set, &by_file, &digests, check);
        Ok(())
    }

    /// Compares by what the provider says of the objects.
    fn look(&self, set: &Set, check: &mut Check) {
        let mut by_file = Vec::new();
        let mut digests = Vec::new();
        for file in &set.files {
            let Some(object) = self.files.object(file) else {
                continue;
            };
            match (object.sha256, self.recorded.get(&file.name)) {
                (Some(sha256), _) => {
                    let mut agrees = self.against(object, sha256, check);
                    // A provider that agrees with itself proves nothing.
                    agrees.retain(|who| *who != "provider");
                    by_file.push(agrees);
                    digests.push((object, sha256));
                }
                (None, Some(_)) => by_file.push(vec!["record"]),
                (None, None) => by_file.push(Vec::new()),
            }
        }
        if let ([(_, one)], false) = (digests.as_slice(), set.split) {
            check.whole = Some(*one);
        }
        self.conclude(set, &by_file, &digests, check);
        let by_hash = digests.len() == set.files.len();
        if by_hash && !check.compared_with.is_empty() {
            check.compared_with.push("provider");
        } else if !by_hash {
            check.known.clear();
        }
    }

    /// Compares one file's digest with its record and the provider's hash; those it agrees with.
    fn against(&self, object: &Object, sha256: Sha256, check: &mut Check) -> Vec<&'static str> {
        let known = self.recorded.get(&object.name).map(|known| known.sha256);
        [("record", known), ("provider", object.sha256)]
            .into_iter()
            .filter_map(|(who, told)| check.same(&object.name, who, told?, sha256))
            .collect()
    }

    /// Compares the whole with its sidecar, and sums up.
    fn conclude(
        &self,
        set: &Set,
        by_file: &[Vec<&'static str>],
        digests: &[(&Object, Sha256)],
        check: &mut Check,
    ) {
        let told = set.checksum();
        if let (Some(told), Some(found)) = (told, check.whole) {
            let agrees = check.same(&set.name, "sidecar", told, found);
            check.compared_with.extend(agrees);
        }
        check.agrees(by_file);
        for (object, sha256) in digests {
            let known = self.now_known(object, *sha256);
            check.known.push(known);
        }
        if digests.is_empty() {
            check.known.clear();
        }
    }

    /// What is known of an object whose digest was just compared.
    fn now_known(&self, object: &Object, sha256: Sha256) -> Known {
        let now = Timestamp::now();
        let before = self.recorded.get(&object.name);
        let same = before.filter(|known| known.sha256 == sha256);
        Known {
            name: object.name.clone(),
            size: object.size,
            sha256,
            version: object.version.clone(),
            source: same.and_then(|known| known.source.clone()),
            facts: None,
            stored_at: same.map_or(object.stored_at(now), |known| known.stored_at),
            verified_at: Some(now),
        }
    }
}

/// Whether an object is the very one that was recorded, and nothing spoke against it since.
fn is_same(known: &Known, object: &Object) -> bool {
    known.version == object.version && known.verified_at.is_some()
}

/// A part being read, which is also a piece of the whole.
struct Part<'a> {
    reader: Box<dyn Read>,
    whole: &'a mut Hasher,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.whole.update(&buffer[..count]);
        Ok(count)
    }
}
