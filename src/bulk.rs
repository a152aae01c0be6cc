//! Bulk sync: every local backup that the remotes lack, company by company, several at a time.
//!
//! One backup's failure does not stop its company, one company's not the others.
//! A provider that is down is asked once: its remaining companies fail with the
//! same reason at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use jiff::civil::DateTime;

use rustix::process::{Resource, getrlimit};

use crate::backup::BackupType;
use crate::company::{BadRow, Company, Filter};
use crate::directories::Directories;
use crate::failure::{Code, Failure};
use crate::history::{Intent, Outcome as RunOutcome, Verdict};
use crate::installation::{Installation, Remote};
use crate::local_set::{LocalFiles, LocalSet, folders_of, refuse_missing_folder};
use crate::lock::Lock;
use crate::outage::{Outages, is_outage};
use crate::progress::Progress;
use crate::provider::ProviderKind;
use crate::provider::registry::Registry;
use crate::remote_set::RemoteFiles;
use crate::report::SyncReport;
use crate::state::State;
use crate::sync::{Sync, SyncOptions};

/// Which of the local backups are to be synced.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those of this type.
    pub of_type: Option<BackupType>,
    /// Only the newest of each type.
    pub latest: bool,
    /// Only those made then or later, in local time.
    pub since: Option<DateTime>,
}

/// What became of one company, or of one of its backups.
pub enum Outcome {
    /// The remote lacks nothing; how many backups it was asked about.
    UpToDate(usize),
    /// A backup was synced, or was there already.
    Synced(Box<SyncReport>),
    /// A backup, or all of the company's, failed.
    Failed {
        /// The backup, where it is one's failure.
        backup: Option<PathBuf>,
        /// Why.
        error: anyhow::Error,
    },
}

/// Told of each outcome as it comes, from several threads.
pub type Tell<'a> = &'a (dyn Fn(&Company, Outcome) + std::marker::Sync);

/// A bulk sync, with what it needs at hand.
pub struct Bulk<'a> {
    /// Where everything is.
    pub installation: &'a Installation,
    /// The providers.
    pub registry: &'a Registry,
    /// How to sync.
    pub options: SyncOptions,
    /// What to sync.
    pub selection: Selection,
    /// Stop at the first failure.
    pub fail_fast: bool,
    directories: Directories,
    /// The shared backup folders, read once.
    shared: OnceLock<Result<LocalFiles, Failure>>,
    outages: Outages,
    stop: AtomicBool,
}

impl<'a> Bulk<'a> {
    /// Looks at all assignments, of one provider if only its companies will be asked about.
    ///
    /// # Errors
    /// When the database cannot be read; `backup_file_not_found` without a folder of backups.
    pub fn new(
        installation: &'a Installation,
        registry: &'a Registry,
        options: SyncOptions,
        selection: Selection,
        fail_fast: bool,
        provider: Option<ProviderKind>,
    ) -> anyhow::Result<Self> {
        refuse_missing_folder(&installation.settings.backup_dir.value)?;
        Ok(Bulk {
            installation,
            registry,
            options,
            selection,
            fail_fast,
            directories: Directories::read(&installation.companies(), provider)?,
            shared: OnceLock::new(),
            outages: Outages::default(),
            stop: AtomicBool::new(false),
        })
    }

