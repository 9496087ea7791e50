//! DNS with real sockets on loopback.

mod client;
mod delegation;
mod exchangers;
mod real_servers;
mod responder;
