use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// A question to one DNS server, and what came back.
///
/// Names are in presentation form (RFC 4343 §2.1: odd bytes as `\DDD`), lower case, without the final dot; the root is `.`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsFact {
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub record_type: RecordType,
    /// The server that was asked.
    pub server: SocketAddr,
    /// Its name, where it was found by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// What the server was to us.
    pub role: ServerRole,
    /// The question was asked with "checking disabled" (CD, RFC 4035 §3.2.2).
    #[serde(default)]
    pub checking_disabled: bool,
    /// What came back.
    #[serde(flatten)]
    pub outcome: DnsOutcome,
}

/// What came back from a DNS server. Our own deadline is something else than SERVFAIL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DnsOutcome {
    /// A well-formed answer, of whatever rcode.
    Answer(DnsAnswer),
    /// Nothing within our own deadline.
    Silence,
    /// The network said no: ICMP unreachable, connection refused.
    Unreachable {
        /// The system's words.
        detail: String,
    },
    /// Bytes that are no answer to our question.
    Malformed {
        /// What is wrong with them.
        detail: String,
    },
    /// The server's address is private or special-use, and not allowed: it was never asked.
    Forbidden,
}

/// A well-formed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The response code.
    pub rcode: Rcode,
    /// Authoritative answer (AA).
    pub aa: bool,
    /// Authenticated data (AD), by the word of the resolver.
    pub ad: bool,
    /// Recursion available (RA).
    pub ra: bool,
    /// Over what it came; `tcp` after a truncated answer over UDP.
    pub transport: DnsTransport,
    /// The answer carried EDNS (RFC 6891).
    pub edns: bool,
    /// The server answered only when asked without EDNS.
    #[serde(default)]
    pub only_without_edns: bool,
    /// Extended errors (RFC 8914): explanation only, never the ground of a verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_errors: Vec<ExtendedError>,
    /// The names that the CNAME chain leads over, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The CNAME chain leads back to itself or is longer than the limit.
    #[serde(default)]
    pub alias_loop: bool,
    /// The records of the type asked for, at the end of the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// More records than the limit were there; the rest is left out.
    #[serde(default)]
    pub cut: bool,
    /// The SOA of a negative answer, or of the answer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soa: Option<SoaFact>,
    /// The name servers of a referral (NS in the authority section), with the zone that they serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referral: Vec<NameServerName>,
}

impl DnsAnswer {
    /// The name exists, but has no record of this type.
    pub fn is_nodata(&self) -> bool {
        self.rcode == Rcode::NoError && self.records.is_empty() && !self.alias_loop && !self.is_referral()
    }

    /// The server only says who might know.
    pub fn is_referral(&self) -> bool {
        !self.aa && self.soa.is_none() && self.records.is_empty() && !self.referral.is_empty()
    }
}

impl DnsFact {
    /// The answer, where there is a well-formed one.
    pub fn answer(&self) -> Option<&DnsAnswer> {
        match &self.outcome {
            DnsOutcome::Answer(answer) => Some(answer),
            DnsOutcome::Silence
            | DnsOutcome::Unreachable { .. }
            | DnsOutcome::Malformed { .. }
            | DnsOutcome::Forbidden => None,
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// How long it may be kept, in seconds.
    pub ttl_s: u32,
    /// What it says.
    #[serde(flatten)]
    pub data: RecordData,
}

/// What a record says. Types that nobody asks for are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum RecordData {
    /// An IPv4 address.
    A {
        /// The address.
        address: Ipv4Addr,
    },
    /// An IPv6 address.
    Aaaa {
        /// The address.
        address: Ipv6Addr,
    },
    /// A mail exchanger (RFC 5321 §5.1).
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// The host; `.` is the null MX.
        exchange: String,
    },
    /// A name server.
    Ns {
        /// Its name.
        host: String,
    },
    /// Free text, its strings joined; bytes that are not UTF-8 are replaced.
    Txt {
        /// The text.
        text: String,
    },
    /// A TLSA record (RFC 6698).
    Tlsa {
        /// Certificate usage, 0 to 3.
        usage: u8,
        /// 0: the certificate, 1: its key.
        selector: u8,
        /// 0: as it is, 1: SHA-256, 2: SHA-512.
        matching: u8,
        /// In hexadecimal.
        data: String,
    },
    /// An alias.
    Cname {
        /// What it stands for.
        target: String,
    },
    /// The start of a zone.
    Soa(SoaFact),
}

