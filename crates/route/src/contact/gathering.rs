//! Collects the addresses from all sources; the same address from several is one candidate.

use std::net::IpAddr;

use abprall_mail::{Domain, EmailAddress};
use tokio::time::Instant;

use super::candidate::{Candidate, ContactRole, ContactSource, Trouble};
use super::operators::{self, registrable};
use super::rdap::{Rdap, RdapServer, Registered, Registration};
use super::report_addresses::report_addresses;
use super::{Unanswered, dns, mailbox_of};
use crate::limits::CONTACT_NETWORKS_MAX;
use crate::observe::concurrently;
use crate::{Diagnosis, Observer};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) registration: Option<Registration>,
    pub(super) unanswered: Vec<Unanswered>,
}

pub(super) async fn gather(
    observer: &Observer,
    diagnosis: &Diagnosis,
    server: &RdapServer,
    deadline: Instant,
) -> Found {
    let rdap = match server {
        RdapServer::Off => None,
        RdapServer::Base(base) => Some(Rdap::new(observer.https(), base, deadline)),
    };
    let registration = async {
        match &rdap {
            Some(rdap) => Some(rdap.domain(registrable(&diagnosis.domain)).await),
            None => None,
        }
    };
    let networks = async {
        match &rdap {
            Some(rdap) => {
                let asked = addresses(observer, diagnosis).into_iter();
                concurrently::all(asked.map(|address| async move { (address, rdap.network(address).await) }))
                    .await
            }
            None => Vec::new(),
        }
    };
    let (dns, registration, networks) =
        tokio::join!(dns::ask(observer, diagnosis, deadline), registration, networks);
    let mut found = Found::default();
    found.own_domain(&diagnosis.domain);
    found.operators(diagnosis);
    found.dns(dns, diagnosis);
    if let Some(registered) = registration {
        found.registered(registered, |url| ContactSource::RdapDomain { url });
    }
    for (address, registered) in networks {
        found.registered(registered, |url| ContactSource::RdapNetwork { url, address });
    }
    let trouble = Trouble::of(diagnosis);
    for candidate in &mut found.candidates {
        candidate.order_sources(trouble);
    }
    found
}

/// The mail servers whose network is asked about: the first of each address that may be contacted.
fn addresses(observer: &Observer, diagnosis: &Diagnosis) -> Vec<IpAddr> {
    let all = diagnosis.mx.iter().flat_map(|mx| mx.addresses.first()).map(|address| address.ip);
    let mut addresses: Vec<_> = all.filter(|address| observer.guard().permits(*address).is_ok()).collect();
    let mut seen = Vec::new();
    addresses.retain(|address| {
        !seen.contains(address) && {
            seen.push(*address);
            true
        }
    });
    addresses.truncate(CONTACT_NETWORKS_MAX);
    addresses
}

impl Found {
    fn add(&mut self, candidate: Candidate) {
        let key = candidate.address.suppression_key();
        match self.candidates.iter_mut().find(|known| known.address.suppression_key() == key) {
            Some(known) => {
                let better = known.rank(Trouble::MailServers) > candidate.rank(Trouble::MailServers);
                if better {
                    known.role = candidate.role;
                }
                known.name = known.name.take().or(candidate.name);
                for source in candidate.sources {
                    if !known.sources.contains(&source) {
                        known.sources.push(source);
                    }
                }
            }
            None => self.candidates.push(candidate),
        }
    }

    fn usual(&mut self, role: ContactRole, domain: &str, source: ContactSource) {
        if let Ok(address) = EmailAddress::parse(&format!("{}@{domain}", role.as_str())) {
            self.add(Candidate::new(address, role, source));
        }
    }

    /// `postmaster@` exists wherever mail is taken (RFC 5321 §4.5.1).
    fn own_domain(&mut self, domain: &Domain) {
        for name in [domain.as_str(), registrable(domain)] {
            self.usual(ContactRole::Postmaster, name, ContactSource::OwnDomain { domain: name.to_owned() });
        }
    }

    fn operators(&mut self, diagnosis: &Diagnosis) {
        for operator in operators::of_mail(diagnosis) {
            let Some(host) = operator.hosts.first() else { continue };
            for role in [ContactRole::Postmaster, ContactRole::Abuse] {
                let source = ContactSource::MailServerOperator { host: host.clone() };
                self.usual(role, operator.domain.as_str(), source);
            }
        }
    }

    fn dns(&mut self, dns: dns::Found, diagnosis: &Diagnosis) {
        let domain = &diagnosis.domain;
        if let Some(soa) = dns.soa
            && let Some(address) = mailbox_of(&soa.rname)
        {
            let of_whom = address.domain();
            let source = ContactSource::SoaRname { zone: soa.owner.clone() };
            self.add(Candidate::new(address, ContactRole::ZoneAdministrator, source));
            let name = of_whom.as_ref().map(Domain::as_str);
            for operator in operators::of_hosts(name.into_iter(), domain) {
                for role in [ContactRole::Postmaster, ContactRole::Abuse] {
                    let source = ContactSource::ZoneOperator { zone: soa.owner.clone() };
                    self.usual(role, operator.domain.as_str(), source);
                }
            }
        }
        for operator in operators::of_hosts(dns.name_servers.iter().map(String::as_str), domain) {
            let Some(host) = operator.hosts.first() else { continue };
            for role in [ContactRole::Hostmaster, ContactRole::Postmaster, ContactRole::Abuse] {
                let source = ContactSource::NameServerOperator { host: host.clone() };
                self.usual(role, operator.domain.as_str(), source);
            }
        }
        if let Some((record, text)) = dns.tls_reporting {
            for address in report_addresses(&text, "TLSRPTv1") {
                let source = ContactSource::TlsReporting { record: record.clone() };
                self.add(Candidate::new(address, ContactRole::Reports, source));
            }
        }
        if let Some((record, text)) = dns.dmarc {
            for address in report_addresses(&text, "DMARC1") {
                let source = ContactSource::DmarcReporting { record: record.clone() };
                self.add(Candidate::new(address, ContactRole::Reports, source));
            }
        }
        self.unanswered.extend(dns.unanswered);
    }

    fn registered(&mut self, registered: Registered, source: impl Fn(String) -> ContactSource) {
        for contact in registered.contacts {
            let mut candidate = Candidate::new(contact.address, contact.role, source(contact.url));
            candidate.name = contact.name;
            self.add(candidate);
        }
        self.registration = self.registration.take().or(registered.registration);
        let failures = registered.failures.into_iter();
        self.unanswered
            .extend(failures.map(|(question, error)| Unanswered { question, detail: error.to_string() }));
    }
}
