//! What the state knows of whole backup sets on remotes: when they were stored,
//! verified and restored for a test, and which of them are pinned.
//!
//! `status` and retention live on this; a set that is not known here was
//! stored by somebody else, or before the state was lost.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::backup::{BackupType, local_time};
use crate::catalog::{Known, OBJECT, Place};
use crate::failure::Failure;
use crate::hash::Sha256;
use crate::state::{State, signed, time, unsigned, written};

/// What is known of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSet {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub backup_type: BackupType,
    /// When it was made, by its name: the application's local time.
    pub created: Option<DateTime>,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Bytes of its files; of a full backup, its manifest's.
    pub bytes: u64,
    /// The SHA-256 of the whole, where it was taken.
    pub sha256: Option<Sha256>,
    /// When all its bytes were last compared; absent since they were found to differ.
    pub verified_at: Option<Timestamp>,
    /// When it was last restored for a test, and whether that went well.
    pub tested: Option<(Timestamp, bool)>,
}

/// What is known to lie in a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many sets.
    pub sets: u64,
    /// How many bytes.
    pub bytes: u64,
    /// When one of them was last verified.
    pub verified_at: Option<Timestamp>,
    /// When the newest of the verified ones was stored.
    pub stored_at: Option<Timestamp>,
    /// The newest set of each type, by when it was made.
    pub newest: Vec<KnownSet>,
    /// How many sets say that they were made or stored later than now.
    pub from_future: u64,
    /// When one was last restored for a test, and whether that went well.
    pub tested: Option<(Timestamp, bool)>,
}

/// What is no further ahead is not from the future: clocks differ a little, and the times in
/// names are local ones, which summer time turns back by an hour.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(2);

const COLUMNS: &str =
    "name, backup_type, created, stored_at, bytes, sha256, verified_at, tested_at, test_verdict";
const PLACE: &str = "company_id = ?1 AND provider = ?2 AND directory = ?3";

impl State {
    /// What is known of all sets in a place, by name.
    pub fn known_sets(&self, place: &Place) -> Result<HashMap<String, KnownSet>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM sets WHERE {PLACE}");
        let read = || -> rusqlite::Result<HashMap<String, KnownSet>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(place.whole(), read_set)?;
            rows.map(|row| row.map(|set| (set.name.clone(), set)))
                .collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// What is known of one set.
    pub fn known_set(&self, place: &Place, name: &str) -> Result<Option<KnownSet>, Failure> {
        let sql = format!("SELECT {COLUMNS} FROM sets WHERE {OBJECT}");
        let read = || -> rusqlite::Result<Option<KnownSet>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_row(place.key(name), read_set).optional()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Number, bytes, times and the newest of each type of all sets known in a place. What is
    /// from the future is the newest only where there is nothing else.
    pub fn totals(&self, place: &Place, now: Timestamp) -> Result<Totals, Failure> {
        let latest = now.saturating_add(AHEAD).unwrap_or(now);
        let [company, provider, directory] = place.whole();
        let (local, latest) = (local_time(latest).to_string(), written(latest));
        let sums = format!(
            "SELECT count(*), coalesce(sum(bytes), 0), max(verified_at),
             coalesce(max(CASE WHEN verified_at IS NOT NULL AND stored_at <= ?5 THEN stored_at END),
                      max(CASE WHEN verified_at IS NOT NULL THEN stored_at END)),
             coalesce(sum(coalesce(created > ?4, 0) OR stored_at > ?5), 0) FROM sets WHERE {PLACE}"
        );
        // With one max(), SQLite takes the other columns from the row that has it; a mark
        // before a time puts it before all others.
        let newest = format!(
            "SELECT {COLUMNS}, max(CASE WHEN coalesce(created > ?4, stored_at > ?5) THEN '!' ELSE '' END
             || coalesce(created, stored_at)) FROM sets WHERE {PLACE}
             GROUP BY backup_type ORDER BY backup_type"
        );
        let parameters = params![company, provider, directory, local, latest];
        let tested = format!(
            "SELECT max(tested_at), test_verdict FROM sets WHERE {PLACE} AND tested_at IS NOT NULL"
        );
        let read = || -> rusqlite::Result<Totals> {
            let mut totals =
                self.connection
                    .prepare_cached(&sums)?
                    .query_row(parameters, |row| {
                        Ok(Totals {
                            sets: unsigned(row.get(0)?),
                            bytes: unsigned(row.get(1)?),
                            verified_at: time(row.get(2)?),
                            stored_at: time(row.get(3)?),
                            from_future: unsigned(row.get(4)?),
                            ..Totals::default()
                        })
                    })?;
            if totals.sets > 0 {
                let mut statement = self.connection.prepare_cached(&newest)?;
                let rows = statement.query_map(parameters, read_set)?;
                totals.newest = rows.collect::<rusqlite::Result<_>>()?;
                let mut statement = self.connection.prepare_cached(&tested)?;
                totals.tested = statement
                    .query_row(place.whole(), |row| Ok(read_test(row.get(0)?, row.get(1)?)))?;
            }
            Ok(totals)
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Whether any set was ever restored for a test.
    pub fn has_tests(&self) -> Result<bool, Failure> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sets WHERE tested_at IS NOT NULL)";
        let found = self.connection.query_row(sql, [], |row| row.get(0));
        found.map_err(|error| self.failed(&error))
    }

