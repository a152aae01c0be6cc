//! What the library tells of itself, and of its own defects.

use super::ui::Stderr;
use crate::redact::known;
use crate::text::printable;

/// What the library logs. Only ours: others log addresses that are secrets.
pub(super) struct Log(Stderr);

impl Log {
    pub(super) fn to(stderr: Stderr) -> Self {
        Log(stderr)
    }
}

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("vertex_backup")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            match record.level() {
                log::Level::Error | log::Level::Warn => self.0.line("warning", "33", &text),
                _ => self.0.line("info", "2", &text),
            }
        }
    }

    fn flush(&self) {}
}

/// The line about a panic: in one piece, without what its words may hold.
pub(super) fn defect_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ");
    let text = printable(&known(&text)).into_owned();
    format!("error: this is a defect of vertex-backup: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_defect_is_told_without_secrets() {
        let secret = Secret::new("canary-of-a-defect");
        let text = format!("panicked at src/x.rs:1:2:\n\u{1b}{}", secret.expose());
        assert_eq!(
            defect_line(&text),
            "error: this is a defect of vertex-backup: panicked at src/x.rs:1:2: \\u{1b}[redacted]\n"
        );
    }
}
