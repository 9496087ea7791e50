use abprall_policy::{Case, Outcome};
use jiff::Timestamp;

/// A report as it was, for deciding it again.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedReport {
    /// The number of the report.
    pub report: i64,
    /// The number of the decision that was taken about it first.
    pub decision: i64,
    /// When that was.
    pub taken_at: Timestamp,
    /// Its address as it is stored; `None` where no recipient is named.
    pub address: Option<String>,
    /// The provider of the address: the operator of its domain's mail hosts where known, else the domain.
    pub provider: Option<String>,
    /// What it says.
    pub case: Case,
    /// It is a hard bounce.
    pub is_hard: bool,
    /// What was decided.
    pub outcome: Outcome,
    /// By which rule; `same-failure` says that another report of the failure counted.
    pub rule: String,
}
