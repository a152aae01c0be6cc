//! Reading the history: runs, each of its two rows together.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use super::Verdict;
use crate::actor::Actor;
use crate::failure::Failure;
use crate::state::{State, signed, time, unsigned, written};

/// One run, its two rows read together.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The run's id.
    pub run: String,
    /// The number of its first row.
    pub seq: u64,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, if it did.
    pub finished_at: Option<Timestamp>,
    /// What was done.
    pub operation: String,
    /// The company's id.
    pub company_id: Option<String>,
    /// The company's name then.
    pub company_name: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The file, directory or setting.
    pub target: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// The failure's stable name.
    pub code: Option<String>,
    /// In words.
    pub detail: Option<String>,
    /// Bytes moved.
    pub bytes: u64,
    /// Who did it.
    pub actor: Actor,
}

/// Which runs are asked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Only this company's.
    pub company_id: Option<String>,
    /// Only those that failed, were refused or were interrupted.
    pub failed: bool,
    /// Only those that started then or later.
    pub since: Option<Timestamp>,
    /// The newest so many; all without it.
    pub limit: Option<usize>,
}

/// How many runs are read at once: memory does not grow with the history.
const PAGE: usize = 500;

impl State {
    /// The newest runs first, a page at a time; how many there were.
    ///
    /// # Errors
    /// When the history cannot be read; what `each` fails with.
    pub fn runs(
        &self,
        query: &Query,
        mut each: impl FnMut(&[Entry]) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let (mut before, mut count) = (None, 0);
        loop {
            let mut page = self.page(query, before)?;
            let is_last = page.len() < PAGE;
            before = page.last().map(|run| run.seq);
            // Whether a run without a verdict is dead only its process tells.
            page.retain(|run| !query.failed || run.verdict != Verdict::Running);
            page.truncate(query.limit.map_or(usize::MAX, |limit| limit - count));
            count += page.len();
            if !page.is_empty() {
                each(&page)?;
            }
            if is_last || query.limit == Some(count) {
                return Ok(count);
            }
        }
    }

    fn page(&self, query: &Query, before: Option<u64>) -> Result<Vec<Entry>, Failure> {
        let sql = format!(
            "{RUNS} AND (?1 IS NULL OR s.company_id = ?1)
             AND (?2 = 0 OR f.verdict IS NULL OR f.verdict IN ('failed', 'refused', 'interrupted'))
             AND (?3 IS NULL OR s.at >= ?3) AND (?4 IS NULL OR s.seq < ?4)
             ORDER BY s.seq DESC LIMIT {PAGE}"
        );
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let values = params![
                query.company_id,
                query.failed,
                query.since.map(written),
                before.map(signed)
            ];
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map(values, read_entry)?.collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// A company's last run of an operation that ended well, and its last run at all.
    pub fn last_runs(
        &self,
        company_id: &str,
        operation: &str,
    ) -> Result<(Option<Entry>, Option<Entry>), Failure> {
        let last = |condition: &str| {
            let sql = format!(
                "{RUNS} AND s.company_id = ?1 AND s.operation = ?2 {condition} ORDER BY s.seq DESC LIMIT 1"
            );
            let row = self.connection.prepare_cached(&sql);
            let row = row.and_then(|mut last| {
                last.query_row([company_id, operation], read_entry)
                    .optional()
            });
            row.map_err(|error| self.failed(&error))
        };
        // What was refused was no attempt: another run was at it, or nothing was asked for that could be done.
        Ok((
            last("AND f.verdict IN ('ok', 'skipped')")?,
            last("AND f.verdict IS NOT 'refused'")?,
        ))
    }
}

/// Each run with its verdict, as [`read_entry`] takes it.
const RUNS: &str = "SELECT s.run, s.seq, s.at, f.at, s.operation, s.company_id, s.company_name, s.provider, s.target,
    coalesce(f.verdict, 'running'), f.code, f.detail, CAST(coalesce(f.bytes, '0') AS INTEGER), s.actor
    FROM history s LEFT JOIN history f ON f.run = s.run AND f.event = 'finished'
    WHERE s.event = 'started'";

fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let verdict: String = row.get(9)?;
    let actor = Actor::from_json(&row.get::<_, String>(13)?);
    let verdict = match Verdict::parse(&verdict) {
        Verdict::Running if actor.is_gone() => Verdict::Interrupted,
        verdict => verdict,
    };
    Ok(Entry {
        run: row.get(0)?,
        seq: unsigned(row.get(1)?),
        started_at: time(row.get(2)?).unwrap_or_default(),
        finished_at: time(row.get(3)?),
        operation: row.get(4)?,
        company_id: row.get(5)?,
        company_name: row.get(6)?,
        provider: row.get(7)?,
        target: row.get(8)?,
        verdict,
        code: row.get(10)?,
        detail: row.get(11)?,
        bytes: unsigned(row.get(12)?),
        actor,
    })
}
