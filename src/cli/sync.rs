//! `sync`: backup files to a company's remote.

use std::path::{Path, PathBuf};

use super::Context;
use super::args::Sync as Args;
use super::batch::Batch;
use super::bulk;
use super::render::{Cell, Tone, left, right};
use super::ui::Ui;
use crate::company::Company;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::Intent;
use crate::installation::Remote;
use crate::local_set::LocalSet;
use crate::lock::Lock;
use crate::provider::registry::Registry;
use crate::report::SyncReport;
use crate::state::State;
use crate::sync::{Sync, SyncOptions};
use crate::text::bytes;

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    match args.company.as_deref() {
        Some(company) if !args.files.is_empty() => files(context, args, company),
        company => bulk::run(context, args, company),
    }
}

/// The options that both ways to sync share.
pub(super) fn options(args: &Args) -> SyncOptions {
    SyncOptions {
        no_clobber: args.no_clobber,
        dry_run: args.dry_run,
        force: args.force,
    }
}

/// Backups that were named.
fn files(context: &Context, args: &Args, company: &str) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let company = installation.companies().find(company)?;
    let lock = installation.lock_company(&company, "sync")?;
    let mut state = installation.state()?;
    let (registry, remote) = open(context, args, &company, &lock, &mut state)?;
    context.warn_of_shared_disk(&registry, remote.place.provider);
    let watcher = ui.watcher();
    let sync = Sync {
        installation,
        remote: &remote,
        lock: &lock,
        options: options(args),
        progress: &watcher,
    };

    for file in &args.files {
        say_link(ui, file);
    }
    let found = distinct(&args.files);
    if let [local] = found.as_slice() {
        let report = sync.set(&mut state, local)?;
        ui.done(&report, || sentence(&report))?;
        return Ok(exit::DONE);
    }
    several(context, args, &sync, &mut state, &found)
}

/// Opens the company's remote, and clears away what killed runs left there.
fn open(
    context: &Context,
    args: &Args,
    company: &Company,
    lock: &Lock,
    state: &mut State,
) -> anyhow::Result<(Registry, Remote)> {
    let Context { installation, .. } = context;
    let opened = context
        .remote(company, Some(&*state))
        .and_then(|(registry, remote)| {
            let remote = installation.prepare(&registry, remote, state, args.dry_run)?;
            Ok((registry, remote))
        });
    if args.dry_run {
        return opened;
    }
    let target = args.files.first().map(|file| file.display().to_string());
    let provider = company.provider.as_deref();
    let intent = Intent::of("sync", company, provider, target.unwrap_or_default());
    state.attempted(intent, lock, opened)
}

/// The backups that files belong to, each once, however many of its files were named.
fn distinct(files: &[PathBuf]) -> Vec<LocalSet> {
    let mut found: Vec<LocalSet> = Vec::new();
    for file in files {
        if !found.iter().any(|local| local.is_at(file)) {
            found.push(LocalSet::find(file));
        }
    }
    found
}

/// Several backups, one after another: one failure does not stop the rest.
fn several(
    context: &Context,
    args: &Args,
    sync: &Sync<'_>,
    state: &mut State,
    found: &[LocalSet],
) -> anyhow::Result<u8> {
    let ui = &context.ui;
    let mut batch = Batch::default();
    let mut reports = Vec::new();
    for local in found {
        let file = local.first_path();
        match sync.set(state, local) {
            Ok(report) => {
                batch.done(&report, report.skipped);
                reports.push(report);
            }
            Err(error) => {
                batch.failed(context, &[("local_path", &file.to_string_lossy())], &error);
                let interrupted = matches!(
                    Failure::of(&error).map(Failure::code),
                    Some(Code::Interrupted(_))
                );
                if interrupted || args.fail_fast {
                    break;
                }
            }
        }
    }
    let failed = if batch.failures() > 0 {
        ", some failed"
    } else {
        ""
    };
    let are = if args.dry_run { "would be" } else { "are" };
    let (count, all, provider) = (reports.len(), found.len(), sync.remote.place.provider);
    let message = format!("{count} of {all} backups {are} on {provider}{failed}");
    Ok(batch.finish(ui, &message, || table(context, &reports, &message))?)
}

/// What is sent is what the link leads to.
fn say_link(ui: &Ui, file: &Path) {
    if let Ok(target) = std::fs::read_link(file) {
        ui.verbose(
            1,
            &format!("'{}' is a link to '{}'", file.display(), target.display()),
        );
    }
}

fn sentence(report: &SyncReport) -> String {
    let sidecar = if report.sidecar.is_some() {
        ", with its sidecar"
    } else {
        ""
    };
    let size = in_parts(report.size, report.parts.len());
    let shown = crate::text::printable(&report.remote_path);
    let hash = report
        .sha256
        .map(|sha256| format!("SHA-256 {sha256}\n"))
        .unwrap_or_default();
    format!("{}: {shown} ({size}{sidecar})\n{hash}", report.message)
}

/// A size, and in how many parts, where there are several.
pub(super) fn in_parts(size: u64, parts: usize) -> String {
    match parts {
        0 | 1 => bytes(size),
        parts => format!("{} in {parts} parts", bytes(size)),
    }
}

/// What was done with a backup, in a word.
pub(super) fn result_of(report: &SyncReport) -> Cell {
    match (report.skipped, report.replaced, report.dry_run) {
        (true, ..) => Cell::toned("already there", Tone::Dim),
        (_, true, true) => Cell::toned("would replace", Tone::Warn),
        (_, true, false) => Cell::toned("replaced", Tone::Good),
        (_, false, true) => Cell::toned("would sync", Tone::Warn),
        (_, false, false) => Cell::toned("synced", Tone::Good),
    }
}

fn table(context: &Context, reports: &[SyncReport], message: &str) -> String {
    if reports.is_empty() {
        return format!("{message}\n");
    }
    let columns = [
        left("RESULT"),
        left("TYPE"),
        right("SIZE"),
        left("REMOTE PATH"),
    ];
    let rows = reports.iter().map(|report| {
        vec![
            result_of(report),
            report.backup_type.name().into(),
            bytes(report.size).into(),
            Cell::from(&report.remote_path),
        ]
    });
    format!(
        "{}\n{message}\n",
        context.ui.table(&columns, rows.collect())
    )
}
