//! `pin` and `unpin`: exempt backups from retention, and take that back.

use super::Context;
use super::args::Pin as Args;
use super::batch::Batch;
use super::render::{Cell, left};
use crate::exit;
use crate::name::FileName;
use crate::pin::{PinReport, pin, unpin};
use crate::text::printable;

pub(super) fn run(context: &Context, args: &Args, pinned: bool) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let names = args.files.iter().map(|name| FileName::new(name));
    let names: Vec<FileName> = names.collect::<Result<_, _>>()?;
    let company = installation.companies().find(&args.company)?;
    let lock = installation.lock_company(&company, if pinned { "pin" } else { "unpin" })?;
    let mut state = installation.state()?;
    let (_, remote) = context.remote(&company, Some(&state))?;
    let mut change = |name: &FileName| -> anyhow::Result<PinReport> {
        if pinned {
            pin(&remote, &mut state, &lock, name)
        } else {
            unpin(&remote, &mut state, &lock, name)
        }
    };
    if let [name] = names.as_slice() {
        let report = change(name)?;
        ui.done(&report, || {
            format!("{}: {}\n", report.message, printable(&report.remote_path))
        })?;
        return Ok(exit::DONE);
    }
    let (mut batch, mut rows) = (Batch::default(), Vec::new());
    for name in &names {
        match change(name) {
            Ok(report) => {
                batch.done(&report, report.skipped);
                rows.push(vec![
                    Cell::from(&report.message),
                    Cell::from(&report.remote_path),
                ]);
            }
            Err(error) => batch.failed(context, &[("filename", name.as_str())], &error),
        }
        if crate::interrupt::received().is_some() {
            break;
        }
    }
    let done = if pinned { "pinned" } else { "unpinned" };
    let message = format!("{} of {} backups {done}", rows.len(), names.len());
    Ok(batch.finish(ui, &message, || {
        if rows.is_empty() {
            return format!("{message}\n");
        }
        let columns = [left("RESULT"), left("REMOTE PATH")];
        format!("{}\n{message}\n", ui.table(&columns, rows))
    })?)
}
