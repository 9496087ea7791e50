//! All rules over one text in one pass: an Aho-Corasick automaton over the words that their alternatives need selects
//! candidates, and only those are tried, in order (`docs/decisions/0002-rules.md`).

use std::sync::OnceLock;

use abprall_mail::Reason;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use super::literals::{self, Alternative};
use super::rule::Rule;
use super::rule_file;
use crate::{Kind, Report};

pub(super) struct Matcher {
    rules: Vec<Rule>,
    /// Of all rules, in their order.
    branches: Vec<Branch>,
    search: AhoCorasick,
    /// For each word of the automaton, the branches that need it.
    needed_by: Vec<Vec<u32>>,
    /// Branches without such words: always tried.
    always: Vec<u32>,
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

/// A text with the branches that may match it, one bit each.
pub(super) struct Searched<'t> {
    text: &'t str,
    candidates: Vec<u64>,
}

impl Matcher {
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut words = Words::default();
        let (mut branches, mut always) = (Vec::new(), Vec::new());
        for (rule, written) in (0..).zip(&rules) {
            for Alternative { literals, is_literal, pattern } in literals::alternatives(&written.pattern) {
                let branch = branches.len() as u32;
                match &literals {
                    Some(literals) => literals.iter().for_each(|word| words.add(word, branch)),
                    None => always.push(branch),
                }
                let needs = match literals {
                    Some(words) if is_literal => Needs::Nothing { words },
                    _ => Needs::Match { pattern, regex: OnceLock::new() },
                };
                branches.push(Branch { rule, needs });
            }
        }
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&words.words)
            .expect("the words of a few hundred rules fit into an automaton");
        Self { rules, branches, search, needed_by: words.needed_by, always }
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Looks for the words of all rules.
    pub fn search<'t>(&self, text: &'t str) -> Searched<'t> {
        let mut candidates = vec![0_u64; self.branches.len().div_ceil(64)];
        let mut set = |branch: &u32| candidates[*branch as usize / 64] |= 1 << (branch % 64);
        self.always.iter().for_each(&mut set);
        for word in self.search.find_overlapping_iter(text) {
            self.needed_by[word.pattern().as_usize()].iter().for_each(&mut set);
        }
        Searched { text, candidates }
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
            branch.find(searched.text).map(|words| (rule, words))
        })
    }

    /// What else a text says that can have kept a message in the queue until it expired.
    pub fn cause_beside_expiry(&self, searched: &Searched<'_>, report: &Report) -> Option<Reason> {
        searched.candidates().find_map(|index| {
            let branch = &self.branches[index];
            let rule = &self.rules[branch.rule as usize];
            let is_cause = !rule.weak && rule.reason != Reason::DeliveryExpired && rule.scope.fits(report);
            (is_cause && branch.find(searched.text).is_some()).then_some(rule.reason)
        })
    }

    /// All rules that fit, in order.
    pub fn all_matches(&self, searched: &Searched<'_>, report: &Report) -> Vec<&Rule> {
        let mut found: Vec<&Rule> = Vec::new();
        for index in searched.candidates() {
            let branch = &self.branches[index];
            let rule = &self.rules[branch.rule as usize];
            let is_known = found.last().is_some_and(|last| std::ptr::eq(*last, rule));
            if !is_known && rule.scope.fits(report) && branch.find(searched.text).is_some() {
                found.push(rule);
            }
        }
        found
    }
}

impl Branch {
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        match &self.needs {
            // One of the words is there, or it would be no candidate: only where is asked.
            Needs::Nothing { words } => words.iter().find_map(|word| find_ignoring_case(text, word)),
            Needs::Match { pattern, regex } => {
                let regex = regex.get_or_init(|| rule_file::compile(pattern).ok()).as_ref()?;
                Some(regex.find(text)?.as_str())
            }
        }
    }
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
        self.candidates.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = *bits;
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
    needed_by: Vec<Vec<u32>>,
    places: std::collections::HashMap<Vec<u8>, usize>,
}

impl Words {
    fn add(&mut self, word: &[u8], branch: u32) {
        let place = *self.places.entry(word.to_vec()).or_insert_with(|| {
            self.words.push(word.to_vec());
            self.needed_by.push(Vec::new());
            self.words.len() - 1
        });
        self.needed_by[place].push(branch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                let whole = compiled[number].is_match(text);
                let mut parts = searched.candidates().map(|index| &matcher.branches[index]);
                let taken_apart =
                    parts.any(|branch| branch.rule as usize == number && branch.find(text).is_some());
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
