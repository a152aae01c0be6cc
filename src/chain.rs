//! The chain of the history: each row carries the hash of the row before it and
//! of its own fields, so an altered, removed or inserted row shows.
//!
//! The number and hash of the last row stand apart, so a cut tail shows too.
//! Somebody who may write the file can still forge a whole new chain; the head
//! that `history --check` prints, kept elsewhere, shows even that.

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::hash::{Hasher, Sha256};
use crate::state::{State, signed, unsigned};

/// A chain that holds.
#[derive(Clone, Debug, Serialize)]
pub struct Chain {
    /// How many rows.
    pub rows: u64,
    /// The hash of the last one; empty for an empty history.
    pub head: String,
}

/// How many columns a row has besides its number and the two hashes.
const FIELDS: usize = 13;

/// A row's columns, in the order of [`COLUMNS`].
pub(crate) type Fields = [Option<String>; FIELDS];

/// One row as it is stored and hashed.
struct Link {
    seq: i64,
    fields: Fields,
    previous: String,
    hash: String,
}

impl Link {
    /// Over the number and each field with its length, so that no two rows read alike.
    fn digest(&self) -> Sha256 {
        let mut hasher = Hasher::new();
        hasher.update(&self.seq.to_be_bytes());
        let previous = Some(&self.previous);
        for field in self.fields.iter().map(Option::as_ref).chain([previous]) {
            match field {
                Some(text) => {
                    hasher.update(&[1]);
                    hasher.update(&(text.len() as u64).to_be_bytes());
                    hasher.update(text.as_bytes());
                }
                None => hasher.update(&[0]),
            }
        }
        hasher.finish()
    }
}

const COLUMNS: &str =
    "seq, run, at, event, operation, company_id, company_name, provider, target, verdict, code,
    detail, bytes, actor, previous, hash";

/// Anything but text and NULL is not what was written, and an error.
fn read_link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let mut fields = [const { None }; FIELDS];
    for (index, field) in fields.iter_mut().enumerate() {
        *field = row.get(index + 1)?;
    }
    Ok(Link {
        seq: row.get(0)?,
        fields,
        previous: row.get(FIELDS + 1)?,
        hash: row.get(FIELDS + 2)?,
    })
}

/// Adds a row at the end; its number.
pub(crate) fn append(connection: &Connection, fields: Fields) -> rusqlite::Result<i64> {
    let head = "SELECT seq, hash FROM history_head";
    let (last, previous): (i64, String) =
        connection.query_row(head, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut link = Link {
        seq: last + 1,
        fields,
        previous,
        hash: String::new(),
    };
    link.hash = link.digest().to_string();
    let places: Vec<_> = (1..=FIELDS + 3).map(|place| format!("?{place}")).collect();
    let insert = format!(
        "INSERT INTO history ({COLUMNS}) VALUES ({})",
        places.join(", ")
    );
    let mut values: Vec<&dyn rusqlite::ToSql> = vec![&link.seq];
    values.extend(
        link.fields
            .iter()
            .map(|field| field as &dyn rusqlite::ToSql),
    );
    values.extend([&link.previous as &dyn rusqlite::ToSql, &link.hash]);
    connection.execute(&insert, values.as_slice())?;
    connection.execute(
        "UPDATE history_head SET seq = ?1, hash = ?2",
        params![link.seq, link.hash],
    )?;
    Ok(link.seq)
}

impl State {
    /// The number of rows and the hash of the last, as they stand apart; nothing is checked.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn head(&self) -> Result<Chain, Failure> {
        let read = |row: &Row<'_>| {
            Ok(Chain {
                rows: unsigned(row.get(0)?),
                head: row.get(1)?,
            })
        };
        let head = self
            .connection
            .query_row("SELECT seq, hash FROM history_head", [], read);
        head.map_err(|error| self.failed(&error))
    }

    /// Follows the whole chain.
    ///
    /// `expected` is a head noted earlier: it must still be one of the rows.
    ///
    /// # Errors
    /// `history_broken`, naming the first row that does not fit.
    pub fn check_history(&self, expected: Option<&str>) -> Result<Chain, Failure> {
        // One snapshot: another run may append while this one reads.
        let snapshot = self
            .connection
            .unchecked_transaction()
            .map_err(|error| self.failed(&error))?;
        let sql = format!("SELECT {COLUMNS} FROM history ORDER BY seq");
        let mut statement = snapshot
            .prepare(&sql)
            .map_err(|_| broken(0, "its table is gone"))?;
        let mut rows = statement.query([]).map_err(|error| self.failed(&error))?;
        let (mut seq, mut head, mut met) = (0, String::new(), false);
        while let Some(row) = rows.next().map_err(|error| self.failed(&error))? {
            let link =
                read_link(row).map_err(|_| broken(seq + 1, "it was altered: it cannot be read"))?;
            if link.seq != seq + 1 {
                return Err(broken(seq + 1, "it was removed"));
            }
            if link.previous != head {
                return Err(broken(link.seq, "it does not follow the row before it"));
            }
            if link.digest().to_string() != link.hash {
                return Err(broken(link.seq, "it was altered"));
            }
            met |= expected == Some(link.hash.as_str());
            (seq, head) = (link.seq, link.hash);
        }
        let stored = snapshot.query_row("SELECT seq, hash FROM history_head", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        let stored: (i64, String) =
            stored.map_err(|_| broken(seq, "the head that stands apart is gone"))?;
        if stored != (seq, head.clone()) {
            return Err(broken(
                stored.0.max(seq),
                "the last rows were removed or added",
            ));
        }
        let chain = Chain {
            rows: unsigned(seq),
            head,
        };
        if met {
            Ok(chain)
        } else {
            chain.check_head(expected)
        }
    }
}

