//! Assigning a provider and a remote directory to a company.

use crate::catalog::Place;
use crate::company::{BackupConfig, Changes, Company};
use crate::directories::Directories;
use crate::failure::Failure;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Installation, Remote, backup_config, refuse_forgotten};
use crate::lock::Lock;
use crate::name::FileName;
use crate::provider::ProviderKind;
use crate::provider::registry::{Registry, not_configured};
use crate::remote_path::RemotePath;

/// A checked assignment, not yet written.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The provider.
    pub provider: ProviderKind,
    /// The remote directory.
    pub directory: RemotePath,
}

impl Assignment {
    /// Checks what an operator asks for: the provider is configured, the
    /// directory is one, and no other company has it. Without a directory, the
    /// default is taken.
    ///
    /// # Errors
    /// `invalid_remote_path`, `provider_not_configured`, `remote_path_conflict`.
    pub fn check(
        installation: &Installation,
        registry: &Registry,
        company_id: &str,
        provider: ProviderKind,
        directory: Option<&str>,
    ) -> anyhow::Result<Self> {
        let directory = match directory {
            Some(text) => RemotePath::parse(text)?,
            None => RemotePath::default_for(company_id)?,
        };
        if !registry.is_configured(provider) {
            return Err(not_configured(provider).into());
        }
        let directories = Directories::read(&installation.companies(), Some(provider))?;
        directories.refuse_shared(company_id, provider, &directory)?;
        if provider == ProviderKind::Local {
            directories.refuse_alias(company_id, registry.local_root().0, &directory)?;
        }
        Ok(Assignment {
            provider,
            directory,
        })
    }

    /// The two fields of the database.
    pub fn to_config(&self) -> BackupConfig {
        backup_config(self.provider, &self.directory)
    }

    /// Tests the connection and marks the storage as used.
    ///
    /// # Errors
    /// `provider_connection_failed`, and what claiming the storage fails with.
    pub fn connect(
        &self,
        installation: &Installation,
        registry: &Registry,
        company: &Company,
    ) -> anyhow::Result<()> {
        crate::status::test(installation, registry, self.provider)?;
        let mut state = installation.state()?;
        let identity = state.identity(&registry.storage_key(self.provider))?;
        if identity.is_none() {
            let directories = Directories::read(&installation.companies(), Some(self.provider))?;
            refuse_forgotten(registry, self.provider, Some(&state), &directories)?;
        }
        let provider = registry.open(self.provider, Some(self.directory.clone()), identity)?;
        let place = Place {
            company_id: company.id.clone(),
            provider: self.provider,
            directory: self.directory.clone(),
        };
        let mut remote = Remote {
            company: company.clone(),
            place,
            provider,
            policy: *registry.policy(),
        };
        installation.claim(registry, &mut remote, &mut state)?;
        // A look into the directory shows whether it leads where it says.
        let nothing = FileName::new("connection-test")?;
        remote.provider.stat(&nothing).map_err(Failure::from)?;
        Ok(())
    }
}

/// Writes changes of a company, with a row in the history. Returns it as it is now.
///
/// # Errors
/// `locked` while a run works on the company; what the database fails with.
pub fn change(
    installation: &Installation,
    company: &Company,
    operation: &'static str,
    changes: &Changes,
) -> anyhow::Result<Company> {
    let lock = installation.lock_company(company, operation)?;
    let _one_at_a_time = recheck(installation, company, changes.backup.as_ref(), operation)?;
    let companies = installation.companies();
    let target = match &changes.backup {
        Some(BackupConfig {
            remote_path: Some(path),
            ..
        }) => path.clone(),
        _ => company.id.clone(),
    };
    let provider = changes
        .backup
        .as_ref()
        .and_then(|backup| backup.provider.as_deref());
    let intent = Intent::of(operation, company, provider, target);
    installation.state()?.recorded(intent, Some(&lock), |_| {
        if !companies.update(&company.id, changes)? {
            return Err(gone(company).into());
        }
        Ok((
            (),
            Outcome::done(Verdict::Ok, describe(company, changes), 0),
        ))
    })?;
    companies
        .get(&company.id)?
        .ok_or_else(|| gone(company).into())
}

/// Adds a company, with a row in the history.
///
/// # Errors
/// `already_exists`; what the database fails with.
pub fn add(installation: &Installation, company: &Company) -> anyhow::Result<Company> {
    // A database that is not there is found before anything is made beside it.
    installation.companies().get(&company.id)?;
    let lock = installation.lock_company(company, "company add")?;
    let backup = BackupConfig {
        provider: company.provider.clone(),
        remote_path: company.remote_path.clone(),
    };
    let _one_at_a_time = recheck(installation, company, Some(&backup), "company add")?;
    let intent = Intent::of(
        "company add",
        company,
        company.provider.as_deref(),
        company.id.clone(),
    );
    installation.state()?.recorded(intent, Some(&lock), |_| {
        let made = installation
            .companies()
            .create(&company.id, &company.name, &backup)?;
        Ok((made, Outcome::done(Verdict::Ok, "Company added", 0)))
    })
}

/// Two who assign the same directory at once would both find it free: from here
/// to the write, one at a time.
fn recheck(
    installation: &Installation,
    company: &Company,
    backup: Option<&BackupConfig>,
    operation: &str,
) -> anyhow::Result<Option<Lock>> {
    let Some(BackupConfig {
        provider: Some(provider),
        remote_path: Some(directory),
    }) = backup
    else {
        return Ok(None);
    };
    let lock = installation.lock_assignments(operation)?;
    let directory = RemotePath::parse_stored(directory)?;
    let provider = provider.parse()?;
    Directories::read(&installation.companies(), Some(provider))?.refuse_shared(
        &company.id,
        provider,
        &directory,
    )?;
    Ok(Some(lock))
}

fn gone(company: &Company) -> Failure {
    let detail = format!(
        "Company '{}' not found: it was removed meanwhile",
        company.id
    );
    Failure::new(crate::failure::Code::CompanyNotFound, detail)
}

/// What was before and is now, for the history.
fn describe(company: &Company, changes: &Changes) -> String {
    let show = |provider: Option<&String>, path: Option<&String>| match provider {
        Some(provider) => format!(
            "{provider} {}",
            path.map_or("(default directory)", String::as_str)
        ),
        None => "no provider".to_owned(),
    };
    let mut words = Vec::new();
    if let Some(name) = &changes.name {
        words.push(format!("name '{}' → '{name}'", company.name));
    }
    if let Some(backup) = &changes.backup {
        let before = show(company.provider.as_ref(), company.remote_path.as_ref());
        words.push(format!(
            "{before} → {}",
            show(backup.provider.as_ref(), backup.remote_path.as_ref())
        ));
    }
    words.join(", ")
}
