use std::fmt;
use std::net::IpAddr;

use abprall_bounce::Issuer;
use abprall_mail::Domain;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::claim::{CauseFamily, Claim, Ownership};
use crate::{AddressState, Exchanger, HostLookup};

/// On whose side a message failed.
#[derive(
    Clone, Copy, Debug, Default, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HopSide {
    /// On ours: our mail server, resolver or configuration.
    OurSide,
    /// In the DNS of the recipient's domain: no mail server was reached.
    DestinationDomain,
    /// At a relay between us and the recipient's mail exchanger.
    RelayBetween,
    /// At the recipient's mail exchanger.
    DestinationMx,
    /// Behind the recipient's mail exchanger.
    BehindMx,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// The far end of a hop.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopEnd {
    /// A host.
    Host(String),
    /// A host of which only the address is known.
    Address(IpAddr),
    /// A mail exchanger of a domain; the bounce does not say which.
    ExchangerOf(Domain),
    /// The DNS of a domain.
    DnsOf(Domain),
}

/// The hop at which a message failed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct FailingHop {
    /// On whose side.
    pub side: HopSide,
    /// The server that had the message.
    pub from: Option<String>,
    /// Where it could not go; `None` where nothing tells, or where it failed inside `from`.
    pub to: Option<HopEnd>,
    /// Other hosts that may be meant, where the bounce does not say which and the DNS names several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<String>,
    /// Why this is believed.
    pub because: Vec<HopReason>,
}

/// Why a hop is believed to be the one that failed.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HopReason {
    /// Remote-MTA is named: the other side spoke (RFC 3464 §2.3.6).
    RemoteSpoke,
    /// No Remote-MTA: the reporting MTA speaks for itself.
    ReporterSpoke,
    /// The reporting MTA is one of ours.
    ReporterIsOurs,
    /// Whose the reporting MTA is, is not known; it is taken for ours.
    ReporterAssumedOurs,
    /// The reporting MTA is not ours: it had taken the message.
    ReporterIsForeign,
    /// The reporting MTA lies in the recipient's domain, or is its mail exchanger.
    ReporterIsExchanger,
    /// We handed the message to the reporting MTA.
    HandedToReporter,
    /// It was forwarded to an address of another domain.
    Forwarded,
    /// A reply of a routing or directory failure speaks of what lies behind the server that gives it.
    RoutingBehind,
    /// The server came again in the Received lines.
    SeenTwice,
    /// The host is read from the DNS as it is now.
    NamedByDns,
    /// The mail exchanger is our own server.
    ExchangerIsOurs,
    /// The other side is no mail exchanger of the domain.
    RemoteIsNoExchanger,
}

impl FailingHop {
    /// Where the message failed, by the claim and, where it was looked at, by the exchangers of the domain that we sent to.
    pub(crate) fn of(claim: &Claim, exchangers: Option<&[Exchanger]>) -> Self {
        let mut hop = Self { from: claim.reporting_mta.clone(), ..Self::default() };
        hop.because.push(match claim.issuer {
            Issuer::Remote => HopReason::RemoteSpoke,
            Issuer::Reporting => HopReason::ReporterSpoke,
        });
        hop.because.push(match claim.reporting_is {
            Ownership::Ours | Ownership::InferredOurs => HopReason::ReporterIsOurs,
            Ownership::Unknown => HopReason::ReporterAssumedOurs,
            Ownership::Theirs => HopReason::ReporterIsForeign,
        });
        hop.to = named_end(claim, exchangers);
        if claim.path.circle.is_some() && claim.family == CauseFamily::Loop {
            hop.because.push(HopReason::SeenTwice);
        }
        if claim.is_our_own_word() {
            hop.place_beyond_us(claim, exchangers);
        } else {
            hop.place_beyond_others(claim, exchangers);
        }
        hop
    }

    /// The host at which it failed, as far as it is known: the far end, else the server that had the message.
    pub fn host(&self) -> Option<String> {
        match &self.to {
            Some(HopEnd::Host(host)) => Some(host.clone()),
            Some(HopEnd::Address(address)) => Some(address.to_string()),
            Some(HopEnd::ExchangerOf(_) | HopEnd::DnsOf(_)) => None,
            None => self.from.clone(),
        }
    }

