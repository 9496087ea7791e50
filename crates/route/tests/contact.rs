//! Searches for contacts against servers on loopback: a resolver, ICANN's RDAP server, and hostile ones in its place.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use abprall_mail::{Domain, Language, Verdict};
use abprall_route::observe::{MailServers, Walk};
use abprall_route::{
    Candidate, ContactOptions, ContactRole, ContactSource, Contacts, JudgeContext, MailState, Observer,
    ObserverConfig, RdapServer, find_contacts, judge,
};
use serde_json::{Value, json};

#[path = "observe/name_server.rs"]
mod name_server;
#[path = "contact/rdap_server.rs"]
mod rdap_server;
#[path = "observe/web_server.rs"]
mod web_server;

use name_server::{NameServer, Record, name_server};
use rdap_server::rdap_server;
use web_server::{Authority, Behaviour, WebServer, authority, web_server};

/// The mail servers of `dead.test` do not exist; who runs one of them can be reached, but not who runs the name server.
async fn resolver() -> NameServer {
    let works = |domain: &'static str, host: &'static str| {
        [(domain, Record::Mx(10, host)), (host, Record::A([10, 77, 0, 25]))]
    };
    let mut records = vec![
        ("dead.test", Record::Mx(10, "mx.dead.test")),
        ("dead.test", Record::Mx(20, "in2.mxhost.test")),
        ("dead.test", Record::Soa(r"john\.doe.hoster.test")),
        ("dead.test", Record::Ns("ns1.nshost.test")),
        ("_smtp._tls.dead.test", Record::Txt("v=TLSRPTv1; rua=mailto:tls@reports.test")),
        (
            "_dmarc.dead.test",
            Record::Txt("v=DMARC1; p=reject; rua=mailto:dmarc@dead.test,mailto:dmarc@reports.test!5m"),
        ),
        ("rdap.test", Record::A([127, 0, 0, 1])),
        ("private.test", Record::A([10, 0, 0, 1])),
    ];
    records.extend(works("hoster.test", "mx.hoster.test"));
    records.extend(works("mxhost.test", "mx.mxhost.test"));
    records.extend(works("reports.test", "mx.reports.test"));
    records.extend(works("alive.test", "mx.alive.test"));
    name_server(records).await
}

fn config(resolver: &NameServer) -> ObserverConfig {
    ObserverConfig {
        resolvers: vec![resolver.address],
        // Mail servers are left alone: 10.77.0.25 is only spoken of.
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "10.77.0.0/16".parse().unwrap()],
        canaries: Vec::new(),
        ehlo_name: Some("observer.test".to_owned()),
        mail_servers: MailServers::Leave,
        walk: Walk::Never,
        deadline: Duration::from_secs(5),
        ..ObserverConfig::default()
    }
}

async fn contacts_with(
    config: ObserverConfig,
    domain: &str,
    rdap: RdapServer,
    language: Language,
) -> Contacts {
    let observer = Observer::new(config).await.unwrap();
    let survey = observer.survey(&Domain::parse(domain).unwrap()).await;
    let diagnosis = judge(survey, &JudgeContext { language, earlier: &[] });
    find_contacts(&observer, &diagnosis, &ContactOptions { rdap, language }).await
}

async fn contacts_of(domain: &str, rdap: RdapServer) -> Contacts {
    let resolver = resolver().await;
    contacts_with(config(&resolver), domain, rdap, Language::En).await
}

#[track_caller]
fn candidate<'a>(contacts: &'a Contacts, address: &str) -> &'a Candidate {
    let found = contacts.candidates.iter().find(|candidate| candidate.address.as_str() == address);
    found.unwrap_or_else(|| panic!("{address} is missing in {:#?}", contacts.candidates))
}

fn addresses(contacts: &Contacts) -> Vec<&str> {
    contacts.candidates.iter().map(|candidate| candidate.address.as_str()).collect()
}