    /// Remembers a set as it now stands. An earlier restore test of the same content stays known.
    pub fn record_set(&mut self, place: &Place, set: &KnownSet) -> Result<(), Failure> {
        self.transaction(|connection| remember_set(connection, place, set))
    }

    /// Remembers a set whose files were just compared, and each of them.
    pub fn record_compared(
        &mut self,
        place: &Place,
        set: &KnownSet,
        files: &[Known],
    ) -> Result<(), Failure> {
        self.transaction(|connection| {
            for known in files {
                Self::remember(connection, place, known)?;
            }
            remember_set(connection, place, set)
        })
    }

    /// Forgets a set that is gone.
    pub fn forget_set(&mut self, place: &Place, name: &str) -> Result<(), Failure> {
        self.change_set(place, name, "DELETE FROM sets WHERE", &[])
    }

    /// Notes that a set was compared: verified now, or found to differ.
    pub fn set_verified(
        &mut self,
        place: &Place,
        name: &str,
        verified_at: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let value = verified_at.map(written);
        self.change_set(
            place,
            name,
            "UPDATE sets SET verified_at = ?5 WHERE",
            &[value],
        )
    }

    /// Notes a restore test of a set.
    pub fn set_tested(
        &mut self,
        place: &Place,
        name: &str,
        at: Timestamp,
        went_well: bool,
    ) -> Result<(), Failure> {
        let verdict = if went_well { "ok" } else { "failed" };
        let values = [Some(written(at)), Some(verdict.to_owned())];
        let change = "UPDATE sets SET tested_at = ?5, test_verdict = ?6 WHERE";
        self.change_set(place, name, change, &values)
    }

    fn change_set(
        &mut self,
        place: &Place,
        name: &str,
        change: &str,
        values: &[Option<String>],
    ) -> Result<(), Failure> {
        let sql = format!("{change} {OBJECT}");
        let key = place.key(name).map(|text| Some(text.to_owned()));
        self.transaction(|connection| {
            let row = key.iter().chain(values);
            connection
                .execute(&sql, rusqlite::params_from_iter(row))
                .map(drop)
        })
    }

    /// Exempts a set from retention; whether it was not yet.
    pub fn pin(&mut self, place: &Place, name: &str) -> Result<bool, Failure> {
        let key = place.key(name).map(str::to_owned);
        let now = written(Timestamp::now());
        self.transaction(|connection| {
            let sql = "INSERT INTO pins VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
            let changed = connection.execute(sql, params![key[0], key[1], key[2], key[3], now])?;
            Ok(changed > 0)
        })
    }

    /// Takes the exemption back; whether there was one.
    pub fn unpin(&mut self, place: &Place, name: &str) -> Result<bool, Failure> {
        let sql = format!("DELETE FROM pins WHERE {OBJECT}");
        let key = place.key(name).map(str::to_owned);
        self.transaction(|connection| Ok(connection.execute(&sql, key)? > 0))
    }

    /// The names of the sets exempt from retention.
    pub fn pins(&self, place: &Place) -> Result<BTreeSet<String>, Failure> {
        let sql = format!("SELECT name FROM pins WHERE {PLACE}");
        let read = || -> rusqlite::Result<BTreeSet<String>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement
                .query_map(place.whole(), |row| row.get(0))?
                .collect()
        };
        read().map_err(|error| self.failed(&error))
    }
}

fn remember_set(connection: &Connection, place: &Place, set: &KnownSet) -> rusqlite::Result<()> {
    let [company, provider, directory] = place.whole();
    let sql = "INSERT INTO sets
         (company_id, provider, directory, name, backup_type, created, stored_at, bytes, sha256, verified_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET backup_type = ?5, created = ?6, stored_at = ?7, bytes = ?8, verified_at = ?10,
         tested_at = CASE WHEN sha256 IS ?9 THEN tested_at END,
         test_verdict = CASE WHEN sha256 IS ?9 THEN test_verdict END, sha256 = ?9";
    let row = params![
        company,
        provider,
        directory,
        set.name,
        set.backup_type.name(),
        set.created.map(|at| at.to_string()),
        written(set.stored_at),
        signed(set.bytes),
        set.sha256.map(|sha256| sha256.to_string()),
        set.verified_at.map(written),
    ];
    connection.execute(sql, row).map(drop)
}

fn read_set(row: &Row<'_>) -> rusqlite::Result<KnownSet> {
    let name: String = row.get(0)?;
    let told: String = row.get(1)?;
    let created: Option<String> = row.get(2)?;
    let sha256: Option<String> = row.get(5)?;
    Ok(KnownSet {
        backup_type: told.parse().unwrap_or_else(|_| BackupType::of_name(&name)),
        name,
        created: created.and_then(|at| at.parse().ok()),
        stored_at: time(row.get(3)?).unwrap_or_default(),
        bytes: unsigned(row.get(4)?),
        sha256: sha256.and_then(|sha256| sha256.parse().ok()),
        verified_at: time(row.get(6)?),
        tested: read_test(row.get(7)?, row.get(8)?),
    })
}

fn read_test(at: Option<String>, verdict: Option<String>) -> Option<(Timestamp, bool)> {
    Some((time(at)?, verdict? == "ok"))
}
