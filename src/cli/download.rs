//! `download`: a backup back to this machine.

use std::path::Path;

use super::Context;
use super::args::Download as Args;
use super::sync::in_parts;
use super::ui::Ui;
use crate::download::{Download, DownloadOptions};
use crate::exit;
use crate::failure::{Code, Failure};
use crate::name::FileName;
use crate::progress::Progress as _;
use crate::report::DownloadReport;
use crate::state::State;
use crate::target::Output;
use crate::text::printable;
use crate::wanted::{Trust, Wanted};

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let backup_type = args.backup_type.as_deref().map(str::parse).transpose()?;
    if let Some(name) = &args.filename {
        FileName::new(name)?;
    }
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout {
        refuse_shared_stdout(ui)?;
    }
    let company = installation.companies().find(&args.company)?;
    let reading = context.state_for_reading();
    let (_, remote) = context.remote(&company, reading.as_ref())?;
    let trust = if args.force {
        Trust::Remote
    } else {
        Trust::Record
    };
    let find = |state: Option<&State>| match &args.filename {
        Some(name) => Wanted::find(&remote, state, name, trust),
        None => Wanted::latest(&remote, state, backup_type, trust),
    };
    let wanted = find(reading.as_ref())?;
    drop(reading);
    let output = args.output.clone().map_or(Output::Default, Output::Path);
    let watcher = ui.watcher();
    let options = DownloadOptions {
        output,
        force: args.force,
        resumable: true,
    };
    let download = Download {
        installation,
        remote: &remote,
        options,
        progress: &watcher,
    };
    let mut state = installation.state().inspect_err(|failure| {
        ui.warn(&format!(
            "{failure}; the download goes on without a row in the history"
        ));
    });
    if to_stdout {
        let sha256 = download.stream(state.as_mut().ok(), &wanted, &mut Ui::raw_stdout())?;
        watcher.note(&format!("'{}' has the SHA-256 {sha256}", wanted.name));
        return Ok(exit::DONE);
    }
    let brought = download.backup(state.as_mut().ok(), &wanted);
    let report = match brought {
        // Replaced while it was read: what has the name now is what is wanted.
        Err(error) if may_have_changed(&error) => match find(state.as_ref().ok()) {
            Ok(now) if now.version() != wanted.version() => {
                watcher.note(&format!("{error}; it is fetched anew"));
                download.backup(state.as_mut().ok(), &now)?
            }
            _ => return Err(error),
        },
        brought => brought?,
    };
    ui.done(&report, || sentence(&report))?;
    Ok(exit::DONE)
}

/// Whether a failure is one that a backup replaced meanwhile would explain.
fn may_have_changed(error: &anyhow::Error) -> bool {
    Failure::of(error)
        .is_some_and(|failure| failure.code() == Code::IntegrityFailed && failure.is_retryable())
}

/// Raw bytes and anything else do not go together.
fn refuse_shared_stdout(ui: &Ui) -> Result<(), Failure> {
    let why = if ui.is_json() {
        "and --json cannot both have stdout"
    } else if Ui::stdout_is_terminal() {
        "would fill the terminal with bytes"
    } else {
        return Ok(());
    };
    Err(Failure::new(Code::Usage, format!("-o - {why}"))
        .hint("redirect it, or choose a file with -o"))
}

fn sentence(report: &DownloadReport) -> String {
    let DownloadReport {
        message,
        local_path,
        size,
        sha256,
        sidecar,
        compared_with,
        parts,
        ..
    } = report;
    let sidecar = if sidecar.is_some() {
        ", with its sidecar"
    } else {
        ""
    };
    let (path, size, compared) = (
        printable(local_path),
        in_parts(*size, parts.len()),
        compared_with.join(", "),
    );
    format!("{message}: {path} ({size}{sidecar})\nSHA-256 {sha256}, compared with: {compared}\n")
}
