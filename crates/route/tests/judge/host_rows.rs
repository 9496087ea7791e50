//! Rows 27 to 45 of the failure taxonomy: the MX set, its hosts, and the conversations with them.

use abprall_mail::{Cause, Confidence, FindingId, Severity, Verdict};
use abprall_route::{
    AddressState, AlternativeKind, CertificateFact, ChainVerdict, DaneState, Fact, HostLookup, MtaStsFact,
    MtaStsMode, MtaStsOutcome, MtaStsPolicy, MtaStsSurvey, PathEnd, PathFact, Rcode, Record, RecordData,
    RecordType, SenderOutcome, ServerRole, SmtpFact, TlsFact,
};

use crate::expectation::*;
use crate::scene::*;

#[test]
fn row_27_all_targets_absent_is_permanent() {
    let diagnosis = Scene::of("example.com")
        .host_without_address(10, "mx1.example.com", &nxdomain("example.com"))
        .host_without_address(20, "mx2.example.com", &nodata("example.com"))
        .judge();
    has(
        &diagnosis,
        Verdict::UndeliverablePermanent,
        &[FindingId::MxTargetNxdomain, FindingId::MxTargetNoAddress],
    );
    assert_eq!(diagnosis.causes[0].cause, Cause::DnsInvalid);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.4.4"));
    assert_eq!(sender(&diagnosis, "exim"), bounces("5.0.0"));
}

#[test]
fn row_28_one_absent_target_degrades() {
    let diagnosis = Scene::of("example.com")
        .host_without_address(10, "gone.example.com", &nxdomain("example.com"))
        .host(20, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::MxTargetNxdomain, FindingId::PreferredMxDown]);
    assert_eq!(finding(&diagnosis, FindingId::MxTargetNxdomain).severity, Severity::Medium);
}

#[test]
fn row_29_one_target_that_cannot_be_looked_up_keeps_all_transient() {
    let diagnosis = Scene::of("example.com")
        .host_without_address(10, "mx1.example.com", &nxdomain("example.com"))
        .host_without_address(20, "mx2.other.com", &rcode(Rcode::ServFail))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::MxTargetServfail]);
    assert_eq!(sender(&diagnosis, "postfix"), defers("4.4.3"));
}

#[test]
fn row_30_an_aliased_target_is_a_remark() {
    let probes = vec![smtp("mx.example.com", "5.9.0.1", AddressState::Ok)];
    let diagnosis =
        Scene::of("example.com").host_aliased(10, "mx.example.com", probes, &["real.example.com"]).judge();
    has(&diagnosis, Verdict::Deliverable, &[FindingId::MxTargetCname]);
    assert_eq!(diagnosis.mx[0].dns, HostLookup::Cname);
}

#[test]
fn row_31_an_address_as_mx_depends_on_who_sends() {
    let probes = vec![smtp("5.9.0.1", "5.9.0.1", AddressState::Ok)];
    let works = Scene::of("example.com").host_probed(10, "5.9.0.1", probes).judge();
    has(&works, Verdict::Degraded, &[FindingId::MxTargetIpLiteral, FindingId::DependsOnSendingMta]);
    assert_eq!(sender(&works, "postfix").0, SenderOutcome::Delivers);
    assert_eq!(sender(&works, "exim"), bounces("5.0.0"));
    let not_tried = Scene::of("example.com").bare_host(10, "5.9.0.1").judge();
    assert_ne!(not_tried.verdict, Verdict::UndeliverablePermanent);
    assert_eq!(not_tried.mx[0].dns, HostLookup::Literal);
}

#[test]
fn row_32_private_addresses_are_high_and_not_permanent() {
    let diagnosis =
        Scene::of("example.com").host(10, "mx.example.com", &[("10.0.0.1", AddressState::Forbidden)]).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::MxTargetSpecialUse, FindingId::AllMxDown]);
    let special = finding(&diagnosis, FindingId::MxTargetSpecialUse);
    assert_eq!(special.severity, Severity::High);
    assert_eq!(special.detail.as_deref(), Some("10.0.0.1 (private)"));
}

