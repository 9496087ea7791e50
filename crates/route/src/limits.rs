//! Every limit of this crate, with its reason.

/// Observations that one finding about a bounce names at most: a person reads them.
pub const CLAIM_EVIDENCE_MAX: usize = 8;
