//! `delete`: backups from a company's remote.

use std::collections::BTreeSet;

use super::Context;
use super::args::Delete as Args;
use super::batch::Batch;
use super::render::{Cell, left};
use crate::delete::delete;
use crate::exit;
use crate::installation::Remote;
use crate::name::FileName;
use crate::provider::Deletion;
use crate::remote_set::RemoteFiles;
use crate::state::State;
use crate::text::printable;

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let Context { ui, installation } = context;
    let names: Vec<FileName> = args
        .filenames
        .iter()
        .map(|name| FileName::new(name))
        .collect::<Result<_, _>>()?;
    let company = installation.companies().find(&args.company)?;
    let mut state = installation.state()?;
    let (_, remote) = context.remote(&company, Some(&state))?;
    let pinned = in_words(&pinned(&remote, &state, &names)?);
    let what = match names.as_slice() {
        [name] => format!("'{name}'{pinned}"),
        names => format!("{} backups{pinned}", names.len()),
    };
    let place = format!("{} on {}", remote.place.directory, remote.place.provider);
    let for_good = args.permanent || !remote.provider.capabilities().trash;
    let how = if for_good { " for good" } else { "" };
    ui.confirm(&format!(
        "Delete {what} of company '{}' from {place}{how}",
        company.name
    ))?;
    let lock = installation.lock_company(&company, "delete")?;
    let deletion = if args.permanent {
        Deletion::Permanent
    } else {
        Deletion::Trash
    };

    if let [name] = names.as_slice() {
        let report = delete(&remote, &mut state, &lock, name, deletion)?;
        ui.done(&report, || {
            format!("{}: {}\n", report.message, printable(&report.remote_path))
        })?;
        return Ok(exit::DONE);
    }
    let mut batch = Batch::default();
    let mut deleted = Vec::new();
    for name in &names {
        match delete(&remote, &mut state, &lock, name, deletion) {
            Ok(report) => {
                batch.done(&report, false);
                deleted.push(vec![Cell::from(&report.remote_path)]);
            }
            Err(error) => batch.failed(ui, &[("filename", name.as_str())], &error),
        }
        if crate::interrupt::received().is_some() {
            break;
        }
    }
    let message = format!(
        "{} of {} backups deleted from {}",
        deleted.len(),
        names.len(),
        remote.place.provider
    );
    Ok(batch.finish(ui, &message, || {
        if deleted.is_empty() {
            return format!("{message}\n");
        }
        format!("{}\n{message}\n", ui.table(&[left("DELETED")], deleted))
    })?)
}

/// The pinned sets among those that would go, halves of full ones included.
fn pinned(remote: &Remote, state: &State, names: &[FileName]) -> anyhow::Result<BTreeSet<String>> {
    let mut pins = state.pins(&remote.place)?;
    if pins.is_empty() {
        return Ok(pins);
    }
    let listed = RemoteFiles::list(remote, Some(state))?;
    let found = names.iter().filter_map(|name| listed.find(name.as_str()));
    let going: BTreeSet<&str> = found
        .flat_map(|set| listed.halves(set).chain([set]))
        .map(|set| set.name.as_str())
        .collect();
    pins.retain(|pin| going.contains(pin.as_str()));
    Ok(pins)
}

fn in_words(pinned: &BTreeSet<String>) -> String {
    if pinned.is_empty() {
        return String::new();
    }
    let names: Vec<String> = pinned.iter().map(|name| format!("'{name}'")).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    format!(" ({} {are} pinned)", names.join(", "))
}
