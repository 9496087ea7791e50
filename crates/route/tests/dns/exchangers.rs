//! From a domain to its exchangers, at a resolver that the test makes.

use std::sync::Arc;
use std::time::Duration;

use abprall_mail::Domain;
use abprall_route::observe::Lookups;
use abprall_route::observe::dns::{DnsClient, DnsServer};
use abprall_route::observe::exchangers::{MailRoute, find_exchangers};
use abprall_route::observe::log::Log;
use abprall_route::{DnsOutcome, NetworkGuard, Observations, Rcode};
use domain::base::Serial;
use domain::base::Ttl;
use domain::base::iana::{Rcode as WireRcode, Rtype};
use domain::rdata::{A, Cname, Mx, Soa};
use tokio::time::Instant;

use crate::responder::{IN, Reply, Request, Responder, name};

fn lookups(server: &Responder) -> Lookups {
    let client = DnsClient::new(Arc::new(NetworkGuard::default()));
    Lookups::new(Arc::new(client), DnsServer::resolver(server.address), Vec::new())
}

async fn find(lookups: &Lookups, domain: &str) -> (MailRoute, Observations) {
    let log = Log::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    let route = find_exchangers(lookups, &Domain::parse(domain).unwrap(), &log, deadline).await;
    (route, log.take())
}

fn negative(request: &Request, rcode: WireRcode, zone: &str) -> Reply {
    request.with_authority(rcode, false, |authority| {
        let second = Ttl::from_secs(60);
        let soa = Soa::new(name("ns.invalid"), name("h.invalid"), Serial(1), second, second, second, second);
        authority.push((name(zone), IN, 60, soa)).unwrap();
    })
}

fn address(request: &Request, last: u8, authenticated: bool) -> Reply {
    let mut bytes = request.bytes(WireRcode::NOERROR, |answer| {
        answer.push((request.name(), IN, 300, A::from_octets(192, 0, 2, last))).unwrap();
    });
    bytes[3] |= if authenticated { 0x20 } else { 0 };
    Reply::Messages(vec![bytes])
}

fn exchangers(request: &Request, list: &[(u16, &str)], authenticated: bool) -> Reply {
    let mut bytes = request.bytes(WireRcode::NOERROR, |answer| {
        for (preference, host) in list {
            answer.push((request.name(), IN, 300, Mx::new(*preference, name(host)))).unwrap();
        }
    });
    bytes[3] |= if authenticated { 0x20 } else { 0 };
    Reply::Messages(vec![bytes])
}

#[tokio::test]
async fn exchangers_come_by_preference_with_their_addresses() {
    let server = Responder::start(|request| match (request.text().as_str(), request.rtype()) {
        ("d.test", Rtype::MX) => {
            let list =
                [(20, "b.test"), (10, "z.test"), (10, "a.test"), (30, "192.0.2.9"), (40, "gone.other")];
            exchangers(request, &list, false)
        }
        ("b.test", Rtype::A) => address(request, 2, false),
        ("z.test", Rtype::A) => address(request, 26, false),
        ("a.test", Rtype::A) => request.answer(WireRcode::SERVFAIL, |_| {}),
        ("gone.other", Rtype::A | Rtype::AAAA) => negative(request, WireRcode::NXDOMAIN, "other"),
        (host, Rtype::SOA) => {
            assert_eq!(host, "gone.other");
            negative(request, WireRcode::NXDOMAIN, "other")
        }
        (_, Rtype::AAAA) => negative(request, WireRcode::NOERROR, "test"),
        other => panic!("{other:?}"),
    })
    .await;
    let (route, seen) = find(&lookups(&server), "d.test").await;

    let order: Vec<_> = route.exchangers.iter().map(|e| e.survey.host.as_str()).collect();
    assert_eq!(order, ["z.test", "a.test", "b.test", "192.0.2.9", "gone.other"]);
    let addresses: Vec<String> =
        route.exchangers.iter().flat_map(|e| &e.addresses).map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.26", "192.0.2.2", "192.0.2.9"]);
    // The literal is not looked up; a host in a zone of strangers that does not exist may be free to register.
    assert!(route.exchangers[3].survey.lookups.is_empty());
    let registrable = seen.dns(route.exchangers[4].survey.registrable.unwrap()).unwrap();
    assert_eq!(registrable.answer().unwrap().rcode, Rcode::NxDomain);
    assert!(route.exchangers.iter().all(|e| e.survey.tlsa.is_none()), "nothing is authenticated");
    for exchanger in &route.exchangers {
        for id in &exchanger.survey.lookups {
            assert_eq!(seen.dns(*id).unwrap().name, exchanger.survey.host);
        }
    }
}

