//! Backup sets on a company's remote.
//!
//! A listing is grouped by what the state recorded of the sidecars in it, and by
//! names; only where both leave it open is a sidecar read. A listing that the
//! provider doubts is an error, never a shorter one; and before anybody is told that a
//! recorded file is gone, the provider is asked for it by name.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;

use jiff::Timestamp;

use crate::backup::{is_json, made_at, part_of, sidecar_name};
use crate::catalog::Known;
use crate::failure::Failure;
use crate::installation::Remote;
use crate::local_set::LocalSet;
use crate::name::FileName;
use crate::provider::error::{Error, Kind, disk};
use crate::provider::{Object, ObjectKind};
use crate::set_catalog::KnownSet;
use crate::sets::{self, Learnt, Member, Set};
use crate::sidecar::{Facts, MAX_SIDECAR_BYTES, Sidecar};
use crate::state::State;

/// A remote directory, or the part of it that one set needs, grouped into sets.
pub struct RemoteFiles {
    /// The sets, by name.
    pub sets: Vec<Set>,
    /// What is no stored file: unfinished uploads, folders, links.
    pub others: Vec<Object>,
    objects: BTreeMap<String, Object>,
    known: HashMap<String, Known>,
}

impl RemoteFiles {
    /// Lists the whole directory.
    ///
    /// # Errors
    /// As `Provider::list`.
    pub fn list(remote: &Remote, state: Option<&State>) -> anyhow::Result<Self> {
        Self::look(remote, state, false)
    }

    /// As [`RemoteFiles::list`], with every sidecar read that is not recorded, for who judges
    /// what is there: a listing that lacks a recorded file which is there all the same is
    /// an error.
    ///
    /// # Errors
    /// As `Provider::list`; `provider_busy` for a listing that lags.
    pub fn list_and_read(remote: &Remote, state: Option<&State>) -> anyhow::Result<Self> {
        Self::look(remote, state, true)
    }

    fn look(remote: &Remote, state: Option<&State>, read_all: bool) -> anyhow::Result<Self> {
        let (mut objects, mut others) = (BTreeMap::new(), Vec::new());
        remote.provider.list(&mut |object| {
            // What has a name no backup can have was put there by somebody else.
            if object.kind == ObjectKind::File && FileName::new(&object.name).is_ok() {
                objects.insert(object.name.clone(), object);
            } else {
                others.push(object);
            }
            Ok(())
        })?;
        let mut known = match state {
            Some(state) => state.known_objects(&remote.place)?,
            None => HashMap::new(),
        };
        if read_all {
            refuse_hidden(remote, &objects, &known)?;
        }
        // What was recorded of an object counts as long as it is the same one.
        known.retain(|name, known| {
            objects
                .get(name)
                .is_some_and(|object| object.version == known.version)
        });
        Self::group(objects, others, known, |object, is_open| {
            if is_open || read_all {
                read_facts(remote, object)
            } else {
                Ok(Learnt::NotRead)
            }
        })
    }

    /// Looks at the set a name belongs to, with as few questions as it takes.
    ///
    /// # Errors
    /// As the provider fails.
    pub fn around(remote: &Remote, state: Option<&State>, name: &FileName) -> anyhow::Result<Self> {
        if is_json(name.as_str()) || part_of(name.as_str()).is_some() {
            return Self::list(remote, state);
        }
        let Some(file) = stat_file(remote, name)? else {
            // It may be the name of a whole whose parts are there.
            return Self::list(remote, state);
        };
        let recorded = |object: &Object| -> Result<Option<Known>, Failure> {
            let known = state.map_or(Ok(None), |state| state.known(&remote.place, &object.name))?;
            Ok(known.filter(|known| known.version == object.version))
        };
        let mut objects = BTreeMap::from([(file.name.clone(), file)]);
        let mut learnt = HashMap::new();
        let beside = sidecar_name(name.as_str()).and_then(|json| FileName::new(&json).ok());
        let json = match beside {
            Some(json) => stat_file(remote, &json)?,
            None => None,
        };
        if let Some(json) = json {
            let says = match recorded(&json)?.and_then(|known| known.facts) {
                Some(facts) => Learnt::Facts(facts),
                None => read_facts(remote, &json)?,
            };
            // The one the sidecar speaks of decides whose it is.
            let named = match &says {
                Learnt::Facts(facts) => facts
                    .sidecar()
                    .and_then(|sidecar| sidecar.of_file.as_deref()),
                _ => None,
            };
            let other = named.filter(|named| *named != name.as_str());
            if let Some(other) = other.and_then(|other| FileName::new(other).ok()) {
                let object = stat_file(remote, &other)?;
                objects.extend(object.map(|object| (object.name.clone(), object)));
            }
            learnt.insert(json.name.clone(), says);
            objects.insert(json.name.clone(), json);
        }
        let mut known = HashMap::new();
        for (name, object) in &objects {
            known.extend(recorded(object)?.map(|recorded| (name.clone(), recorded)));
        }
        Self::group(objects, Vec::new(), known, |object, _| {
            learnt
                .remove(&object.name)
                .map_or_else(|| read_facts(remote, object), Ok)
        })
    }

