//! What headers say, read without trust.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ureq::http::{HeaderMap, header};

/// A header that is text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// `bytes 10-19/20`: the first byte, and the size of the whole.
pub(super) fn content_range(range: &str) -> Option<(u64, Option<u64>)> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// A point in time.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// Seconds, or a date; nonsense and what has passed say nothing.
///
/// A date is counted from what time it is over there, where that is told: our own clock
/// may be a day off.
pub(super) fn retry_after(text: &str, there: Option<Timestamp>) -> Option<Duration> {
    // What is longer than a year means as much, and does not overflow.
    let longest = Duration::from_secs(366 * 86_400);
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(longest));
    }
    let now = there.unwrap_or_else(Timestamp::now);
    let wait = Duration::try_from(date(text)?.duration_since(now)).ok()?;
    Some(wait.min(longest))
}

/// What an answer says of when to ask again.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let there = text(headers, header::DATE).and_then(|text| date(&text));
    retry_after(&text(headers, header::RETRY_AFTER)?, there)
}
