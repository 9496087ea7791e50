use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// A rule that fires over observations of a route. The ids are a contract: added, never renamed.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    Eq,
    Hash,
    IntoStaticStr,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FindingId {
    /// The domain does not exist in the DNS (NXDOMAIN).
    DomainNxdomain,
    /// The domain exists, but has neither MX nor address records.
    DomainNoMailHost,
    /// No MX record; mail goes to the domain's own address (RFC 5321 §5.1).
    ImplicitMx,
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// A null MX with another preference, or beside other MX records (RFC 7505 §3).
    NullMxMalformed,
    /// The resolver could not get an answer from the domain's name servers.
    DnsServfail,
    /// The answer is there, but its DNSSEC signatures do not hold.
    DnssecBogus,
    /// No name server that the parent names serves the zone.
    LameDelegation,
    /// Some name servers that the parent names do not serve the zone.
    LameDelegationPartial,
    /// No name server of the zone answers.
    AuthoritiesSilent,
    /// The name of a name server of the zone does not resolve.
    NsUnresolvable,
    /// The name servers of the zone answer differently.
    ZonesInconsistent,
    /// A name server refuses to answer for the domain.
    DnsRefused,
    /// A name server answers that it cannot understand the question.
    DnsFormerr,
    /// Our own resolver is at fault.
    OwnResolverFault,
    /// A name server fails when asked with EDNS or over TCP.
    EdnsBroken,
    /// The CNAME chain leads back to itself, or is too long.
    CnameLoop,
    /// The domain is a CNAME beside other records, or its MX is reached over a CNAME.
    ApexCname,
    /// Any name below the parent has an MX, so that an MX proves nothing.
    WildcardMx,
    /// The host that an MX names does not exist.
    MxTargetNxdomain,
    /// The host that an MX names has no address.
    MxTargetNoAddress,
    /// The address of the host that an MX names cannot be looked up now.
    MxTargetServfail,
    /// The host that an MX names is a CNAME (RFC 2181 §10.3).
    MxTargetCname,
    /// An MX names an IP address instead of a host.
    MxTargetIpLiteral,
    /// The host that an MX names has only private or special-use addresses (RFC 6890).
    MxTargetSpecialUse,
    /// The MX names the machine that sends: localhost or a loopback address.
    MxTargetLocalhost,
    /// The host that an MX names lies in a domain that anybody can register.
    MxDangling,
    /// The same host or address stands in the MX set twice.
    MxDuplicate,
    /// A working MX that a standard sender gives up before (Postfix: 5 addresses, 2 sessions).
    MxBeyondStandardSender,
    /// All working addresses are IPv6.
    #[serde(rename = "mx-ipv6-only")]
    #[strum(serialize = "mx-ipv6-only")]
    MxIpv6Only,
    /// The preferred MX does not work; a later one does.
    PreferredMxDown,
    /// No address of any MX takes mail now.
    AllMxDown,
    /// The host refuses connections to port 25.
    ConnectRefused,
    /// The host does not answer on port 25.
    ConnectTimeout,
    /// There is no route to the host.
    NetworkUnreachable,
    /// The host takes the connection and closes it before its greeting.
    AcceptThenClose,
    /// The host takes the connection, but sends no greeting.
    GreetingTimeout,
    /// The host's greeting is a 4yz: not now.
    #[serde(rename = "greeting-4xx")]
    #[strum(serialize = "greeting-4xx")]
    Greeting4xx,
    /// The host's greeting is a 5yz: not for us, or not at all.
    #[serde(rename = "greeting-5xx")]
    #[strum(serialize = "greeting-5xx")]
    Greeting5xx,
    /// The host's greeting is 521: it takes no mail at all (RFC 7504).
    HostAcceptsNoMail,
    /// The host rejects EHLO and HELO.
    EhloRejected,
    /// The host does not offer STARTTLS.
    TlsNotOffered,
    /// STARTTLS is offered, but the handshake fails.
    TlsFailed,
    /// The certificate does not hold for the host.
    CertificateInvalid,
    /// The domain's MTA-STS policy forbids the MX (RFC 8461).
    MtaStsExcludesMx,
    /// The MTA-STS policy is announced, but cannot be fetched or read.
    MtaStsInvalid,
    /// The certificate does not match the TLSA records (RFC 7672).
    DaneMismatch,
    /// The message went in a circle.
    RoutingLoop,
    /// The MX works; the failure is behind it, inside the recipient's system.
    FailureBehindMx,
    /// The host that the MX names does not take mail for the domain.
    RelayDenied,
    /// The bounce claims what the observation refutes.
    BounceContradicted,
    /// The observation confirms what the bounce claims.
    BounceConfirmed,
    /// Mail servers treat this differently: delivery depends on who sends.
    DependsOnSendingMta,
}

impl FindingId {
    /// The id as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How much a finding matters for delivery.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    Eq,
    Hash,
    IntoStaticStr,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Does no harm yet.
    Low,
    /// Mail is late or lost for some senders, or soon will be.
    Medium,
    /// Mail cannot be delivered, or can be taken by others.
    High,
}

impl Severity {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn ids_are_spelled_as_in_the_contract() {
        assert_eq!(FindingId::Greeting4xx.as_str(), "greeting-4xx");
        assert_eq!(FindingId::MxIpv6Only.as_str(), "mx-ipv6-only");
        for id in FindingId::iter() {
            assert_eq!(id.as_str().parse(), Ok(id));
            assert!(
                id.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{id}"
            );
        }
    }
}
