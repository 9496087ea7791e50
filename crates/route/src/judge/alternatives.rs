use std::collections::HashSet;

use super::picture::{Host, Picture, Target};
use crate::limits::STANDARD_SENDER_ADDRESSES;
use crate::{AddressState, Alternative, AlternativeKind};

/// What works beside the first choice: the address that a sender would try first.
///
/// Not an alternative: the domain's own address when there is an MX (RFC 5321 §5.1), another port, a guess.
pub fn list(picture: &Picture<'_>) -> Vec<Alternative> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let first = picture.targets().next();
    if let Some((first_host, first_target)) = first {
        seen.insert((first_host.survey.host.as_str(), first_target.address));
        for (place, (host, target)) in picture.targets().enumerate().skip(1) {
            if target.works() && seen.insert((host.survey.host.as_str(), target.address)) {
                found.push(Alternative {
                    via: via(host, target),
                    kind: kind(first_host, first_target, host, target),
                    state: target.fact.state,
                    reached_by_standard_sender: place < STANDARD_SENDER_ADDRESSES && target.is_usable(),
                    excluded: target.exclusion.is_some(),
                });
            }
        }
    }
    found.extend(relays(picture));
    found
}

fn kind(first_host: &Host<'_>, first: &Target<'_>, host: &Host<'_>, target: &Target<'_>) -> AlternativeKind {
    if host.survey.preference > first_host.survey.preference {
        AlternativeKind::LowerPreference
    } else if host.survey.host != first_host.survey.host {
        AlternativeKind::SamePreference
    } else if target.address.is_ipv4() == first.address.is_ipv4() {
        AlternativeKind::OtherAddress
    } else {
        AlternativeKind::OtherFamily
    }
}

/// `mx2.example.com [192.0.2.7]`
pub fn via(host: &Host<'_>, target: &Target<'_>) -> String {
    format!("{} [{}]", host.survey.host, target.address)
}

/// The operator named them: the state is shown whether they work or not. No sender takes them by itself.
fn relays(picture: &Picture<'_>) -> Vec<Alternative> {
    let relays = picture.survey.relays.iter().flat_map(|relay| {
        let probes = relay.probes.iter().filter_map(|id| picture.observations().smtp(*id));
        probes.map(|fact| Alternative {
            via: format!("{} [{}]:{}", relay.name, fact.address, fact.port),
            kind: AlternativeKind::Relay,
            state: fact.state,
            reached_by_standard_sender: false,
            excluded: false,
        })
    });
    relays.filter(|relay| relay.state != AddressState::NotProbed).collect()
}
