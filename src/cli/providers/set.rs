//! `providers set` and `providers unset`: what is written into the provider file.
//!
//! Credentials of one kind take those of the other kinds away, with what was known of them:
//! what was set last is what is used.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::Context;
use crate::cli::args::ProvidersSet;
use crate::credential::CommandLine;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::ProviderKind;
use crate::provider::error::without_preamble;
use crate::provider::google_drive::scope;
use crate::provider::registry::{Registry, not_configured, service_account_key};
use crate::provider_settings::{
    ProviderSettings, object, put_secret, put_token, take_google_credentials, take_secret,
};
use crate::text::system_reason;

fn absolute(path: &Path) -> Result<Value, Failure> {
    let path = std::path::absolute(path).map_err(|error| {
        let why = system_reason(&error);
        Failure::new(
            Code::Usage,
            format!("cannot tell where '{}' is: {why}", path.display()),
        )
    })?;
    match path.to_str() {
        Some(text) => Ok(text.into()),
        None => Err(Failure::new(
            Code::Usage,
            format!("'{}' is not UTF-8", path.display()),
        )),
    }
}

/// A file that is named must be there: a typing error would show only at night.
pub(in crate::cli) fn existing(path: &Path) -> Result<Value, Failure> {
    if path.is_file() {
        return absolute(path);
    }
    Err(Failure::new(
        Code::Usage,
        format!("the file '{}' does not exist", path.display()),
    ))
}

/// A command for a secret, as an option gives it.
pub(in crate::cli) fn parsed(option: &str, command: &str) -> Result<CommandLine, Failure> {
    CommandLine::parse(command).ok_or_else(|| {
        let detail = format!("{option} is not a command: check its quotes");
        Failure::new(Code::Usage, detail)
    })
}

/// The kinds of credentials of Google Drive, of which there is one.
const CREDENTIALS: [&str; 3] = ["access_token", "refresh_token", "service_account_file"];

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

    /// Whose storage it is, who gives another token or place knows.
    fn is_other_storage(&self, kind: ProviderKind) -> bool {
        match kind {
            ProviderKind::Local => false,
            ProviderKind::YandexDisk => !self.secrets.is_empty(),
            ProviderKind::GoogleDrive => {
                let places = ["folder_id", "shared_drive_id", "impersonate"];
                let moves = |(key, _): &(&str, Value)| places.contains(key);
                self.brings_credentials() || self.plain.iter().any(moves)
            }
        }
    }

    /// Whether credentials of Google Drive are among them, of whatever kind.
    fn brings_credentials(&self) -> bool {
        let secrets = self.secrets.iter().map(|(key, ..)| *key);
        let plain = self.plain.iter().map(|(key, _)| *key);
        secrets.chain(plain).any(|key| CREDENTIALS.contains(&key))
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
        let written = existing(path)?;
        service_account_key(path)?;
        changes.plain.push(("service_account_file", written));
    }
    if let Some(text) = &args.scope {
        let full = scope::full(text).ok_or_else(|| {
            let detail = "--scope must be one of: drive.file, drive, drive.readonly";
            Failure::new(Code::Usage, detail)
        })?;
        changes.plain.push(("scope", full.into()));
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
        ProviderKind::GoogleDrive => args.root.is_none(),
    };
    let hint = match kind {
        ProviderKind::Local => "local takes --root DIR, --accept or --disable",
        ProviderKind::YandexDisk => {
            "yandex_disk takes --token-stdin, --token-file, --token-command, --accept or --disable"
        }
        ProviderKind::GoogleDrive => {
            "google_drive takes a token, or --refresh-token-file with --client-id and --client-secret-file, \
             or --service-account; and --scope, --folder, --shared-drive, --accept or --disable"
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

pub(super) fn set(context: &Context, args: &ProvidersSet) -> anyhow::Result<u8> {
    let kind: ProviderKind = args.name.parse()?;
    let changes = changes(context, kind, args)?;
    let other_account = args.accept || changes.is_other_storage(kind);
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
        if kind == ProviderKind::GoogleDrive && changes.brings_credentials() {
            take_google_credentials(target);
        }
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
    report(context, &registry, kind, "Provider settings written")?;
    if kind == ProviderKind::GoogleDrive && !args.disable {
        warn_of_gaps(context, &registry);
    }
    Ok(exit::DONE)
}

/// Says what is still missing, or of no use.
fn warn_of_gaps(context: &Context, registry: &Registry) {
    let kind = ProviderKind::GoogleDrive;
    let section = registry.google_section();
    if section.impersonate.is_some() && section.service_account_file.is_none() {
        let warning = "impersonate is for a service account, which is not what google_drive uses";
        context.ui.warn(warning);
    }
    if registry.is_configured(kind)
        && let Err(failure) = registry.google_credentials()
    {
        let why = failure.to_string();
        let why = without_preamble(kind, &why);
        context
            .ui
            .warn(&format!("{kind} cannot be used yet: {why}"));
    }
}

pub(super) fn unset(context: &Context, kind: ProviderKind) -> anyhow::Result<u8> {
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
            take_google_credentials(credentials);
            take_secret(credentials, "client_secret");
            credentials.shift_remove("client_id");
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
    if root.is_some_and(|root| !Path::new(&root).exists()) {
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
