//! Several things done one after another: one failure does not stop the rest.

use serde::Serialize;
use serde_json::{Value, json};

use super::failure::Verdict;
use super::ui::Ui;
use crate::exit;
use crate::failure::{Code, Failure};

/// What became of each thing.
#[derive(Default)]
pub(crate) struct Batch {
    results: Vec<Value>,
    succeeded: usize,
    skipped: usize,
    exits: Vec<u8>,
}

impl Batch {
    /// Adds a success.
    pub(crate) fn done(&mut self, report: &impl Serialize, skipped: bool) {
        self.results
            .push(serde_json::to_value(report).unwrap_or_default());
        if skipped {
            self.skipped += 1;
        } else {
            self.succeeded += 1;
        }
    }

    /// Adds a failure to `what`, told at once.
    pub(crate) fn failed(&mut self, ui: &Ui, what: (&str, &str), error: &anyhow::Error) {
        let verdict = Verdict::of(error);
        verdict.print(ui);
        let mut object = verdict.to_json();
        object[what.0] = json!(what.1);
        self.results.push(object);
        self.exits.push(verdict.exit());
    }

    pub(crate) fn has_failures(&self) -> bool {
        !self.exits.is_empty()
    }

    /// Done, partial, or the code that all failures share.
    fn exit(&self) -> u8 {
        match self.exits.as_slice() {
            [] => exit::DONE,
            [first, ..]
                if self.exits.len() == self.results.len()
                    && self.exits.iter().all(|exit| exit == first) =>
            {
                *first
            }
            _ => exit::PARTIAL,
        }
    }

    /// Prints the JSON of all, or text made by `human`; the exit code.
    pub(crate) fn finish(
        self,
        ui: &Ui,
        message: &str,
        human: impl FnOnce() -> String,
    ) -> Result<u8, Failure> {
        let failed = self.exits.len();
        let exit = self.exit();
        if ui.is_json() {
            ui.json(&json!({
                "success": failed == 0,
                "message": message,
                "results": self.results,
                "count": self.results.len(),
                "succeeded": self.succeeded,
                "failed": failed,
                "skipped": self.skipped,
            }))?;
        } else if !ui.is_quiet() {
            ui.text(&human())?;
        }
        match crate::interrupt::received() {
            Some(signal) => Ok(Code::Interrupted(signal).exit()),
            None => Ok(exit),
        }
    }
}
