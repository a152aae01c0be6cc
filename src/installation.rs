//! One installation of Vertex AR: its database, provider file, backups, and our state beside them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Place, Unfinished};
use crate::company::{BackupConfig, Companies, Company};
use crate::database;
use crate::dir::Stamp;
use crate::directories::Directories;
use crate::failure::Failure;
use crate::hash::{Hasher, Sha256};
use crate::json_file::Exposure;
use crate::local_set::LocalSet;
use crate::lock::{Lock, Locks};
use crate::notes::StateNotes;
use crate::progress::{Silent, Task};
use crate::provider::registry::{Registry, not_configured};
use crate::provider::retry::Policy;
use crate::provider::{Look, Provider, ProviderKind};
use crate::provider_file;
use crate::provider_settings::ProviderSettings;
use crate::remote_path::RemotePath;
use crate::renewal::{GoogleLogin, YandexLogin};
use crate::sets::Member;
use crate::settings::Settings;
use crate::source::{SourceFile, carried};
use crate::state::{self, Examination, State};

pub use crate::directories::{assignment, shell_word};

/// Where everything is, and how to get at it.
pub struct Installation {
    /// The settings in force.
    pub settings: Settings,
}

/// The providers as configured, and what to tell the operator about their file.
pub struct Providers {
    /// From configuration to a provider.
    pub registry: Registry,
    /// Such as: the file can be read by others.
    pub warnings: Vec<String>,
}

/// A company's remote directory, open.
pub struct Remote {
    /// The company.
    pub company: Company,
    /// Which provider, which directory.
    pub place: Place,
    /// The provider, bound to that directory.
    pub provider: Box<dyn Provider>,
    /// How patient to be with it.
    pub policy: Policy,
}

/// How long a word in the history is worth waiting for that is about nothing done.
const HASTE: Duration = Duration::from_secs(1);

impl Installation {
    /// From resolved settings; nothing is opened yet.
    pub fn new(settings: Settings) -> Self {
        Installation { settings }
    }

    /// The application's companies.
    pub fn companies(&self) -> Companies {
        let wait = self.settings.timeout.value.unwrap_or(database::BUSY_WAIT);
        Companies::at(&self.settings.db.value, wait)
    }

    /// The application's companies, where they can be told at once.
    pub fn companies_in_a_hurry(&self) -> Companies {
        Companies::at(&self.settings.db.value, HASTE)
    }

    /// The state, for writing.
    pub fn state(&self) -> Result<State, Failure> {
        State::open_within(&self.settings.state.value, self.state_wait())
    }

    fn state_wait(&self) -> Duration {
        self.settings.timeout.value.unwrap_or(state::BUSY_WAIT)
    }

    /// Looks into the state, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be looked into.
    pub fn examine_state(&self) -> Result<Examination, Failure> {
        Examination::of(&self.settings.state.value, self.state_wait())
    }

    /// Moves a state aside in which a command found damage, and makes a new one.
    ///
    /// # Errors
    /// When others use it for long, or it cannot be moved.
    pub fn replace_state(&self, damage: &Failure) -> Result<(), Failure> {
        state::replace(&self.settings.state.value, self.state_wait(), damage)
    }

    /// The state as it is, for a word that nothing waits for; `None` where there is none.
    pub fn state_for_notes(&self) -> Result<Option<State>, Failure> {
        State::open_as_it_is(&self.settings.state.value, HASTE)
    }

    /// The state, for reading, if there is one.
    pub fn state_if_any(&self) -> Result<Option<State>, Failure> {
        State::open_existing_within(&self.settings.state.value, self.state_wait())
    }

    /// Opens a file to be sent or compared; live databases are refused.
    ///
    /// # Errors
    /// As [`SourceFile::open`].
    pub fn source(&self, path: &Path) -> Result<SourceFile, Failure> {
        SourceFile::open(path, &[&self.settings.db.value, &self.settings.state.value])
    }

    /// The digest of a local backup's files, joined; `seen` hears of each file as it was read.
    ///
    /// # Errors
    /// When a file cannot be read, or changes meanwhile.
    pub fn digest(
        &self,
        local: &LocalSet,
        task: &dyn Task,
        mut seen: impl FnMut(&Member, &Stamp),
    ) -> anyhow::Result<Sha256> {
        let mut whole = Hasher::new();
        for file in &local.set.files {
            let mut source = self.source(local.path(file))?;
            whole
                .feed(&mut source.body(task)?, |_| Ok(()))
                .map_err(carried)?;
            source.confirm_unchanged()?;
            seen(file, source.stamp());
        }
        Ok(whole.finish())
    }

