use std::fmt;

use abprall_mail::Reason;
use jiff::Timestamp;
use serde::Serialize;

/// Which decisions are undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Taken at or after this time …
    pub from: Timestamp,
    /// … and before this one.
    pub to: Timestamp,
    /// Only about addresses of this provider (a domain, or the operator of its mail hosts).
    pub provider: Option<String>,
    /// Only for this reason.
    pub reason: Option<Reason>,
    /// Only by this rule.
    pub rule: Option<String>,
    /// Only for this tenant's mail.
    pub tenant: Option<String>,
}

/// As the audit log names it: the interval as ISO 8601 writes one, and what else was asked for. Whose mail it is stands beside it.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.to)?;
        let reason = self.reason.map(Reason::as_str);
        let asked =
            [("provider", self.provider.as_deref()), ("reason", reason), ("rule", self.rule.as_deref())];
        asked.into_iter().try_for_each(|(what, name)| name.map_or(Ok(()), |name| write!(f, " {what}={name}")))
    }
}

/// Whether it is done, or only shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// What would happen.
    Preview,
    /// It happens.
    Apply,
}

/// What an undoing does.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct RewindSummary {
    /// Decisions that are undone, each by a new one.
    pub undone: u64,
    /// Addresses and domains that may be sent to again.
    pub freed: u64,
    /// Those that stand again as before: an older stop holds them.
    pub restored: u64,
    /// Soft failures that no longer count.
    pub strikes: u64,
    /// Decisions of the window that no longer stop anybody: a later one took their place.
    pub overtaken: u64,
    /// The first of those that are freed, at most 100.
    pub examples: Vec<String>,
}
