//! Several things done, one after another or at once: one failure does not stop the rest.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Context;
use super::failure::Verdict;
use super::ui::Ui;
use crate::exit;
use crate::failure::Failure;

/// What became of each thing.
#[derive(Default)]
pub(crate) struct Batch {
    /// Each with what it is about, as JSON text: of thousands, a value would take several times as much.
    results: Vec<(String, String)>,
    about: String,
    succeeded: usize,
    skipped: usize,
    exits: Vec<u8>,
}

impl Batch {
    /// The results that follow are about this company; results are printed company by company.
    pub(crate) fn about(&mut self, company: &str) {
        company.clone_into(&mut self.about);
    }

    fn add(&mut self, result: &impl Serialize) {
        let text = serde_json::to_string(result).unwrap_or_default();
        self.results.push((self.about.clone(), text));
    }

    /// Adds a success.
    pub(crate) fn done(&mut self, report: &impl Serialize, skipped: bool) {
        self.add(report);
        if skipped {
            self.skipped += 1;
        } else {
            self.succeeded += 1;
        }
    }

    /// Adds a verdict that is a bad one: the report says why, and ends with this code.
    pub(crate) fn bad(&mut self, report: &impl Serialize, exit: u8) {
        self.add(report);
        self.exits.push(exit);
    }

    /// Adds a failure, told at once; `what` are keys that say what failed.
    pub(super) fn failed(
        &mut self,
        context: &Context,
        what: &[(&str, &str)],
        error: &anyhow::Error,
    ) {
        let verdict = Verdict::of(error);
        verdict.print_about(&context.ui, &self.about);
        context.take_down(error, what);
        let mut object = verdict.to_json();
        for (key, value) in what {
            object[*key] = json!(value);
        }
        self.add(&object);
        self.exits.push(verdict.exit());
    }

    /// Adds what went well in part only, or not at all; its errors were told.
    pub(crate) fn partly(&mut self, report: &impl Serialize, exit: u8) {
        self.add(report);
        self.exits.push(exit);
    }

    pub(crate) fn failures(&self) -> usize {
        self.exits.len()
    }

    /// Done, partial, or the code that all failures share.
    pub(crate) fn exit(&self) -> u8 {
        exit_of(&self.exits, self.results.len())
    }

    /// Prints the JSON of all, or text made by `human`; the exit code.
    pub(crate) fn finish(
        self,
        ui: &Ui,
        message: &str,
        human: impl FnOnce() -> String,
    ) -> Result<u8, Failure> {
        let exit = self.exit();
        self.conclude(ui, message, exit, &Map::new(), human)
    }

    /// As [`Batch::finish`], with an exit code of its own and more keys behind the counts.
    pub(crate) fn conclude(
        mut self,
        ui: &Ui,
        message: &str,
        exit: u8,
        rest: &Map<String, Value>,
        human: impl FnOnce() -> String,
    ) -> Result<u8, Failure> {
        if ui.is_json() {
            self.results.sort_by(|a, b| a.0.cmp(&b.0));
            self.json(ui, message, exit, rest)?;
        } else if !ui.is_quiet() {
            ui.text(&human())?;
        }
        let Err(failure) = crate::interrupt::check() else {
            return Ok(exit);
        };
        let interrupted = failure.code().exit();
        if !self.exits.contains(&interrupted) {
            // It struck between two things, or when all were done: nobody has told of it yet.
            Verdict::of(&failure.into()).print(ui);
        }
        Ok(interrupted)
    }

    fn json(
        &self,
        ui: &Ui,
        message: &str,
        exit: u8,
        rest: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let failed = self.exits.len();
        // What was not begun any more, or could not be read, is no failure of these, but the
        // whole is no success either.
        let success = failed == 0 && exit == exit::DONE && crate::interrupt::received().is_none();
        let message = json!(message);
        ui.json_text(&format!(
            r#"{{"success":{success},"message":{message},"results":["#
        ))?;
        for (index, (_, text)) in self.results.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            ui.json_text(&format!("{comma}{text}"))?;
        }
        let rest = rest
            .iter()
            .map(|(key, value)| format!(",{}:{value}", json!(key)));
        let rest = rest.collect::<Vec<_>>().concat();
        ui.json_text(&format!(
            "],\"count\":{},\"succeeded\":{},\"failed\":{failed},\"skipped\":{}{rest}}}\n",
            self.results.len(),
            self.succeeded,
            self.skipped
        ))
    }
}

/// Done, partial, or the code that all of so many things failed with.
pub(crate) fn exit_of(failures: &[u8], all: usize) -> u8 {
    match failures {
        [] => exit::DONE,
        [first, ..] if failures.len() == all && failures.iter().all(|exit| exit == first) => *first,
        _ => exit::PARTIAL,
    }
}