    /// Our own server could not hand it to the next.
    fn place_beyond_us(&mut self, claim: &Claim, exchangers: Option<&[Exchanger]>) {
        let domain = claim.final_domain.as_ref().or(claim.domain.as_ref());
        self.side = match claim.family {
            CauseFamily::DnsNegative | CauseFamily::DnsFailure | CauseFamily::NoMailByIntent
                if claim.issuer == Issuer::Reporting =>
            {
                self.to = domain.cloned().map(HopEnd::DnsOf);
                HopSide::DestinationDomain
            }
            CauseFamily::OwnResolver | CauseFamily::LocalConfig => {
                self.to = None;
                HopSide::OurSide
            }
            // "I am the best MX for that host, and do not know it."
            CauseFamily::Loop if claim.issuer == Issuer::Reporting && claim.path.circle.is_none() => {
                self.to = None;
                HopSide::OurSide
            }
            CauseFamily::RoutingBehindMx => {
                self.because.push(HopReason::RoutingBehind);
                HopSide::BehindMx
            }
            // A host that is named was at least tried.
            CauseFamily::Expired | CauseFamily::Other
                if claim.issuer == Issuer::Reporting && self.to.is_none() =>
            {
                HopSide::Unknown
            }
            CauseFamily::DnsNegative
            | CauseFamily::DnsFailure
            | CauseFamily::NoMailByIntent
            | CauseFamily::Connect
            | CauseFamily::Greeting
            | CauseFamily::SessionLost
            | CauseFamily::Tls
            | CauseFamily::RelayDenied
            | CauseFamily::Loop
            | CauseFamily::Recipient
            | CauseFamily::Policy
            | CauseFamily::RemoteSystem
            | CauseFamily::Expired
            | CauseFamily::Other => HopSide::DestinationMx,
        };
        if self.to.is_none() && self.side != HopSide::OurSide {
            self.to = domain.cloned().map(HopEnd::ExchangerOf);
        }
        if claim.final_domain.is_none() {
            self.hold_against_exchangers(claim, exchangers);
        }
        if matches!(claim.remote_is, Ownership::Ours | Ownership::InferredOurs)
            && matches!(self.to, Some(HopEnd::Host(_) | HopEnd::Address(_)))
        {
            self.because.push(HopReason::ExchangerIsOurs);
            self.side = HopSide::OurSide;
        }
    }

    fn hold_against_exchangers(&mut self, claim: &Claim, exchangers: Option<&[Exchanger]>) {
        let Some(exchangers) = exchangers else { return };
        let Some(domain) = claim.domain.as_ref() else { return };
        match &self.to {
            Some(HopEnd::ExchangerOf(_)) => self.name_exchanger(claim, domain, exchangers),
            Some(HopEnd::Host(_) | HopEnd::Address(_)) if self.side != HopSide::OurSide => {
                let known = !exchangers.is_empty() && claim.remote_host.is_some();
                if known && !exchangers.iter().any(|mx| is_same_operators(mx, self.to.as_ref())) {
                    self.because.push(HopReason::RemoteIsNoExchanger);
                    self.side = HopSide::RelayBetween;
                }
            }
            Some(HopEnd::Host(_) | HopEnd::Address(_) | HopEnd::DnsOf(_)) => {}
            // A loop that the sender found by itself: does the MX name it, or this machine's own address?
            None => {
                let local = exchangers.iter().find(|mx| names_this_machine(mx));
                if let (Some(mx), CauseFamily::Loop) = (local, claim.family) {
                    self.because.push(HopReason::NamedByDns);
                    self.side = HopSide::DestinationDomain;
                    self.to = Some(HopEnd::Host(mx.host.clone()));
                }
            }
        }
    }

    /// The bounce names no host: the exchangers of today tell which it can have been.
    fn name_exchanger(&mut self, claim: &Claim, domain: &Domain, exchangers: &[Exchanger]) {
        let usable: Vec<&Exchanger> = exchangers.iter().filter(|mx| has_addresses(mx)).collect();
        self.because.push(HopReason::NamedByDns);
        if usable.is_empty() {
            self.to = Some(HopEnd::DnsOf(domain.clone()));
            self.side = HopSide::DestinationDomain;
            return;
        }
        let was_reached = claim.issuer == Issuer::Remote;
        let fits =
            |mx: &&&Exchanger| was_reached == mx.addresses.iter().any(|to| to.state == AddressState::Ok);
        let mut candidates: Vec<&Exchanger> = usable.iter().filter(fits).copied().collect();
        if candidates.is_empty() {
            candidates = usable;
        }
        // A server that was reached is the first that works; one that was not is the last that was tried.
        let chosen = if was_reached { candidates.first() } else { candidates.last() };
        let Some(chosen) = chosen.copied() else { return };
        self.or = candidates.iter().filter(|mx| mx.host != chosen.host).map(|mx| mx.host.clone()).collect();
        self.to = Some(HopEnd::Host(chosen.host.clone()));
        if self.from.as_deref() == Some(chosen.host.as_str()) {
            self.because.push(HopReason::ExchangerIsOurs);
            self.side = HopSide::OurSide;
        } else if self.side == HopSide::Unknown {
            self.side = HopSide::DestinationMx;
        }
    }

