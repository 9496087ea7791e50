use std::collections::HashMap;

use abprall_mail::{FindingId, Severity};

use super::Drafts;
use crate::ObservationId;
use crate::judge::by_effect;
use crate::judge::picture::{Host, Picture, Target};
use crate::judge::verdict::Ground;
use crate::limits::STANDARD_SENDER_ADDRESSES;

/// Hosts that a finding names at most; a set of thousands fills no line.
const NAMED_HOSTS: usize = 5;

/// The MX set as a whole.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    null(picture, ground, drafts);
    duplicate(picture, drafts);
    families(picture, ground, drafts);
    beyond(picture, drafts);
    if !ground.is_blind() {
        down(picture, ground, drafts);
    }
}

fn null(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let nulls: Vec<_> = picture.hosts.iter().filter(|host| host.is_null()).collect();
    let Some(first) = nulls.first() else { return };
    let alone = picture.hosts.iter().all(Host::is_null);
    let severity = if ground.is_blind() { Severity::Info } else { by_effect(ground) };
    if alone && nulls.len() == 1 && first.survey.preference == 0 {
        drafts.add(FindingId::NullMx, severity, picture.domain(), picture.mx_evidence(), None);
    } else {
        let words: Vec<_> = picture.hosts.iter().take(NAMED_HOSTS).map(mx_line).collect();
        let detail = Some(words.join(", "));
        drafts.add(FindingId::NullMxMalformed, severity, picture.domain(), picture.mx_evidence(), detail);
    }
}

fn mx_line(host: &Host<'_>) -> String {
    format!("{} {}", host.survey.preference, host.survey.host)
}

/// One host, or one address, that looks like two.
fn duplicate(picture: &Picture<'_>, drafts: &mut Drafts) {
    let mut names = HashMap::new();
    let mut addresses: HashMap<_, &str> = HashMap::new();
    for host in picture.real_hosts() {
        let name = host.survey.host.as_str();
        if let Some(before) = names.insert(name, host.survey.preference) {
            let detail = format!("{before}, {}", host.survey.preference);
            drafts.add(FindingId::MxDuplicate, Severity::Info, name, picture.mx_evidence(), Some(detail));
            continue;
        }
        for target in &host.targets {
            match addresses.get(&target.address) {
                Some(before) if *before != name => {
                    let detail = Some(format!("{} = {before}", target.address));
                    drafts.add(FindingId::MxDuplicate, Severity::Info, name, host.evidence(picture), detail);
                }
                Some(_) => {}
                None => {
                    addresses.insert(target.address, name);
                }
            }
        }
    }
}

/// Only IPv6 is left, or there never was anything else.
fn families(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let usable: Vec<_> = picture.targets().filter(|(_, target)| target.is_usable()).collect();
    let all: Vec<_> = picture.targets().collect();
    let judged = if usable.is_empty() { &all } else { &usable };
    if judged.is_empty() || !judged.iter().all(|(_, target)| target.address.is_ipv6()) {
        return;
    }
    let severity = if ground == Ground::FamilyBlind { Severity::Info } else { Severity::Medium };
    let evidence = judged.iter().map(|(_, target)| target.probe);
    let words: Vec<_> = judged.iter().take(NAMED_HOSTS).map(|(_, t)| t.address.to_string()).collect();
    drafts.add(FindingId::MxIpv6Only, severity, picture.domain(), evidence, Some(words.join(", ")));
}

/// Postfix gives up after five addresses, whatever comes behind them.
fn beyond(picture: &Picture<'_>, drafts: &mut Drafts) {
    let targets: Vec<_> = picture.targets().collect();
    let Some((near, far)) = targets.split_at_checked(STANDARD_SENDER_ADDRESSES) else { return };
    let works = |(_, target): &(&Host<'_>, &Target<'_>)| target.is_usable();
    let severity = if near.iter().any(works) { Severity::Info } else { Severity::Medium };
    for (host, target) in far.iter().filter(|entry| works(entry)) {
        if near.iter().any(|(other, _)| other.survey.host == host.survey.host && severity == Severity::Info) {
            continue;
        }
        let detail = Some(target.address.to_string());
        drafts.add(
            FindingId::MxBeyondStandardSender,
            severity,
            host.survey.host.as_str(),
            [target.probe],
            detail,
        );
    }
}

/// The preferred hosts, or all.
fn down(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let Some(best) = picture.real_hosts().map(|host| host.survey.preference).min() else { return };
    if ground == Ground::Works {
        let preferred: Vec<_> = picture.real_hosts().filter(|h| h.survey.preference == best).collect();
        let not_seen = |host: &Host<'_>| {
            !host.targets.is_empty()
                && host.targets.iter().all(|t| !t.was_contacted() && !host.is_special_use())
        };
        if preferred.iter().any(|host| host.is_usable() || not_seen(host)) {
            return;
        }
        let mut names: Vec<_> = preferred.iter().map(|host| host.survey.host.as_str()).collect();
        names.dedup();
        names.truncate(NAMED_HOSTS);
        let evidence: Vec<ObservationId> = preferred.iter().flat_map(|host| host.evidence(picture)).collect();
        drafts.add(FindingId::PreferredMxDown, Severity::Medium, names.join(", "), evidence, None);
    } else if matches!(
        ground,
        Ground::Connections | Ground::SpecialUse | Ground::AcceptNoMail | Ground::Excluded
    ) {
        let evidence: Vec<_> = picture.real_hosts().flat_map(|host| host.evidence(picture)).collect();
        drafts.add(FindingId::AllMxDown, Severity::High, picture.domain(), evidence, None);
    }
}

/// Where mail servers part ways: said once, with the findings that are the reason.
pub fn look_for_disagreement(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let mut reasons = vec![
        FindingId::NullMxMalformed,
        FindingId::MxTargetIpLiteral,
        FindingId::CnameLoop,
        FindingId::DnssecBogus,
    ];
    if ground == Ground::Excluded {
        reasons.extend([FindingId::MtaStsExcludesMx, FindingId::DaneMismatch]);
    }
    for id in reasons.into_iter().filter(|id| drafts.has(*id)).collect::<Vec<_>>() {
        // One of the set is odd, the others work for everybody.
        let harmless = id == FindingId::MxTargetIpLiteral
            && picture.real_hosts().any(|h| h.is_usable() && h.lookup != crate::HostLookup::Literal);
        let severity = if harmless { Severity::Low } else { Severity::Medium };
        let evidence = drafts.evidence(id);
        drafts.add(
            FindingId::DependsOnSendingMta,
            severity,
            picture.domain(),
            evidence,
            Some(id.as_str().to_owned()),
        );
    }
}
