use abprall_mail::{Confidence, FindingId, Verdict};

use super::Claim;
use crate::{AddressState, Diagnosis, Fact, ObservationId, limits};

/// What we see of the DNS of the domain now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DnsNow {
    /// It names mail servers, and at least one has an address.
    Works,
    /// No usable answer: may be better later.
    Fails,
    /// A clear no, believed: no such domain, nowhere to deliver, null MX.
    Negative,
    /// A clear no that was seen once only.
    NegativeUnconfirmed,
    /// Too little was seen.
    Unseen,
}

/// What we see of its mail servers now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ServersNow {
    /// At least one takes mail.
    Reachable,
    /// All were tried, none takes mail.
    Down,
    /// None was tried.
    Unseen,
}

/// The diagnosis, as far as a claim is held against it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) vantage_ok: bool,
    pub(super) dns: DnsNow,
    pub(super) servers: ServersNow,
}

impl Now {
    pub(super) fn of(diagnosis: &Diagnosis) -> Self {
        let has = |ids: &[FindingId]| diagnosis.findings.iter().any(|finding| ids.contains(&finding.id));
        let mut states =
            diagnosis.mx.iter().flat_map(|mx| &mx.addresses).map(|address| address.state).peekable();
        let dns = if states.peek().is_some() {
            DnsNow::Works
        } else if has(TRANSIENT) {
            DnsNow::Fails
        } else if has(NEGATIVE) || diagnosis.verdict == Verdict::NoMailByIntent {
            match (diagnosis.verdict, diagnosis.confidence) {
                (Verdict::NoMailByIntent, _)
                | (Verdict::UndeliverablePermanent, Confidence::Medium | Confidence::High) => {
                    DnsNow::Negative
                }
                _ => DnsNow::NegativeUnconfirmed,
            }
        } else {
            DnsNow::Unseen
        };
        let tried: Vec<AddressState> = states.filter(|state| is_tried(*state)).collect();
        let servers = if tried.contains(&AddressState::Ok) {
            ServersNow::Reachable
        } else if tried.is_empty() {
            ServersNow::Unseen
        } else {
            ServersNow::Down
        };
        Self { vantage_ok: diagnosis.vantage.ok && diagnosis.verdict != Verdict::VantageBlind, dns, servers }
    }
}

fn is_tried(state: AddressState) -> bool {
    match state {
        AddressState::Forbidden | AddressState::NotProbed => false,
        AddressState::Ok
        | AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Greeting4xx
        | AddressState::Greeting5xx
        | AddressState::EhloRejected => true,
    }
}

const TRANSIENT: &[FindingId] = &[
    FindingId::DnsServfail,
    FindingId::DnssecBogus,
    FindingId::LameDelegation,
    FindingId::AuthoritiesSilent,
    FindingId::NsUnresolvable,
    FindingId::DnsRefused,
    FindingId::DnsFormerr,
    FindingId::CnameLoop,
    FindingId::MxTargetServfail,
];

const NEGATIVE: &[FindingId] = &[
    FindingId::DomainNxdomain,
    FindingId::DomainNoMailHost,
    FindingId::NullMx,
    FindingId::MxTargetNxdomain,
    FindingId::MxTargetNoAddress,
    FindingId::MxTargetLocalhost,
];

/// The facts that speak about the claim: conversations with the host that it names, or all; lookups of the domain.
pub(super) fn evidence(claim: &Claim, diagnosis: &Diagnosis) -> Vec<ObservationId> {
    let about = |subject: &str| claim.domain.as_ref().is_some_and(|domain| domain.as_str() == subject);
    let is_meant =
        |host: &str| claim.failing.host().is_none_or(|failed| failed == host.trim_end_matches('.'));
    let speaks = |fact: &Fact, subject: &str| match fact {
        Fact::Smtp(smtp) => is_meant(&smtp.host),
        Fact::Dns(_) => about(subject.trim_end_matches('.')),
        Fact::MtaSts(_) | Fact::Path(_) => false,
    };
    let seen = diagnosis.observations.iter().filter(|seen| speaks(&seen.fact, &seen.subject));
    seen.map(|seen| seen.id).take(limits::CLAIM_EVIDENCE_MAX).collect()
}
