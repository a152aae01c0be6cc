//! The login to Yandex Disk: a code shown here and typed on a page, or the other way round.

use serde_json::json;

use super::{GivenSecret, OPERATION, by_device, failed, given_secret, tested};
use crate::cli::Context;
use crate::cli::args::ProvidersLogin;
use crate::cli::providers::ends;
use crate::cli::ui::Ui;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::provider::oauth::{Grant, OAuth, Verifier};
use crate::provider::{Connection, ProviderKind};
use crate::provider_settings::{ProviderSettings, object, put_grant, put_secret};
use crate::text::printable;

const KIND: ProviderKind = ProviderKind::YandexDisk;

pub(super) fn run(context: &Context, args: &ProvidersLogin) -> anyhow::Result<u8> {
    let mut state = context.installation.state()?;
    let secret = given_secret(context, args)?;
    let registry = context.providers()?;
    let service = registry.oauth(
        args.client_id.as_deref(),
        secret.as_ref().map(|GivenSecret { source, .. }| source),
    )?;
    let grant = if args.code {
        by_code(&context.ui, &service)?
    } else {
        if !service.has_secret() {
            let detail =
                "Provider 'yandex_disk' has no client_secret, which this way of logging in needs";
            let failure = Failure::new(Code::ProviderNotConfigured, detail).hint(
                "give it with --client-secret-file FILE, or log in with --code, which needs none",
            );
            return Err(failure.into());
        }
        by_device(&context.ui, &service)?
    };
    let settings = ProviderSettings::of(&context.installation.settings);
    // A token that was got so laboriously is not given up for a run that just renews the old one.
    let lock = settings.lock(OPERATION, settings.patience)?;
    settings.edit(&lock, KIND, OPERATION, |whole| {
        let section = object(whole, KIND.name());
        section.insert("enabled".into(), true.into());
        put_grant(section, &grant);
        if let Some(id) = &args.client_id {
            section.insert("client_id".into(), id.as_str().into());
        }
        if let Some(GivenSecret { form, written, .. }) = secret {
            put_secret(section, "client_secret", form, written);
        }
    })?;
    drop(lock);
    // Whoever logs in has chosen the account.
    state.set_identity(&registry.storage_key(KIND), None)?;
    let connection = tested(context, KIND, args.no_test)?;
    report(context, &grant, connection.as_ref(), service.has_secret())
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

fn report(
    context: &Context,
    grant: &Grant,
    connection: Option<&Connection>,
    has_secret: bool,
) -> anyhow::Result<u8> {
    let file = &context.installation.settings.remote_config.value;
    let file = file.display().to_string();
    let account = connection.map(|connection| connection.account.as_str());
    let is_renewed = has_secret && grant.refresh_token.is_some();
    let report = json!({
        "success": true, "message": format!("Logged in to {KIND}"), "name": KIND,
        "connected": connection.map(|_| true), "account": account, "file": file,
        "expires_at": grant.expires_at, "renewed": is_renewed,
    });
    context.ui.done(&report, || {
        let account =
            account.map_or_else(String::new, |account| format!(" as {}", printable(account)));
        let until = grant
            .expires_at
            .map_or_else(String::new, |at| format!(", {}", ends(at)));
        format!("Logged in to {KIND}{account}: stored in {file}{until}\n")
    })?;
    if connection.is_none() {
        let note = format!("test it: vertex-backup providers test {KIND}");
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
