//! The login to Google Drive: a browser on this machine, on another one, or on a phone.
//!
//! What a login needs for years is checked before anything is stored: that the scope was
//! granted, and that there is a refresh token.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::redirect::{Answer, PATIENCE, Port, pasted, takes_lines};
use super::{OPERATION, by_device, config_file, failed, given_secret, tested};
use crate::cli::Context;
use crate::cli::args::ProvidersLogin;
use crate::cli::providers::day;
use crate::cli::ui::Ui;
use crate::credential::SecretSource;
use crate::duration;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::hash::random_id;
use crate::json_file::{Object, load, parse_typed};
use crate::provider::error::{Error, Kind, Reason};
use crate::provider::google_drive::scope::{self, DRIVE_FILE};
use crate::provider::oauth::{Grant, OAuth, Verifier};
use crate::provider::registry::google_oauth;
use crate::provider::{Connection, ProviderKind};
use crate::provider_settings::{
    ProviderSettings, object, put_refresh_token, put_secret, take_google_credentials,
};
use crate::secret::Secret;
use crate::sections::{GoogleDrive, is_safe_url};
use crate::text::printable;

const KIND: ProviderKind = ProviderKind::GoogleDrive;

/// How to come by an OAuth client.
const REGISTER: &str = "make one in the Google console (APIs & Services, Credentials, OAuth client \
    ID, type Desktop app), download its JSON file, and give it with --client-file FILE";

/// What the page is told that the browser ends up on.
const ADDRESS: &str = "the address of the page that does not load";

