//! Mail protocols as state machines without I/O: bytes and time go in, actions come out. Whoever drives them owns the sockets.
//!
//! [`smtp::ProbeClient`] asks a mail server how it is, and cannot send mail: there is no command for it.

pub mod limits;
pub mod smtp;
