//! `backup list`, `backup verify` and `backup rotate`: the backups on this machine.

use std::collections::BTreeMap;

use jiff::{Timestamp, Zoned};
use serde::Serialize;
use serde_json::json;

use crate::backup::{BackupType, moment};
use crate::cli::Context;
use crate::cli::args::{BackupList, BackupRotate, BackupVerify};
use crate::cli::batch::Batch;
use crate::cli::render::{Cell, Tone, left, maybe_time, right};
use crate::create::lock_name;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::local_backups::{LocalReport, LocalVerdict, LocalVerify, Rotation, all, remove, report};
use crate::local_set::LocalSet;
use crate::report::Finding;
use crate::text::{backups as in_words, bytes};

fn of_type(text: Option<&str>) -> Result<Option<BackupType>, Failure> {
    text.map(str::parse).transpose()
}

pub(super) fn list(context: &Context, args: &BackupList) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let found = all(installation, of_type(args.backup_type.as_deref())?)?;
    let now = Timestamp::now();
    let backups: Vec<LocalReport> = found.iter().map(|local| report(local, now)).collect();
    // A full backup's bytes are those of its halves, which are listed too.
    let size: u64 = found
        .iter()
        .map(|local| local.set.files.iter().map(|file| file.size).sum::<u64>())
        .sum();
    let folder = installation.settings.backup_dir.value.display().to_string();
    let document = json!({
        "success": true, "backup_dir": folder, "backups": backups, "count": backups.len(), "size": size,
    });
    ui.result(&document, || {
        if backups.is_empty() {
            return format!("No backups in {}\n", crate::text::printable(&folder));
        }
        let rows = backups.iter().map(|backup| listed(backup, now)).collect();
        let columns = [
            left("NAME"),
            left("TYPE"),
            right("SIZE"),
            right("PARTS"),
            left("CREATED"),
            left("COMPLETE"),
        ];
        format!(
            "{}\n{}, {} in {}\n",
            ui.table(&columns, rows),
            in_words(backups.len()),
            bytes(size),
            crate::text::printable(&folder)
        )
    })?;
    Ok(exit::DONE)
}

fn listed(backup: &LocalReport, now: Timestamp) -> Vec<Cell> {
    let created = backup.created.and_then(moment);
    vec![
        Cell::from(&backup.name),
        backup.backup_type.name().into(),
        bytes(backup.size).into(),
        backup.parts.len().to_string().into(),
        maybe_time(created, now),
        if backup.complete {
            "yes".into()
        } else {
            Cell::toned(crate::sets::in_words(&backup.problems), Tone::Bad)
        },
    ]
}

pub(super) fn verify(context: &Context, args: &BackupVerify) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let of_type = of_type(args.backup_type.as_deref())?;
    let found = if args.files.is_empty() {
        all(installation, of_type)?
    } else {
        args.files.iter().map(|file| LocalSet::find(file)).collect()
    };
    let watcher = ui.watcher();
    let mut verify = LocalVerify::new(installation, &watcher);
    let (mut batch, mut rows) = (Batch::default(), Vec::new());
    let (mut counts, mut bad) = (BTreeMap::<Finding, usize>::new(), 0);
    for local in &found {
        match verify.verify(local) {
            Ok(verdict) => {
                bad += usize::from(verdict.result.is_bad());
                *counts.entry(verdict.result).or_default() += 1;
                rows.push(judged(&verdict));
                if verdict.result.is_bad() {
                    let text = format!("'{}' is not what it should be", verdict.local_path);
                    ui.error(
                        &text,
                        &verdict.problems,
                        Some("make a new backup: vertex-backup backup create"),
                    );
                    batch.bad(&verdict, Code::IntegrityFailed.exit());
                } else {
                    batch.done(&verdict, verdict.result == Finding::Unproven);
                }
            }
            Err(error) => {
                let path = local.first_path().display().to_string();
                batch.failed(context, &[("local_path", &path)], &error);
            }
        }
        if crate::interrupt::received().is_some() {
            break;
        }
    }
    let message = compared(&counts, batch.failures() - bad, found.len());
    // One that differs is what the question was about, however many do not.
    let only_bad = bad > 0 && bad == batch.failures();
    let human = || {
        let columns = [
            left("NAME"),
            left("TYPE"),
            right("SIZE"),
            left("RESULT"),
            left("PROBLEM"),
        ];
        if rows.is_empty() {
            return format!("{message}\n");
        }
        format!("{}\n{message}\n", ui.table(&columns, rows))
    };
    let code = batch.finish(ui, &message, human)?;
    Ok(if code == exit::PARTIAL && only_bad {
        exit::INTEGRITY
    } else {
        code
    })
}

