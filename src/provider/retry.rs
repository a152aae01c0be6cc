//! The one policy of repeating what failed: how often, after which pause, and what.
//!
//! [`Retried`] puts it around a provider; what a provider calls never to be
//! repeated is not. An upload is repeated by who has its source, with
//! [`Attempts`] of the same policy, after asking whether it arrived.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::{Error, Repeat, Result, smuggle, stopped, unsmuggle};
use super::{
    Capabilities, Connection, Content, Deletion, Look, Object, Provider, ProviderKind, Quota,
    Session,
};
use crate::failure::Failure;
use crate::hash::random;
use crate::name::FileName;
use crate::progress::Task;

/// How patient to be.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The first pause at the longest; each further one may be twice as long.
    pub pause: Duration,
    /// How often something is tried.
    pub tries: u32,
    /// How long a connection may move no byte.
    pub stall: Duration,
    /// How long at least a provider may check what it was sent before it answers.
    pub checking: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            pause: Duration::from_secs(1),
            tries: 6,
            stall: Duration::from_secs(60),
            checking: Duration::from_secs(300),
        }
    }
}

/// What a provider needs to check a gibibyte (`protocols/yandex_disk.md` §5.2).
const CHECKING_A_GIB: Duration = Duration::from_secs(180);

impl Policy {
    /// For who waits at a terminal for an answer of yes or no.
    #[must_use]
    pub fn hasty(self) -> Self {
        Policy { tries: 2, ..self }
    }

    /// How long a provider may check as many bytes before it answers, or before what it
    /// said to have stored must be there.
    pub fn checking(&self, size: u64) -> Duration {
        checking_time(size).max(self.checking)
    }

    /// How long to look for as many bytes of which it is not known whether they arrived.
    /// To send little again costs little, so little is not waited for long.
    pub fn searching(&self, size: u64) -> Duration {
        checking_time(size) + self.longest_pause()
    }

    /// Tries something until it succeeds, or should not be tried again.
    pub fn run<T>(&self, mut what: impl FnMut() -> Result<T>) -> Result<T> {
        let mut attempts = self.attempts();
        loop {
            match what() {
                Ok(value) => return Ok(value),
                Err(error) => attempts.after(error)?,
            }
        }
    }

    /// Counts the tries of one thing.
    pub fn attempts(&self) -> Attempts {
        Attempts {
            policy: *self,
            failed: 0,
            slips: 0,
            waited: Duration::ZERO,
            locked: Duration::ZERO,
        }
    }

    /// Looks for something with growing pauses until it is there, or the time is over:
    /// then `None`.
    pub fn until<T>(
        &self,
        provider: ProviderKind,
        limit: Duration,
        mut look: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut pause = self.pause / 2;
        let mut left = limit;
        loop {
            let begun = Instant::now();
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            // A look that hangs is a part of the wait, as far as this process was not stopped.
            let took = begun.elapsed().min(self.stall * 2);
            if took > self.stall / 4 {
                left = left.saturating_sub(took);
            }
            if left.is_zero() {
                return Ok(None);
            }
            let step = pause.min(left);
            wait(provider, step)?;
            left -= step;
            pause = (pause * 2).min(self.pause * 5);
        }
    }

    /// No pause between two tries is longer.
    fn longest_pause(&self) -> Duration {
        self.pause * 30
    }

    /// A provider that asks to wait longer than this is not waited for.
    pub fn longest_wait(&self) -> Duration {
        self.pause * 600
    }

    /// How long a lock is waited for.
    fn lock_wait(&self) -> Duration {
        self.pause * 300
    }
}

fn checking_time(size: u64) -> Duration {
    let kib = u32::try_from(size / 1024).unwrap_or(u32::MAX);
    CHECKING_A_GIB * (kib >> 10) / 1024 + CHECKING_A_GIB * (kib & 1023) / (1024 * 1024)
}

fn wait(provider: ProviderKind, pause: Duration) -> Result<()> {
    crate::interrupt::sleep(pause).map_err(|failure| stopped(provider, failure))
}

/// The tries of one thing so far.
#[derive(Debug)]
pub struct Attempts {
    policy: Policy,
    failed: u32,
    /// Those of them that were to be repeated once, whatever else failed between.
    slips: u32,
    waited: Duration,
    locked: Duration,
}

impl Attempts {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The error itself when there is to be none, or a signal to stop.
    pub fn after(&mut self, error: Error) -> Result<()> {
        self.failed += 1;
        let policy = self.policy;
        let pause = match error.repeat {
            Repeat::Never => return Err(error),
            Repeat::Once if self.slips > 0 => return Err(error),
            Repeat::Once => {
                self.slips += 1;
                policy.pause
            }
            Repeat::Unlocked => {
                // Growing from ten pauses on, and not counted: a lock is no failure.
                self.failed -= 1;
                let pause = (self.locked / 2).clamp(policy.pause * 10, policy.pause * 60);
                self.locked += pause;
                if self.locked > policy.lock_wait() {
                    return Err(error);
                }
                pause
            }
            Repeat::Soon | Repeat::After(_) if self.failed >= policy.tries => {
                return Err(tried(error, self.failed));
            }
            Repeat::Soon => {
                let longest = policy.pause * 2u32.saturating_pow(self.failed - 1);
                longest.min(policy.longest_pause()).mul_f64(random())
            }
            Repeat::After(wait) => {
                if self.waited.saturating_add(wait) > policy.longest_wait() {
                    return Err(come_back(error, wait));
                }
                // Not all of those who wait should come back at the same moment.
                wait + policy.pause.mul_f64(random())
            }
        };
        self.waited += pause;
        let level = if pause < WORTH_A_WORD {
            log::Level::Info
        } else {
            log::Level::Warn
        };
        log::log!(level, "{error}: retrying in {:.1} s", pause.as_secs_f64());
        wait(error.provider, pause)
    }
}

