use abprall_bounce::{Issuer, Kind};
use abprall_mail::{FindingId, Language, Severity};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, IntoStaticStr};

use super::live::{DnsNow, Now, ServersNow, evidence};
use super::{Advice, CauseFamily, Claim, ranking};
use crate::hops::{FailingHop, HopSide};
use crate::{Diagnosis, Finding};

/// A claim, held against what we see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimJudgement {
    /// Where it failed, with all that is known.
    pub failing: FailingHop,
    /// The row of the table that decided.
    pub row: DecisionRow,
    /// What to do first.
    pub advice: Advice,
    /// What to do besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub besides: Option<Advice>,
    /// The findings that the claim adds.
    pub findings: Vec<FindingId>,
    /// The advice in words.
    pub text: String,
}

/// The rows of the table of decisions about a claim.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DecisionRow {
    /// Nothing failed, or it is not about delivery.
    NoFailure,
    /// We cannot see: our resolver or network is at fault.
    VantageOutage,
    /// Our MTA could not find or reach what we find and reach.
    OursButRouteWorks,
    /// Our MTA's own resolver said it; we did not look.
    OursResolver,
    /// Our MTA's own configuration said it.
    OursConfiguration,
    /// Our MTA says no usable DNS, and we see the same.
    OursAndDnsFails,
    /// Our MTA says a clear no, and so does the DNS.
    OursAndDnsNegative,
    /// Our MTA says no, and we saw too little to agree.
    OursUnconfirmed,
    /// Our MTA could not connect, and neither can we.
    OursAndServersDown,
    /// The recipient's MX speaks of a failure behind it, and works itself.
    BehindMx,
    /// The recipient's MX speaks of trouble, and does not work now.
    MxDown,
    /// The MX does not take mail for the domain.
    RelayDenied,
    /// A circle.
    Loop,
    /// A server between us and the recipient's MX failed.
    Forwarder,
    /// The receiving system's own trouble.
    RemoteTrouble,
    /// About the sender or the message.
    Sender,
    /// About the address.
    Address,
}

