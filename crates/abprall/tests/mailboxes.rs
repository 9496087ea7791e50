//! Mailboxes that are fetched from: real files, a real Dovecot, a real process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

#[path = "mailboxes/accounts.rs"]
mod accounts;
#[path = "mailboxes/dovecot.rs"]
mod dovecot;
#[path = "mailboxes/faults.rs"]
mod faults;
#[path = "mailboxes/files.rs"]
mod files;
#[path = "mailboxes/server.rs"]
mod server;
