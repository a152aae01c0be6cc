//! The retention policies in the state: of companies, and the default for all.
//!
//! For each type the most particular one is in force, whole: rules of two
//! policies are never mixed. One that cannot be read is an error, never "none".

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use crate::backup::BackupType;
use crate::failure::{Code, Failure};
use crate::retention::Policy;
use crate::state::{State, time, written};

/// Whom a policy is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// One company, or all that have none of their own.
    pub company_id: Option<String>,
    /// Backups of one type, or of all types without one of their own.
    pub backup_type: Option<BackupType>,
}

impl Scope {
    /// As it is stored: an empty text stands for all.
    fn key(&self) -> [&str; 2] {
        [
            self.company_id.as_deref().unwrap_or_default(),
            self.backup_type.map_or("", BackupType::name),
        ]
    }
}

/// A policy and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Whom it is for.
    pub scope: Scope,
    /// What is kept.
    pub policy: Policy,
    /// When it was set.
    pub changed_at: Timestamp,
}

/// Where the policy in force comes from, the most particular first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The company's, for this type.
    CompanyType,
    /// The company's, for all types.
    Company,
    /// The default for this type.
    DefaultType,
    /// The default for all types.
    Default,
}

impl Source {
    /// As people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Source::CompanyType => "the company, this type",
            Source::Company => "the company",
            Source::DefaultType => "default, this type",
            Source::Default => "default",
        }
    }
}

/// The policies in force, by type.
pub type InForce = BTreeMap<BackupType, (Policy, Source)>;

impl State {
    /// Sets the policy of a scope, in place of the one it had.
    pub fn set_policy(&mut self, scope: &Scope, policy: &Policy) -> Result<(), Failure> {
        let unwritable = |error| Failure::new(Code::LocalIo, format!("{error}"));
        let text = serde_json::to_string(policy).map_err(unwritable)?;
        let now = written(Timestamp::now());
        let [company, kind] = scope.key().map(str::to_owned);
        self.transaction(|connection| {
            let sql = "INSERT OR REPLACE INTO policies VALUES (?1, ?2, ?3, ?4)";
            connection
                .execute(sql, params![company, kind, text, now])
                .map(drop)
        })
    }

    /// Takes the policy of a scope away; whether there was one.
    pub fn unset_policy(&mut self, scope: &Scope) -> Result<bool, Failure> {
        let key = scope.key().map(str::to_owned);
        self.transaction(|connection| {
            let sql = "DELETE FROM policies WHERE company_id = ?1 AND backup_type = ?2";
            Ok(connection.execute(sql, key)? > 0)
        })
    }

    /// All policies, the defaults first.
    pub fn policies(&self) -> Result<Vec<StoredPolicy>, Failure> {
        let sql = "SELECT company_id, backup_type, policy, changed_at FROM policies
                   ORDER BY company_id, backup_type";
        let read = || -> rusqlite::Result<Vec<Raw>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([], read_raw)?.collect()
        };
        let rows = read().map_err(|error| self.failed(&error))?;
        rows.into_iter().map(Raw::parse).collect()
    }

    /// The policies in force for a company; without one, those for all companies.
    pub fn policies_for(&self, company_id: Option<&str>) -> Result<InForce, Failure> {
        let mut found = InForce::new();
        for kind in BackupType::ALL {
            let scopes = [
                (company_id, Some(kind), Source::CompanyType),
                (company_id, None, Source::Company),
                (None, Some(kind), Source::DefaultType),
                (None, None, Source::Default),
            ];
            let skip = if company_id.is_none() { 2 } else { 0 };
            for (company_id, backup_type, source) in scopes.into_iter().skip(skip) {
                let company_id = company_id.map(str::to_owned);
                let scope = Scope {
                    company_id,
                    backup_type,
                };
                if let Some(stored) = self.policy(&scope)? {
                    found.insert(kind, (stored.policy, source));
                    break;
                }
            }
        }
        Ok(found)
    }

    fn policy(&self, scope: &Scope) -> Result<Option<StoredPolicy>, Failure> {
        let sql = "SELECT company_id, backup_type, policy, changed_at FROM policies
                   WHERE company_id = ?1 AND backup_type = ?2";
        let found = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut policy| policy.query_row(scope.key(), read_raw).optional());
        let found = found.map_err(|error| self.failed(&error))?;
        found.map(Raw::parse).transpose()
    }
}

/// A row as it is stored.
struct Raw {
    company_id: String,
    backup_type: String,
    policy: String,
    changed_at: Option<String>,
}

fn read_raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        company_id: row.get(0)?,
        backup_type: row.get(1)?,
        policy: row.get(2)?,
        changed_at: row.get(3)?,
    })
}

impl Raw {
    fn parse(self) -> Result<StoredPolicy, Failure> {
        let whom = if self.company_id.is_empty() {
            "for all companies".to_owned()
        } else {
            format!("of company '{}'", self.company_id)
        };
        let unreadable = || {
            let detail = format!("The retention policy {whom} cannot be read");
            Failure::new(Code::DatabaseInvalid, detail)
                .hint("set it anew: vertex-backup retention set")
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let kind = some(&self.backup_type).map(|kind| kind.parse()).transpose();
        let policy: Option<Policy> = serde_json::from_str(&self.policy).ok();
        Ok(StoredPolicy {
            scope: Scope {
                company_id: some(&self.company_id),
                backup_type: kind.map_err(|_| unreadable())?,
            },
            // One that keeps nothing was not written by us.
            policy: policy
                .and_then(|policy| policy.check().ok())
                .ok_or_else(unreadable)?,
            changed_at: time(self.changed_at).unwrap_or_default(),
        })
    }
}