impl DecisionRow {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Holds a claim against a diagnosis of the domain that we sent to; without one the bounce alone decides.
///
/// Adds findings to the diagnosis (`bounce-confirmed`, `bounce-contradicted`, `failure-behind-mx`, `own-resolver-fault`, `relay-denied`,
/// `routing-loop`) and ranks its causes again. The verdict about the domain stays: a bounce is no proof.
pub fn hold_against(claim: &Claim, diagnosis: Option<&mut Diagnosis>, language: Language) -> ClaimJudgement {
    let failing = FailingHop::of(claim, diagnosis.as_deref().map(|diagnosis| diagnosis.mx.as_slice()));
    let now = diagnosis.as_deref().map(Now::of);
    let row = row_of(claim, &failing, now);
    let (advice, besides) = advice_of(row, claim, now);
    let findings = findings_of(row, claim, &failing, now);
    if let Some(diagnosis) = diagnosis {
        let evidence = evidence(claim, diagnosis);
        let subject = subject_of(claim, &failing);
        // Several recipients of one bounce say the same; that does not make a cause likelier.
        let mut is_new = findings.is_empty();
        for id in &findings {
            if diagnosis.findings.iter().any(|known| known.id == *id && known.subject == subject) {
                continue;
            }
            is_new = true;
            let detail = claim.diagnostic.clone();
            diagnosis.findings.push(Finding {
                id: *id,
                severity: severity_of(*id),
                explanation: id.knowledge(language).about(&subject, detail.as_deref()),
                subject: subject.clone(),
                evidence: evidence.clone(),
                detail,
            });
        }
        diagnosis.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        if is_new {
            ranking::rank_again(diagnosis, row, &findings);
        }
    }
    let mut text = advice.text(language).to_owned();
    if let Some(besides) = besides {
        text.push(' ');
        text.push_str(besides.text(language));
    }
    ClaimJudgement { failing, row, advice, besides, findings, text }
}

fn row_of(claim: &Claim, failing: &FailingHop, now: Option<Now>) -> DecisionRow {
    match claim.kind {
        Kind::Failed | Kind::Delayed => {}
        Kind::Delivered
        | Kind::Relayed
        | Kind::Expanded
        | Kind::Complaint
        | Kind::AutoReply
        | Kind::Unsubscribe
        | Kind::Challenge
        | Kind::Other => return DecisionRow::NoFailure,
    }
    match claim.family {
        CauseFamily::Recipient => return DecisionRow::Address,
        CauseFamily::Policy => return DecisionRow::Sender,
        CauseFamily::LocalConfig => return DecisionRow::OursConfiguration,
        CauseFamily::Loop => return DecisionRow::Loop,
        CauseFamily::DnsNegative
        | CauseFamily::DnsFailure
        | CauseFamily::NoMailByIntent
        | CauseFamily::Connect
        | CauseFamily::Greeting
        | CauseFamily::SessionLost
        | CauseFamily::Tls
        | CauseFamily::RoutingBehindMx
        | CauseFamily::RelayDenied
        | CauseFamily::RemoteSystem
        | CauseFamily::Expired
        | CauseFamily::OwnResolver
        | CauseFamily::Other => {}
    }
    if failing.side == HopSide::RelayBetween {
        return DecisionRow::Forwarder;
    }
    if claim.issuer == Issuer::Remote || !claim.is_our_own_word() {
        let server_down = now.is_some_and(|now| now.vantage_ok && now.servers == ServersNow::Down);
        return match claim.family {
            CauseFamily::RelayDenied => DecisionRow::RelayDenied,
            _ if server_down => DecisionRow::MxDown,
            CauseFamily::RemoteSystem => DecisionRow::RemoteTrouble,
            // 556 and its like: an exchanger that says so is believed when the DNS agrees.
            CauseFamily::NoMailByIntent if now.is_some_and(|now| now.dns == DnsNow::Negative) => {
                DecisionRow::OursAndDnsNegative
            }
            CauseFamily::NoMailByIntent => DecisionRow::OursUnconfirmed,
            _ => DecisionRow::BehindMx,
        };
    }
    ours(claim, now)
}

/// Our own MTA speaks for itself.
fn ours(claim: &Claim, now: Option<Now>) -> DecisionRow {
    let Some(now) = now else {
        return match claim.family {
            CauseFamily::OwnResolver => DecisionRow::OursResolver,
            _ => DecisionRow::OursUnconfirmed,
        };
    };
    if !now.vantage_ok {
        return DecisionRow::VantageOutage;
    }
    match (now.dns, now.servers) {
        (DnsNow::Works, ServersNow::Down) => DecisionRow::OursAndServersDown,
        (DnsNow::Works, ServersNow::Reachable) => DecisionRow::OursButRouteWorks,
        // The servers were not tried: only a claim about the DNS is refuted.
        (DnsNow::Works, ServersNow::Unseen) if is_about_dns(claim.family) => DecisionRow::OursButRouteWorks,
        (DnsNow::Fails, _) => DecisionRow::OursAndDnsFails,
        (DnsNow::Negative, _) => DecisionRow::OursAndDnsNegative,
        (DnsNow::Works | DnsNow::NegativeUnconfirmed | DnsNow::Unseen, _) => DecisionRow::OursUnconfirmed,
    }
}

fn is_about_dns(family: CauseFamily) -> bool {
    matches!(
        family,
        CauseFamily::DnsNegative
            | CauseFamily::DnsFailure
            | CauseFamily::NoMailByIntent
            | CauseFamily::OwnResolver
    )
}

fn advice_of(row: DecisionRow, claim: &Claim, now: Option<Now>) -> (Advice, Option<Advice>) {
    match row {
        DecisionRow::NoFailure => (Advice::Nothing, None),
        DecisionRow::VantageOutage => (Advice::QuarantineAndReplay, Some(Advice::FixOwnResolver)),
        DecisionRow::OursButRouteWorks if is_about_dns(claim.family) => {
            (Advice::RetryNowOnce, Some(Advice::FixOwnResolver))
        }
        DecisionRow::OursButRouteWorks => (Advice::RetryNowOnce, None),
        DecisionRow::OursResolver => (Advice::FixOwnResolver, Some(Advice::HoldAndLookAgain)),
        DecisionRow::OursConfiguration => (Advice::FixOwnConfiguration, None),
        DecisionRow::OursAndDnsFails | DecisionRow::RemoteTrouble => (Advice::RetryBySchedule, None),
        DecisionRow::OursAndDnsNegative => (Advice::SuppressDomain, None),
        DecisionRow::OursUnconfirmed => (Advice::HoldAndLookAgain, None),
        DecisionRow::OursAndServersDown | DecisionRow::MxDown => (Advice::RetryAlternates, None),
        DecisionRow::BehindMx | DecisionRow::RelayDenied => (Advice::HoldAddressAndContact, None),
        // A circle that our own MTA found by itself: the MX names it, or a name of ours is missing in its configuration.
        DecisionRow::Loop if claim.issuer == Issuer::Reporting && claim.is_our_own_word() => {
            let besides = now.is_none().then_some(Advice::HoldAndLookAgain);
            (Advice::FixOwnConfiguration, besides)
        }
        DecisionRow::Loop | DecisionRow::Forwarder => (Advice::ContactRelayAdmin, None),
        DecisionRow::Sender => (Advice::FixSender, None),
        DecisionRow::Address => (Advice::DecideByAddress, None),
    }
}

fn findings_of(row: DecisionRow, claim: &Claim, failing: &FailingHop, now: Option<Now>) -> Vec<FindingId> {
    match row {
        DecisionRow::NoFailure
        | DecisionRow::OursConfiguration
        | DecisionRow::OursUnconfirmed
        | DecisionRow::RemoteTrouble
        | DecisionRow::Sender
        | DecisionRow::Address => Vec::new(),
        DecisionRow::VantageOutage | DecisionRow::OursResolver => vec![FindingId::OwnResolverFault],
        DecisionRow::OursButRouteWorks if is_about_dns(claim.family) => {
            vec![FindingId::BounceContradicted, FindingId::OwnResolverFault]
        }
        DecisionRow::OursButRouteWorks => vec![FindingId::BounceContradicted],
        // Our MTA said that nothing answered, and there is a clear no, or the other way round: they still agree that nothing works.
        DecisionRow::OursAndDnsFails | DecisionRow::OursAndDnsNegative | DecisionRow::OursAndServersDown => {
            vec![FindingId::BounceConfirmed]
        }
        DecisionRow::MxDown => vec![FindingId::BounceConfirmed],
        DecisionRow::BehindMx if now.is_some_and(|now| now.servers == ServersNow::Reachable) => {
            vec![FindingId::FailureBehindMx]
        }
        DecisionRow::BehindMx if failing.side == HopSide::BehindMx => vec![FindingId::FailureBehindMx],
        DecisionRow::BehindMx => Vec::new(),
        DecisionRow::Forwarder if claim.family == CauseFamily::RelayDenied => vec![FindingId::RelayDenied],
        DecisionRow::Forwarder => Vec::new(),
        DecisionRow::RelayDenied => vec![FindingId::RelayDenied],
        DecisionRow::Loop => vec![FindingId::RoutingLoop],
    }
}

fn severity_of(id: FindingId) -> Severity {
    match id {
        FindingId::BounceConfirmed => Severity::Info,
        FindingId::BounceContradicted => Severity::Medium,
        _ => Severity::High,
    }
}

fn subject_of(claim: &Claim, failing: &FailingHop) -> String {
    let host = failing.to.as_ref().map(ToString::to_string).or_else(|| failing.from.clone());
    host.or_else(|| claim.domain.as_ref().map(ToString::to_string)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use abprall_bounce::{Classifier, Hop, Report};
    use abprall_mail::{Cause, Confidence, Domain, Verdict};

    use super::*;
    use crate::claim::OurHosts;
    use crate::{
        AddressState, Exchanger, HostAddress, HostLookup, Observations, RankedCause, TlsFact, Vantage,
    };

    fn claim(reporting: &str, remote: Option<&str>, reply: &str) -> Claim {
        let hop = |from: &str, by: &str| Hop {
            from: Some(from.to_owned()),
            by: Some(by.to_owned()),
            ..Hop::default()
        };
        let mut hops = vec![hop("app.ours.example", "out.ours.example")];
        if reporting != "out.ours.example" {
            hops.insert(0, hop("out.ours.example", reporting));
        }
        let report = Report {
            recipient: "u@there.example".parse().ok(),
            reporting_mta: Some(reporting.to_owned()),
            remote_mta: remote.map(str::to_owned),
            issuer: Some(if remote.is_some() { Issuer::Remote } else { Issuer::Reporting }),
            diagnostic: Some(reply.to_owned()),
            reply_code: reply.get(..3).and_then(|code| code.parse().ok()).filter(|_| remote.is_some()),
            status: reply.split(' ').find_map(|word| word.parse().ok()),
            hops,
            ..Report::default()
        };
        let ours = OurHosts::parse(["out.ours.example"]).unwrap();
        Claim::of(&report, &Classifier::built_in().classify(&report), &ours)
    }

    fn diagnosis(states: &[AddressState], findings: &[FindingId], verdict: Verdict) -> Diagnosis {
        let exchanger = |(index, state): (usize, &AddressState)| Exchanger {
            preference: 10,
            host: format!("mx{index}.there.example"),
            implicit: false,
            dns: HostLookup::Ok,
            addresses: vec![HostAddress {
                ip: "192.0.2.1".parse().unwrap(),
                state: *state,
                detail: None,
                greeting: None,
                tls: TlsFact::default(),
                excluded: false,
            }],
        };
        let finding = |id: &FindingId| Finding {
            id: *id,
            severity: Severity::High,
            subject: "there.example".to_owned(),
            evidence: Vec::new(),
            detail: None,
            explanation: String::new(),
        };
        Diagnosis {
            domain: Domain::parse("there.example").unwrap(),
            checked_at: jiff::Timestamp::UNIX_EPOCH,
            took_ms: 0,
            vantage: Vantage {
                resolver: "192.0.2.53:53".to_owned(),
                ok: verdict != Verdict::VantageBlind,
                ipv4: true,
                ipv6: true,
                tested: true,
                detail: None,
            },
            verdict,
            confidence: Confidence::Medium,
            findings: findings.iter().map(finding).collect(),
            mx: states.iter().enumerate().map(exchanger).collect(),
            alternatives: Vec::new(),
            senders: Vec::new(),
            causes: vec![RankedCause { cause: Cause::Abandoned, weight: 1.0, findings: Vec::new() }],
            look_again_at: None,
            observations: Observations::default(),
        }
    }

    const US: &str = "out.ours.example";
    const MX: Option<&str> = Some("mx0.there.example");
    const OWN: &str = "Name service error for name=there.example type=MX: Non-recoverable error";
    const ROUTING: &str = "550 5.4.3 Routing server failure";
    const WORKS: &[AddressState] = &[AddressState::Ok];

    fn judged(claim: &Claim, seen: &mut Diagnosis) -> (DecisionRow, Advice) {
        let judged = hold_against(claim, Some(seen), Language::En);
        (judged.row, judged.advice)
    }

    #[test]
    fn our_resolver_is_at_fault_when_it_finds_nothing_and_the_route_works() {
        let mut seen = diagnosis(WORKS, &[], Verdict::Deliverable);
        let row = judged(&claim(US, None, OWN), &mut seen);
        assert_eq!(row, (DecisionRow::OursButRouteWorks, Advice::RetryNowOnce));
        let ids: Vec<_> = seen.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, [FindingId::OwnResolverFault, FindingId::BounceContradicted]);
        assert_eq!(seen.causes[0].cause, Cause::OurOwnFault);
        let sum: f32 = seen.causes.iter().map(|cause| cause.weight).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        assert_eq!(seen.verdict, Verdict::Deliverable);
    }

    #[test]
    fn a_domain_whose_dns_fails_for_us_too_is_tried_again_by_schedule() {
        let mut seen = diagnosis(&[], &[FindingId::DnsServfail], Verdict::UndeliverableTransient);
        assert_eq!(
            judged(&claim(US, None, OWN), &mut seen),
            (DecisionRow::OursAndDnsFails, Advice::RetryBySchedule)
        );
    }

    #[test]
    fn when_we_cannot_see_the_bounces_of_the_time_are_set_aside() {
        let mut seen = diagnosis(&[], &[FindingId::DnsServfail], Verdict::VantageBlind);
        assert_eq!(
            judged(&claim(US, None, OWN), &mut seen),
            (DecisionRow::VantageOutage, Advice::QuarantineAndReplay)
        );
    }

    #[test]
    fn only_a_confirmed_no_stops_the_domain() {
        let mut seen = diagnosis(&[], &[FindingId::DomainNxdomain], Verdict::UndeliverablePermanent);
        let own = claim(US, None, OWN);
        assert_eq!(judged(&own, &mut seen), (DecisionRow::OursAndDnsNegative, Advice::SuppressDomain));
        let mut once = diagnosis(&[], &[FindingId::DomainNxdomain], Verdict::UndeliverablePermanent);
        once.confidence = Confidence::Low;
        assert_eq!(judged(&own, &mut once), (DecisionRow::OursUnconfirmed, Advice::HoldAndLookAgain));
        let mut null = diagnosis(&[], &[FindingId::NullMx], Verdict::NoMailByIntent);
        assert_eq!(judged(&own, &mut null), (DecisionRow::OursAndDnsNegative, Advice::SuppressDomain));
    }

    #[test]
    fn a_routing_failure_told_by_an_exchanger_that_works_lies_behind_it() {
        let mut seen = diagnosis(WORKS, &[], Verdict::Deliverable);
        let remote = claim(US, MX, ROUTING);
        assert_eq!(judged(&remote, &mut seen), (DecisionRow::BehindMx, Advice::HoldAddressAndContact));
        assert_eq!(seen.findings[0].id, FindingId::FailureBehindMx);
        assert_eq!(seen.findings[0].subject, "mx0.there.example");
    }

    #[test]
    fn a_routing_failure_told_by_an_exchanger_that_is_down_now_is_tried_elsewhere() {
        let mut seen = diagnosis(&[AddressState::Greeting4xx], &[], Verdict::UndeliverableTransient);
        let remote = claim(US, MX, "451 4.4.3 Routing server failure");
        assert_eq!(judged(&remote, &mut seen), (DecisionRow::MxDown, Advice::RetryAlternates));
    }

    #[test]
    fn a_relay_that_fails_on_the_way_is_named() {
        let mut seen = diagnosis(WORKS, &[], Verdict::Deliverable);
        let relayed = claim("relay.third.example", Some("next.third.example"), ROUTING);
        let judged = hold_against(&relayed, Some(&mut seen), Language::De);
        assert_eq!((judged.row, judged.advice), (DecisionRow::Forwarder, Advice::ContactRelayAdmin));
        assert_eq!(judged.failing.side, HopSide::RelayBetween);
        assert_eq!(judged.failing.from.as_deref(), Some("relay.third.example"));
    }

    #[test]
    fn an_exchanger_that_does_not_know_the_domain_hints_at_a_move() {
        let mut seen = diagnosis(WORKS, &[], Verdict::Deliverable);
        let denied = claim(US, MX, "554 5.7.1 <u@there.example>: Relay access denied");
        assert_eq!(judged(&denied, &mut seen), (DecisionRow::RelayDenied, Advice::HoldAddressAndContact));
        assert_eq!(seen.findings[0].id, FindingId::RelayDenied);
        assert_eq!(seen.causes[0].cause, Cause::MigratedAway);
    }

    #[test]
    fn a_claim_is_confirmed_when_we_cannot_connect_either_and_refuted_when_we_can() {
        let refused = claim(US, None, "connect to mx0.there.example[192.0.2.1]:25: Connection refused");
        assert_eq!(refused.remote_host.as_deref(), Some("mx0.there.example"));
        let mut down = diagnosis(&[AddressState::Refused], &[], Verdict::UndeliverableTransient);
        assert_eq!(judged(&refused, &mut down), (DecisionRow::OursAndServersDown, Advice::RetryAlternates));
        assert_eq!(down.findings[0].id, FindingId::BounceConfirmed);
        let mut up = diagnosis(WORKS, &[], Verdict::Deliverable);
        assert_eq!(judged(&refused, &mut up), (DecisionRow::OursButRouteWorks, Advice::RetryNowOnce));
        assert_eq!(up.findings[0].id, FindingId::BounceContradicted);
    }

    #[test]
    fn without_a_look_at_the_network_nothing_is_suppressed() {
        for claim in [
            claim(US, None, OWN),
            claim(
                US,
                None,
                "Host or domain name not found. Name service error for name=there.example type=A: Host not found",
            ),
            claim(US, MX, ROUTING),
            claim(US, MX, "556 5.1.10 <u@there.example>: Recipient address has null MX"),
            claim("relay.third.example", None, "Routing server failure"),
        ] {
            let judged = hold_against(&claim, None, Language::De);
            assert_ne!(judged.advice, Advice::SuppressDomain, "{claim:?}");
            assert!(!judged.text.is_empty());
        }
    }

    #[test]
    fn holding_the_same_claim_twice_adds_its_findings_once() {
        let mut seen = diagnosis(WORKS, &[], Verdict::Deliverable);
        let remote = claim(US, MX, ROUTING);
        hold_against(&remote, Some(&mut seen), Language::En);
        let before = seen.clone();
        hold_against(&remote, Some(&mut seen), Language::En);
        assert_eq!(seen, before);
    }
}
