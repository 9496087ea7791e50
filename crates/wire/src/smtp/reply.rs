use std::mem;

use super::transcript::printable;
use crate::limits::{REPLY_BYTES_MAX, REPLY_LINE_BYTES_MAX, REPLY_LINES_MAX};

/// A reply (RFC 5321 §4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// Three digits; 200 to 599 where the server keeps to the standard. Where lines differ, that of the last one.
    pub code: u16,
    /// The text of the lines without codes, joined by a line feed. It holds no other control character.
    pub text: String,
    /// How it departs from the standard, each kind once.
    pub damage: Vec<ReplyDamage>,
}

impl Reply {
    /// The text, line by line.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// 2yz.
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4yz.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5yz.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }
}

/// A departure from the standard that does not hinder understanding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyDamage {
    /// A line ended by LF alone.
    BareLineFeed,
    /// Lines of one reply with different codes.
    CodesDiffer,
    /// A line within a reply that has no code.
    LineWithoutCode,
    /// Something else than a space or hyphen behind a code.
    NoSeparator,
    /// A line was longer than we keep.
    LineCut,
    /// NUL or another control character, or bytes that are not UTF-8.
    NotText,
}

/// Why bytes are no reply. The conversation cannot go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplyError {
    /// The first line has no code.
    #[error("no SMTP reply: {line:?}")]
    NotAReply {
        /// The start of the line.
        line: String,
    },
    /// More lines than we take.
    #[error("a reply of more than {REPLY_LINES_MAX} lines")]
    TooManyLines,
    /// More bytes than we take.
    #[error("a reply of more than {REPLY_BYTES_MAX} bytes")]
    TooLong,
}

/// Takes replies out of bytes as they come, in any pieces. Holds at most [`REPLY_BYTES_MAX`] bytes.
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    line_end: LineEnd,
    code: Option<u16>,
    lines: Vec<String>,
    bytes: usize,
    damage: Vec<ReplyDamage>,
}

/// What came last of the line that is being read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum LineEnd {
    #[default]
    None,
    CarriageReturn,
}

