//! What must hold whatever was observed.

use abprall_mail::knowledge::Language;
use abprall_mail::{FindingId, Verdict};
use abprall_route::{
    AddressState, Diagnosis, DnsOutcome, ExtendedError, Fact, JudgeContext, Observations, Rcode, Survey,
    judge,
};
use proptest::prelude::*;

use crate::scene::*;

/// What proves nothing about a name.
fn failure() -> impl Strategy<Value = DnsOutcome> {
    prop_oneof![
        Just(rcode(Rcode::ServFail)),
        Just(rcode(Rcode::Refused)),
        Just(rcode(Rcode::FormErr)),
        Just(rcode(Rcode::NotImp)),
        Just(rcode(Rcode::NotAuth)),
        Just(rcode(Rcode::Other(23))),
        Just(DnsOutcome::Silence),
        Just(DnsOutcome::Unreachable { detail: "Connection refused".into() }),
        Just(DnsOutcome::Malformed { detail: "bad label".into() }),
        Just(DnsOutcome::Forbidden),
    ]
}

fn any_outcome() -> impl Strategy<Value = DnsOutcome> {
    prop_oneof![
        failure(),
        Just(nxdomain("com")),
        Just(nxdomain("example.com")),
        Just(nodata("example.com")),
        Just(data(vec![mx(10, "mx.example.com")])),
        Just(change(rcode(Rcode::NoError), |answer| answer.alias_loop = true)),
    ]
}

fn any_state() -> impl Strategy<Value = AddressState> {
    prop_oneof![
        Just(AddressState::Ok),
        failing_state(),
        Just(AddressState::Forbidden),
        Just(AddressState::NotProbed)
    ]
}

fn failing_state() -> impl Strategy<Value = AddressState> {
    prop_oneof![
        Just(AddressState::Refused),
        Just(AddressState::Timeout),
        Just(AddressState::Unreachable),
        Just(AddressState::Closed),
        Just(AddressState::GreetingTimeout),
        Just(AddressState::Greeting4xx),
        Just(AddressState::Greeting5xx),
        Just(AddressState::EhloRejected),
    ]
}

#[derive(Clone, Debug)]
enum Host {
    Addresses(Vec<AddressState>),
    NoMail,
    Lookup(DnsOutcome),
    Null,
    Literal,
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        prop::collection::vec(any_state(), 1..4).prop_map(Host::Addresses),
        Just(Host::NoMail),
        any_outcome().prop_map(Host::Lookup),
        Just(Host::Null),
        Just(Host::Literal),
    ]
}

/// A host of which nothing permanent can be said.
fn doubtful_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        prop::collection::vec(failing_state(), 1..4).prop_map(Host::Addresses),
        failure().prop_map(Host::Lookup),
    ]
}

fn with_hosts(mut scene: Scene, hosts: Vec<Host>) -> Scene {
    for (n, host) in hosts.into_iter().enumerate() {
        let preference = u16::try_from(n / 2).unwrap();
        let name = format!("mx{n}.example.com");
        scene = match host {
            Host::Addresses(states) => {
                let probes = states.iter().enumerate();
                let probes =
                    probes.map(|(k, state)| smtp(&name, &format!("5.9.{n}.{}", k + 1), *state)).collect();
                scene.host_probed(preference, &name, probes)
            }
            Host::NoMail => {
                let probe = no_mail_host(&name, &format!("5.8.{n}.1"));
                scene.host_probed(preference, &name, vec![probe])
            }
            Host::Lookup(outcome) => scene.host_without_address(preference, &name, &outcome),
            Host::Null => scene.bare_host(preference, "."),
            Host::Literal => scene.bare_host(preference, "5.7.0.1"),
        };
    }
    scene
}

prop_compose! {
    fn any_scene()(
        hosts in prop::collection::vec(any_host(), 0..9),
        mx_outcome in prop::option::of(any_outcome()),
        own in any_outcome(),
        canaries in any_outcome(),
        canary_state in prop::option::of(any_state()),
        compared in prop::option::of(any_outcome()),
        authority in prop::option::of(any_outcome()),
        aa in any::<bool>(),
        parent in any_outcome(),
        no_ipv6 in any::<bool>(),
        dns_only in any::<bool>(),
        codes in prop::collection::vec(0u16..32, 0..6),
    ) -> Survey {
        let mut scene = with_hosts(Scene::of("example.com"), hosts).own_addresses(&own).canaries(&canaries);
        if let Some(outcome) = mx_outcome {
            scene = scene.mx(outcome);
        }
        if let Some(state) = canary_state {
            scene = scene.canary_probes(state);
        }
        if let Some(outcome) = compared {
            scene = scene.compared(outcome);
        }
        if let Some(outcome) = authority {
            let outcome = change(outcome, |answer| answer.aa = aa);
            scene = scene.name_server("ns1", "5.1.1.1", outcome.clone(), outcome).parent(parent);
        }
        if no_ipv6 {
            scene.survey.vantage.source_ipv6 = None;
        }
        scene.survey.dns_only = dns_only;
        let mut codes = codes.into_iter().cycle();
        with_extended_errors(scene.survey(), || codes.next())
    }
}

