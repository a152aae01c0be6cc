//! `init`: a standalone database, where there is no application.

use serde_json::json;

use super::Context;
use crate::company::Filter;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::standalone::create_database;

pub(super) fn run(context: &Context) -> anyhow::Result<u8> {
    let db = &context.installation.settings.db.value;
    let created = match create_database(db) {
        Ok(()) => {
            record(context)?;
            true
        }
        // Asked for twice, it is there; anything else of that name is not ours to judge.
        Err(failure) if failure.code() == Code::AlreadyExists => {
            let count = context
                .installation
                .companies()
                .pages(&Filter::default(), |_, _| Ok(()));
            count.map_err(|error| match Failure::of(&error) {
                Some(_) => failure.hint("choose another file with --db FILE").into(),
                None => error,
            })?;
            false
        }
        Err(failure) => return Err(failure.into()),
    };
    let message = if created {
        "Database created"
    } else {
        "Database is already there"
    };
    let report = json!({ "success": true, "message": message, "database": db.display().to_string(), "created": created });
    context
        .ui
        .done(&report, || format!("{message}: {}\n", db.display()))?;
    if created {
        context
            .ui
            .note("add a company: vertex-backup company add ID --name NAME");
    }
    Ok(exit::DONE)
}

/// Begins the history beside the new database.
fn record(context: &Context) -> anyhow::Result<()> {
    let db = &context.installation.settings.db.value;
    let intent = Intent {
        operation: "init".into(),
        target: Some(db.display().to_string()),
        ..Intent::default()
    };
    let done = Outcome::done(Verdict::Ok, "Database created", 0);
    let mut state = context.installation.state()?;
    state.recorded(intent, None, |_| Ok(((), done)))
}
