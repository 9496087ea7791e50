use abprall_mail::Reason;

use crate::{Classification, Report};

/// Judges reports by rules.
pub struct Classifier;

impl Classifier {
    /// The classifier with the built-in rules.
    pub fn built_in() -> Self {
        Self
    }

    /// Judges one report.
    pub fn classify(&self, _report: &Report) -> Classification {
        let reason = Reason::Undetermined;
        Classification {
            reason,
            underlying: None,
            permanence: reason.usual_permanence(),
            bounce_type: reason.usual_bounce_type(),
            party: reason.party(),
            category: reason.category(),
            action: reason.default_action(),
            confidence: 0.0,
            because: Vec::new(),
            contradictions: Vec::new(),
        }
    }
}