#[test]
fn row_33_an_mx_at_localhost_means_no_mail() {
    let by_address = Scene::of("example.com")
        .host(10, "lo.example.com", &[("127.0.0.1", AddressState::Forbidden)])
        .judge();
    has(&by_address, Verdict::NoMailByIntent, &[FindingId::MxTargetLocalhost]);
    assert_eq!(sender(&by_address, "postfix"), bounces("5.4.6"));
    assert_eq!(sender(&by_address, "exim"), EXIM_DEFERS);
    let by_name = Scene::of("example.com").host_without_address(10, "localhost", &nxdomain(".")).judge();
    has(&by_name, Verdict::NoMailByIntent, &[FindingId::MxTargetLocalhost]);
}

#[test]
fn a_loopback_address_that_the_operator_allowed_is_one_like_others() {
    let diagnosis =
        Scene::of("example.com").host(10, "lo.example.com", &[("127.0.0.7", AddressState::Refused)]).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::ConnectRefused]);
}

#[test]
fn an_mx_that_is_ourselves_is_pointed_out() {
    let diagnosis =
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.1.1", AddressState::Ok)]).judge();
    has(&diagnosis, Verdict::Deliverable, &[FindingId::RoutingLoop]);
}

#[test]
fn row_34_a_target_in_an_unregistered_domain_is_high_while_others_work() {
    let diagnosis = Scene::of("example.com")
        .host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .host_without_address(20, "mx.gone.com", &nxdomain("com"))
        .registrable("gone.com", nxdomain("com"))
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::MxDangling, FindingId::MxTargetNxdomain]);
    assert_eq!(diagnosis.findings[0].id, FindingId::MxDangling, "worst first");
    assert_eq!(diagnosis.findings[0].severity, Severity::High);
}

#[test]
fn a_missing_target_in_a_registered_domain_does_not_dangle() {
    let diagnosis = Scene::of("example.com")
        .host_without_address(20, "mx.other.com", &nxdomain("other.com"))
        .registrable("other.com", zone_soa("other.com", 1))
        .judge();
    assert!(!ids(&diagnosis).contains(&FindingId::MxDangling));
}

#[test]
fn row_35_a_sixth_address_is_beyond_a_standard_sender() {
    let mut scene = Scene::of("example.com");
    for n in 1..=5 {
        scene =
            scene.host(10, &format!("mx{n}.example.com"), &[(&format!("5.9.0.{n}"), AddressState::Refused)]);
    }
    let diagnosis = scene.host(20, "last.example.com", &[("5.9.0.9", AddressState::Ok)]).judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::MxBeyondStandardSender, FindingId::PreferredMxDown]);
    assert_eq!(sender(&diagnosis, "postfix"), defers("4.4.1"));
    assert_eq!(sender(&diagnosis, "exim").0, SenderOutcome::Delivers);
    assert!(!diagnosis.alternatives[0].reached_by_standard_sender);
}

