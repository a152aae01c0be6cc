//! The body of an upload: exactly as long as announced, and watched.

use std::cell::Cell;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::Transfer;
use crate::progress::Task;
use crate::provider::error::ended_early;
use crate::text::bytes;

/// Uploads slower than this, in bytes a second, are worth a word to the operator
/// (`protocols/yandex_disk.md` §5.1).
const CRAWL: u64 = 200_000;

/// A word is said only of files at least as large.
const LARGE: u64 = 32 * 1024 * 1024;

/// A body that gives as many bytes as were announced, or an error: `ureq` 3.5.2 would
/// otherwise wait for the rest for ever, at full speed.
pub(super) struct Exactly<'a> {
    body: &'a mut dyn Read,
    size: u64,
    left: u64,
    is_last: bool,
    task: &'a dyn Task,
    all_sent: &'a Cell<bool>,
    pace: Pace,
}

impl<'a> Exactly<'a> {
    pub(super) fn new(
        body: &'a mut dyn Read,
        transfer: &Transfer<'_>,
        task: &'a dyn Task,
        all_sent: &'a Cell<bool>,
    ) -> Self {
        let exactly = Exactly {
            body,
            size: transfer.size,
            left: transfer.size,
            is_last: transfer.is_last,
            task,
            all_sent,
            pace: Pace::new(transfer.size),
        };
        exactly.note_end();
        exactly
    }

    fn note_end(&self) {
        if self.left == 0 {
            self.all_sent.set(true);
            if self.is_last {
                self.task.waiting("sent, the server is checking");
            }
        }
    }
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.body.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(ended_early(self.size - self.left, self.size));
        }
        self.left -= count as u64;
        self.pace.note(count as u64);
        self.note_end();
        Ok(count)
    }
}

/// Notices an upload that crawls.
struct Pace {
    is_told: bool,
    since: Instant,
    sent: u64,
}

impl Pace {
    fn new(size: u64) -> Self {
        Pace {
            is_told: size < LARGE,
            since: Instant::now(),
            sent: 0,
        }
    }

    fn note(&mut self, count: u64) {
        if let Some(speed) = self.crawls(count, self.since.elapsed()) {
            let speed = bytes(speed);
            log::warn!("the service seems to be limiting this upload: {speed} a second");
        }
    }

    /// The speed, in bytes a second, the first time that it was too low for a minute.
    fn crawls(&mut self, count: u64, elapsed: Duration) -> Option<u64> {
        self.sent += count;
        if self.is_told || elapsed < Duration::from_secs(60) {
            return None;
        }
        let speed = self.sent / elapsed.as_secs().max(1);
        (self.since, self.sent) = (Instant::now(), 0);
        self.is_told = speed < CRAWL;
        self.is_told.then_some(speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_crawls_for_a_minute_is_told_of_once() {
        let minute = Duration::from_secs(60);
        let mut pace = Pace::new(LARGE);
        assert_eq!(pace.crawls(1000, Duration::from_secs(59)), None);
        assert_eq!(pace.crawls(60 * CRAWL, minute), None);
        assert_eq!(pace.crawls(60 * CRAWL - 60, minute), Some(CRAWL - 1));
        assert_eq!(pace.crawls(0, minute), None);
        assert_eq!(Pace::new(LARGE - 1).crawls(0, minute), None);
    }
}
