//! `sync COMPANY` and `sync --all`: every local backup that the remotes lack.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::{Map, json};

use super::Context;
use super::args::Sync as Args;
use super::batch::Batch;
use super::config::{tell_unreadable, unreadable_as_json};
use super::progress::Labelled;
use super::render::{Cell, Tone, left, right};
use super::sync::{options, result_of};
use crate::backup::local_time;
use crate::bulk::{Bulk, Outcome, Selection};
use crate::company::{Company, Filter};
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::provider::ProviderKind;
use crate::text::bytes;

/// What has been done so far, by whichever company's run.
#[derive(Default)]
struct Tally {
    batch: Batch,
    /// Each with its company's name.
    rows: Vec<(String, Vec<Cell>)>,
    synced: usize,
    bytes: u64,
    companies: usize,
    /// Why the one company that was asked for could not even be begun.
    unbegun: Option<anyhow::Error>,
}

pub(super) fn run(context: &Context, args: &Args, company: Option<&str>) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let provider: Option<ProviderKind> = args.provider.as_deref().map(str::parse).transpose()?;
    let selection = Selection {
        of_type: args.backup_type.as_deref().map(str::parse).transpose()?,
        latest: args.latest,
        since: args.since.as_deref().map(since).transpose()?,
    };
    let company = company
        .map(|name| installation.companies().find(name))
        .transpose()?;
    if let Some(company) = &company {
        crate::directories::assignment(company)?;
    }
    let registry = context.providers()?;
    let bulk = Bulk::new(
        installation,
        &registry,
        options(args),
        selection,
        args.fail_fast,
        provider,
    )?;
    let watcher = ui.watcher();
    let tally = Mutex::new(Tally::default());
    let is_one = company.is_some();
    let tell = |company: &Company, outcome: Outcome| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.add(context, company, outcome, is_one);
    };
    let (mut told, mut rest) = (exit::DONE, Map::new());
    if let Some(company) = &company {
        if company.provider.as_deref() == Some(ProviderKind::Local.name()) {
            context.warn_of_shared_disk(&registry, ProviderKind::Local);
        }
        bulk.company(company, &watcher, &tell);
    } else {
        let filter = Filter {
            provider,
            configured: Some(true),
        };
        let progress_of = |company: &Company| -> Box<dyn Progress + '_> {
            Box::new(Labelled::new(&watcher, &company.id))
        };
        let unreadable = bulk.all(&filter, args.jobs.into(), &progress_of, &tell)?;
        told = tell_unreadable(context, &unreadable);
        rest.insert("unreadable".into(), unreadable_as_json(&unreadable));
    }
    let Tally {
        batch,
        rows,
        synced,
        bytes: sent,
        companies,
        unbegun,
    } = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = unbegun {
        return Err(error);
    }
    let message = message(args, synced, sent, companies, batch.failures());
    let code = match batch.exit() {
        exit::DONE => told,
        code => code,
    };
    let human = || table(context, rows, is_one, &message);
    Ok(batch.conclude(ui, &message, code, &rest, human)?)
}

/// `7d`, or a date: in the application's local time, as the names of its backups are.
fn since(text: &str) -> Result<DateTime, Failure> {
    if let Ok(date) = text.parse::<Date>() {
        return Ok(date.to_datetime(jiff::civil::Time::midnight()));
    }
    let age = duration::parse(text).map_err(|why| {
        let detail = format!("--since: {why}, or a date like 2025-01-31");
        Failure::new(Code::Usage, detail)
    })?;
    let start = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    Ok(local_time(start))
}

impl Tally {
    fn add(&mut self, context: &Context, company: &Company, outcome: Outcome, is_one: bool) {
        self.batch.about(&company.id);
        let row = |cells: [Cell; 4]| {
            let [result, kind, size, name] = cells;
            (
                company.name.clone(),
                vec![Cell::from(&company.name), result, kind, size, name],
            )
        };
        let absent = || Cell::toned("-", Tone::Dim);
        match outcome {
            Outcome::UpToDate(count) => {
                self.companies += 1;
                let message = match count {
                    0 => "There are no backups to sync".to_owned(),
                    1 => "Nothing to do: the remote has the backup".to_owned(),
                    count => format!("Nothing to do: the remote has all {count} backups"),
                };
                let report = json!({
                    "success": true, "message": message, "company_id": company.id,
                    "company_name": company.name, "provider": company.provider, "skipped": true,
                });
                self.batch.done(&report, true);
                let result = match count {
                    0 => Cell::toned("no backups", Tone::Warn),
                    _ => Cell::toned("up to date", Tone::Dim),
                };
                self.rows.push(row([result, absent(), absent(), absent()]));
            }
            Outcome::Synced(report) => {
                self.batch.done(&*report, report.skipped);
                if !report.skipped {
                    self.synced += 1;
                    let sent = report.parts.iter().filter(|part| !part.skipped);
                    self.bytes += sent.map(|part| part.size).sum::<u64>();
                }
                let name = report.remote_path.rsplit('/').next().unwrap_or_default();
                let size = bytes(report.size).into();
                let kind = report.backup_type.name().into();
                self.rows
                    .push(row([result_of(&report), kind, size, name.into()]));
            }
            Outcome::Failed {
                backup: None,
                error,
            } if is_one => self.unbegun = Some(error),
            Outcome::Failed { backup, error } => {
                let path = backup.map(|path| path.display().to_string());
                let mut what = vec![
                    ("company_id", company.id.as_str()),
                    ("company_name", company.name.as_str()),
                ];
                what.extend(path.as_deref().map(|path| ("local_path", path)));
                self.batch.failed(context, &what, &error);
                let code =
                    Failure::of(&error).map_or("unexpected", |failure| failure.code().name());
                let result = Cell::toned(format!("failed: {code}"), Tone::Bad).or_short("failed");
                let name = path.as_deref().and_then(|path| path.rsplit('/').next());
                let name = name.map_or_else(absent, Cell::from);
                self.rows.push(row([result, absent(), absent(), name]));
            }
        }
    }
}

fn message(args: &Args, synced: usize, sent: u64, up_to_date: usize, failed: usize) -> String {
    let would = if args.dry_run {
        "would be synced"
    } else {
        "synced"
    };
    let interrupted = crate::interrupt::received().is_some();
    if synced == 0 && failed == 0 && !interrupted {
        return "Nothing to do: no remote lacks a backup".to_owned();
    }
    let plural = if synced == 1 { "backup" } else { "backups" };
    let mut words = vec![format!("{synced} {plural} {would} ({})", bytes(sent))];
    if args.all {
        let companies = if up_to_date == 1 {
            "company"
        } else {
            "companies"
        };
        words.push(format!("{up_to_date} {companies} with nothing to do"));
    }
    if failed > 0 {
        words.push(format!("{failed} failed"));
    }
    if interrupted {
        words.push("interrupted before the rest".to_owned());
    }
    words.join(", ")
}

fn table(
    context: &Context,
    mut rows: Vec<(String, Vec<Cell>)>,
    is_one: bool,
    message: &str,
) -> String {
    if rows.is_empty() {
        let none = "No company has a provider; assign one with: vertex-backup config set COMPANY --provider P";
        let is_known = is_one || crate::interrupt::received().is_some();
        return format!("{}\n", if is_known { message } else { none });
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let columns = [
        left("COMPANY"),
        left("RESULT"),
        left("TYPE"),
        right("SIZE"),
        left("BACKUP"),
    ];
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    format!("{}\n{message}\n", context.ui.table(&columns, rows))
}
