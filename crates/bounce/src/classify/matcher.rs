//! All rules over one text in one pass: an Aho-Corasick automaton over the words that rules need selects candidates, and
//! only those are tried, in order (`docs/decisions/0002-rules.md`).

use abprall_mail::Reason;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::literals;
use super::rule::Rule;
use crate::{Kind, Report};

pub(super) struct Matcher {
    rules: Vec<Rule>,
    search: AhoCorasick,
    /// For each word of the automaton, the rules that need it.
    needed_by: Vec<Vec<u32>>,
    /// Rules without such words: always tried.
    always: Vec<u32>,
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weak {
    /// Those whose words say it.
    No,
    /// Those whose words many causes share.
    Yes,
}

/// One bit a rule.
struct Candidates(Vec<u64>);

impl Matcher {
    pub fn new(rules: Vec<Rule>) -> Self {
        let (mut words, mut needed_by, mut always) =
            (Vec::<Vec<u8>>::new(), Vec::<Vec<u32>>::new(), Vec::new());
        for (index, rule) in (0..).zip(&rules) {
            let Some(literals) = literals::required(&rule.pattern) else {
                always.push(index);
                continue;
            };
            for literal in literals {
                match words.iter().position(|word| *word == literal) {
                    Some(at) => needed_by[at].push(index),
                    None => {
                        words.push(literal);
                        needed_by.push(vec![index]);
                    }
                }
            }
        }
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&words)
            .expect("the words of a few hundred rules fit into an automaton");
        Self { rules, search, needed_by, always }
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that fits, with the words that matched.
    pub fn first_match<'t>(&self, text: &'t str, report: &Report, weak: Weak) -> Option<(&Rule, &'t str)> {
        let mut found = None;
        self.candidates(text).any(|index| {
            let rule = &self.rules[index];
            if rule.weak != (weak == Weak::Yes) || !rule.scope.fits(report) {
                return false;
            }
            // A notice of delay quotes how long it waited; that is no end yet.
            if rule.reason == Reason::DeliveryExpired && report.kind == Kind::Delayed {
                return false;
            }
            found = rule.regex.find(text).map(|words| (rule, words.as_str()));
            found.is_some()
        });
        found
    }

    /// All rules that fit, in order.
    pub fn all_matches(&self, text: &str, report: &Report) -> Vec<&Rule> {
        let mut found = Vec::new();
        self.candidates(text).any(|index| {
            let rule = &self.rules[index];
            if rule.scope.fits(report) && rule.regex.is_match(text) {
                found.push(rule);
            }
            false
        });
        found
    }

    fn candidates(&self, text: &str) -> Candidates {
        let mut bits = vec![0_u64; self.rules.len().div_ceil(64)];
        let mut set = |rule: &u32| bits[*rule as usize / 64] |= 1 << (rule % 64);
        self.always.iter().for_each(&mut set);
        for word in self.search.find_overlapping_iter(text) {
            self.needed_by[word.pattern().as_usize()].iter().for_each(&mut set);
        }
        Candidates(bits)
    }
}

impl Candidates {
    /// Calls with each candidate in rule order until one says that it is enough.
    fn any(&self, mut enough: impl FnMut(usize) -> bool) -> bool {
        for (word, bits) in self.0.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                if enough(word * 64 + bits.trailing_zeros() as usize) {
                    return true;
                }
                bits &= bits - 1;
            }
        }
        false
    }
}
