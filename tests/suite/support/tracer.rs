//! A small tracer: the real, unmodified binary, watched at every step it takes on the file system.
//!
//! A step is a system call that changes what is on the disk, or makes it stay there: files made,
//! written, cut, synced, renamed, linked, removed. What goes to sockets and pipes is none. Before
//! each step a [`Director`] says what becomes of it ([`Deed`]): it is done, the process dies
//! instead, it fails, it is half done, or it only looks done.
//!
//! It needs neither root nor `strace`: a process may trace its own child wherever the system does
//! not forbid tracing altogether (as `kernel.yama.ptrace_scope=3` does). Where it is forbidden these
//! tests fail and say so. They do not pass: who reads that they passed must be able to rely on it.
//!
//! How it works: `sh` waits for a line, is seized, and becomes the binary; from there on each of its
//! threads stops at each call and after it. A call that is not to be done gets arguments that the
//! kernel refuses, and its caller another answer. No `unsafe`: registers are read and written by
//! `nix`, memory by `/proc/PID/mem`.

mod follow;
mod machine;
mod steps;

pub use steps::{Act, Step};

use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::{Call, Outcome};

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is done.
    Go,
    /// The process is killed before it.
    Kill,
    /// A signal comes before it; it is done all the same.
    Signal(Signal),
    /// It is not done, and the process is told why.
    Fail(Errno),
    /// Of a write, so many bytes are written, and the process is told so.
    Short(u64),
    /// It is not done, and the process is told that it was.
    Lie,
}

/// Decides, step by step.
pub trait Director {
    /// Before a step; the first has the number 1.
    fn before(&mut self, step: &Step) -> Deed;

    /// After a step: what it came to, an error as a negative number.
    fn after(&mut self, _step: &Step, _result: i64) {}
}

impl<F: FnMut(&Step) -> Deed> Director for F {
    fn before(&mut self, step: &Step) -> Deed {
        self(step)
    }
}

impl Call<'_> {
    /// Runs it to its end, step by step.
    #[track_caller]
    pub fn trace(self, director: &mut dyn Director) -> Outcome {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg("read -r go; exec \"$0\" \"$@\" </dev/null")
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        Outcome::of(&follow::to_the_end(command, director), self.sandbox)
    }

    /// Runs it to its end; the steps it took.
    #[track_caller]
    pub fn steps(self) -> (Outcome, Vec<Step>) {
        let mut all = Vec::new();
        let outcome = self.trace(&mut |step: &Step| {
            all.push(step.clone());
            Deed::Go
        });
        (outcome, all)
    }

    /// Runs it until the nth step, and does this then; whether it came so far.
    #[track_caller]
    pub fn at_step(self, nth: usize, deed: Deed) -> (Outcome, bool) {
        let mut is_reached = false;
        let outcome = self.trace(&mut |step: &Step| {
            if step.number != nth {
                return Deed::Go;
            }
            is_reached = true;
            deed
        });
        (outcome, is_reached)
    }
}
