//! `providers`: list, test and set up.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::args::{Providers, ProvidersCommand, ProvidersList, ProvidersSet};
use super::batch::Batch;
use super::render::{Cell, Tone, left, right};
use super::{Context, login};
use crate::credential::CommandLine;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::preamble;
use crate::provider::registry::{Registry, not_configured};
use crate::provider_settings::{ProviderSettings, object, put_secret, put_token, take_secret};
use crate::renewal;
use crate::status::{ProviderStatus, of_provider, test};
use crate::text::bytes;

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
        Some(ProvidersCommand::Set(args)) => set(context, args),
        Some(ProvidersCommand::Login(args)) => login::run(context, args),
        Some(ProvidersCommand::Unset(args)) => unset(context, args.name.parse()?),
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
        warn_of_end(context, status.kind, status.expires_at);
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
        match status.quota.map(|quota| quota.available) {
            Some(Some(free)) => bytes(free).into(),
            Some(None) => "unlimited".into(),
            None => absent(),
        },
        status.account.as_ref().map_or_else(absent, Cell::from),
        match (&status.detail, status.expires_at) {
            // Which provider it is and that it is not connected stands beside it.
            (Some(detail), _) => {
                let why = detail.strip_prefix(&preamble(status.kind));
                why.unwrap_or(detail).to_owned().into()
            }
            (None, Some(at)) => ends(at).into(),
            (None, None) => absent(),
        },
    ]
}

pub(super) fn ends(at: Timestamp) -> String {
    format!("token good until {}", day(at))
}

pub(super) fn day(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::system());
    at.strftime("%Y-%m-%d").to_string()
}

/// Says of credentials that end soon that they do.
fn warn_of_end(context: &Context, kind: ProviderKind, expires_at: Option<Timestamp>) {
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
        warn_of_end(context, *kind, registry.expires_at(*kind));
        let connection = tested?;
        let report = json!({
            "success": true, "message": format!("Provider '{kind}' is connected"), "name": kind, "connected": true,
            "account": connection.account,
        });
        ui.done(&report, || {
            format!("Provider '{kind}' is connected: {}\n", connection.account)
        })?;
        return Ok(exit::DONE);
    }
    let mut batch = Batch::default();
    let mut rows = Vec::new();
    for kind in &kinds {
        match test(&context.installation, &registry, *kind) {
            Ok(connection) => {
                let status = json!({ "success": true, "name": kind, "connected": true, "account": connection.account });
                batch.done(&status, false);
                rows.push(vec![
                    kind.name().into(),
                    Cell::toned("connected", Tone::Good),
                    connection.account.into(),
                ]);
            }
            Err(failure) => batch.failed(ui, &[("name", kind.name())], &failure.into()),
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
                if let (Value::Object(report), Ok(Value::Object(quota))) =
                    (&mut report, serde_json::to_value(quota))
                {
                    report.extend(quota);
                }
                batch.done(&report, false);
                let size = |count: Option<u64>, none: &str| {
                    count.map_or_else(|| none.to_owned(), bytes).into()
                };
                rows.push(vec![
                    kind.name().into(),
                    size(quota.total, "unlimited"),
                    size(quota.used, "-"),
                    size(quota.available, "unlimited"),
                    size(quota.trash, "-"),
                    size(quota.max_file_size, "-"),
                ]);
            }
            Err(failure) => batch.failed(ui, &[("name", kind.name())], &failure.into()),
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

fn absolute(path: &std::path::Path) -> Result<Value, Failure> {
    let path = std::path::absolute(path)
        .map_err(|error| Failure::new(Code::Usage, format!("'{}': {error}", path.display())))?;
    match path.to_str() {
        Some(text) => Ok(text.into()),
        None => Err(Failure::new(
            Code::Usage,
            format!("'{}' is not UTF-8", path.display()),
        )),
    }
}

/// A file that is named must be there: a typing error would show only at night.
pub(super) fn existing(path: &std::path::Path) -> Result<Value, Failure> {
    if path.is_file() {
        return absolute(path);
    }
    Err(Failure::new(
        Code::Usage,
        format!("the file '{}' does not exist", path.display()),
    ))
}

/// A command for a secret, as an option gives it.
pub(super) fn parsed(option: &str, command: &str) -> Result<CommandLine, Failure> {
    CommandLine::parse(command).ok_or_else(|| {
        let detail = format!("{option} is not a command: check its quotes");
        Failure::new(Code::Usage, detail)
    })
}

/// What `providers set` puts into the section, and what into its `credentials`.
#[derive(Default)]
struct Changes {
    plain: Vec<(&'static str, Value)>,
    secrets: Vec<(&'static str, &'static str, Value)>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.secrets.is_empty()
    }

    /// Whose token it is, who gives it knows.
    fn is_other_token(&self, kind: ProviderKind) -> bool {
        kind == ProviderKind::YandexDisk && !self.secrets.is_empty()
    }
}

fn changes(context: &Context, kind: ProviderKind, args: &ProvidersSet) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    let token = if kind == ProviderKind::GoogleDrive {
        "access_token"
    } else {
        "oauth_token"
    };
    if args.token_stdin {
        let secret = context.ui.read_secret("token")?;
        changes.secrets.push((token, "", secret.expose().into()));
    }
    if let Some(path) = &args.token_file {
        changes.secrets.push((token, "_file", existing(path)?));
    }
    if let Some(command) = &args.token_command {
        parsed("--token-command", command)?;
        changes
            .secrets
            .push((token, "_command", command.as_str().into()));
    }
    for (key, path) in [
        ("refresh_token", &args.refresh_token_file),
        ("client_secret", &args.client_secret_file),
    ] {
        if let Some(path) = path {
            changes.secrets.push((key, "_file", existing(path)?));
        }
    }
    let texts = [
        ("client_id", &args.client_id),
        ("impersonate", &args.impersonate),
        ("folder_id", &args.folder_id),
        ("shared_drive_id", &args.shared_drive_id),
    ];
    for (key, text) in texts {
        changes
            .plain
            .extend(text.as_ref().map(|text| (key, text.as_str().into())));
    }
    if let Some(path) = &args.service_account {
        changes
            .plain
            .push(("service_account_file", existing(path)?));
    }
    if let Some(root) = &args.root {
        changes.plain.push(("root", absolute(root)?));
    }
    check_fit(kind, args, &changes)?;
    Ok(changes)
}

