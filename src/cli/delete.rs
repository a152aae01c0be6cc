//! `delete`: backups from a company's remote.

use std::collections::BTreeSet;

use super::Context;
use super::args::Delete as Args;
use super::batch::Batch;
use super::render::{Cell, left};
use crate::delete::delete;
use crate::exit;
use crate::name::FileName;
use crate::provider::Deletion;
use crate::remote_set::RemoteFiles;
use crate::sets::Set;
use crate::text::printable;

/// Where the bytes are of what was not removed for good.
pub(super) const IN_TRASH: &str = "in the provider's trash, which still counts against the room until it is emptied; \
     what goes with --permanent is freed at once";

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let names: Vec<FileName> = args
        .filenames
        .iter()
        .map(|name| FileName::new(name))
        .collect::<Result<_, _>>()?;
    let company = installation.companies().find(&args.company)?;
    let mut state = installation.state()?;
    let (_, remote) = context.remote(&company, Some(&state))?;
    let listed = RemoteFiles::list(&remote, Some(&state))?;
    let names = distinct(&listed, names);
    let cautions = cautions(&listed, &state.pins(&remote.place)?, &names);
    let what = match names.as_slice() {
        [name] => format!("'{name}'{cautions}"),
        names => format!("{} backups{cautions}", names.len()),
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
            let path = printable(&report.remote_path);
            let rest = in_trash("it is", !report.permanent && !report.files.is_empty());
            format!("{}: {path}{rest}\n", report.message)
        })?;
        return Ok(exit::DONE);
    }
    let mut batch = Batch::default();
    let mut deleted = Vec::new();
    let mut is_in_trash = false;
    for name in &names {
        match delete(&remote, &mut state, &lock, name, deletion) {
            Ok(report) => {
                batch.done(&report, false);
                is_in_trash |= !report.permanent && !report.files.is_empty();
                deleted.push(vec![Cell::from(&report.remote_path)]);
            }
            Err(error) => batch.failed(context, &[("filename", name.as_str())], &error),
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
        let rest = in_trash("they are", is_in_trash);
        format!(
            "{}\n{message}{rest}\n",
            ui.table(&[left("DELETED")], deleted)
        )
    })?)
}

fn in_trash(they_are: &str, is_so: bool) -> String {
    if is_so {
        format!("; {they_are} {IN_TRASH}")
    } else {
        String::new()
    }
}

/// The names of different backups: of several members of one, the first stands for all.
/// Full ones come last: they take those halves along that were not named themselves.
fn distinct(listed: &RemoteFiles, mut names: Vec<FileName>) -> Vec<FileName> {
    let mut seen = BTreeSet::new();
    let set_of = |name: &FileName| match listed.find(name.as_str()) {
        Some(set) => set.name.clone(),
        None => name.as_str().to_owned(),
    };
    let is_full = |name: &FileName| listed.find(name.as_str()).is_some_and(Set::is_full);
    names.sort_by_key(is_full);
    names.retain(|name| seen.insert(set_of(name)));
    names
}

/// What should be known before: which of the backups that would go, halves of full ones
/// included, are pinned, and which full ones would lose a half.
fn cautions(listed: &RemoteFiles, pins: &BTreeSet<String>, names: &[FileName]) -> String {
    let named = names.iter().filter_map(|name| listed.find(name.as_str()));
    let named: BTreeSet<&str> = named.map(|set| set.name.as_str()).collect();
    let sets = || listed.sets.iter();
    let full = sets().filter(|set| named.contains(set.name.as_str()));
    let going: BTreeSet<&str> = full
        .flat_map(|set| listed.halves(set).chain([set]))
        .map(|set| set.name.as_str())
        .collect();
    let pinned = going.into_iter().filter(|name| pins.contains(*name));
    let pinned: Vec<&str> = pinned.collect();
    let broken = sets().filter(|set| {
        let mut halves = set.halves.iter();
        !named.contains(set.name.as_str()) && halves.any(|half| named.contains(half.as_str()))
    });
    let broken: Vec<&str> = broken.map(|set| set.name.as_str()).collect();
    let cautions = [
        in_words(&pinned, ["is pinned", "are pinned"]),
        in_words(&broken, ["needs it", "need it"]),
    ];
    let cautions: Vec<String> = cautions.into_iter().flatten().collect();
    if cautions.is_empty() {
        return String::new();
    }
    format!(" ({})", cautions.join("; "))
}

fn in_words(names: &[&str], [one, several]: [&str; 2]) -> Option<String> {
    let shown: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let verb = if names.len() == 1 { one } else { several };
    (!names.is_empty()).then(|| format!("{} {verb}", shown.join(", ")))
}
