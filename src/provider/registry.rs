//! The only place that names providers: from configuration to a value behind the seam.

use std::path::{Path, PathBuf};

use super::error::{Kind, Reason};
use super::local::{Identity, Local};
use super::{Error, Provider, ProviderKind};
use crate::credential::SecretSource;
use crate::failure::{Code, Failure};
use crate::remote_path::RemotePath;
use crate::sections::Sections;

/// What is needed to reach a provider, without any company.
pub struct Registry {
    sections: Sections,
    builtin_root: PathBuf,
}

impl Registry {
    /// From what is configured; `builtin_root` serves `local` without a root.
    pub fn new(sections: Sections, builtin_root: PathBuf) -> Self {
        Registry {
            sections,
            builtin_root,
        }
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
            ProviderKind::YandexDisk | ProviderKind::GoogleDrive => {
                self.check_credentials(kind)?;
                let why =
                    format!("the credentials are in place, but this version has no {kind} adapter");
                Err(Error::new(kind, Kind::Connection(Reason::Unsupported), why)
                    .hint("use the local provider, or a newer version of vertex-backup")
                    .into())
            }
        }
    }

    /// Whether the credentials of a cloud provider are there and can be fetched.
    fn check_credentials(&self, kind: ProviderKind) -> Result<(), Failure> {
        let google = &self.sections.google_drive;
        let needed: Vec<(&str, Option<&SecretSource>)> = match kind {
            ProviderKind::Local => Vec::new(),
            ProviderKind::YandexDisk => vec![(
                "oauth_token",
                self.sections.yandex_disk.oauth_token.as_ref(),
            )],
            ProviderKind::GoogleDrive if google.refresh_token.is_some() => vec![
                ("credentials.refresh_token", google.refresh_token.as_ref()),
                ("credentials.client_secret", google.client_secret.as_ref()),
            ],
            ProviderKind::GoogleDrive => match &google.service_account_file {
                Some(path) if path.is_file() => Vec::new(),
                Some(path) => {
                    let why = format!("the service account file '{}' is missing", path.display());
                    return Err(no_credentials(kind, &why));
                }
                None => vec![("credentials.access_token", google.access_token.as_ref())],
            },
        };
        for (key, source) in needed {
            let source =
                source.ok_or_else(|| no_credentials(kind, &format!("{key} is missing")))?;
            source
                .resolve(key)
                .map_err(|failure| match failure.code() {
                    Code::Interrupted(_) => failure,
                    _ => no_credentials(kind, &failure.to_string()),
                })?;
        }
        if kind == ProviderKind::GoogleDrive
            && google.refresh_token.is_some()
            && google.client_id.is_none()
        {
            return Err(no_credentials(kind, "credentials.client_id is missing"));
        }
        Ok(())
    }
}

fn no_credentials(kind: ProviderKind, why: &str) -> Failure {
    Error::new(kind, Kind::Connection(Reason::Auth), why)
        .hint(format!("vertex-backup providers set {kind} --help"))
        .into()
}

/// The failure for a provider that is switched off or has no credentials.
pub fn not_configured(kind: ProviderKind) -> Failure {
    Failure::new(
        Code::ProviderNotConfigured,
        format!("Provider '{kind}' is not configured"),
    )
    .hint(format!("vertex-backup providers set {kind} --help"))
}
