//! Pins: sets that retention never removes.
//!
//! Written under the company's lock, so a prune that is under way has either
//! seen the pin or is over.

use serde::Serialize;

use crate::backup::{part_of, sidecar_name};
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::Remote;
use crate::lock::Lock;
use crate::name::FileName;
use crate::remote_set::RemoteFiles;
use crate::state::State;
use crate::wanted::not_found;

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct PinReport {
    /// Always true: a failure is an error.
    pub success: bool,
    /// What was done, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// The set's full remote name.
    pub remote_path: String,
    /// Whether it is pinned now.
    pub pinned: bool,
    /// Whether it was so before.
    pub skipped: bool,
}

/// Exempts the set that a name belongs to from retention.
///
/// # Errors
/// `remote_file_not_found`; as the provider fails.
pub fn pin(
    remote: &Remote,
    state: &mut State,
    lock: &Lock,
    name: &FileName,
) -> anyhow::Result<PinReport> {
    let listed = RemoteFiles::around(remote, Some(state), name)?;
    let Some(set) = listed.find(name.as_str()) else {
        return Err(not_found(remote, name).into());
    };
    change(remote, state, lock, &set.name, true)
}

/// Takes the exemption back; the set may be gone.
///
/// # Errors
/// As [`pin`], for a name that is neither on the remote nor pinned.
pub fn unpin(
    remote: &Remote,
    state: &mut State,
    lock: &Lock,
    name: &FileName,
) -> anyhow::Result<PinReport> {
    let pins = state.pins(&remote.place)?;
    if pins.contains(name.as_str()) {
        return change(remote, state, lock, name.as_str(), false);
    }
    let listed = RemoteFiles::around(remote, Some(state), name)?;
    let is_there = listed.find(name.as_str()).map(|set| &set.name);
    let meant = is_there.or_else(|| pins.iter().find(|pin| is_member(name.as_str(), pin)));
    let set = meant.ok_or_else(|| not_found(remote, name))?;
    change(remote, state, lock, set, false)
}

/// Whether a name is that of a part or sidecar of a set that need not be there.
fn is_member(name: &str, set: &str) -> bool {
    let whole = part_of(name).map_or_else(|| name.to_owned(), |(whole, _)| whole);
    whole == set || sidecar_name(set).is_some_and(|sidecar| sidecar == whole)
}

fn change(
    remote: &Remote,
    state: &mut State,
    lock: &Lock,
    set: &str,
    pinned: bool,
) -> anyhow::Result<PinReport> {
    let (company, place) = (&remote.company, &remote.place);
    let remote_path = place.directory.join(set);
    let operation = if pinned { "pin" } else { "unpin" };
    let provider = place.provider.name();
    let intent = Intent::of(operation, company, Some(provider), remote_path.clone());
    let message = |changed: bool| match (pinned, changed) {
        (true, true) => "Backup pinned",
        (true, false) => "Backup was pinned already",
        (false, true) => "Backup unpinned",
        (false, false) => "Backup was not pinned",
    };
    let changed = state.recorded(intent, Some(lock), |state| {
        let changed = if pinned {
            state.pin(place, set)?
        } else {
            state.unpin(place, set)?
        };
        let verdict = if changed {
            Verdict::Ok
        } else {
            Verdict::Skipped
        };
        Ok((changed, Outcome::done(verdict, message(changed), 0)))
    })?;
    Ok(PinReport {
        success: true,
        message: message(changed).to_owned(),
        company_id: company.id.clone(),
        company_name: company.name.clone(),
        provider: provider.to_owned(),
        remote_path,
        pinned,
        skipped: !changed,
    })
}
