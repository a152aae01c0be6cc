//! The options of `verify`.

use clap::Args;

/// The examples, and what is read.
pub(crate) const HELP: &str = "Examples:\n  \
    vertex-backup verify acme-corp\n  \
    vertex-backup verify acme-corp db_backup_20250131_040000.db --download\n  \
    vertex-backup verify --all --sample 10% --quiet\n\n\
    Each backup is compared with its sidecar, with what was recorded when it was stored,\n\
    and with the provider's own hashes. A provider without hashes of its own (local) is\n\
    read back, for reading is how it hashes. With --sample the rest is compared by size\n\
    and by being the very object that was recorded; what changed since is read.\n\
    The exit code is 7 when a backup differs, is incomplete or missing; the others are\n\
    looked at all the same. With --all it is 3 when some companies failed.";

/// `verify`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["company", "all"]))]
pub(crate) struct Verify {
    /// The company's id, or its exact name
    pub(crate) company: Option<String>,
    /// The backups' names on the remote [default: all]
    #[arg(value_name = "FILENAME")]
    pub(crate) filenames: Vec<String>,
    /// All companies that have a provider
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only companies with this provider
    #[arg(long, value_name = "PROVIDER", requires = "all")]
    pub(crate) provider: Option<String>,
    /// Read everything back, whatever the provider says of it
    #[arg(long)]
    pub(crate) download: bool,
    /// Read back only this share of the backups, those compared longest ago first
    #[arg(long, value_name = "N%", value_parser = percent)]
    pub(crate) sample: Option<u8>,
    /// Only backups of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "filenames")]
    pub(crate) backup_type: Option<String>,
    /// google_drive: read also what Google takes for malware; only its owner may
    #[arg(long)]
    pub(crate) acknowledge_abuse: bool,
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number
        .filter(|number| (1..=100).contains(number))
        .ok_or_else(|| "it must be a share such as 10%, from 1% to 100%".into())
}