    /// Groups what was found; `learn` is asked what a JSON file says that is not recorded,
    /// and told whether names alone leave that open.
    fn group(
        objects: BTreeMap<String, Object>,
        others: Vec<Object>,
        known: HashMap<String, Known>,
        mut learn: impl FnMut(&Object, bool) -> anyhow::Result<Learnt>,
    ) -> anyhow::Result<Self> {
        let listing = objects
            .values()
            .map(|object| (object.name.clone(), object.size));
        let mut sets = sets::group(listing, |name, is_open| -> anyhow::Result<Learnt> {
            let recorded = known.get(name).map(|known| known.facts.clone());
            match recorded {
                Some(Some(facts)) => Ok(Learnt::Facts(facts)),
                Some(None) => Ok(Learnt::Neither("it was stored as a file of its own".into())),
                None => learn(&objects[name], is_open),
            }
        })?;
        // What we stored is a backup, whatever it is called.
        for set in &mut sets {
            let is_ours = set.members().any(|member| known.contains_key(&member.name));
            set.recognised |= is_ours;
        }
        Ok(RemoteFiles {
            sets,
            others,
            objects,
            known,
        })
    }

    /// The set a name belongs to.
    pub fn find(&self, name: &str) -> Option<&Set> {
        sets::find(&self.sets, name)
    }

    /// A member's object.
    pub fn object(&self, member: &Member) -> Option<&Object> {
        self.objects.get(&member.name)
    }

    /// What is recorded of a member, as long as it is the object that was recorded.
    pub fn known(&self, member: &Member) -> Option<&Known> {
        self.known.get(&member.name)
    }

    /// The sets a full backup is made of.
    pub fn halves<'s>(&'s self, set: &'s Set) -> impl Iterator<Item = &'s Set> {
        set.halves
            .iter()
            .filter_map(|half| sets::named(&self.sets, half))
    }

    /// Whether the remote has a local backup, as far as that is known without reading either.
    pub fn has(&self, local: &LocalSet, known: &HashMap<String, KnownSet>) -> bool {
        let set = &local.set;
        let Some(there) = sets::named(&self.sets, &set.name) else {
            return false;
        };
        let mut members = there.members().map(|member| self.known(member));
        let is_verified =
            members.all(|known| known.is_some_and(|known| known.verified_at.is_some()));
        if !(set.is_complete() && there.is_complete() && is_verified) {
            return false;
        }
        if set.is_full() {
            // A manifest says where its halves lie; what counts is that they are the same ones.
            let mut halves = local.halves.iter();
            return set.halves == there.halves && halves.all(|half| self.has(half, known));
        }
        if there.own_size() != set.own_size() || set.json.is_some() && there.json.is_none() {
            return false;
        }
        let same_sources = || {
            let is_same = |member| {
                self.known(member)
                    .is_some_and(|known| known.is_of(local.path(member)))
            };
            set.members().all(is_same)
        };
        // The same bytes made anew, or joined meanwhile, are still the same backup.
        let told = set.checksum();
        let same_checksum =
            told.is_some() && known.get(&set.name).and_then(|known| known.sha256) == told;
        same_checksum || same_sources()
    }

    /// Bytes of all files that hold a backup, those of a full backup's halves included.
    pub fn size(&self, set: &Set) -> u64 {
        if set.is_full() {
            self.halves(set)
                .map(Set::own_size)
                .fold(0, u64::saturating_add)
        } else {
            set.own_size()
        }
    }

    /// When all bytes of a set were last compared; absent when some never were, or changed since.
    pub fn verified_at(&self, set: &Set) -> Option<Timestamp> {
        let halves = self.halves(set).flat_map(|half| half.files.iter());
        if !set.is_complete() {
            return None;
        }
        let mut oldest: Option<Timestamp> = None;
        let manifest = set.json.iter().filter(|_| set.is_full());
        for member in set.files.iter().chain(halves).chain(manifest) {
            let at = self.known(member)?.verified_at?;
            oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
        }
        oldest
    }