/// A pause that somebody at a terminal would wonder about.
const WORTH_A_WORD: Duration = Duration::from_secs(10);

fn tried(error: Error, times: u32) -> Error {
    let detail = match times {
        0 | 1 => error.detail.clone(),
        times => format!("{} (tried {times} times)", error.detail),
    };
    Error { detail, ..error }
}

/// Says when the provider wants to be asked again.
fn come_back(error: Error, wait: Duration) -> Error {
    let time = Timestamp::now().checked_add(wait).map(|at| {
        let at = at.to_zoned(TimeZone::system());
        at.strftime("%Y-%m-%d %H:%M").to_string()
    });
    let time = time.unwrap_or_else(|_| "a time far away".to_owned());
    let detail = format!("{}; it asks to come back at {time}", error.detail);
    Error { detail, ..error }
}

/// A provider whose failures are repeated as the policy says.
pub struct Retried {
    inner: Arc<dyn Provider>,
    policy: Policy,
}

impl Retried {
    /// Puts a policy around a provider.
    pub fn new(inner: Arc<dyn Provider>, policy: Policy) -> Self {
        Retried { inner, policy }
    }
}

impl Provider for Retried {
    fn kind(&self) -> ProviderKind {
        self.inner.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn check(&self) -> Result<Connection> {
        self.policy.hasty().run(|| self.inner.check())
    }

    fn claim(&self) -> Result<String> {
        self.policy.run(|| self.inner.claim())
    }

    fn quota(&self) -> Result<Quota> {
        self.policy.run(|| self.inner.quota())
    }

    fn stat(&self, name: &FileName) -> Result<Option<Object>> {
        self.policy.run(|| self.inner.stat(name))
    }

    fn list_page(
        &self,
        page: Option<&str>,
        visit: &mut dyn FnMut(Object) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        let mut attempts = self.policy.attempts();
        loop {
            // A page that fails has shown nothing of itself.
            match self.inner.list_page(page, visit) {
                Ok(next) => return Ok(next),
                Err(error) => attempts.after(error.downcast::<Error>()?)?,
            }
        }
    }

    fn read(&self, object: &Object, offset: u64) -> Result<Box<dyn Read>> {
        let mut reader = Continued {
            provider: Arc::clone(&self.inner),
            object: object.clone(),
            offset,
            reader: None,
            policy: self.policy,
            attempts: self.policy.attempts(),
            came: 0,
        };
        reader.open()?;
        Ok(Box::new(reader))
    }

    fn begin(&self, name: &FileName, size: u64) -> Result<Session> {
        self.policy.run(|| self.inner.begin(name, size))
    }

    /// Repeated by who can go back in the source.
    fn send(&self, session: &Session, body: &mut dyn Content, task: &dyn Task) -> Result<()> {
        self.inner.send(session, body, task)
    }

    fn inspect(&self, session: &Session, look: Look, task: &dyn Task) -> Result<Object> {
        self.policy.run(|| self.inner.inspect(session, look, task))
    }

    fn publish(&self, session: &Session, staged: &Object) -> Result<Object> {
        self.policy.run(|| self.inner.publish(session, staged))
    }

    fn settle(&self, object: &Object) -> Result<()> {
        self.policy.run(|| self.inner.settle(object))
    }

    fn discard(&self, session: &Session) -> Result<bool> {
        self.policy.run(|| self.inner.discard(session))
    }

    fn delete(&self, name: &FileName, deletion: Deletion) -> Result<bool> {
        self.policy.run(|| self.inner.delete(name, deletion))
    }
}

/// An object being read, which goes on where a connection broke.
struct Continued {
    provider: Arc<dyn Provider>,
    object: Object,
    offset: u64,
    reader: Option<Box<dyn Read>>,
    policy: Policy,
    attempts: Attempts,
    /// Bytes that came since the last failure.
    came: u64,
}

/// Who brings as many bytes before it fails again is not counted as failing.
const PROGRESS: u64 = 4096;

impl Continued {
    fn open(&mut self) -> Result<()> {
        while self.reader.is_none() {
            match self.provider.read(&self.object, self.offset) {
                Ok(reader) => self.reader = Some(reader),
                Err(error) => self.attempts.after(error)?,
            }
        }
        Ok(())
    }

    /// What an error of the reader is to the policy; one that is no provider's goes through.
    fn broken(&mut self, error: io::Error) -> io::Result<()> {
        let error = unsmuggle(error)?;
        let error = error.downcast::<Error>().map_err(smuggle)?;
        self.reader = None;
        if std::mem::take(&mut self.came) >= PROGRESS {
            self.attempts = self.policy.attempts();
        }
        self.attempts
            .after(error)
            .and_then(|()| self.open())
            .map_err(|error| smuggle(Failure::from(error).into()))
    }
}

impl Read for Continued {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(reader) = &mut self.reader else {
                return Ok(0);
            };
            match reader.read(buffer) {
                Ok(count) => {
                    self.came += count as u64;
                    self.offset += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.broken(error)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_hang_do_not_make_a_wait_any_longer() {
        let policy = Policy {
            pause: Duration::from_millis(1),
            stall: Duration::from_millis(20),
            ..Policy::default()
        };
        let mut looks = 0;
        let found = policy.until(ProviderKind::YandexDisk, policy.stall, || {
            looks += 1;
            std::thread::sleep(policy.stall);
            Ok(None::<()>)
        });
        assert!(found.unwrap().is_none());
        assert_eq!(looks, 1);
    }
}
