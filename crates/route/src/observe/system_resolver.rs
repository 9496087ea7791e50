//! The resolvers that the system is configured with.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;

use crate::limits::SYSTEM_RESOLVERS_MAX;

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// The resolvers of `/etc/resolv.conf`; 127.0.0.1 where it names none or cannot be read, as the C library does.
pub fn system_resolvers() -> Vec<SocketAddr> {
    let text = fs::read("/etc/resolv.conf").unwrap_or_default();
    parse_resolv_conf(&String::from_utf8_lossy(&text), interface_index)
}

/// The `nameserver` lines of a resolv.conf (resolv.conf(5)), at most three. Options do not count: we have deadlines of our own.
///
/// `interface_index` gives the number of a network interface by its name, for addresses such as `fe80::1%eth0`.
pub fn parse_resolv_conf(text: &str, interface_index: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let mut resolvers: Vec<SocketAddr> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            if words.next()? != "nameserver" {
                return None;
            }
            parse_address(words.next()?, &interface_index)
        })
        .take(SYSTEM_RESOLVERS_MAX)
        .collect();
    if resolvers.is_empty() {
        resolvers.push((Ipv4Addr::LOCALHOST, DNS_PORT).into());
    }
    resolvers
}

fn parse_address(word: &str, interface_index: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((address, scope)) = word.split_once('%') else {
        return Some((word.parse::<IpAddr>().ok()?, DNS_PORT).into());
    };
    let scope = scope.parse().ok().or_else(|| interface_index(scope))?;
    Some(SocketAddrV6::new(address.parse::<Ipv6Addr>().ok()?, DNS_PORT, 0, scope).into())
}

fn interface_index(name: &str) -> Option<u32> {
    // A name with a slash would lead out of the folder.
    if name.contains('/') {
        return None;
    }
    fs::read_to_string(Path::new("/sys/class/net").join(name).join("ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<String> {
        parse_resolv_conf(text, |name| (name == "eth0").then_some(2))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn nameserver_lines_are_taken_in_order_and_at_most_three() {
        let text = "# made by hand\nsearch example.com\n\tnameserver\t192.0.2.1 # the first\r\n;nameserver 192.0.2.9\n\
                    nameserver fe80::1%eth0\nnameserver fe80::2%7\noptions timeout:1\nnameserver 192.0.2.4\n";
        assert_eq!(parse(text), ["192.0.2.1:53", "[fe80::1%2]:53", "[fe80::2%7]:53"]);
    }

    #[test]
    fn what_is_no_address_is_left_out() {
        let text = "nameserver\nnameserver dns.example.com\nnameserver fe80::1%nowhere\nnameservers 192.0.2.1\n\
                    nameserver 2001:db8::53\n";
        assert_eq!(parse(text), ["[2001:db8::53]:53"]);
    }

    #[test]
    fn without_a_resolver_the_local_one_is_asked() {
        assert_eq!(parse("search example.com\n"), ["127.0.0.1:53"]);
    }
}
