//! What is done with the addresses of mail hosts: they are talked with, or noted as left out on purpose.

use std::net::IpAddr;

use super::concurrently;
use super::lookups::Seen;
use super::probe::{ProbeTarget, TlsaSet};
use super::probing::Probing;
use crate::{Rcode, TargetSurvey};

/// What is done with the addresses of mail hosts.
pub(crate) enum Contact<'a> {
    /// Each is talked with.
    Probe(Probing<'a>),
    /// Each is noted as not probed.
    Leave(Probing<'a>),
}

impl Contact<'_> {
    /// Whether TLSA records would be held against a certificate.
    pub(crate) fn uses_dane(&self) -> bool {
        match self {
            Contact::Probe(_) => true,
            Contact::Leave(_) => false,
        }
    }

    /// All addresses of a host, at the same time.
    pub(crate) async fn host(
        &self,
        name: &str,
        addresses: &[IpAddr],
        tlsa: Option<&Seen>,
    ) -> Vec<TargetSurvey> {
        let tlsa = tlsa.map_or(TlsaSet::None, tlsa_set);
        concurrently::all(addresses.iter().map(|address| {
            let target =
                ProbeTarget { host: name.to_owned(), address: *address, port: 25, tlsa: tlsa.clone() };
            async move { TargetSurvey { address: target.address, probe: self.address(&target).await } }
        }))
        .await
    }

    async fn address(&self, target: &ProbeTarget) -> crate::ObservationId {
        match self {
            Contact::Probe(probing) => probing.probe(target).await,
            Contact::Leave(probing) => probing.leave(target, "only DNS is looked at"),
        }
    }
}

/// The secure TLSA records of a host. A failed lookup is no absence: the host is not to be used then (RFC 7672 §2.1.2).
fn tlsa_set(seen: &Seen) -> TlsaSet {
    let Some(answer) = seen.fact.answer() else { return TlsaSet::LookupFailed };
    match answer.rcode {
        Rcode::NoError | Rcode::NxDomain if answer.ad && !answer.records.is_empty() => {
            TlsaSet::Secure(answer.records.iter().map(|record| record.data.clone()).collect())
        }
        Rcode::NoError | Rcode::NxDomain => TlsaSet::None,
        Rcode::FormErr
        | Rcode::ServFail
        | Rcode::NotImp
        | Rcode::Refused
        | Rcode::NotAuth
        | Rcode::Other(_) => TlsaSet::LookupFailed,
    }
}
