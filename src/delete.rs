//! Delete: whole backups from a remote, the sidecar first.
//!
//! What has a sidecar or a manifest is complete; so a removal that is cut short
//! leaves a backup that is visibly incomplete, and the next one finishes it.

use crate::failure::Failure;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::Remote;
use crate::lock::Lock;
use crate::name::FileName;
use crate::provider::Deletion;
use crate::remote_set::RemoteFiles;
use crate::report::DeleteReport;
use crate::sets::Set;
use crate::state::State;
use crate::wanted::not_found;

/// Deletes the backup a name belongs to; of a full one, its halves too, unless another full one needs them.
///
/// # Errors
/// `remote_file_not_found`; why the provider could not delete it.
pub fn delete(
    remote: &Remote,
    state: &mut State,
    lock: &Lock,
    name: &FileName,
    deletion: Deletion,
) -> anyhow::Result<DeleteReport> {
    let remote_path = remote.place.directory.join(name.as_str());
    let provider = remote.place.provider;
    let intent = Intent::of(
        "delete",
        &remote.company,
        Some(provider.name()),
        remote_path.clone(),
    );
    let files = state.recorded(intent, Some(lock), |state| {
        let files = remove_named(remote, state, name, deletion)?;
        Ok((files, Outcome::done(Verdict::Ok, "Backup deleted", 0)))
    })?;
    Ok(DeleteReport {
        success: true,
        message: format!("Backup deleted from {provider}"),
        company_id: remote.company.id.clone(),
        company_name: remote.company.name.clone(),
        provider: provider.name().to_owned(),
        remote_path,
        permanent: deletion == Deletion::Permanent || !remote.provider.capabilities().trash,
        files,
    })
}

fn remove_named(
    remote: &Remote,
    state: &mut State,
    name: &FileName,
    deletion: Deletion,
) -> anyhow::Result<Vec<String>> {
    let listed = RemoteFiles::list(remote, Some(state))?;
    let Some(set) = listed.find(name.as_str()) else {
        // No stored file: an unfinished upload can go, all else the provider leaves alone.
        if remote.provider.stat(name).map_err(Failure::from)?.is_none() {
            // What somebody else removed is forgotten, so that `verify` misses it no more.
            if state.known_set(&remote.place, name.as_str())?.is_none() {
                return Err(not_found(remote, name).into());
            }
            state.forget_set(&remote.place, name.as_str())?;
            state.forget(&remote.place, name.as_str())?;
            return Ok(Vec::new());
        }
        remote
            .provider
            .delete(name, deletion)
            .map_err(Failure::from)?;
        return Ok(vec![name.as_str().to_owned()]);
    };
    let mut removed = remove_set(remote, state, set, deletion)?;
    for half in listed.halves(set) {
        let is_needed = listed
            .sets
            .iter()
            .any(|other| other.name != set.name && other.halves.contains(&half.name));
        if !is_needed {
            removed.extend(remove_set(remote, state, half, deletion)?);
        }
    }
    Ok(removed)
}

/// Removes one set's own files, sidecar or manifest first; their names.
///
/// # Errors
/// Why the provider could not delete one of them; those before it are gone.
pub fn remove_set(
    remote: &Remote,
    state: &mut State,
    set: &Set,
    deletion: Deletion,
) -> anyhow::Result<Vec<String>> {
    let mut removed = Vec::new();
    for member in set.json.iter().chain(&set.files) {
        crate::interrupt::check()?;
        let name = FileName::new(&member.name)?;
        if remote
            .provider
            .delete(&name, deletion)
            .map_err(Failure::from)?
        {
            removed.push(member.name.clone());
        }
        state.forget(&remote.place, &member.name)?;
    }
    state.forget_set(&remote.place, &set.name)?;
    Ok(removed)
}
