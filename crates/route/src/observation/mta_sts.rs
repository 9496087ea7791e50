use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// An attempt to fetch an MTA-STS policy (RFC 8461 §3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MtaStsFact {
    /// The URL.
    pub url: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: MtaStsOutcome,
}

/// What came of fetching a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum MtaStsOutcome {
    /// A valid policy.
    Policy(MtaStsPolicy),
    /// It could not be fetched: no host, no connection, a bad certificate, another status than 200.
    NotFetched {
        /// Why.
        detail: String,
    },
    /// It was fetched, but is no policy.
    Invalid {
        /// Why.
        detail: String,
    },
}

/// A policy (RFC 8461 §3.2).
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MtaStsPolicy {
    /// What a sender is to do with MX hosts that do not match.
    pub mode: MtaStsMode,
    /// Host patterns; `*.example.com` stands for exactly one label.
    pub mx: Vec<String>,
    /// How long it holds, in seconds.
    pub max_age_s: u64,
}

/// The mode of a policy.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MtaStsMode {
    /// No mail to hosts that do not match.
    Enforce,
    /// Only reports.
    Testing,
    /// No policy any more.
    None,
}
