//! Who runs a domain, now and before it failed.

use abprall_mail::{Domain, FindingId};
use abprall_policy::Ownership;
use abprall_route::Diagnosis;
use abprall_store::{DomainDetail, Observation};
use jiff::Timestamp;

/// The registrable domain of a host, or its name where there is none.
pub(super) fn registrable(host: &str) -> String {
    let bare = host.trim_end_matches('.').to_ascii_lowercase();
    let known = Domain::parse(&bare).ok().and_then(|name| name.registrable().map(str::to_owned));
    known.unwrap_or(bare)
}

/// The names of the mail hosts; a null MX has none.
pub(super) fn mx_hosts(diagnosis: &Diagnosis) -> Vec<String> {
    let names = diagnosis.mx.iter().map(|mx| mx.host.trim_end_matches('.').to_ascii_lowercase());
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    names
}

/// The registrable domains of the mail hosts.
pub(super) fn operators(hosts: &[String]) -> Vec<String> {
    let mut operators: Vec<_> = hosts.iter().map(|host| registrable(host)).collect();
    operators.sort();
    operators.dedup();
    operators
}

/// What is known about who runs the domain. What was not seen, now or before, has not changed.
pub(super) fn ownership(
    detail: &DomainDetail,
    operators: &[String],
    name_servers: &[String],
    was_unregistered: bool,
) -> Ownership {
    let before = &detail.name_servers_before;
    let other_servers = !before.is_empty()
        && !name_servers.is_empty()
        && !name_servers.iter().any(|name| before.contains(name));
    let other_operator = !operators.is_empty()
        && detail.operator_before.as_ref().is_some_and(|operator| !operators.contains(operator));
    Ownership {
        name_servers_changed: other_servers,
        mail_operator_changed: other_operator,
        owner_changed: detail.owner_changed,
        was_unregistered,
    }
}

/// Whether a look since `since` found that the domain is not registered.
pub(super) fn was_unregistered(domain: &Domain, looks: &[Observation], since: Option<Timestamp>) -> bool {
    let is_registrable = domain.registrable() == Some(domain.as_str());
    let absent = FindingId::DomainNxdomain.to_string();
    let says_so = |look: &Observation| {
        let findings = look.diagnosis["findings"].as_array();
        findings.is_some_and(|all| all.iter().any(|finding| finding["id"] == absent.as_str()))
    };
    is_registrable && looks.iter().any(|look| since.is_none_or(|since| look.at >= since) && says_so(look))
}
