use abprall_mail::Reason;
use abprall_policy::{DomainHealth, HealthState, Reinstatement};
use jiff::Timestamp;
use serde::Serialize;

use crate::State;

/// A recipient domain, as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WatchedDomain {
    /// The domain.
    pub domain: String,
    /// Failures.
    pub failures: u64,
    /// Of these, of the way there or of the domain itself.
    pub route_failures: u64,
    /// Addresses that are known.
    pub addresses: u64,
    /// Addresses that are held.
    pub held: u64,
    /// Addresses that are suppressed.
    pub suppressed: u64,
    /// How the domain as a whole stands.
    pub state: State,
    /// The last failure.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_failure_at: Option<Timestamp>,
    /// Why.
    pub last_reason: Option<Reason>,
    /// The health of its routing; `None`: nobody has looked.
    pub health: Option<DomainHealth>,
    /// Whether the last look saw nothing, because our own resolver or network did not work.
    pub blind: bool,
    /// When it is looked at next.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_look: Option<Timestamp>,
    /// Its provider, where it is known.
    pub operator: Option<String>,
}

/// All that a decision about a domain needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainDetail {
    /// As lists show it.
    #[serde(flatten)]
    pub row: WatchedDomain,
    /// The way back, as it stands.
    pub reinstatement: Option<Reinstatement>,
    /// Its mail hosts, when last seen.
    pub mx_hosts: Vec<String>,
    /// The registrable domains of its name servers, when it last worked.
    pub name_servers_before: Vec<String>,
    /// The registrable domain of its mail hosts, when it last worked.
    pub operator_before: Option<String>,
    /// A reply said that its owner changed.
    pub owner_changed: bool,
    /// Addresses that wait for its recovery; no more than 10,000 are counted.
    pub waiting: u64,
    /// Deliveries to addresses of it since the last step of the way back.
    pub delivered_since_release: u64,
    /// Failures of the way there since the last step of the way back.
    pub failed_since_release: u64,
    /// The open incident that it is in.
    pub incident: Option<i64>,
}

/// Which domains are listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DomainFilter {
    /// Only those of this health.
    pub health: Option<HealthState>,
    /// Only those that are stopped as a whole.
    pub stopped: bool,
    /// Only those of this provider.
    pub operator: Option<String>,
}

/// What a list of domains is sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DomainSort {
    /// Failures, most first.
    #[default]
    Failures,
    /// Failures of the way there, most first.
    RouteFailures,
    /// Addresses that are stopped, most first.
    Stopped,
    /// The last failure, newest first.
    LastFailure,
    /// By name.
    Name,
}
