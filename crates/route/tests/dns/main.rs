//! DNS with real sockets on loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod delegation;
mod exchangers;
mod real_servers;
mod responder;
