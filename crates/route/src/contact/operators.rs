//! Who runs mail servers and name servers, known by the registrable domain of their names.

use abprall_mail::Domain;

use super::MailOperator;
use crate::limits::CONTACT_OPERATORS_MAX;
use crate::{Diagnosis, HostLookup};

/// Who else runs the domain's mail servers, best preference first.
pub(super) fn of_mail(diagnosis: &Diagnosis) -> Vec<MailOperator> {
    let named = diagnosis.mx.iter().filter(|mx| match mx.dns {
        HostLookup::Null | HostLookup::Literal => false,
        HostLookup::Ok
        | HostLookup::Nxdomain
        | HostLookup::Nodata
        | HostLookup::Servfail
        | HostLookup::Timeout
        | HostLookup::Refused
        | HostLookup::Cname
        | HostLookup::CnameLoop
        | HostLookup::Error => true,
    });
    of_hosts(named.map(|mx| mx.host.as_str()), &diagnosis.domain)
}

/// Who else runs these hosts; not the domain itself.
pub(super) fn of_hosts<'a>(hosts: impl Iterator<Item = &'a str>, domain: &Domain) -> Vec<MailOperator> {
    let own = registrable(domain);
    let mut operators: Vec<MailOperator> = Vec::new();
    for host in hosts {
        let Ok(name) = Domain::parse(host) else { continue };
        let Some(operator) = name.registrable().and_then(|name| Domain::parse(name).ok()) else { continue };
        if operator.as_str() == own {
            continue;
        }
        if let Some(known) = operators.iter_mut().find(|known| known.domain == operator) {
            known.hosts.push(host.to_owned());
        } else if operators.len() < CONTACT_OPERATORS_MAX {
            operators.push(MailOperator { domain: operator, hosts: vec![host.to_owned()] });
        }
    }
    operators
}

/// The registrable domain of a domain, or the domain itself where there is none.
pub(super) fn registrable(domain: &Domain) -> &str {
    domain.registrable().unwrap_or(domain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_one_operator_are_one_and_our_own_are_none() {
        let domain = Domain::parse("shop.example.co.uk").unwrap();
        let hosts =
            ["mx1.hoster.example", "mail.example.co.uk", "mx2.hoster.example", "a b", "mx.other.test"];
        let operators = of_hosts(hosts.into_iter(), &domain);
        let names: Vec<_> = operators.iter().map(|one| (one.domain.as_str(), one.hosts.len())).collect();
        assert_eq!(names, [("hoster.example", 2), ("other.test", 1)]);
    }
}