    /// What there is to know of a set that is not recorded, such as one that somebody else stored.
    pub fn unrecorded(&self, set: &Set, now: Timestamp) -> KnownSet {
        KnownSet {
            name: set.name.clone(),
            backup_type: set.backup_type,
            created: made_at(&set.name),
            stored_at: self.modified(set).unwrap_or(now).min(now),
            bytes: set.own_size(),
            sha256: None,
            verified_at: None,
            tested: None,
        }
    }

    /// When the provider says its newest file was stored.
    pub fn modified(&self, set: &Set) -> Option<Timestamp> {
        let times = set
            .members()
            .filter_map(|member| self.object(member)?.modified);
        times.max()
    }
}

/// At most as many recorded files that a listing lacks are asked for, the newest first.
const LOOKS: usize = 100;

/// Fails when a file that is recorded and not listed is there all the same: the listing lags,
/// and a backup that lacks a part by it may lack none.
fn refuse_hidden(
    remote: &Remote,
    listed: &BTreeMap<String, Object>,
    known: &HashMap<String, Known>,
) -> anyhow::Result<()> {
    let mut lacking: Vec<&Known> = known
        .values()
        .filter(|known| !listed.contains_key(&known.name))
        .collect();
    lacking.sort_by_key(|known| (Reverse(known.stored_at), &known.name));
    for known in lacking.into_iter().take(LOOKS) {
        if stat_file(remote, &FileName::new(&known.name)?)?.is_some() {
            let detail = format!("its listing does not show '{}', which is there", known.name);
            let error = Error::new(remote.place.provider, Kind::Locked, detail);
            return Err(Failure::from(error.hint("try again later")).into());
        }
    }
    Ok(())
}

/// The stored file of that name, if there is one.
fn stat_file(remote: &Remote, name: &FileName) -> anyhow::Result<Option<Object>> {
    let object = remote.provider.stat(name).map_err(Failure::from)?;
    Ok(object.filter(|object| object.kind == ObjectKind::File))
}

/// What a remote JSON file says.
fn read_facts(remote: &Remote, object: &Object) -> anyhow::Result<Learnt> {
    if object.size > MAX_SIDECAR_BYTES {
        return Ok(Learnt::Neither("it is larger than any sidecar".into()));
    }
    let facts = Facts::parse(&read_json(remote, object)?);
    Ok(facts.map_or_else(
        || Learnt::Neither("it says nothing of a backup".into()),
        Learnt::Facts,
    ))
}

/// A remote sidecar: its name, its bytes and what they say.
pub type RemoteSidecar = (FileName, Vec<u8>, Sidecar);

/// The sidecar of a remote file, by name, unless it names another whose sidecar it would be, too.
///
/// # Errors
/// As the provider fails.
pub fn sidecar_of(remote: &Remote, name: &FileName) -> anyhow::Result<Option<RemoteSidecar>> {
    let beside = sidecar_name(name.as_str()).and_then(|name| FileName::new(&name).ok());
    let Some(beside) = beside else {
        return Ok(None);
    };
    let found = stat_file(remote, &beside)?;
    let found = found.filter(|object| object.size <= MAX_SIDECAR_BYTES);
    let Some(object) = found else { return Ok(None) };
    let text = read_json(remote, &object)?;
    let Some(Facts::Sidecar(sidecar)) = Facts::parse(&text) else {
        return Ok(None);
    };
    // `x.db` and `x.tar` would have one sidecar: it belongs to the one it names.
    let is_theirs = sidecar.of_file.as_deref().is_some_and(|of_file| {
        of_file != name.as_str() && sidecar_name(of_file).as_deref() == Some(beside.as_str())
    });
    Ok((!is_theirs).then_some((beside, text, sidecar)))
}

/// The bytes of a small remote file.
///
/// # Errors
/// As the provider fails.
pub fn read_json(remote: &Remote, object: &Object) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let reader = remote.provider.read(object, 0).map_err(Failure::from)?;
    let read = reader.take(MAX_SIDECAR_BYTES).read_to_end(&mut text);
    let provider = remote.place.provider;
    let doing = format!("cannot read '{}' on {provider}", object.name);
    read.map_err(|error| Failure::from(disk(provider, &doing, error, None)))?;
    Ok(text)
}
