//! The human text of a message, cut into lines, up to where the returned message starts.

use abprall_mail::EmailAddress;

use super::address;
use super::html;
use super::marks::Marks;
use crate::letter::LetterRef;
use crate::limits;

/// The text of one notice, ready to be read.
pub(crate) struct Notice<'a> {
    /// The message it came in.
    pub letter: LetterRef<'a>,
    /// The lines above the returned message.
    pub lines: Vec<Line<'a>>,
    /// The returned message, where it stands below the text.
    pub returned: &'a str,
    /// What was seen on the way.
    pub marks: Marks,
}

/// One line, without the white space around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub text: &'a str,
    /// How much white space stood before it.
    pub indent: usize,
}

impl<'a> Notice<'a> {
    /// Looks at `text` and cuts it.
    pub fn new(letter: LetterRef<'a>, text: &'a str) -> Self {
        let text = html::start_of(text, limits::TEXT_BYTES_MAX);
        let subject = letter.header("Subject").unwrap_or_default();
        let marks = Marks::of(letter.fields().spans(), &subject, text);
        let report = html::start_of(text, marks.end(text));
        Self { letter, lines: lines_of(report), returned: &text[report.len()..], marks }
    }

    /// The addresses that Exim and Gmail name in `X-Failed-Recipients`.
    pub fn failed_recipients(&self) -> Vec<EmailAddress> {
        self.letter
            .header("X-Failed-Recipients")
            .map(|list| address::all_in(&list, limits::RECIPIENTS_MAX))
            .unwrap_or_default()
    }

    /// Whether it speaks of mail that was not delivered.
    pub fn is_notice(&self) -> bool {
        self.marks.notice || self.marks.fields || self.marks.is_a_dialects()
    }

    /// What follows `phrase` (lower case) in the first line that has it.
    pub fn after(&self, phrase: &str) -> Option<&'a str> {
        self.lines.iter().find_map(|line| after_ignoring_case(line.text, phrase))
    }
}

/// What follows `phrase`, in whatever case, in `text`. `phrase` is ASCII and lower case.
pub(crate) fn after_ignoring_case<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let at = find_ignoring_case(text, phrase)?;
    text.get(at + phrase.len()..)
}

/// Where `phrase` starts in `text`, ASCII letters in whatever case. `phrase` is lower case.
pub(crate) fn find_ignoring_case(text: &str, phrase: &str) -> Option<usize> {
    let (text, phrase) = (text.as_bytes(), phrase.as_bytes());
    let first = *phrase.first()?;
    let last = text.len().checked_sub(phrase.len())?;
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), &text[..=last])
        .find(|at| text[*at..*at + phrase.len()].eq_ignore_ascii_case(phrase))
}

fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        let line = &rest[..end];
        let text = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        lines.push(Line { text: text.trim_end(), indent: line.len() - text.len() });
        let ending = &rest.as_bytes()[end..];
        let skip = if ending.starts_with(b"\r\n") { 2 } else { usize::from(!ending.is_empty()) };
        rest = &rest[end + skip..];
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_of_the_three_ways() {
        let lines: Vec<_> = lines_of("a\r\n  b\rc\n\nd").iter().map(|l| (l.text, l.indent)).collect();
        assert_eq!(lines, [("a", 0), ("b", 2), ("c", 0), ("", 0), ("d", 0)]);
    }

    #[test]
    fn phrases_are_found_in_any_case() {
        assert_eq!(after_ignoring_case("x RCPT TO:<a>", "rcpt to:"), Some("<a>"));
        assert_eq!(after_ignoring_case("é", "rcpt"), None);
    }
}
