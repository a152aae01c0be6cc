//! Lengths of time as operators type and read them: `90s`, `26h`, `7d`.

use std::fmt::Write as _;
use std::time::Duration;

/// The units that are understood, in seconds, longest first.
const UNITS: [(&str, u64); 5] = [
    ("w", 604_800),
    ("d", 86_400),
    ("h", 3600),
    ("m", 60),
    ("s", 1),
];

/// Reads `90s`, `5m`, `26h`, `7d`, `2w`, sums of them (`1h30m`), `500ms` or a bare `0`.
///
/// # Errors
/// Says what is understood, for anything else.
pub fn parse(text: &str) -> Result<Duration, String> {
    let refuse = || format!("'{text}' is not a length of time; write it like 90s, 15m, 26h or 7d");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        rest = &rest[digits..];
        let letters = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let step = match &rest[..letters] {
            "ms" => Some(Duration::from_millis(count)),
            unit => UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .and_then(|(_, seconds)| count.checked_mul(*seconds).map(Duration::from_secs)),
        };
        total = step
            .and_then(|step| total.checked_add(step))
            .ok_or_else(refuse)?;
        rest = &rest[letters..];
    }
    if text.is_empty() {
        Err(refuse())
    } else {
        Ok(total)
    }
}

/// One unit, rounded down: `3 d`, `2 h`, `45 s`, `0 s`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match UNITS
        .iter()
        .filter(|(unit, _)| *unit != "w")
        .find(|(_, length)| seconds >= *length)
    {
        Some((unit, length)) => format!(
            "{} {}",
            seconds / length,
            if *unit == "m" { "min" } else { unit }
        ),
        None => "0 s".into(),
    }
}

/// All of it, as [`parse`] reads it: `30d`, `1d12h`, `500ms`, `0`.
pub fn write(duration: Duration) -> String {
    let mut left = duration.as_secs();
    // Writing to a String cannot fail.
    let mut text = String::new();
    for (unit, length) in UNITS.iter().filter(|(unit, _)| *unit != "w") {
        if left >= *length {
            let _ = write!(text, "{}{unit}", left / length);
            left %= length;
        }
    }
    if duration.subsec_millis() > 0 {
        let _ = write!(text, "{}ms", duration.subsec_millis());
    }
    if text.is_empty() {
        text.push('0');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("0", 0),
            ("90s", 90),
            ("15m", 900),
            ("26h", 93_600),
            ("7d", 604_800),
            ("1h30m", 5400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        for text in [
            "",
            "5",
            "h",
            "5x",
            "-1h",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615w",
            "5 m",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_one_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7200, "2 h"),
            (2_000_000, "23 d"),
        ] {
            assert_eq!(show(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for text in ["0", "30d", "1d12h", "1h30m", "90d1s", "500ms"] {
            assert_eq!(write(parse(text).unwrap()), text);
        }
        assert_eq!(write(parse("2w").unwrap()), "14d");
    }
}
