//! What is doubtful about a set of rules, for the person who writes them.

use std::collections::HashSet;

use strum::{Display, IntoStaticStr};

use super::{Classifier, Rule, literals};
use crate::{Generator, Report, read_line};

/// One doubt about a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The file that it stands in.
    pub file: String,
    /// What kind of doubt.
    pub kind: FindingKind,
    /// In words.
    pub message: String,
}

/// The kinds of doubt.
#[derive(Clone, Copy, Debug, Display, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// Two rules have the same id.
    DuplicateId,
    /// The rule does not match its own example.
    ExampleDoesNotMatch,
    /// Another rule takes the example first.
    AnotherRuleWins,
    /// The rule matches its counter-example.
    CounterExampleMatches,
    /// No word of three or more bytes that every match must hold: the rule is tried on every text.
    NoLiteral,
}

impl FindingKind {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            FindingKind::DuplicateId => {
                "Give one of them another id: reports and decisions name rules by it."
            }
            FindingKind::ExampleDoesNotMatch => {
                "Mend the pattern, the example or the scope. Patterns see the reply without its wrapper, with every address \
                 replaced by @."
            }
            FindingKind::AnotherRuleWins => {
                "The first rule that fits wins: move this one up, or make the other one's pattern narrower."
            }
            FindingKind::CounterExampleMatches => "Make the pattern narrower.",
            FindingKind::NoLiteral => {
                "Add a word that every match must hold; else the rule is tried on every reply and slows all reading."
            }
        }
    }
}

pub(super) fn lint(classifier: &Classifier) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for rule in classifier.rules() {
        let mut found = |kind, message: String| {
            findings.push(Finding { rule: rule.id.to_string(), file: rule.file.to_string(), kind, message });
        };
        if !seen.insert(&rule.id) {
            found(FindingKind::DuplicateId, "another rule has the same id".to_owned());
        }
        if literals::alternatives(&rule.pattern).iter().any(|one| one.literals.is_none()) {
            found(FindingKind::NoLiteral, "no word of three or more bytes that must occur".to_owned());
        }
        let report = example_report(rule, &rule.example);
        let matching = classifier.matching(&report);
        if !matching.iter().any(|other| other.id == rule.id) {
            found(FindingKind::ExampleDoesNotMatch, format!("the rule does not match {:?}", rule.example));
        } else if let Some(winner) = matching.iter().find(|other| other.weak == rule.weak)
            && winner.id != rule.id
        {
            found(FindingKind::AnotherRuleWins, format!("rule {} takes {:?} first", winner.id, rule.example));
        }
        if let Some(text) = &rule.counter_example
            && classifier.matching(&example_report(rule, text)).iter().any(|other| other.id == rule.id)
        {
            found(FindingKind::CounterExampleMatches, format!("the rule matches {text:?}"));
        }
    }
    findings
}

/// The example as a report: what the line itself does not show is taken from the scope.
fn example_report(rule: &Rule, text: &str) -> Report {
    let mut report = read_line(text);
    if report.remote_mta.is_none() {
        report.remote_mta = rule.scope.host.first().map(|suffix| format!("mx.{suffix}"));
    }
    if let Some(name) = rule.scope.generator.first() {
        report.generator = Generator::named(name);
    }
    report.phase = report.phase.or(rule.scope.phase.first().copied());
    report.issuer = rule.scope.issuer.or(report.issuer);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_rule_holds_its_own_examples() {
        let findings = Classifier::built_in().lint();
        let lines: Vec<_> =
            findings.iter().map(|f| format!("{} {} [{}] {}", f.file, f.rule, f.kind, f.message)).collect();
        assert!(lines.is_empty(), "{} findings\n{}", lines.len(), lines.join("\n"));
    }
}
