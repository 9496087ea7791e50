use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// A conversation with a mail server: connect, greeting, EHLO, STARTTLS, EHLO, QUIT. Never MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmtpFact {
    /// The MX host that the address belongs to.
    pub host: String,
    /// The address.
    pub address: IpAddr,
    /// The port: 25 unless it is a relay of the operator's.
    pub port: u16,
    /// How far it came.
    pub state: AddressState,
    /// What stopped it: the system's error, or the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Until the connection stood, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<u64>,
    /// From the connection until the whole greeting, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting_ms: Option<u64>,
    /// The greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeting: Option<SmtpReply>,
    /// The reply to EHLO (or HELO), before TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<SmtpReply>,
    /// The keywords that EHLO offers, the last one seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// What became of TLS.
    pub tls: TlsFact,
    /// All that was said, within the limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcript: Vec<TranscriptLine>,
    /// Seen earlier, for another domain with the same address, and used again: then the observation keeps its own time.
    #[serde(default)]
    pub from_cache: bool,
}

/// How far a conversation with an address came.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AddressState {
    /// It would take mail: greeting and EHLO are fine.
    Ok,
    /// The connection was refused (RST).
    Refused,
    /// No answer to the connection attempt.
    Timeout,
    /// The network says that there is no way (ICMP), or we have no route.
    Unreachable,
    /// Closed after the connection stood, before a whole greeting.
    Closed,
    /// Connected, but no whole greeting in time.
    GreetingTimeout,
    /// A 4yz greeting.
    #[serde(rename = "greeting_4xx")]
    #[strum(serialize = "greeting_4xx")]
    Greeting4xx,
    /// A 5yz greeting.
    #[serde(rename = "greeting_5xx")]
    #[strum(serialize = "greeting_5xx")]
    Greeting5xx,
    /// EHLO and HELO are rejected, unanswered, or the answer makes no sense.
    EhloRejected,
    /// Private or special-use, and not allowed: never contacted.
    Forbidden,
    /// Not tried; `detail` says why.
    NotProbed,
}

impl AddressState {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A reply (RFC 5321 §4.2).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SmtpReply {
    /// The code, 200 to 599 where the server keeps to the standard.
    pub code: u16,
    /// The text without codes; lines are joined by a line feed.
    pub text: String,
}

/// Who said a line.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Speaker {
    /// We.
    Client,
    /// The mail server.
    Server,
    /// Neither: connected, closed, TLS established, timed out.
    Network,
}

/// A line of a transcript.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Since the start of the attempt, in milliseconds.
    pub ms: u64,
    /// Who said it.
    pub speaker: Speaker,
    /// What: without the line end, control characters replaced.
    pub text: String,
}

/// What became of TLS. Certificates are judged, never enforced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TlsFact {
    /// It did not come to that.
    #[default]
    NotTried,
    /// EHLO does not offer STARTTLS.
    NotOffered,
    /// STARTTLS was refused, or the handshake failed.
    Failed {
        /// Why.
        detail: String,
    },
    /// The handshake succeeded.
    Established {
        /// `TLSv1.2`, `TLSv1.3`.
        version: String,
        /// The cipher suite.
        cipher: String,
        /// What the server showed.
        certificate: Box<CertificateFact>,
        /// What DANE says of it.
        dane: DaneState,
    },
}

/// The certificate of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateFact {
    /// The subject's names: DNS names and addresses of subjectAltName, else the common name.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Whether it leads to an authority that this machine trusts.
    pub chain: ChainVerdict,
    /// Whether one of its names is the MX host.
    pub name_matches: bool,
}

/// Whether a chain of certificates leads to an authority that this machine trusts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum ChainVerdict {
    /// It does.
    Trusted,
    /// Nobody that we know vouches for it: self-signed, or a private authority.
    UnknownIssuer,
    /// Its time is over, or has not come.
    Expired,
    /// Something else.
    Invalid {
        /// What.
        detail: String,
    },
}

/// What DANE (RFC 7672) says of a host.
#[derive(
    Clone, Copy, Debug, Default, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DaneState {
    /// Not asked, no TLSA record, or not authenticated by DNSSEC.
    #[default]
    NotUsed,
    /// A record matches the certificate.
    Match,
    /// Secure and usable records are there, none matches.
    Mismatch,
    /// The TLSA records cannot be looked up: the host is not to be used (RFC 7672 §2.1.2).
    LookupFailed,
}
