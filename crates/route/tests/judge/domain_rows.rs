//! Rows 1 to 26 of the failure taxonomy: the domain and its DNS. Each that can be observed has a test.

use abprall_mail::{Cause, Confidence, FindingId, Severity, Verdict};
use abprall_route::{AddressState, DnsOutcome, HostLookup, Rcode, RecordType, SenderOutcome, ServerRole};

use crate::expectation::*;
use crate::scene::*;

#[test]
fn a_working_domain_is_deliverable_with_high_confidence_and_no_causes() {
    let diagnosis =
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)]).judge();
    has(&diagnosis, Verdict::Deliverable, &[]);
    assert_eq!(diagnosis.confidence, Confidence::High);
    assert!(
        diagnosis.findings.is_empty() && diagnosis.causes.is_empty() && diagnosis.look_again_at.is_none()
    );
    assert!(diagnosis.vantage.ok && diagnosis.vantage.tested);
    assert_eq!(sender(&diagnosis, "postfix").0, SenderOutcome::Delivers);
    assert_eq!(diagnosis.senders[0].via.as_deref(), Some("mx.example.com [5.9.0.1]"));
}

#[test]
fn row_1_an_nxdomain_of_the_registry_means_not_registered() {
    let diagnosis = Scene::of("example.com").mx(nxdomain("com")).judge();
    has(&diagnosis, Verdict::UndeliverablePermanent, &[FindingId::DomainNxdomain]);
    assert_eq!(finding(&diagnosis, FindingId::DomainNxdomain).detail.as_deref(), Some("NXDOMAIN, SOA com"));
    assert_eq!(diagnosis.causes[0].cause, Cause::Abandoned);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.4.4"));
    assert_eq!(sender(&diagnosis, "exim"), bounces("5.0.0"));
    assert_eq!(diagnosis.look_again_at.unwrap().to_string(), "2026-11-25T12:15:00Z");
}

#[test]
fn row_4_an_nxdomain_of_the_zone_itself_is_a_missing_name_in_a_living_zone() {
    let diagnosis = Scene::of("mail.example.com").mx(nxdomain("example.com")).judge();
    has(&diagnosis, Verdict::UndeliverablePermanent, &[FindingId::DomainNxdomain]);
    assert_eq!(diagnosis.causes[0].cause, Cause::Decommissioned);
}

#[test]
fn row_5_neither_mx_nor_address_is_permanent() {
    let none = nodata("example.com");
    let diagnosis = Scene::of("example.com").mx(none.clone()).own_addresses(&none).judge();
    has(&diagnosis, Verdict::UndeliverablePermanent, &[FindingId::DomainNoMailHost]);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.4.4"));
}

#[test]
fn no_mx_and_an_address_that_cannot_be_looked_up_is_transient() {
    let diagnosis =
        Scene::of("example.com").mx(nodata("example.com")).own_addresses(&rcode(Rcode::ServFail)).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnsServfail]);
    assert_eq!(sender(&diagnosis, "postfix"), defers("4.4.3"));
    assert_eq!(sender(&diagnosis, "exim"), EXIM_DEFERS);
}

#[test]
fn row_6_an_implicit_mx_is_judged_like_one_of_preference_0() {
    let works = Scene::of("example.com").implicit(&[("5.9.0.1", AddressState::Ok)]).judge();
    has(&works, Verdict::Deliverable, &[FindingId::ImplicitMx]);
    assert!(works.mx[0].implicit);
    let web_only = Scene::of("example.com").implicit(&[("5.9.0.1", AddressState::Refused)]).judge();
    has(&web_only, Verdict::UndeliverableTransient, &[FindingId::ImplicitMx, FindingId::AllMxDown]);
}

#[test]
fn row_7_a_null_mx_is_the_owners_will() {
    let diagnosis = Scene::of("example.com").bare_host(0, ".").judge();
    has(&diagnosis, Verdict::NoMailByIntent, &[FindingId::NullMx]);
    assert_eq!(diagnosis.mx[0].dns, HostLookup::Null);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.1.0"));
    assert_eq!(diagnosis.causes, [], "a will is no failure");
}

#[test]
fn row_8_a_null_mx_beside_a_working_one_depends_on_who_sends() {
    let diagnosis = Scene::of("example.com")
        .bare_host(0, ".")
        .host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::NullMxMalformed, FindingId::DependsOnSendingMta]);
    assert!(!ids(&diagnosis).contains(&FindingId::PreferredMxDown));
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.1.0"));
    assert_eq!(sender(&diagnosis, "exim").0, SenderOutcome::Delivers);
}

