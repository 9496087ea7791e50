//! What codes alone mean, where the words say nothing.

use abprall_mail::{EnhancedStatus, Permanence, Reason, ReplyCode};

use super::rule::StatusPattern;
use crate::Phase;

/// One row of the table: codes, and what they usually mean.
#[derive(Clone, Debug)]
pub(super) struct CodeRow {
    /// Enhanced codes; empty for rows about reply codes alone.
    pub status: Vec<StatusPattern>,
    /// Reply codes or first digits; empty means any.
    pub reply: Vec<String>,
    /// Phases; empty means any.
    pub phase: Vec<Phase>,
    pub reason: Reason,
    pub permanence: Option<Permanence>,
    pub confidence: f32,
}

/// The rows in order; the first that fits counts.
pub(super) struct CodeTable {
    rows: Vec<CodeRow>,
}

impl CodeTable {
    pub fn new(rows: Vec<CodeRow>) -> Self {
        Self { rows }
    }

    /// The row for a pair of codes. Rows with a status are asked first, then those with a reply code only.
    pub fn find(
        &self,
        status: Option<EnhancedStatus>,
        reply: Option<ReplyCode>,
        phase: Option<Phase>,
    ) -> Option<&CodeRow> {
        let digits = reply.map(ReplyCode::as_digits);
        let fits = |row: &&CodeRow| {
            let fits_reply = row.reply.is_empty()
                || digits
                    .is_some_and(|code| row.reply.iter().any(|prefix| code.starts_with(prefix.as_bytes())));
            let fits_phase = row.phase.is_empty() || phase.is_some_and(|phase| row.phase.contains(&phase));
            fits_reply && fits_phase
        };
        let by_status = status.and_then(|status| {
            self.rows.iter().filter(|row| row.status.iter().any(|pattern| pattern.fits(status))).find(fits)
        });
        by_status.or_else(|| {
            reply?;
            self.rows.iter().filter(|row| row.status.is_empty()).find(fits)
        })
    }
}
