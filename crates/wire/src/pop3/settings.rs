use std::time::Duration;

use crate::limits::{
    GREETING_MAX, HANDSHAKE_MAX, POP3_IDLE_MAX, POP3_MESSAGE_BYTES_MAX, POP3_MESSAGES_MAX, POP3_REPLY_MAX,
    POP3_RETRIEVE_MAX, QUIT_MAX,
};

/// How the connection comes to be encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pop3Tls {
    /// It is already: the driver did the handshake before the greeting (port 995).
    Immediate,
    /// By STLS; without it nothing secret is said.
    StartTls,
    /// Not at all: only for a server on the same machine.
    Never,
}

/// How much is taken of a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pop3Limits {
    /// Messages of a listing that are kept; the rest comes next time.
    pub messages: usize,
    /// Bytes of one message.
    pub message_bytes: u64,
}

impl Default for Pop3Limits {
    fn default() -> Self {
        Self { messages: POP3_MESSAGES_MAX, message_bytes: POP3_MESSAGE_BYTES_MAX }
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pop3Timeouts {
    /// For the greeting.
    pub greeting: Duration,
    /// For a reply, and for the whole of a listing.
    pub reply: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the next byte of a message.
    pub idle: Duration,
    /// For a whole message.
    pub retrieve: Duration,
    /// For the reply to QUIT: only then are messages really deleted (RFC 1939 §6).
    pub quit: Duration,
}

impl Default for Pop3Timeouts {
    fn default() -> Self {
        Self {
            greeting: GREETING_MAX,
            reply: POP3_REPLY_MAX,
            handshake: HANDSHAKE_MAX,
            idle: POP3_IDLE_MAX,
            retrieve: POP3_RETRIEVE_MAX,
            quit: POP3_REPLY_MAX.max(QUIT_MAX),
        }
    }
}
