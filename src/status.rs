//! Status: per company, when it was last backed up and whether that is good enough.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::backup::{BackupType, moment};
use crate::catalog::Place;
use crate::company::Company;
use crate::failure::Failure;
use crate::history::Verdict;
use crate::installation::{Installation, assignment};
use crate::provider::registry::Registry;
use crate::provider::{Access, ProviderKind, Quota};
use crate::set_catalog::{AHEAD, KnownSet, Totals};
use crate::state::State;

/// In a word, how a company's backups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The last attempt went well, and is recent enough.
    Ok,
    /// The last verified backup is older than asked for.
    Stale,
    /// The last attempt did not go well.
    Failing,
    /// Nothing was ever synced.
    NeverSynced,
    /// No provider is assigned.
    NotConfigured,
}

impl Health {
    /// All there are.
    pub const ALL: [Health; 5] = [
        Health::Ok,
        Health::Stale,
        Health::Failing,
        Health::NeverSynced,
        Health::NotConfigured,
    ];

    /// The name in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Stale => "stale",
            Health::Failing => "failing",
            Health::NeverSynced => "never_synced",
            Health::NotConfigured => "not_configured",
        }
    }

    /// As people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Stale => "stale",
            Health::Failing => "failing",
            Health::NeverSynced => "never synced",
            Health::NotConfigured => "not configured",
        }
    }
}

/// The newest backup of a type on a company's remote.
#[derive(Clone, Debug, Serialize)]
pub struct Newest {
    /// What it holds.
    pub backup_type: BackupType,
    /// Its name.
    pub name: String,
    /// When it was made, as far as its name tells, else when it was stored.
    pub made_at: Option<Timestamp>,
    /// When its bytes were last compared.
    pub verified_at: Option<Timestamp>,
}

/// One company's state of affairs.
#[derive(Clone, Debug, Serialize)]
pub struct CompanyStatus {
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider as stored.
    pub backup_provider: Option<String>,
    /// The remote directory as stored.
    pub backup_remote_path: Option<String>,
    /// How it is.
    pub health: Health,
    /// When a sync last ended well.
    pub last_success: Option<Timestamp>,
    /// When a sync was last tried.
    pub last_attempt: Option<Timestamp>,
    /// How that ended.
    pub last_verdict: Option<Verdict>,
    /// Why it did not go well.
    pub last_detail: Option<String>,
    /// Backups known on the remote.
    pub sets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When one of them was last verified.
    pub last_verified: Option<Timestamp>,
    /// When the newest verified one was stored: what `--max-age` looks at.
    pub last_backup: Option<Timestamp>,
    /// The newest of each type.
    pub newest: Vec<Newest>,
    /// How many say that they were made or stored later than now.
    pub from_future: u64,
    /// When one was last restored for a test.
    pub last_restore_test: Option<Timestamp>,
    /// Whether that restore went well.
    pub restore_test_passed: Option<bool>,
}

/// Looks at one company; asks nobody but the state.
///
/// # Errors
/// When the state cannot be read.
pub fn of_company(
    company: &Company,
    state: Option<&State>,
    max_age: Option<Duration>,
    now: Timestamp,
) -> Result<CompanyStatus, Failure> {
    let place = assignment(company).ok().map(|(provider, directory)| Place {
        company_id: company.id.clone(),
        provider,
        directory,
    });
    let ((success, attempt), totals) = match state {
        Some(state) => (
            state.last_runs(&company.id, "sync")?,
            place.map_or(Ok(Totals::default()), |place| state.totals(&place, now))?,
        ),
        None => Default::default(),
    };
    let last_success = success.and_then(|run| run.finished_at);
    let verdict = attempt.as_ref().map(|run| run.verdict);
    let unusable = match (&company.provider, assignment(company)) {
        (Some(_), Err(failure)) => Some(failure.to_string()),
        _ => None,
    };
    let health = match &unusable {
        Some(_) => Health::Failing,
        None => health(company, verdict, totals.stored_at, max_age, now),
    };
    Ok(CompanyStatus {
        company_id: company.id.clone(),
        company_name: company.name.clone(),
        backup_provider: company.provider.clone(),
        backup_remote_path: company.remote_path.clone(),
        health,
        last_success,
        last_attempt: attempt.as_ref().map(|run| run.started_at),
        last_verdict: verdict,
        last_detail: unusable
            .or_else(|| attempt.filter(|run| run.verdict == Verdict::Failed)?.detail),
        sets: totals.sets,
        bytes: totals.bytes,
        last_verified: totals.verified_at,
        last_backup: totals.stored_at,
        newest: totals.newest.into_iter().map(Newest::from).collect(),
        from_future: totals.from_future,
        last_restore_test: totals.tested.map(|(at, _)| at),
        restore_test_passed: totals.tested.map(|(_, passed)| passed),
    })
}

