//! What was done, as JSON tells it. The first keys of each and their order are the contract's.

use jiff::Timestamp;
use serde::Serialize;

use crate::backup::BackupType;
use crate::hash::Sha256;

/// What a sync did with one backup.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the JSON")]
pub struct SyncReport {
    /// Always true: a failure is an error.
    pub success: bool,
    /// What was done, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// The file's full remote name.
    pub remote_path: String,
    /// Its size in MiB, two decimals.
    pub size_mb: f64,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256; absent in a dry run.
    pub sha256: Option<Sha256>,
    /// Whether the remote had it already.
    pub skipped: bool,
    /// The files that hold it: one, or as many as it was split into.
    pub parts: Vec<PartReport>,
    /// Whether it took the place of other content.
    pub replaced: bool,
    /// The local file.
    pub local_path: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// The full remote name of its sidecar, where it has one.
    pub sidecar: Option<String>,
    /// Whether it was sent although it does not match its sidecar.
    pub damaged: bool,
    /// Whether this was only a plan.
    pub dry_run: bool,
    /// Of a full backup: what was done with its database and its storage backup.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<SyncReport>,
}

/// What a sync did with one file of a backup.
#[derive(Clone, Debug, Serialize)]
pub struct PartReport {
    /// Its name.
    pub name: String,
    /// Its full remote name.
    pub remote_path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256; absent in a dry run.
    pub sha256: Option<Sha256>,
    /// Whether the remote had it already.
    pub skipped: bool,
}

/// What a download did.
#[derive(Clone, Debug, Serialize)]
pub struct DownloadReport {
    /// Always true: a failure is an error.
    pub success: bool,
    /// What was done, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// Where the file is now.
    pub local_path: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// The file's full remote name.
    pub remote_path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Whether it was there already.
    pub skipped: bool,
    /// What its bytes were compared with: `sidecar`, `record`, `provider`, and always `disk`.
    pub compared_with: Vec<&'static str>,
    /// Where its sidecar is now, if it came along.
    pub sidecar: Option<String>,
    /// The names of the remote files it was made of.
    pub parts: Vec<String>,
    /// Of a full backup: its database and its storage backup.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<DownloadReport>,
}

/// What was made of the database or of the stored files.
#[derive(Clone, Debug, Serialize)]
pub struct HalfReport {
    /// Where the file is; of a split one, its first part.
    pub local_path: String,
    /// The size in bytes, of all parts together.
    pub size: u64,
    /// The SHA-256, of all parts joined.
    pub sha256: Sha256,
    /// The names of the parts, in order; empty when it is not split.
    pub parts: Vec<String>,
    /// Where the sidecar is.
    pub sidecar: String,
    /// How many stored files are in it.
    pub file_count: Option<u64>,
    /// How it is compressed.
    pub compression: Option<String>,
}

/// What was made on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct CreateReport {
    /// Always true: a failure is an error.
    pub success: bool,
    /// What was done, in words.
    pub message: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// The application's timestamp, in its name.
    pub timestamp: String,
    /// Where the file is; of a full backup, its manifest.
    pub local_path: String,
    /// The size in bytes, of everything together.
    pub size: u64,
    /// The SHA-256; a full backup has one for each half.
    pub sha256: Option<Sha256>,
    /// The names of the parts, in order; empty when it is not split.
    pub parts: Vec<String>,
    /// Where the sidecar is; a full backup has one for each half.
    pub sidecar: Option<String>,
    /// The database's half of a full backup.
    pub database: Option<HalfReport>,
    /// The stored files' half of a full backup.
    pub storage: Option<HalfReport>,
    /// What was sent to a company's remote, where that was asked for.
    pub synced: Option<SyncReport>,
}

impl CreateReport {
    /// Of a backup of the database or of the stored files alone.
    pub fn of_half(what: BackupType, timestamp: String, half: HalfReport) -> Self {
        let message = match what {
            BackupType::Database => "Database backup created",
            _ => "Storage backup created",
        };
        CreateReport {
            success: true,
            message: message.to_owned(),
            backup_type: what,
            timestamp,
            local_path: half.local_path,
            size: half.size,
            sha256: Some(half.sha256),
            parts: half.parts,
            sidecar: Some(half.sidecar),
            database: None,
            storage: None,
            synced: None,
        }
    }

