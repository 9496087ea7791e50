use abprall_bounce::{Classification, Report};
use abprall_mail::EmailAddress;
use abprall_policy::Decision;
use jiff::Timestamp;

use crate::{Audience, ContentId};

/// One message, read and judged: what is to be decided and remembered.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Its identity.
    pub content: ContentId,
    /// Where it lay, for people.
    pub source: &'a str,
    /// When it was processed.
    pub seen_at: Timestamp,
    /// What it is when it holds no report.
    pub holds: Option<&'static str>,
    /// Whose mail came back.
    pub audience: Audience,
    /// Its reports.
    pub entries: Vec<Entry<'a>>,
}

/// One report with its judgement.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What was read.
    pub report: &'a Report,
    /// What it means.
    pub judged: &'a Classification,
}

impl<'a> Entry<'a> {
    /// The address that the list knows: what was sent to, else what failed at the far end.
    pub fn address(&self) -> Option<&'a EmailAddress> {
        self.report.original_recipient.as_ref().or(self.report.recipient.as_ref())
    }

    /// When it happened, by the report's own word as far as that can be: never after `seen_at`, never before 1982 (RFC 821).
    pub fn happened_at(&self, seen_at: Timestamp) -> Timestamp {
        let claimed = self.report.last_attempt_at.or(self.report.arrived_at);
        claimed.filter(|at| *at <= seen_at && at.as_second() > 378_691_200).unwrap_or(seen_at)
    }
}

/// What became of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Recorded {
    /// It is new; its decisions, in the order of its entries.
    New(Vec<Decided>),
    /// Its content was there before: nothing has changed.
    Known,
}

/// A decision that has been stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decided {
    /// Its number.
    pub id: i64,
    /// What was decided.
    pub decision: Decision,
    /// Whether it changed how the address stands: false where nothing is to be stopped, or something as strong stops it already.
    pub newly_stopped: bool,
}
