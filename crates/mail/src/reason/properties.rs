//! One row a reason, in the order of the enum.

use strum::EnumCount;

use super::Reason;
use super::Reason as R;
use crate::{Action, BounceType, Category, Party, Permanence};

/// What usually holds for a [`Reason`]; a report may say otherwise (a 4xx "user unknown" is transient).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReasonProperties {
    /// The reason that this row describes.
    pub reason: Reason,
    /// Whose side it is on.
    pub party: Party,
    /// The area of RFC 3463 §3.
    pub category: Category,
    /// Whether trying again usually helps.
    pub permanence: Permanence,
    /// What to do with the recipient.
    pub action: Action,
}

impl ReasonProperties {
    /// The bounce type by party and usual permanence.
    pub fn bounce_type(&self) -> BounceType {
        BounceType::of(self.party, self.permanence)
    }
}

pub(super) fn of(reason: Reason) -> &'static ReasonProperties {
    &TABLE[reason as usize]
}

const fn row(
    reason: Reason,
    party: Party,
    category: Category,
    permanence: Permanence,
    action: Action,
) -> ReasonProperties {
    ReasonProperties { reason, party, category, permanence, action }
}

static TABLE: [ReasonProperties; Reason::COUNT] = [
    row(R::UserUnknown, Party::Recipient, Category::Mailbox, Permanence::Permanent, Action::Suppress),
    row(R::MailboxDisabled, Party::Recipient, Category::Mailbox, Permanence::Permanent, Action::Suppress),
    row(R::MailboxFull, Party::Recipient, Category::Mailbox, Permanence::Transient, Action::Retry),
    row(R::MailboxMoved, Party::Recipient, Category::Mailbox, Permanence::Permanent, Action::Suppress),
    row(R::AddressInvalid, Party::Recipient, Category::Addressing, Permanence::Permanent, Action::Suppress),
    row(R::RecipientFiltered, Party::Recipient, Category::Mailbox, Permanence::Permanent, Action::Suppress),
    row(
        R::RecipientRestricted,
        Party::Recipient,
        Category::SecurityPolicy,
        Permanence::Permanent,
        Action::Suppress,
    ),
    row(R::OwnerChanged, Party::Recipient, Category::SecurityPolicy, Permanence::Permanent, Action::Suppress),
    row(R::DomainNotFound, Party::RecipientDomain, Category::Addressing, Permanence::Permanent, Action::Hold),
    row(
        R::NoMailRoute,
        Party::RecipientDomain,
        Category::NetworkRouting,
        Permanence::Permanent,
        Action::Hold,
    ),
    row(R::NullMx, Party::RecipientDomain, Category::Addressing, Permanence::Permanent, Action::Hold),
    row(
        R::DomainOwnerChanged,
        Party::RecipientDomain,
        Category::SecurityPolicy,
        Permanence::Permanent,
        Action::Hold,
    ),
    row(R::RoutingServerFailure, Party::Route, Category::NetworkRouting, Permanence::Permanent, Action::Hold),
    row(R::DnsFailure, Party::Route, Category::NetworkRouting, Permanence::Transient, Action::Retry),
    row(R::HostUnreachable, Party::Route, Category::NetworkRouting, Permanence::Transient, Action::Retry),
    row(R::ConnectionLost, Party::Route, Category::NetworkRouting, Permanence::Transient, Action::Retry),
    row(R::RoutingLoop, Party::Route, Category::NetworkRouting, Permanence::Permanent, Action::Hold),
    row(R::Congestion, Party::Route, Category::NetworkRouting, Permanence::Transient, Action::Retry),
    row(R::TlsFailure, Party::Route, Category::SecurityPolicy, Permanence::Transient, Action::Retry),
    row(R::RelayDenied, Party::Route, Category::SecurityPolicy, Permanence::Permanent, Action::Hold),
    row(R::DeliveryExpired, Party::Route, Category::NetworkRouting, Permanence::Transient, Action::Retry),
    row(R::SystemError, Party::Receiver, Category::MailSystem, Permanence::Transient, Action::Retry),
    row(R::SystemFull, Party::Receiver, Category::MailSystem, Permanence::Transient, Action::Retry),
    row(R::SystemUnavailable, Party::Receiver, Category::MailSystem, Permanence::Transient, Action::Retry),
    row(R::Greylisted, Party::Receiver, Category::SecurityPolicy, Permanence::Transient, Action::Retry),
    row(
        R::MailingListFailure,
        Party::Receiver,
        Category::MailSystem,
        Permanence::Undetermined,
        Action::Review,
    ),
    row(R::Blocklisted, Party::Sender, Category::SecurityPolicy, Permanence::Permanent, Action::FixSender),
    row(R::BadReputation, Party::Sender, Category::SecurityPolicy, Permanence::Permanent, Action::FixSender),
    row(
        R::AuthenticationFailed,
        Party::Sender,
        Category::SecurityPolicy,
        Permanence::Permanent,
        Action::FixSender,
    ),
    row(R::PolicyRefused, Party::Sender, Category::SecurityPolicy, Permanence::Permanent, Action::FixSender),
    row(R::RateLimited, Party::Sender, Category::SecurityPolicy, Permanence::Transient, Action::FixSender),
    row(R::SenderRejected, Party::Sender, Category::Addressing, Permanence::Permanent, Action::FixSender),
    row(R::PtrRequired, Party::Sender, Category::SecurityPolicy, Permanence::Permanent, Action::FixSender),
    row(
        R::AuthorizationRequired,
        Party::Sender,
        Category::SecurityPolicy,
        Permanence::Permanent,
        Action::FixSender,
    ),
    row(R::SpamContent, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(R::VirusContent, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(R::MessageTooBig, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(R::ContentRejected, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(R::RfcViolation, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(R::MediaUnsupported, Party::Message, Category::Content, Permanence::Permanent, Action::FixMessage),
    row(
        R::LocalConfiguration,
        Party::OwnSystem,
        Category::MailSystem,
        Permanence::Undetermined,
        Action::Investigate,
    ),
    row(
        R::AlreadySuppressed,
        Party::OwnSystem,
        Category::SecurityPolicy,
        Permanence::Permanent,
        Action::None,
    ),
    row(
        R::OwnResolverFailure,
        Party::OwnSystem,
        Category::NetworkRouting,
        Permanence::Transient,
        Action::Investigate,
    ),
    row(R::ProtocolError, Party::Unknown, Category::Protocol, Permanence::Undetermined, Action::Review),
    row(R::TooManyRecipients, Party::Unknown, Category::Protocol, Permanence::Transient, Action::Retry),
    row(R::Complaint, Party::None, Category::None, Permanence::Permanent, Action::Suppress),
    row(R::AutoReply, Party::None, Category::None, Permanence::Undetermined, Action::None),
    row(R::Unsubscribe, Party::None, Category::None, Permanence::Permanent, Action::Suppress),
    row(R::Challenge, Party::None, Category::None, Permanence::Undetermined, Action::Review),
    row(R::Delivered, Party::None, Category::None, Permanence::Undetermined, Action::None),
    row(R::Relayed, Party::None, Category::None, Permanence::Undetermined, Action::None),
    row(R::Expanded, Party::None, Category::None, Permanence::Undetermined, Action::None),
    row(R::Undetermined, Party::Unknown, Category::Undefined, Permanence::Undetermined, Action::Review),
];

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_reason_stands_in_its_own_row() {
        for reason in Reason::iter() {
            assert_eq!(of(reason).reason, reason);
        }
    }

    #[test]
    fn what_is_not_the_recipients_fault_never_suppresses() {
        for row in &TABLE {
            if matches!(row.party, Party::Sender | Party::Message | Party::OwnSystem | Party::Receiver) {
                assert!(!matches!(row.action, Action::Suppress | Action::Hold), "{}", row.reason);
            }
        }
    }
}
