use abprall_bounce::Kind;
use abprall_mail::{BounceType, Party, Reason};
use abprall_policy::Outcome;
use jiff::civil::Date;
use serde::Serialize;

/// How things stand altogether.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Messages that were taken.
    pub messages: u64,
    /// Of these, without a report.
    pub messages_without_report: u64,
    /// The first and the last day that reports speak of.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>))]
    pub days: Option<(Date, Date)>,
    /// What is stopped at present.
    #[serde(flatten)]
    pub stopped: Stopped,
    /// Reports by what they tell, most frequent first.
    pub reasons: Vec<ReasonRow>,
    /// Domains by failures, most first.
    pub domains: Vec<DomainRow>,
    /// Domains with failures.
    pub domains_total: u64,
    /// Servers by failures, most first.
    pub hosts: Vec<HostRow>,
    /// Servers with failures.
    pub hosts_total: u64,
}

/// How much is stopped at present.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stopped {
    /// Addresses that are suppressed.
    pub addresses_suppressed: u64,
    /// Addresses that are held.
    pub addresses_held: u64,
    /// Domains that are stopped as a whole.
    pub domains_stopped: u64,
}

/// Reports of one sort.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonRow {
    /// What they tell.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// Whose side that is on.
    pub party: Party,
    /// hard, soft, block, none.
    pub bounce_type: BounceType,
    /// What was done.
    pub outcome: Outcome,
    /// How many.
    pub reports: u64,
}

/// The failures of one recipient domain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainRow {
    /// The domain.
    pub domain: String,
    /// Failures.
    pub failures: u64,
    /// Of these, of the way there or of the domain itself.
    pub route_failures: u64,
    /// Addresses of it that are known.
    pub addresses: u64,
    /// Of these, stopped at present.
    pub stopped: u64,
    /// The most frequent reason.
    pub reason: Reason,
}

/// The failures that one server spoke of.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostRow {
    /// The server.
    pub host: String,
    /// Failures.
    pub failures: u64,
    /// Domains whose failures it spoke of; `None` where the period has an end: only the last day of each is kept.
    pub domains: Option<u64>,
    /// The most frequent reason.
    pub reason: Reason,
}
