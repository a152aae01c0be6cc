//! The fault matrix: what goes wrong in the world, and a test for each of it.

mod crash;
mod hostile;
mod local;
mod network;
mod process;
mod provider;
mod secrets;
mod state;
mod watch;
