//! `prune`: remove the backups that retention no longer keeps.
//!
//! Every plan is made and shown first, then one question stands for all of
//! them; what is removed is only ever what was shown.

mod table;

use jiff::Zoned;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use super::args::Prune as Args;
use super::batch::{Batch, exit_of};
use super::delete::IN_TRASH;
use super::failure::Verdict;
use crate::backup::BackupType;
use crate::company::{Company, Filter};
use crate::directories::Directories;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::Intent;
use crate::installation::Remote;
use crate::outage::Outages;
use crate::provider::registry::Registry;
use crate::provider::{Deletion, ProviderKind};
use crate::prune::{Fate, Plan, Planned, Pruned, carry_out, plan, record, rules};
use crate::state::State;
use crate::text::{backups, bytes, companies};

/// What became of one company, as JSON.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the JSON")]
struct Report<'a> {
    success: bool,
    message: String,
    company_id: &'a str,
    company_name: &'a str,
    provider: Option<&'a str>,
    remote_path: Option<&'a str>,
    plan: &'a [Planned],
    removed: usize,
    kept: usize,
    freed: u64,
    dry_run: bool,
    permanent: bool,
    skipped: bool,
    errors: Vec<Value>,
}

/// A company with its plan.
struct Prepared {
    company: Company,
    remote: Remote,
    plan: Plan,
}

/// What is to be said of bytes that take no room any more.
const FREED: &str = "freed";

/// The command and what it needs throughout.
struct Prune<'a> {
    context: &'a Context,
    args: &'a Args,
    only: Option<BackupType>,
    registry: Registry,
    directories: Directories,
    outages: Outages,
}

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<u8> {
    let only = args.backup_type.as_deref().map(str::parse).transpose()?;
    let provider: Option<ProviderKind> = args.provider.as_deref().map(str::parse).transpose()?;
    let companies = context.installation.companies();
    let named = args.company.as_deref().map(|name| companies.find(name));
    let named = named.transpose()?;
    let prune = Prune {
        context,
        args,
        only,
        directories: Directories::read(&companies, provider)?,
        registry: context.providers()?,
        outages: Outages::default(),
    };
    match named {
        Some(company) => prune.one(&company),
        None => prune.all(provider),
    }
}

