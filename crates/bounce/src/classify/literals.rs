//! A pattern taken apart: its alternatives, each with the words that one search over all rules looks for.

use std::cmp::Reverse;

use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, HirKind, Repetition};

/// Shorter words occur everywhere and select nothing.
const LITERAL_BYTES_MIN: usize = 3;

/// Words that are so long select well enough.
const LITERAL_BYTES_ENOUGH: usize = 9;

/// Words that are so long need no others beside them.
const ALONE_BYTES_MIN: usize = 40;

/// More words than this that a match holds as well make the automaton larger for little.
const ALSO_MAX: usize = 24;

/// More words than this for one alternative are no help.
const LITERALS_MAX: usize = 64;

/// Words that stand in replies of every kind, and therefore select hardly anything.
const COMMON: [&str; 24] = [
    "access",
    "account",
    "address",
    "been",
    "blocked",
    "connection",
    "delivery",
    "domain",
    "email",
    "error",
    "from",
    "host",
    "mail",
    "mailbox",
    "message",
    "not ",
    "recipient",
    "rejected",
    "sender",
    "server",
    "the ",
    "this",
    "user",
    "your",
];

/// One alternative of a pattern: `a|b` has two.
#[derive(Debug)]
pub(super) struct Alternative {
    /// Words of which every match holds at least one, in lower case; `None` when there are none that are long enough.
    pub literals: Option<Vec<Vec<u8>>>,
    /// Other words of which every match holds at least one as well, where the first ones alone select too little.
    pub also: Option<Vec<Vec<u8>>>,
    /// The words are all that there is to match.
    pub is_literal: bool,
    /// As a pattern of its own.
    pub pattern: String,
}

/// The alternatives of a pattern, in its order. A pattern that cannot be read is its own and only one.
pub(super) fn alternatives(pattern: &str) -> Vec<Alternative> {
    // As `rule_file::compile` does: bytes, and characters only where a class needs them.
    let parse =
        |unicode| regex_syntax::ParserBuilder::new().utf8(false).unicode(unicode).build().parse(pattern).ok();
    match parse(false).or_else(|| parse(true)).map(|hir| folded(&hir)) {
        None => {
            vec![Alternative { literals: None, also: None, is_literal: false, pattern: pattern.to_owned() }]
        }
        Some(hir) => match hir.kind() {
            HirKind::Alternation(branches) => branches.iter().map(alternative).collect(),
            _ => vec![alternative(&hir)],
        },
    }
}

/// For text in lower case: literals in lower case, classes that mind no case.
fn folded(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(class) => {
            let mut class = class.clone();
            class.case_fold_simple();
            Hir::class(class)
        }
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            min: repetition.min,
            max: repetition.max,
            greedy: repetition.greedy,
            sub: Box::new(folded(&repetition.sub)),
        }),
        HirKind::Capture(capture) => folded(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(folded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(folded).collect()),
        HirKind::Empty | HirKind::Look(_) => hir.clone(),
    }
}

fn alternative(hir: &Hir) -> Alternative {
    let (prefixes, whole) = ends(hir, ExtractKind::Prefix);
    if let Some(words) = &prefixes
        && whole
        && shortest(words) >= LITERAL_BYTES_MIN
    {
        return Alternative {
            literals: prefixes.map(lower),
            also: None,
            is_literal: true,
            pattern: hir.to_string(),
        };
    }
    let (suffixes, _) = ends(hir, ExtractKind::Suffix);
    // What is needed in the middle may select better than what it begins or ends with; between words that are long enough, the
    // fewer: each one makes the automaton larger.
    let rank = |words: &Vec<Vec<u8>>| (selectivity(words).min(LITERAL_BYTES_ENOUGH), Reverse(words.len()));
    let mut candidates: Vec<_> = [prefixes, suffixes]
        .into_iter()
        .flatten()
        .chain(needed(hir))
        .map(lower)
        .filter(|words| shortest(words) >= LITERAL_BYTES_MIN)
        .collect();
    candidates.sort_by_key(|words| Reverse(rank(words)));
    let mut candidates = candidates.into_iter();
    let literals = candidates.next();
    let also = literals
        .as_ref()
        .filter(|words| selectivity(words) < ALONE_BYTES_MIN)
        .and_then(|first| candidates.find(|words| words.len() <= ALSO_MAX && !share(first, words)));
    Alternative { literals, also, is_literal: false, pattern: hir.to_string() }
}

