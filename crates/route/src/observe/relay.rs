//! A relay that the operator names as another way: `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use abprall_mail::Domain;

use crate::observe::asking::Asking;
use crate::observe::concurrently;
use crate::observe::exchangers::addresses_in;
use crate::observe::probe::{ProbeTarget, TlsaSet};
use crate::observe::probing::Probing;
use crate::{RecordType, RelaySurvey};

/// A relay by name or address, and its port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relay {
    host: String,
    port: u16,
}

/// A text that names no relay.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no relay: give HOST, HOST:PORT or [ADDRESS]:PORT")]
pub struct ParseRelayError(String);

impl FromStr for Relay {
    type Err = ParseRelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseRelayError(text.to_owned());
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self { host: address.to_string(), port: 25 });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(error)?),
            None => (text, 25),
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<IpAddr>().map_err(|_| error())?.to_string(),
            None => Domain::parse(host).map_err(|_| error())?.to_string(),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.contains(':'), self.port) {
            (false, 25) => f.write_str(&self.host),
            (false, port) => write!(f, "{}:{port}", self.host),
            (true, port) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

/// Talks with every address of a relay.
pub(crate) async fn look(asking: &Asking<'_>, probing: &Probing<'_>, relay: &Relay) -> RelaySurvey {
    let found = match relay.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let ((_, a), (_, aaaa)) = tokio::join!(
                asking.host(&relay.host, RecordType::A),
                asking.host(&relay.host, RecordType::Aaaa)
            );
            [addresses_in(&a), addresses_in(&aaaa)].concat()
        }
    };
    let probes = concurrently::all(found.into_iter().map(|address| async move {
        let target = ProbeTarget { host: relay.host.clone(), address, port: relay.port, tlsa: TlsaSet::None };
        probing.probe(&target).await
    }));
    RelaySurvey { name: relay.to_string(), probes: probes.await }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_and_written_in_every_form() {
        for (text, written) in [
            ("Smart.Example.com", "smart.example.com"),
            ("smart.example.com:2525", "smart.example.com:2525"),
            ("192.0.2.1:26", "192.0.2.1:26"),
            ("2001:db8::1", "[2001:db8::1]:25"),
            ("[2001:DB8::1]:587", "[2001:db8::1]:587"),
        ] {
            assert_eq!(text.parse::<Relay>().unwrap().to_string(), written);
        }
        for text in ["", "a:b", "a:0", "a:70000", "[a]:25", "a b"] {
            assert!(text.parse::<Relay>().is_err(), "{text:?}");
        }
    }
}