#[tokio::test]
async fn the_dns_names_people_and_operators_and_those_that_mail_reaches_come_first() {
    let contacts = contacts_of("dead.test", RdapServer::Off).await;
    assert_eq!(contacts.verdict, Verdict::UndeliverablePermanent);
    assert_eq!(
        addresses(&contacts),
        [
            "john.doe@hoster.test",
            "postmaster@mxhost.test",
            "tls@reports.test",
            "postmaster@hoster.test",
            "dmarc@reports.test",
            "abuse@mxhost.test",
            "abuse@hoster.test",
            "postmaster@dead.test",
            "hostmaster@nshost.test",
            "postmaster@nshost.test",
            "dmarc@dead.test",
            "abuse@nshost.test",
        ]
    );
    let john = candidate(&contacts, "john.doe@hoster.test");
    assert_eq!((john.role, john.mail), (ContactRole::ZoneAdministrator, MailState::WorksByDns));
    assert_eq!(john.sources, [ContactSource::SoaRname { zone: "dead.test".to_owned() }]);
    assert_eq!(contacts.operators.len(), 1);
    assert_eq!(contacts.operators[0].domain.as_str(), "mxhost.test");
    assert!(contacts.unanswered.is_empty(), "{:?}", contacts.unanswered);
}

#[tokio::test]
async fn postmaster_of_a_dead_domain_is_dead_too_and_the_page_says_so_in_both_languages() {
    let resolver = resolver().await;
    for (language, words) in [(Language::En, "Dead too"), (Language::De, "Ebenfalls tot")] {
        let contacts = contacts_with(config(&resolver), "dead.test", RdapServer::Off, language).await;
        let postmaster = candidate(&contacts, "postmaster@dead.test");
        assert_eq!(postmaster.mail, MailState::Fails);
        assert!(postmaster.warning.as_deref().unwrap().starts_with(words), "{postmaster:?}");
        assert!(contacts.reachable().all(|one| one.address.domain_part() != "dead.test"));
        let operator = candidate(&contacts, "hostmaster@nshost.test");
        assert_eq!(
            (operator.mail, operator.mail_verdict),
            (MailState::Fails, Some(Verdict::UndeliverablePermanent))
        );
    }
}

#[tokio::test]
async fn where_mail_works_postmaster_comes_first() {
    let contacts = contacts_of("alive.test", RdapServer::Off).await;
    assert_eq!(addresses(&contacts)[0], "postmaster@alive.test");
    assert_eq!(contacts.candidates[0].mail, MailState::WorksByDns);
    assert_eq!(contacts.candidates[0].warning, None);
}

#[tokio::test]
async fn a_subdomain_has_the_postmaster_of_its_registrable_domain() {
    let contacts = contacts_of("news.alive.test", RdapServer::Off).await;
    assert_eq!(contacts.verdict, Verdict::UndeliverablePermanent);
    assert_eq!(addresses(&contacts), ["postmaster@alive.test", "postmaster@news.alive.test"]);
}

#[tokio::test]
async fn a_resolver_that_fails_is_no_absence_of_contacts() {
    let resolver = name_server(vec![("*", Record::Code(domain::base::iana::Rcode::SERVFAIL))]).await;
    let contacts = contacts_with(config(&resolver), "dead.test", RdapServer::Off, Language::En).await;
    let questions: Vec<_> = contacts.unanswered.iter().map(|one| one.question.as_str()).collect();
    assert_eq!(
        questions,
        ["dead.test SOA", "dead.test NS", "_smtp._tls.dead.test TXT", "_dmarc.dead.test TXT"]
    );
    assert_eq!(contacts.reachable().count(), 0);
}

fn entity(handle: &str, roles: &[&str], address: &str, inner: &[Value]) -> Value {
    json!({ "objectClassName": "entity", "handle": handle, "roles": roles, "entities": inner,
            "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", format!("Name of {handle}")],
                                     ["email", {}, "text", address]]] })
}