/// An OAuth client of the operator's, with what options say of it that is not stored yet.
struct Client {
    id: String,
    secret: SecretSource,
    given_id: bool,
    given_secret: Option<(&'static str, Value)>,
    /// Addresses of a service other than Google's own.
    addresses: Vec<(&'static str, String)>,
}

pub(super) fn run(context: &Context, args: &ProvidersLogin) -> anyhow::Result<u8> {
    let mut state = context.installation.state()?;
    let registry = context.providers()?;
    let mut section = registry.google_section().clone();
    let asked = asked_scope(args, &section)?;
    let client = client(context, args, &section)?;
    for (key, url) in &client.addresses {
        let place = match *key {
            "token_uri" => &mut section.token_uri,
            _ => &mut section.auth_uri,
        };
        *place = Some(url.clone());
    }
    let policy = *registry.policy();
    let service = google_oauth(&section, &client.id, Some(&client.secret), policy)?;
    let service = service.asking_for(&asked);
    let grant = if args.device {
        by_device(&context.ui, &service)?
    } else {
        by_redirect(&context.ui, &service, args)?
    };
    let refresh_token = checked(&grant, &asked).map_err(failed)?;
    store(context, &client, &grant, refresh_token, &asked)?;
    // Whoever logs in has chosen the account.
    state.set_identity(&registry.storage_key(KIND), None)?;
    warn_of_testing(&context.ui, grant.refresh_token_expires_at);
    let connection = tested(context, KIND, args.no_test)?;
    report(context, &grant, &asked, connection.as_ref())
}

/// Before anybody is bothered: what cannot work.
pub(super) fn refuse(context: &Context, args: &ProvidersLogin) -> Result<(), Failure> {
    let settings = &context.installation.settings;
    let ours = &settings.sections.google_drive;
    if ours.credential_kind().is_some() {
        let detail = format!(
            "'{}' gives credentials of {KIND}, which win over those that a login stores",
            config_file(settings)
        );
        return Err(Failure::new(Code::ConfigInvalid, detail).hint(
            "take refresh_token, service_account_file and access_token of google_drive out of \
             that file first",
        ));
    }
    let brings_client = args.client_id.is_some() || args.client_file.is_some();
    if brings_client && ours.client_id.is_some() {
        let detail = format!(
            "'{}' gives a client_id of {KIND}, which wins over the one given here",
            config_file(settings)
        );
        return Err(Failure::new(Code::ConfigInvalid, detail)
            .hint("take client_id and client_secret of google_drive out of that file first"));
    }
    Ok(())
}

/// The scope to ask for.
fn asked_scope(args: &ProvidersLogin, section: &GoogleDrive) -> Result<String, Failure> {
    let asked = match &args.scope {
        Some(text) => scope::full(text).ok_or_else(|| {
            let detail = "--scope must be one of: drive.file, drive, drive.readonly";
            Failure::new(Code::Usage, detail)
        })?,
        None => section
            .scope
            .clone()
            .unwrap_or_else(|| DRIVE_FILE.to_owned()),
    };
    if args.device && asked != DRIVE_FILE {
        let detail = format!(
            "--device can ask only for the scope drive.file: Google gives {} to no login on \
             another device",
            scope::short(&asked)
        );
        return Err(Failure::new(Code::Usage, detail)
            .hint("log in without --device, or with --scope drive.file"));
    }
    Ok(asked)
}

/// The file that the Google console gives for an OAuth client.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientFile {
    installed: Option<Object<ClientKeys>>,
    web: Option<Object<ClientKeys>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientKeys {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    token_uri: Option<String>,
    auth_uri: Option<String>,
}

fn client(
    context: &Context,
    args: &ProvidersLogin,
    section: &GoogleDrive,
) -> Result<Client, Failure> {
    if let Some(path) = &args.client_file {
        return from_file(path, section);
    }
    let missing = |what: &str| {
        let detail =
            format!("Provider '{KIND}' has no {what}: a login needs an OAuth client of your own");
        Failure::new(Code::ProviderNotConfigured, detail).hint(REGISTER)
    };
    let given = given_secret(context, args)?;
    let stored = section.client_id.as_ref();
    let id = args.client_id.as_ref().or(stored);
    let id = id.ok_or_else(|| missing("client_id"))?.clone();
    // The secret of another client is of no use.
    let known = || {
        section
            .client_secret
            .clone()
            .filter(|_| stored == Some(&id))
    };
    let (source, written) = match given {
        Some(given) => (Some(given.source), Some((given.form, given.written))),
        None => (known(), None),
    };
    let secret = source.ok_or_else(|| missing("client_secret"))?;
    Ok(Client {
        id,
        secret,
        given_id: args.client_id.is_some(),
        given_secret: written,
        addresses: Vec::new(),
    })
}

fn from_file(path: &Path, section: &GoogleDrive) -> Result<Client, Failure> {
    let wrong = |why: &str| {
        let detail = format!("the client file '{}' cannot be used: {why}", path.display());
        Failure::new(Code::Usage, detail).hint(REGISTER)
    };
    let loaded = load(path)?.ok_or_else(|| wrong("it does not exist"))?;
    let file: ClientFile = parse_typed(&loaded.text, path)?;
    let keys = file.installed.or(file.web);
    let Some(Object(keys)) = keys else {
        return Err(wrong("it is not that of an OAuth client"));
    };
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let id = filled(keys.client_id).ok_or_else(|| wrong("client_id is missing"))?;
    let secret = keys
        .client_secret
        .filter(|secret| !secret.is_empty())
        .ok_or_else(|| wrong("client_secret is missing"))?;
    let mut addresses = Vec::new();
    for (key, url, configured) in [
        ("token_uri", keys.token_uri, &section.token_uri),
        ("auth_uri", keys.auth_uri, &section.auth_uri),
    ] {
        // Google's own are known, and what is configured wins.
        let is_usual = |url: &String| {
            url.starts_with("https://accounts.google.com/")
                || url.starts_with("https://oauth2.googleapis.com/")
        };
        let Some(url) = filled(url).filter(|url| configured.is_none() && !is_usual(url)) else {
            continue;
        };
        if !is_safe_url(&url) {
            return Err(wrong(&format!("its {key} does not begin with https://")));
        }
        addresses.push((key, url));
    }
    Ok(Client {
        id,
        given_id: true,
        given_secret: Some(("", secret.expose().into())),
        secret: SecretSource::Inline(secret),
        addresses,
    })
}

/// How the code gets from the browser to here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Visited,
    Pasted,
    Either,
}

/// The browser is sent back to this machine, or its address is pasted here.
fn by_redirect(ui: &Ui, service: &OAuth, args: &ProvidersLogin) -> Result<Grant, Failure> {
    if args.code {
        ui.can_be_asked(ADDRESS)?;
    }
    let begun = |error| Failure::new(Code::LocalIo, format!("cannot begin a login: {error}"));
    let verifier = Verifier::new().map_err(begun)?;
    let state = random_id().map_err(begun)?;
    let port = Port::take(args.port.unwrap_or(0))?;
    let redirect_uri = format!("http://127.0.0.1:{}", port.number);
    let page = service.redirecting_page(&verifier, &redirect_uri, &state);
    let event = json!({
        "type": "login", "authorize_url": page, "redirect_uri": redirect_uri,
        "expires_in": PATIENCE.as_secs(),
    });
    let way = if args.code {
        Way::Pasted
    } else if ui.can_be_asked(ADDRESS).is_ok() && takes_lines() {
        Way::Either
    } else {
        Way::Visited
    };
    ui.instruct(&event, || instructions(&page, port.number, way));
    let answer = if way == Way::Pasted {
        // The page must not load, so nobody may be there.
        drop(port);
        Some(pasted(&ui.read_answer(ADDRESS)?, &state))
    } else {
        port.wait(&state, way == Way::Either, |why| ui.warn(why))?
    };
    match answer {
        Some(Answer::Code(code)) => service
            .exchange(code.expose(), &verifier, Some(&redirect_uri))
            .map_err(failed),
        Some(Answer::Refused(word)) => Err(failed(service.denied(&word))),
        Some(Answer::Stray(why)) => Err(failed(error(why).hint("run the command again"))),
        None => {
            let why = format!("nobody allowed access within {}", duration::show(PATIENCE));
            Err(failed(error(&why).hint("run the command again")))
        }
    }
}

fn instructions(page: &str, port: u16, way: Way) -> String {
    let open = format!(
        "Open this address in a browser, and allow access with the account that is to have the \
         backups:\n{page}\n"
    );
    if way == Way::Pasted {
        return format!(
            "{open}The browser then shows a page that does not load. Paste its address here: it \
             begins with http://127.0.0.1:{port}/\n"
        );
    }
    let paste = if way == Way::Either {
        "or paste here the address of the page that does not load.\n"
    } else {
        ""
    };
    format!(
        "{open}The browser then comes to port {port} of the machine it runs on. If that is not this \
         machine, open a way there first:\n  ssh -L {port}:127.0.0.1:{port} HOST\n{paste}\
         Waiting for that, for {} at the most; Ctrl-C gives up.\n",
        duration::show(PATIENCE)
    )
}

/// The refresh token of a login that will do.
fn checked<'a>(grant: &'a Grant, asked: &str) -> Result<&'a Secret, Error> {
    let granted = grant.scope.as_deref().unwrap_or(asked);
    if !scope::covers(granted, asked) {
        let why = format!(
            "access was allowed, but not to what was asked for: {} is missing",
            scope::short(asked)
        );
        return Err(error(&why)
            .hint("run the command again, and leave the box ticked that names Google Drive"));
    }
    grant.refresh_token.as_ref().ok_or_else(|| {
        error("Google gave no refresh token, so this login would end within an hour").hint(
            "remove the access of this client on https://myaccount.google.com/connections, and \
             run the command again",
        )
    })
}

