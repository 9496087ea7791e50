use std::collections::{BTreeMap, BTreeSet};

use abprall_mail::{FindingId, Severity};

use super::{Drafts, dns_words, mx_words, server_words};
use crate::judge::by_effect;
use crate::judge::picture::{Picture, Reply};
use crate::judge::verdict::Ground;
use crate::{DelegationSurvey, DnsFact, DnsOutcome, NameServerSurvey, ObservationId};

/// What one name server of the zone does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Service {
    /// Answers with authority.
    Serves,
    /// Answers, but knows nothing of the zone: REFUSED, no AA, a referral (RFC 1912 §2.8).
    Lame,
    /// Serves the zone, as it says, but cannot: SERVFAIL, FORMERR, garbage.
    Fails,
    /// No answer at any address that we have a way to.
    Silent,
    /// Its name has no address.
    Unresolvable,
    /// Nothing was learned: not asked, or forbidden.
    Unknown,
}

/// The name servers, one by one: only after a walk.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let Some(delegation) = &picture.survey.delegation else { return };
    let zone = delegation.zone.as_deref().unwrap_or(picture.domain());
    let services: Vec<_> =
        delegation.servers.iter().map(|server| (server, service(picture, server))).collect();
    let serving = services.iter().filter(|(_, service)| *service == Service::Serves).count();
    let judged: Vec<_> = services.iter().filter(|(_, service)| *service != Service::Unknown).collect();
    let effect = by_effect(ground);
    if serving == 0 {
        let lame = services.iter().filter(|(_, service)| *service == Service::Lame);
        for (server, _) in lame {
            let facts = words(picture, server);
            drafts.add(FindingId::LameDelegation, effect, zone, server.soa.iter().copied(), Some(facts));
        }
        if !judged.is_empty() && judged.iter().all(|(_, service)| *service == Service::Silent) {
            for (server, _) in &judged {
                let detail = Some(server.name.clone());
                drafts.add(FindingId::AuthoritiesSilent, effect, zone, evidence(server), detail);
            }
        }
    }
    for (server, service) in &services {
        let others = if serving == 0 { effect } else { Severity::Medium };
        match service {
            Service::Lame | Service::Silent | Service::Fails if serving > 0 => {
                let facts = words(picture, server);
                drafts.add(
                    FindingId::LameDelegationPartial,
                    others,
                    server.name.as_str(),
                    evidence(server),
                    Some(facts),
                );
            }
            Service::Unresolvable => {
                let detail = picture.dns(&server.lookups).next().map(|(_, fact, _)| dns_words(fact));
                drafts.add(
                    FindingId::NsUnresolvable,
                    others,
                    server.name.as_str(),
                    server.lookups.iter().copied(),
                    detail,
                );
            }
            Service::Serves | Service::Lame | Service::Fails | Service::Silent | Service::Unknown => {}
        }
    }
    codes(picture, delegation, serving, effect, drafts);
    inconsistent(picture, delegation, zone, drafts);
}

fn evidence(server: &NameServerSurvey) -> Vec<ObservationId> {
    server.soa.iter().chain(&server.mx).copied().collect()
}

fn words(picture: &Picture<'_>, server: &NameServerSurvey) -> String {
    let mut words: Vec<_> = picture.dns(&server.soa).map(|(_, fact, _)| word(fact)).collect();
    words.dedup();
    format!("{}: {}", server.name, words.join(", "))
}

/// An answer without authority is NOERROR by its code, which would tell nothing.
fn word(fact: &DnsFact) -> String {
    match fact.answer() {
        Some(answer) if answer.is_referral() => "referral".to_owned(),
        Some(answer) if !answer.aa && answer.rcode == crate::Rcode::NoError => "no AA".to_owned(),
        Some(_) | None => dns_words(fact),
    }
}

fn service(picture: &Picture<'_>, server: &NameServerSurvey) -> Service {
    let seen: Vec<_> =
        picture.dns(&server.soa).filter_map(|(_, fact, reply)| service_of(picture, fact, reply)).collect();
    let any = |service| seen.contains(&service);
    if any(Service::Serves) {
        Service::Serves
    } else if any(Service::Lame) {
        Service::Lame
    } else if any(Service::Fails) {
        Service::Fails
    } else if any(Service::Silent) {
        Service::Silent
    } else if server.soa.is_empty()
        && !server.lookups.is_empty()
        && picture.dns(&server.lookups).all(|(_, _, reply)| reply != Reply::Data)
    {
        Service::Unresolvable
    } else {
        Service::Unknown
    }
}

