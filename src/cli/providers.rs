//! `providers`: list and test.

mod protect;
mod set;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::{Providers, ProvidersCommand, ProvidersList};
use super::batch::Batch;
use super::render::{Cell, Tone, left, right};
use super::{Context, login};
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::without_preamble;
use crate::provider::google_drive::token::CredentialKind;
use crate::provider::registry::Registry;
use crate::renewal;
use crate::status::{ProviderStatus, of_provider, test};
use crate::text::{bytes, printable};

pub(super) use self::set::{existing, parsed};

pub(super) fn run(context: &Context, args: &Providers) -> anyhow::Result<u8> {
    let before = &args.list;
    match &args.command {
        None => list(context, before),
        Some(ProvidersCommand::List(behind)) => {
            let (all, no_check) = (before.all || behind.all, before.no_check || behind.no_check);
            list(context, &ProvidersList { all, no_check })
        }
        Some(_) if before.all || before.no_check => Err(Failure::new(
            Code::Usage,
            "--all and --no-check belong to `providers list`",
        )
        .into()),
        Some(ProvidersCommand::Test(args)) => test_all(context, &args.names),
        Some(ProvidersCommand::Info(args)) => info(context, &args.names),
        Some(ProvidersCommand::Set(args)) => set::set(context, args),
        Some(ProvidersCommand::Login(args)) => login::run(context, args),
        Some(ProvidersCommand::Protect(args)) => protect::protect(context, args),
        Some(ProvidersCommand::Unprotect(args)) => protect::unprotect(context, args),
        Some(ProvidersCommand::Unset(args)) => set::unset(context, args.name.parse()?),
    }
}

fn list(context: &Context, args: &ProvidersList) -> anyhow::Result<u8> {
    let registry = context.providers()?;
    let kinds = ProviderKind::ALL
        .into_iter()
        .filter(|kind| args.all || registry.is_configured(*kind));
    let providers: Vec<_> = kinds
        .map(|kind| of_provider(&context.installation, &registry, kind, !args.no_check))
        .collect();
    crate::interrupt::check()?;
    for status in &providers {
        warn_of_end(context, &registry, status.kind, status.expires_at);
    }
    let report = json!({ "success": true, "providers": providers, "count": providers.len() });
    context.ui.result(&report, || {
        if providers.is_empty() {
            return "No provider is configured\n".into();
        }
        let rows = providers.iter().map(row).collect();
        context.ui.table(
            &[
                left("PROVIDER"),
                left("STATUS"),
                right("FREE"),
                left("ACCOUNT"),
                left("SECRETS"),
                left("DETAIL"),
            ],
            rows,
        )
    })?;
    Ok(exit::DONE)
}

fn row(status: &ProviderStatus) -> Vec<Cell> {
    let absent = || Cell::toned("-", Tone::Dim);
    vec![
        status.kind.name().into(),
        match (status.configured, status.connected) {
            (false, _) => Cell::toned("not configured", Tone::Dim),
            (true, Some(true)) => Cell::toned("connected", Tone::Good),
            (true, Some(false)) => Cell::toned("not connected", Tone::Bad),
            (true, None) => Cell::toned("not tested", Tone::Dim),
        },
        match status
            .quota
            .map(|quota| (quota.available, quota.is_unlimited()))
        {
            Some((Some(free), _)) => bytes(free).into(),
            Some((None, true)) => "unlimited".into(),
            _ => absent(),
        },
        status.account.as_ref().map_or_else(absent, Cell::from),
        kept(status).map_or_else(absent, Cell::from),
        detail(status).map_or_else(absent, Cell::from),
    ]
}

/// How its secrets are kept, each way once.
fn kept(status: &ProviderStatus) -> Option<String> {
    let mut ways = Vec::new();
    for secret in &status.secrets {
        if !ways.contains(&secret.kept) {
            ways.push(secret.kept);
        }
    }
    (!ways.is_empty()).then(|| ways.join(", "))
}

/// Why it is not connected; else how it is reached, and for how long.
fn detail(status: &ProviderStatus) -> Option<String> {
    if let Some(detail) = &status.detail {
        // Which provider it is and that it is not connected stands beside it.
        return Some(without_preamble(status.kind, detail).to_owned());
    }
    let access = status.access.as_ref().map(ToString::to_string);
    let known: Vec<_> = access
        .into_iter()
        .chain(status.expires_at.map(ends))
        .collect();
    (!known.is_empty()).then(|| known.join("; "))
}

pub(super) fn ends(at: Timestamp) -> String {
    format!("token good until {}", day(at))
}

pub(super) fn day(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::system());
    at.strftime("%Y-%m-%d").to_string()
}

