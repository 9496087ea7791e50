//! How to look, from the command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use abprall_mail::Domain;
use clap::ValueEnum;
use ipnet::IpNet;
use jiff::SignedDuration;

#[derive(clap::Args)]
pub(in crate::commands) struct LookOptions {
    /// Ask this resolver instead of the system's; further ones are compared with the first.
    #[arg(long, value_name = "IP[:PORT]", value_parser = resolver)]
    pub(super) resolver: Vec<SocketAddr>,

    /// Also connect to special-use addresses within this network: for a lab or a private network.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub(super) allow_network: Vec<IpNet>,

    /// A domain that surely works, to test our own side with; instead of the built-in ones.
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse, conflicts_with = "no_canaries")]
    pub(super) canary: Vec<Domain>,

    /// Do not test our own side: then nobody can tell a dead domain from a dead network of ours.
    #[arg(long)]
    pub(super) no_canaries: bool,

    /// Look only at the DNS; contact no mail server.
    #[arg(long)]
    pub(super) dns_only: bool,

    /// How long one domain may take.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub(super) deadline: Duration,

    /// The name to introduce ourselves with; it should lead to our address and back.
    #[arg(long, value_name = "NAME")]
    pub(super) ehlo: Option<String>,

    /// A relay of yours that may be another way; it is tried too.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) relay: Vec<String>,

    /// Follow the network path to a server (needs the right to open raw sockets).
    #[arg(long)]
    pub(super) trace: bool,

    /// Ask every name server of the zone, also when nothing fails.
    #[arg(long)]
    pub(super) walk: bool,

    /// Trust the certificate authorities in this PEM file too.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs: one line a domain.
    Json,
    /// For tickets and reports.
    Markdown,
    /// The map as a picture.
    Svg,
}

/// `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`
pub(in crate::commands) fn resolver(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, 53));
    }
    text.parse().map_err(|_| "not an IP address, nor IP:PORT".to_owned())
}

/// `10.0.0.0/8`; an address stands for itself alone.
pub(in crate::commands) fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    text.parse().map_err(|_| "not a network such as 10.0.0.0/8".to_owned())
}

/// `30s`, `2m`; a bare number counts seconds.
pub(in crate::commands) fn time(text: &str) -> Result<Duration, String> {
    let told = match text.parse::<u32>() {
        Ok(seconds) => Duration::from_secs(seconds.into()),
        Err(_) => text
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
            .ok_or_else(|| "not a time such as 30s or 2m".to_owned())?,
    };
    if told.is_zero() { Err("no time at all".to_owned()) } else { Ok(told) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_networks_and_times_are_read_as_people_write_them() {
        assert_eq!(resolver("192.0.2.53").unwrap().to_string(), "192.0.2.53:53");
        assert_eq!(resolver("[2001:db8::53]:5353").unwrap().port(), 5353);
        assert_eq!(resolver("2001:db8::53").unwrap().port(), 53);
        assert!(resolver("ns1.example").is_err());
        assert_eq!(network("10.77.0.1").unwrap().to_string(), "10.77.0.1/32");
        assert!(network("10.77.0.0/40").is_err());
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("45"), Ok(Duration::from_secs(45)));
        assert!(time("0s").is_err() && time("-1s").is_err() && time("soon").is_err());
    }
}
