use abprall_mail::{FindingId, Severity};

use super::{Drafts, dns_words};
use crate::judge::by_effect;
use crate::judge::picture::{Host, Picture, Reply};
use crate::judge::verdict::Ground;
use crate::{AddressState, HostLookup, special_use};

/// The hosts that the MX set names: do they exist, have they addresses, may these be contacted.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let effect = if ground.is_blind() { Severity::Info } else { by_effect(ground) };
    for host in picture.real_hosts().filter(|host| !host.survey.implicit) {
        lookup(picture, host, effect, drafts);
        dangling(picture, host, drafts);
        localhost(picture, host, effect, drafts);
    }
    for host in picture.real_hosts() {
        special(host, effect, drafts);
    }
}

fn lookup(picture: &Picture<'_>, host: &Host<'_>, effect: Severity, drafts: &mut Drafts) {
    let name = host.survey.host.as_str();
    let lookups = || host.survey.lookups.iter().copied();
    match host.lookup {
        HostLookup::Ok | HostLookup::Null => {}
        HostLookup::Cname => {
            let facts = picture.dns(&host.survey.lookups);
            let aliases = facts.filter_map(|(_, fact, _)| fact.answer()).find(|a| !a.aliases.is_empty());
            let detail = aliases.map(|answer| answer.aliases.join(" → "));
            drafts.add(FindingId::MxTargetCname, Severity::Low, name, lookups(), detail);
        }
        HostLookup::Literal => {
            drafts.add(FindingId::MxTargetIpLiteral, effect, name, picture.mx_evidence(), None);
        }
        // "localhost" is in no zone, and everybody knows what it means.
        HostLookup::Nxdomain | HostLookup::Nodata if host.is_localhost() => {}
        HostLookup::Nxdomain => {
            let facts = picture.dns(&host.survey.lookups);
            let soa = facts.filter_map(|(_, fact, _)| fact.answer()?.soa.as_ref()).next();
            let detail = soa.map(|soa| format!("NXDOMAIN, SOA {}", soa.owner));
            drafts.add(FindingId::MxTargetNxdomain, effect, name, lookups(), detail);
        }
        HostLookup::Nodata => drafts.add(FindingId::MxTargetNoAddress, effect, name, lookups(), None),
        HostLookup::CnameLoop => drafts.add(FindingId::CnameLoop, effect, name, lookups(), None),
        HostLookup::Servfail | HostLookup::Timeout | HostLookup::Refused | HostLookup::Error => {
            for (id, fact, reply) in picture.dns(&host.survey.lookups) {
                if reply.is_failure() {
                    let detail = Some(format!("{} {}", fact.record_type, dns_words(fact)));
                    drafts.add(FindingId::MxTargetServfail, effect, name, [id], detail);
                }
            }
        }
    }
}

/// The host is not there, and neither is the domain that it lies in: whoever registers that gets the mail. High whatever else works.
fn dangling(picture: &Picture<'_>, host: &Host<'_>, drafts: &mut Drafts) {
    if host.lookup != HostLookup::Nxdomain || !host.absent {
        return;
    }
    let asked = host.survey.registrable.and_then(|id| Some((id, picture.observations().dns(id)?)));
    let Some((id, fact)) = asked.filter(|(_, fact)| Reply::of(fact) == Reply::NxDomain) else { return };
    // A SOA of the domain itself would mean that it is registered after all.
    let own_soa = fact.answer().and_then(|answer| answer.soa.as_ref()).is_some_and(|soa| {
        soa.owner == fact.name || soa.owner.strip_suffix(&fact.name).is_some_and(|rest| rest.ends_with('.'))
    });
    if !own_soa {
        let evidence = host.survey.lookups.iter().copied().chain([id]);
        let name = host.survey.host.as_str();
        drafts.add(FindingId::MxDangling, Severity::High, name, evidence, Some(fact.name.clone()));
    }
}

fn localhost(picture: &Picture<'_>, host: &Host<'_>, effect: Severity, drafts: &mut Drafts) {
    if host.is_localhost() {
        let words: Vec<_> = host.targets.iter().map(|target| target.address.to_string()).collect();
        let evidence = host.evidence(picture);
        let name = host.survey.host.as_str();
        drafts.add(FindingId::MxTargetLocalhost, effect, name, evidence, Some(words.join(", ")));
        return;
    }
    // Our own address: mail that we send there comes back to us. Where we are the domain's own server, that is as it should be.
    let vantage = &picture.survey.vantage;
    for target in &host.targets {
        let ours = [vantage.source_ipv4, vantage.source_ipv6].contains(&Some(target.address));
        if ours && !target.address.is_loopback() {
            let detail = Some(target.address.to_string());
            let name = host.survey.host.as_str();
            drafts.add(FindingId::RoutingLoop, Severity::Low, name, [target.probe], detail);
        }
    }
}

fn special(host: &Host<'_>, effect: Severity, drafts: &mut Drafts) {
    if host.is_localhost() {
        return;
    }
    // A host with another address besides can still take mail.
    let severity = if host.is_special_use() { effect } else { Severity::Low };
    for target in host.targets.iter().filter(|target| target.fact.state == AddressState::Forbidden) {
        let block = special_use(target.address).map(|block| format!(" ({block})")).unwrap_or_default();
        let detail = Some(format!("{}{block}", target.address));
        drafts.add(
            FindingId::MxTargetSpecialUse,
            severity,
            host.survey.host.as_str(),
            [target.probe],
            detail,
        );
    }
}