impl ReplyReader {
    /// Takes bytes until a reply is whole. Gives how many were taken (all of them, unless a reply ended before), and the reply.
    ///
    /// # Errors
    /// When the bytes are no reply, or more than the limits allow. Then the reader begins anew.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<Reply, ReplyError>>) {
        for (index, &byte) in bytes.iter().enumerate() {
            self.bytes += 1;
            let event = match byte {
                _ if self.bytes > REPLY_BYTES_MAX => Some(Err(ReplyError::TooLong)),
                b'\n' => self.end_line(),
                _ => {
                    self.keep(byte);
                    None
                }
            };
            if let Some(event) = event {
                *self = Self::default();
                return (index + 1, Some(event));
            }
        }
        (bytes.len(), None)
    }

    /// The lines of the unfinished reply, and the start of its unfinished line: what can be told of a server that never ends.
    pub fn unfinished(&self) -> Option<String> {
        let last = printable(&self.line);
        let mut lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        if !last.is_empty() {
            lines.push(&last);
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn keep(&mut self, byte: u8) {
        // A CR belongs to the line end only if an LF follows.
        if mem::take(&mut self.line_end) == LineEnd::CarriageReturn {
            self.push(b'\r');
        }
        if byte == b'\r' {
            self.line_end = LineEnd::CarriageReturn;
        } else {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        if self.line.len() < REPLY_LINE_BYTES_MAX {
            self.line.push(byte);
        } else {
            self.note(ReplyDamage::LineCut);
        }
    }

    fn end_line(&mut self) -> Option<Result<Reply, ReplyError>> {
        if mem::take(&mut self.line_end) == LineEnd::None {
            self.note(ReplyDamage::BareLineFeed);
        }
        let line = mem::take(&mut self.line);
        if line.is_empty() && self.code.is_none() {
            // Empty lines between replies are harmless; the limit of bytes still counts them.
            return None;
        }
        if self.lines.len() >= REPLY_LINES_MAX {
            return Some(Err(ReplyError::TooManyLines));
        }
        let Some((code, rest)) = split_code(&line) else {
            if self.code.is_none() {
                let line = printable(&line[..line.len().min(80)]);
                return Some(Err(ReplyError::NotAReply { line }));
            }
            self.note(ReplyDamage::LineWithoutCode);
            self.add_text(&line);
            return None;
        };
        if self.code.is_some_and(|earlier| earlier != code) {
            self.note(ReplyDamage::CodesDiffer);
        }
        self.code = Some(code);
        match rest {
            [b'-', text @ ..] => {
                self.add_text(text);
                None
            }
            [b' ', text @ ..] => Some(Ok(self.finish(code, text))),
            [] => Some(Ok(self.finish(code, &[]))),
            text => {
                self.note(ReplyDamage::NoSeparator);
                Some(Ok(self.finish(code, text)))
            }
        }
    }

    fn add_text(&mut self, bytes: &[u8]) {
        let text = printable(bytes);
        if text.as_bytes() != bytes {
            self.note(ReplyDamage::NotText);
        }
        self.lines.push(text);
    }

    fn finish(&mut self, code: u16, text: &[u8]) -> Reply {
        self.add_text(text);
        Reply { code, text: self.lines.join("\n"), damage: mem::take(&mut self.damage) }
    }

    fn note(&mut self, damage: ReplyDamage) {
        if !self.damage.contains(&damage) {
            self.damage.push(damage);
        }
    }
}

/// Three digits that are not followed by a fourth.
fn split_code(line: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Reply, ReplyError> {
        ReplyReader::default().read(bytes).1.expect("a whole reply")
    }

    #[test]
    fn a_reply_of_several_lines_is_one() {
        let reply = read(b"250-mx.example\r\n250-PIPELINING\r\n250 SIZE\r\n").unwrap();
        assert_eq!((reply.code, reply.text.as_str()), (250, "mx.example\nPIPELINING\nSIZE"));
        assert!(reply.damage.is_empty());
    }

    #[test]
    fn damage_is_understood_and_named() {
        for (bytes, text, damage) in [
            (&b"220 hello\n"[..], "hello", ReplyDamage::BareLineFeed),
            (b"220-a\r\n250 b\r\n", "a\nb", ReplyDamage::CodesDiffer),
            (b"250-a\r\nrubbish\r\n250 b\r\n", "a\nrubbish\nb", ReplyDamage::LineWithoutCode),
            (b"220\tready\r\n", "\u{fffd}ready", ReplyDamage::NoSeparator),
            (b"220 a\0b\r\n", "a\u{fffd}b", ReplyDamage::NotText),
            (b"220 a\rb\r\n", "a\u{fffd}b", ReplyDamage::NotText),
        ] {
            let reply = read(bytes).unwrap();
            assert_eq!(reply.text, text);
            assert!(reply.damage.contains(&damage), "{damage:?} in {reply:?}");
        }
        assert_eq!(read(b"220-a\r\n250 b\r\n").unwrap().code, 250, "the last line decides");
    }

    #[test]
    fn a_code_alone_is_a_reply() {
        assert_eq!(read(b"\r\n221\r\n").unwrap().code, 221);
    }

    #[test]
    fn what_is_no_reply_is_said_at_once() {
        for bytes in
            [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n", b"2200 x\r\n", b"22\n"]
        {
            assert!(matches!(read(bytes), Err(ReplyError::NotAReply { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_given_up_and_little_of_it_kept() {
        let mut reader = ReplyReader::default();
        let mut taken = 0;
        loop {
            let (read, event) = reader.read(b"220 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
            taken += read;
            assert!(reader.line.len() <= REPLY_LINE_BYTES_MAX);
            if let Some(event) = event {
                assert_eq!(event, Err(ReplyError::TooLong));
                break;
            }
        }
        assert_eq!(taken, REPLY_BYTES_MAX + 1);
    }

    #[test]
    fn a_reply_without_end_is_given_up() {
        assert_eq!(read(&b"220-\r\n".repeat(REPLY_LINES_MAX + 1)), Err(ReplyError::TooManyLines));
        assert_eq!(read(&b"\n".repeat(REPLY_BYTES_MAX + 1)), Err(ReplyError::TooLong));
    }

    #[test]
    fn a_long_line_is_cut_and_still_a_reply() {
        let reply = read(&[b"220 ", "x".repeat(5000).as_bytes(), b"\r\n"].concat()).unwrap();
        assert_eq!(reply.text.len(), REPLY_LINE_BYTES_MAX - 4);
        assert_eq!(reply.damage, [ReplyDamage::LineCut]);
    }

    #[test]
    fn what_follows_a_reply_is_left_for_the_next() {
        let (taken, reply) = ReplyReader::default().read(b"220 a\r\n250 b\r\n");
        assert_eq!((taken, reply.unwrap().unwrap().code), (7, 220));
    }
}