fn store(
    context: &Context,
    client: &Client,
    grant: &Grant,
    refresh_token: &Secret,
    asked: &str,
) -> anyhow::Result<()> {
    let settings = ProviderSettings::of(&context.installation.settings);
    // A token that was got so laboriously is not given up for a run that just renews the old one.
    let lock = settings.lock(OPERATION, settings.patience)?;
    let scope = grant.scope.as_deref().unwrap_or(asked);
    settings.edit(&lock, KIND, OPERATION, |whole: &mut Map<String, Value>| {
        let section = object(whole, KIND.name());
        section.insert("enabled".into(), true.into());
        let credentials = object(section, "credentials");
        take_google_credentials(credentials);
        if client.given_id {
            credentials.insert("client_id".into(), client.id.as_str().into());
        }
        if let Some((form, written)) = &client.given_secret {
            put_secret(credentials, "client_secret", form, written.clone());
        }
        for (key, url) in &client.addresses {
            credentials.insert((*key).into(), url.as_str().into());
        }
        credentials.insert("scope".into(), drive_scopes(scope).into());
        let ends = grant.refresh_token_expires_at;
        put_refresh_token(credentials, refresh_token, Timestamp::now(), ends);
    })
}

/// Of what was granted, what is about Drive.
fn drive_scopes(granted: &str) -> String {
    let scopes = granted.split_whitespace();
    let scopes: Vec<&str> = scopes
        .filter(|scope| scope.contains("/auth/drive"))
        .collect();
    scopes.join(" ")
}

/// Only a consent screen in "Testing" gives refresh tokens that end.
fn warn_of_testing(ui: &Ui, ends: Option<Timestamp>) {
    if let Some(at) = ends {
        ui.warn(&format!(
            "this login ends on {}: the consent screen of the OAuth client is in \"Testing\". Publish \
             it (Google console, OAuth consent screen, Audience, Publish app), then log in again",
            day(at)
        ));
    }
}

fn report(
    context: &Context,
    grant: &Grant,
    asked: &str,
    connection: Option<&Connection>,
) -> anyhow::Result<u8> {
    let file = &context.installation.settings.remote_config.value;
    let file = file.display().to_string();
    let account = connection.map(|connection| connection.account.as_str());
    let scope = scope::short(&drive_scopes(grant.scope.as_deref().unwrap_or(asked)));
    let report = json!({
        "success": true, "message": format!("Logged in to {KIND}"), "name": KIND,
        "connected": connection.map(|_| true), "account": account, "file": file,
        "expires_at": grant.refresh_token_expires_at, "renewed": true, "scope": scope,
    });
    context.ui.done(&report, || {
        let account =
            account.map_or_else(String::new, |account| format!(" as {}", printable(account)));
        format!("Logged in to {KIND}{account} with the scope {scope}: stored in {file}\n")
    })?;
    if connection.is_none() {
        let note = format!("test it: vertex-backup providers test {KIND}");
        context.ui.note(&note);
    }
    Ok(exit::DONE)
}

fn error(why: &str) -> Error {
    Error::new(KIND, Kind::Connection(Reason::Auth), why)
}
