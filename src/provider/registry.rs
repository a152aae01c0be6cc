//! The only place that names providers: from configuration to a value behind the seam.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::error::{self, Kind, Reason};
use super::google_drive;
use super::google_drive::scope::DRIVE;
use super::google_drive::service_account::{Key, KeyFile, ServiceAccount};
use super::google_drive::token::{Credentials, bare_token_warning};
use super::local::{self, Identity, Local};
use super::oauth::{Client, Endpoints, Fetch, OAuth, Renew, Service};
use super::retry::{Policy, Retried};
use super::yandex_disk::{Account, YandexDisk, oauth};
use super::{Error, Notes, Provider, ProviderKind};
use crate::credential::SecretSource;
use crate::failure::{Code, Failure};
use crate::json_file::{load, parse_typed};
use crate::provider::locked;
use crate::remote_path::RemotePath;
use crate::secret::Secret;
use crate::sections::{GoogleDrive, Sections, is_safe_url};

/// How to come by an application.
const REGISTER: &str = "register one at https://oauth.yandex.com/client/new with the rights \
    cloud_api:disk.info, cloud_api:disk.read and cloud_api:disk.write and the redirect URI \
    https://oauth.yandex.com/verification_code; then give --client-id ID --client-secret-file FILE";

/// What is needed to reach a provider, without any company.
pub struct Registry {
    sections: Sections,
    builtin_root: PathBuf,
    policy: Policy,
    renewal: Mutex<Option<Box<dyn Renew>>>,
    google_login: Option<Arc<dyn Fetch>>,
    /// One account for all companies: its requests pass one gate, its token is fetched once.
    yandex_disk: Mutex<Option<Arc<Account>>>,
    google_drive: Mutex<Option<Arc<google_drive::Account>>>,
    /// Why secrets could not be fetched, by their keys: what failed is not run for each company.
    unfetched: Mutex<BTreeMap<&'static str, Failure>>,
    notes: Arc<dyn Notes>,
    acknowledges_abuse: bool,
}

impl Registry {
    /// From what is configured; `builtin_root` serves `local` without a root.
    pub fn new(
        sections: Sections,
        builtin_root: PathBuf,
        notes: Arc<dyn Notes>,
        policy: Policy,
    ) -> Self {
        Registry {
            sections,
            builtin_root,
            policy,
            renewal: Mutex::default(),
            google_login: None,
            yandex_disk: Mutex::default(),
            google_drive: Mutex::default(),
            unfetched: Mutex::default(),
            notes,
            acknowledges_abuse: false,
        }
    }

    /// Says how the token of Yandex Disk is renewed.
    #[must_use]
    pub fn renewed_by(self, renewal: Option<Box<dyn Renew>>) -> Self {
        let renewal = Mutex::new(renewal);
        Registry { renewal, ..self }
    }

    /// Says how tokens of Google Drive are got with the login that is configured.
    #[must_use]
    pub fn logged_in_by(self, google_login: Option<Arc<dyn Fetch>>) -> Self {
        Registry {
            google_login,
            ..self
        }
    }

    /// Says whether files that Google takes for malware are read all the same.
    #[must_use]
    pub fn acknowledging_abuse(self, acknowledges_abuse: bool) -> Self {
        Registry {
            acknowledges_abuse,
            ..self
        }
    }

    /// When the credentials of a provider end, as far as that is known.
    pub fn expires_at(&self, kind: ProviderKind) -> Option<Timestamp> {
        // A token that was renewed meanwhile has another end.
        match kind {
            ProviderKind::YandexDisk => match &*locked(&self.yandex_disk) {
                Some(account) => account.expires_at(),
                None => self.sections.yandex_disk.token_expires_at,
            },
            ProviderKind::GoogleDrive => match &*locked(&self.google_drive) {
                Some(account) => account.credentials().expires_at(),
                None => self.sections.google_drive.expires_at(),
            },
            ProviderKind::Local => None,
        }
    }

