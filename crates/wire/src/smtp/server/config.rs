use std::time::Duration;

use crate::limits::{
    COMMAND_MAX, COMMANDS_PER_SESSION_MAX, DATA_IDLE_MAX, DATA_LINE_BYTES_MAX, DATA_MAX,
    ERRORS_PER_SESSION_MAX, HANDSHAKE_MAX, IDLE_COMMANDS_MAX, MESSAGE_BYTES_MAX, RECIPIENTS_PER_MESSAGE_MAX,
    SESSION_MAX,
};
use crate::smtp::HelloName;

/// What is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// RFC 5321: one reply for a message.
    Smtp,
    /// RFC 2033: after the message, a reply for each recipient that was accepted.
    Lmtp,
}

/// What becomes of STARTTLS (RFC 3207).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsUse {
    /// There is no certificate.
    NotOffered,
    /// Who wants to may.
    Offered,
    /// No mail in the clear.
    Required,
}

/// What a session is to be like. One value serves all sessions of a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerConfig {
    /// Our name, said in the greeting and in reply to EHLO.
    pub name: HelloName,
    /// What is spoken.
    pub protocol: Protocol,
    /// What becomes of STARTTLS.
    pub tls: TlsUse,
    /// How much is taken.
    pub limits: ServerLimits,
    /// How long is waited.
    pub timeouts: ServerTimeouts,
}

impl ServerConfig {
    /// SMTP or LMTP without TLS, with the limits and timeouts of [`crate::limits`].
    pub fn new(name: HelloName, protocol: Protocol) -> Self {
        Self {
            name,
            protocol,
            tls: TlsUse::NotOffered,
            limits: ServerLimits::default(),
            timeouts: ServerTimeouts::default(),
        }
    }
}

/// How much a session takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerLimits {
    /// Bytes of a message as it is stored; said with SIZE (RFC 1870).
    pub message_bytes: u64,
    /// Bytes of a line of a message without its end, when it is sent with DATA.
    pub data_line_bytes: usize,
    /// Recipients that are accepted for a message.
    pub recipients: usize,
    /// Errors of the client before the connection is closed. What we cannot do now is none.
    pub errors: usize,
    /// Commands in all before the connection is closed.
    pub commands: usize,
    /// Commands that bring no message forward, between two messages; each further one counts as an error.
    pub idle_commands: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES_MAX,
            data_line_bytes: DATA_LINE_BYTES_MAX,
            recipients: RECIPIENTS_PER_MESSAGE_MAX,
            errors: ERRORS_PER_SESSION_MAX,
            commands: COMMANDS_PER_SESSION_MAX,
            idle_commands: IDLE_COMMANDS_MAX,
        }
    }
}

/// How long a session waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerTimeouts {
    /// For a whole command, since the last one was done. Bytes that trickle in do not prolong it.
    pub command: Duration,
    /// For the next byte of a message.
    pub data_idle: Duration,
    /// For a whole message.
    pub data: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For everything: after that the session ends between two commands.
    pub session: Duration,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            command: COMMAND_MAX,
            data_idle: DATA_IDLE_MAX,
            data: DATA_MAX,
            handshake: HANDSHAKE_MAX,
            session: SESSION_MAX,
        }
    }
}
