//! The options of `backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Backups on this machine.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Make a backup of the database, of the stored files, or of both
    #[command(after_help = "Examples:\n  \
        vertex-backup backup create\n  \
        vertex-backup backup create --type database --json\n  \
        vertex-backup backup create --sync acme-corp --quiet\n\n\
        The application may go on working. The files are those it would make itself, in its\n\
        backups folder, compressed and split as its config/storage_config.json says.\n\
        Nothing appears under its name before it is whole and was read back.\n\
        As a line of a crontab, every night at four:\n  \
        0 4 * * * vertex-backup backup create --sync acme-corp --quiet")]
    Create(BackupCreate),
    /// List the backups on this machine
    #[command(after_help = "Examples:\n  \
        vertex-backup backup list\n  \
        vertex-backup backup list --type storage --json")]
    List(BackupList),
    /// Compare the backups on this machine with their sidecars, by reading them
    #[command(after_help = "Examples:\n  \
        vertex-backup backup verify\n  \
        vertex-backup backup verify backups/storage/storage_backup_20250130_030000.tar.part001.gz\n\n\
        The exit code is 7 when one is damaged or something of it is missing.")]
    Verify(BackupVerify),
    /// Remove the oldest backups from this machine, whole backups only
    #[command(after_help = "Examples:\n  \
        vertex-backup backup rotate --dry-run\n  \
        vertex-backup backup rotate --keep-last 3 --type storage --yes\n\n\
        The newest so many of each type stay, and what a full backup that stays is made of.\n\
        Backups on remotes are not touched; those are what `prune` is for.")]
    Rotate(BackupRotate),
}

/// `backup list`.
#[derive(Args, Debug)]
pub(crate) struct BackupList {
    /// Only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
}

/// `backup verify`.
#[derive(Args, Debug)]
pub(crate) struct BackupVerify {
    /// The backups, each named by any of its files [default: all]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "files")]
    pub(crate) backup_type: Option<String>,
}

/// `backup rotate`.
#[derive(Args, Debug)]
pub(crate) struct BackupRotate {
    /// Keep the newest so many of each type; 7 is what the application keeps
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) keep_last: u16,
    /// Only remove backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `backup create`.
#[derive(Args, Debug)]
pub(crate) struct BackupCreate {
    /// What to back up: database, storage or full
    #[arg(long = "type", value_name = "TYPE", default_value = "full")]
    pub(crate) backup_type: String,
    /// The folder of the stored files [env: VERTEX_BACKUP_STORAGE_DIR]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) storage_dir: Option<PathBuf>,
    /// Send the new backup to this company's remote: its id, or its exact name
    #[arg(long, value_name = "COMPANY")]
    pub(crate) sync: Option<String>,
}
