use abprall_mail::{Cause, FindingId, Severity};

use super::picture::{Picture, Reply};
use super::verdict::Ground;
use crate::{Finding, RankedCause};

/// Guesses at the cause, likeliest first; the weights add up to 1.
///
/// Every finding gives points to the causes that it speaks for (the table below, a judgement and no measurement), more when it is
/// severe. Findings of severity info give none. Where we are blind, nothing is guessed about the domain.
pub fn rank(picture: &Picture<'_>, ground: Ground, findings: &[Finding]) -> Vec<RankedCause> {
    if ground.is_blind() {
        let mut ids: Vec<_> = findings.iter().map(|finding| finding.id).collect();
        ids.dedup();
        return vec![RankedCause { cause: Cause::OurOwnFault, weight: 1.0, findings: ids }];
    }
    let mut ranked: Vec<RankedCause> = Vec::new();
    for finding in findings {
        let factor = match finding.severity {
            Severity::Info => continue,
            Severity::Low => 0.3,
            Severity::Medium => 0.6,
            Severity::High => 1.0,
        };
        for (cause, points) in points(picture, finding.id) {
            let weight = f32::from(*points) * factor;
            match ranked.iter_mut().find(|known| known.cause == *cause) {
                Some(known) => {
                    known.weight += weight;
                    if !known.findings.contains(&finding.id) {
                        known.findings.push(finding.id);
                    }
                }
                None => ranked.push(RankedCause { cause: *cause, weight, findings: vec![finding.id] }),
            }
        }
    }
    let total: f32 = ranked.iter().map(|cause| cause.weight).sum();
    for cause in &mut ranked {
        cause.weight /= total;
    }
    ranked.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.cause.cmp(&b.cause)));
    ranked
}

type Points = &'static [(Cause, u8)];

/// Who says that a domain does not exist.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeniedBy {
    /// The zone above the registrable domain: never registered, expired, or on hold.
    Registry,
    /// The zone itself is alive, only the name is missing.
    Zone,
    /// No SOA came with the answer.
    Unknown,
}

/// Whose SOA came with the NXDOMAIN (RFC 2308 §2).
pub fn denied_by(picture: &Picture<'_>) -> DeniedBy {
    let Some((_, fact, Reply::NxDomain)) = picture.mx else { return DeniedBy::Unknown };
    let Some(answer) = fact.answer() else { return DeniedBy::Unknown };
    // The name itself is there, as an alias; what it stands for is not.
    if !answer.aliases.is_empty() {
        return DeniedBy::Zone;
    }
    let Some(soa) = &answer.soa else { return DeniedBy::Unknown };
    match picture.survey.domain.registrable() {
        Some(registrable)
            if soa.owner == registrable
                || soa.owner.strip_suffix(registrable).is_some_and(|rest| rest.ends_with('.')) =>
        {
            DeniedBy::Zone
        }
        Some(_) | None => DeniedBy::Registry,
    }
}

