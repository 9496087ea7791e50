use abprall_bounce::Kind;
use abprall_mail::{BounceType, Party, Reason};
use abprall_policy::Outcome;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::{BrakeRow, Summary};

/// A stretch of whole days in UTC, both ends included; open where nothing is said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Period {
    /// The first day.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Date))]
    pub since: Option<Date>,
    /// The last day.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Date))]
    pub until: Option<Date>,
}

/// How things went over a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trends {
    /// Reasons, domains and hosts of the period; what is stopped, and the messages, at present.
    #[serde(flatten)]
    pub summary: Summary,
    /// Reports by day, oldest first; days without any are not named.
    pub by_day: Vec<DayRow>,
    /// Providers by failures, most first.
    pub providers: Vec<ProviderRow>,
    /// Providers with failures.
    pub providers_total: u64,
    /// Servers by failures of the way there or of the domain itself, most first.
    pub route_hosts: Vec<RouteHostRow>,
    /// Servers with such failures.
    pub route_hosts_total: u64,
    /// Addresses that reports ever spoke of.
    pub addresses_known: u64,
    /// Domains that came back, newest first.
    pub recoveries: Vec<RecoveryRow>,
    /// All that came back.
    pub recovered: Recovered,
    /// Removals that wait for the end of an incident, at present.
    pub pending: u64,
    /// How far the domains that fail on the way there have been looked at, at present.
    pub looks: Looks,
    /// Brakes that are on at present.
    pub brakes: Vec<BrakeRow>,
}

/// Reports of one day and one sort.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DayRow {
    /// The day.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub day: Date,
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

/// The failures at one provider: the operator of the mail hosts where it is known, else the domain itself.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderRow {
    /// The registrable domain of its mail hosts, or the recipient domain.
    pub provider: String,
    /// Recipient domains with failures.
    pub domains: u64,
    /// Failures.
    pub failures: u64,
    /// Of these, hard bounces.
    pub hard: u64,
    /// Of these, refusals because of the sender or the message.
    pub blocked: u64,
    /// The most frequent reason.
    pub reason: Reason,
}

/// The failures of mail routing that one server spoke of.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteHostRow {
    /// The server.
    pub host: String,
    /// Failures of the way there or of the domain itself.
    pub failures: u64,
    /// The first day of the period with such a failure.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub first_day: Date,
    /// The last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date))]
    pub last_day: Date,
    /// The most frequent reason.
    pub reason: Reason,
}

/// A domain whose addresses came back.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryRow {
    /// The domain.
    pub domain: String,
    /// When its last address came back.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Addresses that came back because the domain takes mail again.
    pub reinstated: u64,
    /// Addresses that were released because the claim did not hold, or the fault was our own.
    pub released: u64,
}

/// Sums over all recoveries of a period.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recovered {
    /// Domains.
    pub domains: u64,
    /// Addresses that came back because their domain takes mail again.
    pub reinstated: u64,
    /// Addresses that were released.
    pub released: u64,
}

/// How far the domains that fail on the way there have been looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Looks {
    /// Domains with failures of mail routing that nobody has looked at.
    pub not_looked: u64,
    /// Domains whose last look saw nothing, because our own resolver or network did not work: nothing was decided for them.
    pub blind: u64,
    /// Whether all of the newest looks, at whatever domain, ended so.
    pub all_blind: bool,
}
