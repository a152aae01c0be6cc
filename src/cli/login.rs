//! `providers login`: a token from Yandex, without a browser on this machine.
//!
//! The token replaces the one in the provider file in one step, and only once it is there.

use serde_json::{Value, json};

use super::Context;
use super::args::ProvidersLogin;
use super::providers::{ends, existing, parsed};
use super::ui::Ui;
use crate::credential::SecretSource;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::error::{Error, Kind, Reason};
use crate::provider::oauth::{Grant, OAuth, Verifier};
use crate::provider::{Connection, ProviderKind};
use crate::provider_settings::{ProviderSettings, object, put_grant, put_secret};
use crate::status::test;

const OPERATION: &str = "providers login";

pub(super) fn run(context: &Context, args: &ProvidersLogin) -> anyhow::Result<u8> {
    let kind = args.name.parse()?;
    refuse(context, kind)?;
    let mut state = context.installation.state()?;
    let secret = given_secret(context, args)?;
    let registry = context.providers()?;
    let service = registry.oauth(
        args.client_id.as_deref(),
        secret.as_ref().map(|(_, _, source)| source),
    )?;
    let grant = if args.code {
        by_code(&context.ui, &service)?
    } else {
        by_device(&context.ui, &service)?
    };
    let settings = ProviderSettings::of(&context.installation.settings);
    // A token that was got so laboriously is not given up for a run that just renews the old one.
    let lock = settings.lock(OPERATION, settings.patience)?;
    settings.edit(&lock, kind, OPERATION, |whole| {
        let section = object(whole, kind.name());
        section.insert("enabled".into(), true.into());
        put_grant(section, &grant);
        if let Some(id) = &args.client_id {
            section.insert("client_id".into(), id.as_str().into());
        }
        if let Some((form, value, _)) = secret {
            put_secret(section, "client_secret", form, value);
        }
    })?;
    drop(lock);
    // Whoever logs in has chosen the account.
    state.set_identity(&registry.storage_key(kind), None)?;
    let file = &context.installation.settings.remote_config.value;
    let connection = if args.no_test {
        None
    } else {
        // Not by the registry at hand, which has the old token.
        let registry = context.installation.providers()?.registry;
        let tested = test(&context.installation, &registry, kind);
        Some(tested.inspect_err(|_| {
            let note = format!(
                "the new token is stored all the same, in {}",
                file.display()
            );
            context.ui.note(&note);
        })?)
    };
    report(
        context,
        kind,
        &grant,
        connection.as_ref(),
        service.has_secret(),
    )
}

/// Before anybody is bothered: what cannot work.
fn refuse(context: &Context, kind: ProviderKind) -> Result<(), Failure> {
    match kind {
        ProviderKind::YandexDisk => {}
        ProviderKind::GoogleDrive => {
            let why = format!("this version has no login for {kind}");
            let error = Error::new(kind, Kind::Connection(Reason::Unsupported), why);
            return Err(failed(
                error.hint("vertex-backup providers set google_drive --help"),
            ));
        }
        ProviderKind::Local => {
            let detail = format!("{kind} needs no login: it takes a root");
            return Err(Failure::new(Code::Usage, detail)
                .hint("vertex-backup providers set local --root DIR"));
        }
    }
    let settings = &context.installation.settings;
    let provider_settings = ProviderSettings::of(settings);
    if !provider_settings.is_writable() {
        let file = provider_settings.file.display();
        let detail = format!("'{file}' cannot be written, so no token could be stored in it");
        return Err(Failure::new(Code::LocalIo, detail).hint("run it as the owner of that file"));
    }
    if settings.sections.yandex_disk.oauth_token.is_some() {
        let config = settings.config.as_ref();
        let config = config.map_or_else(String::new, |config| config.value.display().to_string());
        let detail = format!(
            "'{config}' gives a token of {kind}, which wins over the one that a login stores"
        );
        return Err(Failure::new(Code::ConfigInvalid, detail)
            .hint("take oauth_token of yandex_disk out of that file first"));
    }
    Ok(())
}

