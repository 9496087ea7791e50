//! Lines out of pieces of bytes, and texts that fit into one line.

use std::borrow::Cow;
use std::mem;

use memchr::memchr;

/// Takes lines that end with LF out of bytes as they come, in any pieces. Holds at most `bytes_max` bytes.
#[derive(Clone, Debug)]
pub(crate) struct LineReader {
    kept: Vec<u8>,
    bytes_max: usize,
}

/// What [`LineReader::read`] found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Line<'a> {
    /// The bytes before LF; a CR before it is still there.
    Whole(Cow<'a, [u8]>),
    /// More than the limit without LF. The reader begins anew in the middle of the line: the peer is to be left.
    TooLong,
}

impl LineReader {
    /// A reader of lines of at most `bytes_max` bytes without LF.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { kept: Vec::new(), bytes_max }
    }

    /// Takes bytes until a line is whole. Gives how many were taken, and the line.
    pub(crate) fn read<'a>(&mut self, bytes: &'a [u8]) -> (usize, Option<Line<'a>>) {
        // Never looks further than the limit: whether a line is too long must not hang on where the pieces end.
        let room = self.bytes_max - self.kept.len();
        let window = &bytes[..bytes.len().min(room + 1)];
        match memchr(b'\n', window) {
            Some(end) if self.kept.is_empty() => (end + 1, Some(Line::Whole(Cow::Borrowed(&window[..end])))),
            Some(end) => {
                let mut line = mem::take(&mut self.kept);
                line.extend_from_slice(&window[..end]);
                (end + 1, Some(Line::Whole(Cow::Owned(line))))
            }
            None if window.len() > room => {
                self.kept = Vec::new();
                (window.len(), Some(Line::TooLong))
            }
            None => {
                self.kept.extend_from_slice(window);
                (window.len(), None)
            }
        }
    }

    /// Whether a line has begun and not ended.
    pub(crate) fn is_amid_a_line(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Forgets what was begun.
    pub(crate) fn clear(&mut self) {
        self.kept = Vec::new();
    }
}

/// A text as one line that every mail server takes: control characters become spaces, what is not ASCII a question mark; cut at
/// `bytes_max`. Nothing that an owner puts into a text can end a reply and begin another.
pub(crate) fn one_line(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let plain = |c: char| match c {
        ' '..='~' => c,
        c if c.is_control() => ' ',
        _ => '?',
    };
    Cow::Owned(text.chars().take(bytes_max).map(plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], size: usize) -> Vec<Result<Vec<u8>, ()>> {
        let mut reader = LineReader::new(4);
        let mut found = Vec::new();
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                let (taken, line) = reader.read(piece);
                piece = &piece[taken..];
                match line {
                    Some(Line::Whole(line)) => found.push(Ok(line.into_owned())),
                    Some(Line::TooLong) => found.push(Err(())),
                    None => {}
                }
            }
        }
        found
    }

    #[test]
    fn the_limit_counts_the_line_and_not_the_pieces() {
        let bytes = b"abcd\n\nabcde\nx\n";
        let whole = lines(bytes, usize::MAX);
        assert_eq!(whole[..3], [Ok(b"abcd".to_vec()), Ok(vec![]), Err(())]);
        for size in 1..bytes.len() {
            assert_eq!(lines(bytes, size), whole, "pieces of {size}");
        }
    }

    #[test]
    fn a_text_cannot_end_its_line() {
        assert_eq!(one_line("a\r\n250 ok", 99), "a  250 ok");
        assert_eq!(one_line("für\0", 99), "f?r ");
        assert_eq!(one_line("äbc", 2), "?b");
        assert_eq!(one_line("plain", 99), "plain");
    }
}
