//! Surveys against real servers on loopback: a resolver, and HTTPS servers with policies, good and hostile.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use abprall_mail::Domain;
use abprall_route::observe::{MailServers, Scope, Trace, Walk};
use abprall_route::{
    AddressState, DnsOutcome, MtaStsMode, MtaStsOutcome, Observer, ObserverConfig, PathEnd, Rcode, Survey,
};
use domain::base::iana::Rcode as Code;

#[path = "observe/name_server.rs"]
mod name_server;
#[path = "observe/web_server.rs"]
mod web_server;

use name_server::{NameServer, Record, name_server};
use web_server::{Authority, Behaviour, WebServer, authority, web_server};

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.sts.test\nmx: *.sts.test\nmax_age: 86400\n";

fn config(resolver: &NameServer) -> ObserverConfig {
    ObserverConfig {
        resolvers: vec![resolver.address],
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        canaries: Vec::new(),
        ehlo_name: Some("observer.test".to_owned()),
        mail_servers: MailServers::Leave,
        walk: Walk::Never,
        deadline: Duration::from_secs(5),
        ..ObserverConfig::default()
    }
}

async fn survey(config: ObserverConfig, domain: &str) -> Survey {
    Observer::new(config).await.unwrap().survey(&Domain::parse(domain).unwrap()).await
}

async fn sts_resolver() -> NameServer {
    name_server(vec![
        ("sts.test", Record::Mx(10, "mx.sts.test")),
        ("mx.sts.test", Record::A([127, 0, 0, 1])),
        ("_mta-sts.sts.test", Record::Txt("v=STSv1; id=1")),
        ("mta-sts.sts.test", Record::A([127, 0, 0, 1])),
    ])
    .await
}

/// What the policy server of `sts.test` leads to, and the survey's duration.
async fn policy_of(server: &WebServer, authority: &Authority) -> (MtaStsOutcome, Duration) {
    let resolver = sts_resolver().await;
    let mut config = config(&resolver);
    config.https_port = Some(server.address.port());
    config.ca_file = Some(authority.file.path().to_owned());
    config.deadline = Duration::from_secs(2);
    let observer = Observer::new(config).await.unwrap();
    let begin = Instant::now();
    let survey = observer.survey(&Domain::parse("sts.test").unwrap()).await;
    let duration = begin.elapsed();
    let policy = survey.mta_sts.unwrap().policy.unwrap();
    (survey.observations.mta_sts(policy).unwrap().outcome.clone(), duration)
}

async fn policy_behind(behaviour: Behaviour) -> (MtaStsOutcome, WebServer, Duration) {
    let authority = authority();
    let server = web_server(&authority, "mta-sts.sts.test", behaviour).await;
    let (outcome, duration) = policy_of(&server, &authority).await;
    (outcome, server, duration)
}

