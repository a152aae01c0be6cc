//! `restore-test`: backups brought back for a test, and really opened.

use std::path::PathBuf;

use serde_json::Map;

use super::Context;
use super::args::RestoreTest as Args;
use super::batch::Batch;
use super::render::{Cell, Tone, left, right};
use super::round::{Round, Visitor, common, table};
use crate::company::Company;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::note_recorded;
use crate::installation::{Remote, shell_word};
use crate::lock::Lock;
use crate::name::FileName;
use crate::report::RestoreReport;
use crate::restore_test::{Choice, RestoreTest, Tested};
use crate::scratch::Scratch;
use crate::state::State;
use crate::text::{backups, bytes};

/// What `restore-test` does at each company.
struct Trials<'a> {
    context: &'a Context,
    choice: Choice,
    scratch: Scratch,
    /// Each begins with its company's name.
    rows: Vec<Vec<Cell>>,
    passed: usize,
}

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let of_type = args.backup_type.as_deref().map(str::parse).transpose()?;
    let choice = match &args.filename {
        Some(name) => Choice::Named(FileName::new(name)?),
        None if args.latest => Choice::Latest(of_type),
        None => Choice::EachType(of_type),
    };
    let mut trials = Trials {
        context,
        choice,
        scratch: Scratch::inside(&base(args))?,
        rows: Vec::new(),
        passed: 0,
    };
    let whom = (args.company.as_slice(), args.provider.as_deref());
    let round = Round::run(context, whom, &mut trials)?;
    let Trials {
        rows,
        passed,
        scratch,
        ..
    } = trials;
    drop(scratch);
    let failed = round.batch.failures();
    let failed = match failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    let message = format!("{} brought back and opened{failed}", backups(passed));
    let exit = round.exit();
    let columns = [
        left("COMPANY"),
        left("NAME"),
        left("TYPE"),
        right("SIZE"),
        left("VERDICT"),
        right("TOOK"),
        left("FOUND"),
    ];
    let human = || table(&context.ui, &columns, rows, args.all, &message);
    Ok(round
        .batch
        .conclude(&context.ui, &message, exit, &Map::new(), human)?)
}

/// Where the scratch folder is made.
fn base(args: &Args) -> PathBuf {
    let told = || std::env::var_os("VERTEX_BACKUP_SCRATCH").filter(|told| !told.is_empty());
    let scratch = args.scratch.clone().or_else(|| told().map(PathBuf::from));
    scratch.unwrap_or_else(std::env::temp_dir)
}

impl Visitor for Trials<'_> {
    fn operation(&self) -> &'static str {
        "restore-test"
    }

    /// Not the company's own lock: a test may take hours, and must not keep a night's sync from running.
    fn lock(&self, context: &Context, company: &Company) -> Result<Lock, Failure> {
        let what = format!("The restore test of company '{}'", company.id);
        context.installation.lock(&what, "restore-test")
    }

    fn visit(
        &mut self,
        remote: &Remote,
        lock: &Lock,
        state: &mut State,
        batch: &mut Batch,
    ) -> anyhow::Result<u8> {
        let watcher = self.context.ui.watcher();
        let test = RestoreTest {
            installation: &self.context.installation,
            remote,
            lock,
            scratch: &self.scratch,
            choice: self.choice.clone(),
            progress: &watcher,
        };
        let (context, rows, passed) = (self.context, &mut self.rows, &mut self.passed);
        let mut exits = Vec::new();
        let mut tell = |tested: Tested| match tested {
            Tested::Verdict(report) => {
                *passed += usize::from(report.success);
                exits.push(told(context, &report, batch));
                rows.extend(report.halves.iter().map(row));
                rows.push(row(&report));
            }
            Tested::Failed { name, error } => {
                let company = &remote.company;
                let what = [
                    ("company_id", company.id.as_str()),
                    ("company_name", company.name.as_str()),
                    ("filename", name.as_str()),
                ];
                // It is one of a run that has its row.
                note_recorded(&error);
                batch.failed(context, &what, &error);
                let failure = Failure::of(&error);
                exits.push(failure.map_or(exit::UNEXPECTED, |f| f.code().exit()));
                let why = failure.map_or("unexpected", |f| f.code().name());
                let absent = || Cell::toned("-", Tone::Dim);
                rows.push(vec![
                    Cell::from(&company.name),
                    Cell::from(&name),
                    absent(),
                    absent(),
                    Cell::toned("not tested", Tone::Bad),
                    absent(),
                    why.into(),
                ]);
            }
        };
        test.run(state, &mut tell)?;
        // A backup that cannot be restored is the most urgent news.
        if exits.contains(&exit::INTEGRITY) {
            return Ok(exit::INTEGRITY);
        }
        Ok(common(&exits))
    }
}

/// What failed is told at once, with the way out; the exit code of the one.
fn told(context: &Context, report: &RestoreReport, batch: &mut Batch) -> u8 {
    let Some(problem) = &report.problem else {
        batch.done(report, false);
        return exit::DONE;
    };
    let hint = format!(
        "make a new backup and sync it, and test another: vertex-backup files {}",
        shell_word(&report.company_id)
    );
    let message = format!("{}: {}", report.company_id, report.message);
    context
        .ui
        .error(&message, std::slice::from_ref(problem), Some(&hint));
    let exit = Code::IntegrityFailed.exit();
    batch.bad(report, exit);
    exit
}

fn row(report: &RestoreReport) -> Vec<Cell> {
    let tone = if report.success {
        Tone::Good
    } else {
        Tone::Bad
    };
    let took = std::time::Duration::from_secs_f64(report.seconds);
    vec![
        Cell::from(&report.company_name),
        Cell::from(&report.name),
        report.backup_type.name().into(),
        bytes(report.size).into(),
        Cell::toned(report.verdict, tone),
        duration::show(took).into(),
        found(report).into(),
    ]
}

/// What was found in it, or why it failed.
fn found(report: &RestoreReport) -> String {
    let counted = |count: u64, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    match (&report.problem, report.database, report.archive) {
        (Some(problem), ..) => problem.clone(),
        (None, Some(found), _) => {
            let companies = counted(found.companies, "company", "companies");
            format!("integrity {}, {companies}", found.integrity)
        }
        (None, None, Some(found)) => {
            let entries = counted(found.entries, "entry", "entries");
            let files = counted(found.files, "file", "files");
            format!("{entries}, {files}, {}", bytes(found.bytes))
        }
        (None, None, None) => "both halves".into(),
    }
}