fn registered(entities: &[Value]) -> Value {
    json!({ "objectClassName": "domain", "handle": "D1", "ldhName": "dead.test", "status": ["client hold"],
            "events": [{ "eventAction": "expiration", "eventDate": "2026-10-01T00:00:00Z" }], "entities": entities })
}

#[tokio::test]
async fn a_real_rdap_server_names_the_contacts_of_domain_and_network() {
    let folder = tempfile::tempdir().unwrap();
    let abuse = entity("R2", &["abuse"], "abuse@registrar.test", &[]);
    let domain = registered(&[
        entity("R1", &["registrar"], "sales@registrar.test", &[abuse]),
        entity("T1", &["technical"], "tech@hoster.test", &[]),
        entity("O1", &["registrant"], "owner@dead.test", &[]),
    ]);
    let network = json!({ "objectClassName": "ip network", "handle": "N1", "startAddress": "10.77.0.0",
        "endAddress": "10.77.255.255", "ipVersion": "v4", "cidr0_cidrs": [{ "v4prefix": "10.77.0.0", "length": 16 }],
        "entities": [entity("N2", &["abuse"], "abuse@reports.test", &[])] });
    std::fs::write(folder.path().join("domain.json"), domain.to_string()).unwrap();
    std::fs::write(folder.path().join("network.json"), network.to_string()).unwrap();
    let Some(server) = rdap_server(folder.path()) else { return };

    let contacts = contacts_of("dead.test", RdapServer::Base(server.base.clone())).await;
    assert_eq!(addresses(&contacts)[0], "tech@hoster.test");
    let technical = candidate(&contacts, "tech@hoster.test");
    assert_eq!(technical.role, ContactRole::Technical);
    assert_eq!(technical.name.as_deref(), Some("Name of T1"));
    let url = format!("{}/domain/dead.test", server.base);
    assert_eq!(technical.sources, [ContactSource::RdapDomain { url }]);
    assert_eq!(candidate(&contacts, "owner@dead.test").mail, MailState::Fails);
    assert_eq!(candidate(&contacts, "abuse@registrar.test").role, ContactRole::Registrar);
    let registration = contacts.registration.unwrap();
    assert_eq!(registration.statuses, ["client hold"]);
    assert_eq!(registration.expires.as_deref(), Some("2026-10-01T00:00:00Z"));
    assert_eq!(registration.registrar.as_deref(), Some("Name of R1"));

    let alive = contacts_of("alive.test", RdapServer::Base(server.base.clone())).await;
    let abuse = candidate(&alive, "abuse@reports.test");
    assert!(matches!(abuse.sources[..], [ContactSource::RdapNetwork { .. }]), "{abuse:?}");
    let [missing] = &alive.unanswered[..] else { panic!("{:?}", alive.unanswered) };
    assert!(missing.detail.contains("404"), "{missing:?}");
}

/// What is asked of a server in the place of an RDAP server, why it failed, and how long the search took.
async fn hostile(behaviour: Behaviour) -> (Contacts, WebServer, Duration) {
    let authority = authority();
    let server = web_server(&authority, "rdap.test", behaviour).await;
    let base = format!("https://rdap.test:{}", server.address.port());
    let (contacts, took) = asked_at(&authority, base).await;
    (contacts, server, took)
}

async fn asked_at(authority: &Authority, base: String) -> (Contacts, Duration) {
    let resolver = resolver().await;
    let config = ObserverConfig { ca_file: Some(authority.file.path().to_owned()), ..config(&resolver) };
    let begin = Instant::now();
    let contacts = contacts_with(config, "dead.test", RdapServer::Base(base), Language::En).await;
    (contacts, begin.elapsed())
}

/// Why the RDAP server told nothing. What the DNS told is there all the same.
#[track_caller]
fn why(contacts: &Contacts) -> &str {
    assert_eq!(addresses(contacts)[0], "john.doe@hoster.test");
    let [one] = &contacts.unanswered[..] else { panic!("{:?}", contacts.unanswered) };
    assert!(one.question.ends_with("/domain/dead.test"), "{one:?}");
    &one.detail
}

