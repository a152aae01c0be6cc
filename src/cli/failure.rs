//! From an error to what the user sees: text on stderr, JSON on stdout, an exit code.

use serde_json::{Map, Value, json};

use super::ui::Ui;
use crate::exit;
use crate::failure::Failure;

/// What an error comes to, found once in its chain.
pub(crate) struct Verdict<'a> {
    detail: String,
    causes: Vec<String>,
    failure: Option<&'a Failure>,
}

impl<'a> Verdict<'a> {
    pub(crate) fn of(error: &'a anyhow::Error) -> Self {
        let failure = Failure::of(error);
        // What was said around a settled failure adds nothing to it.
        let start = error
            .chain()
            .position(<dyn std::error::Error>::is::<Failure>)
            .unwrap_or(0);
        let mut chain = error.chain().skip(start).map(ToString::to_string);
        let detail = chain.next().unwrap_or_default();
        let causes = chain
            .filter(|cause| !detail.contains(cause.as_str()))
            .collect();
        Verdict {
            detail,
            causes,
            failure,
        }
    }

    /// The process's exit code.
    pub(crate) fn exit(&self) -> u8 {
        self.failure
            .map_or(exit::UNEXPECTED, |failure| failure.code().exit())
    }

    /// Prints `error:`, `caused by:` and `hint:` lines.
    pub(crate) fn print(&self, ui: &Ui) {
        self.print_about(ui, "");
    }

    /// As [`Verdict::print`], beginning with what it is about, where that is said.
    pub(crate) fn print_about(&self, ui: &Ui, about: &str) {
        let about = if about.is_empty() {
            String::new()
        } else {
            format!("{about}: ")
        };
        ui.error(
            &format!("{about}{}", self.detail),
            &self.causes,
            self.failure.and_then(Failure::hint_text),
        );
    }

    /// The contract's JSON error.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("success".into(), false.into());
        let code = self.failure.map(Failure::code);
        object.insert(
            "status".into(),
            json!(code.map_or(500, crate::failure::Code::status)),
        );
        object.insert(
            "code".into(),
            json!(code.map_or("unexpected", crate::failure::Code::name)),
        );
        object.insert("detail".into(), json!(self.detail));
        object.insert(
            "hint".into(),
            json!(self.failure.and_then(Failure::hint_text)),
        );
        object.insert("exit_code".into(), json!(self.exit()));
        object.insert(
            "retryable".into(),
            json!(self.failure.is_some_and(Failure::is_retryable)),
        );
        for (key, value) in self.failure.map(Failure::fields).unwrap_or_default() {
            object.insert((*key).into(), value.clone());
        }
        if !self.causes.is_empty() {
            object.insert("causes".into(), json!(self.causes));
        }
        Value::Object(object)
    }

    /// Prints the error in every form asked for; its exit code.
    pub(crate) fn report(&self, ui: &Ui) -> u8 {
        self.print(ui);
        if ui.is_json() && ui.json(&self.to_json()).is_err() {
            // The error was told on stderr; a second one about the first helps nobody.
            return exit::LOCAL_IO;
        }
        self.exit()
    }
}
