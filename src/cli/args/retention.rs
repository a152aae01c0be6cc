//! The options of `retention`, `prune`, `pin` and `unpin`.

use clap::{Args, Subcommand};

/// `retention` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Set the policy of a company, or the default for all
    #[command(after_help = "Examples:\n  \
        vertex-backup retention set --default --keep-last 7 --keep-weekly 4 --keep-monthly 12\n  \
        vertex-backup retention set acme-corp --keep-within 30d\n  \
        vertex-backup retention set acme-corp --type database --keep-daily 14 --keep-monthly 6\n\n\
        What one of the rules keeps is kept. The most particular policy is in force, whole:\n\
        the company's for the type, the company's, the default for the type, the default.")]
    Set(RetentionSet),
    /// Show which policy is in force for each type, and where it comes from
    #[command(after_help = "Examples:\n  \
        vertex-backup retention get acme-corp\n  \
        vertex-backup retention get --default --json")]
    Get(Whom),
    /// List all policies
    #[command(after_help = "Examples:\n  vertex-backup retention list --json")]
    List,
    /// Take a policy away
    #[command(after_help = "Examples:\n  \
        vertex-backup retention unset acme-corp --type database\n  \
        vertex-backup retention unset --default")]
    Unset(RetentionUnset),
}

/// A company, or all of them.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["company", "default"]))]
pub(crate) struct Whom {
    /// The company's id, or its exact name
    pub(crate) company: Option<String>,
    /// For all companies that have no policy of their own
    #[arg(long)]
    pub(crate) default: bool,
}

/// What is kept.
#[derive(Args, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub(crate) struct Keep {
    /// Keep the newest N
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) keep_last: u32,
    /// Keep all that are no older, such as 30d
    #[arg(long, value_name = "DUR")]
    pub(crate) keep_within: Option<String>,
    /// Keep the newest of each of the last N days that have one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) keep_daily: u32,
    /// Keep the newest of each of the last N weeks that have one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) keep_weekly: u32,
    /// Keep the newest of each of the last N months that have one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) keep_monthly: u32,
}

/// `retention set`.
#[derive(Args, Debug)]
pub(crate) struct RetentionSet {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// For backups of this type: database, storage or full [default: all]
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

/// `retention unset`.
#[derive(Args, Debug)]
pub(crate) struct RetentionUnset {
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// The policy for backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
}

/// `prune`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["company", "all"]))]
pub(crate) struct Prune {
    /// The company's id, or its exact name
    pub(crate) company: Option<String>,
    /// All companies with a provider and a policy
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only companies with this provider
    #[arg(long, value_name = "PROVIDER", requires = "all")]
    pub(crate) provider: Option<String>,
    /// Remove only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) backup_type: Option<String>,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove nothing at all when more than N backups would go
    #[arg(long, value_name = "N")]
    pub(crate) max_delete: Option<usize>,
    /// For good, and not to the provider's trash
    #[arg(long)]
    pub(crate) permanent: bool,
}

/// `pin` and `unpin`.
#[derive(Args, Debug)]
pub(crate) struct Pin {
    /// The company's id, or its exact name
    pub(crate) company: String,
    /// The backups' names on the remote
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
}
