use abprall_bounce::{Issuer, Kind};
use abprall_mail::{Cause, FindingId, Language, Severity};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, IntoStaticStr};

use super::live::{DnsNow, Now, ServersNow, evidence};
use super::{Advice, CauseFamily, Claim};
use crate::hops::{FailingHop, HopSide};
use crate::{Diagnosis, Finding, RankedCause};

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
#[derive(Clone, Copy, Debug, Display, EnumIter, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
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
        for id in &findings {
            if diagnosis.findings.iter().any(|known| known.id == *id && known.subject == subject) {
                continue;
            }
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
        rank_again(diagnosis, row, &findings);
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
        CauseFamily::DnsNegative | CauseFamily::DnsFailure | CauseFamily::NoMailByIntent | CauseFamily::OwnResolver
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

/// What a row says about the cause: how much of the whole weight it takes, in parts of one.
fn causes_of(row: DecisionRow) -> &'static [(Cause, f32)] {
    match row {
        DecisionRow::VantageOutage => &[(Cause::OurOwnFault, 0.9)],
        DecisionRow::OursButRouteWorks | DecisionRow::OursResolver => &[(Cause::OurOwnFault, 0.8)],
        DecisionRow::OursConfiguration => &[(Cause::OurOwnFault, 0.9)],
        DecisionRow::BehindMx => &[
            (Cause::PermanentMisconfiguration, 0.35),
            (Cause::RouterShutDown, 0.2),
            (Cause::ResourcesExhausted, 0.1),
        ],
        DecisionRow::RelayDenied => &[(Cause::MigratedAway, 0.4), (Cause::PermanentMisconfiguration, 0.3)],
        DecisionRow::Loop => &[(Cause::PermanentMisconfiguration, 0.6)],
        DecisionRow::Forwarder => &[(Cause::PermanentMisconfiguration, 0.3)],
        DecisionRow::NoFailure
        | DecisionRow::OursAndDnsFails
        | DecisionRow::OursAndDnsNegative
        | DecisionRow::OursUnconfirmed
        | DecisionRow::OursAndServersDown
        | DecisionRow::MxDown
        | DecisionRow::RemoteTrouble
        | DecisionRow::Sender
        | DecisionRow::Address => &[],
    }
}

/// Gives the causes that the row speaks for their share and leaves the rest to those that were ranked before.
fn rank_again(diagnosis: &mut Diagnosis, row: DecisionRow, findings: &[FindingId]) {
    let shares = causes_of(row);
    if shares.is_empty() {
        return;
    }
    let taken: f32 = shares.iter().map(|(_, share)| share).sum();
    for cause in &mut diagnosis.causes {
        cause.weight *= 1.0 - taken;
    }
    for (cause, share) in shares {
        match diagnosis.causes.iter_mut().find(|known| known.cause == *cause) {
            Some(known) => {
                known.weight += share;
                known.findings.extend(findings);
            }
            None => diagnosis.causes.push(RankedCause {
                cause: *cause,
                weight: *share,
                findings: findings.to_vec(),
            }),
        }
    }
    let sum: f32 = diagnosis.causes.iter().map(|cause| cause.weight).sum();
    for cause in &mut diagnosis.causes {
        cause.weight /= sum;
    }
    diagnosis.causes.sort_by(|a, b| b.weight.total_cmp(&a.weight));
}
