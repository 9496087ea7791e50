//! A file of rules: TOML in, rules and code rows out, or everything that is wrong with it.

use std::sync::Arc;

use abprall_mail::{Action, Party, Permanence, Reason};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::codes::CodeRow;
use super::rule::{Rule, Scope, StatusPattern};
use crate::{Generator, Issuer, Phase};

/// Most memory that one compiled pattern may take, in bytes: an operator's slip must not eat the machine.
pub(super) const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A rule file that has been loaded but not read.
#[derive(Clone, Debug)]
pub struct RuleFile {
    name: Arc<str>,
    text: Arc<str>,
    /// Those of the built-in files are checked by a test, not at every start.
    checks_patterns: bool,
}

/// One thing that is wrong with a rule file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{file}{}: {problem}{}", at(*.line, .rule.as_deref()), hint_of(.hint))]
pub struct RuleFileError {
    /// The file's name.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The rule's id, where it has one.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

fn at(line: Option<usize>, rule: Option<&str>) -> String {
    match (line, rule) {
        (Some(line), Some(rule)) => format!(":{line}, rule {rule}"),
        (Some(line), None) => format!(":{line}"),
        (None, Some(rule)) => format!(", rule {rule}"),
        (None, None) => String::new(),
    }
}

fn hint_of(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" ({hint})") }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default, rename = "rule")]
    rules: Vec<toml::Spanned<RawRule>>,
    #[serde(default, rename = "code")]
    codes: Vec<toml::Spanned<RawCode>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    pattern: String,
    #[serde(default)]
    host: Vec<String>,
    #[serde(default)]
    generator: Vec<String>,
    #[serde(default)]
    phase: Vec<Phase>,
    #[serde(default)]
    reply: Vec<String>,
    #[serde(default)]
    status: Vec<String>,
    issuer: Option<Issuer>,
    reason: Reason,
    underlying: Option<Reason>,
    permanence: Option<Permanence>,
    action: Option<Action>,
    confidence: Option<f32>,
    #[serde(default)]
    weak: bool,
    example: String,
    counter_example: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCode {
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    reply: Vec<String>,
    #[serde(default)]
    phase: Vec<Phase>,
    reason: Reason,
    permanence: Option<Permanence>,
    confidence: Option<f32>,
}