#[test]
fn row_35_the_same_host_twice_is_one() {
    let diagnosis = Scene::of("example.com")
        .host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .host(20, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .judge();
    has(&diagnosis, Verdict::Deliverable, &[FindingId::MxDuplicate]);
    assert!(diagnosis.alternatives.is_empty(), "the same host again is no other way");
}

fn sts(mut scene: Scene, outcome: MtaStsOutcome) -> Scene {
    let name = format!("_mta-sts.{}", scene.domain());
    let text = Record { ttl_s: 60, data: RecordData::Txt { text: "v=STSv1; id=1;".into() } };
    let record = scene.keep_dns(&name, RecordType::Txt, ServerRole::Resolver, "127.0.0.53", data(vec![text]));
    let url = "https://mta-sts.example.com/.well-known/mta-sts.txt".to_owned();
    let policy = Some(scene.keep(Fact::MtaSts(MtaStsFact { url, outcome })));
    scene.survey.mta_sts = Some(MtaStsSurvey { record, policy });
    scene
}

fn policy(mode: MtaStsMode, patterns: &[&str]) -> MtaStsOutcome {
    let mx = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
    MtaStsOutcome::Policy(MtaStsPolicy { mode, mx, max_age_s: 86_400 })
}

fn tls(ip: &str, name_matches: bool, dane: DaneState) -> Fact {
    let certificate = CertificateFact {
        names: vec!["mx.example.com".into()],
        issuer: "CN=Test".into(),
        not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2027-01-01T00:00:00Z".parse().unwrap(),
        chain: ChainVerdict::Trusted,
        name_matches,
    };
    let tls = TlsFact::Established {
        version: "TLSv1.3".into(),
        cipher: "TLS13_AES_256_GCM_SHA384".into(),
        certificate: Box::new(certificate),
        dane,
    };
    Fact::Smtp(SmtpFact { tls, ..smtp_fact("mx.example.com", ip, AddressState::Ok) })
}

#[test]
fn row_36_a_policy_that_forbids_every_mx_is_transient() {
    let scene = || {
        Scene::of("example.com").host_probed(
            10,
            "mx.example.com",
            vec![tls("5.9.0.1", true, DaneState::NotUsed)],
        )
    };
    let excluded = sts(scene(), policy(MtaStsMode::Enforce, &["*.other.com"])).judge();
    has(
        &excluded,
        Verdict::UndeliverableTransient,
        &[FindingId::MtaStsExcludesMx, FindingId::DependsOnSendingMta],
    );
    assert!(excluded.mx[0].addresses[0].excluded);
    let named = sts(scene(), policy(MtaStsMode::Enforce, &["*.example.com"])).judge();
    has(&named, Verdict::Deliverable, &[]);
    let testing = sts(scene(), policy(MtaStsMode::Testing, &["*.other.com"])).judge();
    has(&testing, Verdict::Deliverable, &[FindingId::MtaStsExcludesMx]);
    let invalid = sts(scene(), MtaStsOutcome::Invalid { detail: "no version".into() }).judge();
    has(&invalid, Verdict::Deliverable, &[FindingId::MtaStsInvalid]);
}

#[test]
fn row_36_a_bad_certificate_forbids_under_enforce_only() {
    let scene = || {
        Scene::of("example.com").host_probed(
            10,
            "mx.example.com",
            vec![tls("5.9.0.1", false, DaneState::NotUsed)],
        )
    };
    has(&scene().judge(), Verdict::Deliverable, &[FindingId::CertificateInvalid]);
    let enforced = sts(scene(), policy(MtaStsMode::Enforce, &["mx.example.com"])).judge();
    has(&enforced, Verdict::UndeliverableTransient, &[FindingId::MtaStsExcludesMx]);
}

#[test]
fn row_37_a_certificate_that_dane_refutes_is_reachable_but_forbidden() {
    let scene = Scene::of("example.com").host_probed(
        10,
        "mx.example.com",
        vec![tls("5.9.0.1", true, DaneState::Mismatch)],
    );
    let alone = scene.judge();
    has(&alone, Verdict::UndeliverableTransient, &[FindingId::DaneMismatch, FindingId::DependsOnSendingMta]);
    let second = Scene::of("example.com")
        .host(10, "mx1.example.com", &[("5.9.0.3", AddressState::Ok)])
        .host_probed(20, "mx.example.com", vec![tls("5.9.0.1", true, DaneState::LookupFailed)])
        .judge();
    has(&second, Verdict::Degraded, &[FindingId::DaneMismatch]);
    assert!(second.alternatives[0].excluded && !second.alternatives[0].reached_by_standard_sender);
}

#[test]
fn secure_tlsa_records_forbid_a_host_without_tls() {
    let fact =
        SmtpFact { tls: TlsFact::NotOffered, ..smtp_fact("mx.example.com", "5.9.0.1", AddressState::Ok) };
    let mut scene = Scene::of("example.com").host_probed(10, "mx.example.com", vec![Fact::Smtp(fact)]);
    let tlsa = RecordData::Tlsa { usage: 3, selector: 1, matching: 1, data: "00".into() };
    let secure = authenticated(data(vec![Record { ttl_s: 60, data: tlsa }]));
    let name = "_25._tcp.mx.example.com";
    let id = scene.keep_dns(name, RecordType::Tlsa, ServerRole::Resolver, "127.0.0.53", secure);
    scene.survey.exchangers[0].tlsa = Some(id);
    has(
        &scene.judge(),
        Verdict::UndeliverableTransient,
        &[FindingId::DaneMismatch, FindingId::TlsNotOffered],
    );
}

#[test]
fn rows_38_to_45_every_way_to_fail_has_its_finding_and_none_is_permanent() {
    for (state, id, postfix) in [
        (AddressState::Refused, FindingId::ConnectRefused, defers("4.4.1")),
        (AddressState::Timeout, FindingId::ConnectTimeout, defers("4.4.1")),
        (AddressState::Unreachable, FindingId::NetworkUnreachable, defers("4.4.1")),
        (AddressState::Closed, FindingId::AcceptThenClose, defers("4.4.2")),
        (AddressState::GreetingTimeout, FindingId::GreetingTimeout, defers("4.4.2")),
        (AddressState::Greeting4xx, FindingId::Greeting4xx, defers("4.3.2")),
        (AddressState::Greeting5xx, FindingId::Greeting5xx, defers("4.7.1")),
        (AddressState::EhloRejected, FindingId::EhloRejected, bounces("5.5.1")),
    ] {
        let diagnosis = Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", state)]).judge();
        has(&diagnosis, Verdict::UndeliverableTransient, &[id, FindingId::AllMxDown]);
        assert_eq!(finding(&diagnosis, id).severity, Severity::High);
        assert_eq!(sender(&diagnosis, "postfix"), postfix, "{state}");
        assert_eq!(sender(&diagnosis, "exim"), EXIM_DEFERS);
    }
}

#[test]
fn row_39_timeouts_while_no_canary_can_be_reached_are_our_own_port_25() {
    let scene = || Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Timeout)]);
    let closed = scene().canary_probes(AddressState::Timeout).judge();
    has(&closed, Verdict::VantageBlind, &[FindingId::ConnectTimeout]);
    assert!(!ids(&closed).contains(&FindingId::AllMxDown));
    assert_eq!(finding(&closed, FindingId::ConnectTimeout).severity, Severity::Info);
    assert_eq!(closed.causes[0].cause, Cause::OurOwnFault);
    let open = scene().canary_probes(AddressState::Ok).judge();
    has(&open, Verdict::UndeliverableTransient, &[FindingId::AllMxDown]);
}

