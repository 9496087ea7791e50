//! The policy as a TOML file. Everything that is wrong is said at once, with the line, the key and a hint.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use abprall_mail::Reason;
use jiff::{Span, SpanRelativeTo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Policy, RemovalTrust, ScopedSoftRule, SoftRule};

/// What is wrong with a policy file: all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyFileError {
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, with its tables: `brake.factor`; empty where the file is no TOML.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.problems.len() == 1 { "problem" } else { "problems" };
        write!(f, "{} {noun} in the policy; nothing was done", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for PolicyFileError {}

impl Policy {
    /// Reads a policy. What the file leaves out has its default.
    ///
    /// # Errors
    /// All problems: unknown keys, wrong types, values out of range.
    pub fn parse(text: &str) -> Result<Self, PolicyFileError> {
        let mut reader = Reader { text, problems: Vec::new() };
        let mut policy = Self::default();
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.problem(error.span().unwrap_or_default(), "", error.message().to_owned());
        }
        reader.problems.dedup_by_key(|problem| problem.line);
        // What is no TOML is mended first: half a file would only give problems that are none.
        if reader.problems.is_empty() {
            read_policy(&mut reader, root.get_ref(), &mut policy);
        }
        reader.problems.sort_by_key(|problem| problem.line);
        if reader.problems.is_empty() {
            Ok(policy)
        } else {
            Err(PolicyFileError { problems: reader.problems })
        }
    }
}

fn read_policy(reader: &mut Reader<'_>, root: &DeTable<'_>, policy: &mut Policy) {
    let mut file = Section::new(root, "");
    if let Some(mut soft) = file.section(reader, "soft") {
        read_soft_rule(reader, &mut soft, &mut policy.soft.default);
        if let Some(rules) = soft.tables(reader, "rule") {
            policy.soft.rules =
                rules.into_iter().map(|rule| read_scoped(reader, rule, policy.soft.default)).collect();
        }
        soft.finish(reader);
    }
    if let Some(mut trust) = file.section(reader, "trust") {
        trust.word(
            reader,
            "removals",
            &mut policy.trust.removals,
            &[
                ("any", RemovalTrust::Any),
                ("matched", RemovalTrust::Matched),
                ("signed", RemovalTrust::Signed),
            ],
        );
        trust.finish(reader);
    }
    if let Some(mut brake) = file.section(reader, "brake") {
        let values = &mut policy.brake;
        brake.number(reader, "hard_min", &mut values.hard_min, 1..1_000_001);
        brake.float(reader, "factor", &mut values.factor, 1.0, 1000.0);
        brake.float(reader, "share", &mut values.share, 0.0, 1.0);
        brake.float(reader, "domains_share", &mut values.domains_share, 0.0, 1.0);
        brake.number(reader, "providers", &mut values.providers, 1..1001);
        brake.duration(reader, "window", &mut values.window);
        brake.duration(reader, "calm_for", &mut values.calm_for);
        brake.finish(reader);
    }
    if let Some(mut reinstate) = file.section(reader, "reinstate") {
        let values = &mut policy.reinstate;
        reinstate.duration(reader, "hold", &mut values.hold);
        reinstate.number(reader, "good_checks", &mut values.good_checks, 1..101);
        reinstate.duration(reader, "canary_wait", &mut values.canary_wait);
        reinstate.number(reader, "growth", &mut values.growth, 2..11);
        reinstate.number(reader, "batch_max", &mut values.batch_max, 1..1_000_001);
        reinstate.duration(reader, "batch_every", &mut values.batch_every);
        reinstate.duration(reader, "dead_max", &mut values.dead_max);
        reinstate.finish(reader);
    }
    if let Some(mut watch) = file.section(reader, "watch") {
        let values = &mut policy.watch;
        watch.number(reader, "failing_after", &mut values.failing_after, 1..101);
        watch.duration(reader, "failing_span", &mut values.failing_span);
        watch.duration(reader, "dead_after", &mut values.dead_after);
        watch.number(reader, "dead_checks", &mut values.dead_checks, 1..1001);
        watch.duration(reader, "dead_proof", &mut values.dead_proof);
        watch.number(reader, "recovered_checks", &mut values.recovered_checks, 1..101);
        watch.duration(reader, "recovered_span", &mut values.recovered_span);
        watch.duration(reader, "slow_greeting", &mut values.slow_greeting);
        watch.duration(reader, "give_up_after", &mut values.give_up_after);
        watch.finish(reader);
    }
    file.finish(reader);
}

