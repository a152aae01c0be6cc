//! The fault matrix: what goes wrong in the world, and a test for each of it.

mod crash;
mod hostile;
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
mod watch;
