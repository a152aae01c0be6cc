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
