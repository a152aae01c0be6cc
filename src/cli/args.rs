//! The command line: every option, its help and its examples.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are help texts, shown as they stand"
)]
#![expect(clippy::struct_excessive_bools, reason = "a flag is a bool")]

mod backup;
mod providers;
mod restore_test;
mod retention;
mod state;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

pub(crate) use self::backup::{
    BackupCommand, BackupCreate, BackupList, BackupRotate, BackupVerify,
};
pub(crate) use self::providers::{
    Providers, ProvidersCommand, ProvidersList, ProvidersLogin, ProvidersProtect, ProvidersSet,
    ProvidersUnprotect,
};
pub(crate) use self::restore_test::RestoreTest;
pub(crate) use self::retention::{Keep, Pin, Prune, RetentionCommand, RetentionSet, Whom};
pub(crate) use self::state::StateCommand;
pub(crate) use self::verify::Verify;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "vertex-backup",
    version,
    about = "Back up the companies of Vertex AR to their remotes, and prove that the backups are there",
    long_about = "Back up the companies of Vertex AR to their remotes, and prove that the backups are there.\n\n\
        Opens the application's database, assigns each company a backup provider and a remote directory, \
        copies backup files there, compares what arrived with what was sent, lists it and brings it back.",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes, before and after its name.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The application's database [env: VERTEX_BACKUP_DB]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) db: Option<PathBuf>,
    /// Where the application puts its backups [env: VERTEX_BACKUP_BACKUP_DIR]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) backup_dir: Option<PathBuf>,
    /// The provider file shared with the application [env: VERTEX_BACKUP_REMOTE_CONFIG, else REMOTE_STORAGE_CONFIG]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) remote_config: Option<PathBuf>,
    /// Our own settings [env: VERTEX_BACKUP_CONFIG]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document instead of a table
    #[arg(long, global = true, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How to print results: table or json [env: VERTEX_BACKUP_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["table", "json"], hide_possible_values = true)]
    pub(crate) format: Option<String>,
    /// How to show progress: auto, bar, plain, json or none [env: VERTEX_BACKUP_PROGRESS]
    #[arg(
        long, global = true, value_name = "MODE",
        value_parser = ["auto", "bar", "plain", "json", "none"], hide_possible_values = true
    )]
    pub(crate) progress: Option<String>,
    /// Print errors only; JSON and what was asked for are still printed
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more: which settings won and why, and what is connected to
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to colour: auto, always or never [env: VERTEX_BACKUP_COLOR]
    #[arg(
        long, global = true, value_name = "WHEN",
        value_parser = ["auto", "always", "never"], hide_possible_values = true
    )]
    pub(crate) color: Option<String>,
    /// Never ask; what needs an answer fails with exit code 10
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Answer yes to every question
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Wait so long for another run on the same company [env: VERTEX_BACKUP_LOCK_WAIT] [default: 0]
    #[arg(long, global = true, value_name = "DUR")]
    pub(crate) lock_wait: Option<String>,
    /// Wait so long for somebody silent: a locked database (10s), a provider that moves no byte (60s) or
    /// checks what it was sent (5m) [env: VERTEX_BACKUP_TIMEOUT]
    #[arg(long, global = true, value_name = "DUR")]
    pub(crate) timeout: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a standalone database, where there is no application
    #[command(after_help = "Examples:\n  \
        vertex-backup init\n  \
        vertex-backup --db /srv/backup/app_data.db init")]
    Init,
    /// Add, list, show and change companies
    #[command(subcommand, arg_required_else_help = true)]
    Company(CompanyCommand),
    /// List, test and set up backup providers
    #[command(after_help = "Examples:\n  \
        vertex-backup providers\n  \
        vertex-backup providers --all --json\n  \
        vertex-backup providers set local --root /mnt/nas/vertex-ar")]
    Providers(Providers),
    /// Assign a provider and a remote directory to a company
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Copy backup files to a company's remote, and prove that they arrived
    #[command(after_help = "Examples:\n  \
        vertex-backup sync acme-corp backups/database/db_backup_20250131_040000.db\n  \
        vertex-backup sync acme-corp backups/storage/*.tar.gz --json\n  \
        vertex-backup sync 'Acme Corporation' --latest --dry-run\n  \
        vertex-backup sync --all --since 7d --quiet\n\n\
        Any file of a backup stands for all of it: its parts, its sidecar, both halves of a\n\
        full backup. Without FILE, every local backup that the remote lacks is sent, oldest\n\
        first, from backups/COMPANY-ID/ where that exists, else from backups/.\n\
        What the remote has already is skipped. The exit code is 0 only when all is stored\n\
        and verified, and 3 when some is.")]
    Sync(Sync),
    /// Make backups on this machine
    #[command(subcommand, arg_required_else_help = true)]
    Backup(BackupCommand),
    /// List the backups on a company's remote
    #[command(after_help = "Examples:\n  \
        vertex-backup files acme-corp\n  \
        vertex-backup files acme-corp --type database --json")]
    Files(Files),
    /// Bring a backup back, and prove that it is whole
    #[command(after_help = "Examples:\n  \
        vertex-backup download acme-corp db_backup_20250131_040000.db\n  \
        vertex-backup download acme-corp --latest --type database -o /restore/\n  \
        vertex-backup download acme-corp storage.tar.gz -o - | tar tz\n\n\
        Without -o the file goes to the application's backups/<type>/ folder.")]
    Download(Download),
    /// Delete backups from a company's remote
    #[command(after_help = "Examples:\n  \
        vertex-backup delete acme-corp db_backup_20240101_020000.db\n  \
        vertex-backup delete acme-corp old1.db old2.db --permanent --yes")]
    Delete(Delete),
    /// Say how many backups are kept, and for how long
    #[command(subcommand, arg_required_else_help = true)]
    Retention(RetentionCommand),
    /// Remove the backups that retention no longer keeps
    #[command(after_help = "Examples:\n  \
        vertex-backup prune acme-corp --dry-run\n  \
        vertex-backup prune acme-corp --type database --yes\n  \
        vertex-backup prune --all --max-delete 20 --yes --quiet\n\n\
        Whole backups are counted and removed, oldest first. The newest verified backup of a\n\
        type is never removed, nor what is pinned, ahead of the clock or of unknown age.")]
    Prune(Prune),
    /// Exempt backups from retention
    #[command(after_help = "Examples:\n  \
        vertex-backup pin acme-corp full_backup_20250131_040000.json")]
    Pin(Pin),
    /// Take the exemption back
    #[command(after_help = "Examples:\n  \
        vertex-backup unpin acme-corp full_backup_20250131_040000.json")]
    Unpin(Pin),
    /// Compare what is on a company's remote with what should be there
    #[command(after_help = verify::HELP)]
    Verify(Verify),
    /// Bring backups back for a test, and really open them
    #[command(after_help = restore_test::HELP)]
    RestoreTest(RestoreTest),
    /// Show when each company was last backed up, and whether that is good enough
    #[command(after_help = "Examples:\n  \
        vertex-backup status\n  \
        vertex-backup status --max-age 26h --no-check --quiet || alert\n  \
        vertex-backup status --metrics > vertex.prom.new && mv vertex.prom.new vertex.prom\n\n\
        With --max-age the exit code is 9 when the last verified backup of any\n\
        configured company is older than that.")]
    Status(Status),
    /// Show who did what, when, with what result
    #[command(after_help = "Examples:\n  \
        vertex-backup history acme-corp --limit 5\n  \
        vertex-backup history --failed --since 7d --json\n  \
        vertex-backup history --limit 0 --json > history.json\n  \
        vertex-backup history --check")]
    History(History),
    /// Check what is remembered of runs and backups, or rebuild it from the remotes
    #[command(subcommand, arg_required_else_help = true)]
    State(StateCommand),
    /// Print the completion script for a shell
    #[command(after_help = "Examples:\n  \
        vertex-backup completions bash > /etc/bash_completion.d/vertex-backup\n  \
        vertex-backup completions zsh > ~/.zfunc/_vertex-backup\n  \
        vertex-backup completions fish > ~/.config/fish/completions/vertex-backup.fish")]
    Completions(Completions),
    /// Print the manual, or write one page a command
    #[command(after_help = "Examples:\n  \
        vertex-backup man | man -l -\n  \
        vertex-backup man --out-dir /usr/local/share/man/man1")]
    Man(Man),
}

/// Companies.
#[derive(Debug, Subcommand)]
pub(crate) enum CompanyCommand {
    /// Add a company
    #[command(after_help = "Examples:\n  \
        vertex-backup company add acme-corp --name 'Acme Corporation'\n  \
        vertex-backup company add globex --name Globex --provider local")]
    Add(CompanyAdd),
    /// List all companies
    #[command(after_help = "Examples:\n  \
        vertex-backup company list\n  \
        vertex-backup company list --json | jq -r '.companies[].company_id'")]
    List,
    /// Show one company
    #[command(after_help = "Examples:\n  vertex-backup company show acme-corp")]
    Show(CompanyName),
    /// Rename a company, or change its assignment
    #[command(after_help = "Examples:\n  \
        vertex-backup company update acme-corp --name 'Acme Inc'\n  \
        vertex-backup company update acme-corp --provider local --remote-path /acme")]
    Update(CompanyUpdate),
}

/// `company add`.
#[derive(Args, Debug)]
pub(crate) struct CompanyAdd {
    /// The new company's id
    pub(crate) id: String,
    /// Its name
    #[arg(long)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) assign: Assign,
}

/// `company update`.
#[derive(Args, Debug)]
pub(crate) struct CompanyUpdate {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// A new name
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) assign: Assign,
}

/// A provider and a directory, both optional.
#[derive(Args, Debug)]
pub(crate) struct Assign {
    /// The backup provider: yandex_disk, google_drive or local
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    /// The remote directory [default: /vertex-ar/COMPANY-ID/backups]
    #[arg(long, value_name = "DIR", requires = "provider")]
    pub(crate) remote_path: Option<String>,
    /// Do not test the connection first
    #[arg(long, requires = "provider")]
    pub(crate) no_test: bool,
}

/// One company.
#[derive(Args, Debug)]
pub(crate) struct CompanyName {
    /// The company's id, or its exact name
    pub(crate) company: String,
}

/// `config` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Assign a provider and a remote directory to a company
    #[command(after_help = "Examples:\n  \
        vertex-backup config set acme-corp --provider local\n  \
        vertex-backup config set acme-corp --provider local --remote-path /acme/backups\n  \
        vertex-backup config set acme-corp --unset\n\n\
        The connection is tested first. The default directory is /vertex-ar/COMPANY-ID/backups.")]
    Set(ConfigSet),
    /// Show what a company is assigned
    #[command(after_help = "Examples:\n  vertex-backup config get acme-corp --json")]
    Get(CompanyName),
    /// List what all companies are assigned
    #[command(after_help = "Examples:\n  \
        vertex-backup config list --unconfigured\n  \
        vertex-backup config list --provider local --json")]
    List(ConfigList),
    /// Take a company's assignment away
    #[command(after_help = "Examples:\n  vertex-backup config unset acme-corp")]
    Unset(CompanyName),
}

/// `config set`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["provider", "unset"]))]
pub(crate) struct ConfigSet {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// The backup provider: yandex_disk, google_drive or local
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    /// The remote directory [default: /vertex-ar/COMPANY-ID/backups]
    #[arg(long, value_name = "DIR", conflicts_with = "unset")]
    pub(crate) remote_path: Option<String>,
    /// Do not test the connection first
    #[arg(long, conflicts_with = "unset")]
    pub(crate) no_test: bool,
    /// Take the assignment away
    #[arg(long)]
    pub(crate) unset: bool,
}

/// `config list`.
#[derive(Args, Debug)]
pub(crate) struct ConfigList {
    /// Only companies with this provider
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: Option<String>,
    /// Only companies with a provider
    #[arg(long, conflicts_with = "unconfigured")]
    pub(crate) configured: bool,
    /// Only companies without a provider
    #[arg(long, conflicts_with = "provider")]
    pub(crate) unconfigured: bool,
}

/// `sync`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["company", "all"]))]
pub(crate) struct Sync {
    /// The company's id, or its exact name
    pub(crate) company: Option<String>,
    /// The backups to send, each named by any of its files [default: all that the remote lacks]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// All companies that have a provider
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only companies with this provider
    #[arg(long, value_name = "PROVIDER", conflicts_with = "company")]
    pub(crate) provider: Option<String>,
    /// Only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "files")]
    pub(crate) backup_type: Option<String>,
    /// Only the newest backup of each type
    #[arg(long, conflicts_with = "files")]
    pub(crate) latest: bool,
    /// Only backups made since: a length of time such as 7d, or a date such as 2025-01-31
    #[arg(long, value_name = "WHEN", conflicts_with = "files")]
    pub(crate) since: Option<String>,
    /// With --all: so many companies at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64), conflicts_with = "company")]
    pub(crate) jobs: u8,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave remote files alone that have the name and other content
    #[arg(long)]
    pub(crate) no_clobber: bool,
    /// Send a backup that does not match its sidecar, too
    #[arg(long)]
    pub(crate) force: bool,
    /// Stop at the first failure
    #[arg(long)]
    pub(crate) fail_fast: bool,
}

/// `files`.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// Only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
    /// Also list unfinished uploads and what is no backup
    #[arg(long)]
    pub(crate) all: bool,
}

/// `download`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["filename", "latest"]))]
pub(crate) struct Download {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// The backup's name on the remote
    pub(crate) filename: Option<String>,
    /// The newest backup
    #[arg(long)]
    pub(crate) latest: bool,
    /// With --latest: the newest of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE", requires = "latest")]
    pub(crate) backup_type: Option<String>,
    /// Where to: a folder, a file, or - for stdout
    #[arg(short, long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) output: Option<PathBuf>,
    /// Replace a different file of that name; take a backup that changed since it was stored
    #[arg(long)]
    pub(crate) force: bool,
    /// google_drive: read also what Google takes for malware; only its owner may
    #[arg(long)]
    pub(crate) acknowledge_abuse: bool,
}

/// `delete`.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// The backups' names on the remote
    #[arg(required = true, value_name = "FILENAME")]
    pub(crate) filenames: Vec<String>,
    /// For good, and not to the provider's trash
    #[arg(long)]
    pub(crate) permanent: bool,
}

/// `status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// The companies' ids or exact names [default: all]
    #[arg(value_name = "COMPANY")]
    pub(crate) companies: Vec<String>,
    /// Exit with 9 when a company's last verified backup is older, such as 26h
    #[arg(long, value_name = "DUR")]
    pub(crate) max_age: Option<String>,
    /// Do not test the providers' connections
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Print Prometheus text, for the node exporter's textfile collector
    #[arg(long, conflicts_with_all = ["json", "format"])]
    pub(crate) metrics: bool,
}

/// `history`.
#[derive(Args, Debug)]
pub(crate) struct History {
    /// Only this company's: its id or exact name
    pub(crate) company: Option<String>,
    /// Only what failed, was refused or was interrupted
    #[arg(long)]
    pub(crate) failed: bool,
    /// Only what started within this time, such as 7d
    #[arg(long, value_name = "DUR")]
    pub(crate) since: Option<String>,
    /// At most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Check that no row was altered, removed or inserted
    #[arg(long, conflicts_with_all = ["company", "failed", "since"])]
    pub(crate) check: bool,
    /// With --check: a head printed earlier, which must still be part of the history
    #[arg(long, value_name = "HASH", requires = "check")]
    pub(crate) head: Option<String>,
}

/// `completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write one page a command into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out_dir: Option<PathBuf>,
}
