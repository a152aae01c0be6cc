//! The command line: arguments in, results and exit codes out.
//!
//! One file a command. Each turns arguments into options, calls the library,
//! and hands the report to `ui::Ui`.

mod args;
mod audit;
mod backup;
mod batch;
mod bulk;
mod company;
mod config;
mod delete;
mod download;
mod failure;
mod files;
mod generate;
mod history;
mod init;
mod log;
mod login;
mod metrics;
mod pin;
mod progress;
mod providers;
mod prune;
mod render;
mod restore_test;
mod retention;
mod round;
mod state;
mod status;
mod stream;
mod sync;
mod ui;
mod verify;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use rustix::process::{Resource, Rlimit, setrlimit};

use self::args::{BackupCommand, Cli, Command, Global};
use self::audit::Attempt;
use self::failure::Verdict;
use self::ui::{Manners, Ui};
use crate::company::Company;
use crate::exit;
use crate::failure::{Code, Failure};
use crate::installation::{Installation, Remote};
use crate::provider::registry::Registry;
use crate::redact;
use crate::settings::{ColorMode, Flags, Format, ProgressMode, Setting, Settings, Surroundings};
use crate::state::State;
use crate::text::printable_lines;

/// What a command has at hand.
struct Context {
    ui: Ui,
    installation: Installation,
    /// What is about to be changed, where anything is.
    attempt: Option<Attempt>,
    /// The state was found damaged on the way.
    damage: Mutex<Option<Failure>>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let _discretion = Discretion::begin();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let json = asks_for_json(&arguments);
    let code = match parse(&arguments) {
        Ok(cli) => run(cli),
        Err(error) => answer_clap(&error, json, &arguments),
    };
    ExitCode::from(code)
}

/// Keeps secrets in this process while it runs, and leaves none behind.
struct Discretion;

impl Discretion {
    fn begin() -> Self {
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        // Who may not lower a limit has none to lower.
        let _ = setrlimit(Resource::Core, none);
        ui::tell_defects();
        Discretion
    }
}

impl Drop for Discretion {
    fn drop(&mut self) {
        redact::forget();
    }
}

/// The command line as clap knows it, with the exit codes in its help.
fn command() -> clap::Command {
    let codes = exit::TABLE
        .map(|(code, meaning)| format!("  {code:<15}{meaning}"))
        .join("\n");
    let footer = format!(
        "Exit codes:\n{codes}\n\nExamples:\n  \
         vertex-backup config set acme-corp --provider local\n  \
         vertex-backup sync acme-corp backups/database/db_backup_20250131_040000.db\n  \
         vertex-backup status --max-age 26h"
    );
    Cli::command().after_help(footer)
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

fn run(cli: Cli) -> u8 {
    let Cli { global, command } = cli;
    let early = Ui::new(manners(&global, None));
    if let Err(error) = crate::interrupt::listen() {
        let failure = Failure::new(Code::LocalIo, format!("cannot listen for signals: {error}"));
        return Verdict::of(&failure.into()).report(&early);
    }
    let flags = Flags {
        storage_dir: storage_dir(&command),
        acknowledge_abuse: acknowledges_abuse(&command),
        ..flags(&global)
    };
    let attempt = Attempt::of(&command);
    let settled =
        |work: Work<'_>| with_settings(&global, flags.clone(), attempt.clone(), &early, work);
    match command {
        Command::Completions(args) => finish(&early, generate::completions(&early, &args)),
        Command::Man(args) => finish(&early, generate::man(&early, &args)),
        Command::Init => settled(&init::run),
        Command::Company(command) => settled(&|context| company::run(context, &command)),
        Command::Providers(args) => settled(&|context| providers::run(context, &args)),
        Command::Config(command) => settled(&|context| config::run(context, &command)),
        Command::Sync(args) => settled(&|context| sync::run(context, &args)),
        Command::Backup(command) => settled(&|context| backup::run(context, &command)),
        Command::Files(args) => settled(&|context| files::run(context, &args)),
        Command::Download(args) => settled(&|context| download::run(context, &args)),
        Command::Delete(args) => settled(&|context| delete::run(context, &args)),
        Command::Retention(command) => settled(&|context| retention::run(context, &command)),
        Command::Prune(args) => settled(&|context| prune::run(context, &args)),
        Command::Pin(args) => settled(&|context| pin::run(context, &args, true)),
        Command::Unpin(args) => settled(&|context| pin::run(context, &args, false)),
        Command::Verify(args) => settled(&|context| verify::run(context, &args)),
        Command::RestoreTest(args) => settled(&|context| restore_test::run(context, &args)),
        Command::State(command) => settled(&|context| state::run(context, &command)),
        Command::Status(args) => settled(&|context| status::run(context, &args)),
        Command::History(args) => settled(&|context| history::run(context, &args)),
    }
}

/// A command that needs the settings.
type Work<'a> = &'a dyn Fn(&Context) -> anyhow::Result<u8>;

/// The exit code, the error reported where there is one.
fn finish(ui: &Ui, result: anyhow::Result<u8>) -> u8 {
    result.unwrap_or_else(|error| Verdict::of(&error).report(ui))
}

/// Resolves the settings and runs a command that needs them.
fn with_settings(
    global: &Global,
    flags: Flags,
    attempt: Option<Attempt>,
    early: &Ui,
    work: Work<'_>,
) -> u8 {
    // What is made from here on is for its owner alone, whatever the mask was.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let settings = match resolved(flags) {
        Ok(settings) => settings,
        Err(failure) => return Verdict::of(&failure.into()).report(early),
    };
    let ui = Ui::new(manners(global, Some(&settings)));
    ui.listen_to_log();
    explain(&ui, &settings);
    let context = Context {
        ui,
        installation: Installation::new(settings),
        attempt,
        damage: Mutex::default(),
    };
    let result = work(&context);
    let refused = result.as_ref().err().map(|error| {
        let code = Verdict::of(error).report(&context.ui);
        context.take_down(error, &[]);
        code
    });
    context.clear_damage();
    refused.or(result.ok()).unwrap_or(exit::UNEXPECTED)
}