/// The application's secret, where an option gives it: as it is written down, and as it is read.
type GivenSecret = (&'static str, Value, SecretSource);

fn given_secret(context: &Context, args: &ProvidersLogin) -> Result<Option<GivenSecret>, Failure> {
    if args.client_secret_stdin {
        let secret = context.ui.read_secret("client secret")?;
        let written = secret.expose().into();
        return Ok(Some(("", written, SecretSource::Inline(secret))));
    }
    if let Some(path) = &args.client_secret_file {
        let source = SecretSource::File(path.clone());
        return Ok(Some(("_file", existing(path)?, source)));
    }
    if let Some(command) = &args.client_secret_command {
        let source = SecretSource::Command(parsed("--client-secret-command", command)?);
        return Ok(Some(("_command", command.as_str().into(), source)));
    }
    Ok(None)
}

/// A code is shown here, and typed on a page.
fn by_device(ui: &Ui, service: &OAuth) -> Result<Grant, Failure> {
    if !service.has_secret() {
        let detail =
            "Provider 'yandex_disk' has no client_secret, which this way of logging in needs";
        return Err(Failure::new(Code::ProviderNotConfigured, detail).hint(
            "give it with --client-secret-file FILE, or log in with --code, which needs none",
        ));
    }
    let device = service.device_code().map_err(failed)?;
    let event = json!({
        "type": "login", "verification_url": device.verification_url, "user_code": device.user_code,
        "expires_in": device.expires_in.as_secs(),
    });
    ui.instruct(&event, || {
        format!(
            "Open {} on any computer or phone,\ntype the code {}, and allow access with the \
             account that is to have the backups.\nWaiting for that, for {} at the most; \
             Ctrl-C gives up.\n",
            device.verification_url,
            device.user_code,
            duration::show(device.expires_in)
        )
    });
    service.wait_for_consent(&device).map_err(failed)
}

/// A code is shown on a page, and typed here.
fn by_code(ui: &Ui, service: &OAuth) -> Result<Grant, Failure> {
    ui.can_be_asked("the code that the page shows")?;
    let verifier = Verifier::new()
        .map_err(|error| Failure::new(Code::LocalIo, format!("cannot begin a login: {error}")))?;
    let page = service.page(&verifier);
    ui.instruct(&json!({ "type": "login", "authorize_url": page }), || {
        format!(
            "Open this address on any computer or phone, allow access with the account that is \
             to have the backups,\nand paste here the code that the page then shows:\n{page}\n"
        )
    });
    let code = ui.read_answer("the code that the page shows")?;
    service.exchange(&code, &verifier, None).map_err(failed)
}

/// A login that came to nothing, which is no connection test.
fn failed(error: Error) -> Failure {
    let Kind::Connection(reason) = error.kind else {
        return error.into();
    };
    let detail = format!(
        "Provider '{}' login failed: {}",
        error.provider, error.detail
    );
    let failure = Failure::new(Code::ProviderConnectionFailed, detail)
        .field("reason", reason.name())
        .retry(error.repeat.is_worthwhile());
    match error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn report(
    context: &Context,
    kind: ProviderKind,
    grant: &Grant,
    connection: Option<&Connection>,
    has_secret: bool,
) -> anyhow::Result<u8> {
    let file = &context.installation.settings.remote_config.value;
    let file = file.display().to_string();
    let account = connection.map(|connection| connection.account.as_str());
    let is_renewed = has_secret && grant.refresh_token.is_some();
    let report = json!({
        "success": true, "message": format!("Logged in to {kind}"), "name": kind,
        "connected": connection.map(|_| true), "account": account, "file": file,
        "expires_at": grant.expires_at, "renewed": is_renewed,
    });
    context.ui.done(&report, || {
        let account = account.map_or_else(String::new, |account| format!(" as {account}"));
        let until = grant
            .expires_at
            .map_or_else(String::new, |at| format!(", {}", ends(at)));
        format!("Logged in to {kind}{account}: stored in {file}{until}\n")
    })?;
    if connection.is_none() {
        let note = format!("test it: vertex-backup providers test {kind}");
        context.ui.note(&note);
    }
    if grant.expires_at.is_some() && !is_renewed {
        context.ui.note(
            "without a client secret it is not renewed before it ends: log in again in time, or \
             once with --client-secret-file",
        );
    }
    Ok(exit::DONE)
}
