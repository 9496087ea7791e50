//! The route as a map: domain, mail servers by preference, their addresses, the state of each. Drawn as text, table and picture.

use abprall_mail::{Language, Verdict};
use abprall_route::{AddressState, Diagnosis, Exchanger, HostAddress, HostLookup};

use super::labels::{self, labels};
use crate::wording::pick;

/// Servers drawn at most: what follows is only counted. The JSON has all.
const HOSTS_MAX: usize = 12;

/// Addresses drawn of one server at most.
const ADDRESSES_MAX: usize = 8;

/// Whether mail gets through a place. Always drawn as a symbol beside a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mark {
    Works,
    Fails,
    Unknown,
}

impl Mark {
    pub(super) fn symbol(self) -> char {
        match self {
            Mark::Works => '✓',
            Mark::Fails => '✗',
            Mark::Unknown => '?',
        }
    }

    fn of(address: &HostAddress) -> Self {
        match address.state {
            AddressState::Ok if address.excluded => Mark::Fails,
            AddressState::Ok => Mark::Works,
            AddressState::NotProbed => Mark::Unknown,
            AddressState::Refused
            | AddressState::Timeout
            | AddressState::Unreachable
            | AddressState::Closed
            | AddressState::GreetingTimeout
            | AddressState::Greeting4xx
            | AddressState::Greeting5xx
            | AddressState::EhloRejected
            | AddressState::Forbidden => Mark::Fails,
        }
    }
}

pub(super) struct Map {
    pub(super) domain: String,
    pub(super) hosts: Vec<Host>,
    /// What is drawn where there are no servers.
    pub(super) without_hosts: (Mark, &'static str),
    /// What is said of servers that are not drawn.
    pub(super) more: Option<String>,
}

pub(super) struct Host {
    /// Empty for the implicit MX.
    pub(super) preference: String,
    pub(super) name: String,
    /// Works when one address does.
    pub(super) mark: Mark,
    /// What is to be said of the host itself, if anything.
    pub(super) note: &'static str,
    pub(super) places: Vec<Place>,
    pub(super) more: Option<String>,
}

/// One address.
pub(super) struct Place {
    pub(super) ip: String,
    pub(super) mark: Mark,
    pub(super) word: &'static str,
    /// The reply, the error, the encryption; may be empty.
    pub(super) particulars: String,
}

impl Map {
    pub(super) fn of(diagnosis: &Diagnosis, language: Language) -> Self {
        let hosts = diagnosis.mx.iter().take(HOSTS_MAX).map(|mx| Host::of(mx, language)).collect();
        Self {
            domain: diagnosis.domain.to_unicode(),
            hosts,
            without_hosts: match diagnosis.verdict {
                Verdict::UndeliverablePermanent | Verdict::NoMailByIntent => {
                    (Mark::Fails, labels(language).no_exchanger)
                }
                Verdict::Deliverable
                | Verdict::Degraded
                | Verdict::UndeliverableTransient
                | Verdict::VantageBlind
                | Verdict::Unknown => (Mark::Unknown, labels(language).exchangers_unknown),
            },
            more: more(diagnosis.mx.len(), HOSTS_MAX, pick(language, "servers", "Server"), language),
        }
    }
}

impl Host {
    fn of(exchanger: &Exchanger, language: Language) -> Self {
        let places: Vec<_> = exchanger.addresses.iter().map(|address| Place::of(address, language)).collect();
        let note = if exchanger.implicit && exchanger.dns == HostLookup::Ok {
            labels(language).own_address
        } else {
            labels::host_lookup(exchanger.dns, language)
        };
        let mark = match exchanger.dns {
            _ if places.iter().any(|place| place.mark == Mark::Works) => Mark::Works,
            HostLookup::Ok | HostLookup::Cname | HostLookup::Literal
                if places.iter().all(|place| place.mark == Mark::Unknown) =>
            {
                Mark::Unknown
            }
            HostLookup::Servfail | HostLookup::Timeout | HostLookup::Refused | HostLookup::Error => {
                Mark::Unknown
            }
            HostLookup::Ok
            | HostLookup::Cname
            | HostLookup::Literal
            | HostLookup::Nxdomain
            | HostLookup::Nodata
            | HostLookup::CnameLoop
            | HostLookup::Null => Mark::Fails,
        };
        let more = more(places.len(), ADDRESSES_MAX, pick(language, "addresses", "Adressen"), language);
        Self {
            preference: if exchanger.implicit { String::new() } else { exchanger.preference.to_string() },
            name: exchanger.host.clone(),
            mark,
            note,
            places: places.into_iter().take(ADDRESSES_MAX).collect(),
            more,
        }
    }
}

impl Place {
    fn of(address: &HostAddress, language: Language) -> Self {
        let word = if address.excluded {
            labels::excluded(language)
        } else {
            labels::address_state(address.state, language)
        };
        let particulars = match (address.state, &address.detail) {
            (AddressState::Ok, _) => labels::tls(&address.tls, language),
            (_, Some(detail)) => detail.clone(),
            (_, None) => address
                .greeting
                .as_ref()
                .map(|reply| format!("{} {}", reply.code, reply.text))
                .unwrap_or_default(),
        };
        Self { ip: address.ip.to_string(), mark: Mark::of(address), word, particulars }
    }
}

fn more(all: usize, shown: usize, what: &str, language: Language) -> Option<String> {
    let rest = all.checked_sub(shown).filter(|rest| *rest > 0)?;
    Some(match language {
        Language::En => format!("and {rest} more {what}"),
        Language::De => format!("und {rest} weitere {what}"),
    })
}