#[test]
fn row_8_a_null_mx_of_another_preference_alone_is_still_intent() {
    let diagnosis = Scene::of("example.com").bare_host(10, ".").judge();
    has(&diagnosis, Verdict::NoMailByIntent, &[FindingId::NullMxMalformed, FindingId::DependsOnSendingMta]);
    assert!(!ids(&diagnosis).contains(&FindingId::NullMx));
}

#[test]
fn row_9_servfail_is_transient() {
    let diagnosis = Scene::of("example.com").mx(rcode(Rcode::ServFail)).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnsServfail]);
    assert_eq!(sender(&diagnosis, "postfix"), defers("4.4.3"));
    assert_eq!(sender(&diagnosis, "exim"), EXIM_DEFERS);
    assert_eq!(diagnosis.look_again_at.unwrap().to_string(), "2026-11-25T12:05:00Z");
}

#[test]
fn rows_10_to_12_servfail_that_answers_without_checking_is_bogus() {
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .unchecked(data(vec![mx(10, "mx.example.com")]))
        .name_server("ns1", "5.1.1.1", zone_soa("example.com", 1), with_authority(data(vec![mx(10, "mx")])))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnssecBogus]);
    assert!(!ids(&diagnosis).contains(&FindingId::DnsServfail));
    assert!(!ids(&diagnosis).contains(&FindingId::OwnResolverFault), "authorities answer, but not validly");
    assert_eq!(diagnosis.causes[0].cause, Cause::PermanentMisconfiguration);
}

#[test]
fn a_host_that_only_an_unchecked_answer_names_is_no_way_for_who_checks() {
    let diagnosis = Scene::of("example.com")
        .host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .mx(rcode(Rcode::ServFail))
        .unchecked(data(vec![mx(10, "mx.example.com")]))
        .judge();
    let expected = &[FindingId::DnssecBogus, FindingId::DependsOnSendingMta];
    has(&diagnosis, Verdict::UndeliverableTransient, expected);
}

#[test]
fn row_13_servers_that_refuse_or_have_no_authority_are_lame() {
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .name_server("ns1", "5.1.1.1", rcode(Rcode::Refused), rcode(Rcode::Refused))
        .name_server("ns2", "5.1.1.2", nodata("example.com"), nodata("example.com"))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::LameDelegation, FindingId::DnsRefused]);
    assert_eq!(
        finding(&diagnosis, FindingId::LameDelegation).detail.as_deref(),
        Some("ns1: REFUSED; ns2: no AA")
    );
}

#[test]
fn an_authority_that_has_no_data_is_not_lame() {
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .name_server("ns1", "5.1.1.1", rcode(Rcode::ServFail), rcode(Rcode::ServFail))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnsServfail]);
    assert!(!ids(&diagnosis).contains(&FindingId::LameDelegation));
}

#[test]
fn row_14_one_lame_server_is_named_and_degrades() {
    let good = with_authority(data(vec![mx(10, "mx.example.com")]));
    let diagnosis = Scene::of("example.com")
        .host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)])
        .name_server("ns1", "5.1.1.1", zone_soa("example.com", 1), good)
        .name_server("ns2", "5.1.1.2", rcode(Rcode::Refused), rcode(Rcode::Refused))
        .judge();
    has(&diagnosis, Verdict::Degraded, &[FindingId::LameDelegationPartial]);
    assert_eq!(finding(&diagnosis, FindingId::LameDelegationPartial).subject, "ns2");
}

#[test]
fn row_15_silent_authorities_are_transient() {
    let diagnosis = Scene::of("example.com")
        .mx(DnsOutcome::Silence)
        .name_server("ns1", "5.1.1.1", DnsOutcome::Silence, DnsOutcome::Silence)
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::AuthoritiesSilent, FindingId::DnsServfail]);
    assert_eq!(diagnosis.causes[0].cause, Cause::NetworkFailure);
}

#[test]
fn row_16_a_name_server_without_an_address_is_named() {
    let diagnosis =
        Scene::of("example.com").mx(rcode(Rcode::ServFail)).unresolvable_name_server("ns.gone.com").judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::NsUnresolvable]);
    assert_eq!(finding(&diagnosis, FindingId::NsUnresolvable).subject, "ns.gone.com");
}

