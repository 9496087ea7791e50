use abprall_mail::{Confidence, Verdict};
use jiff::Timestamp;
use serde::Serialize;

/// What a look at a domain's routing saw and concluded; never changed afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct NewObservation {
    /// When.
    pub at: Timestamp,
    /// The judgement.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Confidence,
    /// The whole diagnosis as JSON (`abprall route --format json`).
    pub diagnosis: String,
}

/// A stored look.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Observation {
    /// Its number; decisions name it as their evidence.
    pub id: i64,
    /// The domain.
    pub domain: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The judgement.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Confidence,
    /// The whole diagnosis as JSON.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub diagnosis: serde_json::Value,
}