    /// Takes a lock, waiting as long as the settings say.
    pub fn lock(&self, what: &str, command: &str) -> Result<Lock, Failure> {
        Locks::beside(&self.settings.state.value).acquire(
            what,
            command,
            self.settings.lock_wait.value,
        )
    }

    /// Takes a company's lock.
    pub fn lock_company(&self, company: &Company, command: &str) -> Result<Lock, Failure> {
        self.lock(&format!("Company '{}'", company.id), command)
    }

    /// Takes the lock under which assignments are written; each holder needs it for a moment only.
    pub fn lock_assignments(&self, command: &str) -> Result<Lock, Failure> {
        let wait = self.settings.lock_wait.value.max(database::BUSY_WAIT);
        Locks::beside(&self.settings.state.value).acquire(
            "The assignment of remote directories",
            command,
            wait,
        )
    }

    /// The providers as the provider file and `config.json` have them.
    pub fn providers(&self) -> Result<Providers, Failure> {
        let path = &self.settings.remote_config.value;
        let mut warnings = Vec::new();
        let application = std::fs::metadata(&self.settings.db.value).map(|meta| meta.uid());
        let application = application.ok();
        let mut sections = self.settings.sections.clone();
        let mut renewal = None;
        if let Some((shared, loaded)) =
            provider_file::load_sections(path, Some(&self.settings.config_place))?
        {
            sections = shared.clone().overlaid(sections);
            let settings = ProviderSettings::of(&self.settings);
            renewal = YandexLogin::of(settings, &shared, &sections, self.settings.policy());
            warnings.extend(loaded.exposure.warnings(path, application));
        }
        warnings.extend(sections.warnings.clone());
        for path in sections.secret_files() {
            let exposure = Exposure::at(path).into_iter();
            warnings.extend(exposure.flat_map(|exposure| exposure.warnings(path, application)));
        }
        let login = GoogleLogin::of(
            ProviderSettings::of(&self.settings),
            &self.settings.sections,
            &sections,
            self.settings.policy(),
        );
        let registry = Registry::new(
            sections,
            self.settings.builtin_root.clone(),
            Arc::new(StateNotes::new(self.settings.state.value.clone())),
            self.settings.policy(),
        )
        .acknowledging_abuse(self.settings.acknowledge_abuse)
        .renewed_by(renewal.map(|renewal| Box::new(renewal) as _))
        .logged_in_by(login.map(|login| Arc::new(login) as _));
        Ok(Providers { registry, warnings })
    }

    /// A provider without a company, for questions about itself.
    pub fn account(
        &self,
        registry: &Registry,
        kind: ProviderKind,
    ) -> Result<Box<dyn Provider>, Failure> {
        // A provider can be asked although our state cannot be read.
        let state = self.state_if_any().ok().flatten();
        let identity = state
            .and_then(|state| state.identity(&registry.storage_key(kind)).ok())
            .flatten();
        registry.open(kind, None, identity)
    }

    /// A company's remote directory as assigned, checked against all others.
    ///
    /// # Errors
    /// `no_backup_provider`, `invalid_provider`, `provider_not_configured`,
    /// `invalid_remote_path`, `remote_path_conflict`, and why the provider cannot be used.
    pub fn remote(
        &self,
        registry: &Registry,
        company: &Company,
        state: Option<&State>,
    ) -> anyhow::Result<Remote> {
        let (kind, _) = assignment(company)?;
        let directories = Directories::read(&self.companies(), Some(kind))?;
        self.remote_apart(registry, company, state, &directories)
    }

    /// As [`Installation::remote`], with the directories of all companies at hand.
    ///
    /// # Errors
    /// As [`Installation::remote`].
    pub fn remote_apart(
        &self,
        registry: &Registry,
        company: &Company,
        state: Option<&State>,
        directories: &Directories,
    ) -> anyhow::Result<Remote> {
        let (kind, directory) = assignment(company)?;
        if !registry.is_configured(kind) {
            return Err(not_configured(kind).into());
        }
        directories.refuse_shared(&company.id, kind, &directory)?;
        if kind == ProviderKind::Local {
            directories.refuse_alias(&company.id, registry.local_root().0, &directory)?;
        }
        let identity = match state {
            Some(state) => state.identity(&registry.storage_key(kind))?,
            None => None,
        };
        if identity.is_none() {
            refuse_forgotten(registry, kind, state, directories)?;
        }
        let provider = registry.open(kind, Some(directory.clone()), identity)?;
        let place = Place {
            company_id: company.id.clone(),
            provider: kind,
            directory,
        };
        Ok(Remote {
            company: company.clone(),
            place,
            provider,
            policy: *registry.policy(),
        })
    }

