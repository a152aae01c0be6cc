//! The fault matrix: what goes wrong in the world, and a test for each of it.
//!
//! A test's name begins with its number, wherever it stands. `VERTEX_BACKUP_REGENERATE=1
//! cargo test the_table_names_the_tests` writes this table anew.
//!
//! | |

mod crash;
mod hostile;
mod hostile_bounds;
mod hostile_sources;
mod hostile_speech;
mod local;
mod local_aliases;
mod local_escapes;
mod local_kinds;
mod local_names;
mod local_roots;
mod local_sizes;
mod local_source;
mod network;
mod process;
mod provider;
mod provider_apart;
mod provider_changes;
mod provider_hostile;
mod provider_listing;
mod provider_names;
mod secrets;
mod secrets_at_rest;
mod secrets_protect;
mod state;
mod state_audit;
mod state_chain;
mod state_rebuild;
mod state_together;
mod table;
mod watch;
