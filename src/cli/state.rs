//! `state`: what is remembered of runs and backups, checked and rebuilt.

use serde::Serialize;

use super::Context;
use super::args::StateCommand;
use super::render::{Cell, Tone};
use super::verify::compare;
use crate::exit;
use crate::state::Examination;
use crate::verify::VerifyOptions;

pub(super) fn run(context: &Context, command: &StateCommand) -> anyhow::Result<u8> {
    match command {
        StateCommand::Check => check(context),
        StateCommand::Rebuild(args) => {
            let options = VerifyOptions {
                rebuild: true,
                ..VerifyOptions::default()
            };
            let whom = (args.companies.as_slice(), args.provider.as_deref());
            compare(context, whom, args.companies.len() != 1, options)
        }
    }
}

/// What `state check` tells.
#[derive(Serialize)]
struct Report<'a> {
    success: bool,
    message: String,
    path: String,
    #[serde(flatten)]
    found: &'a Examination,
}

fn check(context: &Context) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let found = installation.examine_state()?;
    let success = found.problems.is_empty();
    let path = installation.settings.state.value.display().to_string();
    let message = match found.state.as_str() {
        "ok" => "The state is sound".to_owned(),
        "missing" => "There is no state yet".to_owned(),
        state => format!("The state is {state}"),
    };
    let report = Report {
        success,
        message,
        path,
        found: &found,
    };
    if !success {
        let hint = match found.state.as_str() {
            "broken" => "somebody changed the state file; compare it with a backup of it",
            "foreign" => "name another file with VERTEX_BACKUP_STATE",
            "newer" => "use the version that wrote it, or a later one",
            _ => "vertex-backup state rebuild --all",
        };
        let message = format!("{}: {}", report.message, report.path);
        ui.error(&message, &found.problems, Some(hint));
    }
    ui.result(&report, || facts(context, &report))?;
    Ok(match found.state.as_str() {
        _ if success => exit::DONE,
        "broken" | "inconsistent" => exit::INTEGRITY,
        _ => exit::LOCAL_IO,
    })
}

fn facts(context: &Context, report: &Report<'_>) -> String {
    let found = report.found;
    let tone = if report.success {
        Tone::Good
    } else {
        Tone::Bad
    };
    let version = found.version.map_or_else(
        || Cell::toned("-", Tone::Dim),
        |version| Cell::from(version.to_string()),
    );
    let history = match (found.rows, &found.head) {
        (Some(rows), Some(head)) => format!("{rows} rows, head {head}").into(),
        _ => Cell::toned("-", Tone::Dim),
    };
    context.ui.facts(vec![
        ("File", Cell::from(&report.path)),
        ("State", Cell::toned(&found.state, tone)),
        ("Version", version),
        ("History", history),
        ("Known backups", found.sets.to_string().into()),
        ("Known files", found.objects.to_string().into()),
        ("Unfinished uploads", found.uploads.to_string().into()),
        ("Runs without a verdict", found.running.to_string().into()),
    ])
}
