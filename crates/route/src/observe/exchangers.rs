//! From a domain to its mail exchangers and their addresses (RFC 5321 §5.1).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use abprall_mail::Domain;
use tokio::time::Instant;

use super::concurrently;
use super::contact::Contact;
use super::dns::Question;
use super::log::Log;
use super::lookups::{Lookups, Seen};
use super::signal::Signal;
use crate::limits::{EXCHANGER_ADDRESSES_MAX, EXCHANGERS_LOOKED_UP_MAX, LOOKUP_TIME_MAX};
use crate::{
    DnsAnswer, DnsFact, DnsOutcome, ExchangerSurvey, Fact, ObservationId, Rcode, RecordData, RecordType,
    TargetSurvey,
};

/// What DNS says about where mail for a domain goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MailRoute {
    /// See [`Survey::mx_lookups`](crate::Survey::mx_lookups).
    pub mx_lookups: Vec<ObservationId>,
    /// See [`Survey::mx_unchecked`](crate::Survey::mx_unchecked).
    pub mx_unchecked: Option<ObservationId>,
    /// See [`Survey::own_addresses`](crate::Survey::own_addresses).
    pub own_addresses: Vec<ObservationId>,
    /// The exchangers, best preference first; equal ones in the order of the resolver.
    pub exchangers: Vec<FoundExchanger>,
}

/// One exchanger and where it can be reached.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundExchanger {
    /// Its entry in the survey; without targets where nobody was contacted.
    pub survey: ExchangerSurvey,
    /// Its addresses: IPv4 first, each family in the order of the resolver.
    pub addresses: Vec<IpAddr>,
    /// `_25._tcp.HOST` TLSA, where MX and an address are authenticated.
    pub tlsa: Option<Arc<Seen>>,
}

/// What was found out about one host name.
#[derive(Clone, Debug, Default)]
struct Host {
    lookups: Vec<ObservationId>,
    registrable: Option<ObservationId>,
    addresses: Vec<IpAddr>,
    tlsa: Option<(ObservationId, Arc<Seen>)>,
    targets: Vec<TargetSurvey>,
}

/// Whether the answer that named a host was authenticated, so that its TLSA records count (RFC 7672 §2.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum MxSecurity {
    Authenticated,
    Insecure,
}

/// Looks up the exchangers of a domain at our resolver. The other resolvers are asked for its MX only.
///
/// Where our resolver fails, the exchangers come from the first other one that answers, else from the answer with checking disabled:
/// that they are listed does not mean that our resolver knows them; see `mx_lookups`.
pub async fn find_exchangers(lookups: &Lookups, domain: &Domain, log: &Log, deadline: Instant) -> MailRoute {
    Search { lookups, domain, log, deadline, contact: None, trouble: &Signal::default() }.run().await
}

/// As [`find_exchangers`], and every host is contacted as soon as its addresses are known, whatever the others wait for.
///
/// `trouble` is raised at the first lookup that only the name servers themselves can explain.
pub(crate) async fn contact_exchangers(
    lookups: &Lookups,
    domain: &Domain,
    contact: &Contact<'_>,
    trouble: &Signal,
    log: &Log,
    deadline: Instant,
) -> MailRoute {
    Search { lookups, domain, log, deadline, contact: Some(contact), trouble }.run().await
}

struct Search<'a> {
    lookups: &'a Lookups,
    domain: &'a Domain,
    log: &'a Log,
    deadline: Instant,
    contact: Option<&'a Contact<'a>>,
    trouble: &'a Signal,
}