impl Prune<'_> {
    fn one(&self, company: &Company) -> anyhow::Result<u8> {
        let ui = &self.context.ui;
        let mut state = self.state()?;
        let mut prepared = self.prepare(state.as_mut(), company)?;
        table::show(self, &prepared, false)?;
        let count = prepared.plan.removals();
        let from = format!("of company '{}'", company.name);
        self.ask(
            count,
            prepared.plan.bytes(),
            &from,
            self.for_good(&prepared),
        )?;
        let pruned = self.act(state.as_mut(), &mut prepared)?;
        let report = self.report(&prepared, &pruned);
        if ui.is_json() || !ui.is_quiet() || self.args.dry_run {
            let is_in_trash = pruned.freed > 0 && !self.for_good(&prepared);
            let freed = if is_in_trash { IN_TRASH } else { FREED };
            let message = self.message(&prepared.plan, &pruned, freed);
            ui.result(&report, || format!("{message}\n"))?;
        }
        Ok(if report.success {
            exit::DONE
        } else {
            exit_of(&exits(&pruned), count)
        })
    }

    fn all(&self, provider: Option<ProviderKind>) -> anyhow::Result<u8> {
        let installation = &self.context.installation;
        let filter = Filter {
            provider,
            configured: Some(true),
        };
        let companies = installation.companies();
        let unreadable = companies.unreadable(&filter)?;
        let mut state = self.state()?;
        let (mut batch, mut waiting) = (Batch::default(), Vec::new());
        for row in unreadable {
            let detail = format!("Company '{}' cannot be read: {}", row.id, row.why);
            let failure = Failure::new(Code::DatabaseInvalid, detail);
            batch.failed(self.context, &[("company_id", &row.id)], &failure.into());
        }
        let mut without: Vec<String> = Vec::new();
        companies.pages(&filter, |page, _| {
            for company in page {
                crate::interrupt::check()?;
                batch.about(&company.id);
                match self.prepare(state.as_mut(), company) {
                    Ok(prepared) => {
                        table::show(self, &prepared, true)?;
                        waiting.push(prepared);
                    }
                    Err(error) if is_no_policy(&error) => {
                        batch.done(&without_policy(company, self.args.dry_run), true);
                        without.push(company.name.clone());
                    }
                    Err(error) => {
                        batch.failed(self.context, &[("company_id", &company.id)], &error);
                    }
                }
            }
            Ok(())
        })?;
        say_without_policy(self.context, &without);
        self.carry_out_all(state.as_mut(), batch, waiting)
    }

    fn carry_out_all(
        &self,
        mut state: Option<&mut State>,
        mut batch: Batch,
        waiting: Vec<Prepared>,
    ) -> anyhow::Result<u8> {
        let ui = &self.context.ui;
        let sum = |of: fn(&Prepared) -> u64| waiting.iter().map(of).fold(0, u64::saturating_add);
        let size = sum(|prepared| prepared.plan.bytes());
        let removals = waiting.iter().map(|prepared| prepared.plan.removals());
        let (count, busy) = removals.fold((0, 0), |(count, busy), more| {
            (count + more, busy + usize::from(more > 0))
        });
        let for_good = waiting.iter().all(|prepared| self.for_good(prepared));
        self.ask(count, size, &format!("of {}", companies(busy)), for_good)?;
        let (mut removed, mut freed, mut trashed) = (0, 0, 0);
        for mut prepared in waiting {
            batch.about(&prepared.company.id);
            match self.act(state.as_deref_mut(), &mut prepared) {
                Ok(pruned) => {
                    let report = self.report(&prepared, &pruned);
                    removed += report.removed;
                    freed += report.freed;
                    trashed += if report.permanent { 0 } else { report.freed };
                    if report.success {
                        batch.done(&report, report.skipped);
                    } else {
                        let all = prepared.plan.removals();
                        batch.partly(&report, exit_of(&exits(&pruned), all));
                    }
                }
                Err(error) => {
                    batch.failed(
                        self.context,
                        &[("company_id", &prepared.company.id)],
                        &error,
                    );
                }
            }
            if crate::interrupt::received().is_some() {
                break;
            }
        }
        let failed = if batch.failures() > 0 {
            ", some companies failed"
        } else {
            ""
        };
        let would = if self.args.dry_run { "would be " } else { "" };
        let gone = format!("{} of {} {would}removed", backups(removed), companies(busy));
        let message = match count {
            0 => format!("Nothing to remove{failed}"),
            _ => format!("{gone}, {} {would}{FREED}{failed}", bytes(freed)),
        };
        Ok(batch.finish(ui, &message, || {
            if trashed == 0 {
                return format!("{message}\n");
            }
            let gone = match freed - trashed {
                0 => format!("{gone}{failed}"),
                freed => format!("{gone}{failed}, {} {would}{FREED}", bytes(freed)),
            };
            format!("{gone}, {} {would}{IN_TRASH}\n", bytes(trashed))
        })?)
    }

    /// A dry run leaves no trace.
    fn state(&self) -> Result<Option<State>, Failure> {
        let installation = &self.context.installation;
        if self.args.dry_run {
            installation.state_if_any()
        } else {
            installation.state().map(Some)
        }
    }

    /// Makes a company's plan. The lock is not needed yet: nothing is changed, and all is looked at again.
    fn prepare(&self, state: Option<&mut State>, company: &Company) -> anyhow::Result<Prepared> {
        let prepare = |state: Option<&State>| {
            let rules = rules(state, &company.id, self.only)?;
            self.outages.refuse(company)?;
            let (registry, directories) = (&self.registry, &self.directories);
            let installation = &self.context.installation;
            let remote = installation.remote_apart(registry, company, state, directories)?;
            let plan = plan(&remote, state, &rules, &Zoned::now());
            let plan = plan.inspect_err(|error| self.outages.note(company, error))?;
            Ok(Prepared {
                company: company.clone(),
                remote,
                plan,
            })
        };
        let prepared = prepare(state.as_deref());
        match (prepared, state) {
            // A night without a provider is a failed attempt like any other.
            (Err(error), Some(state)) if !self.args.dry_run && !is_no_policy(&error) => {
                state.recorded(failed_intent(company), None, |_| Err(error))
            }
            (prepared, _) => prepared,
        }
    }

    fn for_good(&self, prepared: &Prepared) -> bool {
        self.args.permanent || !prepared.remote.provider.capabilities().trash
    }

    /// Holds the plan against `--max-delete`, and asks once for all of it.
    fn ask(&self, count: usize, size: u64, from: &str, for_good: bool) -> anyhow::Result<()> {
        if let Some(max) = self.args.max_delete.filter(|max| count > *max) {
            let detail = format!(
                "{} {from} would be removed, which is more than --max-delete {max}; nothing was removed",
                backups(count)
            );
            return Err(Failure::new(Code::ConfirmationRequired, detail)
                .hint(
                    "look at the plan with --dry-run; if it is right, allow more with --max-delete",
                )
                .into());
        }
        if count == 0 || self.args.dry_run {
            return Ok(());
        }
        let how = if for_good { " for good" } else { "" };
        let what = backups(count);
        let question = format!("Remove {what} {from} ({}){how}", bytes(size));
        Ok(self.context.ui.confirm(&question)?)
    }

    /// Removes what was planned and still holds.
    fn act(&self, state: Option<&mut State>, prepared: &mut Prepared) -> anyhow::Result<Pruned> {
        let Some(state) = state.filter(|_| !self.args.dry_run) else {
            return Ok(Pruned {
                removed: prepared.plan.removals(),
                freed: prepared.plan.bytes(),
                errors: Vec::new(),
            });
        };
        if prepared.plan.removals() == 0 {
            let pruned = Pruned::default();
            let message = self.message(&prepared.plan, &pruned, FREED);
            record(&prepared.remote, state, None, &pruned, &message)?;
            return Ok(pruned);
        }
        let installation = &self.context.installation;
        let lock = installation.lock_company(&prepared.company, "prune")?;
        // The question may have waited for long: the company may have moved, and its
        // directory may be another's by now.
        let company = installation.companies().get(&prepared.company.id)?;
        let moved = || {
            let detail = format!(
                "Company '{}' was changed after the plan was made; nothing was removed",
                prepared.company.id
            );
            Failure::new(Code::ConfirmationRequired, detail).hint("look at a new plan")
        };
        let company = company.filter(|now| {
            (&now.provider, &now.remote_path)
                == (&prepared.company.provider, &prepared.company.remote_path)
        });
        let company = company.ok_or_else(moved)?;
        let remote = installation.remote(&self.registry, &company, Some(state))?;
        let rules = rules(Some(state), &company.id, self.only)?;
        let deletion = if self.args.permanent {
            Deletion::Permanent
        } else {
            Deletion::Trash
        };
        let pruned = carry_out(&remote, state, &lock, &mut prepared.plan, &rules, deletion);
        let pruned = pruned.or_else(|error| {
            state.recorded(failed_intent(&company), Some(&lock), |_| Err(error))
        })?;
        self.tell(&prepared.plan, &pruned);
        let message = self.message(&prepared.plan, &pruned, FREED);
        record(&remote, state, Some(&lock), &pruned, &message)?;
        Ok(pruned)
    }

    /// Says what went otherwise than planned.
    fn tell(&self, plan: &Plan, pruned: &Pruned) {
        let ui = &self.context.ui;
        for (_, error) in &pruned.errors {
            Verdict::of(error).print(ui);
        }
        for row in &plan.rows {
            match row.result {
                Some(Fate::AlreadyGone) => ui.note(&format!("'{}' was already gone", row.name)),
                Some(Fate::Left) => ui.warn(&format!(
                    "'{}' was left for the next prune: it or what it needs is not as planned",
                    row.name
                )),
                _ => {}
            }
        }
    }

    /// What was done; `freed` says where the bytes of it are.
    fn message(&self, plan: &Plan, pruned: &Pruned, freed: &str) -> String {
        let kept = kept(plan, pruned);
        let count = backups(pruned.removed);
        let freed = format!("{} {freed}", bytes(pruned.freed));
        match (plan.removals(), self.args.dry_run) {
            (0, _) => format!("Nothing to remove, {} kept", backups(kept)),
            (_, true) => format!("{count} would be removed, {kept} kept, {freed}"),
            _ if pruned.errors.is_empty() => format!("{count} removed, {kept} kept, {freed}"),
            (all, _) => format!(
                "{} of {} removed, {} failed, {freed}",
                pruned.removed,
                backups(all),
                pruned.errors.len()
            ),
        }
    }

    fn report<'p>(&self, prepared: &'p Prepared, pruned: &Pruned) -> Report<'p> {
        let place = &prepared.remote.place;
        let errors = pruned.errors.iter().map(|(name, error)| {
            let mut object = Verdict::of(error).to_json();
            object["name"] = json!(name);
            object
        });
        Report {
            success: pruned.errors.is_empty(),
            message: self.message(&prepared.plan, pruned, FREED),
            company_id: &prepared.company.id,
            company_name: &prepared.company.name,
            provider: Some(place.provider.name()),
            remote_path: Some(place.directory.as_str()),
            plan: &prepared.plan.rows,
            removed: pruned.removed,
            kept: kept(&prepared.plan, pruned),
            freed: pruned.freed,
            dry_run: self.args.dry_run,
            permanent: self.for_good(prepared),
            skipped: prepared.plan.removals() == 0,
            errors: errors.collect(),
        }
    }
}

