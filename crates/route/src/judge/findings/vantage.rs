use abprall_mail::{FindingId, Severity};

use super::{Drafts, dns_words};
use crate::judge::picture::{Picture, Reply, Resolver};
use crate::judge::verdict::Ground;

/// Forged answer, blocked, censored, filtered (RFC 8914): our resolver says itself that it does not tell the truth.
const LYING: [u16; 4] = [4, 15, 16, 17];

/// What is at fault on our side. Without a working resolver nothing else can be believed.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    let resolver = picture.survey.vantage.resolvers.first().map_or_else(
        || picture.mx.map_or_else(String::new, |(_, fact, _)| fact.server.to_string()),
        ToString::to_string,
    );
    // A mail server that answers has been found with this resolver, so it cannot be all bad.
    let severity = if ground == Ground::Works { Severity::Low } else { Severity::High };
    if picture.resolver == Resolver::Blind {
        for (id, fact, reply) in picture.dns(&picture.survey.vantage.canary_lookups) {
            if reply != Reply::Data {
                let detail = format!("{} {}", fact.name, dns_words(fact));
                drafts.add(FindingId::OwnResolverFault, severity, resolver.as_str(), [id], Some(detail));
            }
        }
    }
    if !picture.resolver_refuted_by.is_empty() {
        let evidence = picture.mx_evidence().into_iter().chain(picture.resolver_refuted_by.iter().copied());
        let detail = picture.mx.map(|(_, fact, _)| format!("{} {}", fact.name, dns_words(fact)));
        drafts.add(FindingId::OwnResolverFault, severity, resolver.as_str(), evidence, detail);
    }
    // A hint only: extended errors are not authenticated and must not decide (RFC 8914 §6).
    let lookups = picture.mx_evidence().into_iter().chain(picture.own_lookups().iter().copied());
    for id in lookups.chain(picture.real_hosts().flat_map(|host| host.survey.lookups.clone())) {
        let answer = picture.observations().dns(id).and_then(|fact| fact.answer());
        for error in answer.iter().flat_map(|answer| &answer.extended_errors) {
            if LYING.contains(&error.code) {
                let text = error.text.as_deref().unwrap_or_default();
                let detail = format!("EDE {} {text}", error.code).trim_end().to_owned();
                drafts.add(FindingId::OwnResolverFault, Severity::Low, resolver.as_str(), [id], Some(detail));
            }
        }
    }
}
