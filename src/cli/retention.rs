//! `retention`: how many backups are kept, and for how long.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::args::{Keep, RetentionCommand, RetentionSet, Whom};
use super::render::{Cell, Tone, left, time};
use crate::backup::BackupType;
use crate::company::Company;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome, Verdict};
use crate::policies::{InForce, Scope, Source, StoredPolicy};
use crate::retention::Policy;
use crate::text::printable;

pub(super) fn run(context: &Context, command: &RetentionCommand) -> anyhow::Result<u8> {
    match command {
        RetentionCommand::Set(args) => set(context, args),
        RetentionCommand::Get(whom) => get(context, whom),
        RetentionCommand::List => list(context),
        RetentionCommand::Unset(args) => {
            let target = Target::of(context, &args.whom, args.backup_type.as_deref())?;
            unset(context, &target)
        }
    }
}

/// Whom a policy is for, with the company it names.
struct Target {
    company: Option<Company>,
    scope: Scope,
}

impl Target {
    fn of(context: &Context, whom: &Whom, backup_type: Option<&str>) -> anyhow::Result<Self> {
        let backup_type = backup_type.map(str::parse).transpose()?;
        let companies = context.installation.companies();
        let company = whom.company.as_deref().filter(|_| !whom.default);
        let company = company.map(|name| companies.find(name)).transpose()?;
        if company.is_none() {
            // A database that is not there is found before anything is made beside it.
            companies.get("")?;
        }
        // In the state an empty id stands for all companies.
        if company
            .as_ref()
            .is_some_and(|company| company.id.is_empty())
        {
            let detail = "a company without an id cannot have a policy of its own";
            return Err(Failure::new(Code::Usage, detail).into());
        }
        let company_id = company.as_ref().map(|company| company.id.clone());
        Ok(Target {
            company,
            scope: Scope {
                company_id,
                backup_type,
            },
        })
    }

    fn words(&self) -> String {
        let whom = match &self.company {
            Some(company) => format!("company '{}'", company.name),
            None => "all companies without one of their own".into(),
        };
        match self.scope.backup_type {
            Some(kind) => format!("{whom}, {kind} backups"),
            None => whom,
        }
    }

    fn intent(&self, operation: &'static str) -> Intent {
        let target = self.scope.backup_type.map_or("all types", BackupType::name);
        match &self.company {
            Some(company) => Intent::of(operation, company, None, target),
            None => Intent {
                operation: operation.into(),
                target: Some(target.to_owned()),
                ..Intent::default()
            },
        }
    }

    fn report(&self, message: &str, policy: Option<Policy>, skipped: bool) -> Value {
        json!({
            "success": true,
            "message": message,
            "company_id": self.scope.company_id,
            "company_name": self.company.as_ref().map(|company| &company.name),
            "backup_type": self.scope.backup_type,
            "policy": policy,
            "skipped": skipped,
        })
    }
}

fn policy(keep: &Keep) -> Result<Policy, Failure> {
    let within = keep.keep_within.as_deref().map(duration::parse).transpose();
    let within =
        within.map_err(|why| Failure::new(Code::Usage, format!("--keep-within: {why}")))?;
    let policy = Policy {
        keep_last: keep.keep_last,
        keep_within: within.filter(|within| !within.is_zero()),
        keep_daily: keep.keep_daily,
        keep_weekly: keep.keep_weekly,
        keep_monthly: keep.keep_monthly,
    };
    policy.check()
}

fn set(context: &Context, args: &RetentionSet) -> anyhow::Result<u8> {
    let policy = policy(&args.keep)?;
    let target = Target::of(context, &args.whom, args.backup_type.as_deref())?;
    let message = format!("Retention of {}: {policy}", target.words());
    let mut state = context.installation.state()?;
    state.recorded(target.intent("retention set"), None, |state| {
        state.set_policy(&target.scope, &policy)?;
        Ok(((), Outcome::done(Verdict::Ok, &message, 0)))
    })?;
    let report = target.report(&message, Some(policy), false);
    context
        .ui
        .done(&report, || format!("{}\n", printable(&message)))?;
    Ok(exit::DONE)
}

