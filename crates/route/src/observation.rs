//! What was seen: facts with a time, never judged and never changed. Everything that is concluded names the facts it rests on.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod dns;
mod mta_sts;
mod path;
mod smtp;

pub use dns::{
    DnsAnswer, DnsFact, DnsOutcome, DnsTransport, ExtendedError, NameServerName, Rcode, Record, RecordData,
    RecordType, ServerRole, SoaFact,
};
pub use mta_sts::{MtaStsFact, MtaStsMode, MtaStsOutcome, MtaStsPolicy};
pub use path::{PathEnd, PathFact, PathHop};
pub use smtp::{
    AddressState, CertificateFact, ChainVerdict, DaneState, SmtpFact, SmtpReply, Speaker, TlsFact,
    TranscriptLine,
};

/// The name of an observation within one survey: `o1`, `o2` …
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObservationId(u32);

/// One thing that was seen, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Its name.
    pub id: ObservationId,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What it is about: a domain, a host, an address.
    pub subject: String,
    /// What was seen.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What can be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// A question to one DNS server, and what came back.
    Dns(DnsFact),
    /// A conversation with a mail server, up to EHLO and STARTTLS.
    Smtp(SmtpFact),
    /// An attempt to fetch an MTA-STS policy (RFC 8461 §3.3).
    MtaSts(MtaStsFact),
    /// The network path to an address.
    Path(PathFact),
}

/// The observations of one survey, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Observations(Vec<Observation>);

impl Observations {
    /// Keeps an observation and gives its name.
    pub fn keep(
        &mut self,
        at: Timestamp,
        took_ms: u64,
        subject: impl Into<String>,
        fact: Fact,
    ) -> ObservationId {
        let id = ObservationId(u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX));
        self.0.push(Observation { id, at, took_ms, subject: subject.into(), fact });
        id
    }

    /// The observation with this name.
    pub fn get(&self, id: ObservationId) -> Option<&Observation> {
        self.0.get(usize::try_from(id.0).ok()?.checked_sub(1)?)
    }

    /// The DNS fact with this name; `None` when it is of another kind.
    pub fn dns(&self, id: ObservationId) -> Option<&DnsFact> {
        match &self.get(id)?.fact {
            Fact::Dns(fact) => Some(fact),
            Fact::Smtp(_) | Fact::MtaSts(_) | Fact::Path(_) => None,
        }
    }

    /// The SMTP fact with this name; `None` when it is of another kind.
    pub fn smtp(&self, id: ObservationId) -> Option<&SmtpFact> {
        match &self.get(id)?.fact {
            Fact::Smtp(fact) => Some(fact),
            Fact::Dns(_) | Fact::MtaSts(_) | Fact::Path(_) => None,
        }
    }

    /// The MTA-STS fact with this name; `None` when it is of another kind.
    pub fn mta_sts(&self, id: ObservationId) -> Option<&MtaStsFact> {
        match &self.get(id)?.fact {
            Fact::MtaSts(fact) => Some(fact),
            Fact::Dns(_) | Fact::Smtp(_) | Fact::Path(_) => None,
        }
    }

    /// The path with this name; `None` when it is of another kind.
    pub fn path(&self, id: ObservationId) -> Option<&PathFact> {
        match &self.get(id)?.fact {
            Fact::Path(fact) => Some(fact),
            Fact::Dns(_) | Fact::Smtp(_) | Fact::MtaSts(_) => None,
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Observation> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ObservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o{}", self.0)
    }
}

/// A text that is no name of an observation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an observation is called o and a number, such as o17")]
pub struct ParseObservationIdError;

impl FromStr for ObservationId {
    type Err = ParseObservationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('o').and_then(|n| n.parse().ok()).map(Self).ok_or(ParseObservationIdError)
    }
}

impl Serialize for ObservationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObservationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
