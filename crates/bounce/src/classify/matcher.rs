//! All rules over one text in one pass: an Aho-Corasick automaton over the words that their alternatives need selects
//! candidates, and only those are tried, in order (`docs/decisions/0002-rules.md`).

use std::sync::OnceLock;

use abprall_mail::Reason;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use super::literals::{self, Alternative};
use super::rule::Rule;
use super::rule_file::PATTERN_BYTES_MAX;
use crate::{Kind, Report};

pub(super) struct Matcher {
    rules: Vec<Rule>,
    /// Of all rules, in their order.
    branches: Vec<Branch>,
    search: AhoCorasick,
    /// For each word of the automaton, the needs that it meets.
    meets: Vec<Vec<Need>>,
    /// The bits of both needs before a word is found: set where there is no such need.
    without: Vec<[u64; 2]>,
}

/// One of the two needs of a branch.
#[derive(Clone, Copy)]
struct Need {
    branch: u32,
    /// 0: its words. 1: the others that it holds as well.
    which: u8,
}

/// One alternative of a rule's pattern.
struct Branch {
    rule: u32,
    needs: Needs,
}

/// What a candidate needs besides one of its words.
enum Needs {
    /// Nothing: the words are all of it.
    Nothing { words: Vec<Vec<u8>> },
    /// A match of the pattern, compiled when first needed: few of all ever are.
    Match { pattern: String, regex: OnceLock<Option<Regex>> },
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weak {
    /// Those whose words say it.
    No,
    /// Those whose words many causes share.
    Yes,
}

/// A text with the branches that may match it.
pub(super) struct Searched<'t> {
    text: &'t str,
    /// The same in lower case, byte for byte.
    lower: String,
    /// Of 64 branches at a time, which have their first need met, and which the second: those with both are candidates.
    met: Vec<[u64; 2]>,
}

impl Matcher {
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut words = Words::default();
        let (mut branches, mut missing) = (Vec::new(), Vec::new());
        for (rule, written) in (0..).zip(&rules) {
            for Alternative { literals, also, is_literal, pattern } in
                literals::alternatives(&written.pattern)
            {
                let branch = branches.len() as u32;
                for (which, needed) in [(0, &literals), (1, &also)] {
                    let need = Need { branch, which };
                    match needed {
                        Some(needed) => needed.iter().for_each(|word| words.add(word, need)),
                        None => missing.push(need),
                    }
                }
                let needs = match literals {
                    Some(words) if is_literal => Needs::Nothing { words },
                    _ => Needs::Match { pattern, regex: OnceLock::new() },
                };
                branches.push(Branch { rule, needs });
            }
        }
        // The words are in lower case, and so is the text that is searched: an automaton that minds no case has twice the edges.
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&words.words)
            .expect("the words of a few hundred rules fit into an automaton");
        let mut without = vec![[0_u64; 2]; branches.len().div_ceil(64)];
        missing.into_iter().for_each(|need| set(&mut without, need));
        Self { rules, branches, search, meets: words.meets, without }
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Looks for the words of all rules.
    pub fn search<'t>(&self, text: &'t str) -> Searched<'t> {
        let mut met = self.without.clone();
        let lower = text.to_ascii_lowercase();
        for word in self.search.find_overlapping_iter(&lower) {
            self.meets[word.pattern().as_usize()].iter().for_each(|need| set(&mut met, *need));
        }
        Searched { text, lower, met }
    }

    /// The first rule that fits, with the words that matched.
    pub fn first_match<'t>(
        &self,
        searched: &Searched<'t>,
        report: &Report,
        weak: Weak,
    ) -> Option<(&Rule, &'t str)> {
        searched.candidates().find_map(|index| {
            let branch = &self.branches[index];
            let rule = &self.rules[branch.rule as usize];
            if rule.weak != (weak == Weak::Yes) || !rule.scope.fits(report) {
                return None;
            }
            // A notice of delay quotes how long it waited; that is no end yet.
            if rule.reason == Reason::DeliveryExpired && report.kind == Kind::Delayed {
                return None;
            }
            branch.find(searched).map(|words| (rule, words))
        })
    }

    /// What else a text says that can have kept a message in the queue until it expired.
    pub fn cause_beside_expiry(&self, searched: &Searched<'_>, report: &Report) -> Option<Reason> {
        searched.candidates().find_map(|index| {
            let branch = &self.branches[index];
            let rule = &self.rules[branch.rule as usize];
            let is_cause = !rule.weak && rule.reason != Reason::DeliveryExpired && rule.scope.fits(report);
            (is_cause && branch.find(searched).is_some()).then_some(rule.reason)
        })
    }

    /// All rules that fit, in order.
    pub fn all_matches(&self, searched: &Searched<'_>, report: &Report) -> Vec<&Rule> {
        let mut found: Vec<&Rule> = Vec::new();
        for index in searched.candidates() {
            let branch = &self.branches[index];
            let rule = &self.rules[branch.rule as usize];
            let is_known = found.last().is_some_and(|last| std::ptr::eq(*last, rule));
            if !is_known && rule.scope.fits(report) && branch.find(searched).is_some() {
                found.push(rule);
            }
        }
        found
    }
}

