//! The walk from the root to every name server of a zone, without a recursor: only to diagnose a failure.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use abprall_mail::Domain;
use tokio::time::Instant;

use super::concurrently;
use super::dns::{DnsClient, DnsServer, Question};
use super::exchangers::addresses_in;
use super::log::Log;
use super::lookups::ask_timed;
use crate::limits::{
    WALK_ADDRESSES_MAX, WALK_CUTS_MAX, WALK_DEPTH_MAX, WALK_PARENT_TRIES_MAX, WALK_QUESTION_TIME_MAX,
    WALK_QUESTIONS_MAX, WALK_SERVERS_MAX,
};
use crate::{
    DelegationSurvey, DnsAnswer, DnsFact, Fact, NameServerSurvey, ObservationId, Rcode, RecordData,
    RecordType, ServerRole,
};

mod roots;

pub use roots::root_hints;

/// The port of authoritative servers.
const DNS_PORT: u16 = 53;

/// Finds the zone that holds a domain by asking from the root downwards, then asks each of its name servers for SOA and MX.
///
/// Roots come from the resolver; where it does not know them, `roots` are used, and without those the built-in [`root_hints`].
/// `zone` stays empty where the parent says that there is no such domain, or where no parent could be asked: `parents` tells which.
pub async fn walk(
    dns: &DnsClient,
    resolver: &DnsServer,
    domain: &Domain,
    roots: &[IpAddr],
    log: &Log,
    deadline: Instant,
) -> DelegationSurvey {
    walk_on_port(dns, resolver, domain, roots, log, deadline, DNS_PORT).await
}

/// The walk in a world where authoritative servers listen on another port: for tests.
#[doc(hidden)]
pub async fn walk_on_port(
    dns: &DnsClient,
    resolver: &DnsServer,
    domain: &Domain,
    roots: &[IpAddr],
    log: &Log,
    deadline: Instant,
    port: u16,
) -> DelegationSurvey {
    let questions_left = AtomicU32::new(WALK_QUESTIONS_MAX);
    let mut walk = Walk { dns, resolver, domain, log, deadline, port, questions_left, roots: Vec::new() };
    walk.roots = walk.find_roots(roots).await;
    walk.run().await
}

struct Walk<'a> {
    dns: &'a DnsClient,
    resolver: &'a DnsServer,
    domain: &'a Domain,
    log: &'a Log,
    deadline: Instant,
    port: u16,
    questions_left: AtomicU32,
    roots: Vec<Server>,
}

/// A name server, with the addresses that are known of it.
#[derive(Clone, Debug, Default)]
struct Server {
    name: Option<String>,
    addresses: Vec<IpAddr>,
}

/// How far down one got.
#[derive(Debug)]
struct Descent {
    zone: String,
    servers: Vec<Server>,
    parents: Vec<ObservationId>,
    /// What the servers of the last zone said about the name, where one of them answered for itself.
    last: Option<DnsAnswer>,
}

