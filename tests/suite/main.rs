//! The tests: what operators do, on the real binary, the real `SQLite` and real files.
//!
//! One binary, a file a theme. `support` makes sandboxes and runs the command;
//! `conformance` holds every provider to the contract of the seam.

#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]
#![allow(clippy::too_many_lines, reason = "a scenario is told in one go")]

mod bad_input;
mod bulk;
mod conformance;
mod create;
mod database;
mod drive;
mod drive_answers;
mod drive_costs;
mod drive_download;
mod drive_files;
mod drive_folders;
mod drive_kill;
mod drive_login;
mod drive_odd;
mod drive_publish;
mod drive_reasons;
mod drive_refusals;
mod drive_resume;
mod drive_token;
mod drive_upload;
mod fake_drive;
mod fake_drive_bytes;
mod fake_drive_login;
mod fake_drive_search;
mod fake_yandex;
mod generated;
mod layering;
mod local_backups;
mod matrix;
mod output;
mod promises;
mod provider_file;
mod readme;
mod restore_test;
mod retention;
mod set_faults;
mod sets;
mod settings;
mod state;
mod status;
mod support;
mod trust;
mod verify;
mod yandex;
mod yandex_download;
mod yandex_files;
mod yandex_kill;
mod yandex_login;
mod yandex_reasons;
mod yandex_upload;
