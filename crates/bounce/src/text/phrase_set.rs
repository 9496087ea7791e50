//! Many phrases looked for in one pass over a text.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

/// Phrases in order of rank: where several occur, the one that stands first in the list counts.
pub(crate) struct PhraseSet(AhoCorasick);

impl PhraseSet {
    /// The phrases; ASCII letters match in either case.
    pub fn new(phrases: impl IntoIterator<Item = &'static str>) -> Self {
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(phrases)
            .expect("the phrases are few and short");
        Self(automaton)
    }

    /// The number of the phrase of highest rank in `text`, and where it starts and ends, among those that `fits` accepts.
    pub fn first(
        &self,
        text: &str,
        fits: impl Fn(usize, usize, usize) -> bool,
    ) -> Option<(usize, usize, usize)> {
        self.0
            .find_overlapping_iter(text)
            .map(|found| (found.pattern().as_usize(), found.start(), found.end()))
            .filter(|(number, start, end)| fits(*number, *start, *end))
            .min()
    }

    /// Whether any phrase occurs.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}