    /// Syncs all companies that pass the filter, `jobs` at a time; the rows that could not be read.
    ///
    /// # Errors
    /// When the companies cannot be listed.
    pub fn all(
        &self,
        filter: &Filter,
        jobs: usize,
        progress_of: &(dyn Fn(&Company) -> Box<dyn Progress + 'a> + std::marker::Sync),
        tell: Tell<'_>,
    ) -> anyhow::Result<Vec<BadRow>> {
        let jobs = affordable(jobs);
        let (sender, receiver) = sync_channel::<Company>(jobs);
        let receiver = Mutex::new(receiver);
        std::thread::scope(|scope| {
            let work = || self.work(&receiver, progress_of, tell);
            let start = |_: &usize| Builder::new().spawn_scoped(scope, work).is_ok();
            // Where the system gives fewer threads, fewer do: this one, if it must be.
            let alone = (0..jobs).filter(start).count() == 0;
            let unreadable = self.hand_out(filter, |company| {
                if alone {
                    self.company(company, &*progress_of(company), tell);
                }
                alone || sender.send(company.clone()).is_ok()
            });
            // The workers end when there is nobody left to wait for.
            drop(sender);
            unreadable
        })
    }

    /// Gives companies one after another, as long as they are taken.
    fn hand_out(
        &self,
        filter: &Filter,
        mut give: impl FnMut(&Company) -> bool,
    ) -> anyhow::Result<Vec<BadRow>> {
        let mut unreadable = Vec::new();
        self.installation.companies().pages(filter, |page, bad| {
            unreadable.extend_from_slice(bad);
            for company in page {
                if self.is_stopped() || !give(company) {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(unreadable)
    }

    fn work(
        &self,
        companies: &Mutex<Receiver<Company>>,
        progress_of: &(dyn Fn(&Company) -> Box<dyn Progress + 'a> + std::marker::Sync),
        tell: Tell<'_>,
    ) {
        loop {
            let next = companies
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok(company) = next else { return };
            if !self.is_stopped() {
                self.company(&company, &*progress_of(&company), tell);
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || crate::interrupt::received().is_some()
    }

    /// Syncs one company.
    pub fn company(&self, company: &Company, progress: &dyn Progress, tell: Tell<'_>) {
        let fail = |backup: Option<PathBuf>, error: anyhow::Error| {
            self.note_failure(company, &error);
            tell(company, Outcome::Failed { backup, error });
        };
        let begun = self
            .installation
            .lock_company(company, "sync")
            .and_then(|lock| Ok((lock, self.installation.state()?)));
        let (lock, mut state) = match begun {
            Ok(begun) => begun,
            Err(failure) => return fail(None, failure.into()),
        };
        let target = company.remote_path.clone().unwrap_or_default();
        let opened = open(self, company, &target, &lock, &mut state);
        let (remote, lacking, count) = match opened {
            Ok(opened) => opened,
            Err(error) => return fail(None, error),
        };
        if lacking.is_empty() {
            return match self.record_nothing_to_do(company, &remote, &lock, &mut state, count) {
                Ok(()) => tell(company, Outcome::UpToDate(count)),
                Err(error) => fail(None, error),
            };
        }
        let sync = Sync {
            installation: self.installation,
            remote: &remote,
            lock: &lock,
            options: self.options,
            progress,
        };
        let (total, mut failed) = (lacking.len(), Vec::new());
        let mut ended_well = true;
        for local in lacking {
            if self.is_stopped() {
                return;
            }
            let result = sync.set(&mut state, &local);
            ended_well = result.is_ok();
            match result {
                Ok(report) => tell(company, Outcome::Synced(Box::new(report))),
                Err(error) => {
                    let is_down = is_outage(&error);
                    failed.extend(Failure::of(&error).map(Failure::again));
                    fail(Some(local.first_path().to_owned()), error);
                    // What cannot be reached now cannot be reached for the next backup either.
                    if is_down {
                        return;
                    }
                }
            }
        }
        if let (Some(first), true) = (failed.first(), ended_well && !self.options.dry_run) {
            // The last row is what `status` goes by, and a night that lost a backup was no good one.
            let detail = format!("{} of {total} backups failed: {first}", failed.len());
            let failure = Failure::new(first.code(), detail);
            let provider = remote.place.provider.name();
            let directory = remote.place.directory.as_str();
            let intent = Intent::of("sync", company, Some(provider), directory);
            let _ = state.attempted(intent, &lock, Err::<(), _>(failure.into()));
        }
    }

    /// What the remote lacks, oldest first, and how many backups there are to lack.
    fn lacking(
        &self,
        company: &Company,
        remote: &Remote,
        state: &State,
    ) -> anyhow::Result<(Vec<LocalSet>, usize)> {
        let backups = self.selected(&company.id)?;
        let count = backups.len();
        if count == 0 {
            return Ok((backups, 0));
        }
        let there = RemoteFiles::list(remote, Some(state))?;
        let known = state.known_sets(&remote.place)?;
        let lacking = backups
            .into_iter()
            .filter(|local| !there.has(local, &known));
        Ok((lacking.collect(), count))
    }

    /// The company's local backups that are asked for, oldest first.
    fn selected(&self, company_id: &str) -> anyhow::Result<Vec<LocalSet>> {
        let root = &self.installation.settings.backup_dir.value;
        let folders = folders_of(root, company_id);
        let read = || LocalFiles::read(&folders);
        let own;
        let files = if folders[0] == *root {
            self.shared.get_or_init(read).as_ref()
        } else {
            own = read();
            own.as_ref()
        };
        let mut backups = files.map_err(Failure::again)?.backups();
        let Selection {
            of_type,
            latest,
            since,
        } = &self.selection;
        backups.retain(|local| {
            of_type.is_none_or(|of_type| local.set.backup_type == of_type)
                && since.is_none_or(|since| local.made().is_some_and(|made| made >= since))
        });
        if *latest {
            let mut newest = BTreeMap::new();
            for local in backups {
                newest.insert(local.set.backup_type, local);
            }
            backups = newest.into_values().collect();
            backups.sort_by_cached_key(|local| (local.made(), local.set.is_full()));
        }
        Ok(backups)
    }

    /// A night on which nothing was new is a success that `status` must know of.
    fn record_nothing_to_do(
        &self,
        company: &Company,
        remote: &Remote,
        lock: &Lock,
        state: &mut State,
        count: usize,
    ) -> anyhow::Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        let provider = remote.place.provider.name();
        let intent = Intent::of(
            "sync",
            company,
            Some(provider),
            remote.place.directory.as_str(),
        );
        let detail = format!("Nothing to do: the remote lacks none of {count} backups");
        state.recorded(intent, Some(lock), |_| {
            Ok(((), RunOutcome::done(Verdict::Skipped, detail, 0)))
        })
    }

    fn note_failure(&self, company: &Company, error: &anyhow::Error) {
        if self.fail_fast
            || matches!(
                Failure::of(error).map(Failure::code),
                Some(Code::Interrupted(_))
            )
        {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.outages.note(company, error);
    }
}

/// As many at a time as the limits of this process leave room for: each has its own files
/// and buffers, and where one fails for want of them, all do.
fn affordable(jobs: usize) -> usize {
    const MIB: u64 = 1024 * 1024;
    let room = |resource, own: u64, each: u64| {
        let limit = getrlimit(resource).current;
        let room = limit.map(|limit| limit.saturating_sub(own) / each);
        room.and_then(|room| usize::try_from(room).ok())
            .unwrap_or(usize::MAX)
    };
    let files = room(Resource::Nofile, 16, 16);
    let memory = room(Resource::As, 48 * MIB, 16 * MIB);
    jobs.min(files).min(memory).max(1)
}

/// Opens a company's remote and finds what it lacks. A night without a provider is a
/// failed attempt like any other: `status` must show it.
fn open(
    bulk: &Bulk<'_>,
    company: &Company,
    target: &str,
    lock: &Lock,
    state: &mut State,
) -> anyhow::Result<(Remote, Vec<LocalSet>, usize)> {
    let mut look = || {
        bulk.outages.refuse(company)?;
        let (installation, registry) = (bulk.installation, bulk.registry);
        let remote =
            installation.remote_apart(registry, company, Some(state), &bulk.directories)?;
        let remote = installation.prepare(registry, remote, state, bulk.options.dry_run)?;
        let (lacking, count) = bulk.lacking(company, &remote, state)?;
        Ok((remote, lacking, count))
    };
    let opened = look();
    if bulk.options.dry_run {
        return opened;
    }
    let intent = Intent::of("sync", company, company.provider.as_deref(), target);
    state.attempted(intent, lock, opened)
}
