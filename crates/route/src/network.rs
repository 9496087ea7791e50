//! Which addresses may be contacted: private and special-use ones never, unless the operator allows them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

/// A special-use block (RFC 6890 and its registries): no address in it is valid for mail from outside.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SpecialUse {
    /// 0.0.0.0/8, `::`
    Unspecified,
    /// 127.0.0.0/8, `::1`
    Loopback,
    /// 10/8, 172.16/12, 192.168/16 (RFC 1918), fc00::/7 (RFC 4193)
    Private,
    /// 100.64.0.0/10 (RFC 6598)
    SharedAddressSpace,
    /// 169.254.0.0/16 (RFC 3927), fe80::/10: cloud metadata services live here
    LinkLocal,
    /// 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849), 3fff::/20 (RFC 9637)
    Documentation,
    /// 198.18.0.0/15 (RFC 2544)
    Benchmarking,
    /// 192.0.0.0/24, 2001::/23 (RFC 2928), 100::/64 (RFC 6666), 5f00::/16 (RFC 9602)
    ProtocolAssignment,
    /// 224.0.0.0/4, ff00::/8
    Multicast,
    /// 240.0.0.0/4, 255.255.255.255
    Reserved,
    /// Forms of IPv6 that carry an IPv4 address which is itself special-use, or that lead through a translator:
    /// `::ffff:0:0/96`, `64:ff9b::/96`, `64:ff9b:1::/48`, `::/96`, 2002::/16
    EmbeddedIpv4,
    /// fec0::/10, deprecated by RFC 3879
    SiteLocal,
}

/// Says which addresses may be contacted.
#[derive(Clone, Debug, Default)]
pub struct NetworkGuard {
    allowed: Vec<IpNet>,
}

impl NetworkGuard {
    /// A guard that lets special-use addresses pass only within these networks.
    pub fn allowing(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether the address may be contacted.
    ///
    /// # Errors
    /// The special-use block that it lies in.
    pub fn permits(&self, address: IpAddr) -> Result<(), SpecialUse> {
        match special_use(address) {
            Some(block) if !self.allowed.iter().any(|network| network.contains(&address)) => Err(block),
            Some(_) | None => Ok(()),
        }
    }
}

/// The special-use block that an address lies in.
pub fn special_use(address: IpAddr) -> Option<SpecialUse> {
    match address {
        IpAddr::V4(v4) => special_use_v4(v4),
        IpAddr::V6(v6) => special_use_v6(v6),
    }
}

fn special_use_v4(address: Ipv4Addr) -> Option<SpecialUse> {
    let block = match address.octets() {
        [0, ..] => SpecialUse::Unspecified,
        [127, ..] => SpecialUse::Loopback,
        [10, ..] | [192, 168, ..] => SpecialUse::Private,
        [172, b, ..] if (16..32).contains(&b) => SpecialUse::Private,
        [100, b, ..] if (64..128).contains(&b) => SpecialUse::SharedAddressSpace,
        [169, 254, ..] => SpecialUse::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => SpecialUse::Documentation,
        [192, 0, 0, _] => SpecialUse::ProtocolAssignment,
        [198, 18 | 19, ..] => SpecialUse::Benchmarking,
        [224..=239, ..] => SpecialUse::Multicast,
        [240..=255, ..] => SpecialUse::Reserved,
        _ => return None,
    };
    Some(block)
}

fn special_use_v6(address: Ipv6Addr) -> Option<SpecialUse> {
    if address.is_unspecified() {
        return Some(SpecialUse::Unspecified);
    }
    if address.is_loopback() {
        return Some(SpecialUse::Loopback);
    }
    let block = match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0 | 1, ..] | [0x2002, ..] => {
            SpecialUse::EmbeddedIpv4
        }
        [0x100, 0, 0, 0, ..] | [0x2001, 0..=0x1ff, ..] | [0x5f00, ..] => SpecialUse::ProtocolAssignment,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => SpecialUse::Documentation,
        [a, ..] if a & 0xfe00 == 0xfc00 => SpecialUse::Private,
        [a, ..] if a & 0xffc0 == 0xfe80 => SpecialUse::LinkLocal,
        [a, ..] if a & 0xffc0 == 0xfec0 => SpecialUse::SiteLocal,
        [a, ..] if a & 0xff00 == 0xff00 => SpecialUse::Multicast,
        _ => return None,
    };
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: &str) -> Option<SpecialUse> {
        special_use(address.parse().unwrap())
    }

    #[test]
    fn special_use_addresses_are_known_by_their_block() {
        for (address, expected) in [
            ("127.0.0.1", SpecialUse::Loopback),
            ("169.254.169.254", SpecialUse::LinkLocal),
            ("172.31.255.255", SpecialUse::Private),
            ("100.127.0.1", SpecialUse::SharedAddressSpace),
            ("192.0.2.25", SpecialUse::Documentation),
            ("198.19.0.1", SpecialUse::Benchmarking),
            ("255.255.255.255", SpecialUse::Reserved),
            ("::ffff:10.0.0.1", SpecialUse::EmbeddedIpv4),
            ("::7f00:1", SpecialUse::EmbeddedIpv4),
            ("64:ff9b::a00:1", SpecialUse::EmbeddedIpv4),
            ("fd00::1", SpecialUse::Private),
            ("fe80::1", SpecialUse::LinkLocal),
            ("2001:db8::1", SpecialUse::Documentation),
            ("2001::1", SpecialUse::ProtocolAssignment),
        ] {
            assert_eq!(block(address), Some(expected), "{address}");
        }
        for address in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2a00:1450::1", "2001:4860:4860::8888"]
        {
            assert_eq!(block(address), None, "{address}");
        }
    }

    #[test]
    fn an_allowed_network_lifts_the_guard_for_itself_only() {
        let guard = NetworkGuard::allowing(vec!["10.77.0.0/24".parse().unwrap()]);
        assert_eq!(guard.permits("10.77.0.30".parse().unwrap()), Ok(()));
        assert_eq!(guard.permits("10.78.0.30".parse().unwrap()), Err(SpecialUse::Private));
    }
}