/// A SOA record. Whose it is tells an NXDOMAIN of the registry from one of the zone itself (RFC 2308 §2).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SoaFact {
    /// The zone that it belongs to.
    pub owner: String,
    /// The primary name server.
    pub mname: String,
    /// The mailbox of the person in charge, as a DNS name.
    pub rname: String,
    /// The zone's version.
    pub serial: u32,
    /// How long a negative answer may be kept, in seconds: the lesser of MINIMUM and the SOA's own TTL (RFC 2308 §5).
    pub negative_ttl_s: u32,
}

/// A name server that a referral names.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct NameServerName {
    /// The zone that is delegated.
    pub zone: String,
    /// The server's name.
    pub host: String,
    /// The addresses that the referral gives with it (glue).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glue: Vec<IpAddr>,
}

/// An extended DNS error (RFC 8914).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ExtendedError {
    /// The INFO-CODE.
    pub code: u16,
    /// The EXTRA-TEXT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A record type that we ask for.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Mail exchanger.
    Mx,
    /// Name server.
    Ns,
    /// Text: MTA-STS, TLSRPT, DMARC.
    Txt,
    /// Certificate association (DANE).
    Tlsa,
    /// Start of zone.
    Soa,
    /// Alias.
    Cname,
}

/// What a DNS server was to us when it was asked.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ServerRole {
    /// Our recursive resolver, or one that we compare it with.
    Resolver,
    /// A server of the parent zone.
    Parent,
    /// A server that the parent names for the zone.
    Authority,
}

/// Over what an answer came.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DnsTransport {
    /// UDP.
    Udp,
    /// TCP (RFC 7766).
    Tcp,
}

/// A response code (RFC 6895 §2.3). Codes that we do not know are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rcode {
    /// 0
    NoError,
    /// 1
    FormErr,
    /// 2
    ServFail,
    /// 3
    NxDomain,
    /// 4
    NotImp,
    /// 5
    Refused,
    /// 9
    NotAuth,
    /// Any other.
    Other(u16),
}

impl Rcode {
    const NAMES: [(Rcode, u16, &'static str); 7] = [
        (Rcode::NoError, 0, "NOERROR"),
        (Rcode::FormErr, 1, "FORMERR"),
        (Rcode::ServFail, 2, "SERVFAIL"),
        (Rcode::NxDomain, 3, "NXDOMAIN"),
        (Rcode::NotImp, 4, "NOTIMP"),
        (Rcode::Refused, 5, "REFUSED"),
        (Rcode::NotAuth, 9, "NOTAUTH"),
    ];

    /// The code of a number, with the extension of EDNS.
    pub fn from_number(number: u16) -> Self {
        Self::NAMES.iter().find(|(_, n, _)| *n == number).map_or(Rcode::Other(number), |(code, _, _)| *code)
    }
}

impl std::fmt::Display for Rcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rcode::Other(number) => write!(f, "RCODE{number}"),
            known => {
                f.write_str(Self::NAMES.iter().find(|(code, _, _)| code == known).map_or("", |row| row.2))
            }
        }
    }
}

impl Serialize for Rcode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rcode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some((code, _, _)) = Self::NAMES.iter().find(|(_, _, name)| *name == text) {
            return Ok(*code);
        }
        let number = text.strip_prefix("RCODE").and_then(|n| n.parse().ok());
        number.map(Self::from_number).ok_or_else(|| serde::de::Error::custom("not a DNS response code"))
    }
}
