//! What is concluded about a domain's routing: the JSON contract of `abprall route --format json`.

use std::net::IpAddr;

use abprall_mail::{Cause, Confidence, Domain, FindingId, Severity, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{AddressState, ObservationId, Observations, SmtpReply, TlsFact};

/// The judgement, with all that it rests on. Fields may be added, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The domain.
    pub domain: Domain,
    /// When it was looked at.
    pub checked_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// From where.
    pub vantage: Vantage,
    /// The judgement.
    pub verdict: Verdict,
    /// How sure it is.
    pub confidence: Confidence,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The mail exchangers, best preference first.
    pub mx: Vec<Exchanger>,
    /// What still works and would be used, or is the operator's own way.
    pub alternatives: Vec<Alternative>,
    /// What some mail servers would reach, where they disagree or give up early.
    pub senders: Vec<SenderView>,
    /// Ranked guesses at the cause, likeliest first. Empty where mail can be delivered.
    pub causes: Vec<RankedCause>,
    /// The earliest time at which another look can show anything new: negative TTL, SERVFAIL cache (RFC 2308 §5, §7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_again_at: Option<Timestamp>,
    /// The facts.
    pub observations: Observations,
}

/// From where it was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vantage {
    /// Our resolver.
    pub resolver: String,
    /// Whether what we see can be believed.
    pub ok: bool,
    /// We have a way to IPv4 networks.
    pub ipv4: bool,
    /// We have a way to IPv6 networks.
    pub ipv6: bool,
    /// Canaries were asked; without them `ok` only means that nothing speaks against it.
    pub tested: bool,
    /// What is wrong, in words, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub id: FindingId,
    /// How much it matters here.
    pub severity: Severity,
    /// What it is about: a domain, host, address or name server.
    pub subject: String,
    /// The facts that it rests on.
    pub evidence: Vec<ObservationId>,
    /// The particulars without a language: a reply, an error, names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// One or two sentences in the language that was asked for.
    pub explanation: String,
}

/// One mail exchanger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchanger {
    /// Lower is tried first.
    pub preference: u16,
    /// The host; `.` is the null MX.
    pub host: String,
    /// There is no MX: the domain itself is the host.
    pub implicit: bool,
    /// How its address lookup went.
    pub dns: HostLookup,
    /// Its addresses.
    pub addresses: Vec<HostAddress>,
}

/// How the address lookup of an MX host went.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HostLookup {
    /// It has addresses.
    Ok,
    /// It does not exist.
    Nxdomain,
    /// It exists without an address.
    Nodata,
    /// The resolver could not find out.
    Servfail,
    /// No answer in time.
    Timeout,
    /// The resolver refused.
    Refused,
    /// It is an alias that has addresses.
    Cname,
    /// An alias that leads to itself.
    CnameLoop,
    /// Anything else: FORMERR, a malformed answer.
    Error,
    /// The MX names an IP address.
    Literal,
    /// The null MX: nothing to look up.
    Null,
}

impl HostLookup {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One address of an exchanger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostAddress {
    /// The address.
    pub ip: IpAddr,
    /// How far the conversation came.
    pub state: AddressState,
    /// What stopped it.
    pub detail: Option<String>,
    /// The greeting.
    pub greeting: Option<SmtpReply>,
    /// What became of TLS.
    pub tls: TlsFact,
    /// Works, but MTA-STS or DANE forbids its use.
    #[serde(default)]
    pub excluded: bool,
}

/// A way that works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Host and address: `mx2.example.com [192.0.2.7]`.
    pub via: String,
    /// In what it differs from the first choice.
    pub kind: AlternativeKind,
    /// Whether it works.
    pub state: AddressState,
    /// A standard sender gets there (Postfix: 5 addresses, 2 sessions) and nothing forbids it.
    pub reached_by_standard_sender: bool,
    /// Works, but MTA-STS or DANE forbids its use.
    #[serde(default)]
    pub excluded: bool,
}

/// In what an alternative differs from the first choice.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AlternativeKind {
    /// Another host of the best preference.
    SamePreference,
    /// A host of a later preference.
    LowerPreference,
    /// Another address of the same host and family.
    OtherAddress,
    /// An address of the other family.
    OtherFamily,
    /// A relay of the operator's.
    Relay,
}

/// What a certain mail server makes of the route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderView {
    /// `postfix`, `exim`.
    pub mta: String,
    /// What it would do.
    pub outcome: SenderOutcome,
    /// Where it would deliver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The code that it would report, where it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What a mail server would do with a message for the domain now.
#[derive(Clone, Copy, Debug, Display, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SenderOutcome {
    /// Deliver it.
    Delivers,
    /// Keep it and try again.
    Defers,
    /// Return it.
    Bounces,
}

/// A guess at the cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedCause {
    /// Which.
    pub cause: Cause,
    /// How well it fits, above 0 to 1; all of one diagnosis add up to 1.
    pub weight: f32,
    /// The findings that speak for it.
    pub findings: Vec<FindingId>,
}
