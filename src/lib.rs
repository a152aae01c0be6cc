//! `vertex-backup`: the backups of Vertex AR's companies, each on its own remote, proven to be there.
//!
//! # The house
//!
//! Imports point down only; a test holds them to it.
//!
//! ```text
//! main → cli          arguments, output, exit codes
//!   operations        create, sync, download, delete, prune, files, status
//!   installation      one Vertex AR and what belongs to it
//!   stores            company (the application's table), state, catalog, history, lock,
//!                     settings, provider_file, renewal, source, …
//!   provider          the seam, its registry and retries, HTTP, one module a provider;
//!                     beside it sections, credential, backup, archive, …
//!   floor             failure, hash, dir, staging, name, remote_path, text, …
//! ```
//!
//! # The path of one backup
//!
//! `cli::sync` finds the company ([`company::Companies::find`]), takes its lock
//! ([`lock::Locks`]) and opens its remote ([`installation::Installation::remote`]).
//! [`local_set::LocalSet::find`] finds the whole set that a file belongs to
//! ([`sets::group`]). [`sync::Sync::set`] writes a row in the history
//! ([`history`]), compares the set with its sidecar, and sends its files in
//! order: [`upload`] opens each ([`source::SourceFile`]), takes up what an earlier run
//! sent of it, or sends the bytes through the seam ([`provider::Provider`]), compares
//! what is stored with what was read, publishes it, and records what is now known
//! ([`state::State::record_upload`]).
//! The set itself is recorded last ([`state::State::record_set`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod actor;
pub mod archive;
pub mod assign;
pub mod backup;
pub mod backup_settings;
pub mod bulk;
pub mod catalog;
pub mod chain;
pub mod check;
pub mod cli;
pub mod company;
pub mod config_file;
pub mod create;
pub mod credential;
pub mod database;
pub mod delete;
pub mod dir;
pub mod directories;
pub mod download;
pub mod duration;
pub mod exit;
pub mod failure;
pub mod files;
pub mod hash;
pub mod history;
pub mod installation;
pub mod interrupt;
pub mod json;
pub mod json_file;
pub mod local_backups;
pub mod local_set;
pub mod lock;
pub mod name;
pub mod notes;
pub mod outage;
pub mod parts;
pub mod pin;
pub mod policies;
pub mod progress;
#[cfg(any(test, fuzzing))]
pub mod properties;
pub mod protect;
pub mod protected;
pub mod protection;
pub mod provider;
pub mod provider_file;
pub mod provider_settings;
pub mod prune;
pub mod receive;
pub mod redact;
pub mod remote_path;
pub mod remote_set;
pub mod renewal;
pub mod report;
pub mod restore_test;
pub mod retention;
pub mod scratch;
pub mod secret;
pub mod sections;
pub mod set_catalog;
pub mod sets;
pub mod settings;
pub mod sidecar;
pub mod source;
pub mod staging;
pub mod standalone;
pub mod state;
pub mod status;
pub mod sync;
pub mod target;
pub mod text;
pub mod trial;
pub mod upload;
pub mod verify;
pub mod wanted;
