use strum::{Display, IntoStaticStr};

use crate::Report;

/// What [`crate::read`] understood of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// A report for each recipient that the message speaks of, in its order. Empty when it is no bounce.
    pub reports: Vec<Report>,
    /// What the message is when it holds no report.
    pub not_a_bounce: Option<NotABounce>,
    /// What was broken or cut.
    pub damage: Vec<Damage>,
}

/// What a message without a report is.
#[derive(Clone, Copy, Debug, Display, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum NotABounce {
    /// A DMARC aggregate report (RFC 7489 §7.2).
    DmarcReport,
    /// A TLS report (RFC 8460).
    TlsReport,
    /// A read receipt (MDN, RFC 8098).
    ReadReceipt,
    /// A person forwards or quotes a bounce.
    ForwardedBounce,
    /// It dresses as a bounce but wants something else.
    Phishing,
    /// A newsletter or other list mail.
    ListMail,
    /// Any other message.
    OrdinaryMail,
    /// Nothing that could be read as a message.
    Unreadable,
}

/// Something broken or cut in a message, named once however often it occurs.
#[derive(Clone, Copy, Debug, Display, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "kebab-case")]
pub enum Damage {
    /// The message is larger than we read; the rest was not looked at.
    TooLarge,
    /// A multipart names a boundary that never comes.
    MissingBoundary,
    /// The last boundary is missing: the message was cut.
    Truncated,
    /// More parts, or deeper nesting, than we read.
    TooManyParts,
    /// More recipients than we read.
    TooManyRecipients,
    /// Bytes that are not valid in their charset.
    BadCharset,
    /// A NUL byte.
    NulByte,
    /// A delivery-status part that does not keep to RFC 3464 but could be read.
    BadStatusFields,
    /// An address that could not be read.
    BadAddress,
    /// A line that was longer than we keep.
    LongLine,
}