fn resolved(flags: Flags) -> Result<Settings, Failure> {
    let surroundings = Surroundings {
        variable: &|name| std::env::var_os(name),
        config_dir: dirs::config_dir(),
        data_dir: dirs::data_dir(),
    };
    Settings::resolve(flags, &surroundings)
}

impl Context {
    /// The providers, with what the operator should know about their file.
    fn providers(&self) -> Result<Registry, Failure> {
        let providers = self.installation.providers()?;
        for warning in &providers.warnings {
            self.ui.warn(warning);
        }
        Ok(providers.registry)
    }

    /// The state, where it can be read. What lies on a remote is known without it.
    fn state_for_reading(&self) -> Option<State> {
        self.installation.state_if_any().unwrap_or_else(|failure| {
            self.ui.warn(&format!("{failure}; going on without it"));
            None
        })
    }

    /// A company's remote, with the warning that the built-in root deserves.
    fn remote(
        &self,
        company: &Company,
        state: Option<&State>,
    ) -> anyhow::Result<(Registry, Remote)> {
        let registry = self.providers()?;
        let remote = self.installation.remote(&registry, company, state)?;
        self.ui.verbose(
            1,
            &format!(
                "remote directory {} on {}",
                remote.place.directory, remote.place.provider
            ),
        );
        Ok((registry, remote))
    }

    fn warn_of_shared_disk(&self, registry: &Registry, remote: crate::provider::ProviderKind) {
        if remote == crate::provider::ProviderKind::Local
            && self.installation.builtin_root_shares_disk(registry)
        {
            self.ui.warn(&format!(
                "the local root '{}' is on the same disk as the backups; another disk is safer: \
                 vertex-backup providers set local --root DIR",
                registry.local_root().0.display()
            ));
        }
    }
}

fn manners(global: &Global, settings: Option<&Settings>) -> Manners {
    fn value<T: Copy>(setting: Option<&Setting<T>>) -> Option<T> {
        setting.map(|setting| setting.value)
    }
    let format = if global.json {
        Some(Format::Json)
    } else {
        value(settings.map(|settings| &settings.format))
    };
    let early = if asks_for_json(&std::env::args_os().collect::<Vec<_>>()) {
        Format::Json
    } else {
        Format::Table
    };
    Manners {
        format: format.unwrap_or(early),
        progress: value(settings.map(|settings| &settings.progress)).unwrap_or(ProgressMode::Auto),
        color: value(settings.map(|settings| &settings.color)).unwrap_or(ColorMode::Auto),
        quiet: global.quiet,
        verbosity: global.verbose,
        no_input: global.no_input,
        yes: global.yes,
    }
}