/// What one answer to the SOA question shows; `None` where it shows nothing.
fn service_of(picture: &Picture<'_>, fact: &DnsFact, reply: Reply) -> Option<Service> {
    let has_authority = fact.answer().is_some_and(|answer| answer.aa);
    Some(match reply {
        Reply::Data | Reply::NoData | Reply::AliasLoop if has_authority => Service::Serves,
        Reply::Data | Reply::NoData | Reply::AliasLoop | Reply::NxDomain => Service::Lame,
        Reply::Refused | Reply::Referral => Service::Lame,
        Reply::ServFail | Reply::FormErr | Reply::Malformed => Service::Fails,
        Reply::Silence => Service::Silent,
        Reply::Unreachable => {
            let vantage = &picture.survey.vantage;
            let source = if fact.server.is_ipv4() { vantage.source_ipv4 } else { vantage.source_ipv6 };
            source?;
            Service::Silent
        }
        Reply::Forbidden => return None,
    })
}

/// Codes that name the server which gives them, and EDNS.
fn codes(
    picture: &Picture<'_>,
    delegation: &DelegationSurvey,
    serving: usize,
    effect: Severity,
    drafts: &mut Drafts,
) {
    // Where the zone is served elsewhere, "lame in part" is the finding, and this only says how.
    let severity = if serving > 0 { Severity::Low } else { effect };
    for server in &delegation.servers {
        for (id, fact, reply) in picture.dns(&server.soa).chain(picture.dns(&server.mx)) {
            let detail = || Some(format!("{} {}", fact.record_type, dns_words(fact)));
            if reply == Reply::Refused {
                drafts.add(FindingId::DnsRefused, severity, server_words(fact), [id], detail());
            } else if reply == Reply::FormErr {
                drafts.add(FindingId::DnsFormerr, severity, server_words(fact), [id], detail());
            } else if reply == Reply::ServFail {
                drafts.add(
                    FindingId::DnsServfail,
                    severity,
                    picture.domain(),
                    [id],
                    Some(server_words(fact)),
                );
            } else if let DnsOutcome::Answer(answer) = &fact.outcome
                && answer.only_without_edns
            {
                let severity = severity.min(Severity::Medium);
                drafts.add(FindingId::EdnsBroken, severity, server_words(fact), [id], None);
            }
        }
    }
}

/// The servers must give the same MX. Different serials alone are a zone on its way to its secondaries.
fn inconsistent(picture: &Picture<'_>, delegation: &DelegationSurvey, zone: &str, drafts: &mut Drafts) {
    let mut sets: BTreeMap<String, Vec<(ObservationId, String)>> = BTreeMap::new();
    for (id, fact, _) in picture.authorities() {
        if let Some(answer) = fact.answer() {
            sets.entry(mx_words(answer)).or_default().push((id, server_words(fact)));
        }
    }
    if sets.len() > 1 {
        for (set, servers) in &sets {
            for (id, server) in servers {
                let detail = Some(format!("{server}: {set}"));
                drafts.add(FindingId::ZonesInconsistent, Severity::Medium, zone, [*id], detail);
            }
        }
        return;
    }
    let mut serials = BTreeSet::new();
    let mut evidence = Vec::new();
    for (id, fact, reply) in delegation.servers.iter().flat_map(|server| picture.dns(&server.soa)) {
        if let (Reply::Data, Some(answer)) = (reply, fact.answer())
            && answer.aa
            && let Some(soa) = &answer.soa
        {
            serials.insert(soa.serial);
            evidence.push(id);
        }
    }
    if serials.len() > 1 {
        let words: Vec<_> = serials.iter().map(|serial| format!("SOA {serial}")).collect();
        drafts.add(FindingId::ZonesInconsistent, Severity::Low, zone, evidence, Some(words.join(", ")));
    }
}