    /// Makes a remote ready to be written to: claimed, and cleared of what killed runs left.
    /// A dry run changes nothing.
    ///
    /// # Errors
    /// Why the provider cannot be used.
    pub fn prepare(
        &self,
        registry: &Registry,
        mut remote: Remote,
        state: &mut State,
        dry_run: bool,
    ) -> anyhow::Result<Remote> {
        if !dry_run {
            self.claim(registry, &mut remote, state)?;
            remove_leftovers(registry, &remote.company.id, state)?;
        }
        Ok(remote)
    }

    /// Marks the remote's storage as used, the first time, and remembers what it is.
    pub fn claim(
        &self,
        registry: &Registry,
        remote: &mut Remote,
        state: &mut State,
    ) -> anyhow::Result<()> {
        let kind = remote.place.provider;
        let key = registry.storage_key(kind);
        if state.identity(&key)?.is_none() {
            let identity = remote.provider.claim().map_err(Failure::from)?;
            state.set_identity(&key, Some(&identity))?;
            remote.provider =
                registry.open(kind, Some(remote.place.directory.clone()), Some(identity))?;
        }
        Ok(())
    }

    /// Whether the built-in local root shares a disk with the backups it should protect.
    pub fn builtin_root_shares_disk(&self, registry: &Registry) -> bool {
        let (root, configured) = registry.local_root();
        let device = |path: &std::path::Path| {
            path.ancestors()
                .find_map(|place| Stamp::at(place).ok())
                .map(|stamp| stamp.device)
        };
        !configured
            && device(root).is_some()
            && device(root) == device(&self.settings.backup_dir.value)
    }
}

/// Fails for an empty root of which nothing is known, though companies have their backups
/// there: the state was lost, and what should be mounted there may not be. The first to use
/// a root says so by assigning or naming it, which is in the history.
///
/// # Errors
/// As for a root that is not mounted.
pub(crate) fn refuse_forgotten(
    registry: &Registry,
    kind: ProviderKind,
    state: Option<&State>,
    directories: &Directories,
) -> Result<(), Failure> {
    if kind != ProviderKind::Local || !directories.is_used(kind) {
        return Ok(());
    }
    let is_known = state.map_or(Ok(false), |state| state.has_used(kind.name()))?;
    if is_known {
        return Ok(());
    }
    Ok(registry.refuse_empty_root()?)
}

/// For how long an upload that arrived, and never got its name, waits to be taken up: by
/// the next night's run, whatever hour it comes to it.
const UNFINISHED_LASTS: SignedDuration = SignedDuration::from_hours(48);

/// For how long one that can be resumed does: providers keep it for a week
/// (`protocols/google_drive.md` §6.4).
const RESUMABLE_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Removes what killed runs left of a company's uploads, in whichever directory. What
/// arrived whole, or can be resumed, is left to the run that sends the same file again.
///
/// The caller holds the company's lock, so nobody is at them any more. What
/// cannot be reached now is left for a later run.
fn remove_leftovers(
    registry: &Registry,
    company_id: &str,
    state: &mut State,
) -> Result<(), Failure> {
    for upload in state.uploads(company_id)? {
        let Unfinished { place, session, .. } = &upload;
        let identity = state.identity(&registry.storage_key(place.provider))?;
        let opened = registry.open(place.provider, Some(place.directory.clone()), identity);
        let Ok(provider) = opened else {
            continue;
        };
        let is_resumable = provider.capabilities().resumable;
        let lasts = if is_resumable {
            RESUMABLE_LASTS
        } else {
            UNFINISHED_LASTS
        };
        let is_old = Timestamp::now().duration_since(upload.begun_at) > lasts;
        let known = state.known(place, &session.name)?;
        if !is_old
            && upload.is_wanted(known.as_ref())
            && (is_resumable || has_arrived(&*provider, &upload))
        {
            continue;
        }
        match provider.discard(session) {
            Ok(true) => state.drop_upload(place, session)?,
            // What has not arrived after two days will not.
            Ok(false) if is_old => state.drop_upload(place, session)?,
            Ok(false) | Err(_) => {}
        }
    }
    Ok(())
}

/// Whether an upload is there whole, or may still come.
fn has_arrived(provider: &dyn Provider, upload: &Unfinished) -> bool {
    // Looked for in any case: that puts back what the killed run had put aside.
    let there = provider.inspect(&upload.session, Look::Once, &Silent);
    upload.sent_at.is_some() || there.is_ok_and(|object| object.size == upload.session.size)
}

/// The two fields for an assignment.
pub fn backup_config(kind: ProviderKind, directory: &RemotePath) -> BackupConfig {
    BackupConfig {
        provider: Some(kind.name().to_owned()),
        remote_path: Some(directory.as_str().to_owned()),
    }
}
