use abprall_policy::{Case, Outcome};
use jiff::Timestamp;

/// A report as it was, for deciding it again.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedReport {
    /// The number of the report.
    pub report: i64,
    /// The number of the decision. A report that was judged anew comes once more, with the later decision.
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
    /// Until when it stops, where that was fixed.
    pub until: Option<Timestamp>,
    /// The report was stored before and judged anew: its decision is not the first one about it.
    pub again: bool,
    /// It was a removal that the brake made pending afterwards.
    pub frozen_later: bool,
}
