//! What every fake service on loopback needs: the bytes on the wire, and a way to break them.
//!
//! `http` reads requests and shapes answers, `server` has the ports and the threads,
//! `rules` says what happens at which request, `content` has bytes with their hashes,
//! `wire` a client to try a fake with, `tls` what stands before a port that speaks TLS.
//! What a service does with a request is its own business.

pub mod content;
pub mod http;
pub mod rules;
pub mod server;
pub mod tls;
pub mod wire;
