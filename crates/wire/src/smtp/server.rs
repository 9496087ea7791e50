//! The server's side of SMTP (RFC 5321) and LMTP (RFC 2033), for a server that takes mail for its owner and relays none.
//!
//! Spoken: PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), CHUNKING (RFC 3030),
//! ENHANCEDSTATUSCODES (RFC 2034), DSN (RFC 3461), STARTTLS (RFC 3207). Not spoken, on purpose: AUTH, BINARYMIME, EXPN, ETRN.

mod answer;
mod config;
mod envelope;
mod request;
mod session;

pub use answer::{MessageAnswer, RecipientAnswer};
pub use config::{Protocol, ServerConfig, ServerLimits, ServerTimeouts, TlsUse};
pub use envelope::{
    AddressEncoding, BodyType, Encryption, Envelope, Notify, Occasion, OriginalRecipient, Recipient,
    Returned, ReversePath,
};
pub use session::{Discarded, ServerAction, ServerSession, SessionEnd};