fn flags(global: &Global) -> Flags {
    Flags {
        db: global.db.clone(),
        backup_dir: global.backup_dir.clone(),
        remote_config: global.remote_config.clone(),
        config: global.config.clone(),
        format: if global.json {
            Some("json".into())
        } else {
            global.format.clone()
        },
        progress: global.progress.clone(),
        color: global.color.clone(),
        lock_wait: global.lock_wait.clone(),
        timeout: global.timeout.clone(),
        storage_dir: None,
        acknowledge_abuse: false,
    }
}

/// A setting that is a flag of one command.
fn storage_dir(command: &Command) -> Option<PathBuf> {
    match command {
        Command::Backup(BackupCommand::Create(args)) => args.storage_dir.clone(),
        _ => None,
    }
}

/// A setting that is a flag of the commands that read backups.
fn acknowledges_abuse(command: &Command) -> bool {
    match command {
        Command::Download(args) => args.acknowledge_abuse,
        Command::Verify(args) => args.acknowledge_abuse,
        Command::RestoreTest(args) => args.acknowledge_abuse,
        _ => false,
    }
}

/// With `-v`: which settings won, and why.
fn explain(ui: &Ui, settings: &Settings) {
    let paths = [
        ("database", &settings.db),
        ("backups", &settings.backup_dir),
        ("provider file", &settings.remote_config),
        ("state", &settings.state),
    ];
    for (what, setting) in paths {
        ui.verbose(
            1,
            &format!("{what} '{}' ({})", setting.value.display(), setting.origin),
        );
    }
    if let Some(config) = &settings.config {
        ui.verbose(
            1,
            &format!(
                "configuration '{}' ({})",
                config.value.display(),
                config.origin
            ),
        );
    }
    for warning in &settings.warnings {
        ui.warn(warning);
    }
}

/// Whether JSON was asked for, as far as can be told of arguments that may be wrong.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().take_while(|word| *word != "--").peekable();
    while let Some(word) = words.next() {
        let format = match word.to_str() {
            Some("--json") => Some("json"),
            Some("--format") => words.peek().and_then(|next| next.to_str()),
            Some(word) => word.strip_prefix("--format="),
            None => None,
        };
        // A format that is none says nothing; it is what the error will be about.
        if let Some(format @ ("json" | "table")) = format {
            return format == "json";
        }
    }
    std::env::var_os("VERTEX_BACKUP_FORMAT").is_some_and(|format| format == OsStr::new("json"))
}

/// Help and version to stdout, what is wrong to stderr; both may fail to be written.
fn answer_clap(error: &clap::Error, json: bool, arguments: &[OsString]) -> u8 {
    let mut manners = manners(
        &Global {
            json,
            ..Global::default()
        },
        None,
    );
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        manners.format = Format::Table;
        let ui = Ui::new(manners);
        return match ui.own_text(&text) {
            Ok(()) => exit::DONE,
            Err(failure) => Verdict::of(&failure.into()).report(&ui),
        };
    }
    let ui = Ui::new(manners);
    ui.raw_stderr(&printable_lines(&text));
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let detail = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let failure = Failure::new(Code::Usage, detail).hint("vertex-backup --help");
    if json && ui.json(&Verdict::of(&failure.into()).to_json()).is_err() {
        return exit::LOCAL_IO;
    }
    take_down_usage(ui, arguments);
    exit::USAGE
}

/// A command line that was to change something and is wrong is in the history as any other refusal.
fn take_down_usage(ui: Ui, arguments: &[OsString]) {
    // What can be understood of it; where that is not even the settings, there is no place to note it.
    let matches = command()
        .ignore_errors(true)
        .try_get_matches_from(arguments);
    let Ok(matches) = matches else { return };
    let (Some(attempt), Ok(global)) = (
        Attempt::of_matches(&matches),
        Global::from_arg_matches(&matches),
    ) else {
        return;
    };
    let Ok(settings) = resolved(flags(&global)) else {
        return;
    };
    let context = Context {
        ui,
        installation: Installation::new(settings),
        attempt: Some(attempt),
        damage: Mutex::default(),
    };
    // The words that are wrong may hold anything, a secret too.
    let failure = Failure::new(Code::Usage, "The command line is wrong");
    context.take_down(&failure.into(), &[]);
}
