use abprall_bounce::{Classification, Report};
use jiff::Timestamp;
use serde::Serialize;

/// Undetermined reports that say the same, but for addresses and numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewCluster {
    /// Its number.
    pub id: i64,
    /// What they say, with what differs replaced.
    pub pattern: String,
    /// How many reports wait.
    pub reports: u64,
    /// The first.
    pub first_at: Timestamp,
    /// The last.
    pub last_at: Timestamp,
}

/// A report that waits for a person, or for a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewReport {
    /// Its number.
    pub id: i64,
    /// The message that held it.
    pub source: String,
    /// As far as it is kept: enough for the classifier.
    pub report: Report,
}

/// A report that is judged anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Reclassified {
    /// The number of the report.
    pub report: i64,
    /// What it means.
    pub judged: Classification,
}

/// What became of reports that were judged anew.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ReclassifySummary {
    /// Reports with a new decision.
    pub decided: u64,
    /// Of these, addresses that are now stopped.
    pub stopped: u64,
    /// Reports that still nobody understands.
    pub undetermined: u64,
}

/// The text without what differs from one recipient to the next: addresses, numbers, ids and host names.
///
/// At most 200 characters; two reports with the same pattern are one cluster.
pub(crate) fn pattern(diagnostic: &str) -> String {
    let mut pattern = String::with_capacity(diagnostic.len().min(PATTERN_CHARS_MAX));
    for word in diagnostic.split_whitespace() {
        if pattern.len() >= PATTERN_CHARS_MAX {
            break;
        }
        if !pattern.is_empty() {
            pattern.push(' ');
        }
        push_word(&mut pattern, word);
    }
    let end = pattern.floor_char_boundary(PATTERN_CHARS_MAX);
    pattern.truncate(end);
    pattern
}

const PATTERN_CHARS_MAX: usize = 200;

/// An id is a long word with a digit in it.
const ID_CHARS_MIN: usize = 6;

fn push_word(pattern: &mut String, word: &str) {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    let Some(at) = word.find(core).filter(|_| !core.is_empty()) else {
        pattern.push_str(&word.to_lowercase());
        return;
    };
    pattern.push_str(&word[..at]);
    let digits = core.chars().filter(char::is_ascii_digit).count();
    if core.contains('@') {
        pattern.push_str("ADDRESS");
    } else if is_code(core) {
        // 550 and 5.7.1 say what it is.
        pattern.push_str(core);
    } else if core.contains("://") {
        pattern.push_str("URL");
    } else if digits > 0 && core.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ':' | '-' | '/')) {
        pattern.push('N');
    } else if is_host(core) {
        pattern.push_str("HOST");
    } else if digits > 0 && core.len() >= ID_CHARS_MIN {
        pattern.push_str("ID");
    } else if core.contains('.') && core.len() > 3 {
        pattern.push_str("HOST");
    } else {
        pattern.push_str(&core.to_lowercase());
    }
    pattern.push_str(&word[at + core.len()..]);
}

/// Labels with dots between, the last one of letters.
fn is_host(word: &str) -> bool {
    word.rsplit_once('.')
        .is_some_and(|(_, last)| last.len() > 1 && last.bytes().all(|b| b.is_ascii_alphabetic()))
}

fn is_code(word: &str) -> bool {
    let reply = word.len() == 3
        && matches!(word.as_bytes()[0], b'2'..=b'5')
        && word.bytes().all(|b| b.is_ascii_digit());
    reply || word.parse::<abprall_mail::EnhancedStatus>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_recipients_is_not_in_the_pattern() {
        let one = pattern("550 5.9.9 <anna@example.com>: odd refusal 17 of mx1.example.com (id 4ABC123x)");
        let other = pattern("550 5.9.9 <bert@example.org>: odd refusal 99 of mx7.example.org (id 77XY0011)");
        assert_eq!(one, other);
        assert_eq!(one, "550 5.9.9 <ADDRESS>: odd refusal N of HOST (id ID)");
        assert_ne!(
            one,
            pattern("550 5.9.8 <anna@example.com>: odd refusal 17 of mx1.example.com (id 4ABC123x)")
        );
    }

    #[test]
    fn a_long_text_has_a_short_pattern() {
        assert!(pattern(&"ä ".repeat(5000)).len() <= PATTERN_CHARS_MAX);
        assert_eq!(pattern(" … "), "…");
    }
}
