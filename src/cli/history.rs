//! `history`: who did what, when, with what result.

use jiff::Timestamp;
use serde_json::{Map, json};

use super::Context;
use super::args::History as Args;
use super::render::{Cell, Layout, Tone, left, time};
use super::stream::JsonList;
use crate::chain::Chain;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::{Entry, Query, Verdict};
use crate::state::State;

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let state = installation.state_if_any()?;
    if args.check {
        let head = args.head.as_deref().map(noted).transpose()?;
        let chain = match &state {
            Some(state) => state.check_history(head.as_deref())?,
            None => Chain::empty().check_head(head.as_deref())?,
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
        limit: Some(args.limit).filter(|limit| *limit > 0),
    };
    let state = state.as_ref();
    if ui.is_json() {
        let mut list = JsonList::new(ui, "runs", true);
        if let Some(state) = state {
            state.runs(&query, |runs| list.page(runs.iter()))?;
        }
        list.finish(&Map::new())?;
    } else {
        let count = state.map_or(Ok(0), |state| table(context, state, &query))?;
        if count == 0 {
            ui.text("No runs\n")?;
        }
    }
    Ok(exit::DONE)
}

/// Twice over the runs: once for the widths, once to print; how many there were.
/// A head as it was noted. None at all is a note that was lost, and proves nothing.
fn noted(head: &str) -> Result<String, Failure> {
    let head = head.trim();
    if head.is_empty() {
        let detail = "--head: it is empty; the note of the head was lost";
        return Err(Failure::new(Code::Usage, detail).hint("leave --head out to check without it"));
    }
    Ok(head.to_lowercase())
}

fn table(context: &Context, state: &State, query: &Query) -> anyhow::Result<usize> {
    let mut layout = Layout::new(&[
        left("STARTED"),
        left("COMPANY"),
        left("OPERATION"),
        left("RESULT"),
        left("WHO"),
        left("WHAT"),
    ]);
    let (ui, now) = (&context.ui, Timestamp::now());
    let rows = |runs: &[Entry]| runs.iter().map(|run| row(run, now)).collect::<Vec<_>>();
    state.runs(query, |runs| {
        layout.measure(&rows(runs));
        Ok(())
    })?;
    let mut is_first = true;
    state.runs(query, |runs| {
        let page = ui.page(&layout, rows(runs), std::mem::take(&mut is_first));
        Ok(ui.text(&page)?)
    })
}

fn row(run: &Entry, now: Timestamp) -> Vec<Cell> {
    let tone = match run.verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Skipped => Tone::Dim,
        Verdict::Failed | Verdict::Interrupted => Tone::Bad,
        Verdict::Refused | Verdict::Running => Tone::Warn,
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
        (Some(detail), Verdict::Failed | Verdict::Refused) => detail.clone(),
        _ => name.to_owned(),
    }
}
