//! The walk through a small tree of zones, whose servers sit at addresses of 127.0.0.0/8 and are right, lame, silent or missing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use abprall_mail::Domain;
use abprall_route::observe::delegation::walk_on_port;
use abprall_route::observe::dns::{DnsClient, DnsServer};
use abprall_route::observe::log::Log;
use abprall_route::{DelegationSurvey, DnsOutcome, NetworkGuard, Observations, Rcode, ServerRole};
use domain::base::iana::{Rcode as WireRcode, Rtype};
use domain::base::{MessageBuilder, Serial, Ttl};
use domain::rdata::{A, Mx, Ns, Soa};
use tokio::time::Instant;

use crate::responder::{IN, Reply, Request, Responder, name};

const ROOT: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 1);
const TEST: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 2);
const GOOD: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 3);
const LAME: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 4);
const MUTE: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 5);
const UPWARD: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 6);

fn referral(request: &Request, zone: &str, servers: &[(&str, Option<Ipv4Addr>)]) -> Reply {
    let builder = MessageBuilder::new_vec().start_answer(&request.message, WireRcode::NOERROR).unwrap();
    let mut authority = builder.authority();
    for (host, _) in servers {
        authority.push((name(zone), IN, 60, Ns::new(name(host)))).unwrap();
    }
    let mut additional = authority.additional();
    for (host, glue) in servers {
        if let Some(glue) = glue {
            additional.push((name(host), IN, 60, A::new(*glue))).unwrap();
        }
    }
    Reply::Messages(vec![additional.finish()])
}

fn soa(zone: &str) -> Soa<domain::base::Name<Vec<u8>>> {
    let second = Ttl::from_secs(60);
    Soa::new(name(&format!("ns.{zone}")), name("h.test"), Serial(3), second, second, second, second)
}

fn authoritative(request: &Request, zone: &str) -> Reply {
    let Reply::Messages(mut messages) = request.answer(WireRcode::NOERROR, |answer| match request.rtype() {
        Rtype::SOA => answer.push((request.name(), IN, 60, soa(zone))).unwrap(),
        Rtype::MX => answer.push((request.name(), IN, 60, Mx::new(1, name("mx.d.test")))).unwrap(),
        other => panic!("{other}"),
    }) else {
        unreachable!()
    };
    messages[0][2] |= 0x04; // AA
    Reply::Messages(messages)
}

fn no_such_name(request: &Request, zone: &str) -> Reply {
    request.with_authority(WireRcode::NXDOMAIN, true, |authority| {
        authority.push((name(zone), IN, 60, soa(zone))).unwrap();
    })
}

struct World {
    servers: Vec<Responder>,
    resolver: Responder,
    port: u16,
}

