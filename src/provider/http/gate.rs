//! The gate before a provider's API: not too many requests at a time, and none
//! while the provider asks for a rest, whichever of our threads it told.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::interrupt::sleep;

/// Requests that may go out at once after a rest.
const BURST: u32 = 5;

/// Requests that may go out in a second. With those of a burst, no second has more than
/// the 40 of the terms of use (`protocols/yandex_disk.md` §1).
const PER_SECOND: u32 = 35;

/// Lets requests through, in order.
#[derive(Debug)]
pub(super) struct Gate {
    /// When the bucket of requests is full again: each that goes out moves it on.
    full_at: Mutex<Instant>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Gate {
            full_at: Mutex::new(Instant::now()),
        }
    }

    /// Waits until a request may go out.
    pub(super) fn pass(&self) -> Result<(), Failure> {
        let interval = Duration::from_secs(1) / PER_SECOND;
        let wait = {
            let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *full_at = (*full_at).max(now) + interval;
            full_at.duration_since(now).saturating_sub(interval * BURST)
        };
        sleep(wait)
    }

    /// Nobody passes before this time is over.
    pub(super) fn rest(&self, pause: Duration) {
        let interval = Duration::from_secs(1) / PER_SECOND;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        *full_at = (*full_at).max(Instant::now() + pause + interval * BURST);
    }
}
