use super::picture::Picture;
use crate::{Exchanger, HostAddress};

/// The `mx` list of the contract, best preference first.
pub fn list(picture: &Picture<'_>) -> Vec<Exchanger> {
    let hosts = picture.hosts.iter().map(|host| Exchanger {
        preference: host.survey.preference,
        host: host.survey.host.clone(),
        implicit: host.survey.implicit,
        dns: host.lookup,
        addresses: host
            .targets
            .iter()
            .map(|target| HostAddress {
                ip: target.address,
                state: target.fact.state,
                detail: target.fact.detail.clone(),
                greeting: target.fact.greeting.clone(),
                tls: target.fact.tls.clone(),
                excluded: target.exclusion.is_some(),
            })
            .collect(),
    });
    hosts.collect()
}
