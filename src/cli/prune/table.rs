//! A prune's plan as a table, laid out a page at a time.

use jiff::Timestamp;

use super::{Prepared, Prune};
use crate::backup::moment;
use crate::cli::render::{Cell, Layout, Tone, left, right, time};
use crate::failure::Failure;
use crate::prune::{Action, Planned};
use crate::text::{bytes, printable};

/// Rows laid out at a time.
const PAGE: usize = 500;

/// Shows what is to be done; `heading` says of which company.
pub(super) fn show(prune: &Prune<'_>, prepared: &Prepared, heading: bool) -> Result<(), Failure> {
    let ui = &prune.context.ui;
    if ui.is_json() || ui.is_quiet() && !prune.args.dry_run {
        return Ok(());
    }
    let rows = &prepared.plan.rows;
    if heading {
        let (company, place) = (&prepared.company, &prepared.remote.place);
        let title = format!(
            "{}: {} on {}",
            company.name, place.directory, place.provider
        );
        let empty = if rows.is_empty() { ", no backups" } else { "" };
        ui.text(&format!("{}{empty}\n", printable(&title)))?;
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut layout = Layout::new(&[
        left("ACTION"),
        left("NAME"),
        left("TYPE"),
        left("CREATED"),
        right("SIZE"),
        left("REASON"),
    ]);
    let now = Timestamp::now();
    let cells = |page: &[Planned]| page.iter().map(|row| cells(row, now)).collect::<Vec<_>>();
    for page in rows.chunks(PAGE) {
        layout.measure(&cells(page));
    }
    for (number, page) in rows.chunks(PAGE).enumerate() {
        ui.text(&ui.page(&layout, cells(page), number == 0))?;
    }
    ui.text("\n")
}

fn cells(row: &Planned, now: Timestamp) -> Vec<Cell> {
    let created = row.created.and_then(moment);
    vec![
        match row.action {
            Action::Keep => Cell::toned("keep", Tone::Good),
            Action::Remove => Cell::toned("remove", Tone::Warn),
        },
        Cell::from(&row.name),
        row.backup_type.name().into(),
        created.map_or_else(|| Cell::toned("-", Tone::Dim), |at| time(at, now)),
        bytes(row.size).into(),
        row.reasons.join(", ").into(),
    ]
}
