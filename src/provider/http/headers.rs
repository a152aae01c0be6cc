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
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        // What is longer than a year means as much, and does not overflow.
        return Some(Duration::from_secs(seconds.min(366 * 86_400)));
    }
    Duration::try_from(date(text)?.duration_since(Timestamp::now())).ok()
}