    /// Of both, with the manifest's path.
    pub fn of_both(
        timestamp: String,
        manifest: String,
        database: HalfReport,
        storage: HalfReport,
    ) -> Self {
        CreateReport {
            success: true,
            message: "Full backup created".to_owned(),
            backup_type: BackupType::Full,
            timestamp,
            local_path: manifest,
            size: database.size.saturating_add(storage.size),
            sha256: None,
            parts: Vec::new(),
            sidecar: None,
            database: Some(database),
            storage: Some(storage),
            synced: None,
        }
    }
}

/// What was deleted.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteReport {
    /// Always true: a failure is an error.
    pub success: bool,
    /// What was done, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// The file's full remote name.
    pub remote_path: String,
    /// Whether it is gone for good, and not in a trash.
    pub permanent: bool,
    /// The names of the files that were removed.
    pub files: Vec<String>,
}

/// How a backup on the remote compares with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// It is what it should be.
    Ok,
    /// Nothing is known that it could be compared with.
    Unproven,
    /// It is not what it should be.
    Differs,
    /// Something of it is missing.
    Incomplete,
    /// All of it is gone.
    Missing,
}

impl Finding {
    /// All of them, the good ones first.
    pub const ALL: [Finding; 5] = [
        Finding::Ok,
        Finding::Unproven,
        Finding::Differs,
        Finding::Incomplete,
        Finding::Missing,
    ];

    /// The name in JSON, and as people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Finding::Ok => "ok",
            Finding::Unproven => "unproven",
            Finding::Differs => "differs",
            Finding::Incomplete => "incomplete",
            Finding::Missing => "missing",
        }
    }

    /// Whether the backup cannot be relied on.
    pub const fn is_bad(self) -> bool {
        matches!(
            self,
            Finding::Differs | Finding::Incomplete | Finding::Missing
        )
    }
}

/// One thing that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The file.
    pub file: String,
    /// Who says what it should be: `sidecar`, `record`, `provider` or `manifest`.
    pub with: &'static str,
    /// What it should be: a SHA-256, or a number of bytes.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// What came of comparing one backup on the remote.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// Whether nothing is wrong with it.
    pub success: bool,
    /// What was found, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// The backup's full remote name.
    pub remote_path: String,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// Its size in bytes.
    pub size: u64,
    /// The verdict.
    pub result: Finding,
    /// What it was compared with: `sidecar`, `record`, `provider`, `manifest`.
    pub compared_with: Vec<&'static str>,
    /// What is wrong with it, or why nothing can be said.
    pub problems: Vec<String>,
    /// What differs from what.
    pub differences: Vec<Difference>,
    /// Bytes that were read back.
    pub bytes_read: u64,
    /// When its bytes were last compared.
    pub verified_at: Option<Timestamp>,
    /// The backups a full one is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<String>,
}

/// What a restore test found of one backup.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// Whether it could be brought back and opened.
    pub success: bool,
    /// What was found, in words.
    pub message: String,
    /// The company.
    pub company_id: String,
    /// Its name.
    pub company_name: String,
    /// The provider.
    pub provider: String,
    /// The backup's full remote name.
    pub remote_path: String,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// Its size in bytes.
    pub size: u64,
    /// The verdict: `passed` or `failed`.
    pub verdict: &'static str,
    /// Why it failed.
    pub problem: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Its SHA-256, where it came.
    pub sha256: Option<Sha256>,
    /// What its bytes were compared with, as in a download.
    pub compared_with: Vec<&'static str>,
    /// What the database holds.
    pub database: Option<DatabaseFound>,
    /// What the archive holds.
    pub archive: Option<ArchiveFound>,
    /// Of a full backup: the same of its database and its storage backup.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub halves: Vec<RestoreReport>,
}

/// What was found in a database that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DatabaseFound {
    /// What `PRAGMA integrity_check` said: always `ok`.
    pub integrity: &'static str,
    /// What `PRAGMA foreign_key_check` came to: always `ok`.
    pub foreign_keys: &'static str,
    /// How many companies.
    pub companies: u64,
}

/// What was found in an archive that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveFound {
    /// Everything that has a name.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Bytes in the files.
    pub bytes: u64,
}