impl Walk<'_> {
    async fn run(&self) -> DelegationSurvey {
        let domain = self.domain.as_str();
        let descent = self.descend(domain, 0).await;
        let mut survey = DelegationSurvey { zone: None, parents: descent.parents, servers: Vec::new() };
        // A registry holds domains only by delegating them, unless it says itself that the name is there.
        let answers_itself = descent.last.is_some_and(|answer| answer.rcode == Rcode::NoError);
        if is_registry(&descent.zone) && descent.zone != domain && !answers_itself {
            return survey;
        }
        let servers = descent.servers.iter().take(WALK_SERVERS_MAX);
        survey.servers = concurrently::all(servers.map(|server| self.visit(&descent.zone, server))).await;
        survey.zone = Some(descent.zone);
        survey
    }

    /// Asks one name server at each of its addresses for SOA of the zone and MX of the domain.
    async fn visit(&self, zone: &str, server: &Server) -> NameServerSurvey {
        let (addresses, lookups) = self.addresses_of(server, 0).await;
        let name = server.name.clone().unwrap_or_default();
        let mut survey = NameServerSurvey { name, lookups, soa: Vec::new(), mx: Vec::new() };
        let addresses = reachable(addresses);
        let answers = concurrently::all(addresses.iter().map(|address| async {
            let at = self.server(server, *address, ServerRole::Authority);
            let (soa, mx) = tokio::join!(
                self.ask(Question::new(zone, RecordType::Soa), &at),
                self.ask(Question::new(self.domain.as_str(), RecordType::Mx), &at),
            );
            (soa.map(|(id, _)| id), mx.map(|(id, _)| id))
        }))
        .await;
        survey.soa = answers.iter().filter_map(|(soa, _)| *soa).collect();
        survey.mx = answers.iter().filter_map(|(_, mx)| *mx).collect();
        survey
    }

    /// Follows referrals from the root to the zone that holds a name.
    async fn descend(&self, name: &str, depth: u32) -> Descent {
        let mut descent =
            Descent { zone: ".".to_owned(), servers: self.roots.clone(), parents: Vec::new(), last: None };
        for _ in 0..WALK_CUTS_MAX {
            // The name is the top of the zone: nothing lies between them.
            if descent.zone == name {
                break;
            }
            let step = self.step(name, &descent, depth).await;
            if step.next.is_some() || is_registry(&descent.zone) {
                descent.parents.extend(step.asked);
            }
            descent.last = step.answer;
            let Some((zone, servers)) = step.next else { break };
            (descent.zone, descent.servers) = (zone, servers);
        }
        descent
    }

    /// Asks the servers of a zone until one of them refers to a zone below.
    async fn step(&self, name: &str, descent: &Descent, depth: u32) -> Step {
        let role = if is_registry(&descent.zone) { ServerRole::Parent } else { ServerRole::Authority };
        let mut step = Step::default();
        let mut servers: Vec<&Server> = descent.servers.iter().collect();
        servers.sort_by_key(|server| server.addresses.is_empty());
        for server in servers {
            if step.asked.len() >= WALK_PARENT_TRIES_MAX {
                break;
            }
            let (addresses, _) = self.addresses_of(server, depth).await;
            let Some(address) = reachable(addresses).first().copied() else { continue };
            let at = self.server(server, address, role);
            let Some((id, fact)) = self.ask(Question::new(name, RecordType::Ns), &at).await else { break };
            step.asked.push(id);
            let Some(answer) = fact.answer() else { continue };
            if let Some(next) = referral(answer, &descent.zone, name) {
                step.next = Some(next);
                break;
            }
            if !answer.aa {
                continue;
            }
            // One server may serve parent and child: then it answers for the child at once.
            if let Some(zone) = zone_of(answer, name).filter(|zone| is_below(zone, &descent.zone)) {
                let servers = if zone == name { name_servers(answer) } else { Vec::new() };
                let servers = match servers.is_empty() {
                    true => self.name_servers_of(&zone, &at).await,
                    false => servers,
                };
                if !servers.is_empty() {
                    step.next = Some((zone, servers));
                    step.answer = Some(answer.clone());
                    break;
                }
            }
            // "No such name" counts double where two servers say it.
            let confirmed = step.answer.is_some();
            step.answer = Some(answer.clone());
            if confirmed || answer.rcode == Rcode::NoError {
                break;
            }
        }
        step
    }

    async fn name_servers_of(&self, zone: &str, at: &DnsServer) -> Vec<Server> {
        let answer = self.ask(Question::new(zone, RecordType::Ns), at).await;
        answer.and_then(|(_, fact)| fact.answer().map(name_servers)).unwrap_or_default()
    }

    /// The addresses of a name server: glue, else asked of the resolver, else found by a walk of their own.
    async fn addresses_of(&self, server: &Server, depth: u32) -> (Vec<IpAddr>, Vec<ObservationId>) {
        let Some(name) = server.name.as_deref().filter(|_| server.addresses.is_empty()) else {
            return (server.addresses.clone(), Vec::new());
        };
        let types = [RecordType::A, RecordType::Aaaa];
        let answers = concurrently::all(
            types.map(|record_type| self.ask(Question::new(name, record_type), self.resolver)),
        )
        .await;
        let mut ids = Vec::new();
        let mut addresses = Vec::new();
        let mut failed = false;
        for (id, fact) in answers.into_iter().flatten() {
            ids.push(id);
            addresses.extend(addresses_in(&fact));
            failed |=
                !matches!(fact.answer().map(|answer| answer.rcode), Some(Rcode::NoError | Rcode::NxDomain));
        }
        if addresses.is_empty() && failed && depth < WALK_DEPTH_MAX {
            let descent = Box::pin(self.descend(name, depth + 1)).await;
            for below in descent.servers.iter().take(WALK_PARENT_TRIES_MAX) {
                let (at, _) = Box::pin(self.addresses_of(below, depth + 1)).await;
                let Some(address) = reachable(at).first().copied() else { continue };
                let at = self.server(below, address, ServerRole::Authority);
                let Some((id, fact)) = self.ask(Question::new(name, RecordType::A), &at).await else { break };
                ids.push(id);
                addresses.extend(addresses_in(&fact));
                if fact.answer().is_some_and(|answer| answer.aa) {
                    break;
                }
            }
        }
        (addresses, ids)
    }

    async fn find_roots(&self, given: &[IpAddr]) -> Vec<Server> {
        let names = match self.ask(Question::new(".", RecordType::Ns), self.resolver).await {
            Some((_, fact)) => fact.answer().map(name_servers).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut roots = Vec::new();
        for mut server in names.into_iter().take(WALK_PARENT_TRIES_MAX) {
            let name = server.name.clone().unwrap_or_default();
            if let Some((_, fact)) = self.ask(Question::new(name, RecordType::A), self.resolver).await {
                server.addresses = addresses_in(&fact);
            }
            if !server.addresses.is_empty() {
                roots.push(server);
            }
        }
        if !roots.is_empty() {
            return roots;
        }
        let addresses = if given.is_empty() { root_hints() } else { given.to_vec() };
        addresses.into_iter().map(|address| Server { name: None, addresses: vec![address] }).collect()
    }

    fn server(&self, server: &Server, address: IpAddr, role: ServerRole) -> DnsServer {
        DnsServer { address: SocketAddr::new(address, self.port), name: server.name.clone(), role }
    }

    /// Asks and writes it down; nothing when the time or the number of questions is used up.
    async fn ask(&self, question: Question, server: &DnsServer) -> Option<(ObservationId, DnsFact)> {
        let left = self
            .questions_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let now = Instant::now();
        if left.is_err() || now >= self.deadline {
            return None;
        }
        let deadline = self.deadline.min(now + WALK_QUESTION_TIME_MAX);
        let seen = ask_timed(self.dns, &question, server, deadline).await;
        let subject = server.name.clone().unwrap_or_else(|| seen.fact.name.clone());
        let id = self.log.keep(seen.at, seen.took_ms, subject, Fact::Dns(seen.fact.clone()));
        Some((id, seen.fact))
    }
}