    /// The secrets of a provider, by their keys, and how each is kept.
    pub fn kept(&self, kind: ProviderKind) -> Vec<(&'static str, &'static str)> {
        self.sections.kept(kind)
    }

    /// How patient to be with providers.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether a provider is switched on and has something to connect with.
    pub fn is_configured(&self, kind: ProviderKind) -> bool {
        self.sections.is_configured(kind)
    }

    /// The root of the local provider, and whether it was configured.
    pub fn local_root(&self) -> (&Path, bool) {
        match &self.sections.local.root {
            Some(root) => (root, true),
            None => (&self.builtin_root, false),
        }
    }

    /// Fails when the configured root of the local provider is missing or empty: what should be
    /// mounted there may not be.
    ///
    /// # Errors
    /// `provider_connection_failed` with the reason `not_mounted`.
    pub fn refuse_empty_root(&self) -> super::Result<()> {
        match self.local_root() {
            (root, true) => local::refuse_empty_root(root),
            (_, false) => Ok(()),
        }
    }

    /// The storage under which an identity is remembered: see [`Provider::claim`].
    pub fn storage_key(&self, kind: ProviderKind) -> String {
        match (kind, self.local_root()) {
            (ProviderKind::Local, (root, true)) => {
                // One root, however it is spelled; mounted or not, the way to it is the same.
                let plain = || root.components().collect::<PathBuf>();
                let root = std::fs::canonicalize(root).unwrap_or_else(|_| plain());
                format!("local:{}", root.display())
            }
            _ => kind.name().to_owned(),
        }
    }

    /// A provider bound to a company's directory; without one, it only answers
    /// for itself. `identity` is what [`Provider::claim`] returned earlier.
    ///
    /// # Errors
    /// `provider_not_configured`, or why it cannot be used.
    pub fn open(
        &self,
        kind: ProviderKind,
        directory: Option<RemotePath>,
        identity: Option<String>,
    ) -> Result<Box<dyn Provider>, Failure> {
        if !self.is_configured(kind) {
            return Err(not_configured(kind));
        }
        match kind {
            ProviderKind::Local => {
                let (root, configured) = self.local_root();
                let identity = match identity {
                    _ if !configured => Identity::Builtin,
                    Some(id) => Identity::Known(id),
                    None => Identity::Unclaimed,
                };
                Ok(Box::new(Local::new(root.to_owned(), directory, identity)))
            }
            ProviderKind::YandexDisk => {
                let account = self.yandex_account()?;
                let disk = YandexDisk::new(account, directory, identity);
                Ok(Box::new(Retried::new(Arc::new(disk), self.policy)))
            }
            ProviderKind::GoogleDrive => {
                let account = self.google_account()?;
                let drive = google_drive::GoogleDrive::new(account, directory, identity);
                Ok(Box::new(Retried::new(Arc::new(drive), self.policy)))
            }
        }
    }

    /// The OAuth service of Yandex, as the operator's application sees it: the one given,
    /// else the one that is configured.
    ///
    /// # Errors
    /// `provider_not_configured` when there is no such application, or its secret cannot be
    /// fetched.
    pub fn oauth(
        &self,
        client_id: Option<&str>,
        client_secret: Option<&SecretSource>,
    ) -> Result<OAuth, Failure> {
        let section = &self.sections.yandex_disk;
        let id = client_id.or(section.client_id.as_deref()).ok_or_else(|| {
            let detail = format!(
                "Provider '{}' has no client_id: a login needs an application of your own",
                ProviderKind::YandexDisk
            );
            Failure::new(Code::ProviderNotConfigured, detail).hint(REGISTER)
        })?;
        let secret = client_secret.or(section.client_secret.as_ref());
        yandex_oauth(section.oauth_url.as_deref(), id, secret, self.policy)
    }

