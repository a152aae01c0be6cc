//! The options of `restore-test`.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are help texts, shown as they stand"
)]

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// The examples, and what is done.
pub(crate) const HELP: &str = "Examples:\n  \
    vertex-backup restore-test acme-corp\n  \
    vertex-backup restore-test acme-corp --latest --scratch /var/tmp\n  \
    vertex-backup restore-test --all --quiet\n\n\
    The backup is brought to a scratch folder, compared, and opened: a database is checked\n\
    by SQLite and its companies are counted, an archive is read to the end of its last\n\
    entry. The scratch folder needs room for one backup, and is removed whatever happens.\n\
    The exit code is 7 when a backup cannot be restored. With --all it is 3 when some\n\
    companies failed.";

/// `restore-test`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["company", "all"]))]
pub(crate) struct RestoreTest {
    /// The company's id, or its exact name
    pub(crate) company: Option<String>,
    /// The backup's name on the remote [default: the newest of each type]
    pub(crate) filename: Option<String>,
    /// All companies that have a provider
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only companies with this provider
    #[arg(long, value_name = "PROVIDER", requires = "all")]
    pub(crate) provider: Option<String>,
    /// Only the newest backup
    #[arg(long, conflicts_with = "filename")]
    pub(crate) latest: bool,
    /// Only the newest of this type: database, storage or full
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "filename")]
    pub(crate) backup_type: Option<String>,
    /// Where to make the scratch folder [env: VERTEX_BACKUP_SCRATCH] [default: the system's temporary folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) scratch: Option<PathBuf>,
    /// google_drive: read also what Google takes for malware; only its owner may
    #[arg(long)]
    pub(crate) acknowledge_abuse: bool,
}