impl From<KnownSet> for Newest {
    fn from(set: KnownSet) -> Self {
        // The names' times are the application's local ones.
        let created = set.created.and_then(moment);
        Newest {
            backup_type: set.backup_type,
            made_at: Some(created.unwrap_or(set.stored_at)),
            verified_at: set.verified_at,
            name: set.name,
        }
    }
}

fn health(
    company: &Company,
    verdict: Option<Verdict>,
    verified: Option<Timestamp>,
    max_age: Option<Duration>,
    now: Timestamp,
) -> Health {
    if company.provider.is_none() {
        return Health::NotConfigured;
    }
    let too_old = |stored: Timestamp| max_age.is_some_and(|limit| !is_fresh(stored, limit, now));
    match (verdict, verified) {
        (Some(Verdict::Failed | Verdict::Interrupted), _) => Health::Failing,
        (_, Some(verified)) if too_old(verified) => Health::Stale,
        (_, None) => Health::NeverSynced,
        _ => Health::Ok,
    }
}

/// Whether something was stored lately. What is from the future was stored by a wrong clock,
/// which proves nothing.
fn is_fresh(stored: Timestamp, max_age: Duration, now: Timestamp) -> bool {
    let age = now.duration_since(stored);
    age >= -AHEAD && Duration::try_from(age).unwrap_or_default() <= max_age
}

/// Whether a company breaks the limit that `--max-age` sets.
pub fn breaks_limit(status: &CompanyStatus, max_age: Duration, now: Timestamp) -> bool {
    let stored = status.last_backup;
    let fresh = stored.is_some_and(|stored| is_fresh(stored, max_age, now));
    status.health != Health::NotConfigured && !fresh
}

/// A provider as `providers` lists it.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderStatus {
    /// The provider.
    #[serde(rename = "name")]
    pub kind: ProviderKind,
    /// Whether the connection test went well; `null` when it was not made.
    pub connected: Option<bool>,
    /// Whether it is switched on and has credentials.
    pub configured: bool,
    /// Why it is not connected, as one word for scripts.
    pub reason: Option<String>,
    /// Why it is not connected, in words.
    pub detail: Option<String>,
    /// Who or what answers.
    pub account: Option<String>,
    /// The room there is.
    pub quota: Option<Quota>,
    /// When the credentials end, where they do.
    pub expires_at: Option<Timestamp>,
    /// Its secrets, and how each is kept.
    pub secrets: Vec<KeptSecret>,
    /// How it is reached, where there are several ways.
    #[serde(flatten)]
    pub access: Option<Access>,
}

/// A secret of a provider, without itself.
#[derive(Clone, Debug, Serialize)]
pub struct KeptSecret {
    /// Its key in the configuration.
    pub key: &'static str,
    /// `plain`, `file`, `command` or `protected`.
    pub kept: &'static str,
}

/// Tests a provider's connection, or only says whether it is configured.
pub fn of_provider(
    installation: &Installation,
    registry: &Registry,
    kind: ProviderKind,
    check: bool,
) -> ProviderStatus {
    let configured = registry.is_configured(kind);
    let mut status = ProviderStatus {
        kind,
        connected: None,
        configured,
        reason: None,
        detail: None,
        account: None,
        quota: None,
        expires_at: None,
        secrets: registry
            .kept(kind)
            .into_iter()
            .map(|(key, kept)| KeptSecret { key, kept })
            .collect(),
        access: None,
    };
    if !configured {
        status.connected = Some(false);
        status.reason = Some("not_configured".into());
        return status;
    }
    if !check {
        status.expires_at = registry.expires_at(kind);
        return status;
    }
    let look = || -> Result<_, Failure> {
        let account = installation.account(registry, kind)?;
        Ok((account.check()?, account.quota()?))
    };
    match look() {
        Ok((connection, quota)) => {
            status.connected = Some(true);
            status.account = Some(connection.account);
            status.quota = Some(quota);
            status.access = connection.access;
        }
        Err(failure) => {
            status.connected = Some(false);
            let reason = failure.fields().iter().find(|(key, _)| *key == "reason");
            status.reason = reason.and_then(|(_, value)| value.as_str().map(str::to_owned));
            status.detail = Some(failure.to_string());
        }
    }
    // Asked last: a test may have renewed them.
    status.expires_at = registry.expires_at(kind);
    status
}

/// The connection test.
///
/// # Errors
/// `provider_not_configured`, `provider_connection_failed` with its reason.
pub fn test(
    installation: &Installation,
    registry: &Registry,
    kind: ProviderKind,
) -> Result<crate::provider::Connection, Failure> {
    Ok(installation.account(registry, kind)?.check()?)
}