impl Chain {
    /// The history of an installation that has none yet.
    pub fn empty() -> Self {
        Chain {
            rows: 0,
            head: String::new(),
        }
    }

    /// Fails when a head noted earlier is asked for, and none of the rows has it.
    ///
    /// # Errors
    /// `history_broken`.
    pub fn check_head(self, expected: Option<&str>) -> Result<Self, Failure> {
        match expected {
            None | Some("") => Ok(self),
            Some(_) => Err(broken(
                signed(self.rows),
                "the head noted earlier is not part of it",
            )),
        }
    }
}

fn broken(seq: i64, why: &str) -> Failure {
    Failure::new(
        Code::HistoryBroken,
        format!("The history is broken at row {seq}: {why}"),
    )
    .field("row", seq)
    .hint("somebody changed the state file; compare it with a backup of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as the program writes them, each field another one.
    fn link(seq: i64) -> Link {
        let mut fields = [const { None }; FIELDS];
        for (index, field) in fields.iter_mut().enumerate() {
            // Fields that are empty, absent or each other's beginning must not be mistaken.
            *field = match (index + usize::try_from(seq).unwrap()) % 4 {
                0 => None,
                1 => Some(String::new()),
                2 => Some(format!("{index}")),
                _ => Some(format!("{index} {seq}")),
            };
        }
        Link {
            seq,
            fields,
            previous: format!("{seq:064}"),
            hash: String::new(),
        }
    }

    #[test]
    fn s12_every_column_of_every_row_is_in_its_hash() {
        let mut seen = std::collections::HashSet::new();
        for seq in 1..=1000 {
            let whole = link(seq).digest();
            assert!(seen.insert(whole), "row {seq}");
            for index in 0..FIELDS {
                let mut forms = vec![None, Some(String::new()), Some("x".to_owned())];
                forms.retain(|form| *form != link(seq).fields[index]);
                for form in forms {
                    let mut altered = link(seq);
                    altered.fields[index] = form;
                    assert_ne!(altered.digest(), whole, "row {seq}, field {index}");
                }
                if index > 0 {
                    // The same text in the field beside it is another row.
                    let mut moved = link(seq);
                    moved.fields.swap(index - 1, index);
                    let is_same = moved.fields == link(seq).fields;
                    assert_eq!(moved.digest() == whole, is_same, "row {seq}, field {index}");
                }
            }
            let mut altered = link(seq);
            altered.previous = format!("{:064}", seq + 1);
            assert_ne!(altered.digest(), whole, "row {seq}");
            altered = link(seq);
            altered.seq += 4000;
            assert_ne!(altered.digest(), whole, "row {seq}");
        }
    }
}