    /// A server that is not ours had taken the message and reports.
    fn place_beyond_others(&mut self, claim: &Claim, exchangers: Option<&[Exchanger]>) {
        let reporter = claim.reporting_mta.as_deref().unwrap_or_default();
        let is_exchanger =
            is_in_domain(reporter, claim.domain.as_ref()) || is_known_exchanger(Some(reporter), exchangers);
        let was_handed = claim.path.first_foreign().is_some_and(|hop| hop.by.as_deref() == Some(reporter));
        if claim.final_domain.is_some() {
            self.because.push(HopReason::Forwarded);
        }
        self.side = if is_exchanger {
            self.because.push(HopReason::ReporterIsExchanger);
            HopSide::BehindMx
        } else if claim
            .path
            .first_foreign()
            .is_some_and(|hop| is_known_exchanger(hop.by.as_deref(), exchangers))
        {
            HopSide::BehindMx
        } else if exchangers.is_some_and(|exchangers| !exchangers.is_empty()) {
            HopSide::RelayBetween
        } else if was_handed || claim.final_domain.is_some() || claim.path.circle.is_some() {
            if was_handed {
                self.because.push(HopReason::HandedToReporter);
            }
            HopSide::BehindMx
        } else {
            HopSide::Unknown
        };
    }
}

fn is_known_exchanger(host: Option<&str>, exchangers: Option<&[Exchanger]>) -> bool {
    let (Some(host), Some(exchangers)) = (host, exchangers) else { return false };
    let end = HopEnd::Host(host.to_owned());
    exchangers.iter().any(|mx| is_same_operators(mx, Some(&end)))
}

/// The exchanger, or a host of the same registrable domain: many servers call themselves by another name than their MX (`mx.google.com`
/// answers for `aspmx.l.google.com`).
fn is_same_operators(mx: &Exchanger, end: Option<&HopEnd>) -> bool {
    if is_end(mx, end) {
        return true;
    }
    let Some(HopEnd::Host(host)) = end else { return false };
    is_in_domain(host, Domain::parse(&mx.host).ok().as_ref())
}

/// The far end that the bounce names; an address gets its name from the exchangers.
fn named_end(claim: &Claim, exchangers: Option<&[Exchanger]>) -> Option<HopEnd> {
    if let Some(host) = &claim.remote_host {
        return Some(HopEnd::Host(host.clone()));
    }
    let address = claim.remote_ip?;
    let known =
        exchangers.unwrap_or_default().iter().find(|mx| mx.addresses.iter().any(|to| to.ip == address));
    Some(known.map_or(HopEnd::Address(address), |mx| HopEnd::Host(mx.host.clone())))
}

fn is_end(mx: &Exchanger, end: Option<&HopEnd>) -> bool {
    match end {
        Some(HopEnd::Host(host)) => mx.host.trim_end_matches('.').eq_ignore_ascii_case(host),
        Some(HopEnd::Address(address)) => mx.addresses.iter().any(|to| to.ip == *address),
        Some(HopEnd::ExchangerOf(_) | HopEnd::DnsOf(_)) | None => false,
    }
}

fn has_addresses(mx: &Exchanger) -> bool {
    match mx.dns {
        HostLookup::Ok | HostLookup::Cname | HostLookup::Literal => !mx.addresses.is_empty(),
        HostLookup::Nxdomain
        | HostLookup::Nodata
        | HostLookup::Servfail
        | HostLookup::Timeout
        | HostLookup::Refused
        | HostLookup::CnameLoop
        | HostLookup::Error
        | HostLookup::Null => false,
    }
}

fn names_this_machine(mx: &Exchanger) -> bool {
    mx.addresses.iter().any(|to| to.ip.is_loopback() || to.ip.is_unspecified())
}

fn is_in_domain(host: &str, domain: Option<&Domain>) -> bool {
    let (Ok(host), Some(domain)) = (Domain::parse(host), domain) else { return false };
    domain.registrable().is_some_and(|registrable| host.is_within(registrable))
}

impl fmt::Display for HopEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HopEnd::Host(host) => f.write_str(host),
            HopEnd::Address(address) => write!(f, "[{address}]"),
            HopEnd::ExchangerOf(domain) => write!(f, "MX of {domain}"),
            HopEnd::DnsOf(domain) => write!(f, "DNS of {domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HostAddress, TlsFact};

    fn mx(host: &str, ip: &str) -> Exchanger {
        let address = HostAddress {
            ip: ip.parse().unwrap(),
            state: AddressState::Ok,
            detail: None,
            greeting: None,
            tls: TlsFact::default(),
            excluded: false,
        };
        Exchanger {
            preference: 10,
            host: host.to_owned(),
            implicit: false,
            dns: HostLookup::Ok,
            addresses: vec![address],
        }
    }

    #[test]
    fn a_server_that_calls_itself_by_another_name_is_still_the_exchanger() {
        let mx = mx("aspmx.l.google.example", "192.0.2.1");
        let is_mx = |end: HopEnd| is_same_operators(&mx, Some(&end));
        assert!(is_mx(HopEnd::Host("mx.google.example".to_owned())));
        assert!(is_mx(HopEnd::Address("192.0.2.1".parse().unwrap())));
        assert!(!is_mx(HopEnd::Host("smarthost.isp.example".to_owned())));
        assert!(!is_mx(HopEnd::Address("192.0.2.2".parse().unwrap())));
    }

    #[test]
    fn an_exchanger_at_a_loopback_address_names_the_machine_that_sends() {
        assert!(names_this_machine(&mx("localhost.example", "127.0.0.1")));
        assert!(!names_this_machine(&mx("mx.example", "192.0.2.1")));
    }
}
