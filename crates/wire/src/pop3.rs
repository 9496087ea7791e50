//! POP3 from the client's side (RFC 1939), with CAPA (RFC 2449), STLS (RFC 2595), AUTH PLAIN (RFC 5034) and XOAUTH2.
//!
//! [`Pop3Client`] logs in, lists the mailbox, and then does what its owner says: fetch, delete, quit. Messages stream through; whatever a
//! server says is bounded.

mod base64;
mod client;
mod credentials;
mod settings;

pub use client::{NotReady, Pop3Action, Pop3Client, Pop3Error, Pop3Message, Pop3Step};
pub use credentials::{Credentials, ParseSecretError, Secret};
pub use settings::{Pop3Limits, Pop3Timeouts, Pop3Tls};