    fn yandex_account(&self) -> Result<Arc<Account>, Failure> {
        let mut known = locked(&self.yandex_disk);
        if let Some(account) = &*known {
            return Ok(Arc::clone(account));
        }
        let section = &self.sections.yandex_disk;
        let kind = ProviderKind::YandexDisk;
        let token = self.secret(kind, "oauth_token", section.oauth_token.as_ref())?;
        let account = Account::new(section.api_url.as_deref(), token, self.policy);
        let renewal = locked(&self.renewal).take();
        let account = account.renewed_by(section.token_expires_at, renewal);
        Ok(Arc::clone(known.insert(Arc::new(account))))
    }

    fn google_account(&self) -> Result<Arc<google_drive::Account>, Failure> {
        let mut known = locked(&self.google_drive);
        if let Some(account) = &*known {
            return Ok(Arc::clone(account));
        }
        let section = &self.sections.google_drive;
        let options = google_drive::Options {
            api_url: section.api_url.clone(),
            folder_id: section.folder_id.clone(),
            shared_drive_id: section.shared_drive_id.clone(),
            chunk: section.chunk_size.unwrap_or(google_drive::CHUNK),
            acknowledges_abuse: self.acknowledges_abuse,
        };
        let (credentials, notes) = (self.google_credentials()?, Arc::clone(&self.notes));
        let account = google_drive::Account::new(options, credentials, notes, self.policy);
        Ok(Arc::clone(known.insert(Arc::new(account))))
    }

    /// Fetches a secret, or says why the provider cannot be used without it.
    fn secret(
        &self,
        kind: ProviderKind,
        key: &'static str,
        source: Option<&SecretSource>,
    ) -> Result<Secret, Failure> {
        let source = source.ok_or_else(|| no_credentials(kind, &format!("{key} is missing")))?;
        let mut unfetched = locked(&self.unfetched);
        if let Some(failure) = unfetched.get(key) {
            return Err(failure.again());
        }
        source.resolve(key).map_err(|failure| match failure.code() {
            Code::Interrupted(_) => failure,
            code => {
                let failure = match code {
                    Code::KeyUnusable => failure,
                    _ => error::no_credentials(kind, &failure).hint(credentials_help(kind)),
                };
                unfetched.insert(key, failure.again());
                failure
            }
        })
    }

    /// What is configured for Google Drive.
    pub fn google_section(&self) -> &GoogleDrive {
        &self.sections.google_drive
    }

    /// The credentials of Google Drive: of the kinds there are the one that lasts longest.
    /// No token is got yet.
    ///
    /// # Errors
    /// What is missing, or cannot be fetched.
    pub fn google_credentials(&self) -> Result<Credentials, Failure> {
        let section = &self.sections.google_drive;
        let kind = ProviderKind::GoogleDrive;
        if section.refresh_token.is_some() {
            let missing =
                |key: &str| no_credentials(kind, &format!("credentials.{key} is missing"));
            if section.client_secret.is_none() {
                return Err(missing("client_secret"));
            }
            let id = section.client_id.clone();
            let id = id.ok_or_else(|| missing("client_id"))?;
            let login = self.google_login.clone();
            let login = login.ok_or_else(|| no_credentials(kind, "nobody keeps its login"))?;
            let expires_at = section.refresh_token_expires_at;
            let credentials = Credentials::refresh_token(login, id, expires_at);
            return Ok(credentials.allowing(section.scope.clone()));
        }
        if let Some(path) = &section.service_account_file {
            return google_service_account(section, path, self.policy);
        }
        let token = section.access_token.as_ref();
        let token = self.secret(kind, "credentials.access_token", token)?;
        let ends = section.token_expires_at;
        // Who runs this at night will want to know beforehand.
        log::warn!("{}", bare_token_warning(ends, Timestamp::now()));
        let credentials = Credentials::access_token(token, ends);
        Ok(credentials.allowing(section.scope.clone()))
    }
}

