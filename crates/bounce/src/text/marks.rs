//! Phrases that tell what kind of text it is, found in one pass.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use crate::dialect::{DIALECTS, Place};

mod phrases;

use phrases::{DELAYED, DELIVERED, ENDS, FINAL, HEADER_STARTS, NOTICE};

/// What was seen in headers and text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// It says that delivery is late and goes on.
    pub delayed: bool,
    /// It says that nobody will try again.
    pub gave_up: bool,
    /// It says that the message arrived.
    pub delivered: bool,
    /// It speaks of mail that was not delivered.
    pub notice: bool,
    /// Status fields of RFC 3464 stand in the text.
    pub fields: bool,
    /// Bit n: a mark of dialect n was seen that only its notices have.
    dialects: u128,
    /// Bit n: a mark of dialect n was seen that any mail may have that it handled.
    passed: u128,
    /// Where the returned message starts, in bytes.
    end: Option<usize>,
}

#[derive(Clone, Copy)]
enum Meaning {
    /// The returned message starts after this line. `whole`: only when little else stands on the line.
    End {
        whole: bool,
    },
    /// A header of the returned message, at the start of a line.
    Header,
    Delayed,
    Final,
    Delivered,
    Notice,
    Field,
    Dialect(u8, Place),
}

static PHRASES: LazyLock<(AhoCorasick, Vec<Meaning>)> = LazyLock::new(|| {
    let mut patterns: Vec<&'static str> = Vec::new();
    let mut meanings = Vec::new();
    let mut add = |phrase: &'static str, meaning| {
        patterns.push(phrase);
        meanings.push(meaning);
    };
    for (number, dialect) in (0u8..).zip(DIALECTS) {
        for (place, phrase) in dialect.marks {
            add(phrase, Meaning::Dialect(number, *place));
        }
    }
    for (phrase, whole) in ENDS {
        add(phrase, Meaning::End { whole: *whole });
    }
    for phrase in HEADER_STARTS {
        add(phrase, Meaning::Header);
    }
    for phrase in DELAYED {
        add(phrase, Meaning::Delayed);
    }
    for phrase in FINAL {
        add(phrase, Meaning::Final);
    }
    for phrase in DELIVERED {
        add(phrase, Meaning::Delivered);
    }
    for phrase in NOTICE {
        add(phrase, Meaning::Notice);
    }
    add("\nfinal-recipient:", Meaning::Field);
    let automaton = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(&patterns)
        .expect("the phrases are few and short");
    (automaton, meanings)
});

/// How much of a header field is searched for marks, in bytes: what is longer is a signature or a trace.
const FIELD_BYTES_MAX: usize = 300;

impl Marks {
    /// Looks through the headers, the decoded subject and the text, each once.
    pub(super) fn of<'a>(head: impl IntoIterator<Item = &'a [u8]>, subject: &str, text: &str) -> Self {
        let mut marks = Self::default();
        for field in head {
            if !field.starts_with(b"Received") {
                marks.look(&field[..field.len().min(FIELD_BYTES_MAX)], Place::Head);
            }
        }
        marks.look(subject.as_bytes(), Place::Subject);
        marks.look(text.as_bytes(), Place::Text);
        marks
    }

    /// The first dialect of the table that has a mark here.
    pub(super) fn dialect(self) -> Option<usize> {
        [self.dialects, self.passed]
            .into_iter()
            .find(|seen| *seen != 0)
            .map(|seen| seen.trailing_zeros() as usize)
    }

    /// Whether a dialect has a mark here that only its notices have.
    pub(super) fn is_a_dialects(self) -> bool {
        self.dialects != 0
    }

    /// Where the returned message starts; the whole length when it is not there.
    pub(super) fn end(self, text: &str) -> usize {
        self.end.unwrap_or(text.len())
    }

    fn look(&mut self, bytes: &[u8], place: Place) {
        let (automaton, meanings) = &*PHRASES;
        for found in automaton.find_overlapping_iter(bytes) {
            match meanings[found.pattern().as_usize()] {
                Meaning::Dialect(number, wanted) => {
                    if wanted == place || wanted == Place::Sign && place == Place::Head {
                        self.dialects |= u128::from(wanted != Place::Head) << number;
                        self.passed |= u128::from(wanted == Place::Head) << number;
                    }
                }
                Meaning::End { whole } if place == Place::Text => {
                    if let Some(line) = start_of_line(bytes, found.start())
                        && (!whole || is_short(bytes, found.end()))
                    {
                        self.end = Some(line);
                        return;
                    }
                }
                Meaning::Header if place == Place::Text => {
                    // The phrase starts with the end of the line before.
                    self.end = Some(found.start() + 1);
                    return;
                }
                Meaning::Delayed if place != Place::Head => self.delayed = true,
                Meaning::Final if place != Place::Head => self.gave_up = true,
                Meaning::Delivered if place != Place::Head => self.delivered = true,
                Meaning::Notice if place != Place::Head => self.notice = true,
                Meaning::Field if place == Place::Text => self.fields = true,
                Meaning::End { .. }
                | Meaning::Header
                | Meaning::Delayed
                | Meaning::Final
                | Meaning::Delivered
                | Meaning::Notice
                | Meaning::Field => {}
            }
        }
    }
}

/// The start of the line that `at` is in, if only rules, blanks and quote marks stand before it.
fn start_of_line(bytes: &[u8], at: usize) -> Option<usize> {
    for (place, byte) in bytes[..at].iter().enumerate().rev() {
        match byte {
            b'\n' | b'\r' => return Some(place + 1),
            b'-' | b'=' | b'*' | b'#' | b'_' | b'>' | b'|' | b'+' | b'~' | b':' | b'"' => {}
            byte if byte.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    Some(0)
}

/// Whether the rest of the line is short: rules and a word or two. "Original Message Details" is no such line: Microsoft writes the
/// error below it.
fn is_short(bytes: &[u8], from: usize) -> bool {
    let rest = &bytes[from..];
    let line = &rest
        [..rest.iter().take(200).position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len().min(200))];
    let letters = line.iter().filter(|b| b.is_ascii_alphanumeric() || !b.is_ascii()).count();
    let is_heading = line.to_ascii_lowercase().windows(6).any(|word| word == b"detail");
    letters <= 14 && !is_heading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_part(text: &str) -> &str {
        &text[..Marks::of([], "", text).end(text)]
    }

    #[test]
    fn the_returned_message_starts_at_a_rule_or_a_header() {
        assert_eq!(report_part("a\n--- Below this line is a copy of the message.\nb"), "a\n");
        assert_eq!(report_part("a\n   ----- Original message -----\nb"), "a\n");
        assert_eq!(report_part("a\nReceived: from x\n"), "a\n");
        assert_eq!(report_part("a\nOriginal Message Details\nb").len(), 28);
        assert_eq!(report_part("a\n--- Original message was received at noon by\nb\n").len(), 49);
        assert_eq!(report_part("a Received: from x"), "a Received: from x");
    }

    #[test]
    fn there_are_no_more_dialects_than_bits() {
        assert!(DIALECTS.len() <= 128);
    }
}