fn unset(context: &Context, target: &Target) -> anyhow::Result<u8> {
    let mut state = context.installation.state()?;
    let message = |found: bool| {
        let was = if found { "removed" } else { "was not set" };
        format!("Retention policy of {} {was}", target.words())
    };
    let found = state.recorded(target.intent("retention unset"), None, |state| {
        let found = state.unset_policy(&target.scope)?;
        let verdict = if found { Verdict::Ok } else { Verdict::Skipped };
        Ok((found, Outcome::done(verdict, message(found), 0)))
    })?;
    let message = message(found);
    let report = target.report(&message, None, !found);
    context
        .ui
        .done(&report, || format!("{}\n", printable(&message)))?;
    Ok(exit::DONE)
}

fn get(context: &Context, whom: &Whom) -> anyhow::Result<u8> {
    let target = Target::of(context, whom, None)?;
    let state = context.installation.state_if_any()?;
    let in_force = match &state {
        Some(state) => state.policies_for(target.scope.company_id.as_deref())?,
        None => InForce::new(),
    };
    let rows = BackupType::ALL.map(|kind| (kind, in_force.get(&kind)));
    let policies: Vec<Value> = rows
        .iter()
        .map(|(kind, found)| {
            json!({
                "backup_type": kind,
                "policy": found.map(|(policy, _)| policy),
                "source": found.map(|(_, source)| source),
            })
        })
        .collect();
    let report = json!({
        "success": true,
        "company_id": target.scope.company_id,
        "company_name": target.company.as_ref().map(|company| &company.name),
        "policies": policies,
        "count": in_force.len(),
    });
    context.ui.result(&report, || {
        let row = |(kind, found): &(BackupType, Option<&(Policy, Source)>)| {
            let (kept, source) = match found {
                Some((policy, source)) => (policy.to_string().into(), source.words().into()),
                None => ("everything".into(), Cell::toned("-", Tone::Dim)),
            };
            vec![Cell::from(kind.name()), kept, source]
        };
        let columns = [left("TYPE"), left("KEPT"), left("POLICY OF")];
        context.ui.table(&columns, rows.iter().map(row).collect())
    })?;
    Ok(exit::DONE)
}

fn list(context: &Context) -> anyhow::Result<u8> {
    let Context {
        ui, installation, ..
    } = context;
    let companies = installation.companies();
    let state = installation.state_if_any()?;
    let stored = state.map_or(Ok(Vec::new()), |state| state.policies())?;
    let mut named: Vec<(StoredPolicy, Option<String>)> = Vec::new();
    for policy in stored {
        let company = match &policy.scope.company_id {
            Some(id) => companies.get(id)?,
            None => None,
        };
        named.push((policy, company.map(|company| company.name)));
    }
    let policies = named.iter().map(|(stored, name)| {
        json!({
            "company_id": stored.scope.company_id,
            "company_name": name,
            "backup_type": stored.scope.backup_type,
            "policy": stored.policy,
            "changed_at": stored.changed_at,
        })
    });
    let policies: Vec<Value> = policies.collect();
    let report = json!({ "success": true, "policies": policies, "count": policies.len() });
    let now = Timestamp::now();
    let row = |(stored, name): &(StoredPolicy, Option<String>)| {
        vec![
            match (&stored.scope.company_id, name) {
                (None, _) => Cell::toned("default", Tone::Dim),
                (Some(_), Some(name)) => Cell::from(name),
                (Some(id), None) => Cell::toned(format!("{id} (gone)"), Tone::Warn),
            },
            stored
                .scope
                .backup_type
                .map_or("all", BackupType::name)
                .into(),
            stored.policy.to_string().into(),
            time(stored.changed_at, now),
        ]
    };
    ui.result(&report, || {
        if named.is_empty() {
            return "No retention policies: nothing is ever pruned\n".into();
        }
        let columns = [left("COMPANY"), left("TYPE"), left("KEPT"), left("SET")];
        ui.table(&columns, named.iter().map(row).collect())
    })?;
    Ok(exit::DONE)
}