/// What all verdicts add up to; those that could not be read have none.
fn compared(counts: &BTreeMap<Finding, usize>, failed: usize, all: usize) -> String {
    let mut each: Vec<String> = counts
        .iter()
        .map(|(finding, count)| format!("{count} {}", finding.name()))
        .collect();
    if failed > 0 {
        each.push(format!("{failed} failed"));
    }
    let colon = if each.is_empty() { "" } else { ": " };
    let all = in_words(all);
    format!(
        "{all} compared with their sidecars{colon}{}",
        each.join(", ")
    )
}

fn judged(verdict: &LocalVerdict) -> Vec<Cell> {
    let tone = match verdict.result {
        Finding::Ok => Tone::Good,
        Finding::Unproven => Tone::Warn,
        _ => Tone::Bad,
    };
    let problems = verdict.problems.join(", ");
    vec![
        Cell::from(&verdict.name),
        verdict.backup_type.name().into(),
        bytes(verdict.size).into(),
        Cell::toned(verdict.result.name(), tone),
        if problems.is_empty() {
            Cell::toned("-", Tone::Dim)
        } else {
            problems.into()
        },
    ]
}

/// One backup of a rotation's plan.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    backup: LocalReport,
    action: &'static str,
    reasons: &'a [String],
}

pub(super) fn rotate(context: &Context, args: &BackupRotate) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let only = of_type(args.backup_type.as_deref())?;
    let keep_last = u32::from(args.keep_last);
    let lock = installation.lock(&lock_name(installation), "backup rotate")?;
    let rotation = Rotation::plan(all(installation, None)?, keep_last, only, &Zoned::now());
    let going: Vec<&LocalSet> = rotation.going().collect();
    let freed: u64 = going.iter().map(|local| local.set.own_size()).sum();
    let is_shown = !ui.is_json() && (!ui.is_quiet() || args.dry_run);
    if is_shown {
        ui.text(&plan_table(context, &rotation))?;
    }
    let mut removed = 0;
    let mut failure = None;
    if !args.dry_run && !going.is_empty() {
        let question = format!(
            "Remove {} ({}) from this machine",
            in_words(going.len()),
            bytes(freed)
        );
        ui.confirm(&question)?;
        let mut state = installation.state()?;
        for local in &going {
            match remove(&mut state, &lock, local) {
                Ok(()) => removed += 1,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let (count, kept) = (going.len(), rotation.rows.len() - going.len());
    let message = match (count, args.dry_run) {
        (0, _) => format!("Nothing to remove, {} kept", in_words(kept)),
        (_, true) => format!(
            "{count} of {} would be removed ({})",
            in_words(rotation.rows.len()),
            bytes(freed)
        ),
        (_, false) => format!(
            "{removed} of {} removed ({})",
            in_words(rotation.rows.len()),
            bytes(freed)
        ),
    };
    let now = Timestamp::now();
    let plan: Vec<Planned<'_>> = rotation
        .rows
        .iter()
        .map(|(local, decision)| Planned {
            backup: report(local, now),
            action: if decision.keep { "keep" } else { "remove" },
            reasons: &decision.reasons,
        })
        .collect();
    let document = json!({
        "success": true, "message": message, "plan": plan, "removed": removed, "kept": kept,
        "freed": if args.dry_run { 0 } else { freed }, "dry_run": args.dry_run,
    });
    if ui.is_json() || is_shown {
        ui.result(&document, || format!("{message}\n"))?;
    }
    Ok(exit::DONE)
}

fn plan_table(context: &Context, rotation: &Rotation) -> String {
    if rotation.rows.is_empty() {
        return String::new();
    }
    let now = Timestamp::now();
    let rows = rotation.rows.iter().map(|(local, decision)| {
        let created = local.made().and_then(moment);
        let action = if decision.keep {
            Cell::toned("keep", Tone::Good)
        } else {
            Cell::toned("remove", Tone::Warn)
        };
        vec![
            action,
            Cell::from(&local.set.name),
            local.set.backup_type.name().into(),
            maybe_time(created, now),
            bytes(local.size()).into(),
            decision.reasons.join(", ").into(),
        ]
    });
    let columns = [
        left("ACTION"),
        left("NAME"),
        left("TYPE"),
        left("CREATED"),
        right("SIZE"),
        left("REASON"),
    ];
    format!("{}\n", context.ui.table(&columns, rows.collect()))
}