#[test]
fn row_40_ipv6_alone_cannot_be_judged_without_ipv6() {
    let scene = || {
        Scene::of("example.com").host(10, "mx.example.com", &[("2a01:4f8::99", AddressState::Unreachable)])
    };
    let mut blind = scene();
    blind.survey.vantage.source_ipv6 = None;
    let blind = blind.judge();
    has(&blind, Verdict::VantageBlind, &[FindingId::MxIpv6Only]);
    assert!(!ids(&blind).contains(&FindingId::NetworkUnreachable));
    assert!(!blind.vantage.ipv6 && !blind.vantage.ok);
    has(&scene().judge(), Verdict::UndeliverableTransient, &[FindingId::NetworkUnreachable]);
}

#[test]
fn no_route_to_the_host_is_about_the_host_also_without_a_default_route() {
    let fact = SmtpFact {
        detail: Some("No route to host".into()),
        ..smtp_fact("mx.example.com", "2a01:4f8::99", AddressState::Unreachable)
    };
    let mut scene = Scene::of("example.com").host_probed(10, "mx.example.com", vec![Fact::Smtp(fact)]);
    scene.survey.vantage.source_ipv6 = None;
    has(
        &scene.judge(),
        Verdict::UndeliverableTransient,
        &[FindingId::NetworkUnreachable, FindingId::AllMxDown],
    );
}

#[test]
fn row_44_521_at_every_mx_is_permanent_and_at_one_it_is_not() {
    let all = Scene::of("example.com")
        .host_probed(10, "mx1.example.com", vec![no_mail_host("mx1.example.com", "5.9.0.1")])
        .host_without_address(20, "mx2.example.com", &nxdomain("example.com"))
        .judge();
    has(&all, Verdict::UndeliverablePermanent, &[FindingId::HostAcceptsNoMail]);
    let one = Scene::of("example.com")
        .host_probed(10, "mx1.example.com", vec![no_mail_host("mx1.example.com", "5.9.0.1")])
        .host(20, "mx2.example.com", &[("5.9.0.2", AddressState::Greeting5xx)])
        .judge();
    has(&one, Verdict::UndeliverableTransient, &[FindingId::HostAcceptsNoMail, FindingId::Greeting5xx]);
}

#[test]
fn a_dead_preferred_mx_is_medium_and_the_second_is_the_alternative() {
    let diagnosis = Scene::of("example.com")
        .host(10, "mx1.example.com", &[("5.9.0.1", AddressState::Refused)])
        .host(20, "mx2.example.com", &[("5.9.0.2", AddressState::Ok), ("2a01:4f8::2", AddressState::Ok)])
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::PreferredMxDown, FindingId::ConnectRefused]);
    assert_eq!(finding(&diagnosis, FindingId::ConnectRefused).severity, Severity::Medium);
    assert_eq!(diagnosis.alternatives[0].via, "mx2.example.com [5.9.0.2]");
    assert_eq!(diagnosis.alternatives[0].kind, AlternativeKind::LowerPreference);
    assert!(diagnosis.alternatives[0].reached_by_standard_sender);
}

