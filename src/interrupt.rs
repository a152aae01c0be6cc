//! SIGINT, SIGTERM and SIGHUP: asked to stop, stop cleanly.
//!
//! A signal sets a flag; whatever moves bytes or waits asks [`check`] between
//! two steps and returns an error, so the ordinary clean-up runs. A second
//! signal ends the process at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use crate::exit;
use crate::failure::{Code, Failure};

/// How often whoever waits looks whether it should go on.
pub const TICK: Duration = Duration::from_millis(100);

static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Starts listening. Called once, at the start of the process.
///
/// Also makes a file that reaches the limit of its size (`ulimit -f`) an error
/// that is reported, instead of a signal that kills.
pub fn listen() -> std::io::Result<()> {
    let received = RECEIVED.get_or_init(Arc::default);
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        let number = usize::try_from(signal).unwrap_or_default();
        let seen = Arc::new(AtomicBool::new(false));
        let code = i32::from(exit::SIGNAL_BASE) + signal;
        // Order matters: the first signal finds `seen` unset and only sets it.
        flag::register_conditional_shutdown(signal, code, Arc::clone(&seen))?;
        flag::register(signal, seen)?;
        flag::register_usize(signal, Arc::clone(received), number)?;
    }
    flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

/// The signal that asked us to stop, if one did.
pub fn received() -> Option<u8> {
    let number = RECEIVED.get()?.load(Ordering::Relaxed);
    u8::try_from(number).ok().filter(|number| *number != 0)
}

/// Fails when somebody asked us to stop.
pub fn check() -> Result<(), Failure> {
    match received() {
        None => Ok(()),
        Some(signal) => {
            let name = match i32::from(signal) {
                SIGHUP => "SIGHUP",
                SIGTERM => "SIGTERM",
                _ => "SIGINT",
            };
            Err(
                Failure::new(Code::Interrupted(signal), format!("Interrupted by {name}"))
                    .hint("run the same command again to finish"),
            )
        }
    }
}

/// Sleeps, unless somebody asks us to stop.
///
/// # Errors
/// As [`check`].
pub fn sleep(pause: Duration) -> Result<(), Failure> {
    let mut left = pause;
    loop {
        check()?;
        if left.is_zero() {
            return Ok(());
        }
        let step = left.min(TICK);
        std::thread::sleep(step);
        left -= step;
    }
}

/// The failure where the system lets nothing more be done beside.
pub fn no_threads() -> Failure {
    Failure::new(Code::LocalIo, "the system gives no more threads")
        .hint("raise the limit of processes and threads (ulimit -u), or end some of them")
}

/// Does something that cannot be interrupted, such as a look-up of a name, beside;
/// `None` when it takes longer than `limit`.
///
/// # Errors
/// As [`check`].
pub fn beside<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Failure> {
    let (sender, receiver) = mpsc::channel();
    // Left behind, it ends by itself; nobody waits for what it finds then.
    let spawned = std::thread::Builder::new().spawn(move || sender.send(work()));
    if spawned.is_err() {
        return Err(no_threads());
    }
    let mut left = limit;
    loop {
        check()?;
        match receiver.recv_timeout(left.min(TICK)) {
            Ok(value) => return Ok(Some(value)),
            Err(_) if left > TICK => left -= TICK,
            Err(_) => return Ok(None),
        }
    }
}
