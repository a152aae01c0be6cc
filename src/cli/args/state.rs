//! The options of `state`.

use clap::{Args, Subcommand};

/// What is remembered.
#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Look for damage in what is remembered; nothing is changed
    #[command(after_help = "Examples:\n  \
        vertex-backup state check\n  \
        vertex-backup state check --json\n\n\
        The exit code is 12 when the state is damaged, gone, somebody else's or of a newer version,\n\
        and 7 when its history was tampered with or its records do not fit each other.")]
    Check,
    /// Ask the remotes what is on them, and remember it again
    #[command(after_help = "Examples:\n  \
        vertex-backup state rebuild --all\n  \
        vertex-backup state rebuild acme-corp globex --json\n\n\
        For after the state was lost or damaged; a damaged one is moved aside first. Each backup\n\
        is compared as verify compares it, and recorded as verified only where that proves it;\n\
        nothing is sent, and nothing on a remote is changed. The exit codes are those of verify.")]
    Rebuild(StateRebuild),
}

/// `state rebuild`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["companies", "all"]))]
pub(crate) struct StateRebuild {
    /// The companies' ids or exact names
    #[arg(value_name = "COMPANY")]
    pub(crate) companies: Vec<String>,
    /// All companies that have a provider
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only companies with this provider
    #[arg(long, value_name = "PROVIDER", requires = "all")]
    pub(crate) provider: Option<String>,
}
