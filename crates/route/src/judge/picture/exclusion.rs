use super::Reply;
use crate::{
    AddressState, ChainVerdict, DaneState, ExchangerSurvey, MtaStsMode, MtaStsPolicy, Observations, SmtpFact,
    TlsFact,
};

/// Why a working address must not be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exclusion {
    MtaSts,
    Dane,
}

/// Whether MTA-STS (RFC 8461) or DANE (RFC 7672) forbids an address that works.
pub fn exclusion(
    seen: &Observations,
    exchanger: &ExchangerSurvey,
    fact: &SmtpFact,
    policy: Option<&MtaStsPolicy>,
) -> Option<Exclusion> {
    if fact.state != AddressState::Ok {
        return None;
    }
    if dane_forbids(seen, exchanger, &fact.tls) {
        return Some(Exclusion::Dane);
    }
    let policy = policy.filter(|policy| policy.mode == MtaStsMode::Enforce)?;
    if !policy_names(policy, &exchanger.host) || !tls_satisfies_sts(&fact.tls) {
        return Some(Exclusion::MtaSts);
    }
    None
}

/// RFC 7672 §2.1.2, §2.2: secure records ask for TLS; a failed lookup makes the host unusable.
fn dane_forbids(seen: &Observations, exchanger: &ExchangerSurvey, tls: &TlsFact) -> bool {
    let tlsa = exchanger.tlsa.and_then(|id| seen.dns(id));
    match tls {
        TlsFact::Established { dane, .. } => match dane {
            DaneState::Mismatch | DaneState::LookupFailed => true,
            DaneState::Match | DaneState::NotUsed => false,
        },
        TlsFact::NotOffered | TlsFact::Failed { .. } => tlsa.is_some_and(|fact| {
            let reply = Reply::of(fact);
            reply.is_failure() || (reply == Reply::Data && fact.answer().is_some_and(|answer| answer.ad))
        }),
        TlsFact::NotTried => false,
    }
}

/// RFC 8461 §4.1: `*.` stands for exactly one label.
pub fn policy_names(policy: &MtaStsPolicy, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    policy.mx.iter().any(|pattern| {
        let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(parent) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
            }
            None => pattern == host,
        }
    })
}

fn tls_satisfies_sts(tls: &TlsFact) -> bool {
    match tls {
        TlsFact::NotTried => true,
        TlsFact::NotOffered | TlsFact::Failed { .. } => false,
        TlsFact::Established { certificate, .. } => {
            certificate.name_matches && certificate.chain == ChainVerdict::Trusted
        }
    }
}
