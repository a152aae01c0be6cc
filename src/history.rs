//! The history: who did what, when, with what result. Append-only and chained.
//!
//! A run is two rows: one when it starts, one with its verdict. [`crate::chain`]
//! ties the rows together.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Serialize, Serializer};

use crate::actor::Actor;
use crate::chain::{Fields, append};
use crate::company::Company;
use crate::failure::{Code, Failure};
use crate::hash::random_id;
use crate::lock::Lock;
use crate::redact::known_owned;
use crate::state::{State, time, unsigned, written};

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Ok,
    /// There was nothing to do.
    Skipped,
    /// It failed; the row says how.
    Failed,
    /// It was stopped by a signal, or its process died.
    Interrupted,
    /// It has no verdict yet.
    Running,
}

impl Verdict {
    /// The name in the state and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Skipped => "skipped",
            Verdict::Failed => "failed",
            Verdict::Interrupted => "interrupted",
            Verdict::Running => "running",
        }
    }

    fn parse(name: &str) -> Self {
        let all = [
            Verdict::Ok,
            Verdict::Skipped,
            Verdict::Failed,
            Verdict::Interrupted,
        ];
        all.into_iter()
            .find(|verdict| verdict.name() == name)
            .unwrap_or(Verdict::Running)
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is about to be done, written down before it is.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// The command, such as `sync`.
    pub operation: Cow<'static, str>,
    /// The company's id, where it is about one.
    pub company_id: Option<String>,
    /// The company's name at that time.
    pub company_name: Option<String>,
    /// The provider, where it is about one.
    pub provider: Option<String>,
    /// The file, remote directory or setting.
    pub target: Option<String>,
}

impl Intent {
    /// To do something to a company's file, remote directory or setting.
    pub fn of(
        operation: &'static str,
        company: &Company,
        provider: Option<&str>,
        target: impl Into<String>,
    ) -> Self {
        Intent {
            operation: operation.into(),
            company_id: Some(company.id.clone()),
            company_name: Some(company.name.clone()),
            provider: provider.map(str::to_owned),
            target: Some(target.into()),
        }
    }
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The failure's stable name.
    pub code: Option<&'static str>,
    /// In words.
    pub detail: Option<String>,
    /// Bytes moved.
    pub bytes: u64,
}

impl Outcome {
    /// It went well.
    pub fn done(verdict: Verdict, detail: impl Into<String>, bytes: u64) -> Self {
        Outcome {
            verdict,
            code: None,
            detail: Some(detail.into()),
            bytes,
        }
    }

    /// It did not.
    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        let Some(failure) = Failure::of(error) else {
            return Outcome {
                verdict: Verdict::Failed,
                code: None,
                detail: Some(error.to_string()),
                bytes: 0,
            };
        };
        let verdict = match failure.code() {
            Code::Interrupted(_) => Verdict::Interrupted,
            _ => Verdict::Failed,
        };
        Outcome {
            verdict,
            code: Some(failure.code().name()),
            detail: Some(failure.to_string()),
            bytes: 0,
        }
    }
}

/// A run without a verdict yet.
pub(crate) struct Run {
    id: String,
    intent: Intent,
}

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
    /// Only those that failed or were interrupted.
    pub failed: bool,
    /// Only those that started then or later.
    pub since: Option<Timestamp>,
    /// The newest so many.
    pub limit: usize,
}

impl State {
    /// Does something that changes something, with its row in the history.
    ///
    /// The first row is durable before `work` begins, so a full disk stops the
    /// run with nothing done. Runs under the same lock that never got a verdict
    /// are closed as interrupted: the caller holds that lock, so they are dead.
    /// Without a lock nobody closes a run whose process dies.
    ///
    /// # Errors
    /// What `work` failed with; `local_io` when the work was done and its
    /// verdict could not be written.
    pub fn recorded<T>(
        &mut self,
        intent: Intent,
        lock: Option<&Lock>,
        work: impl FnOnce(&mut State) -> anyhow::Result<(T, Outcome)>,
    ) -> anyhow::Result<T> {
        let run = self.start(intent, lock)?;
        match work(self) {
            Ok((value, outcome)) => {
                self.finish(&run, &outcome)
                    .map_err(|failure| done_but_not_recorded(&run.intent, failure))?;
                Ok(value)
            }
            Err(error) => {
                // The error at hand is the one to report; a run left open is closed by the next one.
                let _ = self.finish(&run, &Outcome::failed(&error));
                Err(error)
            }
        }
    }

    /// Gives a run that could not even be begun its row in the history: a night
    /// without a provider is a failed attempt like any other, and `status` must show it.
    ///
    /// # Errors
    /// The one given.
    pub fn attempted<T>(
        &mut self,
        intent: Intent,
        lock: &Lock,
        begun: anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        begun.or_else(|error| self.recorded(intent, Some(lock), |_| Err(error)))
    }

