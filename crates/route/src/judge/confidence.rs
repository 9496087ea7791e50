use abprall_mail::{Confidence, Verdict};

use super::Earlier;
use super::picture::{Egress, Picture, Reply, Resolver, Target};
use super::recheck::negative_ttl_s;
use super::verdict::Ground;
use crate::limits::{CANARIES_FOR_PROOF, SECOND_LOOK_AFTER_S};
use crate::{DnsFact, ObservationId, Rcode, ServerRole, Vantage};

/// How sure the verdict is.
///
/// High: proof, an earlier look with the same verdict at least an hour or one negative TTL ago, and a tested vantage. Medium: one of
/// proof and earlier look. A conversation that came through just now needs no second one.
pub fn of(
    picture: &Picture<'_>,
    ground: Ground,
    verdict: Verdict,
    vantage: &Vantage,
    earlier: &[Earlier],
) -> Confidence {
    match ground {
        Ground::NotSeen | Ground::DnsOnly => return Confidence::Low,
        Ground::Works => {
            let fresh = picture.targets().any(|(_, t)| t.is_usable() && !t.fact.from_cache);
            return if fresh && vantage.ok { Confidence::High } else { Confidence::Medium };
        }
        Ground::ResolverBlind | Ground::ResolverRefuted | Ground::EgressBlind | Ground::FamilyBlind => {
            return if blindness_is_proven(picture, ground) { Confidence::Medium } else { Confidence::Low };
        }
        Ground::NullMx
        | Ground::Localhost
        | Ground::DomainAbsent
        | Ground::NoMailHost
        | Ground::TargetsAbsent
        | Ground::AcceptNoMail
        | Ground::DnsFailure
        | Ground::AliasLoop
        | Ground::TargetsUnknown
        | Ground::SpecialUse
        | Ground::Excluded
        | Ground::Connections => {}
    }
    let proven = is_proven(picture, ground);
    let twice = seen_before(picture, ground, verdict, earlier);
    match (proven, twice) {
        (true, true) if vantage.ok && vantage.tested => Confidence::High,
        (true, _) | (_, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    }
}

fn seen_before(picture: &Picture<'_>, ground: Ground, verdict: Verdict, earlier: &[Earlier]) -> bool {
    let apart_s = negative_ttl_s(picture, ground).unwrap_or(0).max(SECOND_LOOK_AFTER_S);
    earlier.iter().any(|look| {
        look.verdict == verdict
            && look.vantage_ok
            && picture.survey.started_at.duration_since(look.checked_at).as_secs() >= apart_s
    })
}

fn blindness_is_proven(picture: &Picture<'_>, ground: Ground) -> bool {
    let vantage = &picture.survey.vantage;
    (ground == Ground::ResolverBlind && vantage.canary_lookups.len() >= CANARIES_FOR_PROOF)
        || (ground == Ground::EgressBlind && vantage.canary_probes.len() >= CANARIES_FOR_PROOF)
        || (ground == Ground::ResolverRefuted && picture.resolver_refuted_by.len() >= 2)
}

/// The proof that the ground itself needs.
fn is_proven(picture: &Picture<'_>, ground: Ground) -> bool {
    match ground {
        Ground::DomainAbsent => {
            is_authenticated(picture, &picture.mx_evidence())
                || agreeing_authorities(picture) >= 2
                || parent_denies(picture)
        }
        Ground::NoMailHost => {
            is_authenticated(picture, &picture.mx_evidence())
                && is_authenticated(picture, picture.own_lookups())
                || agreeing_authorities(picture) >= 2
        }
        Ground::TargetsAbsent => {
            let real = || picture.real_hosts();
            real().next().is_some()
                && real().all(|host| {
                    let lookups: Vec<_> = picture.dns(&host.survey.lookups).collect();
                    is_authenticated(picture, &host.survey.lookups)
                        // Both families, and the registry itself when it was asked, agree that the host is not there.
                        || (lookups.iter().all(|(_, _, reply)| *reply == Reply::NxDomain)
                            && host
                                .survey
                                .registrable
                                .and_then(|id| picture.observations().dns(id))
                                .is_some_and(|fact| Reply::of(fact) == Reply::NxDomain && has_authority(fact)))
                })
        }
        Ground::NullMx | Ground::Localhost => {
            is_authenticated(picture, &picture.mx_evidence()) || agreeing_authorities(picture) >= 2
        }
        // First-hand: the hosts themselves said it.
        Ground::AcceptNoMail => true,
        Ground::Excluded => true,
        Ground::Connections => {
            picture.egress == Egress::Works
                && picture.targets().any(|(_, target)| Target::was_contacted(target))
        }
        // First-hand as well, where the zone's servers were asked one by one and the resolver is known to work.
        Ground::DnsFailure | Ground::AliasLoop => {
            picture.resolver == Resolver::Works
                && picture.survey.delegation.as_ref().is_some_and(|d| !d.servers.is_empty())
        }
        Ground::TargetsUnknown | Ground::SpecialUse => false,
        Ground::Works
        | Ground::DnsOnly
        | Ground::NotSeen
        | Ground::ResolverBlind
        | Ground::ResolverRefuted
        | Ground::EgressBlind
        | Ground::FamilyBlind => false,
    }
}

fn is_authenticated(picture: &Picture<'_>, ids: &[ObservationId]) -> bool {
    !ids.is_empty()
        && ids.iter().all(|id| {
            let fact = picture.observations().dns(*id);
            fact.and_then(DnsFact::answer).is_some_and(|answer| answer.ad)
        })
}

fn has_authority(fact: &DnsFact) -> bool {
    fact.answer().is_some_and(|answer| answer.ad || answer.aa)
}

/// Servers of the zone that say with authority the same as our resolver.
fn agreeing_authorities(picture: &Picture<'_>) -> usize {
    let Some((_, own, reply)) = picture.mx else { return 0 };
    let ours = own.answer().map(super::findings::mx_words);
    let mut servers: Vec<_> = picture
        .authorities()
        .into_iter()
        .filter(|(_, fact, theirs)| *theirs == reply && fact.answer().map(super::findings::mx_words) == ours)
        .map(|(_, fact, _)| fact.server.ip())
        .collect();
    servers.sort_unstable();
    servers.dedup();
    servers.len()
}

/// A server of a parent zone says with authority that the domain, or what it lies in, does not exist (RFC 8020 §2).
fn parent_denies(picture: &Picture<'_>) -> bool {
    let Some(delegation) = &picture.survey.delegation else { return false };
    picture.dns(&delegation.parents).any(|(_, fact, reply)| {
        reply == Reply::NxDomain
            && matches!(fact.role, ServerRole::Parent)
            && fact.answer().is_some_and(|answer| answer.aa && answer.rcode == Rcode::NxDomain)
            && picture.survey.domain.is_within(&fact.name)
    })
}
