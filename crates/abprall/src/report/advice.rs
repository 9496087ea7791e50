//! What each of three people does about it, from the knowledge base: what concerns most failures first.

use abprall_mail::{Language, Reason};
use serde::Serialize;
use utoipa::ToSchema;

use super::content::ReasonCount;
use crate::wording;

/// Reasons that are advised about: the first few make up nearly all failures of a list, and nobody works through more.
const REASONS_MAX: usize = 4;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Advice {
    pub(crate) marketer: Vec<Piece>,
    pub(crate) developer: Vec<Piece>,
    pub(crate) administrator: Vec<Piece>,
}

/// One piece of advice and how many failures it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Piece {
    pub(crate) reason: Reason,
    pub(crate) title: &'static str,
    pub(crate) failures: u64,
    pub(crate) text: &'static str,
}

impl Advice {
    /// `reasons`: most frequent first.
    pub(crate) fn of(reasons: &[ReasonCount], language: Language) -> Self {
        let pieces = |text: fn(&'static abprall_mail::knowledge::Prose) -> &'static str| {
            reasons
                .iter()
                .map(|row| Piece {
                    reason: row.reason,
                    title: wording::reason(row.reason, language),
                    failures: row.failures,
                    text: text(row.reason.knowledge().prose(language)),
                })
                .filter(|piece| !piece.text.is_empty())
                .take(REASONS_MAX)
                .collect()
        };
        Self {
            marketer: pieces(|prose| &prose.marketer),
            developer: pieces(|prose| &prose.developer),
            administrator: pieces(|prose| &prose.administrator),
        }
    }
}
