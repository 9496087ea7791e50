use abprall_mail::{EmailAddress, ParseAddressError};

/// What is known of a message before it comes: all that was said up to DATA or BDAT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// What the client says that it is called. Nobody has verified it.
    pub hello: String,
    /// Whether the message comes through TLS.
    pub encryption: Encryption,
    /// Whom a bounce would go to.
    pub sender: ReversePath,
    /// The size that the client announced, in bytes (RFC 1870).
    pub size: Option<u64>,
    /// What the bytes are like.
    pub body: BodyType,
    /// Whether addresses may be UTF-8.
    pub addresses: AddressEncoding,
    /// What a DSN about it should return (RFC 3461 §4.3).
    pub returned: Option<Returned>,
    /// The sender's name for it, without xtext coding (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// The recipients that the owner accepted, in the order of RCPT.
    pub recipients: Vec<Recipient>,
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// It is not.
    Clear,
    /// By STARTTLS.
    Tls,
}

/// Whom a bounce goes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReversePath {
    /// `<>`: the message is a bounce itself, or nobody wants one.
    Null,
    /// As it was said, without angle brackets and source route. It need not be an address.
    Mailbox(String),
}

/// What the bytes of a message are like (RFC 6152).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BodyType {
    /// `7BIT`, or nothing was said.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBit,
}

/// What addresses may hold (RFC 6531).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AddressEncoding {
    /// ASCII.
    #[default]
    Ascii,
    /// UTF-8: SMTPUTF8 was said.
    Utf8,
}

/// How much of a message a DSN should return (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Returned {
    /// `FULL`.
    Full,
    /// `HDRS`.
    Headers,
}

/// A recipient as RCPT names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipient {
    /// Without angle brackets and source route; never empty. `postmaster` may stand without a domain (RFC 5321 §4.1.1.3).
    pub path: String,
    /// When the sender wants a DSN (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// Whom the sender meant before the address was rewritten (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

impl Recipient {
    /// The path as an address.
    ///
    /// # Errors
    /// When it is none: a bare `postmaster`, or what no domain can be.
    pub fn address(&self) -> Result<EmailAddress, ParseAddressError> {
        EmailAddress::parse(&self.path)
    }
}

/// When a sender wants a DSN (RFC 3461 §4.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notify {
    /// Never.
    Never,
    /// On these occasions, each once, in the order said.
    On(Vec<Occasion>),
}

/// An occasion for a DSN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Occasion {
    /// It was delivered.
    Success,
    /// It was not delivered.
    Failure,
    /// It is late.
    Delay,
}

/// Whom a sender meant (RFC 3461 §4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OriginalRecipient {
    /// The kind of address, such as `rfc822`, as it was said.
    pub kind: String,
    /// The address without xtext coding.
    pub address: String,
}
