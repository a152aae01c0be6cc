//! A set that has other parts here than on the remote: joined since, or fewer than before.
//!
//! Only what we stored ourselves, and is still as we stored it, is taken for the
//! same backup or removed as a part of a former one.

use crate::backup::part_of;
use crate::failure::Failure;
use crate::installation::Remote;
use crate::local_set::LocalSet;
use crate::name::FileName;
use crate::progress::Progress;
use crate::provider::Deletion;
use crate::remote_set::RemoteFiles;
use crate::sets::{Member, Set};
use crate::state::State;
use crate::upload::{Step, Stored};

/// What the remote has in parts of a backup that was joined here, and is known to be the
/// same: the parts, and their sidecar. A copy in one piece beside them would be a second backup.
///
/// # Errors
/// As the provider fails.
pub(crate) fn stored_in_parts(
    remote: &Remote,
    state: &State,
    local: &LocalSet,
) -> anyhow::Result<Option<(Vec<Stored>, Option<Stored>)>> {
    let set = &local.set;
    let told = set.checksum();
    let known = state.known_set(&remote.place, &set.name)?;
    let known = known.filter(|known| told.is_some() && known.sha256 == told);
    let Some(known) = known.filter(|_| !set.split) else {
        return Ok(None);
    };
    let name = FileName::new(&set.name)?;
    if remote
        .provider
        .stat(&name)
        .map_err(Failure::from)?
        .is_some()
    {
        return Ok(None);
    }
    let listed = RemoteFiles::list(remote, Some(state))?;
    let there = listed.find(&set.name).filter(|there| there.split);
    let Some(there) = there.filter(|_| listed.has(local, &[(set.name.clone(), known)].into()))
    else {
        return Ok(None);
    };
    let stored = |member: &Member| -> anyhow::Result<Stored> {
        Ok(Stored {
            name: FileName::new(&member.name)?,
            size: member.size,
            known: listed.known(member).cloned(),
            step: Step::Skipped,
            damaged: false,
        })
    };
    let files = there.files.iter().map(stored).collect::<Result<_, _>>()?;
    Ok(Some((files, there.json.as_ref().map(stored).transpose()?)))
}

/// Removes the parts that a split set had more of before it was replaced: on the remote
/// they would look like an incomplete backup of their own. The new set is whole by now.
///
/// # Errors
/// As the provider fails.
pub(crate) fn remove_surplus(
    remote: &Remote,
    state: &mut State,
    set: &Set,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    let mut known = state.known_objects(&remote.place)?;
    known.retain(|name, known| {
        let of = part_of(name).map(|(whole, _)| whole);
        of.is_some() && of.as_deref() == set.whole_name() && !set.has(name) && known.facts.is_none()
    });
    for (name, known) in known {
        let file = FileName::new(&name)?;
        let found = remote.provider.stat(&file).map_err(Failure::from)?;
        if found.is_none_or(|object| object.version != known.version) {
            continue;
        }
        let deletion = remote.provider.delete(&file, Deletion::Trash);
        deletion.map_err(Failure::from)?;
        state.forget(&remote.place, &name)?;
        progress.note(&format!(
            "'{name}' was a part of the backup that had this name before, and is removed"
        ));
    }
    Ok(())
}