fn read_soft_rule(reader: &mut Reader<'_>, section: &mut Section<'_, '_>, rule: &mut SoftRule) {
    section.number(reader, "days", &mut rule.days, 1..366);
    section.duration(reader, "within", &mut rule.within);
    section.duration_or(reader, "suppress_for", &mut rule.suppress_for, "forever");
}

fn read_scoped(reader: &mut Reader<'_>, mut section: Section<'_, '_>, default: SoftRule) -> ScopedSoftRule {
    let mut scoped = ScopedSoftRule { reason: None, domain: None, list: None, tenant: None, rule: default };
    if let Some((value, span)) = section.text(reader, "reason") {
        scoped.reason = value.parse::<Reason>().ok();
        if scoped.reason.is_none() {
            let key = section.key("reason");
            reader.problem(
                span,
                &key,
                format!("{value:?} is no reason; `abprall explain` knows them, such as mailbox_full"),
            );
        }
    }
    if let Some((value, span)) = section.text(reader, "domain") {
        match abprall_mail::Domain::parse(&value) {
            Ok(domain) => scoped.domain = Some(domain.as_str().to_owned()),
            Err(error) => {
                let key = section.key("domain");
                reader.problem(span, &key, error.to_string());
            }
        }
    }
    scoped.list = section.text(reader, "list").map(|(value, _)| value);
    scoped.tenant = section.text(reader, "tenant").map(|(value, _)| value);
    read_soft_rule(reader, &mut section, &mut scoped.rule);
    section.finish(reader);
    scoped
}

/// Collects problems.
struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, span: Range<usize>, key: &str, message: String) {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.problems.push(Problem { line, key: key.to_owned(), message });
    }
}

/// One table of the file; what nobody asks for is unknown.
struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    path: String,
    known: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    fn new(table: &'a DeTable<'i>, path: &str) -> Self {
        Self { table, path: path.to_owned(), known: BTreeSet::new() }
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn value(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.insert(name);
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    fn section(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Section<'a, 'i>> {
        let value = self.value(name)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            reader.problem(
                value.span(),
                &self.key(name),
                format!("write it as a table: [{}]", self.key(name)),
            );
        }
        Some(Section::new(table?, &self.key(name)))
    }

    fn tables(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<Vec<Section<'a, 'i>>> {
        let value = self.value(name)?;
        let key = self.key(name);
        let tables = value.get_ref().as_array().map(|array| {
            let tables = array.iter().filter_map(|element| element.get_ref().as_table());
            tables.map(|table| Section::new(table, &key)).collect()
        });
        if tables.is_none() {
            reader.problem(value.span(), &key, format!("write each as a table of its own: [[{key}]]"));
        }
        tables
    }

    fn text(&mut self, reader: &mut Reader<'_>, name: &'static str) -> Option<(String, Range<usize>)> {
        let value = self.value(name)?;
        match value.get_ref().as_str() {
            Some(text) => Some((text.to_owned(), value.span())),
            None => {
                reader.problem(
                    value.span(),
                    &self.key(name),
                    "a text in quotation marks is wanted".to_owned(),
                );
                None
            }
        }
    }

    fn word<T: Copy>(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut T,
        words: &[(&str, T)],
    ) {
        let Some((text, span)) = self.text(reader, name) else { return };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *target = *value,
            None => {
                let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                reader.problem(span, &self.key(name), format!("{text:?} is none of {}", all.join(", ")));
            }
        }
    }

    fn number(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut u32, range: Range<u32>) {
        let Some(value) = self.value(name) else { return };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| u32::from_str_radix(integer.as_str(), integer.radix()).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => *target = number,
            None => {
                let message = format!("a whole number from {} to {} is wanted", range.start, range.end - 1);
                reader.problem(value.span(), &self.key(name), message);
            }
        }
    }

    fn float(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut f64, min: f64, max: f64) {
        let Some(value) = self.value(name) else { return };
        let text = value.get_ref().as_float().map(|float| float.as_str().to_owned());
        let text = text.or_else(|| value.get_ref().as_integer().map(|integer| integer.as_str().to_owned()));
        match text.and_then(|text| text.parse::<f64>().ok()).filter(|number| (min..=max).contains(number)) {
            Some(number) => *target = number,
            None => reader.problem(
                value.span(),
                &self.key(name),
                format!("a number from {min} to {max} is wanted"),
            ),
        }
    }

    fn duration(&mut self, reader: &mut Reader<'_>, name: &'static str, target: &mut Duration) {
        if let Some((text, span)) = self.text(reader, name) {
            match parse_duration(&text) {
                Some(duration) => *target = duration,
                None => reader.problem(
                    span,
                    &self.key(name),
                    format!("{text:?} is no length of time; write \"30 min\", \"4h\" or \"5d\""),
                ),
            }
        }
    }

    fn duration_or(
        &mut self,
        reader: &mut Reader<'_>,
        name: &'static str,
        target: &mut Option<Duration>,
        without: &str,
    ) {
        let Some((text, span)) = self.text(reader, name) else { return };
        if text == without {
            *target = None;
        } else if let Some(duration) = parse_duration(&text) {
            *target = Some(duration);
        } else {
            let message = format!("{text:?} is no length of time; write \"90d\", or {without:?}");
            reader.problem(span, &self.key(name), message);
        }
    }

    /// Says which keys nobody knows, with the one that was probably meant.
    fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.table.iter().filter(|(key, _)| !self.known.contains(key.get_ref().as_ref())) {
            let name: &str = key.get_ref();
            let nearest = self
                .known
                .iter()
                .map(|known| (distance(known, name), *known))
                .min()
                .filter(|(far, _)| *far <= 3);
            let known: Vec<_> = self.known.iter().copied().collect();
            let hint = match nearest {
                Some((_, meant)) => format!("there is no such key; did you mean `{meant}`?"),
                None => format!("there is no such key; here are: {}", known.join(", ")),
            };
            reader.problem(key.span(), &self.key(name), hint);
        }
    }
}

