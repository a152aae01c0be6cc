//! `backup`: backups on this machine.

mod local;

use std::fmt::Write as _;
use std::path::Path;

use super::Context;
use super::args::{BackupCommand, BackupCreate};
use crate::backup::BackupType;
use crate::backup_settings::BackupSettings;
use crate::company::Company;
use crate::create::{Create, lock_name};
use crate::exit;
use crate::failure::Failure;
use crate::history::Intent;
use crate::installation::assignment;
use crate::local_set::LocalSet;
use crate::report::{CreateReport, HalfReport, SyncReport};
use crate::state::State;
use crate::sync::{Sync, SyncOptions};
use crate::text::{bytes, printable};

pub(super) fn run(context: &Context, command: &BackupCommand) -> anyhow::Result<u8> {
    match command {
        BackupCommand::Create(args) => create(context, args),
        BackupCommand::List(args) => local::list(context, args),
        BackupCommand::Verify(args) => local::verify(context, args),
        BackupCommand::Rotate(args) => local::rotate(context, args),
    }
}

fn create(context: &Context, args: &BackupCreate) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let what: BackupType = args.backup_type.parse()?;
    let settings = BackupSettings::find(&installation.settings)?;
    let storage = &installation.settings.storage_dir;
    let shown = storage.value.display();
    ui.verbose(1, &format!("storage folder '{shown}' ({})", storage.origin));
    // What the backup cannot be sent to is better told before it is made.
    let company = match &args.sync {
        Some(name) => Some(installation.companies().find(name)?),
        None => None,
    };
    if let Some(company) = &company {
        assignment(company)?;
    }
    let lock = installation.lock(&lock_name(installation), "backup create")?;
    let mut state = installation.state()?;
    let watcher = ui.watcher();
    let create = Create {
        installation,
        settings,
        progress: &watcher,
    };
    let mut report = create.run(&mut state, &lock, what)?;
    drop(lock);
    if let Some(company) = &company {
        let synced = send(context, company, &mut state, &report).map_err(|error| {
            let made = &report.local_path;
            ui.note(&format!("the backup itself was made: '{made}'"));
            match error.downcast::<Failure>() {
                Ok(failure) => failure.field("made", made.as_str()).into(),
                Err(error) => error,
            }
        })?;
        report.synced = Some(synced);
    }
    ui.done(&report, || sentences(&report))?;
    Ok(exit::DONE)
}

/// Sends what was made to a company's remote.
fn send(
    context: &Context,
    company: &Company,
    state: &mut State,
    report: &CreateReport,
) -> anyhow::Result<SyncReport> {
    let Context {
        ui, installation, ..
    } = context;
    let lock = installation.lock_company(company, "backup create --sync")?;
    let opened = context
        .remote(company, Some(state))
        .and_then(|(registry, remote)| {
            let remote = installation.prepare(&registry, remote, state, false)?;
            Ok((registry, remote))
        });
    let provider = company.provider.as_deref();
    let intent = Intent::of("sync", company, provider, report.local_path.clone());
    let (registry, remote) = state.attempted(intent, &lock, opened)?;
    context.warn_of_shared_disk(&registry, remote.place.provider);
    let watcher = ui.watcher();
    let sync = Sync {
        installation,
        remote: &remote,
        lock: &lock,
        options: SyncOptions::default(),
        progress: &watcher,
    };
    sync.set(state, &LocalSet::find(Path::new(&report.local_path)))
}

fn sentences(report: &CreateReport) -> String {
    let mut text = format!(
        "{}: {} ({}{})\n",
        report.message,
        printable(&report.local_path),
        bytes(report.size),
        in_parts(&report.parts)
    );
    // Writing to a String cannot fail.
    if let Some(sha256) = report.sha256 {
        let _ = writeln!(text, "SHA-256 {sha256}");
    }
    for (name, half) in [("Database", &report.database), ("Storage", &report.storage)] {
        if let Some(half) = half {
            let _ = write!(text, "{}", half_sentence(name, half));
        }
    }
    if let Some(synced) = &report.synced {
        let _ = writeln!(
            text,
            "{}: {}",
            synced.message,
            printable(&synced.remote_path)
        );
    }
    text
}

fn half_sentence(name: &str, half: &HalfReport) -> String {
    let files = match half.file_count {
        Some(1) => ", 1 file".to_owned(),
        Some(count) => format!(", {count} files"),
        None => String::new(),
    };
    format!(
        "{name}: {} ({}{}{files})\nSHA-256 {}\n",
        printable(&half.local_path),
        bytes(half.size),
        in_parts(&half.parts),
        half.sha256
    )
}

fn in_parts(parts: &[String]) -> String {
    match parts.len() {
        0 => String::new(),
        1 => " in 1 part".to_owned(),
        count => format!(" in {count} parts"),
    }
}