impl Search<'_> {
    async fn run(&self) -> MailRoute {
        let mut route = MailRoute::default();
        let question = Question::new(self.domain.as_str(), RecordType::Mx);
        let servers = std::iter::once(self.lookups.resolver()).chain(self.lookups.others());
        let answers = concurrently::all(servers.map(|server| async {
            let seen = self.lookups.ask(&question, server, self.lookup_deadline()).await;
            // Another resolver may fail as well; what is made of it is the judge's affair.
            if !exists(&seen.fact) {
                self.trouble.raise();
            }
            (self.keep(&seen), seen.fact)
        }))
        .await;
        route.mx_lookups = answers.iter().map(|(id, _)| *id).collect();
        let mut facts: Vec<DnsFact> = answers.into_iter().map(|(_, fact)| fact).collect();

        if facts[0].answer().is_some_and(|answer| answer.rcode == Rcode::ServFail) {
            let unchecked = Question { checking_disabled: true, ..question.clone() };
            let seen = self.lookups.ask(&unchecked, self.lookups.resolver(), self.lookup_deadline()).await;
            route.mx_unchecked = Some(self.keep(&seen));
            facts.push(seen.fact);
        }

        let Some(answer) = facts.iter().filter_map(DnsFact::answer).find(|answer| is_usable(answer)) else {
            return route;
        };
        if answer.records.is_empty() {
            if answer.is_nodata() {
                self.add_implicit(&mut route).await;
            }
        } else {
            self.add_listed(&mut route, answer).await;
        }
        route
    }

    /// No MX: the domain itself is the host, unless it is certain to have no address.
    async fn add_implicit(&self, route: &mut MailRoute) {
        let (mut host, answers) = self.addresses_of(self.domain.as_str()).await;
        route.own_addresses.clone_from(&host.lookups);
        // A failed lookup leaves open whether there is an address.
        let failed = answers.iter().any(|seen| !seen.fact.answer().is_some_and(is_usable));
        if failed || host.addresses.is_empty() {
            self.trouble.raise();
        }
        if failed || !host.addresses.is_empty() {
            host.targets = self.contacted(self.domain.as_str(), &host.addresses, None).await;
            route.exchangers.push(found(0, self.domain.as_str(), true, host));
        }
    }

    async fn add_listed(&self, route: &mut MailRoute, answer: &DnsAnswer) {
        let security = if answer.ad { MxSecurity::Authenticated } else { MxSecurity::Insecure };
        let mut listed: Vec<(u16, &str)> = answer
            .records
            .iter()
            .filter_map(|record| {
                let RecordData::Mx { preference, exchange } = &record.data else { return None };
                Some((*preference, exchange.as_str()))
            })
            .collect();
        listed.sort_by_key(|(preference, _)| *preference);

        let mut names: Vec<&str> = Vec::new();
        for (_, host) in &listed {
            if names.len() < EXCHANGERS_LOOKED_UP_MAX && !names.contains(host) {
                names.push(host);
            }
        }
        let hosts = concurrently::all(names.iter().map(|name| self.host(name, security))).await;
        let hosts: HashMap<&str, Host> = names.into_iter().zip(hosts).collect();
        route.exchangers = listed
            .into_iter()
            .map(|(preference, name)| {
                found(preference, name, false, hosts.get(name).cloned().unwrap_or_default())
            })
            .collect();
    }

    async fn host(&self, name: &str, security: MxSecurity) -> Host {
        // The null MX (RFC 7505).
        if name == "." {
            return Host::default();
        }
        if let Some(address) = ip_literal(name) {
            let targets = self.contacted(name, &[address], None).await;
            return Host { addresses: vec![address], targets, ..Host::default() };
        }
        // The TLSA records are asked together with the addresses: where those are authenticated, they are remembered by then.
        let asks_tlsa = security == MxSecurity::Authenticated && self.contact.is_none_or(Contact::uses_dane);
        let ahead = async {
            if asks_tlsa {
                self.lookups.host(&tlsa_name(name), RecordType::Tlsa, self.deadline).await;
            }
        };
        let ((mut host, answers), ()) = tokio::join!(self.addresses_of(name), ahead);
        if !answers.iter().all(|seen| exists(&seen.fact)) && self.is_ours(name) {
            self.trouble.raise();
        }
        let answers: Vec<&DnsAnswer> = answers.iter().filter_map(|seen| seen.fact.answer()).collect();
        let secure = answers.iter().find(|answer| answer.ad && !answer.records.is_empty());
        if let Some(secure) = secure.filter(|_| asks_tlsa) {
            host.tlsa = Some(self.tlsa_of(name, secure).await);
        }
        let gone = answers.iter().any(|answer| answer.rcode == Rcode::NxDomain);
        let registrable = async { if gone { self.registrable_of(name).await } else { None } };
        let tlsa = host.tlsa.as_ref().map(|(_, seen)| &**seen);
        let (targets, registrable) = tokio::join!(self.contacted(name, &host.addresses, tlsa), registrable);
        (host.targets, host.registrable) = (targets, registrable);
        host
    }

    /// Where the host is an alias, the name at its end counts first (RFC 7672 §2.2.3).
    async fn tlsa_of(&self, name: &str, addresses: &DnsAnswer) -> (ObservationId, Arc<Seen>) {
        if let Some(end) = addresses.aliases.last() {
            let seen = self.tlsa_at(end).await;
            if !seen.1.fact.answer().is_some_and(|answer| is_usable(answer) && answer.records.is_empty()) {
                return seen;
            }
        }
        self.tlsa_at(name).await
    }

    async fn tlsa_at(&self, base: &str) -> (ObservationId, Arc<Seen>) {
        let seen = self.lookups.host(&tlsa_name(base), RecordType::Tlsa, self.deadline).await;
        (self.keep(&seen), seen)
    }

    async fn contacted(&self, name: &str, addresses: &[IpAddr], tlsa: Option<&Seen>) -> Vec<TargetSurvey> {
        match self.contact {
            Some(contact) => contact.host(name, addresses, tlsa).await,
            None => Vec::new(),
        }
    }

    /// Whether a host lies in the registrable domain of the domain, so that a walk to the domain's zone may explain it.
    fn is_ours(&self, name: &str) -> bool {
        let zone = self.domain.registrable().unwrap_or(self.domain.as_str());
        Domain::parse(name).is_ok_and(|host| host.is_within(zone))
    }

    async fn addresses_of(&self, name: &str) -> (Host, [Arc<Seen>; 2]) {
        let (v4, v6) = tokio::join!(
            self.lookups.host(name, RecordType::A, self.deadline),
            self.lookups.host(name, RecordType::Aaaa, self.deadline),
        );
        let mut host = Host { lookups: vec![self.keep(&v4), self.keep(&v6)], ..Host::default() };
        host.addresses = [&v4, &v6].iter().flat_map(|seen| addresses_in(&seen.fact)).collect();
        host.addresses.truncate(EXCHANGER_ADDRESSES_MAX);
        (host, [v4, v6])
    }

    /// SOA of the registrable domain of a host that does not exist. Not asked where it is that of the domain itself, which answers.
    async fn registrable_of(&self, name: &str) -> Option<ObservationId> {
        let host = Domain::parse(name).ok()?;
        let registrable = host.registrable()?;
        if self.domain.registrable() == Some(registrable) {
            return None;
        }
        let seen = self.lookups.host(registrable, RecordType::Soa, self.deadline).await;
        Some(self.keep(&seen))
    }

    fn keep(&self, seen: &Seen) -> ObservationId {
        self.log.keep(seen.at, seen.took_ms, seen.fact.name.clone(), Fact::Dns(seen.fact.clone()))
    }

    fn lookup_deadline(&self) -> Instant {
        self.deadline.min(Instant::now() + LOOKUP_TIME_MAX)
    }
}

