//! The end of a message that is sent as lines: dot-stuffing (RFC 5321 §4.5.2, RFC 1939 §3).

use memchr::memchr2;

/// Undoes dot-stuffing and finds the end, for bytes in any pieces. Keeps nothing of the message.
///
/// Only CR LF `.` CR LF ends a message, whatever else a line may look like: a reader that takes another sequence for the end can be made to
/// read a message of the sender's choice behind it (SMTP smuggling, CVE-2023-51764).
#[derive(Clone, Debug)]
pub(crate) struct DotReader {
    state: State,
    line_bytes: usize,
    line_bytes_max: usize,
    damage: Option<LineDamage>,
}

/// What is wrong with the lines of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LineDamage {
    BareLineFeed,
    BareCarriageReturn,
    LineTooLong,
}

/// Where in a line the reader stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Start,
    Within,
    AfterCr,
    AfterDot,
    AfterDotCr,
}

/// Whether the message is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DotEnd {
    NotYet,
    Reached,
}

impl DotReader {
    /// A reader at the start of a message. Longer lines than `line_bytes_max` (without line end) are damage.
    pub(crate) fn new(line_bytes_max: usize) -> Self {
        Self { state: State::Start, line_bytes: 0, line_bytes_max, damage: None }
    }

    /// The first damage that was met.
    pub(crate) fn damage(&self) -> Option<LineDamage> {
        self.damage
    }

    /// Adds what the bytes say to `out`, up to the end of the message or the first damage. Gives how many bytes were taken, and whether the
    /// end was among them.
    pub(crate) fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> (usize, DotEnd) {
        let mut at = 0;
        let damage_before = self.damage;
        while let Some(&byte) = bytes.get(at)
            && self.damage == damage_before
        {
            match self.state {
                State::Start if byte == b'.' => {
                    self.state = State::AfterDot;
                    at += 1;
                }
                State::Start | State::Within => at += self.run(&bytes[at..], out),
                State::AfterCr => at += self.after_cr(byte, out),
                State::AfterDot if byte == b'\r' => {
                    self.state = State::AfterDotCr;
                    at += 1;
                }
                // The dot was put there by the sender; what follows is the line, be it another dot.
                State::AfterDot => self.state = State::Within,
                State::AfterDotCr if byte == b'\n' => return (at + 1, DotEnd::Reached),
                State::AfterDotCr => self.state = State::AfterCr,
            }
        }
        (at, DotEnd::NotYet)
    }

    /// Takes bytes up to and with the next CR or LF.
    fn run(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let found = memchr2(b'\r', b'\n', bytes);
        let run = found.unwrap_or(bytes.len());
        self.state = State::Within;
        if self.damage.is_none() && self.line_bytes + run > self.line_bytes_max {
            self.note(LineDamage::LineTooLong);
            let fitting = self.line_bytes_max - self.line_bytes;
            out.extend_from_slice(&bytes[..=fitting]);
            return fitting + 1;
        }
        self.line_bytes += run;
        let Some(end) = found else {
            out.extend_from_slice(bytes);
            return bytes.len();
        };
        if bytes[end] == b'\r' {
            self.state = State::AfterCr;
            if bytes.get(end + 1) == Some(&b'\n') {
                self.end_line();
                out.extend_from_slice(&bytes[..end + 2]);
                return end + 2;
            }
            out.extend_from_slice(&bytes[..end]);
        } else {
            self.note(LineDamage::BareLineFeed);
            out.extend_from_slice(&bytes[..=end]);
        }
        end + 1
    }

    /// The CR is not yet in `out`.
    fn after_cr(&mut self, byte: u8, out: &mut Vec<u8>) -> usize {
        out.push(b'\r');
        if byte == b'\n' {
            out.push(b'\n');
            self.end_line();
            return 1;
        }
        self.note(LineDamage::BareCarriageReturn);
        if byte == b'\r' {
            return 1;
        }
        self.state = State::Within;
        0
    }

    fn end_line(&mut self) {
        self.line_bytes = 0;
        self.state = State::Start;
    }

    fn note(&mut self, damage: LineDamage) {
        self.damage.get_or_insert(damage);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The message, its damage, and how many bytes belong to it; `None` when the end is missing.
    fn unstuffed(bytes: &[u8], size: usize) -> Option<(Vec<u8>, Option<LineDamage>, usize)> {
        let mut reader = DotReader::new(20);
        let (mut out, mut total) = (Vec::new(), 0);
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                let (taken, end) = reader.read(piece, &mut out);
                total += taken;
                piece = &piece[taken..];
                if end == DotEnd::Reached {
                    return Some((out, reader.damage(), total));
                }
            }
        }
        None
    }

    fn stuffed(message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut start = true;
        for &byte in message {
            if start && byte == b'.' {
                out.push(b'.');
            }
            out.push(byte);
            start = out.ends_with(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    #[test]
    fn dots_are_taken_away_exactly() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b".\r\n", b""),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"...\r\n.\r\n", b"..\r\n"),
            (b".a\r\n.\r\n", b"a\r\n"),
            (b"a.\r\n..b\r\n.\r\n", b"a.\r\n.b\r\n"),
            (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
        ];
        for (bytes, message) in cases {
            for size in 1..=bytes.len() {
                assert_eq!(unstuffed(bytes, size), Some((message.to_vec(), None, bytes.len())), "{bytes:?}");
            }
        }
    }

    #[test]
    fn nothing_but_the_whole_sequence_ends_a_message() {
        for smuggled in [
            "a\n.\n",
            "a\n.\r\n",
            "a\r\n.\n",
            "a\r.\r",
            "a\r\n.\r",
            "a\r\n\0.\r\n",
            "a\r\n.\r\r\n",
            "a\r.\r\n",
        ] {
            assert_eq!(unstuffed(smuggled.as_bytes(), 1), None, "{smuggled:?}");
        }
        let (_, damage, _) = unstuffed(b"a\n.\r\nMAIL FROM:<>\r\n.\r\n", 3).unwrap();
        assert_eq!(damage, Some(LineDamage::BareLineFeed));
        let (_, damage, _) = unstuffed(b"a\r\n.\r\r\nb\r\n.\r\n", 3).unwrap();
        assert_eq!(damage, Some(LineDamage::BareCarriageReturn));
        let (_, damage, _) = unstuffed(b"123456789012345678901\r\n.\r\n", 3).unwrap();
        assert_eq!(damage, Some(LineDamage::LineTooLong));
    }

    proptest! {
        #[test]
        fn every_message_comes_back_from_stuffing(
            lines in vec("[a.]{0,9}", 0..9),
            size in 1usize..9,
        ) {
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let bytes = stuffed(message.as_bytes());
            prop_assert_eq!(unstuffed(&bytes, size), Some((message.into_bytes(), None, bytes.len())));
        }

        #[test]
        fn where_the_bytes_are_cut_changes_nothing(
            bytes in vec(prop::sample::select(b"\r\n\r\n..a".as_slice()), 0..40),
            size in 1usize..9,
        ) {
            prop_assert_eq!(unstuffed(&bytes, size), unstuffed(&bytes, usize::MAX));
        }
    }
}
