//! `providers login`: a token for a machine without a browser.
//!
//! What a login brings replaces what is in the provider file in one step, and only once it
//! is all there.

mod google_drive;
mod redirect;
mod yandex_disk;

use serde_json::{Value, json};

use super::Context;
use super::args::ProvidersLogin;
use super::providers::{existing, parsed};
use super::ui::Ui;
use crate::credential::SecretSource;
use crate::duration;
use crate::failure::{Code, Failure};
use crate::provider::error::{Error, Kind};
use crate::provider::oauth::{Grant, OAuth};
use crate::provider::{Connection, ProviderKind};
use crate::provider_settings::ProviderSettings;
use crate::settings::Settings;
use crate::status::test;
use crate::text::printable;

const OPERATION: &str = "providers login";

pub(super) fn run(context: &Context, args: &ProvidersLogin) -> anyhow::Result<u8> {
    let kind = args.name.parse()?;
    refuse(context, kind, args)?;
    match kind {
        ProviderKind::GoogleDrive => google_drive::run(context, args),
        _ => yandex_disk::run(context, args),
    }
}

/// Before anybody is bothered: what cannot work.
fn refuse(context: &Context, kind: ProviderKind, args: &ProvidersLogin) -> Result<(), Failure> {
    let google_only =
        args.device || args.client_file.is_some() || args.port.is_some() || args.scope.is_some();
    if kind != ProviderKind::GoogleDrive && google_only {
        let detail = format!("an option given does not belong to {kind}");
        return Err(Failure::new(Code::Usage, detail)
            .hint("--device, --client-file, --port and --scope are for google_drive"));
    }
    if kind == ProviderKind::Local {
        let detail = format!("{kind} needs no login: it takes a root");
        return Err(
            Failure::new(Code::Usage, detail).hint("vertex-backup providers set local --root DIR")
        );
    }
    let settings = &context.installation.settings;
    let provider_settings = ProviderSettings::of(settings);
    if !provider_settings.is_writable() {
        let file = provider_settings.file.display();
        let detail = format!("'{file}' cannot be written, so no token could be stored in it");
        return Err(Failure::new(Code::LocalIo, detail).hint("run it as the owner of that file"));
    }
    if kind == ProviderKind::GoogleDrive {
        return google_drive::refuse(context, args);
    }
    if settings.sections.yandex_disk.oauth_token.is_some() {
        let config = config_file(settings);
        let detail = format!(
            "'{config}' gives a token of {kind}, which wins over the one that a login stores"
        );
        return Err(Failure::new(Code::ConfigInvalid, detail)
            .hint("take oauth_token of yandex_disk out of that file first"));
    }
    Ok(())
}

/// The `config.json` in use, as it is named in words.
fn config_file(settings: &Settings) -> String {
    let config = settings.config.as_ref();
    config.map_or_else(String::new, |config| config.value.display().to_string())
}

/// The application's secret, where an option gives it.
struct GivenSecret {
    /// What its key in the file ends with.
    form: &'static str,
    /// As it is written down.
    written: Value,
    /// As it is read.
    source: SecretSource,
}

fn given_secret(context: &Context, args: &ProvidersLogin) -> Result<Option<GivenSecret>, Failure> {
    let (form, written, source) = if args.client_secret_stdin {
        let secret = context.ui.read_secret("client secret")?;
        ("", secret.expose().into(), SecretSource::Inline(secret))
    } else if let Some(path) = &args.client_secret_file {
        let source = SecretSource::File(path.clone());
        ("_file", existing(path)?, source)
    } else if let Some(command) = &args.client_secret_command {
        let source = SecretSource::Command(parsed("--client-secret-command", command)?);
        ("_command", command.as_str().into(), source)
    } else {
        return Ok(None);
    };
    Ok(Some(GivenSecret {
        form,
        written,
        source,
    }))
}

/// A code is shown here, and typed on a page.
fn by_device(ui: &Ui, service: &OAuth) -> Result<Grant, Failure> {
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
            printable(&device.verification_url),
            printable(&device.user_code),
            duration::show(device.expires_in)
        )
    });
    service.wait_for_consent(&device).map_err(failed)
}

/// Tests the connection with what was stored, unless that is not wanted.
fn tested(
    context: &Context,
    kind: ProviderKind,
    no_test: bool,
) -> anyhow::Result<Option<Connection>> {
    if no_test {
        return Ok(None);
    }
    // Not by the registry at hand, which has the old token.
    let registry = context.installation.providers()?.registry;
    let tested = test(&context.installation, &registry, kind);
    let connection = tested.inspect_err(|_| {
        let file = context.installation.settings.remote_config.value.display();
        let note = format!("the new token is stored all the same, in {file}");
        context.ui.note(&note);
    })?;
    Ok(Some(connection))
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
