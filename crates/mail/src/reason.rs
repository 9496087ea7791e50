use serde::{Deserialize, Serialize};
use strum::{Display, EnumCount, EnumIter, EnumString, IntoStaticStr};

mod properties;

pub use properties::ReasonProperties;

use crate::{Action, BounceType, Category, Party, Permanence};

/// Why a message was not delivered, or what else a report says: a closed list.
///
/// The facts that belong to a reason are in one table, [`Reason::properties`]; the prose is in the knowledge base.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumCount,
    EnumIter,
    EnumString,
    Eq,
    Hash,
    IntoStaticStr,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The mailbox does not exist.
    UserUnknown,
    /// The mailbox exists but is switched off, suspended or inactive.
    MailboxDisabled,
    /// The mailbox is over its quota.
    MailboxFull,
    /// The mailbox has moved; mail is not forwarded.
    MailboxMoved,
    /// The address is not one that can exist: syntax, ambiguous, not allowed.
    AddressInvalid,
    /// The recipient's own filter refuses the sender (RFC 3464 gives no better word).
    RecipientFiltered,
    /// The mailbox takes mail only from certain senders (a closed group or list).
    RecipientRestricted,
    /// The mailbox belongs to somebody else since then (X.7.17, RFC 7293).
    OwnerChanged,
    /// The domain does not exist in the DNS.
    DomainNotFound,
    /// The domain exists but has no MX and no address.
    NoMailRoute,
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// The domain belongs to somebody else since then (X.7.18, RFC 7293).
    DomainOwnerChanged,
    /// A routing or directory server on the way has failed (X.4.3).
    RoutingServerFailure,
    /// The DNS gave no usable answer: SERVFAIL, timeout, refused, bogus.
    DnsFailure,
    /// No connection: refused, timed out or no route.
    HostUnreachable,
    /// The connection broke or went silent during the dialogue.
    ConnectionLost,
    /// The message goes in circles, or the best MX points back to the sender.
    RoutingLoop,
    /// Too many connections or too much traffic on the way.
    Congestion,
    /// TLS is required or was tried, and could not be set up.
    TlsFailure,
    /// The server says that it does not take mail for this domain.
    RelayDenied,
    /// The message waited in a queue until its time was over.
    DeliveryExpired,
    /// The receiving system has an error of its own.
    SystemError,
    /// The receiving system has no space left.
    SystemFull,
    /// The receiving system takes no mail at the moment.
    SystemUnavailable,
    /// Refused for now, to see whether the sender tries again (RFC 6647).
    Greylisted,
    /// A list server could not handle or expand the message.
    MailingListFailure,
    /// Our address or domain is on a block list.
    Blocklisted,
    /// Our address or domain has a bad reputation with the receiver.
    BadReputation,
    /// SPF, DKIM or DMARC did not pass.
    AuthenticationFailed,
    /// A policy of the receiver refuses us or this mail.
    PolicyRefused,
    /// We send too much or too fast.
    RateLimited,
    /// The envelope sender is refused or does not exist.
    SenderRejected,
    /// Our address has no matching reverse DNS name.
    PtrRequired,
    /// The server wants us to log in first.
    AuthorizationRequired,
    /// The content looks like spam.
    SpamContent,
    /// The content looks like malware.
    VirusContent,
    /// The message is too large.
    MessageTooBig,
    /// Something in the content is not allowed: attachment, link, header.
    ContentRejected,
    /// The message does not keep to the mail standards.
    RfcViolation,
    /// The message needs something that the receiver does not support, such as SMTPUTF8 or 8BITMIME.
    MediaUnsupported,
    /// Our own mail system is set up wrongly.
    LocalConfiguration,
    /// Our own provider or system had the address on its suppression list.
    AlreadySuppressed,
    /// Our own resolver failed.
    OwnResolverFailure,
    /// A command or its order was refused.
    ProtocolError,
    /// Too many recipients for one message or one hour.
    TooManyRecipients,
    /// The recipient marked the message as unwanted.
    Complaint,
    /// An automatic answer, such as a vacation notice.
    AutoReply,
    /// The recipient asks to be taken off the list.
    Unsubscribe,
    /// A filter asks the sender to prove to be a person.
    Challenge,
    /// The message was delivered.
    Delivered,
    /// The message went on to a system that sends no reports.
    Relayed,
    /// The message was delivered to a list and sent on.
    Expanded,
    /// No rule applied.
    Undetermined,
}

impl Reason {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What usually holds for this reason.
    pub fn properties(self) -> &'static ReasonProperties {
        properties::of(self)
    }

    /// Whose side it is on.
    pub fn party(self) -> Party {
        self.properties().party
    }

    /// The area of RFC 3463 that it belongs to.
    pub fn category(self) -> Category {
        self.properties().category
    }

    /// Whether trying again usually helps.
    pub fn usual_permanence(self) -> Permanence {
        self.properties().permanence
    }

    /// What to do when the permanence is the usual one.
    pub fn default_action(self) -> Action {
        self.properties().action
    }

    /// The bounce type when the permanence is the usual one.
    pub fn usual_bounce_type(self) -> BounceType {
        self.properties().bounce_type()
    }
}
