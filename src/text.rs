//! Text from the world outside, made fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// Escapes what would act on a terminal instead of being read.
///
/// Control characters (C0, DEL, C1), line and paragraph separators and the
/// bidirectional overrides become `\n`, `\u{1b}`, `\u{202e}` and so on. Text
/// without any is borrowed as it is.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminal) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts_on_terminal(c) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// As [`printable`], but keeps line breaks: for whole messages.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// Whether a character moves the cursor, changes the direction of writing, or
/// starts a terminal command.
pub fn acts_on_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{061c}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Percent-encodes a value for a query or a form, so that nothing in it is anything but data.
pub fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const DATA: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, DATA).to_string()
}

/// What the system says of an error, without `(os error 2)`, in lower case.
pub fn system_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => "unknown reason".into(),
    }
}

/// A number with its noun: `1 backup`, `2 backups`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number of backups in words.
pub fn backups(count: usize) -> String {
    counted(count, "backup", "backups")
}

/// A number of companies in words.
pub fn companies(count: usize) -> String {
    counted(count, "company", "companies")
}

/// Longer names, in bytes, are not compared letter by letter.
const LONGEST_NEAR: usize = 512;

/// The few most alike of any number of candidates.
pub struct Nearest {
    asked: String,
    best: Vec<(f64, String)>,
}

impl Nearest {
    /// Candidates for what was asked.
    pub fn to(asked: &str) -> Self {
        Nearest {
            asked: asked.to_lowercase(),
            best: Vec::new(),
        }
    }

    /// Considers a candidate under all its names; keeps at most three.
    pub fn offer<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        label: impl FnOnce() -> String,
    ) {
        let likeness = names
            .into_iter()
            .map(|name| self.likeness(name))
            .fold(0.0, f64::max);
        if likeness > 0.8 {
            self.best.push((likeness, label()));
            self.best.sort_by(|a, b| b.0.total_cmp(&a.0));
            self.best.truncate(3);
        }
    }

    fn likeness(&self, name: &str) -> f64 {
        let name = name.to_lowercase();
        let part_of_it = self.asked.chars().count() >= 3 && name.contains(&self.asked);
        // What takes long to compare is not what somebody wanted to type.
        let is_short = name.len().max(self.asked.len()) <= LONGEST_NEAR;
        let likeness = if is_short {
            strsim::jaro_winkler(&self.asked, &name)
        } else {
            0.0
        };
        likeness.max(if part_of_it { 0.9 } else { 0.0 })
    }

    /// The labels of the most alike, best first.
    pub fn labels(self) -> Vec<String> {
        self.best.into_iter().map(|(_, label)| label).collect()
    }
}

/// The most alike name, if one is alike enough.
pub fn nearest<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut nearest = Nearest::to(asked);
    for name in names {
        nearest.offer([name], || name.to_owned());
    }
    nearest.labels().into_iter().next()
}

/// Bytes as people read them: `15.4 MiB`, `0 B`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // From 1023.95 on, one decimal would print "1024.0".
    while value >= 1023.95 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A word as it can be typed into a shell.
pub fn shell_word(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_only_what_acts() {
        assert_eq!(printable("ООО «Ромашка» 🌼"), "ООО «Ромашка» 🌼");
        assert_eq!(
            printable("a\nb\x1b]52;c\u{7}\u{202e}"),
            "a\\nb\\u{1b}]52;c\\u{7}\\u{202e}"
        );
        assert_eq!(printable("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn sizes_never_read_1024_of_a_unit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(16_169_042), "15.4 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn suggests_what_looks_alike() {
        let names = ["acme-corp", "widget-inc", "globex"];
        assert_eq!(nearest("acme", names).as_deref(), Some("acme-corp"));
        assert_eq!(nearest("Globx", names).as_deref(), Some("globex"));
        for far in ["zzz", "x", ""] {
            assert_eq!(nearest(far, names), None, "{far}");
        }
    }

    #[test]
    fn system_errors_lose_their_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(system_reason(&error), "no such file or directory");
    }
}