    /// Writes the first row of a run, durably.
    pub(crate) fn start(&mut self, intent: Intent, lock: Option<&Lock>) -> Result<Run, Failure> {
        let id = random_id().map_err(|error| Failure::new(Code::LocalIo, error.to_string()))?;
        self.transaction(|connection| {
            let lock = lock.map_or(id.as_str(), Lock::key);
            close_dead_runs(connection, lock)?;
            let seq = append(connection, event(&id, "started", &intent, None))?;
            connection.execute(
                "INSERT INTO running VALUES (?1, ?2, ?3)",
                params![id, lock, seq],
            )
        })?;
        Ok(Run { id, intent })
    }

    /// Writes the verdict of a run.
    pub(crate) fn finish(&mut self, run: &Run, outcome: &Outcome) -> Result<(), Failure> {
        self.transaction(|connection| finish(connection, run, outcome))
    }

    /// The newest runs first.
    pub fn runs(&self, query: &Query) -> Result<Vec<Entry>, Failure> {
        let sql = format!(
            "{RUNS} AND (?1 IS NULL OR s.company_id = ?1)
             AND (?2 = 0 OR f.verdict IS NULL OR f.verdict IN ('failed', 'interrupted')) AND (?3 IS NULL OR s.at >= ?3)
             ORDER BY s.seq DESC"
        );
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let values = params![query.company_id, query.failed, query.since.map(written)];
            let mut statement = self.connection.prepare(&sql)?;
            let runs = statement.query_map(values, read_entry)?;
            // Whether a run without a verdict is dead only its process tells.
            let wanted = |run: &Entry| !query.failed || run.verdict != Verdict::Running;
            runs.filter(|run| run.as_ref().map_or(true, wanted))
                .take(query.limit)
                .collect()
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
        Ok((last("AND f.verdict IN ('ok', 'skipped')")?, last("")?))
    }
}

/// Each run with its verdict, as [`read_entry`] takes it.
const RUNS: &str = "SELECT s.run, s.seq, s.at, f.at, s.operation, s.company_id, s.company_name, s.provider, s.target,
    coalesce(f.verdict, 'running'), f.code, f.detail, CAST(coalesce(f.bytes, '0') AS INTEGER), s.actor
    FROM history s LEFT JOIN history f ON f.run = s.run AND f.event = 'finished'
    WHERE s.event = 'started'";

fn done_but_not_recorded(intent: &Intent, failure: Failure) -> Failure {
    let target = intent.target.as_deref().unwrap_or_default();
    let detail = format!(
        "The {} of '{target}' was done, but the history could not be written",
        intent.operation
    );
    done_but_not_written(detail, failure).field("stored", intent.operation == "sync")
}

/// The failure for work that was done and could not be written down, as `detail` says:
/// for want of room, or because somebody asked to stop while the state was in use.
pub(crate) fn done_but_not_written(detail: String, failure: Failure) -> Failure {
    let (code, hint) = match failure.code() {
        code @ Code::Interrupted(_) => (code, "run the same command again to record it"),
        _ => (
            Code::LocalIo,
            "make room beside the database; running the same command again records it",
        ),
    };
    Failure::new(code, detail).hint(hint).caused_by(failure)
}

/// A row's columns, in the chain's order, without the secrets that are known.
fn event(run: &str, event: &str, intent: &Intent, outcome: Option<&Outcome>) -> Fields {
    let fields = [
        Some(run.to_owned()),
        Some(written(Timestamp::now())),
        Some(event.to_owned()),
        Some(intent.operation.to_string()),
        intent.company_id.clone(),
        intent.company_name.clone(),
        intent.provider.clone(),
        intent.target.clone(),
        outcome.map(|outcome| outcome.verdict.name().to_owned()),
        outcome.and_then(|outcome| outcome.code.map(str::to_owned)),
        outcome.and_then(|outcome| outcome.detail.clone()),
        outcome.map(|outcome| outcome.bytes.to_string()),
        Some(Actor::current().to_json()),
    ];
    fields.map(|field| field.map(known_owned))
}

fn finish(connection: &Connection, run: &Run, outcome: &Outcome) -> rusqlite::Result<()> {
    append(
        connection,
        event(&run.id, "finished", &run.intent, Some(outcome)),
    )?;
    connection
        .execute("DELETE FROM running WHERE run = ?1", [&run.id])
        .map(drop)
}

fn close_dead_runs(connection: &Connection, lock: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT h.run, h.operation, h.company_id, h.company_name, h.provider, h.target
         FROM running r JOIN history h ON h.seq = r.seq WHERE r.lock = ?1",
    )?;
    let dead = statement.query_map([lock], |row| {
        let intent = Intent {
            operation: Cow::Owned(row.get(1)?),
            company_id: row.get(2)?,
            company_name: row.get(3)?,
            provider: row.get(4)?,
            target: row.get(5)?,
        };
        Ok(Run {
            id: row.get(0)?,
            intent,
        })
    })?;
    for run in dead.collect::<rusqlite::Result<Vec<_>>>()? {
        let outcome = Outcome {
            verdict: Verdict::Interrupted,
            code: Some("interrupted"),
            detail: Some("its process ended without a verdict".into()),
            bytes: 0,
        };
        finish(connection, &run, &outcome)?;
    }
    Ok(())
}

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