#[test]
fn other_addresses_of_the_first_host_are_alternatives_of_their_kind() {
    let diagnosis = Scene::of("example.com")
        .host(
            10,
            "mx1.example.com",
            &[
                ("5.9.0.1", AddressState::Timeout),
                ("5.9.0.2", AddressState::Ok),
                ("2a01:4f8::2", AddressState::Ok),
            ],
        )
        .host(10, "mx2.example.com", &[("5.9.0.3", AddressState::Ok)])
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::ConnectTimeout]);
    let kinds: Vec<_> = diagnosis.alternatives.iter().map(|alternative| alternative.kind).collect();
    assert_eq!(
        kinds,
        [AlternativeKind::OtherAddress, AlternativeKind::OtherFamily, AlternativeKind::SamePreference]
    );
}

#[test]
fn without_smtp_the_dns_alone_gives_low_confidence() {
    let mut scene =
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::NotProbed)]);
    scene.survey.dns_only = true;
    let diagnosis = scene.judge();
    assert_eq!((diagnosis.verdict, diagnosis.confidence), (Verdict::Deliverable, Confidence::Low));
    assert!(diagnosis.senders.is_empty());
}

#[test]
fn an_address_that_was_left_out_leaves_the_verdict_open() {
    let diagnosis = Scene::of("example.com")
        .host(
            10,
            "mx.example.com",
            &[("5.9.0.1", AddressState::Refused), ("5.9.0.2", AddressState::NotProbed)],
        )
        .judge();
    has(&diagnosis, Verdict::Unknown, &[FindingId::ConnectRefused]);
}

#[test]
fn the_path_that_was_followed_is_evidence_of_where_the_network_ends() {
    let mut scene =
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Timeout)]);
    let path = scene.keep(Fact::Path(PathFact {
        target: "5.9.0.1".parse().unwrap(),
        hops: Vec::new(),
        end: PathEnd::Lost { after: Some("5.3.0.1".parse().unwrap()) },
    }));
    scene.survey.path = Some(path);
    let diagnosis = scene.judge();
    let found = finding(&diagnosis, FindingId::ConnectTimeout);
    assert!(found.evidence.contains(&path));
    assert_eq!(found.detail.as_deref(), Some("5.9.0.1; … 5.3.0.1 → ?"));
}

#[test]
fn a_relay_of_the_operator_is_another_way_that_no_sender_takes_by_itself() {
    let mut scene =
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Refused)]);
    let probe = scene.keep(smtp("relay.ours.net", "5.4.0.1", AddressState::Ok));
    let name = "relay.ours.net".to_owned();
    scene.survey.relays = vec![abprall_route::RelaySurvey { name, probes: vec![probe] }];
    let diagnosis = scene.judge();
    assert_eq!(diagnosis.verdict, Verdict::UndeliverableTransient, "the relay faces the same dead MX");
    let relay = &diagnosis.alternatives[0];
    assert_eq!((relay.kind, relay.state), (AlternativeKind::Relay, AddressState::Ok));
    assert!(!relay.reached_by_standard_sender);
}

#[test]
fn a_lone_hostile_mx_set_is_bounded() {
    let mut scene = Scene::of("example.com");
    for n in 0..3000 {
        scene = scene.host_without_address(n, &format!("mx{n}.example.com"), &nxdomain("example.com"));
    }
    let diagnosis = scene.judge();
    assert_eq!(diagnosis.findings.len(), abprall_route::limits::FINDINGS_MAX);
    assert_eq!(diagnosis.verdict, Verdict::UndeliverablePermanent);
}

#[test]
fn one_address_that_says_521_does_not_speak_for_the_others_of_its_host() {
    let probes = vec![
        no_mail_host("mx.example.com", "5.9.0.1"),
        smtp("mx.example.com", "5.9.0.2", AddressState::Timeout),
    ];
    let diagnosis = Scene::of("example.com").host_probed(10, "mx.example.com", probes).judge();
    has(
        &diagnosis,
        Verdict::UndeliverableTransient,
        &[FindingId::HostAcceptsNoMail, FindingId::ConnectTimeout],
    );
}