/// Each provider takes its own options.
fn check_fit(kind: ProviderKind, args: &ProvidersSet, changes: &Changes) -> Result<(), Failure> {
    let google_only = changes.plain.iter().any(|(key, _)| *key != "root")
        || changes
            .secrets
            .iter()
            .any(|(key, ..)| matches!(*key, "refresh_token" | "client_secret"));
    let fits = match kind {
        ProviderKind::Local => changes.secrets.is_empty() && !google_only,
        ProviderKind::YandexDisk => args.root.is_none() && !google_only,
        ProviderKind::GoogleDrive => args.root.is_none() && !args.accept,
    };
    let hint = match kind {
        ProviderKind::Local => "local takes --root DIR, --accept or --disable",
        ProviderKind::YandexDisk => {
            "yandex_disk takes --token-stdin, --token-file, --token-command, --accept or --disable"
        }
        ProviderKind::GoogleDrive => {
            "google_drive takes a token, or --refresh-token-file with --client-id and --client-secret-file, \
             or --service-account"
        }
    };
    if !fits {
        return Err(Failure::new(
            Code::Usage,
            format!("an option given does not belong to {kind}"),
        )
        .hint(hint));
    }
    if changes.is_empty() && !args.disable && !args.accept {
        return Err(
            Failure::new(Code::Usage, format!("nothing to set for {kind} was given")).hint(hint),
        );
    }
    Ok(())
}

fn set(context: &Context, args: &ProvidersSet) -> anyhow::Result<u8> {
    let kind: ProviderKind = args.name.parse()?;
    let changes = changes(context, kind, args)?;
    let other_account = args.accept || changes.is_other_token(kind);
    let switches = kind == ProviderKind::Local || args.disable || !changes.is_empty();
    edit(context, kind, "providers set", |whole| {
        let section = object(whole, kind.name());
        if switches {
            section.insert("enabled".into(), (!args.disable).into());
        }
        let target = if kind == ProviderKind::GoogleDrive {
            object(section, "credentials")
        } else {
            section
        };
        for (key, value) in changes.plain {
            target.insert(key.into(), value);
        }
        for (key, form, value) in changes.secrets {
            if key == "oauth_token" {
                put_token(target, form, value);
            } else {
                put_secret(target, key, form, value);
            }
        }
    })?;
    let registry = context.providers()?;
    if other_account {
        context
            .installation
            .state()?
            .set_identity(&registry.storage_key(kind), None)?;
    }
    report(context, &registry, kind, "Provider settings written")
}

fn unset(context: &Context, kind: ProviderKind) -> anyhow::Result<u8> {
    edit(context, kind, "providers unset", |whole| {
        let Some(Value::Object(section)) = whole.get_mut(kind.name()) else {
            return;
        };
        for key in ["oauth_token", "refresh_token", "client_secret"] {
            take_secret(section, key);
        }
        section.shift_remove("token_expires_at");
        section.shift_remove("root");
        if let Some(Value::Object(credentials)) = section.get_mut("credentials") {
            for key in ["access_token", "refresh_token", "client_secret"] {
                take_secret(credentials, key);
            }
            credentials.shift_remove("service_account_file");
        }
        // Without a root, local goes back to the built-in one.
        if kind == ProviderKind::Local {
            section.shift_remove("enabled");
        } else {
            section.insert("enabled".into(), false.into());
        }
    })?;
    let registry = context.providers()?;
    report(context, &registry, kind, "Provider settings removed")
}

/// Rewrites the provider file under its lock, with a row in the history.
fn edit(
    context: &Context,
    kind: ProviderKind,
    operation: &'static str,
    change: impl FnOnce(&mut Map<String, Value>),
) -> anyhow::Result<()> {
    let settings = ProviderSettings::of(&context.installation.settings);
    let lock = settings.lock(operation, settings.lock_wait)?;
    settings.edit(&lock, kind, operation, change)
}

fn report(
    context: &Context,
    registry: &Registry,
    kind: ProviderKind,
    message: &str,
) -> anyhow::Result<u8> {
    let file = context
        .installation
        .settings
        .remote_config
        .value
        .display()
        .to_string();
    let root = (kind == ProviderKind::Local).then(|| registry.local_root().0.display().to_string());
    let report = json!({
        "success": true, "message": message, "name": kind, "configured": registry.is_configured(kind),
        "file": file, "root": root,
    });
    context.ui.done(&report, || {
        let root = root
            .as_ref()
            .map(|root| format!(", root {root}"))
            .unwrap_or_default();
        format!("{message}: {kind}{root} in {file}\n")
    })?;
    if root.is_some_and(|root| !std::path::Path::new(&root).exists()) {
        context
            .ui
            .note("the root does not exist yet; it is made at its first use");
    }
    if registry.is_configured(kind) {
        context
            .ui
            .note(&format!("test it: vertex-backup providers test {kind}"));
    } else {
        context.ui.note(&not_configured(kind).to_string());
    }
    Ok(exit::DONE)
}
