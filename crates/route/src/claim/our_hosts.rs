use std::collections::BTreeSet;
use std::net::IpAddr;

use abprall_bounce::Report;
use abprall_mail::{Domain, EmailAddress};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

/// The operator's own mail servers: the only ones whose Received lines are facts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OurHosts {
    hosts: BTreeSet<String>,
    suffixes: Vec<String>,
    networks: Vec<IpNet>,
}

/// An entry that names neither a host nor a network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no host, suffix (.example.com), address or network")]
pub struct ParseOurHostsError(String);

/// Whose a mail server is.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Ownership {
    /// The operator named it.
    Ours,
    /// The bounce suggests that it is ours: it was the first to take the message.
    InferredOurs,
    /// Not ours.
    Theirs,
    /// Nothing tells.
    Unknown,
}

impl OurHosts {
    /// Reads host names, suffixes (`.example.com` or `*.example.com`), addresses and networks.
    ///
    /// # Errors
    /// Names the first entry that is none of these.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, ParseOurHostsError> {
        let mut ours = Self::default();
        for entry in entries {
            let bad = || ParseOurHostsError(entry.to_owned());
            if let Ok(network) = entry.parse::<IpNet>() {
                ours.networks.push(network);
            } else if let Ok(address) = entry.parse::<IpAddr>() {
                ours.networks.push(address.into());
            } else if let Some(suffix) = entry.trim_start_matches('*').strip_prefix('.') {
                ours.suffixes.push(Domain::parse(suffix).map_err(|_| bad())?.as_str().to_owned());
            } else {
                ours.hosts.insert(Domain::parse(entry).map_err(|_| bad())?.as_str().to_owned());
            }
        }
        Ok(ours)
    }

    /// Nothing was named.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.suffixes.is_empty() && self.networks.is_empty()
    }

    /// Whether a host name or an address in text form was named.
    pub fn names(&self, host: &str) -> bool {
        let host = bare(host);
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.networks.iter().any(|network| network.contains(&address));
        }
        self.hosts.contains(&host) || self.suffixes.iter().any(|suffix| is_below(&host, suffix))
    }
}

/// Whose is whose, for one report: what the operator named, else what the returned headers suggest.
#[derive(Debug)]
pub(crate) struct Owners<'a> {
    named: &'a OurHosts,
    inferred: BTreeSet<String>,
}

impl<'a> Owners<'a> {
    /// Where the operator named nothing, the host that first took the message is ours, and those after it within the sender's
    /// registrable domain. A host of the recipient's domain is never taken for ours: an application may hand its mail to
    /// the recipient's MX without a Received line of its own.
    pub(crate) fn of(report: &Report, named: &'a OurHosts) -> Self {
        let mut inferred = BTreeSet::new();
        if !named.is_empty() {
            return Self { named, inferred };
        }
        let sender = report.sender.as_deref().and_then(domain_of);
        let sender = sender.as_ref().and_then(Domain::registrable);
        let recipients = [&report.recipient, &report.original_recipient].map(|address| {
            address
                .as_ref()
                .and_then(EmailAddress::domain)
                .and_then(|domain| domain.registrable().map(str::to_owned))
        });
        let is_senders = |host: &str| sender.is_some_and(|sender| is_below(host, sender));
        let is_recipients = |host: &str| {
            recipients.iter().flatten().any(|domain| is_below(host, domain)) && !is_senders(host)
        };
        let mut oldest_first = report.hops.iter().rev().filter_map(|hop| hop.by.as_deref()).map(bare);
        if let Some(first) = oldest_first.next().filter(|host| !is_recipients(host)) {
            inferred.insert(first);
            for host in oldest_first.take_while(|host| is_senders(host)) {
                inferred.insert(host);
            }
        }
        let reporting = report.reporting_mta.as_deref().map(bare);
        inferred.extend(reporting.filter(|host| is_senders(host)));
        Self { named, inferred }
    }

    pub(crate) fn whose(&self, host: &str) -> Ownership {
        let host = bare(host);
        if self.named.names(&host) {
            Ownership::Ours
        } else if self.inferred.contains(&host) {
            Ownership::InferredOurs
        } else if self.named.is_empty() && self.inferred.is_empty() {
            Ownership::Unknown
        } else {
            Ownership::Theirs
        }
    }
}

/// A host name as it is compared: lower case, no brackets, no final dot.
pub(crate) fn bare(host: &str) -> String {
    host.trim().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn domain_of(address: &str) -> Option<Domain> {
    Domain::parse(address.rsplit_once('@')?.1.trim_end_matches('>')).ok()
}

#[cfg(test)]
mod tests {
    use abprall_bounce::Hop;

    use super::*;

    #[test]
    fn hosts_suffixes_and_networks_are_ours() {
        let ours = OurHosts::parse(["Mail.Example.com.", "*.out.example.com", "192.0.2.0/24", "2001:db8::1"])
            .unwrap();
        for host in ["mail.example.com", "a.out.example.com", "192.0.2.9", "[2001:db8::1]"] {
            assert!(ours.names(host), "{host}");
        }
        for host in ["example.com", "xout.example.com", "198.51.100.1"] {
            assert!(!ours.names(host), "{host}");
        }
        assert!(OurHosts::parse(["not a host"]).is_err());
    }

    fn report(bys: &[&str]) -> Report {
        let hops = bys.iter().map(|by| Hop { by: Some((*by).to_owned()), ..Hop::default() });
        Report {
            hops: hops.collect(),
            sender: Some("news@sender.example".to_owned()),
            recipient: "u@there.example".parse().ok(),
            ..Report::default()
        }
    }

    #[test]
    fn the_host_that_first_took_the_message_is_inferred_to_be_ours_and_a_relay_is_not() {
        let (report, none) = (
            report(&["relay.other.example", "out.sender.example", "submit.host.example"]),
            OurHosts::default(),
        );
        let owners = Owners::of(&report, &none);
        assert_eq!(owners.whose("submit.host.example"), Ownership::InferredOurs);
        assert_eq!(owners.whose("OUT.sender.example"), Ownership::InferredOurs);
        assert_eq!(owners.whose("relay.other.example"), Ownership::Theirs);
    }

    #[test]
    fn the_recipients_own_exchanger_is_never_inferred_to_be_ours() {
        let (report, none) = (report(&["mx.there.example"]), OurHosts::default());
        assert_eq!(Owners::of(&report, &none).whose("mx.there.example"), Ownership::Unknown);
    }
}
