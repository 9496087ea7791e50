use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The network path to an address, as far as routers on it answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathFact {
    /// Where it leads.
    pub target: IpAddr,
    /// The hops, nearest first.
    pub hops: Vec<PathHop>,
    /// Where it ends.
    pub end: PathEnd,
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathHop {
    /// Its distance, from 1.
    pub ttl: u8,
    /// The addresses that answered; empty when none did.
    pub addresses: Vec<IpAddr>,
    /// The best round trip, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
}

/// Where a path ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum PathEnd {
    /// The target answered.
    Reached,
    /// Nothing answers behind this hop.
    Lost {
        /// The last that answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<IpAddr>,
    },
    /// The path could not be followed: the process may not open raw sockets, or the system refused.
    NotTraced {
        /// Why.
        detail: String,
    },
}
