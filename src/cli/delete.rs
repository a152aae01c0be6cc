//! `delete`: backups from a company's remote.

use super::Context;
use super::args::Delete as Args;
use super::batch::Batch;
use super::render::{Cell, left};
use crate::delete::delete;
use crate::exit;
use crate::name::FileName;
use crate::provider::Deletion;
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
    let what = match names.as_slice() {
        [name] => format!("'{name}'"),
        names => format!("{} backups", names.len()),
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