/// The same survey with other extended errors.
fn with_extended_errors(mut survey: Survey, mut code: impl FnMut() -> Option<u16>) -> Survey {
    let mut observations = Observations::default();
    for seen in survey.observations.iter() {
        let mut fact = seen.fact.clone();
        if let Fact::Dns(dns) = &mut fact
            && let DnsOutcome::Answer(answer) = &mut dns.outcome
        {
            answer.extended_errors =
                code().map(|code| ExtendedError { code, text: None }).into_iter().collect();
        }
        observations.keep(seen.at, seen.took_ms, seen.subject.clone(), fact);
    }
    survey.observations = observations;
    survey
}

fn judged(survey: Survey) -> Diagnosis {
    judge(survey, &JudgeContext { language: Language::De, earlier: &[] })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn failures_of_the_dns_never_give_permanent(
        outcome in failure(), own in any_outcome(), hosts in prop::collection::vec(any_host(), 0..4),
    ) {
        let diagnosis = with_hosts(Scene::of("example.com").own_addresses(&own), hosts).mx(outcome).judge();
        prop_assert_ne!(diagnosis.verdict, Verdict::UndeliverablePermanent);
    }

    #[test]
    fn one_host_that_only_fails_keeps_the_domain_from_permanent(
        doubtful in doubtful_host(), hosts in prop::collection::vec(any_host(), 0..5),
    ) {
        let hosts = [vec![doubtful], hosts].concat();
        let diagnosis = with_hosts(Scene::of("example.com"), hosts).judge();
        prop_assert_ne!(diagnosis.verdict, Verdict::UndeliverablePermanent);
    }

    #[test]
    fn extended_errors_change_neither_verdict_nor_confidence(survey in any_scene()) {
        let with = judged(survey.clone());
        let without = judged(with_extended_errors(survey, || None));
        prop_assert_eq!(with.verdict, without.verdict);
        prop_assert_eq!(with.confidence, without.confidence);
    }

    #[test]
    fn every_finding_has_evidence_and_the_order_is_worst_first(survey in any_scene()) {
        let diagnosis = judged(survey);
        for finding in &diagnosis.findings {
            prop_assert!(!finding.evidence.is_empty());
            for id in &finding.evidence {
                prop_assert!(diagnosis.observations.get(*id).is_some());
            }
        }
        prop_assert!(diagnosis.findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
    }

    #[test]
    fn causes_add_up_to_one_and_are_absent_where_mail_arrives(survey in any_scene()) {
        let diagnosis = judged(survey);
        let sum: f32 = diagnosis.causes.iter().map(|cause| cause.weight).sum();
        prop_assert!(diagnosis.causes.is_empty() || (sum - 1.0).abs() < 1e-4, "{sum}");
        prop_assert!(!diagnosis.verdict.is_deliverable() || diagnosis.causes.is_empty());
        prop_assert!(diagnosis.causes.is_sorted_by(|a, b| a.weight >= b.weight));
    }

    #[test]
    fn an_address_that_works_decides_whatever_the_resolver_does(survey in any_scene()) {
        let diagnosis = judged(survey);
        let works = diagnosis.mx.iter().flat_map(|mx| &mx.addresses).any(|a| a.state == AddressState::Ok);
        if works {
            prop_assert!(diagnosis.verdict.is_deliverable(), "{:?}", diagnosis.verdict);
        }
    }

    #[test]
    fn a_blind_vantage_blames_nobody_else(survey in any_scene()) {
        let diagnosis = judged(survey);
        if diagnosis.verdict == Verdict::VantageBlind {
            prop_assert!(!diagnosis.vantage.ok);
            prop_assert!(diagnosis.vantage.detail.is_some());
            prop_assert_eq!(diagnosis.causes.len(), 1);
            prop_assert!(!diagnosis.findings.iter().any(|f| f.id == FindingId::AllMxDown));
        }
    }

    #[test]
    fn every_diagnosis_survives_json(survey in any_scene()) {
        let diagnosis = judged(survey);
        let text = serde_json::to_string(&diagnosis).unwrap();
        let mut back: Diagnosis = serde_json::from_str(&text).unwrap();
        // Weights are compared apart: a float may come back as its neighbour.
        back.causes.clone_from(&diagnosis.causes);
        prop_assert_eq!(back, diagnosis);
    }
}