#[tokio::test]
async fn without_mx_the_domain_is_its_own_exchanger() {
    let server = Responder::start(|request| match (request.text().as_str(), request.rtype()) {
        ("web.test", Rtype::A) => address(request, 80, false),
        ("half.test", Rtype::A) => request.answer(WireRcode::SERVFAIL, |_| {}),
        _ => negative(request, WireRcode::NOERROR, "test"),
    })
    .await;
    let lookups = lookups(&server);
    let (route, seen) = find(&lookups, "web.test").await;
    assert_eq!(route.own_addresses.len(), 2);
    assert!(route.exchangers[0].survey.implicit);
    assert_eq!(route.exchangers[0].addresses.len(), 1);
    assert!(seen.dns(route.mx_lookups[0]).unwrap().answer().unwrap().is_nodata());

    let (nothing, _) = find(&lookups, "empty.test").await;
    assert!(nothing.exchangers.is_empty() && nothing.own_addresses.len() == 2);
    let (open, _) = find(&lookups, "half.test").await;
    assert_eq!(open.exchangers.len(), 1, "a failed lookup leaves it open");
}

#[tokio::test]
async fn the_null_mx_is_looked_up_no_further() {
    let server = Responder::start(|request| exchangers(request, &[(0, ".")], false)).await;
    let (route, seen) = find(&lookups(&server), "d.test").await;
    assert_eq!(route.exchangers[0].survey.host, ".");
    assert!(route.exchangers[0].addresses.is_empty());
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn tlsa_is_asked_where_mx_and_address_are_authenticated() {
    let server = Responder::start(|request| match (request.text().as_str(), request.rtype()) {
        ("d.test", Rtype::MX) => exchangers(request, &[(1, "signed.test"), (2, "plain.test")], true),
        ("signed.test", Rtype::A) => address(request, 1, true),
        ("plain.test", Rtype::A) => address(request, 2, false),
        ("_25._tcp.signed.test", Rtype::TLSA) => request.answer(WireRcode::SERVFAIL, |_| {}),
        (_, Rtype::AAAA) => negative(request, WireRcode::NOERROR, "test"),
        other => panic!("{other:?}"),
    })
    .await;
    let (route, seen) = find(&lookups(&server), "d.test").await;
    let tlsa = seen.dns(route.exchangers[0].survey.tlsa.unwrap()).unwrap();
    assert_eq!(tlsa.answer().unwrap().rcode, Rcode::ServFail);
    assert!(route.exchangers[1].survey.tlsa.is_none());
}

#[tokio::test]
async fn tlsa_of_an_alias_is_asked_at_its_end_and_then_at_itself() {
    let server = Responder::start(|request| match (request.text().as_str(), request.rtype()) {
        ("d.test", Rtype::MX) => exchangers(request, &[(1, "alias.test")], true),
        ("alias.test", Rtype::A) => {
            let mut bytes = request.bytes(WireRcode::NOERROR, |answer| {
                answer.push((request.name(), IN, 300, Cname::new(name("end.test")))).unwrap();
                answer.push((name("end.test"), IN, 300, A::from_octets(192, 0, 2, 1))).unwrap();
            });
            bytes[3] |= 0x20;
            Reply::Messages(vec![bytes])
        }
        _ => negative(request, WireRcode::NXDOMAIN, "test"),
    })
    .await;
    let (route, seen) = find(&lookups(&server), "d.test").await;
    let asked: Vec<&str> = seen
        .iter()
        .filter(|observation| observation.subject.starts_with('_'))
        .map(|observation| observation.subject.as_str())
        .collect();
    assert_eq!(asked, ["_25._tcp.end.test", "_25._tcp.alias.test"]);
    assert_eq!(seen.dns(route.exchangers[0].survey.tlsa.unwrap()).unwrap().name, "_25._tcp.alias.test");
}

#[tokio::test]
async fn after_servfail_the_data_is_asked_for_unchecked() {
    let server = Responder::start(|request| match request.rtype() {
        Rtype::MX if request.message.header().cd() => exchangers(request, &[(1, "mx.test")], false),
        Rtype::MX => request.answer(WireRcode::SERVFAIL, |_| {}),
        _ => negative(request, WireRcode::NOERROR, "test"),
    })
    .await;
    let (route, seen) = find(&lookups(&server), "bogus.test").await;
    assert_eq!(seen.dns(route.mx_lookups[0]).unwrap().answer().unwrap().rcode, Rcode::ServFail);
    assert_eq!(seen.dns(route.mx_unchecked.unwrap()).unwrap().answer().unwrap().records.len(), 1);
    assert_eq!(route.exchangers.len(), 1);
}

#[tokio::test]
async fn other_resolvers_are_asked_for_comparison() {
    let broken = Responder::start(|request| request.answer(WireRcode::REFUSED, |_| {})).await;
    let good = Responder::start(|request| exchangers(request, &[(0, ".")], false)).await;
    let client = Arc::new(DnsClient::new(Arc::new(NetworkGuard::default())));
    let others = vec![DnsServer::resolver(good.address)];
    let (route, seen) =
        find(&Lookups::new(client, DnsServer::resolver(broken.address), others), "d.test").await;
    let servers: Vec<_> = route.mx_lookups.iter().map(|id| seen.dns(*id).unwrap().server).collect();
    assert_eq!(servers, [broken.address, good.address]);
    assert_eq!(route.exchangers.len(), 1);
}

#[tokio::test]
async fn a_hundred_domains_with_one_exchanger_cause_one_lookup_of_it() {
    let server = Responder::start(|request| match request.rtype() {
        Rtype::MX => exchangers(request, &[(10, "shared.test")], false),
        Rtype::A => address(request, 1, false),
        _ => negative(request, WireRcode::NOERROR, "test"),
    })
    .await;
    let lookups = Arc::new(lookups(&server));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let lookups = Arc::clone(&lookups);
        tasks.spawn(async move {
            let (route, seen) = find(&lookups, &format!("d{number}.test")).await;
            assert_eq!((route.exchangers[0].addresses.len(), seen.len()), (1, 3));
        });
    }
    tasks.join_all().await;
    assert_eq!(server.asked(), 100 + 2);
}

