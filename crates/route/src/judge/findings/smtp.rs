use abprall_mail::{FindingId, Severity};

use super::Drafts;
use crate::judge::by_effect;
use crate::judge::picture::{Picture, Target};
use crate::judge::verdict::Ground;
use crate::{AddressState, ObservationId, PathEnd};

/// What stopped the conversations, by host.
pub fn look(picture: &Picture<'_>, ground: Ground, drafts: &mut Drafts) {
    // Where we are blind, a failed connection tells of us.
    let severity = if ground.is_blind() { Severity::Info } else { by_effect(ground) };
    for (host, target) in picture.targets() {
        if target.out_of_sight {
            continue;
        }
        let Some(id) = finding(target) else { continue };
        let detail = detail(id, target);
        let name = host.survey.host.as_str();
        drafts.add(id, severity, name, [target.probe], Some(detail));
        if let Some((path, end)) = path_to(picture, target) {
            drafts.add(id, severity, name, [path], end);
        }
    }
}

/// Where the network path to an address ends, when it was followed.
fn path_to(picture: &Picture<'_>, target: &Target<'_>) -> Option<(ObservationId, Option<String>)> {
    let id = picture.survey.path?;
    let path = picture.observations().path(id).filter(|path| path.target == target.address)?;
    match &path.end {
        PathEnd::Reached => Some((id, None)),
        PathEnd::Lost { after } => Some((id, after.map(|hop| format!("… {hop} → ?")))),
        PathEnd::NotTraced { .. } => None,
    }
}

fn finding(target: &Target<'_>) -> Option<FindingId> {
    match target.fact.state {
        AddressState::Ok | AddressState::Forbidden | AddressState::NotProbed => None,
        AddressState::Refused => Some(FindingId::ConnectRefused),
        AddressState::Timeout => Some(FindingId::ConnectTimeout),
        AddressState::Unreachable => Some(FindingId::NetworkUnreachable),
        AddressState::Closed => Some(FindingId::AcceptThenClose),
        AddressState::GreetingTimeout => Some(FindingId::GreetingTimeout),
        AddressState::Greeting4xx => Some(FindingId::Greeting4xx),
        AddressState::Greeting5xx if target.accepts_no_mail() => Some(FindingId::HostAcceptsNoMail),
        AddressState::Greeting5xx => Some(FindingId::Greeting5xx),
        AddressState::EhloRejected => Some(FindingId::EhloRejected),
    }
}

/// The server's own words where it spoke, else the address and the system's error.
fn detail(id: FindingId, target: &Target<'_>) -> String {
    let reply = if id == FindingId::EhloRejected { &target.fact.ehlo } else { &target.fact.greeting };
    let spoken = matches!(
        id,
        FindingId::Greeting4xx
            | FindingId::Greeting5xx
            | FindingId::HostAcceptsNoMail
            | FindingId::EhloRejected
    );
    match reply {
        Some(reply) if spoken => format!("{} {}", reply.code, reply.text.replace('\n', " ")),
        Some(_) | None => match &target.fact.detail {
            Some(error) => format!("{}: {error}", target.address),
            None => target.address.to_string(),
        },
    }
}
