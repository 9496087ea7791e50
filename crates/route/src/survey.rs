//! Everything that was observed about one domain in one go, before anything is judged.

use std::net::{IpAddr, SocketAddr};

use abprall_mail::Domain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ObservationId, Observations};

/// All that was seen of the route to one domain. The input of [`judge`](crate::judge()).
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The domain.
    pub domain: Domain,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// From where it was looked at.
    pub vantage: VantageSurvey,
    /// All facts.
    pub observations: Observations,
    /// The domain's MX, asked of our resolver first and of those that it is compared with after it.
    pub mx_lookups: Vec<ObservationId>,
    /// The domain's MX asked once more with checking disabled, after SERVFAIL.
    pub mx_unchecked: Option<ObservationId>,
    /// A and AAAA of the domain itself: only where there is no MX.
    pub own_addresses: Vec<ObservationId>,
    /// The exchangers, best preference first; the implicit one where there is no MX.
    pub exchangers: Vec<ExchangerSurvey>,
    /// The walk from the parent to every name server of the zone: only after a failure, or when asked for.
    pub delegation: Option<DelegationSurvey>,
    /// MX of a label below the domain's parent that nobody can have made: answers only where there is a wildcard.
    pub wildcard: Option<ObservationId>,
    /// MTA-STS.
    pub mta_sts: Option<MtaStsSurvey>,
    /// Relays that the operator named as another way.
    pub relays: Vec<RelaySurvey>,
    /// The network path to a host, where it was asked for.
    pub path: Option<ObservationId>,
    /// Mail servers were not contacted on purpose.
    pub dns_only: bool,
    /// The deadline ended the survey before everything was seen.
    pub cut_short: bool,
}

/// From where it was looked at, and whether anything can be seen from there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VantageSurvey {
    /// Our resolver first, then those that it is compared with.
    pub resolvers: Vec<SocketAddr>,
    /// Our own address towards IPv4 networks; `None` without a route.
    pub source_ipv4: Option<IpAddr>,
    /// Our own address towards IPv6 networks; `None` without a route.
    pub source_ipv6: Option<IpAddr>,
    /// MX of the canary domains, asked of our resolver.
    pub canary_lookups: Vec<ObservationId>,
    /// Conversations with mail servers of canary domains: only where every MX failed to connect.
    pub canary_probes: Vec<ObservationId>,
}

/// One MX, or the implicit one.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangerSurvey {
    /// Lower is tried first.
    pub preference: u16,
    /// The host as the MX names it; `.` is the null MX.
    pub host: String,
    /// There is no MX: the domain itself is the host (RFC 5321 §5.1).
    pub implicit: bool,
    /// Its A and AAAA.
    pub lookups: Vec<ObservationId>,
    /// Whether the registrable domain of a host that does not exist is itself unregistered: its SOA or NS, asked after NXDOMAIN.
    pub registrable: Option<ObservationId>,
    /// `_25._tcp.HOST` TLSA: asked where MX and addresses are authenticated.
    pub tlsa: Option<ObservationId>,
    /// Its addresses, in the order of the resolver.
    pub targets: Vec<TargetSurvey>,
}

/// One address of an exchanger.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSurvey {
    /// The address.
    pub address: IpAddr,
    /// The conversation, or the note why there was none (state `forbidden` or `not_probed`).
    pub probe: ObservationId,
}

/// The delegation of the zone that holds the domain.
#[derive(Clone, Debug, PartialEq)]
pub struct DelegationSurvey {
    /// The zone, where one was found.
    pub zone: Option<String>,
    /// What the parent's servers said, from the root downwards.
    pub parents: Vec<ObservationId>,
    /// Every server that the parent names.
    pub servers: Vec<NameServerSurvey>,
}

/// One name server of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct NameServerSurvey {
    /// Its name.
    pub name: String,
    /// The lookups of its addresses: none where the parent gave glue.
    pub lookups: Vec<ObservationId>,
    /// SOA of the zone, asked at each of its addresses without recursion.
    pub soa: Vec<ObservationId>,
    /// MX of the domain, asked likewise.
    pub mx: Vec<ObservationId>,
}

/// MTA-STS of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct MtaStsSurvey {
    /// `_mta-sts.DOMAIN` TXT.
    pub record: ObservationId,
    /// The policy: only where the record announces one.
    pub policy: Option<ObservationId>,
}

/// A relay that the operator named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelaySurvey {
    /// As it was named.
    pub name: String,
    /// The conversations with its addresses.
    pub probes: Vec<ObservationId>,
}
