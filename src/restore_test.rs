//! Restore tests: a backup brought back to a scratch folder and really opened.
//!
//! Each has its row in the history, and its date and verdict in the state. Only
//! what is wrong with the backup itself is a verdict; a full disk here, or a
//! provider that is gone, is an error and says nothing of the backup.

use std::time::Instant;

use jiff::Timestamp;

use crate::backup::BackupType;
use crate::download::{Download, DownloadOptions};
use crate::failure::{Code, Failure, fail};
use crate::files::{newest, newest_of};
use crate::hash::Sha256;
use crate::history::{Intent, Outcome, Verdict};
use crate::installation::{Installation, Remote, shell_word};
use crate::lock::Lock;
use crate::name::FileName;
use crate::progress::Progress;
use crate::remote_set::{RemoteFiles, read_json};
use crate::report::RestoreReport;
use crate::scratch::Scratch;
use crate::set_catalog::KnownSet;
use crate::sets::Set;
use crate::sidecar::Facts;
use crate::state::State;
use crate::target::Output;
use crate::trial::{self, Opened};
use crate::verify::ends_all;
use crate::wanted::{Trust, Wanted, not_found};

/// Which backups are tested.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The one a name belongs to.
    Named(FileName),
    /// The newest, of one type if it is given.
    Latest(Option<BackupType>),
    /// The newest of each type there is, or of one.
    EachType(Option<BackupType>),
}

/// What became of one backup.
pub enum Tested {
    /// There is a verdict.
    Verdict(Box<RestoreReport>),
    /// It could not be tested.
    Failed {
        /// Its name.
        name: String,
        /// Why.
        error: anyhow::Error,
    },
}

