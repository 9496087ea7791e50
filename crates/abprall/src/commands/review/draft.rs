//! A rule from what the reports of a cluster have in common. Pure.

use abprall_bounce::Report;
use abprall_mail::Reason;

/// Characters of an id that is made of words.
const ID_CHARS_MAX: usize = 40;

/// Characters of the example in a rule.
const EXAMPLE_CHARS_MAX: usize = 300;

/// Fewer letters than this say nothing in particular.
const LETTERS_MIN: usize = 6;

/// A rule that is not yet in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) pattern: String,
    pub(super) reply: Option<String>,
    pub(super) status: Option<String>,
    pub(super) reason: Reason,
    pub(super) example: String,
}

impl Draft {
    /// As it stands in a rule file.
    pub(super) fn to_toml(&self) -> String {
        let mut lines = vec![
            "[[rule]]".to_owned(),
            format!("id = {}", quoted(&self.id)),
            format!("pattern = {}", literal(&self.pattern)),
        ];
        lines.extend(self.reply.as_ref().map(|reply| format!("reply = [{}]", quoted(reply))));
        lines.extend(self.status.as_ref().map(|status| format!("status = [{}]", quoted(status))));
        if self.reason == Reason::Undetermined {
            lines.push(
                "# Say what it means, one of the reasons that `abprall explain REASON` explains.".to_owned(),
            );
        }
        lines.push(format!("reason = {}", quoted(self.reason.as_str())));
        lines.push(format!("example = {}", quoted(&self.example)));
        lines.join("\n") + "\n"
    }
}

/// Patterns that may fit the reports of a cluster, the narrowest first. What differs between them (an address, a number, a name)
/// stands in the cluster's pattern as a word in capitals.
pub(super) fn patterns(cluster: &str) -> Vec<String> {
    let words = words_of(cluster);
    let mut found = Vec::new();
    let exact = joined(&words, |word| Some(escaped(word)));
    // Letters beyond ASCII are compared as they stand, and the cluster's are in lower case.
    let ascii = joined(&words, |word| word.is_ascii().then(|| escaped(word)));
    for pattern in [exact, ascii, longest_run(&words)].into_iter().flatten() {
        if !found.contains(&pattern) {
            found.push(pattern);
        }
    }
    found
}

/// An id from the first words: `odd-refusal`.
pub(super) fn id_of(cluster: &str) -> String {
    let mut id = String::new();
    for word in words_of(cluster).into_iter().filter(|word| !is_wild(word)) {
        let word: String =
            word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if word.is_empty() || id.len() + word.len() + 1 > ID_CHARS_MAX {
            continue;
        }
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(&word);
    }
    if id.is_empty() { "review".to_owned() } else { id }
}

/// The code that all of them have.
pub(super) fn common<T: PartialEq>(reports: &[&Report], of: impl Fn(&Report) -> Option<T>) -> Option<T> {
    let first = of(reports.first()?)?;
    reports.iter().all(|report| of(report).as_ref() == Some(&first)).then_some(first)
}

/// A reply for the example, without anybody's address.
pub(super) fn example_of(report: &Report) -> String {
    let text = report.diagnostic.as_deref().or(report.prose.as_deref()).unwrap_or_default();
    let words: Vec<_> = text.split_whitespace().map(without_address).collect();
    words.join(" ").chars().take(EXAMPLE_CHARS_MAX).collect()
}

/// The words that a rule sees: behind an MTA's wrapper and the codes, which have keys of their own.
fn words_of(cluster: &str) -> Vec<&str> {
    let mut words: Vec<_> = cluster.split(' ').filter(|word| !word.is_empty()).collect();
    if let Some(said) = words.iter().rposition(|word| *word == "said:") {
        words.drain(..=said);
    }
    let codes = words.iter().take_while(|word| is_code(word)).count();
    words.drain(..codes);
    words
}

fn is_code(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let status = core.split('.').count() == 3;
    let digits = !core.is_empty() && core.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits && (core.len() == 3 || status)
}

/// It stands for something that differs.
fn is_wild(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    matches!(core, "ADDRESS" | "N" | "ID" | "HOST" | "URL")
        // Replies of several lines are put together without the codes that start each line.
        || (is_code(word) && word.contains('-'))
}

