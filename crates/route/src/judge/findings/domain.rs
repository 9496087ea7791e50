use abprall_mail::{FindingId, Severity};

use super::{Drafts, dns_words, mx_words, server_words};
use crate::judge::by_effect;
use crate::judge::picture::{Picture, Reply};
use crate::judge::verdict::Ground;
use crate::{DnsFact, RecordType};

/// The domain itself: does it exist, has it a mail route, can it be looked up.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let Some((id, fact, reply)) = picture.mx else { return };
    // What a blind vantage says of the domain is kept, but accuses nobody.
    let severity = if ground.is_blind() { Severity::Info } else { by_effect(ground) };
    let domain = picture.domain();
    match reply {
        Reply::NxDomain => drafts.add(FindingId::DomainNxdomain, severity, domain, [id], soa_words(fact)),
        Reply::NoData => implicit(picture, ground, severity, drafts),
        Reply::AliasLoop => drafts.add(FindingId::CnameLoop, severity, domain, [id], aliases(fact)),
        Reply::ServFail if let Some((shown, circle)) = picture.alias_loop() => {
            drafts.add(FindingId::CnameLoop, severity, domain, [id, shown], aliases(circle));
        }
        Reply::ServFail if picture.is_bogus() => {
            let evidence = [id].into_iter().chain(picture.survey.mx_unchecked);
            drafts.add(FindingId::DnssecBogus, severity, domain, evidence, extended_words(fact));
        }
        Reply::ServFail | Reply::Silence | Reply::Unreachable | Reply::Malformed | Reply::Referral => {
            drafts.add(FindingId::DnsServfail, severity, domain, [id], Some(dns_words(fact)));
        }
        Reply::Refused => {
            drafts.add(FindingId::DnsRefused, severity, server_words(fact), [id], Some(dns_words(fact)));
        }
        Reply::FormErr => {
            drafts.add(FindingId::DnsFormerr, severity, server_words(fact), [id], Some(dns_words(fact)));
        }
        Reply::Data | Reply::Forbidden => {}
    }
    alias(picture, fact, drafts);
    wildcard(picture, drafts);
    compared(picture, drafts);
}

fn aliases(fact: &DnsFact) -> Option<String> {
    fact.answer().map(|answer| answer.aliases.join(" → "))
}

/// No MX: the domain's own address is the mail host, if there is one.
fn implicit(picture: &Picture<'_>, ground: Ground, severity: Severity, drafts: &mut Drafts) {
    let own = picture.own_lookups();
    let evidence = || picture.mx_evidence().into_iter().chain(own.iter().copied());
    if picture.has_no_address_itself() {
        drafts.add(FindingId::DomainNoMailHost, severity, picture.domain(), evidence(), None);
    } else if picture.dns(own).any(|(_, _, reply)| reply == Reply::Data) {
        // A web server without mail looks like this: then it is more than a remark.
        let severity = if ground == Ground::Connections { Severity::Medium } else { Severity::Info };
        drafts.add(FindingId::ImplicitMx, severity, picture.domain(), evidence(), None);
    } else {
        for (id, fact, reply) in picture.dns(own) {
            if reply == Reply::AliasLoop {
                drafts.add(FindingId::CnameLoop, severity, picture.domain(), [id], None);
            } else if reply.is_failure() {
                drafts.add(FindingId::DnsServfail, severity, picture.domain(), [id], Some(dns_words(fact)));
            }
        }
    }
}

/// Whose negative answer it is tells "not registered" from "the zone lives, the name is missing".
fn soa_words(fact: &DnsFact) -> Option<String> {
    let answer = fact.answer()?;
    let soa = answer.soa.as_ref()?;
    let alias = answer.aliases.last().map(|alias| format!("{alias} ")).unwrap_or_default();
    Some(format!("{alias}NXDOMAIN, SOA {}", soa.owner))
}

fn extended_words(fact: &DnsFact) -> Option<String> {
    let errors = &fact.answer()?.extended_errors;
    let words: Vec<_> = errors
        .iter()
        .map(|error| format!("EDE {} {}", error.code, error.text.as_deref().unwrap_or_default()))
        .collect();
    (!words.is_empty()).then(|| words.join("; ").trim_end().to_owned())
}

fn alias(picture: &Picture<'_>, fact: &DnsFact, drafts: &mut Drafts) {
    let Some(answer) = fact.answer().filter(|answer| !answer.aliases.is_empty() && !answer.alias_loop) else {
        return;
    };
    // At the top of a zone the alias stands beside SOA and NS, which RFC 1034 §3.6.2 forbids.
    let zone = picture.survey.delegation.as_ref().and_then(|delegation| delegation.zone.as_deref());
    let severity = if zone == Some(picture.domain()) { Severity::Medium } else { Severity::Low };
    let detail = answer.aliases.join(" → ");
    drafts.add(FindingId::ApexCname, severity, picture.domain(), picture.mx_evidence(), Some(detail));
}

fn wildcard(picture: &Picture<'_>, drafts: &mut Drafts) {
    let fact = picture.survey.wildcard.and_then(|id| Some((id, picture.observations().dns(id)?)));
    if let Some((id, fact)) = fact
        && fact.record_type == RecordType::Mx
        && Reply::of(fact) == Reply::Data
    {
        drafts.add(FindingId::WildcardMx, Severity::Info, picture.domain(), [id], Some(fact.name.clone()));
    }
}

/// Resolvers that do not say the same; the domain may be in the middle of a change, or answer by place.
fn compared(picture: &Picture<'_>, drafts: &mut Drafts) {
    let Some((own_id, own, own_reply)) = picture.mx else { return };
    let ours = own.answer().filter(|_| own_reply == Reply::Data || picture.disputed).map(mx_words);
    let Some(ours) = ours else { return };
    for (id, fact, reply) in picture.dns(picture.survey.mx_lookups.get(1..).unwrap_or_default()) {
        let theirs = fact.answer().filter(|_| !reply.is_failure()).map(mx_words);
        if let Some(theirs) = theirs.filter(|theirs| *theirs != ours) {
            let detail = format!("{}: {ours}; {}: {theirs}", own.server.ip(), fact.server.ip());
            drafts.add(
                FindingId::ZonesInconsistent,
                Severity::Low,
                picture.domain(),
                [own_id, id],
                Some(detail),
            );
        }
    }
}