/// A restore test of one company, with what it needs at hand.
pub struct RestoreTest<'a> {
    /// Where everything is.
    pub installation: &'a Installation,
    /// The company's remote directory.
    pub remote: &'a Remote,
    /// The lock that keeps other restore tests of the company out, held.
    pub lock: &'a Lock,
    /// Where backups are brought to, one at a time.
    pub scratch: &'a Scratch,
    /// Which backups.
    pub choice: Choice,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl RestoreTest<'_> {
    /// Tests what was chosen, each with a row in the history; `tell` hears of each at once.
    ///
    /// # Errors
    /// When there is nothing to test, the provider goes away, or the state cannot be written.
    pub fn run(&self, state: &mut State, tell: &mut dyn FnMut(Tested)) -> anyhow::Result<()> {
        let chosen = self
            .list(state)
            .and_then(|files| Ok((self.chosen(&files)?, files)));
        let (names, files) = match chosen {
            Ok(chosen) => chosen,
            Err(error) => {
                let intent = self.intent(self.remote.place.directory.as_str());
                return state.recorded(intent, Some(self.lock), |_| Err(error));
            }
        };
        let sets = names.iter().filter_map(|name| files.find(name));
        for set in sets {
            crate::interrupt::check()?;
            match self.recorded(state, &files, set) {
                Ok(report) => tell(Tested::Verdict(Box::new(report))),
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => {
                    let name = set.name.clone();
                    tell(Tested::Failed { name, error });
                }
            }
        }
        Ok(())
    }

    fn list(&self, state: &State) -> anyhow::Result<RemoteFiles> {
        match &self.choice {
            Choice::Named(name) => RemoteFiles::around(self.remote, Some(state), name),
            // Which is the newest of a type, and what it must be, its sidecar tells first.
            _ => RemoteFiles::list_and_read(self.remote, Some(state)),
        }
    }

    /// The names of the backups to test.
    fn chosen(&self, files: &RemoteFiles) -> anyhow::Result<Vec<String>> {
        let chosen: Vec<&Set> = match &self.choice {
            Choice::Named(name) => {
                let set = files.find(name.as_str());
                vec![set.ok_or_else(|| not_found(self.remote, name))?]
            }
            Choice::Latest(of_type) => newest(files, *of_type).into_iter().collect(),
            Choice::EachType(Some(of_type)) => newest(files, Some(*of_type)).into_iter().collect(),
            // The halves of a full backup count as what they are.
            Choice::EachType(None) => BackupType::ALL
                .into_iter()
                .filter_map(|of_type| {
                    newest_of(files, |set| set.backup_type == of_type && !set.is_full())
                })
                .collect(),
        };
        if chosen.is_empty() {
            let (Choice::Latest(of_type) | Choice::EachType(of_type)) = &self.choice else {
                return Ok(Vec::new());
            };
            let kind = of_type.map_or_else(String::new, |kind| format!("{kind} "));
            let place = &self.remote.place;
            let detail = format!(
                "There is no whole {kind}backup in '{}' on {} to be tested",
                place.directory, place.provider
            );
            let id = shell_word(&self.remote.company.id);
            return Err(Failure::new(Code::RemoteFileNotFound, detail)
                .hint(format!("vertex-backup files {id}"))
                .into());
        }
        Ok(chosen.iter().map(|set| set.name.clone()).collect())
    }

    fn intent(&self, target: &str) -> Intent {
        let provider = self.remote.place.provider.name();
        Intent::of("restore-test", &self.remote.company, Some(provider), target)
    }

    /// Tests one backup, and writes down how it went.
    fn recorded(
        &self,
        state: &mut State,
        files: &RemoteFiles,
        set: &Set,
    ) -> anyhow::Result<RestoreReport> {
        let target = self.remote.place.directory.join(&set.name);
        state.recorded(self.intent(&target), Some(self.lock), |state| {
            let report = self.test(state, files, set)?;
            let outcome = match &report.problem {
                None => Outcome::done(Verdict::Ok, &report.message, report.size),
                Some(problem) => Outcome {
                    verdict: Verdict::Failed,
                    code: Some(Code::IntegrityFailed.name()),
                    detail: Some(problem.clone()),
                    bytes: report.size,
                },
            };
            Ok((report, outcome))
        })
    }

    fn test(
        &self,
        state: &mut State,
        files: &RemoteFiles,
        set: &Set,
    ) -> anyhow::Result<RestoreReport> {
        let started = Instant::now();
        let mut report = self.blank(files, set);
        let wanted = Wanted::of(self.remote, Some(state), files, set, Trust::Record);
        let result = match wanted {
            Ok(wanted) if set.is_full() => {
                self.test_full(state, files, (set, &wanted), &mut report)
            }
            Ok(wanted) => self.bring_and_open(state, &wanted, &mut report),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            report.problem = Some(problem(error)?);
        }
        report.seconds = started.elapsed().as_secs_f64();
        report.seconds = (report.seconds * 1000.0).round() / 1000.0;
        report.success = report.problem.is_none();
        if !report.success {
            report.verdict = "failed";
            report.message = format!("The backup '{}' cannot be restored", set.name);
        }
        self.remember(state, files, set, &report)?;
        Ok(report)
    }

    fn blank(&self, files: &RemoteFiles, set: &Set) -> RestoreReport {
        let place = &self.remote.place;
        RestoreReport {
            success: true,
            message: format!("The backup '{}' can be restored", set.name),
            company_id: self.remote.company.id.clone(),
            company_name: self.remote.company.name.clone(),
            provider: place.provider.name().to_owned(),
            remote_path: place.directory.join(&set.name),
            name: set.name.clone(),
            backup_type: set.backup_type,
            size: files.size(set),
            verdict: "passed",
            problem: None,
            seconds: 0.0,
            sha256: None,
            compared_with: Vec::new(),
            database: None,
            archive: None,
            halves: Vec::new(),
        }
    }

    /// Both halves, one after the other; both must be what the manifest says.
    fn test_full(
        &self,
        state: &mut State,
        files: &RemoteFiles,
        (set, wanted): (&Set, &Wanted),
        report: &mut RestoreReport,
    ) -> anyhow::Result<()> {
        let manifest = set.json.as_ref().and_then(|json| files.object(json));
        let manifest = manifest.map(|object| read_json(self.remote, object));
        let text = manifest.transpose()?.unwrap_or_default();
        wanted.compare(Sha256::of(&text))?;
        let Some(Facts::Manifest(manifest)) = Facts::parse(&text) else {
            fail!(
                Code::IntegrityFailed,
                "the manifest '{}' cannot be read",
                set.name
            );
        };
        for half in files.halves(set) {
            report.halves.push(self.test(state, files, half)?);
        }
        for half in &report.halves {
            if let Some(problem) = &half.problem {
                fail!(Code::IntegrityFailed, "{problem}");
            }
            let told = [&manifest.database, &manifest.storage];
            let told = told.into_iter().flatten();
            let mut told =
                told.filter(|told| told.tells_of().as_deref() == Some(half.name.as_str()));
            let told = told.next().and_then(|told| told.checksum);
            if let (Some(told), Some(found)) = (told, half.sha256)
                && told != found
            {
                fail!(
                    Code::IntegrityFailed,
                    "'{}' has the SHA-256 {found}, but the manifest says {told}",
                    half.name
                );
            }
        }
        Ok(())
    }

    /// The scratch folder is empty afterwards, however it went.
    fn bring_and_open(
        &self,
        state: &mut State,
        wanted: &Wanted,
        report: &mut RestoreReport,
    ) -> anyhow::Result<()> {
        self.scratch.check_room(wanted.size())?;
        let download = Download {
            installation: self.installation,
            remote: self.remote,
            options: DownloadOptions {
                output: Output::Path(self.scratch.path()),
                force: false,
                resumable: false,
            },
            progress: self.progress,
        };
        let brought = download.bring_for(state, wanted);
        let result = brought.map_err(Scratch::advise).and_then(|brought| {
            report.sha256 = Some(brought.sha256);
            report.compared_with = brought.compared_with;
            self.open(wanted, report)
        });
        self.scratch.empty()?;
        result
    }

    fn open(&self, wanted: &Wanted, report: &mut RestoreReport) -> anyhow::Result<()> {
        let name = wanted.name.as_str();
        let path = self.scratch.path().join(name);
        let file = self.scratch.dir().open_file(name).map_err(|error| {
            let why = crate::text::system_reason(&error);
            Failure::new(
                Code::LocalIo,
                format!("cannot read '{}': {why}", path.display()),
            )
        })?;
        let task = self.progress.task(name, wanted.size());
        match trial::open(name, wanted.backup_type, (file, &path), &*task)? {
            Opened::Database(found) => report.database = Some(found),
            Opened::Archive(found) => report.archive = Some(found),
        }
        Ok(())
    }

    /// Dates the test, also of a backup that was stored by somebody else.
    fn remember(
        &self,
        state: &mut State,
        files: &RemoteFiles,
        set: &Set,
        report: &RestoreReport,
    ) -> Result<(), Failure> {
        let place = &self.remote.place;
        let now = Timestamp::now();
        if state.known_set(place, &set.name)?.is_none() {
            let unknown = KnownSet {
                sha256: report.sha256,
                verified_at: files.verified_at(set),
                ..files.unrecorded(set, now)
            };
            state.record_set(place, &unknown)?;
        }
        state.set_tested(place, &set.name, now, report.success)
    }
}

/// Why a backup failed its test, or the error where that is not the backup's fault.
fn problem(error: anyhow::Error) -> anyhow::Result<String> {
    let is_verdict = Failure::of(&error).is_some_and(|failure| {
        matches!(failure.code(), Code::IntegrityFailed | Code::RemoteChanged)
            && !failure.is_retryable()
    });
    if is_verdict {
        Ok(error.to_string())
    } else {
        Err(error)
    }
}
