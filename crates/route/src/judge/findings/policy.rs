use abprall_mail::{FindingId, Severity};

use super::Drafts;
use crate::judge::by_effect;
use crate::judge::picture::{Exclusion, Host, Picture, Reply, policy_names};
use crate::judge::verdict::Ground;
use crate::{DaneState, MtaStsMode, MtaStsOutcome, ObservationId, TlsFact};

/// What MTA-STS (RFC 8461) and DANE (RFC 7672) forbid.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    unreadable(picture, drafts);
    let effect = by_effect(ground);
    for host in picture.real_hosts() {
        sts(picture, host, effect, drafts);
        dane(picture, host, effect, drafts);
    }
}

fn sts_evidence(picture: &Picture<'_>) -> Vec<ObservationId> {
    let survey = picture.survey.mta_sts.as_ref();
    survey.map_or_else(Vec::new, |sts| sts.policy.into_iter().chain([sts.record]).collect())
}

/// Without a readable policy senders go on as if there were none (RFC 8461 §3.3).
fn unreadable(picture: &Picture<'_>, drafts: &mut Drafts) {
    let fact = picture.survey.mta_sts.as_ref().and_then(|sts| picture.observations().mta_sts(sts.policy?));
    match fact.map(|fact| &fact.outcome) {
        Some(MtaStsOutcome::NotFetched { detail } | MtaStsOutcome::Invalid { detail }) => {
            let evidence = sts_evidence(picture);
            drafts.add(
                FindingId::MtaStsInvalid,
                Severity::Low,
                picture.domain(),
                evidence,
                Some(detail.clone()),
            );
        }
        Some(MtaStsOutcome::Policy(_)) | None => {}
    }
}

fn sts(picture: &Picture<'_>, host: &Host<'_>, effect: Severity, drafts: &mut Drafts) {
    let Some(policy) = picture.policy.filter(|_| !host.is_null()) else { return };
    let severity = match policy.mode {
        MtaStsMode::Enforce => effect,
        MtaStsMode::Testing => Severity::Low,
        MtaStsMode::None => return,
    };
    let name = host.survey.host.as_str();
    if !policy_names(policy, name) {
        let mut patterns = policy.mx.clone();
        patterns.truncate(8);
        let detail = Some(format!("{}: {}", policy.mode, patterns.join(", ")));
        drafts.add(FindingId::MtaStsExcludesMx, severity, name, sts_evidence(picture), detail);
        return;
    }
    for target in host.targets.iter().filter(|t| t.exclusion == Some(Exclusion::MtaSts)) {
        let evidence = sts_evidence(picture).into_iter().chain([target.probe]);
        let detail = Some(format!("{}: TLS", policy.mode));
        drafts.add(FindingId::MtaStsExcludesMx, severity, name, evidence, detail);
    }
}

fn dane(picture: &Picture<'_>, host: &Host<'_>, effect: Severity, drafts: &mut Drafts) {
    for target in host.targets.iter().filter(|t| t.exclusion == Some(Exclusion::Dane)) {
        let tlsa = host.survey.tlsa.filter(|id| picture.observations().dns(*id).is_some());
        let lookup_failed =
            tlsa.and_then(|id| picture.observations().dns(id)).is_some_and(|f| Reply::of(f).is_failure());
        let state = match &target.fact.tls {
            TlsFact::Established { dane, .. } => *dane,
            TlsFact::NotTried | TlsFact::NotOffered | TlsFact::Failed { .. } if lookup_failed => {
                DaneState::LookupFailed
            }
            TlsFact::NotTried | TlsFact::NotOffered | TlsFact::Failed { .. } => DaneState::Mismatch,
        };
        let evidence = [target.probe].into_iter().chain(tlsa);
        let detail = Some(format!("{}: {state}", target.address));
        drafts.add(FindingId::DaneMismatch, effect, host.survey.host.as_str(), evidence, detail);
    }
}