impl RuleFile {
    /// A file by its name (for messages) and text.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into(), checks_patterns: true }
    }

    pub(super) fn built_in(name: &str, text: &str) -> Self {
        Self { checks_patterns: false, ..Self::new(name, text) }
    }

    /// Reads all rules and code rows, or says everything that is wrong.
    pub(super) fn read(&self) -> Result<(Vec<Rule>, Vec<CodeRow>), Vec<RuleFileError>> {
        let raw: RawFile = toml::from_str(&self.text).map_err(|error| {
            let line = error.span().map(|span| self.line_at(span.start));
            vec![self.error(line, None, error.message().to_owned(), "see docs/rules.md for the keys")]
        })?;
        let (mut rules, mut codes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for raw in raw.rules {
            let line = self.line_at(raw.span().start);
            match self.rule(raw.into_inner(), line) {
                Ok(rule) => rules.push(rule),
                Err(problems) => errors.extend(problems),
            }
        }
        for raw in raw.codes {
            let line = self.line_at(raw.span().start);
            match self.code(raw.into_inner(), line) {
                Ok(row) => codes.push(row),
                Err(problems) => errors.extend(problems),
            }
        }
        if errors.is_empty() { Ok((rules, codes)) } else { Err(errors) }
    }

    fn rule(&self, raw: RawRule, line: usize) -> Result<Rule, Vec<RuleFileError>> {
        let mut errors = Vec::new();
        let mut wrong =
            |problem: String, hint: &str| errors.push(self.error(Some(line), Some(&raw.id), problem, hint));
        if !is_kebab_case(&raw.id) {
            wrong(format!("{:?} is no id", raw.id), "lower-case words joined by hyphens");
        }
        if !raw.confidence.is_none_or(|c| (0.0..=1.0).contains(&c)) {
            wrong("confidence is not between 0 and 1".to_owned(), "");
        }
        let stops = matches!(raw.action, Some(Action::Suppress | Action::Hold));
        if stops && matches!(raw.reason.party(), Party::Sender | Party::Message | Party::OwnSystem) {
            wrong(
                format!("nobody is stopped for {}", raw.reason),
                "it is not the recipient's fault: leave `action` out",
            );
        }
        for reply in &raw.reply {
            if !is_reply_prefix(reply) {
                wrong(
                    format!("{reply:?} is no reply code"),
                    "three digits such as 550, or their first digit",
                );
            }
        }
        for name in raw.generator.iter().filter(|name| Generator::named(name).is_none()) {
            wrong(
                format!("{name:?} is no generator"),
                "the names that `abprall classify` prints, such as postfix",
            );
        }
        let (status, unreadable) = statuses(&raw.status);
        for text in unreadable {
            wrong(format!("{text:?} is no status code"), "5.1.1, X.1.1 for any class, 5.7.* for any detail");
        }
        if self.checks_patterns
            && let Err(error) = compile(&raw.pattern)
        {
            let text = error.to_string();
            let problem = text.lines().last().unwrap_or("the pattern is broken");
            wrong(problem.trim_start_matches("error: ").to_owned(), "look-around is not supported");
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Rule {
            id: raw.id.into(),
            file: Arc::clone(&self.name),
            pattern: raw.pattern,
            scope: Scope {
                host: raw.host.iter().map(|host| host.to_ascii_lowercase()).collect(),
                generator: raw.generator,
                phase: raw.phase,
                reply: raw.reply,
                status,
                issuer: raw.issuer,
            },
            reason: raw.reason,
            underlying: raw.underlying,
            permanence: raw.permanence,
            action: raw.action,
            confidence: raw.confidence.unwrap_or(0.9),
            weak: raw.weak,
            example: raw.example,
            counter_example: raw.counter_example,
            source: raw.source,
        })
    }

    fn code(&self, raw: RawCode, line: usize) -> Result<CodeRow, Vec<RuleFileError>> {
        let (status, unreadable) = statuses(&raw.status);
        let bad_replies = raw.reply.iter().filter(|reply| !is_reply_prefix(reply));
        let errors: Vec<_> = unreadable
            .into_iter()
            .chain(bad_replies.cloned())
            .map(|text| {
                self.error(
                    Some(line),
                    None,
                    format!("{text:?} is no code"),
                    "5.1.1, X.1.1 or 5.7.*; 550 or 5",
                )
            })
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(CodeRow {
            status,
            reply: raw.reply,
            phase: raw.phase,
            reason: raw.reason,
            permanence: raw.permanence,
            confidence: raw.confidence.unwrap_or(0.7),
        })
    }

    fn error(&self, line: Option<usize>, rule: Option<&str>, problem: String, hint: &str) -> RuleFileError {
        RuleFileError {
            file: self.name.to_string(),
            line,
            rule: rule.map(str::to_owned),
            problem,
            hint: hint.to_owned(),
        }
    }

    fn line_at(&self, offset: usize) -> usize {
        1 + self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }
}

/// A pattern ready to search: ASCII case does not matter, and `.` is any byte.
///
/// Over bytes, because a class of all characters costs ten times as much to compile and to search as one of all bytes. Only a
/// pattern with a class of other letters than ASCII needs characters.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true).size_limit(PATTERN_BYTES_MAX);
    builder.unicode(false).build().or_else(|_| builder.unicode(true).build())
}

fn statuses(texts: &[String]) -> (Vec<StatusPattern>, Vec<String>) {
    let mut unreadable = Vec::new();
    let mut read = Vec::new();
    for text in texts {
        match StatusPattern::parse(text) {
            Some(pattern) => read.push(pattern),
            None => unreadable.push(text.clone()),
        }
    }
    (read, unreadable)
}

fn is_kebab_case(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_reply_prefix(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_its_line() {
        let file = RuleFile::new(
            "own.toml",
            "[[rule]]\nid = \"Bad Id\"\npattern = \"(\"\nreason = \"user_unknown\"\nexample = \"x\"\n\n\
             [[rule]]\nid = \"ok\"\npattern = \"x\"\nreason = \"user_unknown\"\nexample = \"x\"\nstatus = [\"9.1.1\"]\n",
        );
        let errors = file.read().unwrap_err();
        assert_eq!(errors.len(), 3);
        assert_eq!(errors[0].line, Some(1));
        assert!(
            errors[2].to_string().starts_with("own.toml:7, rule ok: \"9.1.1\" is no status code"),
            "{}",
            errors[2]
        );
    }

    #[test]
    fn no_rule_stops_a_recipient_for_the_sender_s_fault() {
        let file = RuleFile::new(
            "own.toml",
            "[[rule]]\nid = \"a\"\npattern = \"spam\"\nreason = \"bad_reputation\"\naction = \"suppress\"\nexample = \"spam\"\n",
        );
        assert!(file.read().unwrap_err()[0].problem.contains("nobody is stopped"));
    }

    #[test]
    fn an_unknown_key_names_the_line() {
        let errors = RuleFile::new("own.toml", "[[rule]]\nid = \"a\"\nreson = \"x\"\n").read().unwrap_err();
        assert_eq!(errors[0].line, Some(3));
    }
}
