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
use crate::state::{State, unsigned};

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

fn read_link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let mut fields = [const { None }; FIELDS];
    for (index, field) in fields.iter_mut().enumerate() {
        // The count of bytes is a number; everything is hashed as text.
        *field = match row.get_ref(index + 1)? {
            rusqlite::types::ValueRef::Integer(number) => Some(number.to_string()),
            rusqlite::types::ValueRef::Null => None,
            cell => Some(String::from_utf8_lossy(cell.as_bytes().unwrap_or_default()).into_owned()),
        };
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
    /// Follows the whole chain.
    ///
    /// `expected` is a head noted earlier: it must still be one of the rows.
    ///
    /// # Errors
    /// `history_broken`, naming the first row that does not fit.
    pub fn check_history(&self, expected: Option<&str>) -> Result<Chain, Failure> {
        let broken = |seq: i64, why: &str| {
            Err(Failure::new(
                Code::HistoryBroken,
                format!("The history is broken at row {seq}: {why}"),
            )
            .field("row", seq)
            .hint("somebody changed the state file; compare it with a backup of it"))
        };
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM history ORDER BY seq"))
            .map_err(|e| self.failed(&e))?;
        let mut rows = statement.query([]).map_err(|error| self.failed(&error))?;
        let (mut seq, mut head, mut met) = (0, String::new(), expected.is_none_or(str::is_empty));
        while let Some(row) = rows.next().map_err(|error| self.failed(&error))? {
            let Ok(link) = read_link(row) else {
                return broken(seq + 1, "it cannot be read");
            };
            if link.seq != seq + 1 {
                return broken(seq + 1, "it was removed");
            }
            if link.previous != head {
                return broken(link.seq, "it does not follow the row before it");
            }
            if link.digest().to_string() != link.hash {
                return broken(link.seq, "it was altered");
            }
            met |= expected == Some(link.hash.as_str());
            (seq, head) = (link.seq, link.hash);
        }
        let stored: (i64, String) = self
            .connection
            .query_row("SELECT seq, hash FROM history_head", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(|error| self.failed(&error))?;
        if stored != (seq, head.clone()) {
            return broken(stored.0.max(seq), "the last rows were removed or added");
        }
        if !met {
            return broken(seq, "the head noted earlier is not part of it any more");
        }
        Ok(Chain {
            rows: unsigned(seq),
            head,
        })
    }
}
