//! `files`: what lies on a company's remote.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use super::args::Files;
use super::render::{Cell, Layout, Tone, left, maybe_time, right, time};
use crate::backup::{BackupType, moment};
use crate::exit;
use crate::files::{RemoteFile, list};
use crate::provider::ProviderKind;
use crate::remote_path::RemotePath;
use crate::sets::in_words;
use crate::text::bytes;

/// The listing as JSON.
#[derive(Serialize)]
struct FilesReport<'a> {
    success: bool,
    company_id: &'a str,
    company_name: &'a str,
    provider: ProviderKind,
    remote_path: &'a RemotePath,
    files: &'a [RemoteFile],
    count: usize,
    size: u64,
}

/// Rows laid out at a time: a table of thousands needs no more memory than one of these.
const PAGE: usize = 500;

pub(super) fn run(context: &Context, args: &Files) -> anyhow::Result<u8> {
    let wanted: Option<BackupType> = args.backup_type.as_deref().map(str::parse).transpose()?;
    let company = context.installation.companies().find(&args.company)?;
    let state = context.state_for_reading();
    let (_, remote) = context.remote(&company, state.as_ref())?;
    let mut files = list(&remote, state.as_ref(), args.all)?;
    files.retain(|file| wanted.is_none() || file.backup_type == wanted);
    // A full backup's bytes are those of its halves, which are listed too.
    let halves: HashSet<&str> = files
        .iter()
        .flat_map(|file| file.halves.iter().map(String::as_str))
        .collect();
    let own = files
        .iter()
        .filter(|file| !halves.contains(file.name.as_str()));
    let total: u64 = own.map(|file| file.size).fold(0, u64::saturating_add);
    let report = FilesReport {
        success: true,
        company_id: &company.id,
        company_name: &company.name,
        provider: remote.place.provider,
        remote_path: &remote.place.directory,
        files: &files,
        count: files.len(),
        size: total,
    };
    context.ui.result(&report, || {
        let place = format!("{} on {}", remote.place.directory, remote.place.provider);
        let place = crate::text::printable(&place);
        if files.is_empty() {
            return format!("No backups in {place}\n");
        }
        let plural = if files.len() == 1 {
            "backup"
        } else {
            "backups"
        };
        format!(
            "{}\n{} {plural}, {} in {place}\n",
            table(context, &files),
            files.len(),
            bytes(total)
        )
    })?;
    Ok(exit::DONE)
}

fn table(context: &Context, files: &[RemoteFile]) -> String {
    let mut layout = Layout::new(&[
        left("NAME"),
        left("TYPE"),
        right("SIZE"),
        right("PARTS"),
        left("CREATED"),
        left("COMPLETE"),
        left("VERIFIED"),
    ]);
    let now = Timestamp::now();
    let rows = |page: &[RemoteFile]| page.iter().map(|file| row(file, now)).collect::<Vec<_>>();
    for page in files.chunks(PAGE) {
        layout.measure(&rows(page));
    }
    let pages = files.chunks(PAGE).enumerate();
    pages
        .map(|(number, page)| context.ui.page(&layout, rows(page), number == 0))
        .collect()
}

fn absent() -> Cell {
    Cell::toned("-", Tone::Dim)
}

/// When it was made: the application's local time, where the name tells.
fn made(file: &RemoteFile, now: Timestamp) -> Cell {
    maybe_time(file.created.and_then(moment).or(file.modified), now)
}

fn row(file: &RemoteFile, now: Timestamp) -> Vec<Cell> {
    let kind = file.backup_type.map_or(file.kind, BackupType::name);
    let pinned = if file.pinned { ", pinned" } else { "" };
    vec![
        Cell::from(&file.name),
        if file.kind == "backup" {
            Cell::from(kind)
        } else {
            Cell::toned(kind, Tone::Warn)
        },
        bytes(file.size).into(),
        match file.parts.len() {
            0 => absent(),
            count => count.to_string().into(),
        },
        made(file, now),
        match (file.kind, file.complete) {
            ("backup", true) => format!("yes{pinned}").into(),
            ("backup", false) => {
                Cell::toned(in_words(&file.problems) + pinned, Tone::Bad).or_short("no")
            }
            _ => absent(),
        },
        file.verified_at
            .map_or_else(|| Cell::toned("never", Tone::Warn), |at| time(at, now)),
    ]
}