/// Whether the words of one list lie within those of the other: then the second says nothing new.
fn share(first: &[Vec<u8>], second: &[Vec<u8>]) -> bool {
    let within = |one: &[u8], other: &[u8]| memchr::memmem::find(other, one).is_some();
    first.iter().any(|one| second.iter().any(|other| within(one, other) || within(other, one)))
}

/// What every match begins or ends with, and whether that is all of it.
fn ends(hir: &Hir, kind: ExtractKind) -> (Option<Vec<Vec<u8>>>, bool) {
    let mut extractor = Extractor::new();
    extractor.kind(kind).limit_total(LITERALS_MAX);
    let sequence = extractor.extract(hir);
    // The extractor takes no notice of `\b` and `^`.
    let whole = sequence.is_exact() && hir.properties().look_set().is_empty();
    let literals = sequence.literals().map(|all| all.iter().map(|one| one.as_bytes().to_vec()).collect());
    (literals, whole)
}

/// What each part of a pattern needs, where all parts are needed.
fn needed(hir: &Hir) -> Vec<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().flat_map(needed).collect(),
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Literal(_)
        | HirKind::Repetition(_)
        | HirKind::Alternation(_)
        | HirKind::Empty
        | HirKind::Class(_)
        | HirKind::Look(_) => within(hir).into_iter().collect(),
    }
}

fn within(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => within(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => within(&repetition.sub),
        // Of parts that all must occur, the one with the longest words selects best.
        HirKind::Concat(parts) => {
            parts.iter().filter_map(within).max_by_key(|literals| selectivity(literals))
        }
        // Any of the branches may be the one that matches: all of them must be looked for.
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(within(branch)?);
            }
            Some(all)
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// How seldom texts hold one of the words: the length of the shortest one, next to nothing for a common word.
fn selectivity(literals: &[Vec<u8>]) -> usize {
    let of_one = |literal: &Vec<u8>| {
        let word = literal.to_ascii_lowercase();
        let is_common = COMMON.iter().any(|common| word.trim_ascii() == common.trim().as_bytes());
        if is_common { LITERAL_BYTES_MIN } else { literal.len() }
    };
    literals.iter().map(of_one).min().unwrap_or(0)
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or(0)
}

fn lower(mut literals: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    literals.iter_mut().for_each(|literal| literal.make_ascii_lowercase());
    literals.sort();
    literals.dedup();
    literals
}

#[cfg(test)]
mod tests {
    fn check(pattern: &str, alternatives: &[(&[&str], bool)]) {
        let found = super::alternatives(pattern);
        let text = |literals: &Vec<Vec<u8>>| -> Vec<String> {
            literals.iter().map(|literal| String::from_utf8_lossy(literal).into_owned()).collect()
        };
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.literals.as_ref().map(text).unwrap_or_default(), one.is_literal))
            .collect();
        let wanted: Vec<(Vec<String>, bool)> = alternatives
            .iter()
            .map(|(words, whole)| (words.iter().map(|&word| word.to_owned()).collect(), *whole))
            .collect();
        assert_eq!(found, wanted, "{pattern}");
    }

    #[test]
    fn the_longest_necessary_words_are_found() {
        check("user unknown", &[(&["user unknown"], true)]);
        check("User Unknown", &[(&["user unknown"], true)]);
        check("user .{0,20}unknown", &[(&["unknown"], false)]);
        check("no such (?:user|mailbox) here", &[(&["no such mailbox here", "no such user here"], true)]);
        check(r"\bunknown\b", &[(&["unknown"], false)]);
        check("mailbox full|over quota", &[(&["mailbox full"], true), (&["over quota"], true)]);
    }

    #[test]
    fn patterns_without_necessary_words_have_none() {
        check(r"\d+", &[(&[], false)]);
        check("(?:full)?", &[(&[], false)]);
        check(r"\d|user unknown", &[(&[], false), (&["user unknown"], true)]);
    }
}
