//! The one place that sees to it that whatever changes something, or was to, is in the history.
//!
//! What is begun has its rows from the library. What was refused before that, by the
//! command line, a lock, a missing confirmation or a missing setting, gets them here.
//! Where there is no state yet nothing was ever changed, and none is made for a refusal.

use std::sync::PoisonError;

use clap::ArgMatches;

use super::Context;
use super::args::{
    BackupCommand, Command, CompanyCommand, ConfigCommand, ProvidersCommand, RetentionCommand,
    StateCommand,
};
use crate::company::Company;
use crate::failure::{Code, Failure};
use crate::history::Intent;
use crate::provider::ProviderKind;
use crate::state::is_damaged;

/// What a command is about to change.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    operation: String,
    /// As it was typed.
    company: Option<String>,
    provider: Option<String>,
    target: Option<String>,
}

impl Attempt {
    /// What a command is about to change; `None` for those that only read, and for dry runs.
    pub(super) fn of(command: &Command) -> Option<Self> {
        let made = |operation: &str, company: Option<&str>| Attempt {
            operation: operation.to_owned(),
            company: company.map(str::to_owned),
            ..Attempt::default()
        };
        let attempt = match command {
            Command::Init => made("init", None),
            Command::Company(CompanyCommand::Add(args)) => Attempt {
                provider: args.assign.provider.clone(),
                ..made("company add", Some(&args.id))
            },
            Command::Company(CompanyCommand::Update(args)) => Attempt {
                provider: args.assign.provider.clone(),
                ..made("company update", Some(&args.company))
            },
            Command::Config(ConfigCommand::Set(args)) if !args.unset => Attempt {
                provider: args.provider.clone(),
                target: args.remote_path.clone(),
                ..made("config set", Some(&args.company))
            },
            Command::Config(ConfigCommand::Set(args)) => made("config unset", Some(&args.company)),
            Command::Config(ConfigCommand::Unset(args)) => {
                made("config unset", Some(&args.company))
            }
            Command::Providers(args) => return of_providers(args.command.as_ref()?),
            Command::Sync(args) if !args.dry_run => Attempt {
                provider: args.provider.clone(),
                target: args.files.first().map(|file| file.display().to_string()),
                ..made("sync", args.company.as_deref())
            },
            Command::Backup(BackupCommand::Create(args)) => {
                made("backup create", args.sync.as_deref())
            }
            Command::Backup(BackupCommand::Rotate(args)) if !args.dry_run => {
                made("backup rotate", None)
            }
            Command::Download(args) => Attempt {
                target: args.filename.clone(),
                ..made("download", Some(&args.company))
            },
            Command::Delete(args) => Attempt {
                target: args.filenames.first().cloned(),
                ..made("delete", Some(&args.company))
            },
            Command::Retention(RetentionCommand::Set(args)) => {
                made("retention set", args.whom.company.as_deref())
            }
            Command::Retention(RetentionCommand::Unset(args)) => {
                made("retention unset", args.whom.company.as_deref())
            }
            Command::Prune(args) if !args.dry_run => made("prune", args.company.as_deref()),
            Command::Pin(args) => Attempt {
                target: args.files.first().cloned(),
                ..made("pin", Some(&args.company))
            },
            Command::Unpin(args) => Attempt {
                target: args.files.first().cloned(),
                ..made("unpin", Some(&args.company))
            },
            Command::Verify(args) => Attempt {
                target: args.filenames.first().cloned(),
                ..made("verify", args.company.as_deref())
            },
            Command::State(StateCommand::Rebuild(args)) => {
                made("state rebuild", args.companies.first().map(String::as_str))
            }
            Command::RestoreTest(args) => Attempt {
                target: args.filename.clone(),
                ..made("restore-test", args.company.as_deref())
            },
            _ => return None,
        };
        Some(attempt)
    }

    /// Of a command line that is wrong somewhere, as far as it could be understood.
    pub(super) fn of_matches(matches: &ArgMatches) -> Option<Self> {
        let mut words = Vec::new();
        let mut at = matches;
        while let Some((word, below)) = at.subcommand() {
            words.push(word);
            at = below;
        }
        let operation = words.join(" ");
        let changes = CHANGING.contains(&operation.as_str());
        changes.then(|| Attempt {
            operation,
            ..Attempt::default()
        })
    }
}

/// What is about no company, and no provider more than another.
fn unnamed(operation: &str) -> Attempt {
    Attempt {
        operation: operation.to_owned(),
        ..Attempt::default()
    }
}

