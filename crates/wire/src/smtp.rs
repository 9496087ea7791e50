//! SMTP (RFC 5321).
//!
//! - [`ReplyReader`] takes replies out of any bytes, within limits.
//! - [`server`] takes mail, and relays none.
//! - [`ProbeClient`] holds a conversation of greeting, EHLO, STARTTLS, EHLO, QUIT. [`Command`] has no word for mail.

mod capabilities;
mod command;
mod probe;
mod reply;
mod transcript;

pub mod server;

pub use capabilities::Capabilities;
pub use command::{Command, HelloName, ParseHelloNameError};
pub use probe::{Action, Conversation, End, ProbeClient, StartTlsOutcome, Step, Timeouts};
pub use reply::{Reply, ReplyDamage, ReplyError, ReplyReader};
pub use transcript::{Speaker, Transcript, TranscriptEntry};
