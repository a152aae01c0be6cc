//! `history`: who did what, when, with what result.

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::args::History as Args;
use super::render::{Cell, Tone, left, time};
use crate::chain::Chain;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::{Entry, Query, Verdict};

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let Context { ui, installation } = context;
    let state = installation.state_if_any()?;
    if args.check {
        let chain = match &state {
            Some(state) => state.check_history(args.head.as_deref())?,
            None => Chain::empty().check_head(args.head.as_deref())?,
        };
        let report = json!({ "success": true, "message": "The history is whole", "rows": chain.rows, "head": chain.head });
        ui.result(&report, || {
            format!(
                "The history is whole: {} rows, head {}\n",
                chain.rows, chain.head
            )
        })?;
        return Ok(exit::DONE);
    }
    let since = args.since.as_deref().map(duration::parse).transpose();
    let since = since.map_err(|why| Failure::new(Code::Usage, format!("--since: {why}")))?;
    let since = since.map(|span| Timestamp::now().checked_sub(span).unwrap_or(Timestamp::MIN));
    let company = match &args.company {
        Some(name) => Some(installation.companies().find(name)?),
        None => None,
    };
    let company_id = company.map(|company| company.id);
    let query = Query {
        company_id,
        failed: args.failed,
        since,
        limit: args.limit,
    };
    let runs = match &state {
        Some(state) => state.runs(&query)?,
        None => Vec::new(),
    };
    let report = json!({ "success": true, "runs": runs, "count": runs.len() });
    ui.result(&report, || {
        if runs.is_empty() {
            "No runs\n".into()
        } else {
            table(context, &runs)
        }
    })?;
    Ok(exit::DONE)
}

fn table(context: &Context, runs: &[Entry]) -> String {
    let columns = [
        left("STARTED"),
        left("COMPANY"),
        left("OPERATION"),
        left("RESULT"),
        left("WHO"),
        left("WHAT"),
    ];
    let now = Timestamp::now();
    let rows = runs.iter().map(|run| {
        let tone = match run.verdict {
            Verdict::Ok => Tone::Good,
            Verdict::Skipped => Tone::Dim,
            Verdict::Failed | Verdict::Interrupted => Tone::Bad,
            Verdict::Running => Tone::Warn,
        };
        let who = match &run.actor.sudo_user {
            Some(sudo) => format!("{} (by {sudo})", run.actor.user),
            None => run.actor.user.clone(),
        };
        vec![
            time(run.started_at, now),
            run.company_id
                .as_ref()
                .map_or_else(|| Cell::toned("-", Tone::Dim), Cell::from),
            Cell::from(&run.operation),
            Cell::toned(run.verdict.name(), tone),
            who.into(),
            what(run).into(),
        ]
    });
    context.ui.table(&columns, rows.collect())
}

/// The file for what went well; for the rest, what it says of itself.
fn what(run: &Entry) -> String {
    let target = run.target.as_deref().unwrap_or_default();
    let operation = run.operation.as_str();
    let moves_file = matches!(
        operation,
        "sync" | "download" | "delete" | "prune" | "pin" | "unpin"
    );
    let name = if moves_file {
        target.rsplit('/').next().unwrap_or(target)
    } else {
        target
    };
    match (&run.detail, run.verdict) {
        (Some(detail), Verdict::Ok | Verdict::Skipped) if operation == "prune" => {
            if name.is_empty() {
                detail.clone()
            } else {
                format!("{name}: {detail}")
            }
        }
        (Some(detail), Verdict::Ok | Verdict::Skipped) if !moves_file => detail.clone(),
        (Some(detail), Verdict::Failed) => detail.clone(),
        _ => name.to_owned(),
    }
}