/// What the servers of one zone said.
#[derive(Debug, Default)]
struct Step {
    asked: Vec<ObservationId>,
    next: Option<(String, Vec<Server>)>,
    answer: Option<DnsAnswer>,
}

/// A referral that leads down towards the name. One that leads up or aside is that of a lame server.
fn referral(answer: &DnsAnswer, from: &str, name: &str) -> Option<(String, Vec<Server>)> {
    if !answer.is_referral() {
        return None;
    }
    let zone = answer.referral.first()?.zone.clone();
    if !is_below(&zone, from) || !is_within(name, &zone) {
        return None;
    }
    let servers = answer
        .referral
        .iter()
        .filter(|server| server.zone == zone)
        .map(|server| Server { name: Some(server.host.clone()), addresses: server.glue.clone() })
        .collect();
    Some((zone, servers))
}

/// The zone in whose name a server answers.
fn zone_of(answer: &DnsAnswer, name: &str) -> Option<String> {
    let zone = match &answer.soa {
        Some(soa) => soa.owner.clone(),
        None => name.to_owned(),
    };
    let has_servers = !name_servers(answer).is_empty();
    (answer.soa.is_some() || has_servers).then_some(zone).filter(|zone| is_within(name, zone))
}

fn name_servers(answer: &DnsAnswer) -> Vec<Server> {
    let mut servers = Vec::new();
    for record in &answer.records {
        if let RecordData::Ns { host } = &record.data {
            servers.push(Server { name: Some(host.clone()), addresses: Vec::new() });
        }
    }
    servers
}

/// The root and public suffixes: zones that delegate the domains of others.
fn is_registry(zone: &str) -> bool {
    zone == "." || Domain::parse(zone).is_ok_and(|zone| zone.registrable().is_none())
}

fn is_below(zone: &str, other: &str) -> bool {
    zone != other && is_within(zone, other)
}

fn is_within(name: &str, zone: &str) -> bool {
    zone == "." || name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The addresses to which this machine has a route; all where it has none to any, so that the failure is seen.
fn reachable(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let routed: Vec<IpAddr> = addresses.iter().copied().filter(|address| has_route(*address)).collect();
    let mut chosen = if routed.is_empty() { addresses } else { routed };
    chosen.truncate(WALK_ADDRESSES_MAX);
    chosen
}

/// Connecting a UDP socket sends nothing; it only asks the system for a route.
fn has_route(address: IpAddr) -> bool {
    let any: SocketAddr = match address {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    UdpSocket::bind(any).and_then(|socket| socket.connect((address, DNS_PORT))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_the_root_and_public_suffixes() {
        for zone in [".", "com", "co.uk"] {
            assert!(is_registry(zone), "{zone}");
        }
        assert!(!is_registry("example.co.uk"));
    }

    #[test]
    fn a_zone_lies_below_another_by_whole_labels() {
        assert!(is_below("example.com", "com"));
        assert!(is_below("com", "."));
        assert!(!is_below("com", "com"));
        assert!(!is_below("telecom", "com"));
        assert!(!is_below(".", "com"));
    }
}
