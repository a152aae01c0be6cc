//! The tests: what operators do, on the real binary, the real SQLite and real files.
//!
//! One binary, a file a theme. `support` makes sandboxes and runs the command;
//! `conformance` holds every provider to the contract of the seam.

#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod support;

mod conformance;
mod database;
mod provider_file;
mod settings;
mod state;