fn points(picture: &Picture<'_>, id: FindingId) -> Points {
    use Cause::{
        Abandoned, CriticalFailure, Decommissioned, DnsInvalid, MigratedAway, MxUnavailable, NetworkFailure,
        OurOwnFault, PermanentMisconfiguration, ResourcesExhausted, RouterShutDown,
    };
    match id {
        FindingId::DomainNxdomain => match denied_by(picture) {
            DeniedBy::Registry => &[(Abandoned, 5), (DnsInvalid, 1), (Decommissioned, 1)],
            DeniedBy::Zone => &[(Decommissioned, 3), (DnsInvalid, 3), (MigratedAway, 1)],
            DeniedBy::Unknown => &[(Abandoned, 2), (DnsInvalid, 2), (Decommissioned, 2)],
        },
        FindingId::DomainNoMailHost => {
            &[(Decommissioned, 3), (Abandoned, 2), (PermanentMisconfiguration, 2), (MigratedAway, 1)]
        }
        FindingId::ImplicitMx => &[(PermanentMisconfiguration, 2), (Decommissioned, 1)],
        // The owner's will is no failure, and has no cause.
        FindingId::NullMx => &[],
        FindingId::NullMxMalformed => &[(PermanentMisconfiguration, 3)],
        FindingId::DnsServfail => {
            &[(PermanentMisconfiguration, 2), (NetworkFailure, 1), (Abandoned, 1), (CriticalFailure, 1)]
        }
        FindingId::DnssecBogus => &[(PermanentMisconfiguration, 5), (MigratedAway, 1)],
        FindingId::LameDelegation => &[(MigratedAway, 3), (Abandoned, 2), (PermanentMisconfiguration, 2)],
        FindingId::LameDelegationPartial => &[(PermanentMisconfiguration, 2), (MigratedAway, 1)],
        FindingId::AuthoritiesSilent => &[(NetworkFailure, 3), (CriticalFailure, 2), (Abandoned, 1)],
        FindingId::NsUnresolvable => &[(Abandoned, 3), (DnsInvalid, 2), (PermanentMisconfiguration, 1)],
        FindingId::ZonesInconsistent => &[(PermanentMisconfiguration, 2)],
        FindingId::DnsRefused => &[(PermanentMisconfiguration, 2), (MigratedAway, 2)],
        FindingId::DnsFormerr => &[(PermanentMisconfiguration, 2), (OurOwnFault, 2)],
        FindingId::OwnResolverFault => &[(OurOwnFault, 12)],
        FindingId::EdnsBroken => &[(PermanentMisconfiguration, 2)],
        FindingId::CnameLoop => &[(PermanentMisconfiguration, 4), (DnsInvalid, 1)],
        FindingId::ApexCname => &[(PermanentMisconfiguration, 1)],
        FindingId::MxTargetNxdomain => &[(DnsInvalid, 5), (Decommissioned, 2), (MigratedAway, 2)],
        FindingId::MxTargetNoAddress => {
            &[(DnsInvalid, 4), (Decommissioned, 1), (PermanentMisconfiguration, 1)]
        }
        FindingId::MxTargetServfail => {
            &[(NetworkFailure, 1), (PermanentMisconfiguration, 1), (DnsInvalid, 1), (MxUnavailable, 1)]
        }
        FindingId::MxTargetCname => &[],
        FindingId::MxTargetIpLiteral => &[(PermanentMisconfiguration, 3), (DnsInvalid, 1)],
        FindingId::MxTargetSpecialUse => &[(PermanentMisconfiguration, 4), (DnsInvalid, 2)],
        FindingId::MxTargetLocalhost => &[(Decommissioned, 3), (PermanentMisconfiguration, 1)],
        FindingId::MxDangling => &[(Abandoned, 3), (DnsInvalid, 3), (MigratedAway, 1)],
        FindingId::MxDuplicate | FindingId::MxBeyondStandardSender | FindingId::WildcardMx => &[],
        FindingId::MxIpv6Only => &[(OurOwnFault, 1)],
        FindingId::PreferredMxDown | FindingId::AllMxDown => &[(MxUnavailable, 3)],
        FindingId::ConnectRefused => &[(RouterShutDown, 3), (Decommissioned, 1), (MigratedAway, 1)],
        FindingId::ConnectTimeout => &[(NetworkFailure, 2), (RouterShutDown, 2), (CriticalFailure, 1)],
        FindingId::NetworkUnreachable => &[(NetworkFailure, 5)],
        FindingId::AcceptThenClose => &[(ResourcesExhausted, 2), (CriticalFailure, 1), (OurOwnFault, 1)],
        FindingId::GreetingTimeout => &[(ResourcesExhausted, 4), (CriticalFailure, 1)],
        FindingId::Greeting4xx => &[(ResourcesExhausted, 4)],
        FindingId::Greeting5xx => &[(OurOwnFault, 2), (PermanentMisconfiguration, 2), (Decommissioned, 1)],
        FindingId::HostAcceptsNoMail => &[(Decommissioned, 5), (RouterShutDown, 2)],
        FindingId::EhloRejected => &[(PermanentMisconfiguration, 2), (OurOwnFault, 2)],
        FindingId::TlsNotOffered | FindingId::TlsFailed | FindingId::CertificateInvalid => &[],
        FindingId::MtaStsExcludesMx => &[(PermanentMisconfiguration, 3), (MigratedAway, 2)],
        FindingId::MtaStsInvalid => &[(PermanentMisconfiguration, 1)],
        FindingId::DaneMismatch => &[(PermanentMisconfiguration, 3)],
        FindingId::RoutingLoop => &[(PermanentMisconfiguration, 2), (OurOwnFault, 1)],
        // These come from a bounce, and so do the guesses that rest on them.
        FindingId::FailureBehindMx
        | FindingId::RelayDenied
        | FindingId::BounceContradicted
        | FindingId::BounceConfirmed
        | FindingId::DependsOnSendingMta => &[],
    }
}