/// The key of a service account, as its file has it.
///
/// # Errors
/// `config_invalid` with line, column and what is wrong, without any of its values.
pub fn service_account_key(path: &Path) -> Result<Key, Failure> {
    let shown = path.display();
    let invalid = |why: &str| {
        let detail = format!("the service account file '{shown}' cannot be used: {why}");
        Failure::new(Code::ConfigInvalid, detail)
    };
    let Some(loaded) = load(path)? else {
        let detail = format!("the service account file '{shown}' is missing");
        return Err(Failure::new(Code::ConfigInvalid, detail));
    };
    let file: KeyFile = parse_typed(&loaded.text, path)?;
    let key = Key::new(file).map_err(|why| invalid(&why))?;
    match &key.token_uri {
        Some(uri) if !is_safe_url(uri) => {
            Err(invalid("its token_uri does not begin with https://"))
        }
        _ => Ok(key),
    }
}

/// A service account that asks for tokens with its key.
fn google_service_account(
    section: &GoogleDrive,
    path: &Path,
    policy: Policy,
) -> Result<Credentials, Failure> {
    let kind = ProviderKind::GoogleDrive;
    let key = service_account_key(path).map_err(|failure| {
        let hint = failure.hint_text().map(str::to_owned);
        let error = no_credentials(kind, &failure.to_string());
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    let uri = section.token_uri.as_deref().or(key.token_uri.as_deref());
    let endpoints = Endpoints::google(uri, None, None);
    let service = OAuth::for_assertions(Service::Google, endpoints, policy);
    // With less, it would see only what it made itself, and of a shared drive nothing.
    let scope = section.scope.clone().unwrap_or_else(|| DRIVE.to_owned());
    let client = key.client_id.clone();
    let user = section.impersonate.clone();
    let account = ServiceAccount::new(key, service, scope.clone(), user.clone());
    let credentials = Credentials::service_account(Arc::new(account), client, user);
    Ok(credentials.allowing(Some(scope)))
}

/// The OAuth service of Google, as an OAuth client of the operator's sees it.
///
/// # Errors
/// When the client's secret cannot be fetched.
pub fn google_oauth(
    section: &GoogleDrive,
    client_id: &str,
    client_secret: Option<&SecretSource>,
    policy: Policy,
) -> Result<OAuth, Failure> {
    let secret = client_secret.map(|secret| secret.resolve("credentials.client_secret"));
    let client = Client {
        id: client_id.to_owned(),
        secret: secret.transpose()?,
    };
    let endpoints = Endpoints::google(
        section.token_uri.as_deref(),
        section.device_uri.as_deref(),
        section.auth_uri.as_deref(),
    );
    Ok(OAuth::new(Service::Google, endpoints, client, policy))
}

/// The OAuth service of Yandex, as an application of the operator's sees it.
///
/// # Errors
/// When the application's secret cannot be fetched.
pub fn yandex_oauth(
    url: Option<&str>,
    client_id: &str,
    client_secret: Option<&SecretSource>,
    policy: Policy,
) -> Result<OAuth, Failure> {
    let secret = client_secret.map(|secret| secret.resolve("client_secret"));
    let client = Client {
        id: client_id.to_owned(),
        secret: secret.transpose()?,
    };
    Ok(oauth(url, client, policy))
}

fn no_credentials(kind: ProviderKind, why: &str) -> Failure {
    Error::new(kind, Kind::Connection(Reason::Auth), why)
        .hint(credentials_help(kind))
        .into()
}

/// The failure for a provider that is switched off or has no credentials.
pub fn not_configured(kind: ProviderKind) -> Failure {
    Failure::new(
        Code::ProviderNotConfigured,
        format!("Provider '{kind}' is not configured"),
    )
    .hint(credentials_help(kind))
}

/// How to come by credentials.
fn credentials_help(kind: ProviderKind) -> String {
    let set = format!("vertex-backup providers set {kind} --help");
    match kind {
        ProviderKind::YandexDisk => {
            format!("vertex-backup providers login {kind}, or with a token at hand: {set}")
        }
        ProviderKind::GoogleDrive => {
            format!("vertex-backup providers login {kind}, or with a key or token at hand: {set}")
        }
        ProviderKind::Local => set,
    }
}