fn of_providers(command: &ProvidersCommand) -> Option<Attempt> {
    let (operation, provider) = match command {
        ProvidersCommand::Set(args) => ("providers set", &args.name),
        ProvidersCommand::Login(args) => ("providers login", &args.name),
        ProvidersCommand::Unset(args) => ("providers unset", &args.name),
        ProvidersCommand::Protect(_) => return Some(unnamed("providers protect")),
        ProvidersCommand::Unprotect(..) => return Some(unnamed("providers unprotect")),
        ProvidersCommand::List(_) | ProvidersCommand::Test(_) | ProvidersCommand::Info(_) => {
            return None;
        }
    };
    Some(Attempt {
        operation: operation.to_owned(),
        // A name that is none may be anything: a token in the wrong place, too.
        provider: provider
            .parse()
            .ok()
            .map(|kind: ProviderKind| kind.to_string()),
        ..Attempt::default()
    })
}

/// The commands of [`Attempt::of`], by their words.
const CHANGING: [&str; 23] = [
    "init",
    "company add",
    "company update",
    "config set",
    "config unset",
    "providers set",
    "providers login",
    "providers unset",
    "providers protect",
    "providers unprotect",
    "sync",
    "backup create",
    "backup rotate",
    "download",
    "delete",
    "retention set",
    "retention unset",
    "prune",
    "pin",
    "unpin",
    "verify",
    "restore-test",
    "state rebuild",
];

/// Whether an error quotes a word that may be a token in the wrong place.
fn is_stray(attempt: &Attempt, code: Option<Code>) -> bool {
    attempt.operation.starts_with("providers ") && code == Some(Code::InvalidProvider)
}

impl Context {
    /// Takes a failure down in the history, where nobody did; `what` are keys that say what failed.
    pub(super) fn take_down(&self, error: &anyhow::Error, what: &[(&str, &str)]) {
        let Some(attempt) = &self.attempt else {
            return;
        };
        let failure = Failure::of(error);
        if let Some(damage) = failure.filter(|failure| is_damaged(failure)) {
            // The history is what is damaged; it goes into the new one.
            let mut found = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
            found.get_or_insert_with(|| damage.again());
            return;
        }
        if failure.is_some_and(Failure::is_recorded) {
            return;
        }
        if let Err(failure) = self.write_down(attempt, error, what) {
            self.ui
                .warn(&format!("the history does not have this: {failure}"));
        }
    }

    /// Moves a state aside that was found damaged on the way, now that nobody here needs it.
    pub(super) fn clear_damage(&self) {
        let mut found = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(damage), Some(attempt)) = (found.take(), &self.attempt) else {
            return;
        };
        let cleared = self.installation.replace_state(&damage);
        let noted = cleared.and_then(|()| self.write_down(attempt, &damage.into(), &[]));
        if let Err(failure) = noted {
            self.ui
                .warn(&format!("the history does not have this: {failure}"));
        }
    }

    fn write_down(
        &self,
        attempt: &Attempt,
        error: &anyhow::Error,
        what: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let Some(mut state) = self.installation.state_for_notes()? else {
            return Ok(());
        };
        let code = Failure::of(error).map(Failure::code);
        let told = |keys: &[&str]| {
            let mut told = what.iter().filter(|(key, _)| keys.contains(key));
            told.next().map(|(_, value)| *value)
        };
        let asked = told(&["company_id"]).or(attempt.company.as_deref());
        let target = told(&["filename", "local_path"]).or(attempt.target.as_deref());
        // A database that failed a moment ago is not waited for again.
        let is_useless = matches!(
            code,
            Some(Code::DatabaseBusy | Code::DatabaseInvalid | Code::DatabaseNotFound)
        );
        let found: Option<Company> = asked
            .filter(|_| !is_useless)
            .and_then(|name| self.installation.companies_in_a_hurry().find(name).ok());
        let provider = attempt.provider.clone();
        let intent = Intent {
            operation: attempt.operation.clone().into(),
            company_id: found.as_ref().map(|company| company.id.clone()),
            company_name: found.as_ref().map(|company| company.name.clone()),
            provider: provider.or_else(|| found.as_ref()?.provider.clone()),
            target: target.or(asked).map(str::to_owned),
        };
        if is_stray(attempt, code) {
            let neutral = Failure::new(Code::InvalidProvider, "There is no such provider");
            return state.refused(&intent, &neutral.into());
        }
        state.refused(&intent, error)
    }
}