#[tokio::test]
async fn a_domain_of_a_hundred_exchangers_is_looked_up_in_part() {
    let server = Responder::start(|request| match request.rtype() {
        Rtype::MX => {
            let hosts: Vec<String> = (0..30).map(|number| format!("{number}.m")).collect();
            let list: Vec<(u16, &str)> = (0..100).map(|i| (i, hosts[usize::from(i) % 30].as_str())).collect();
            let Reply::Messages(messages) = exchangers(request, &list, false) else { unreachable!() };
            Reply::Messages(messages)
        }
        Rtype::A => address(request, 1, false),
        _ => negative(request, WireRcode::NOERROR, "m"),
    })
    .await;
    let (route, _) = find(&lookups(&server), "d.test").await;
    assert_eq!(route.exchangers.len(), 100);
    assert_eq!(server.asked(), 1 + 2 * 30, "each host once");
}

#[tokio::test]
async fn a_lookup_that_waits_for_another_ends_at_its_own_deadline() {
    let server = Responder::start(|_| Reply::Nothing).await;
    let lookups = Arc::new(lookups(&server));
    let patient = {
        let lookups = Arc::clone(&lookups);
        tokio::spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(30);
            lookups.host("slow.test", abprall_route::RecordType::A, deadline).await
        })
    };
    while server.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    let deadline = start + Duration::from_millis(200);
    let seen = lookups.host("slow.test", abprall_route::RecordType::A, deadline).await;
    assert_eq!(seen.fact.outcome, DnsOutcome::Silence);
    assert!(start.elapsed() < Duration::from_secs(2));
    patient.abort();
}