/// An answer from which something follows about the exchangers.
fn is_usable(answer: &DnsAnswer) -> bool {
    match answer.rcode {
        Rcode::NoError | Rcode::NxDomain => true,
        Rcode::FormErr
        | Rcode::ServFail
        | Rcode::NotImp
        | Rcode::Refused
        | Rcode::NotAuth
        | Rcode::Other(_) => false,
    }
}

/// Where the TLSA records of mail servers are (RFC 7672 §2.2).
fn tlsa_name(host: &str) -> String {
    format!("_25._tcp.{host}")
}

/// Whether a name is there, be it without records of the type.
fn exists(fact: &DnsFact) -> bool {
    fact.answer().is_some_and(|answer| answer.rcode == Rcode::NoError)
}

/// The addresses of an answer, in its order.
pub(super) fn addresses_in(fact: &DnsFact) -> Vec<IpAddr> {
    let DnsOutcome::Answer(answer) = &fact.outcome else { return Vec::new() };
    let mut addresses = Vec::new();
    for record in &answer.records {
        if let RecordData::A { address } = &record.data {
            addresses.push(IpAddr::V4(*address));
        } else if let RecordData::Aaaa { address } = &record.data {
            addresses.push(IpAddr::V6(*address));
        }
    }
    addresses
}

/// An MX that names an address where a name belongs. Some mail servers connect to it, others do not.
fn ip_literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_suffix('.').unwrap_or(host);
    let bare = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bare);
    // Dots within a label are escaped.
    bare.replace("\\.", ".").parse().ok()
}

fn found(preference: u16, host: &str, implicit: bool, details: Host) -> FoundExchanger {
    let (tlsa, tlsa_seen) = details.tlsa.unzip();
    FoundExchanger {
        survey: ExchangerSurvey {
            preference,
            host: host.to_owned(),
            implicit,
            lookups: details.lookups,
            registrable: details.registrable,
            tlsa,
            targets: details.targets,
        },
        addresses: details.addresses,
        tlsa: tlsa_seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_place_of_a_host_name_are_known() {
        for (host, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1.", "192.0.2.1"),
            (r"192\.0\.2\.1", "192.0.2.1"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(ip_literal(host), Some(address.parse().unwrap()), "{host}");
        }
        for host in ["mx.example.com", "1.2.3", "192.0.2.1.example"] {
            assert_eq!(ip_literal(host), None, "{host}");
        }
    }
}
