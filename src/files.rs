//! What lies in a company's remote directory.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::backup::{BackupType, made_at, sidecar_name};
use crate::catalog::Known;
use crate::failure::Failure;
use crate::installation::Remote;
use crate::name::FileName;
use crate::provider::{Object, ObjectKind};
use crate::remote_sidecar::sidecar_of;
use crate::state::State;

/// One remote backup file, its sidecar folded in.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteFile {
    /// The name, as the provider has it.
    pub name: String,
    /// What it holds, by its name; absent for what is no backup.
    pub backup_type: Option<BackupType>,
    /// Bytes.
    pub size: u64,
    /// When the backup was made, by its name: the application's local time.
    pub created: Option<DateTime>,
    /// When it was stored.
    pub modified: Option<Timestamp>,
    /// Whether its sidecar is there too.
    pub sidecar: bool,
    /// When its bytes were last compared; absent when they never were, or it changed since.
    pub verified_at: Option<Timestamp>,
    /// `backup`, `temporary` or `foreign`.
    pub kind: &'static str,
}

/// Lists a company's backups, newest first; `all` adds foreign and unfinished objects.
///
/// # Errors
/// As [`crate::provider::Provider::list`].
pub fn list(remote: &Remote, state: Option<&State>, all: bool) -> anyhow::Result<Vec<RemoteFile>> {
    let mut objects: Vec<Object> = Vec::new();
    remote.provider.list(&mut |object| {
        objects.push(object);
        Ok(())
    })?;
    let sidecars = find_sidecars(remote, state, &objects)?;
    let mut files = Vec::with_capacity(objects.len());
    for object in objects {
        let kind = match object.kind {
            ObjectKind::File => "backup",
            ObjectKind::Temporary => "temporary",
            ObjectKind::Other => "foreign",
        };
        if sidecars.contains(&object.name) || (kind != "backup" && !all) {
            continue;
        }
        let known = known(remote, state, &object)?;
        files.push(RemoteFile {
            backup_type: (kind == "backup").then(|| BackupType::of_name(&object.name)),
            size: object.size,
            created: made_at(&object.name),
            modified: object.modified,
            sidecar: sidecar_name(&object.name).is_some_and(|name| sidecars.contains(&name)),
            verified_at: known.and_then(|known| known.verified_at),
            kind,
            name: object.name,
        });
    }
    files.sort_by_cached_key(|file| (Reverse(newness(file)), file.name.clone()));
    Ok(files)
}

/// What is recorded of an object, as long as it is the one that was recorded.
fn known(
    remote: &Remote,
    state: Option<&State>,
    object: &Object,
) -> Result<Option<Known>, Failure> {
    let Some(state) = state else { return Ok(None) };
    Ok(state
        .known(&remote.place, &object.name)?
        .filter(|known| known.version == object.version))
}

/// The names that are sidecars of others: as recorded, else as they read.
fn find_sidecars(
    remote: &Remote,
    state: Option<&State>,
    objects: &[Object],
) -> anyhow::Result<HashSet<String>> {
    let files = || {
        objects
            .iter()
            .filter(|object| object.kind == ObjectKind::File)
    };
    let by_name: HashMap<&str, &Object> = files()
        .map(|object| (object.name.as_str(), object))
        .collect();
    let mut sidecars = HashSet::new();
    for owner in files() {
        let Some(beside) = sidecar_name(&owner.name) else {
            continue;
        };
        let Some(object) = by_name.get(beside.as_str()) else {
            continue;
        };
        let is_sidecar = match (known(remote, state, object)?, FileName::new(&owner.name)) {
            (Some(known), _) => known.is_sidecar,
            (None, Ok(owner)) => sidecar_of(remote, &owner)?.is_some(),
            (None, Err(_)) => false,
        };
        if is_sidecar {
            sidecars.insert(beside);
        }
    }
    Ok(sidecars)
}

/// When it was made where the name tells, else when it was stored.
fn newness(file: &RemoteFile) -> Option<DateTime> {
    file.created
        .or_else(|| Some(file.modified?.to_zoned(TimeZone::system()).datetime()))
}
