//! What becomes of a run that is killed, or stopped, or whose disk fails (L25, X35–X37).
//!
//! The binary is followed by [`crate::support::tracer`]: what happens, happens at a certain step on
//! the file system, and the sweeps go over all of them.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

mod disk;
mod interrupt;
mod power;
mod sweep;
mod tracer;
mod trials;
