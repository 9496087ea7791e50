use abprall_mail::Reason;
use abprall_policy::{Brake, IncidentEvent};
use jiff::Timestamp;
use serde::Serialize;

use crate::DecisionRecord;

/// What belongs together: addresses of a domain, domains behind an operator, or a provider's bad hour.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// What it is about: `domain:NAME`, `operator:NAME` or `brake:PROVIDER`.
    pub key: String,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub opened_at: Timestamp,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub closed_at: Option<Timestamp>,
    /// The first claim.
    pub reason: Option<Reason>,
    /// Domains in it.
    pub domains: u64,
    /// Addresses that it stopped.
    pub addresses: u64,
}

/// An incident with its timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentStory {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// Its domains, at most 1,000.
    pub domain_names: Vec<String>,
    /// What happened, oldest first; at most the newest 1,000.
    pub events: Vec<IncidentRecord>,
}

/// One event of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentRecord {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// What.
    pub event: IncidentEvent,
    /// The domain that it is about.
    pub domain: Option<String>,
    /// How many addresses.
    pub addresses: u64,
    /// In words, or the words of a server.
    pub detail: Option<String>,
    /// The look that it rests on.
    pub observation: Option<i64>,
}

/// Which incidents are listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IncidentFilter {
    /// Only those that are not over.
    pub open: bool,
    /// Only those that this domain is in.
    pub domain: Option<String>,
}

/// The brake of one provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrakeRow {
    /// The provider; empty: the whole house.
    pub provider: String,
    /// Its brake.
    pub brake: Brake,
    /// The incident, where removals are, or were, frozen.
    pub incident: Option<i64>,
}

/// A removal that waits for the end of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingRemoval {
    /// The incident.
    pub incident: i64,
    /// The decision.
    pub decision: DecisionRecord,
}

/// What becomes of all pending removals of an incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Settlement {
    /// They are carried out: the addresses are suppressed.
    Apply,
    /// They are dropped: the addresses may be sent to.
    Drop,
}