/// Says of credentials that end soon that they do.
fn warn_of_end(
    context: &Context,
    registry: &Registry,
    kind: ProviderKind,
    expires_at: Option<Timestamp>,
) {
    // Of a bare token everybody is told who uses it.
    let credentials = registry.google_section().credential_kind();
    let is_bare =
        kind == ProviderKind::GoogleDrive && credentials == Some(CredentialKind::AccessToken);
    let expires_at = expires_at.filter(|_| !is_bare);
    let warning = expires_at.and_then(|at| renewal::warning(kind, at, Timestamp::now()));
    if let Some(warning) = warning {
        context.ui.warn(&warning);
    }
}

/// The providers named, or all that are configured.
fn chosen(registry: &Registry, names: &[String]) -> Result<Vec<ProviderKind>, Failure> {
    if !names.is_empty() {
        return names.iter().map(|name| name.parse()).collect();
    }
    let configured = ProviderKind::ALL
        .into_iter()
        .filter(|kind| registry.is_configured(*kind));
    let configured: Vec<_> = configured.collect();
    if configured.is_empty() {
        return Err(
            Failure::new(Code::ProviderNotConfigured, "No provider is configured")
                .hint("vertex-backup providers set --help"),
        );
    }
    Ok(configured)
}

fn test_all(context: &Context, names: &[String]) -> anyhow::Result<u8> {
    let ui = &context.ui;
    let registry = context.providers()?;
    let kinds = chosen(&registry, names)?;
    if let [kind] = kinds.as_slice() {
        let tested = test(&context.installation, &registry, *kind);
        warn_of_end(context, &registry, *kind, registry.expires_at(*kind));
        let connection = tested?;
        let mut report = json!({
            "success": true, "message": format!("Provider '{kind}' is connected"), "name": kind, "connected": true,
            "account": connection.account,
        });
        extend(&mut report, connection.access.as_ref());
        ui.done(&report, || {
            let access = connection.access.as_ref();
            let access = access.map_or_else(String::new, |access| format!(" ({access})"));
            format!(
                "Provider '{kind}' is connected: {}{access}\n",
                printable(&connection.account)
            )
        })?;
        return Ok(exit::DONE);
    }
    let mut batch = Batch::default();
    let mut rows = Vec::new();
    for kind in &kinds {
        match test(&context.installation, &registry, *kind) {
            Ok(connection) => {
                let mut status = json!({ "success": true, "name": kind, "connected": true, "account": connection.account });
                extend(&mut status, connection.access.as_ref());
                batch.done(&status, false);
                rows.push(vec![
                    kind.name().into(),
                    Cell::toned("connected", Tone::Good),
                    connection.account.into(),
                ]);
            }
            Err(failure) => batch.failed(context, &[("name", kind.name())], &failure.into()),
        }
    }
    let message = format!("{} of {} providers are connected", rows.len(), kinds.len());
    Ok(batch.finish(ui, &message, || {
        let table = if rows.is_empty() {
            String::new()
        } else {
            ui.table(&[left("PROVIDER"), left("STATUS"), left("ACCOUNT")], rows) + "\n"
        };
        format!("{table}{message}\n")
    })?)
}

/// Adds what else is known to a report.
fn extend(report: &mut Value, more: Option<&impl Serialize>) {
    if let (Value::Object(report), Ok(Value::Object(more))) = (report, serde_json::to_value(more)) {
        report.extend(more);
    }
}

fn info(context: &Context, names: &[String]) -> anyhow::Result<u8> {
    let ui = &context.ui;
    let registry = context.providers()?;
    let mut batch = Batch::default();
    let mut rows = Vec::new();
    let kinds = chosen(&registry, names)?;
    for kind in &kinds {
        let quota = context
            .installation
            .account(&registry, *kind)
            .and_then(|account| Ok(account.quota()?));
        match quota {
            Ok(quota) => {
                let mut report = json!({ "success": true, "name": kind });
                extend(&mut report, Some(&quota));
                batch.done(&report, false);
                let no_limit = if quota.is_unlimited() {
                    "unlimited"
                } else {
                    "-"
                };
                let size = |count: Option<u64>, none: &str| {
                    count.map_or_else(|| none.to_owned(), bytes).into()
                };
                rows.push(vec![
                    kind.name().into(),
                    size(quota.total, no_limit),
                    size(quota.used, "-"),
                    size(quota.available, no_limit),
                    size(quota.trash, "-"),
                    size(quota.max_file_size, "-"),
                ]);
            }
            Err(failure) => batch.failed(context, &[("name", kind.name())], &failure.into()),
        }
    }
    let message = format!("{} of {} providers answered", rows.len(), kinds.len());
    Ok(batch.finish(ui, &message, || {
        if rows.is_empty() {
            return format!("{message}\n");
        }
        ui.table(
            &[
                left("PROVIDER"),
                right("TOTAL"),
                right("USED"),
                right("AVAILABLE"),
                right("TRASH"),
                right("FILES UP TO"),
            ],
            rows,
        )
    })?)
}
