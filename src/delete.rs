//! Delete: a remote backup file and its sidecar.

use crate::failure::Failure;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::Remote;
use crate::lock::Lock;
use crate::name::FileName;
use crate::provider::{Deletion, ObjectKind};
use crate::remote_sidecar::sidecar_of;
use crate::report::DeleteReport;
use crate::state::State;
use crate::wanted::not_found;

/// Deletes one backup file, its sidecar first: what has a sidecar is complete.
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
    state.recorded(intent, Some(lock), |state| {
        remove_both(remote, state, name, deletion)?;
        Ok(((), Outcome::done(Verdict::Ok, "Backup deleted", 0)))
    })?;
    Ok(DeleteReport {
        success: true,
        message: format!("Backup deleted from {provider}"),
        company_id: remote.company.id.clone(),
        company_name: remote.company.name.clone(),
        provider: provider.name().to_owned(),
        remote_path,
        permanent: deletion == Deletion::Permanent || !remote.provider.capabilities().trash,
    })
}

fn remove_both(
    remote: &Remote,
    state: &mut State,
    name: &FileName,
    deletion: Deletion,
) -> anyhow::Result<()> {
    let found = remote.provider.stat(name).map_err(Failure::from)?;
    let object = found.ok_or_else(|| not_found(remote, name))?;
    // What is no file is left alone, and what lies beside it, too.
    let sidecar = match object.kind {
        ObjectKind::File => sidecar_of(remote, name)?.map(|(sidecar, ..)| sidecar),
        ObjectKind::Temporary | ObjectKind::Other => None,
    };
    for name in sidecar.iter().chain([name]) {
        if remote
            .provider
            .delete(name, deletion)
            .map_err(Failure::from)?
        {
            state.forget(&remote.place, name.as_str())?;
        }
    }
    Ok(())
}
