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
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// When the bucket of requests is full again: each that goes out moves it on.
    full_at: Instant,
    /// When the rest is over.
    open_at: Instant,
}

impl Gate {
    pub(super) fn new(rate: Rate) -> Self {
        let now = Instant::now();
        Gate {
            rate,
            times: Mutex::new(Times {
                full_at: now,
                open_at: now,
            }),
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
            let mut times = locked(&self.times);
            let now = Instant::now();
            times.full_at = times.full_at.max(now) + interval;
            let wait = times.full_at.duration_since(now);
            wait.saturating_sub(burst)
        };
        sleep(wait)?;
        self.rested()
    }

    /// Waits until the rest is over, also where it was made longer meanwhile.
    pub(super) fn rested(&self) -> Result<(), Failure> {
        loop {
            let open_at = locked(&self.times).open_at;
            let wait = open_at.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            sleep(wait)?;
        }
    }

    /// Nobody passes before this time is over, and then not all at once.
    pub(super) fn rest(&self, pause: Duration) {
        let (_, burst) = self.interval();
        let mut times = locked(&self.times);
        let open_at = Instant::now() + pause;
        times.open_at = times.open_at.max(open_at);
        times.full_at = times.full_at.max(open_at + burst);
    }
}
