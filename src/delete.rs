//! Delete: a remote backup file and its sidecar.

use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Remote, shell_word};
use crate::lock::Lock;
use crate::name::FileName;
use crate::provider::{Deletion, ObjectKind};
use crate::remote_sidecar::sidecar_of;
use crate::report::DeleteReport;
use crate::state::State;

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
    let intent = Intent {
        operation: "delete".into(),
        company_id: Some(remote.company.id.clone()),
        company_name: Some(remote.company.name.clone()),
        provider: Some(remote.place.provider.name().into()),
        target: Some(remote_path.clone()),
    };
    state.recorded(intent, Some(lock), |state| {
        remove_both(remote, state, name, deletion)?;
        Ok(((), Outcome::done(Verdict::Ok, "Backup deleted", 0)))
    })?;
    let provider = remote.place.provider;
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
    let Some(object) = remote.provider.stat(name).map_err(Failure::from)? else {
        let place = format!("'{}' on {}", remote.place.directory, remote.place.provider);
        let failure = Failure::new(
            Code::RemoteFileNotFound,
            format!("Remote file '{name}' not found in {place}"),
        );
        return Err(failure
            .hint(format!(
                "vertex-backup files {}",
                shell_word(&remote.company.id)
            ))
            .into());
    };
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
