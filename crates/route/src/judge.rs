//! Stub.
use abprall_mail::{Confidence, Language, Verdict};

use crate::{Diagnosis, Survey, Vantage};

/// Stub.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier;

/// Stub.
pub struct JudgeContext<'a> {
    /// Stub.
    pub language: Language,
    /// Stub.
    pub earlier: &'a [Earlier],
}

/// Stub.
pub fn judge(survey: Survey, _context: &JudgeContext<'_>) -> Diagnosis {
    Diagnosis {
        domain: survey.domain,
        checked_at: survey.started_at,
        took_ms: survey.took_ms,
        vantage: Vantage {
            resolver: String::new(),
            ok: true,
            ipv4: true,
            ipv6: true,
            tested: false,
            detail: None,
        },
        verdict: Verdict::Unknown,
        confidence: Confidence::Low,
        findings: Vec::new(),
        mx: Vec::new(),
        alternatives: Vec::new(),
        senders: Vec::new(),
        causes: Vec::new(),
        look_again_at: None,
        observations: survey.observations,
    }
}