/// Longer than this is a mistake: a hundred years.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Days are 24 hours here: an hour more or less matters to nothing that is counted in days.
fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero() && *duration <= DURATION_MAX)
}

/// Levenshtein distance, for names of a few letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Policy::parse(""), Ok(Policy::default()));
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let text = "[soft]\ndays = 3\nsuppress_for = \"forever\"\n\n[[soft.rule]]\nreason = \"system_full\"\ndomain = \"Example.COM\"\n\
                    within = \"2 weeks\"\n\n[trust]\nremovals = \"signed\"\n\n[brake]\nfactor = 4\nwindow = \"10 min\"\n";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.soft.default.days, 3);
        assert_eq!(policy.soft.default.suppress_for, None);
        assert_eq!(policy.soft.rules.len(), 1);
        assert_eq!(policy.soft.rules[0].domain.as_deref(), Some("example.com"));
        assert_eq!(policy.soft.rules[0].rule.within, Duration::from_secs(14 * 86_400));
        assert_eq!(policy.soft.rules[0].rule.days, 3);
        assert_eq!(policy.trust.removals, RemovalTrust::Signed);
        assert_eq!(policy.brake.factor, 4.0);
        assert_eq!(policy.brake.window, Duration::from_secs(600));
    }

    #[test]
    fn all_problems_are_told_at_once_with_line_key_and_hint() {
        let text = "[soft]\nday = 3\nwithin = \"soon\"\n\n[brake]\nfactor = 0.5\nhard_min = \"many\"\n\n[watching]\n";
        let told: Vec<_> =
            Policy::parse(text).unwrap_err().problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 2: soft.day: there is no such key; did you mean `days`?",
                "line 3: soft.within: \"soon\" is no length of time; write \"30 min\", \"4h\" or \"5d\"",
                "line 6: brake.factor: a number from 1 to 1000 is wanted",
                "line 7: brake.hard_min: a whole number from 1 to 1000000 is wanted",
                "line 9: watching: there is no such key; did you mean `watch`?",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let error = Policy::parse("[soft]\ndays = = 3\n").unwrap_err();
        assert_eq!(error.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2], "{error}");
    }
}
