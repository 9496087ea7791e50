use abprall_mail::{Domain, EmailAddress, Reason};
use abprall_policy::Stop;
use abprall_store::Audience;
use jiff::Timestamp;

/// What one record of a list turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// Somebody who is not to be sent to.
    Stop(Listed),
    /// Read and understood, but no reason to stop anybody.
    Other {
        /// The line it begins on, from 1.
        line: u64,
        /// Why not.
        why: NotAStop,
    },
    /// Could not be read.
    Bad {
        /// The line it begins on, from 1.
        line: u64,
        /// What is there, shortened.
        text: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// A stop as a list tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    /// The line it begins on, from 1.
    pub(crate) line: u64,
    /// Whom.
    pub(crate) subject: ListedSubject,
    /// How hard.
    pub(crate) stop: Stop,
    /// Why, in our words.
    pub(crate) reason: Reason,
    /// Since when, where the list says so.
    pub(crate) since: Option<Timestamp>,
    /// Until when, where the list says so.
    pub(crate) until: Option<Timestamp>,
    /// For whose mail; only our own lists say so.
    pub(crate) audience: Audience,
    /// The list's own words.
    pub(crate) note: Option<String>,
}

/// Whom an entry is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum ListedSubject {
    /// One address.
    Address(EmailAddress),
    /// A whole domain.
    Domain(Domain),
}

/// Why an entry stops nobody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotAStop {
    /// A subscriber in good standing.
    Subscribed,
    /// A refusal because of the sender or the message: the address is good.
    SendersSide,
    /// A failure that passes.
    Transient,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Problem {
    /// No address in it.
    NoAddress,
    /// An address is expected and this is none.
    BadAddress,
    /// The reason is a word that no list is known to use.
    UnknownReason,
    /// A date that cannot be read.
    BadTime,
    /// JSON that is broken here.
    BrokenJson,
    /// Longer than any entry.
    TooLong,
}
