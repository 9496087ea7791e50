//! Mail protocols as state machines without I/O: bytes and time go in, actions come out. Whoever drives them owns the sockets.
//!
//! - [`smtp::server`] takes mail over SMTP and LMTP, and relays none.
//! - [`smtp::ProbeClient`] asks a mail server how it is, and cannot send mail: there is no command for it.
//! - [`pop3`] fetches mail from a mailbox.
//! - [`postfix`]: what Postfix asks before it takes a recipient: policy delegation, socketmap, tcp_table.
//! - [`milter`]: the same question as a mail filter, for Postfix and Sendmail.

mod dots;
mod line;

pub mod limits;
pub mod milter;
pub mod pop3;
pub mod postfix;
pub mod smtp;
