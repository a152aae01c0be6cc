//! The gate before a provider's API: not too many requests at a time, and none
//! while the provider asks for a rest, whichever of our threads it told.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::interrupt::sleep;
use crate::provider::locked;

/// How often a provider may be asked.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests that may go out at once after a rest.
    pub burst: u32,
    /// Requests that may go out in a second, besides those.
    pub per_second: u32,
}

/// Lets requests through, in order.
#[derive(Debug)]
pub(super) struct Gate {
    rate: Rate,
    /// When the bucket of requests is full again: each that goes out moves it on.
    full_at: Mutex<Instant>,
}

impl Gate {
    pub(super) fn new(rate: Rate) -> Self {
        Gate {
            rate,
            full_at: Mutex::new(Instant::now()),
        }
    }

    /// What one request takes, and what those of a burst do.
    fn interval(&self) -> (Duration, Duration) {
        let interval = Duration::from_secs(1) / self.rate.per_second;
        (interval, interval * self.rate.burst)
    }

    /// Waits until a request may go out.
    pub(super) fn pass(&self) -> Result<(), Failure> {
        let (interval, burst) = self.interval();
        let wait = {
            let mut full_at = locked(&self.full_at);
            let now = Instant::now();
            *full_at = (*full_at).max(now) + interval;
            full_at.duration_since(now).saturating_sub(burst)
        };
        sleep(wait)
    }

    /// Nobody passes before this time is over.
    pub(super) fn rest(&self, pause: Duration) {
        let (_, burst) = self.interval();
        let mut full_at = locked(&self.full_at);
        *full_at = (*full_at).max(Instant::now() + pause + burst);
    }
}