#[test]
fn row_17_name_servers_with_different_mx_are_inconsistent() {
    let scene = || {
        Scene::of("example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)]).name_server(
            "ns1",
            "5.1.1.1",
            zone_soa("example.com", 1),
            with_authority(data(vec![mx(10, "mx.example.com")])),
        )
    };
    let differs = scene()
        .name_server("ns2", "5.1.1.2", zone_soa("example.com", 2), with_authority(data(vec![mx(10, "old")])))
        .judge();
    has(&differs, Verdict::Degraded, &[FindingId::ZonesInconsistent]);
    let same = with_authority(data(vec![mx(10, "mx.example.com")]));
    let serial_only = scene().name_server("ns2", "5.1.1.2", zone_soa("example.com", 2), same).judge();
    has(&serial_only, Verdict::Deliverable, &[FindingId::ZonesInconsistent]);
}

#[test]
fn an_nxdomain_that_some_name_servers_deny_is_not_permanent() {
    let diagnosis = Scene::of("sub.example.com")
        .mx(nxdomain("example.com"))
        .name_server(
            "ns1",
            "5.1.1.1",
            zone_soa("example.com", 1),
            with_authority(data(vec![mx(10, "mx.example.com")])),
        )
        .name_server("ns2", "5.1.1.2", zone_soa("example.com", 1), with_authority(nxdomain("example.com")))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::ZonesInconsistent]);
}

#[test]
fn row_18_formerr_is_a_hard_bounce_for_postfix_and_transient_in_truth() {
    let diagnosis = Scene::of("example.com").mx(rcode(Rcode::FormErr)).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnsFormerr]);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.4.3"));
    assert_eq!(sender(&diagnosis, "exim"), EXIM_DEFERS);
}

#[test]
fn row_19_a_resolver_that_refuses_everything_is_our_fault() {
    for code in [Rcode::Refused, Rcode::FormErr, Rcode::ServFail] {
        let diagnosis = Scene::of("example.com").mx(rcode(code)).canaries(&rcode(code)).judge();
        has(&diagnosis, Verdict::VantageBlind, &[FindingId::OwnResolverFault]);
        assert!(!diagnosis.vantage.ok && diagnosis.vantage.detail.is_some());
        assert_eq!(diagnosis.causes.len(), 1);
        assert_eq!(diagnosis.causes[0].cause, Cause::OurOwnFault);
        assert!(diagnosis.senders.is_empty(), "we do not know what others see");
    }
}

#[test]
fn row_20_a_resolver_that_denies_even_the_canaries_voids_an_nxdomain() {
    for outcome in [DnsOutcome::Silence, nxdomain("org")] {
        let diagnosis = Scene::of("example.com").mx(nxdomain("com")).canaries(&outcome).judge();
        has(&diagnosis, Verdict::VantageBlind, &[FindingId::OwnResolverFault]);
    }
}

#[test]
fn row_21_a_resolver_that_says_it_filters_is_hinted_at_and_refuted_by_another() {
    let filtered = change(nxdomain("com"), |answer| {
        answer.extended_errors = vec![abprall_route::ExtendedError { code: 15, text: Some("policy".into()) }];
    });
    let alone = Scene::of("example.com").mx(filtered.clone()).judge();
    has(&alone, Verdict::UndeliverablePermanent, &[FindingId::OwnResolverFault]);
    assert_eq!(finding(&alone, FindingId::OwnResolverFault).severity, Severity::Low);
    assert_eq!(alone.confidence, Confidence::Low);
    let refuted =
        Scene::of("example.com").mx(filtered).compared(data(vec![mx(10, "mx.example.com")])).judge();
    has(&refuted, Verdict::VantageBlind, &[FindingId::OwnResolverFault]);
}

#[test]
fn servfail_while_every_authority_answers_is_our_resolvers_fault() {
    let good = || with_authority(data(vec![mx(10, "mx.example.com")]));
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .unchecked(rcode(Rcode::ServFail))
        .name_server("ns1", "5.1.1.1", zone_soa("example.com", 1), good())
        .name_server("ns2", "5.1.1.2", zone_soa("example.com", 1), good())
        .judge();
    has(&diagnosis, Verdict::VantageBlind, &[FindingId::OwnResolverFault]);
}

#[test]
fn row_22_a_server_that_fails_with_edns_is_named() {
    let plain = |outcome| change(outcome, |answer| answer.only_without_edns = true);
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .name_server(
            "ns1",
            "5.1.1.1",
            plain(zone_soa("example.com", 1)),
            plain(with_authority(data(vec![mx(10, "mx")]))),
        )
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::EdnsBroken]);
}

#[test]
fn row_23_a_malformed_answer_is_transient() {
    let diagnosis =
        Scene::of("example.com").mx(DnsOutcome::Malformed { detail: "short header".into() }).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::DnsServfail]);
    assert_eq!(sender(&diagnosis, "postfix"), defers("4.4.3"));
}