fn failed_intent(company: &Company) -> Intent {
    let directory = company.remote_path.clone().unwrap_or_default();
    Intent::of("prune", company, company.provider.as_deref(), directory)
}

/// Those that are still there.
fn kept(plan: &Plan, pruned: &Pruned) -> usize {
    let gone = |row: &&Planned| row.result == Some(Fate::AlreadyGone);
    plan.rows.len() - pruned.removed - plan.rows.iter().filter(gone).count()
}

fn exits(pruned: &Pruned) -> Vec<u8> {
    let errors = pruned.errors.iter();
    errors.map(|(_, error)| Verdict::of(error).exit()).collect()
}

fn is_no_policy(error: &anyhow::Error) -> bool {
    Failure::of(error).is_some_and(|failure| failure.code() == Code::NoRetentionPolicy)
}

fn without_policy(company: &Company, dry_run: bool) -> Report<'_> {
    Report {
        success: true,
        message: format!("Company '{}' has no retention policy", company.name),
        company_id: &company.id,
        company_name: &company.name,
        provider: company.provider.as_deref(),
        remote_path: company.remote_path.as_deref(),
        plan: &[],
        removed: 0,
        kept: 0,
        freed: 0,
        dry_run,
        permanent: false,
        skipped: true,
        errors: Vec::new(),
    }
}

/// More names than these would not be read.
const NAMED: usize = 5;

fn say_without_policy(context: &Context, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    context.ui.note(&format!(
        "without a retention policy, left alone: {}{more}",
        named.join(", ")
    ));
}
