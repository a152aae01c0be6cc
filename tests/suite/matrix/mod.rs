//! The fault matrix: what goes wrong in the world, and a test for each of it.

mod crash;
mod hostile;
mod local;
mod network;
mod process;
mod provider;
mod secrets;
mod secrets_at_rest;
mod secrets_protect;
mod state;
mod watch;
