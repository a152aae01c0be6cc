//! The history: who did what, when, with what result. Append-only and chained.
//!
//! A run is two rows: one when it starts, one with its verdict. [`crate::chain`]
//! ties the rows together. What was refused before it began has its two rows, too.

mod entry;

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Serialize, Serializer};

use crate::actor::Actor;
use crate::chain::{Fields, append};
use crate::company::Company;
use crate::failure::{Code, Failure};
use crate::hash::random_id;
use crate::lock::{Lock, in_use};
use crate::redact::known_owned;
use crate::state::{State, time, written};

pub use self::entry::{Entry, Query};

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Ok,
    /// There was nothing to do.
    Skipped,
    /// It failed; the row says how.
    Failed,
    /// It was not even begun; the row says why.
    Refused,
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
            Verdict::Refused => "refused",
            Verdict::Interrupted => "interrupted",
            Verdict::Running => "running",
        }
    }

    fn parse(name: &str) -> Self {
        let all = [
            Verdict::Ok,
            Verdict::Skipped,
            Verdict::Failed,
            Verdict::Refused,
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

    /// As [`Outcome::failed`], of what never began: most such errors are refusals.
    fn refused(error: &anyhow::Error) -> Self {
        let mut outcome = Outcome::failed(error);
        if Failure::of(error).is_some_and(|failure| failure.code().is_refusal()) {
            outcome.verdict = Verdict::Refused;
        }
        outcome
    }
}

/// Marks an error as one that the history has.
pub(crate) fn note_recorded(error: &anyhow::Error) {
    if let Some(failure) = Failure::of(error) {
        failure.note_recorded();
    }
}

/// A run without a verdict yet.
pub(crate) struct Run {
    id: String,
    intent: Intent,
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
        let result = match work(self) {
            Ok((value, outcome)) => self
                .finish(&run, &outcome)
                .map(|()| value)
                .map_err(|failure| done_but_not_recorded(&run.intent, failure).into()),
            Err(error) => {
                // The error at hand is the one to report; a run left open is closed by the next one.
                let _ = self.finish(&run, &Outcome::failed(&error));
                Err(error)
            }
        };
        result.inspect_err(note_recorded)
    }

    /// Gives what was refused before it began, or failed on the way to that, its two rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn refused(&mut self, intent: &Intent, error: &anyhow::Error) -> Result<(), Failure> {
        let id = random_id().map_err(|error| Failure::new(Code::LocalIo, error.to_string()))?;
        let outcome = Outcome::refused(error);
        self.transaction(|connection| {
            append(connection, event(&id, "started", intent, None))?;
            append(connection, event(&id, "finished", intent, Some(&outcome))).map(drop)
        })
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
    ///
    /// # Errors
    /// `locked` when another run is under the same lock: somebody removed the lock's file meanwhile.
    pub(crate) fn start(&mut self, intent: Intent, lock: Option<&Lock>) -> Result<Run, Failure> {
        let id = random_id().map_err(|error| Failure::new(Code::LocalIo, error.to_string()))?;
        self.transaction(|connection| {
            let lock = lock.map_or(id.as_str(), Lock::key);
            if let Some(failure) = close_dead_runs(connection, lock)? {
                return Ok(Err(failure));
            }
            let seq = append(connection, event(&id, "started", &intent, None))?;
            let insert = "INSERT INTO running VALUES (?1, ?2, ?3)";
            connection.execute(insert, params![id, lock, seq]).map(Ok)
        })??;
        Ok(Run { id, intent })
    }

    /// Writes the verdict of a run.
    pub(crate) fn finish(&mut self, run: &Run, outcome: &Outcome) -> Result<(), Failure> {
        self.transaction(|connection| finish(connection, run, outcome))
    }
}

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

/// Gives dead runs under a lock their verdict. The caller holds the lock, so nobody else
/// should; the failure for who does all the same.
fn close_dead_runs(connection: &Connection, lock: &str) -> rusqlite::Result<Option<Failure>> {
    let mut statement = connection.prepare(
        "SELECT h.run, h.operation, h.company_id, h.company_name, h.provider, h.target, h.at, h.actor
         FROM running r JOIN history h ON h.seq = r.seq WHERE r.lock = ?1",
    )?;
    let found = statement.query_map([lock], |row| {
        let intent = Intent {
            operation: Cow::Owned(row.get(1)?),
            company_id: row.get(2)?,
            company_name: row.get(3)?,
            provider: row.get(4)?,
            target: row.get(5)?,
        };
        let run = Run {
            id: row.get(0)?,
            intent,
        };
        let since = time(row.get(6)?).unwrap_or_default();
        Ok((run, since, Actor::from_json(&row.get::<_, String>(7)?)))
    })?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    if let Some((run, since, actor)) = found.iter().find(|(.., actor)| actor.is_another_alive()) {
        return Ok(Some(in_use(lock, &run.intent.operation, *since, actor)));
    }
    for (run, ..) in found {
        let outcome = Outcome {
            verdict: Verdict::Interrupted,
            code: Some("interrupted"),
            detail: Some("its process ended without a verdict".into()),
            bytes: 0,
        };
        finish(connection, &run, &outcome)?;
    }
    Ok(None)
}