#[track_caller]
fn not_fetched(outcome: &MtaStsOutcome) -> &str {
    match outcome {
        MtaStsOutcome::NotFetched { detail } => detail,
        MtaStsOutcome::Policy(_) | MtaStsOutcome::Invalid { .. } => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_policy_is_fetched_and_read() {
    let (outcome, server, _) =
        policy_behind(Behaviour::page("200 OK", "Text/Plain; charset=utf-8", POLICY)).await;
    let MtaStsOutcome::Policy(policy) = outcome else { panic!("{outcome:?}") };
    assert_eq!(policy.mode, MtaStsMode::Enforce);
    assert_eq!(policy.mx, ["mx.sts.test", "*.sts.test"]);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server =
        web_server(&authority(), "mta-sts.sts.test", Behaviour::page("200 OK", "text/plain", POLICY)).await;
    let (outcome, _) = policy_of(&server, &authority()).await;
    assert!(not_fetched(&outcome).contains("invalid peer certificate"), "{outcome:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = authority();
    let server = web_server(&authority, "sts.test", Behaviour::page("200 OK", "text/plain", POLICY)).await;
    let (outcome, _) = policy_of(&server, &authority).await;
    assert!(not_fetched(&outcome).contains("not valid for name"), "{outcome:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let head = "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.sts.test/other\r\nContent-Length: 0\r\n\r\n";
    let (outcome, server, _) = policy_behind(Behaviour::Say(head.to_owned())).await;
    assert!(not_fetched(&outcome).contains("301"), "{outcome:?}");
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_page_of_another_type_is_no_policy() {
    let (outcome, _, _) = policy_behind(Behaviour::page("200 OK", "text/html", POLICY)).await;
    assert!(
        matches!(&outcome, MtaStsOutcome::Invalid { detail } if detail.contains("text/html")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_endless_body_ends_at_the_bound() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
    let (outcome, server, duration) = policy_behind(Behaviour::Endless(head, &[b'a'; 65536])).await;
    assert!(not_fetched(&outcome).contains("larger than 65536"), "{outcome:?}");
    assert!(duration < Duration::from_millis(1500), "{duration:?}");
    // What lies in the buffers of both systems was sent as well.
    assert!(server.written.load(Ordering::Relaxed) < 32 << 20);
}

#[tokio::test]
async fn a_promised_gibibyte_is_not_even_begun() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1073741824\r\n\r\n";
    let (outcome, _, _) = policy_behind(Behaviour::Endless(head, b"a")).await;
    assert!(not_fetched(&outcome).contains("larger than 65536"), "{outcome:?}");
}

#[tokio::test]
async fn a_huge_header_is_refused() {
    let (outcome, _, duration) =
        policy_behind(Behaviour::Endless("HTTP/1.1 200 OK\r\nX-Huge: ", &[b'a'; 65536])).await;
    assert!(not_fetched(&outcome).contains("does not speak HTTP"), "{outcome:?}");
    assert!(duration < Duration::from_millis(1500), "{duration:?}");
}

#[tokio::test]
async fn thousands_of_header_fields_are_refused() {
    let fields = "X-More: a\r\n".repeat(1000).leak().as_bytes();
    let (outcome, _, _) = policy_behind(Behaviour::Endless("HTTP/1.1 200 OK\r\n", fields)).await;
    assert!(not_fetched(&outcome).contains("does not speak HTTP"), "{outcome:?}");
}

#[tokio::test]
async fn a_slow_server_costs_no_more_than_the_deadline() {
    let (outcome, _, duration) = policy_behind(Behaviour::Slow).await;
    assert!(not_fetched(&outcome).contains("in time"), "{outcome:?}");
    assert!(duration < Duration::from_secs(2), "{duration:?}");
}

#[tokio::test]
async fn a_policy_server_at_a_special_use_address_is_never_contacted() {
    let authority = authority();
    let server =
        web_server(&authority, "mta-sts.sts.test", Behaviour::page("200 OK", "text/plain", POLICY)).await;
    let resolver = sts_resolver().await;
    let mut config = config(&resolver);
    config.allowed_networks.clear();
    config.https_port = Some(server.address.port());
    config.ca_file = Some(authority.file.path().to_owned());
    let survey = survey(config, "sts.test").await;
    let policy = survey.mta_sts.unwrap().policy.unwrap();
    let outcome = &survey.observations.mta_sts(policy).unwrap().outcome;
    assert!(not_fetched(outcome).contains("loopback"), "{outcome:?}");
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn two_records_are_an_invalid_policy_and_none_is_no_policy() {
    let resolver = name_server(vec![
        ("two.test", Record::Mx(10, "mx.two.test")),
        ("_mta-sts.two.test", Record::Txt("v=STSv1; id=1")),
        ("_mta-sts.two.test", Record::Txt("v=STSv1; id=2")),
        ("none.test", Record::Mx(10, "mx.two.test")),
    ])
    .await;
    let two = survey(config(&resolver), "two.test").await;
    let policy = two.observations.mta_sts(two.mta_sts.unwrap().policy.unwrap()).unwrap();
    assert!(matches!(policy.outcome, MtaStsOutcome::Invalid { .. }), "{policy:?}");
    let none = survey(config(&resolver), "none.test").await;
    assert_eq!(none.mta_sts.unwrap().policy, None);
}

#[tokio::test]
async fn a_survey_without_mail_servers_notes_every_address_as_not_probed() {
    let resolver = sts_resolver().await;
    let mut config = config(&resolver);
    config.scope = Scope::RouteOnly;
    let survey = survey(config, "sts.test").await;
    let target = &survey.exchangers[0].targets[0];
    assert_eq!(target.address.to_string(), "127.0.0.1");
    assert_eq!(survey.observations.smtp(target.probe).unwrap().state, AddressState::NotProbed);
    assert!(survey.dns_only && !survey.cut_short);
    // MX, A and AAAA of one host: nothing else was asked.
    assert_eq!(resolver.questions.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn after_servfail_the_question_is_asked_without_checking_and_canaries_are_asked() {
    let resolver = name_server(vec![
        ("bogus.test", Record::Code(Code::SERVFAIL)),
        ("canary.test", Record::Mx(10, "mx.canary.test")),
    ])
    .await;
    let mut config = config(&resolver);
    config.canaries = vec![Domain::parse("canary.test").unwrap()];
    let survey = survey(config, "bogus.test").await;
    let unchecked = survey.observations.dns(survey.mx_unchecked.unwrap()).unwrap();
    assert!(unchecked.checking_disabled);
    let canary = survey.observations.dns(survey.vantage.canary_lookups[0]).unwrap();
    assert_eq!(canary.answer().unwrap().rcode, Rcode::NoError);
}

#[tokio::test]
async fn a_resolver_that_refuses_everything_fails_the_canaries_too() {
    for code in [Code::FORMERR, Code::REFUSED, Code::SERVFAIL] {
        let resolver = name_server(vec![("*", Record::Code(code))]).await;
        let mut config = config(&resolver);
        config.canaries = ["a.test", "b.test", "c.test"].map(|name| Domain::parse(name).unwrap()).to_vec();
        let survey = survey(config, "any.test").await;
        assert_eq!(survey.vantage.canary_lookups.len(), 3);
        for id in &survey.vantage.canary_lookups {
            let answer = survey.observations.dns(*id).unwrap().answer().unwrap();
            assert_eq!(answer.rcode.to_string(), code.to_string());
        }
        assert!(survey.exchangers.is_empty());
    }
}

#[tokio::test]
async fn a_silent_resolver_ends_at_the_deadline_and_the_survey_says_so() {
    let resolver = name_server(vec![("*", Record::Silence)]).await;
    let mut config = config(&resolver);
    config.canaries = vec![Domain::parse("canary.test").unwrap()];
    config.deadline = Duration::from_secs(1);
    config.walk = Walk::AfterFailure;
    let observer = Observer::new(config).await.unwrap();
    let begin = Instant::now();
    let survey = observer.survey(&Domain::parse("any.test").unwrap()).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(survey.cut_short);
    let fact = survey.observations.dns(survey.mx_lookups[0]).unwrap();
    assert_eq!(fact.outcome, DnsOutcome::Silence);
}

#[tokio::test]
async fn canaries_are_asked_once_for_many_surveys() {
    let resolver = sts_resolver().await;
    let mut config = config(&resolver);
    config.scope = Scope::RouteOnly;
    config.canaries = vec![Domain::parse("sts.test").unwrap()];
    let observer = Observer::new(config).await.unwrap();
    let domain = Domain::parse("sts.test").unwrap();
    observer.survey(&domain).await;
    let first = resolver.questions.load(Ordering::Relaxed);
    let survey = observer.survey(&domain).await;
    // The domain's own MX only: host and canary are known.
    assert_eq!(resolver.questions.load(Ordering::Relaxed), first + 1);
    assert_eq!(survey.vantage.canary_lookups.len(), 1);
}

/// A mail server on loopback that greets, answers EHLO and takes QUIT.
async fn mail_server() -> std::net::SocketAddr {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 relay.test ESMTP\r\n").await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 && !line.starts_with("QUIT") {
                stream.write_all(b"250 relay.test\r\n").await.unwrap();
                line.clear();
            }
            // The prober need not wait for it.
            let _gone = stream.write_all(b"221 bye\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn a_relay_is_probed_at_its_port_and_a_healthy_survey_is_quick() {
    let relay = mail_server().await;
    let resolver = name_server(vec![("null.test", Record::Mx(0, "."))]).await;
    let mut config = config(&resolver);
    config.mail_servers = MailServers::Probe;
    config.relays = vec![relay.to_string().parse().unwrap()];
    let observer = Observer::new(config).await.unwrap();
    let begin = Instant::now();
    let survey = observer.survey(&Domain::parse("null.test").unwrap()).await;
    let duration = begin.elapsed();
    let fact = survey.observations.smtp(survey.relays[0].probes[0]).unwrap();
    assert_eq!((fact.state, fact.port), (AddressState::Ok, relay.port()), "{fact:?}");
    assert_eq!(survey.exchangers[0].host, ".");
    assert!(duration < Duration::from_millis(150), "{duration:?}");
}

#[tokio::test]
async fn when_no_mail_server_can_be_connected_to_those_of_the_canaries_are_tried() {
    let resolver = name_server(vec![
        ("down.test", Record::Mx(10, "mx.down.test")),
        ("mx.down.test", Record::A([127, 99, 99, 1])),
        ("canary.test", Record::Mx(10, "mx.canary.test")),
        ("mx.canary.test", Record::A([127, 99, 99, 2])),
    ])
    .await;
    let mut config = config(&resolver);
    config.mail_servers = MailServers::Probe;
    config.canaries = vec![Domain::parse("canary.test").unwrap()];
    let survey = survey(config, "down.test").await;
    let target = survey.observations.smtp(survey.exchangers[0].targets[0].probe).unwrap();
    // Nothing listens on port 25 of these addresses, unless this machine has a mail server on all of them.
    let tried: Vec<_> =
        survey.vantage.canary_probes.iter().map(|id| survey.observations.smtp(*id).unwrap()).collect();
    match target.state {
        AddressState::Refused => assert_eq!(tried[0].address.to_string(), "127.99.99.2"),
        state => assert!(state != AddressState::NotProbed && tried.is_empty(), "{state} {tried:?}"),
    }
}

#[tokio::test]
async fn without_the_right_to_raw_sockets_a_path_is_noted_as_not_traced() {
    let resolver = name_server(vec![
        ("down.test", Record::Mx(10, "mx.down.test")),
        ("mx.down.test", Record::A([127, 0, 0, 1])),
    ])
    .await;
    let mut config = config(&resolver);
    config.trace = Trace::On;
    let survey = survey(config, "down.test").await;
    let path = survey.observations.path(survey.path.unwrap()).unwrap();
    assert_eq!(path.target.to_string(), "127.0.0.1");
    match &path.end {
        PathEnd::NotTraced { detail } => assert!(detail.contains("CAP_NET_RAW"), "{detail}"),
        // With the right: the way to ourselves is one hop.
        PathEnd::Reached => assert_eq!(path.hops.len(), 1, "{path:?}"),
        PathEnd::Lost { .. } => panic!("{path:?}"),
    }
}
