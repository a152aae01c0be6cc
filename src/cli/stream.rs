//! One JSON document with a long array in it, written page by page.

use serde::Serialize;
use serde_json::{Map, Value};

use super::ui::Ui;

/// `{"success":…,"KEY":[…],…}`, begun when the first page is there: until
/// then a failure can still be the only document on stdout.
pub(crate) struct JsonList<'a> {
    ui: &'a Ui,
    start: String,
    count: usize,
}

impl<'a> JsonList<'a> {
    pub(crate) fn new(ui: &'a Ui, key: &str, success: bool) -> Self {
        JsonList {
            ui,
            start: format!(r#"{{"success":{success},"{key}":["#),
            count: 0,
        }
    }

    /// Writes a page of entries.
    pub(crate) fn page<T: Serialize>(
        &mut self,
        entries: impl Iterator<Item = T>,
    ) -> anyhow::Result<()> {
        let mut text = String::new();
        for entry in entries {
            text.push_str(if self.count == 0 { &self.start } else { "," });
            text.push_str(&serde_json::to_string(&entry)?);
            self.count += 1;
        }
        Ok(self.ui.json_text(&text)?)
    }

    /// Writes the count and what else belongs behind the array.
    pub(crate) fn finish(self, rest: &Map<String, Value>) -> anyhow::Result<()> {
        let start = if self.count == 0 {
            self.start.as_str()
        } else {
            ""
        };
        let rest = serde_json::to_string(rest)?;
        // The rest's own braces make the document's end.
        let rest = rest
            .strip_prefix('{')
            .filter(|rest| *rest != "}")
            .map_or("}".into(), |rest| format!(",{rest}"));
        Ok(self
            .ui
            .json_text(&format!("{start}],\"count\":{}{rest}\n", self.count))?)
    }
}
