//! `verify`: remotes compared with what should be on them.

use serde_json::{Map, Value, json};

use super::Context;
use super::args::Verify as Args;
use super::batch::Batch;
use super::render::{Cell, Tone, left, right};
use super::round::{Round, Visitor, table};
use crate::company::Company;
use crate::failure::{Code, Failure};
use crate::history::note_recorded;
use crate::installation::Remote;
use crate::lock::Lock;
use crate::name::FileName;
use crate::report::{Finding, VerifyReport};
use crate::state::State;
use crate::text::{bytes, companies};
use crate::verify::{REBUILD, Summary, Verified, Verify, VerifyOptions, hint};

/// What `verify` does at each company.
struct Comparison<'a> {
    context: &'a Context,
    options: VerifyOptions,
    summary: Summary,
    /// Each begins with its company's name.
    rows: Vec<Vec<Cell>>,
}

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let names = args.filenames.iter().map(|name| FileName::new(name));
    let options = VerifyOptions {
        names: names.collect::<Result<_, _>>()?,
        of_type: args.backup_type.as_deref().map(str::parse).transpose()?,
        download: args.download,
        sample: args.sample,
        rebuild: false,
    };
    let whom = (args.company.as_slice(), args.provider.as_deref());
    compare(context, whom, args.all, options)
}

/// Compares the backups of companies with what should be there, and tells.
pub(super) fn compare(
    context: &Context,
    whom: (&[String], Option<&str>),
    is_several: bool,
    options: VerifyOptions,
) -> anyhow::Result<u8> {
    let mut comparison = Comparison {
        context,
        options,
        summary: Summary::default(),
        rows: Vec::new(),
    };
    let round = Round::run(context, whom, &mut comparison)?;
    let Comparison { summary, rows, .. } = comparison;
    let exit = round.exit();
    let message = if is_several {
        format!("{}; {}", summary.in_words(), companies(round.companies()))
    } else {
        summary.in_words()
    };
    let columns = [
        left("COMPANY"),
        left("NAME"),
        left("TYPE"),
        right("SIZE"),
        left("RESULT"),
        left("COMPARED WITH / PROBLEM"),
    ];
    let human = || table(&context.ui, &columns, rows, is_several, &message);
    let rest = rest(&summary);
    Ok(round
        .batch
        .conclude(&context.ui, &message, exit, &rest, human)?)
}

impl Visitor for Comparison<'_> {
    fn operation(&self) -> &'static str {
        if self.options.rebuild {
            REBUILD
        } else {
            "verify"
        }
    }

    fn lock(&self, context: &Context, company: &Company) -> Result<Lock, Failure> {
        context.installation.lock_company(company, self.operation())
    }

    fn visit(
        &mut self,
        remote: &Remote,
        lock: &Lock,
        state: &mut State,
        batch: &mut Batch,
    ) -> anyhow::Result<u8> {
        let watcher = self.context.ui.watcher();
        let verify = Verify {
            remote,
            lock,
            options: self.options.clone(),
            progress: &watcher,
        };
        let (context, rows) = (self.context, &mut self.rows);
        let mut tell = |verified: Verified| match verified {
            Verified::Compared(report) => {
                rows.push(row(&report));
                told(context, &report, batch);
            }
            Verified::Failed { name, error } => {
                let company = &remote.company;
                let what = [
                    ("company_id", company.id.as_str()),
                    ("company_name", company.name.as_str()),
                    ("filename", name.as_str()),
                ];
                // It is one of a run that has its row.
                note_recorded(&error);
                batch.failed(context, &what, &error);
                let code = Failure::of(&error).map_or("unexpected", |f| f.code().name());
                rows.push(vec![
                    Cell::from(&company.name),
                    Cell::from(&name),
                    absent(),
                    absent(),
                    Cell::toned("failed", Tone::Bad),
                    code.into(),
                ]);
            }
        };
        let summary = verify.run(state, &mut tell)?;
        self.summary.merge(&summary);
        if self.options.rebuild
            && Finding::ALL
                .iter()
                .any(|finding| summary.count(*finding) > 0)
        {
            remember_storage(context, remote, state)?;
        }
        Ok(summary.exit())
    }
}

/// Remembers which storage it is, now that backups were found there: another one, or an
/// empty folder where it should be mounted, will not be taken for it.
fn remember_storage(context: &Context, remote: &Remote, state: &mut State) -> anyhow::Result<()> {
    let installation = &context.installation;
    let registry = context.providers()?;
    let mut remote = installation.remote(&registry, &remote.company, Some(state))?;
    installation.claim(&registry, &mut remote, state)
}

/// What is bad is told at once, with the way out.
fn told(context: &Context, report: &VerifyReport, batch: &mut Batch) {
    if !report.result.is_bad() {
        return batch.done(report, report.result == Finding::Unproven);
    }
    let mut causes: Vec<String> = report
        .differences
        .iter()
        .map(|difference| {
            format!(
                "'{}' is {}, but the {} says {}",
                difference.file, difference.found, difference.with, difference.expected
            )
        })
        .collect();
    if causes.is_empty() && report.result != Finding::Missing {
        causes.clone_from(&report.problems);
    }
    let message = format!("{}: {}", report.company_id, report.message);
    context.ui.error(&message, &causes, Some(&hint(report)));
    batch.bad(report, Code::IntegrityFailed.exit());
}

fn rest(summary: &Summary) -> Map<String, Value> {
    let mut counts: Map<String, Value> = Finding::ALL
        .iter()
        .map(|finding| (finding.name().to_owned(), json!(summary.count(*finding))))
        .collect();
    counts.insert("failed".into(), json!(summary.failed()));
    counts.insert("bytes_read".into(), json!(summary.bytes_read));
    Map::from_iter([("summary".to_owned(), Value::Object(counts))])
}

fn absent() -> Cell {
    Cell::toned("-", Tone::Dim)
}

fn row(report: &VerifyReport) -> Vec<Cell> {
    let tone = match report.result {
        Finding::Ok => Tone::Good,
        Finding::Unproven => Tone::Warn,
        _ => Tone::Bad,
    };
    let why = if report.problems.is_empty() {
        report.compared_with.join(", ")
    } else {
        report.problems.join(", ")
    };
    vec![
        Cell::from(&report.company_name),
        Cell::from(&report.name),
        report.backup_type.name().into(),
        bytes(report.size).into(),
        Cell::toned(report.result.name(), tone),
        why.into(),
    ]
}
