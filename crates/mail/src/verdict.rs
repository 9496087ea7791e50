use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// The judgement about the mail routing of a domain.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verdict {
    /// Mail can be delivered, and nothing of the route is broken.
    Deliverable,
    /// Mail can be delivered, but a part of the route is broken.
    Degraded,
    /// The domain says that it takes no mail (RFC 7505, or an MX that names localhost).
    NoMailByIntent,
    /// No way works now; it may later.
    UndeliverableTransient,
    /// No way works, and waiting will not help. Never from SERVFAIL, silence, REFUSED, an extended error or a 4yz reply.
    UndeliverablePermanent,
    /// We cannot see: our own resolver, network or port 25 is at fault. Says nothing about the domain.
    VantageBlind,
    /// Too little was seen to judge.
    Unknown,
}

impl Verdict {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether mail can be delivered now.
    pub fn is_deliverable(self) -> bool {
        match self {
            Verdict::Deliverable | Verdict::Degraded => true,
            Verdict::NoMailByIntent
            | Verdict::UndeliverableTransient
            | Verdict::UndeliverablePermanent
            | Verdict::VantageBlind
            | Verdict::Unknown => false,
        }
    }
}

/// How sure a verdict is.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Confidence {
    /// One observation, or only the word of a bounce.
    Low,
    /// One resolver at two points in time, or authoritative proof at one.
    Medium,
    /// Authoritative proof, two points in time, a good vantage.
    High,
}

impl Confidence {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