#[tokio::test]
async fn rdap_over_https_is_read_and_the_registrars_server_is_asked_too() {
    let authority = authority();
    let thick = registered(&[entity("T1", &["technical"], "tech@hoster.test", &[])]);
    let second = web_server(
        &authority,
        "rdap.test",
        Behaviour::page("200 OK", "application/rdap+json", &thick.to_string()),
    )
    .await;
    let mut thin = registered(&[]);
    let link = format!("https://rdap.test:{}/domain/dead.test", second.address.port());
    thin["links"] = json!([{ "rel": "related", "type": "application/rdap+json", "href": link }]);
    let first = web_server(
        &authority,
        "rdap.test",
        Behaviour::page("200 OK", "application/rdap+json", &thin.to_string()),
    )
    .await;
    let (contacts, _) = asked_at(&authority, format!("https://rdap.test:{}/", first.address.port())).await;
    assert_eq!(candidate(&contacts, "tech@hoster.test").sources, [ContactSource::RdapDomain { url: link }]);
    assert!(contacts.unanswered.is_empty(), "{:?}", contacts.unanswered);
}

#[tokio::test]
async fn an_endless_rdap_answer_ends_at_the_bound() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/rdap+json\r\nConnection: close\r\n\r\n[";
    let (contacts, server, took) = hostile(Behaviour::Endless(head, &[b' '; 65536])).await;
    assert!(why(&contacts).contains("larger than 524288"), "{contacts:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // What lies in the buffers of both systems was sent as well.
    assert!(server.written.load(Ordering::Relaxed) < 32 << 20);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let head = "HTTP/1.1 302 Found\r\nLocation: /domain/dead.test\r\nContent-Length: 0\r\n\r\n";
    let (contacts, server, _) = hostile(Behaviour::Say(head.to_owned())).await;
    assert!(why(&contacts).contains("redirects"), "{contacts:?}");
    assert_eq!(server.connections.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    for (to, reason) in [
        ("https://private.test/domain/dead.test", "not contacted"),
        ("https://169.254.169.254/latest/meta-data", "not contacted"),
        ("http://127.0.0.1/domain/dead.test", "not followed"),
    ] {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let (contacts, _, _) = hostile(Behaviour::Say(head)).await;
        assert!(why(&contacts).contains(reason), "{to}: {contacts:?}");
    }
}

#[tokio::test]
async fn plain_http_is_not_spoken_with_other_machines() {
    let resolver = resolver().await;
    let mut config = config(&resolver);
    config.allowed_networks.push("10.0.0.0/8".parse().unwrap());
    let rdap = RdapServer::Base("http://private.test".to_owned());
    let contacts = contacts_with(config, "dead.test", rdap, Language::En).await;
    assert!(why(&contacts).contains("not on this machine"), "{contacts:?}");
}

#[tokio::test]
async fn garbage_and_deep_nesting_are_no_rdap_answers() {
    let nested = "[".repeat(100_000);
    for body in [
        "<html>",
        "",
        "\u{0}",
        "{}",
        "[]",
        r#"{"objectClassName":7}"#,
        r#"{"objectClassName":"domain","entities":3}"#,
        &nested,
    ] {
        let (contacts, _, _) = hostile(Behaviour::page("200 OK", "application/rdap+json", body)).await;
        let shown: String = body.chars().take(40).collect();
        assert!(why(&contacts).contains("not an RDAP answer"), "{shown}: {:?}", contacts.unanswered);
    }
    let nameserver = r#"{"objectClassName":"nameserver","ldhName":"ns.test"}"#;
    let (contacts, _, _) = hostile(Behaviour::page("200 OK", "application/rdap+json", nameserver)).await;
    assert!(why(&contacts).contains("something else"), "{contacts:?}");
}
