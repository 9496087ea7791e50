//! What is to be looked at, and what came of it. Several processes share the work: who has leased an item has it alone until the
//! lease ends.

use std::net::IpAddr;

use abprall_mail::Reason;
use abprall_policy::{Conclusion, DomainHealth, HostHealth, IncidentEvent, Reinstatement};
use jiff::Timestamp;
use serde::Serialize;
use strum::{Display, EnumString, IntoStaticStr};

use crate::NewObservation;

/// One thing to be done, leased to one process.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkItem {
    /// Its number.
    pub id: i64,
    /// What.
    pub work: Work,
    /// When it was put down.
    pub opened_at: Timestamp,
    /// When it was due.
    pub due_at: Timestamp,
    /// How often it was leased before this time.
    pub attempt: u32,
    /// Who has it.
    pub owner: String,
    /// Until when; [`complete`](crate::Store::complete) refuses it afterwards if somebody else has taken it.
    pub leased_until: Timestamp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Look at a domain for the first time: addresses of it are held.
    Investigate {
        /// The domain.
        domain: String,
        /// Why they are held.
        claim: Reason,
    },
    /// Look at a domain again.
    Recheck {
        /// The domain.
        domain: String,
    },
    /// Look at one address of a mail host again.
    RecheckHost {
        /// The host.
        host: String,
        /// Its address.
        ip: IpAddr,
    },
    /// The next step of a domain's way back.
    Release {
        /// The domain.
        domain: String,
    },
}

/// The kind of a work item, as it is stored.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WorkKind {
    /// A first look at a domain.
    Investigate,
    /// Another look at a domain.
    Recheck,
    /// Another look at a host.
    RecheckHost,
    /// A step of the way back.
    Release,
}

/// What came of a work item: all of it is stored, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkOutcome {
    /// What was seen of the domain. Becomes the evidence of every decision that follows.
    pub observation: Option<NewObservation>,
    /// The state of the domain from now on.
    pub domain: Option<DomainUpdate>,
    /// The states of hosts from now on.
    pub hosts: Vec<HostUpdate>,
    /// What follows for the domain and its held addresses.
    pub conclusion: Option<Conclusion>,
    /// Why there is no way, as it was seen; `None` where that is not plain: then it stays what was claimed.
    pub seen: Option<Reason>,
    /// The way back, as it stands from now on.
    pub reinstatement: Option<Reinstatement>,
    /// So many addresses of the domain come back now, those that took mail most lately first.
    pub release: u32,
    /// The incident that this belongs to (`incident_key`); `None`: that of the domain, where there is one.
    pub incident: Option<String>,
    /// What happened besides what the store sees itself.
    pub events: Vec<(IncidentEvent, Option<String>)>,
    /// When the domain is to be looked at again; `None`: never.
    pub next_look: Option<Timestamp>,
    /// When the next step of the way back is due.
    pub next_release: Option<Timestamp>,
}

/// The state of a domain after a look.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainUpdate {
    /// Its health.
    pub health: DomainHealth,
    /// The registrable domain of its mail hosts, where they have one in common: its provider.
    pub operator: Option<String>,
    /// The names of its mail hosts.
    pub mx_hosts: Vec<String>,
    /// The registrable domains of its name servers.
    pub name_servers: Vec<String>,
}

/// The state of one address of a host after a look.
#[derive(Clone, Debug, PartialEq)]
pub struct HostUpdate {
    /// The name.
    pub host: String,
    /// The address.
    pub ip: IpAddr,
    /// Its health.
    pub health: HostHealth,
    /// What was seen last, in the words of the server or system.
    pub detail: Option<String>,
    /// When it is to be looked at again; `None`: only together with a domain.
    pub next_look: Option<Timestamp>,
}

/// What [`complete`](crate::Store::complete) did.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Completed {
    /// The number of the stored observation.
    pub observation: Option<i64>,
    /// Addresses that may be sent to again.
    pub released: Vec<String>,
    /// The domain is stopped as a whole by this.
    pub domain_stopped: bool,
    /// The incident, where there is one.
    pub incident: Option<i64>,
}
