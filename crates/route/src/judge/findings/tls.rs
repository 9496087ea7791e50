use abprall_mail::{FindingId, Severity};

use super::Drafts;
use crate::judge::picture::Picture;
use crate::{CertificateFact, ChainVerdict, TlsFact};

/// Encryption where the conversation works. Senders go on without it unless a policy forbids that, so all of this is low here;
/// what a policy makes of it is in `policy`.
pub fn look(picture: &Picture<'_>, drafts: &mut Drafts) {
    for (host, target) in picture.targets().filter(|(_, target)| target.works()) {
        let mut add = |id, detail: String| {
            drafts.add(id, Severity::Low, host.survey.host.as_str(), [target.probe], Some(detail));
        };
        match &target.fact.tls {
            TlsFact::NotTried => {}
            TlsFact::NotOffered => add(FindingId::TlsNotOffered, target.address.to_string()),
            TlsFact::Failed { detail } => add(FindingId::TlsFailed, detail.clone()),
            TlsFact::Established { certificate, .. } => {
                if let Some(fault) = fault(certificate) {
                    add(FindingId::CertificateInvalid, fault);
                }
            }
        }
    }
}

/// What is wrong with a certificate, without a language: a date, an issuer, names.
fn fault(certificate: &CertificateFact) -> Option<String> {
    let chain = match &certificate.chain {
        ChainVerdict::Trusted => None,
        ChainVerdict::UnknownIssuer => Some(format!("issuer {}", certificate.issuer)),
        ChainVerdict::Expired => Some(format!("{} – {}", certificate.not_before, certificate.not_after)),
        ChainVerdict::Invalid { detail } => Some(detail.clone()),
    };
    let names = (!certificate.name_matches).then(|| certificate.names.join(", "));
    match (chain, names) {
        (Some(chain), Some(names)) => Some(format!("{chain}; {names}")),
        (chain, names) => chain.or(names),
    }
}