fn set(met: &mut [[u64; 2]], need: Need) {
    met[need.branch as usize / 64][usize::from(need.which)] |= 1 << (need.branch % 64);
}

impl Branch {
    fn find<'t>(&self, Searched { text, lower, .. }: &Searched<'t>) -> Option<&'t str> {
        match &self.needs {
            // One of the words is there, or it would be no candidate: only where is asked.
            Needs::Nothing { words } => words.iter().find_map(|word| find_ignoring_case(text, word)),
            Needs::Match { pattern, regex } => {
                let regex = regex.get_or_init(|| compile(pattern)).as_ref()?;
                let found = regex.find(lower.as_bytes())?;
                // `.` may have taken half a character at an end.
                let (start, end) =
                    (text.floor_char_boundary(found.start()), text.ceil_char_boundary(found.end()));
                Some(&text[start..end])
            }
        }
    }
}

/// A pattern for text in lower case: one that minds case is found by vectors.
fn compile(pattern: &str) -> Option<Regex> {
    let build = |unicode| RegexBuilder::new(pattern).unicode(unicode).size_limit(PATTERN_BYTES_MAX).build();
    build(false).or_else(|_| build(true)).ok()
}

fn find_ignoring_case<'t>(text: &'t str, word: &[u8]) -> Option<&'t str> {
    let first = *word.first()?;
    let starts = memchr::memchr2_iter(first, first.to_ascii_uppercase(), text.as_bytes());
    let mut found = starts.filter_map(|start| text.get(start..start + word.len()));
    found.find(|found| found.as_bytes().eq_ignore_ascii_case(word))
}

impl Searched<'_> {
    /// In the order of the rules.
    fn candidates(&self) -> impl Iterator<Item = usize> {
        self.met.iter().enumerate().flat_map(|(word, [first, second])| {
            let mut bits = first & second;
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.checked_sub(1)?;
                Some(word * 64 + bit)
            })
        })
    }
}

/// The words of all branches, each one once.
#[derive(Default)]
struct Words {
    words: Vec<Vec<u8>>,
    meets: Vec<Vec<Need>>,
    places: std::collections::HashMap<Vec<u8>, usize>,
}

impl Words {
    fn add(&mut self, word: &[u8], need: Need) {
        let place = *self.places.entry(word.to_vec()).or_insert_with(|| {
            self.words.push(word.to_vec());
            self.meets.push(Vec::new());
            self.words.len() - 1
        });
        self.meets[place].push(need);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::rule_file;
    use crate::{Classifier, read_line};

    /// Each rule taken apart says what the rule as a whole says, over every example of every rule.
    #[test]
    fn the_alternatives_of_a_rule_match_where_the_rule_does() {
        let matcher = &Classifier::built_in().rules;
        let compiled: Vec<_> =
            matcher.rules().iter().map(|rule| rule_file::compile(&rule.pattern).unwrap()).collect();
        let mut compared = 0;
        for text in matcher.rules().iter().map(|rule| &rule.example) {
            let searched = matcher.search(text);
            for (number, rule) in matcher.rules().iter().enumerate() {
                let whole = compiled[number].is_match(text.as_bytes());
                let mut parts = searched.candidates().map(|index| &matcher.branches[index]);
                let taken_apart =
                    parts.any(|branch| branch.rule as usize == number && branch.find(&searched).is_some());
                assert_eq!(taken_apart, whole, "{} on {text:?}", rule.id);
                compared += usize::from(whole);
            }
        }
        assert!(compared >= matcher.rules().len(), "{compared}");
    }

    #[test]
    fn the_words_that_matched_are_given_as_they_stand() {
        let matcher = &Classifier::built_in().rules;
        let text = "550 5.1.1 USER Unknown";
        let (_, words) = matcher.first_match(&matcher.search(text), &read_line(text), Weak::No).unwrap();
        assert_eq!(words, "USER Unknown");
    }
}