/// Root, `test`, and the servers of the zones below; `resolver` answers for what has no glue.
async fn world(resolver: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> World {
    let resolver = Responder::start(resolver).await;
    // Nobody else uses these addresses: a port that is free on one is free on all.
    let root =
        Responder::at(IpAddr::V4(ROOT), 0, |request| referral(request, "test", &[("ns.test", Some(TEST))]))
            .await;
    let port = root.address.port();
    let test = Responder::at(IpAddr::V4(TEST), port, |request| {
        assert!(!request.message.header().rd());
        match request.text().as_str() {
            "d.test" => referral(
                request,
                "d.test",
                &[
                    ("good.d.test", Some(GOOD)),
                    ("lame.d.test", Some(LAME)),
                    ("mute.d.test", Some(MUTE)),
                    ("upward.d.test", Some(UPWARD)),
                    ("gone.other.test", None),
                ],
            ),
            text if text.ends_with("a.test") => referral(request, "a.test", &[("ns.b.test", None)]),
            text if text.ends_with("b.test") => referral(request, "b.test", &[("ns.a.test", None)]),
            _ => no_such_name(request, "test"),
        }
    })
    .await;
    let good = Responder::at(IpAddr::V4(GOOD), port, |request| authoritative(request, "d.test")).await;
    let lame =
        Responder::at(IpAddr::V4(LAME), port, |request| request.answer(WireRcode::REFUSED, |_| {})).await;
    let mute = Responder::at(IpAddr::V4(MUTE), port, |_| Reply::Nothing).await;
    let upward =
        Responder::at(IpAddr::V4(UPWARD), port, |request| referral(request, ".", &[("root.test", None)]))
            .await;
    World { servers: vec![root, test, good, lame, mute, upward], resolver, port }
}

impl World {
    async fn walk(&self, domain: &str) -> (DelegationSurvey, Observations) {
        let dns = DnsClient::new(Arc::new(NetworkGuard::allowing(vec!["127.0.0.0/8".parse().unwrap()])));
        let (resolver, log) = (DnsServer::resolver(self.resolver.address), Log::new());
        let deadline = Instant::now() + Duration::from_secs(10);
        let domain = Domain::parse(domain).unwrap();
        let survey =
            walk_on_port(&dns, &resolver, &domain, &[IpAddr::V4(ROOT)], &log, deadline, self.port).await;
        (survey, log.take())
    }

    fn questions(&self) -> usize {
        self.servers.iter().map(Responder::asked).sum()
    }
}

fn knows_nothing(request: &Request) -> Reply {
    match request.text().as_str() {
        "gone.other.test" => no_such_name(request, "test"),
        _ => request.answer(WireRcode::SERVFAIL, |_| {}),
    }
}

#[tokio::test]
async fn every_name_server_of_the_zone_shows_what_it_is() {
    let world = world(knows_nothing).await;
    let (survey, seen) = world.walk("d.test").await;
    assert_eq!(survey.zone.as_deref(), Some("d.test"));
    let parents: Vec<_> = survey.parents.iter().map(|id| seen.dns(*id).unwrap()).collect();
    assert_eq!(
        parents.iter().map(|fact| fact.server.ip()).collect::<Vec<_>>(),
        [IpAddr::V4(ROOT), IpAddr::V4(TEST)]
    );
    assert!(
        parents.iter().all(|fact| fact.role == ServerRole::Parent && fact.answer().unwrap().is_referral())
    );

    let server = |host: &str| survey.servers.iter().find(|server| server.name == host).unwrap();
    let outcome = |host: &str| seen.dns(server(host).soa[0]).unwrap();
    let good = outcome("good.d.test").answer().unwrap();
    assert!(good.aa && good.soa.as_ref().unwrap().serial == 3);
    assert_eq!(seen.dns(server("good.d.test").mx[0]).unwrap().answer().unwrap().records.len(), 1);
    assert_eq!(outcome("lame.d.test").answer().unwrap().rcode, Rcode::Refused);
    assert_eq!(outcome("mute.d.test").outcome, DnsOutcome::Silence);
    let upward = outcome("upward.d.test").answer().unwrap();
    assert!(upward.is_referral() && upward.referral[0].zone == ".");
    let gone = server("gone.other.test");
    assert!(gone.soa.is_empty() && gone.lookups.len() == 2);
    assert_eq!(seen.dns(gone.lookups[0]).unwrap().answer().unwrap().rcode, Rcode::NxDomain);
}

#[tokio::test]
async fn a_domain_that_the_registry_does_not_know_has_no_zone() {
    let world = world(knows_nothing).await;
    let (survey, seen) = world.walk("nobody.test").await;
    assert_eq!(survey.zone, None);
    assert!(survey.servers.is_empty());
    let last = seen.dns(*survey.parents.last().unwrap()).unwrap().answer().unwrap();
    assert!(last.aa && last.rcode == Rcode::NxDomain);
}

#[tokio::test]
async fn zones_that_name_servers_in_each_other_end_the_walk() {
    let world = world(|request| request.answer(WireRcode::SERVFAIL, |_| {})).await;
    let start = Instant::now();
    let (survey, seen) = world.walk("a.test").await;
    assert_eq!(survey.zone.as_deref(), Some("a.test"));
    assert!(survey.servers[0].soa.is_empty(), "its address cannot be found");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(world.questions() + world.resolver.asked() < 100 && seen.len() < 100);
}

#[tokio::test]
async fn without_any_root_nothing_is_claimed() {
    let world = world(knows_nothing).await;
    let dns = DnsClient::new(Arc::new(NetworkGuard::default()));
    let log = Log::new();
    let (resolver, domain) = (DnsServer::resolver(world.resolver.address), Domain::parse("d.test").unwrap());
    let deadline = Instant::now() + Duration::from_secs(5);
    let survey =
        walk_on_port(&dns, &resolver, &domain, &[IpAddr::V4(ROOT)], &log, deadline, world.port).await;
    let seen = log.take();
    assert_eq!(survey.zone, None);
    assert_eq!(seen.dns(survey.parents[0]).unwrap().outcome, DnsOutcome::Forbidden);
    assert_eq!(world.questions(), 0, "the guard holds for the walk");
}
