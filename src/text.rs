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

/// The most alike of `candidates`, at most three, best first.
///
/// Keeps three at a time, so the candidates may be any number.
pub fn nearest<'a>(asked: &str, candidates: impl Iterator<Item = Cow<'a, str>>) -> Vec<String> {
    let asked = asked.to_lowercase();
    let mut best: Vec<(f64, String)> = Vec::new();
    for candidate in candidates {
        let folded = candidate.to_lowercase();
        let mut score = strsim::jaro_winkler(&asked, &folded);
        if !asked.is_empty() && folded.contains(&asked) {
            score = score.max(0.9);
        }
        if score > 0.75 && !best.iter().any(|(_, known)| *known == candidate) {
            best.push((score, candidate.into_owned()));
            best.sort_by(|a, b| b.0.total_cmp(&a.0));
            best.truncate(3);
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
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
        let near = nearest("acme", names.iter().map(|n| Cow::Borrowed(*n)));
        assert_eq!(near, ["acme-corp"]);
        assert!(nearest("zzz", names.iter().map(|n| Cow::Borrowed(*n))).is_empty());
    }

    #[test]
    fn system_errors_lose_their_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(system_reason(&error), "no such file or directory");
    }
}
