//! What a text must hold for a pattern to match: the words that one search over all rules looks for.

use regex_syntax::hir::{Hir, HirKind};

/// Shorter words occur everywhere and select nothing.
const LITERAL_BYTES_MIN: usize = 3;

/// Words of which every match holds at least one, in lower case; `None` when the pattern has none that are long enough.
pub(super) fn required(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::ParserBuilder::new().utf8(false).build().parse(&pattern.to_lowercase()).ok()?;
    of(&hir).filter(|literals| shortest(literals) >= LITERAL_BYTES_MIN)
}

fn of(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_ascii_lowercase()]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        // Of parts that all must occur, the one with the longest words selects best.
        HirKind::Concat(parts) => parts.iter().filter_map(of).max_by_key(|literals| shortest(literals)),
        // Any of the branches may be the one that matches: all of them must be looked for.
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(of(branch)?);
            }
            Some(all)
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, literals: &[&str]) {
        let found = required(pattern).unwrap_or_default();
        let found: Vec<_> = found.iter().map(|literal| String::from_utf8_lossy(literal)).collect();
        assert_eq!(found, literals, "{pattern}");
    }

    #[test]
    fn the_longest_necessary_words_are_found() {
        check("user unknown", &["user unknown"]);
        check("user .{0,20}unknown", &["unknown"]);
        check("(?:mailbox|account) (?:is )?full", &["mailbox", "account"]);
        check("no such (?:user|mailbox) here", &["no such "]);
    }

    #[test]
    fn patterns_without_necessary_words_have_none() {
        check(r"\d+", &[]);
        check("(?:full)?", &[]);
        check("a|user unknown", &[]);
    }
}
