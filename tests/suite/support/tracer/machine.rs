//! What differs from machine to machine: where the arguments and the answer of a call are.

use nix::errno::Errno;
use nix::libc::user_regs_struct;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// As many arguments say what a call is about.
const ARGUMENTS: usize = 4;

/// What a thread asks the kernel for.
#[derive(Clone, Copy)]
pub struct Registers {
    all: user_regs_struct,
    /// The call's number.
    pub call: i64,
    /// Its first arguments.
    pub arguments: [u64; ARGUMENTS],
}

impl Registers {
    /// Those of a thread that is stopped before a call.
    pub fn before(thread: Pid) -> Result<Self, Errno> {
        let all = ptrace::getregs(thread)?;
        let (call, arguments) = asked(&all);
        Ok(Registers {
            all,
            call,
            arguments,
        })
    }

    /// Asks for something else.
    pub fn ask(&self, thread: Pid, arguments: [u64; ARGUMENTS]) -> Result<(), Errno> {
        let mut all = self.all;
        set_arguments(&mut all, arguments);
        ptrace::setregs(thread, all)
    }

    /// Asks for nothing: no call takes such a descriptor, nor a name at such an address.
    pub fn ask_nothing(&self, thread: Pid) -> Result<(), Errno> {
        self.ask(thread, [u64::MAX; ARGUMENTS])
    }

    /// What a call came to, of a thread that is stopped after it.
    pub fn answer(thread: Pid) -> Result<i64, Errno> {
        Ok(answered(&ptrace::getregs(thread)?))
    }

    /// After a call that was changed: the arguments as they were, and this answer.
    pub fn give(&self, thread: Pid, answer: i64) -> Result<(), Errno> {
        let mut all = ptrace::getregs(thread)?;
        set_arguments(&mut all, self.arguments);
        set_answer(&mut all, answer);
        ptrace::setregs(thread, all)
    }
}

#[cfg(target_arch = "x86_64")]
fn asked(all: &user_regs_struct) -> (i64, [u64; ARGUMENTS]) {
    let arguments = [all.rdi, all.rsi, all.rdx, all.r10];
    (all.orig_rax.cast_signed(), arguments)
}

#[cfg(target_arch = "x86_64")]
fn set_arguments(all: &mut user_regs_struct, arguments: [u64; ARGUMENTS]) {
    [all.rdi, all.rsi, all.rdx, all.r10] = arguments;
}

#[cfg(target_arch = "x86_64")]
fn answered(all: &user_regs_struct) -> i64 {
    all.rax.cast_signed()
}

#[cfg(target_arch = "x86_64")]
fn set_answer(all: &mut user_regs_struct, answer: i64) {
    all.rax = answer.cast_unsigned();
}

#[cfg(target_arch = "aarch64")]
fn asked(all: &user_regs_struct) -> (i64, [u64; ARGUMENTS]) {
    let arguments = [all.regs[0], all.regs[1], all.regs[2], all.regs[3]];
    (all.regs[8].cast_signed(), arguments)
}

#[cfg(target_arch = "aarch64")]
fn set_arguments(all: &mut user_regs_struct, arguments: [u64; ARGUMENTS]) {
    all.regs[..ARGUMENTS].copy_from_slice(&arguments);
}

#[cfg(target_arch = "aarch64")]
fn answered(all: &user_regs_struct) -> i64 {
    all.regs[0].cast_signed()
}

/// The answer is where the first argument was.
#[cfg(target_arch = "aarch64")]
fn set_answer(all: &mut user_regs_struct, answer: i64) {
    all.regs[0] = answer.cast_unsigned();
}
