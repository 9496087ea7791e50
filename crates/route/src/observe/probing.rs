//! Conversations with mail servers within one survey: every one becomes an observation, also the one that did not take place.

use std::net::IpAddr;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::observe::log::Log;
use crate::observe::probe::{ProbeTarget, Prober};
use crate::{AddressState, Fact, ObservationId, SmtpFact, TlsFact};

/// Which address families mail servers are contacted over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Families {
    /// Both.
    #[default]
    Both,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl Families {
    /// Whether an address of this family is contacted.
    pub fn include(self, address: IpAddr) -> bool {
        match self {
            Families::Both => true,
            Families::Ipv4 => address.is_ipv4(),
            Families::Ipv6 => address.is_ipv6(),
        }
    }
}

/// Probes within one survey.
pub(crate) struct Probing<'a> {
    pub(crate) prober: &'a Prober,
    pub(crate) families: Families,
    pub(crate) log: &'a Log,
    /// The end of the survey.
    pub(crate) deadline: Instant,
}

impl Probing<'_> {
    /// Talks with the mail server, unless its family is turned off or there is no time left.
    pub(crate) async fn probe(&self, target: &ProbeTarget) -> ObservationId {
        let seen = if self.families.include(target.address) {
            probe(self.prober, target, self.deadline).await
        } else {
            not_probed(target, "its address family is turned off")
        };
        self.keep(seen)
    }

    /// Notes that an address was left out on purpose.
    pub(crate) fn leave(&self, target: &ProbeTarget, why: &str) -> ObservationId {
        self.keep(not_probed(target, why))
    }

    /// Keeps a conversation that took place.
    pub(crate) fn keep(&self, (at, took_ms, fact): Talk) -> ObservationId {
        self.log.keep(at, took_ms, fact.address.to_string(), Fact::Smtp(fact))
    }
}

/// A conversation: when it began, how many milliseconds it took, and what was said.
pub(crate) type Talk = (Timestamp, u64, SmtpFact);

/// Talks with a mail server until the deadline.
pub(crate) async fn probe(prober: &Prober, target: &ProbeTarget, deadline: Instant) -> Talk {
    if deadline <= Instant::now() {
        return not_probed(target, "the time was over before its turn came");
    }
    // The prober keeps its deadline by itself; what it waits for at the gate may not.
    match timeout_at(deadline, prober.probe(target, deadline)).await {
        Ok(talk) => talk,
        Err(_) => not_probed(target, "the time was over before it was done"),
    }
}

fn not_probed(target: &ProbeTarget, why: &str) -> Talk {
    let fact = SmtpFact {
        host: target.host.clone(),
        address: target.address,
        port: target.port,
        state: AddressState::NotProbed,
        detail: Some(why.to_owned()),
        connect_ms: None,
        greeting_ms: None,
        greeting: None,
        ehlo: None,
        capabilities: Vec::new(),
        tls: TlsFact::NotTried,
        transcript: Vec::new(),
        from_cache: false,
    };
    (Timestamp::now(), 0, fact)
}

/// Whether a connection was tried and did not come about.
pub(crate) fn failed_to_connect(state: AddressState) -> bool {
    match state {
        AddressState::Refused | AddressState::Timeout | AddressState::Unreachable => true,
        AddressState::Ok
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Greeting4xx
        | AddressState::Greeting5xx
        | AddressState::EhloRejected
        | AddressState::Forbidden
        | AddressState::NotProbed => false,
    }
}
