use std::net::IpAddr;

use abprall_mail::Reason;
use abprall_policy::{HealthState, HostHealth};
use jiff::Timestamp;
use serde::Serialize;

/// A mail host, as lists show it: as a name in reports, or as one address that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WatchedHost {
    /// The name.
    pub host: String,
    /// The address; `None`: the row counts what reports say of the name.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ip: Option<IpAddr>,
    /// Failures that it spoke of.
    pub failures: u64,
    /// The last of them.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_failure_at: Option<Timestamp>,
    /// Why.
    pub last_reason: Option<Reason>,
    /// The health of the address; `None`: nobody has looked.
    pub health: Option<HostHealth>,
    /// What was seen last.
    pub detail: Option<String>,
    /// When it is looked at next.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_look: Option<Timestamp>,
    /// Domains whose failures the name spoke of.
    pub domains: u64,
    /// Domains whose mail host it is, as last seen.
    pub mx_of: u64,
}

/// Which hosts are listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostFilter {
    /// Only addresses of this health.
    pub health: Option<HealthState>,
    /// Only this host.
    pub host: Option<String>,
    /// Only mail hosts of this domain.
    pub domain: Option<String>,
}

/// What a list of hosts is sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HostSort {
    /// Failures, most first.
    #[default]
    Failures,
    /// The last failure, newest first.
    LastFailure,
    /// By name.
    Name,
}