/// All words, with `\S+` for those that differ or that are not `taken`; nothing where too little is left.
fn joined(words: &[&str], taken: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut parts: Vec<Option<String>> =
        words.iter().map(|word| if is_wild(word) { None } else { taken(word) }).collect();
    // What differs at the ends says nothing; the last word may have been cut.
    while parts.last().is_some_and(Option::is_none) {
        parts.pop();
    }
    let start = parts.iter().position(Option::is_some)?;
    let mut pattern = String::new();
    for part in &parts[start..] {
        if !pattern.is_empty() {
            pattern.push(' ');
        }
        pattern.push_str(part.as_deref().unwrap_or(r"\S+"));
    }
    says_something(&pattern).then_some(pattern)
}

/// The longest run of words that are the same in all.
fn longest_run(words: &[&str]) -> Option<String> {
    let runs = words.split(|word| is_wild(word) || !word.is_ascii());
    let longest = runs.max_by_key(|run| run.iter().map(|word| word.len() + 1).sum::<usize>())?;
    // The cluster's pattern ends after 200 bytes: its last word may be half a one.
    let pattern = longest.iter().map(|word| escaped(word)).collect::<Vec<_>>().join(" ");
    says_something(&pattern).then_some(pattern)
}

fn says_something(pattern: &str) -> bool {
    let wild = pattern.matches(r"\S+").count();
    pattern.chars().filter(|c| c.is_alphabetic()).count() >= LETTERS_MIN + wild
}

/// For a regular expression.
fn escaped(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii_punctuation()
            && !matches!(
                c,
                '_' | '@' | ':' | ';' | ',' | '"' | '\'' | '/' | '=' | '%' | '<' | '>' | '!' | '`'
            )
        {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn without_address(word: &str) -> String {
    let Some(at) = word.find('@') else { return word.to_owned() };
    let is_edge =
        |c: char| matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ':' | ';' | ',' | '"' | '\'' | '=');
    let start = word[..at].rfind(is_edge).map_or(0, |edge| edge + 1);
    let end = word[at..].find(is_edge).map_or(word.len(), |edge| at + edge);
    format!("{}user@example.com{}", &word[..start], &word[end..])
}

/// A TOML string in which a pattern may be read as it is.
fn literal(text: &str) -> String {
    if text.contains('\'') || text.chars().any(char::is_control) { quoted(text) } else { format!("'{text}'") }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_becomes_a_gap_and_codes_go() {
        assert_eq!(
            patterns("550 5.9.9 <ADDRESS>: odd refusal N of HOST (id ID)"),
            [r"odd refusal \S+ of \S+ \(id", "odd refusal"]
        );
        assert_eq!(
            patterns("host HOST said: 550 5.9.9 the moon is full (ask N)")[0],
            r"the moon is full \(ask"
        );
    }

    #[test]
    fn words_that_say_nothing_are_no_pattern() {
        assert!(patterns("550 N ID").is_empty());
        assert!(patterns("550 no ADDRESS").is_empty());
        assert!(patterns("").is_empty());
    }

    #[test]
    fn letters_beyond_ascii_are_tried_and_then_left_out() {
        assert_eq!(patterns("550 empfänger streikt heute"), [r"empfänger streikt heute", "streikt heute"]);
    }

    #[test]
    fn the_id_is_made_of_the_words() {
        assert_eq!(id_of("550 5.9.9 <ADDRESS>: odd refusal N of HOST"), "odd-refusal-of");
        assert_eq!(id_of("550 N"), "review");
    }

    #[test]
    fn a_rule_is_valid_toml_whatever_its_words() {
        let draft = Draft {
            id: "odd".into(),
            pattern: r#"it's "odd" \(\S+"#.into(),
            reply: Some("550".into()),
            status: None,
            reason: Reason::UserUnknown,
            example: "550 it's \"odd\" (\u{7}".into(),
        };
        let file = abprall_bounce::RuleFile::new("own.toml", &draft.to_toml());
        let classifier = abprall_bounce::Classifier::with_rules(&[file]).unwrap();
        assert_eq!(classifier.rules()[0].pattern, draft.pattern);
        assert_eq!(classifier.rules()[0].example, draft.example);
    }

    #[test]
    fn an_example_names_nobody() {
        let report = Report { diagnostic: Some("550 <anna@one.test>: odd".into()), ..Report::default() };
        assert_eq!(example_of(&report), "550 <user@example.com>: odd");
    }
}
