use abprall_mail::Reason;
use abprall_policy::Stop;
use jiff::Timestamp;

use crate::{Audience, Standing, State, Subject};

/// A person's own decision to stop somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct StopOrder {
    /// How.
    pub stop: Stop,
    /// Why.
    pub reason: Reason,
    /// Until when; `None`: until it is lifted.
    pub until: Option<Timestamp>,
    /// For whose mail.
    pub audience: Audience,
    /// A note for those who ask later.
    pub note: Option<String>,
}

/// Which stops are listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopFilter {
    /// Only held, or only suppressed ones.
    pub state: Option<State>,
    /// Only those for this reason.
    pub reason: Option<Reason>,
    /// Only those of this tenant.
    pub tenant: Option<String>,
    /// Only those of this list.
    pub list: Option<String>,
}

/// One stop, as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StopRow {
    /// How it stands.
    pub standing: Standing,
    /// For whose mail.
    pub audience: Audience,
}

/// A stop that comes from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedStop {
    /// Whom.
    pub subject: Subject,
    /// How.
    pub stop: Stop,
    /// Why.
    pub reason: Reason,
    /// Since when; `None`: since now.
    pub since: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// For whose mail.
    pub audience: Audience,
    /// What is kept as its note: the file and line.
    pub note: Option<String>,
}

/// How an import is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ImportMode {
    /// All or nothing: one transaction.
    Whole,
    /// In batches: what was stored before an error stays.
    Batches,
}

/// What became of an import.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct ImportSummary {
    /// Stops that are new, or harder than those before.
    pub added: u64,
    /// Rows whose subject was already stopped as hard.
    pub kept: u64,
}
