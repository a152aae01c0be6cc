//! Following a process and its threads from call to call.

use std::collections::HashMap;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Output};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::machine::Registers;
use super::steps::{Step, step};
use super::{Deed, Director};

/// A step that a thread is at, and what becomes of it.
struct Under {
    registers: Registers,
    step: Step,
    deed: Deed,
}

/// A process that is followed.
struct Followed<'d> {
    leader: Pid,
    /// The threads that are in a call, and the step that it is, if it is one.
    under: HashMap<Pid, Option<Under>>,
    /// The steps so far.
    count: usize,
    director: &'d mut dyn Director,
}

/// Runs a command whose shell waits for a line before it becomes the binary.
#[track_caller]
#[expect(
    clippy::zombie_processes,
    reason = "it is waited for as its threads are"
)]
pub fn to_the_end(mut command: Command, director: &mut dyn Director) -> Output {
    let mut child = command.spawn().unwrap();
    let leader = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    if let Err(error) = ptrace::seize(leader, options) {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!(
            "this system forbids to trace a child of one's own ({error}), so that nothing can be proven \
             here: see /proc/sys/kernel/yama/ptrace_scope, or the sandbox the tests run in"
        );
    }
    let mut line = child.stdin.take().unwrap();
    line.write_all(b"go\n").unwrap();
    drop(line);
    let mut followed = Followed {
        leader,
        under: HashMap::new(),
        count: 0,
        director,
    };
    let status = followed.follow();
    let read = |from: Option<&mut dyn Read>| {
        let mut all = Vec::new();
        from.unwrap().read_to_end(&mut all).unwrap();
        all
    };
    Output {
        status,
        stdout: read(child.stdout.as_mut().map(|it| it as _)),
        stderr: read(child.stderr.as_mut().map(|it| it as _)),
    }
}

impl Followed<'_> {
    /// How it ended.
    fn follow(&mut self) -> ExitStatus {
        // Only what this thread started: other tests run beside it.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let (thread, signal) = match waitpid(None, Some(flags)) {
                Err(Errno::EINTR) => continue,
                Err(error) => panic!("the process was lost: {error}"),
                Ok(WaitStatus::Exited(pid, code)) if pid == self.leader => {
                    return ExitStatus::from_raw(code << 8);
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.leader => {
                    return ExitStatus::from_raw(signal as i32);
                }
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    // A thread that was killed meanwhile has no registers any more.
                    let _ = self.turn(thread);
                    (thread, None)
                }
                // A signal of its own.
                Ok(WaitStatus::Stopped(thread, signal)) => (thread, Some(signal)),
                Ok(WaitStatus::PtraceEvent(thread, _, event)) => {
                    if event == Event::PTRACE_EVENT_EXEC as i32 {
                        // The shell has become the binary, and is still in the call that did it.
                        self.under.insert(thread, None);
                    }
                    (thread, None)
                }
                Ok(_) => continue,
            };
            match ptrace::syscall(thread, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => panic!("{thread} cannot go on: {error}"),
            }
        }
    }

    /// A thread is before a call, or after it.
    fn turn(&mut self, thread: Pid) -> Result<(), Errno> {
        match self.under.remove(&thread) {
            None => {
                let under = self.before(thread)?;
                self.under.insert(thread, under);
                Ok(())
            }
            Some(None) => Ok(()),
            Some(Some(under)) => self.after(thread, &under),
        }
    }

    fn before(&mut self, thread: Pid) -> Result<Option<Under>, Errno> {
        let registers = Registers::before(thread)?;
        let Some(mut step) = step(thread, &registers) else {
            return Ok(None);
        };
        self.count += 1;
        step.number = self.count;
        let deed = self.director.before(&step);
        match deed {
            Deed::Go => {}
            Deed::Kill => kill(self.leader, Signal::SIGKILL)?,
            Deed::Signal(signal) => kill(self.leader, signal)?,
            Deed::Fail(_) | Deed::Lie => registers.ask_nothing(thread)?,
            Deed::Short(count) => {
                let mut arguments = registers.arguments;
                arguments[2] = count.min(arguments[2]);
                registers.ask(thread, arguments)?;
            }
        }
        Ok(Some(Under {
            registers,
            step,
            deed,
        }))
    }

    fn after(&mut self, thread: Pid, under: &Under) -> Result<(), Errno> {
        let mut result = Registers::answer(thread)?;
        let changed = match under.deed {
            Deed::Fail(errno) => Some(-i64::from(errno as i32)),
            Deed::Lie => Some(under.step.count.cast_signed()),
            Deed::Short(_) => Some(result),
            Deed::Go | Deed::Kill | Deed::Signal(_) => None,
        };
        if let Some(changed) = changed {
            under.registers.give(thread, changed)?;
            result = changed;
        }
        self.director.after(&under.step, result);
        Ok(())
    }
}
