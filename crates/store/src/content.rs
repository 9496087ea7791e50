use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

/// The identity of a message by its content: XXH3-128 over its bytes, however its lines end and wherever it lies.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// Of a raw message. CR and the empty lines at the end do not count, so that a Maildir's copy is the mailbox's copy.
    pub fn of(bytes: &[u8]) -> Self {
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
        let mut hash = Xxh3::new();
        let mut rest = &bytes[..end];
        while let Some(at) = memchr::memchr(b'\r', rest) {
            hash.update(&rest[..at]);
            rest = &rest[at + 1..];
        }
        hash.update(rest);
        Self(hash.digest128().to_be_bytes())
    }

    /// Of one line of a file of replies. Two equal lines are two replies: the place belongs to the identity.
    pub fn of_line(source: &str, text: &str) -> Self {
        Self::of(format!("{source}\n{text}").as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is no [`ContentId`]: 32 lower-case hexadecimal digits are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no content: 32 hexadecimal digits are wanted")]
pub struct NoContentId;

/// As it is displayed: one content has one text.
impl FromStr for ContentId {
    type Err = NoContentId;

    fn from_str(text: &str) -> Result<Self, NoContentId> {
        if text.len() != 32 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NoContentId);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| NoContentId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_one_message_are_one_content() {
        let of = |text: &str| ContentId::of(text.as_bytes());
        assert_eq!(of("a\r\nb\r\n"), of("a\nb\n\n"));
        assert_eq!(of("\r\n"), of(""));
        assert_ne!(of("a\nb\n"), of("a b\n"));
        assert_ne!(of("\na\n"), of("a\n"));
    }

    #[test]
    fn what_is_displayed_is_read_again_and_nothing_else() {
        let content = ContentId::of(b"a");
        assert_eq!(content.to_string().parse(), Ok(content));
        for wrong in ["", "../../etc/passwd", &"A".repeat(32), &"0".repeat(33), &"+".repeat(32)] {
            assert_eq!(wrong.parse::<ContentId>(), Err(NoContentId), "{wrong}");
        }
    }

    #[test]
    fn equal_lines_at_two_places_are_two_contents() {
        assert_ne!(ContentId::of_line("log:1", "550 x"), ContentId::of_line("log:2", "550 x"));
    }
}