#[test]
fn row_24_an_alias_loop_depends_on_who_sends() {
    let looped = change(rcode(Rcode::NoError), |answer| {
        answer.alias_loop = true;
        answer.aliases = vec!["two.example.com".into(), "example.com".into()];
    });
    let diagnosis = Scene::of("example.com").mx(looped).judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::CnameLoop, FindingId::DependsOnSendingMta]);
    assert_eq!(sender(&diagnosis, "postfix"), bounces("5.4.4"));
    assert_eq!(sender(&diagnosis, "exim"), EXIM_DEFERS);
}

#[test]
fn row_24_a_servfail_behind_which_a_server_of_the_zone_shows_the_circle() {
    let circle = change(data(Vec::new()), |answer| {
        answer.alias_loop = true;
        answer.aliases = vec!["two.example.com".into(), "example.com".into()];
    });
    let diagnosis = Scene::of("example.com")
        .mx(rcode(Rcode::ServFail))
        .unchecked(rcode(Rcode::ServFail))
        .name_server("ns1", "5.1.1.1", zone_soa("example.com", 1), with_authority(circle))
        .judge();
    has(&diagnosis, Verdict::UndeliverableTransient, &[FindingId::CnameLoop, FindingId::DependsOnSendingMta]);
    assert!(!ids(&diagnosis).contains(&FindingId::DnsServfail));
    assert_eq!(
        finding(&diagnosis, FindingId::CnameLoop).detail.as_deref(),
        Some("two.example.com → example.com")
    );
}

#[test]
fn row_25_an_alias_at_the_top_of_a_zone_is_worse_than_one_below() {
    let aliased = change(data(vec![mx(10, "mx.other.com")]), |a| a.aliases = vec!["other.com".into()]);
    let scene = || {
        Scene::of("example.com")
            .host(10, "mx.other.com", &[("5.9.0.1", AddressState::Ok)])
            .mx(aliased.clone())
    };
    has(&scene().judge(), Verdict::Deliverable, &[FindingId::ApexCname]);
    let apex =
        scene().name_server("ns1", "5.1.1.1", zone_soa("example.com", 1), with_authority(aliased.clone()));
    has(&apex.judge(), Verdict::Degraded, &[FindingId::ApexCname]);
}

#[test]
fn row_26_a_wildcard_is_a_remark() {
    let mut scene = Scene::of("any.example.com").host(10, "mx.example.com", &[("5.9.0.1", AddressState::Ok)]);
    let name = "k3x9.example.com";
    let wild = data(vec![mx(10, "mx.example.com")]);
    scene.survey.wildcard =
        Some(scene.keep_dns(name, RecordType::Mx, ServerRole::Resolver, "127.0.0.53", wild));
    has(&scene.judge(), Verdict::Deliverable, &[FindingId::WildcardMx]);
}

#[test]
fn an_alias_to_a_name_that_is_gone_is_no_expired_domain() {
    let dangling = change(nxdomain("com"), |answer| answer.aliases = vec!["gone.com".into()]);
    let diagnosis = Scene::of("www.example.com").mx(dangling).judge();
    has(&diagnosis, Verdict::UndeliverablePermanent, &[FindingId::DomainNxdomain, FindingId::ApexCname]);
    let found = finding(&diagnosis, FindingId::DomainNxdomain);
    assert_eq!(found.detail.as_deref(), Some("gone.com NXDOMAIN, SOA com"));
    assert_ne!(diagnosis.causes[0].cause, Cause::Abandoned);
}

#[test]
fn an_nxdomain_with_records_is_believed_in_neither() {
    let odd = change(nxdomain("com"), |answer| answer.records = vec![mx(10, "mx.example.com")]);
    has(&Scene::of("example.com").mx(odd).judge(), Verdict::UndeliverableTransient, &[]);
}

#[test]
fn one_dead_canary_does_not_make_us_blind_and_most_of_them_do() {
    let with_dead = |dead: usize| {
        let mut scene = Scene::of("example.com").mx(rcode(Rcode::ServFail));
        for n in 0..dead {
            let name = "dead.canary.org";
            scene.survey.vantage.canary_lookups[n] =
                scene.keep_dns(name, RecordType::Mx, ServerRole::Resolver, "127.0.0.53", DnsOutcome::Silence);
        }
        scene.survey.vantage.canary_lookups.push(scene.survey.vantage.canary_lookups[2]);
        scene.judge().verdict
    };
    assert_eq!(with_dead(1), Verdict::UndeliverableTransient);
    assert_eq!(with_dead(2), Verdict::UndeliverableTransient, "half of four still answer");
    assert_eq!(with_dead(3), Verdict::VantageBlind);
}
