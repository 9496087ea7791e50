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
    fn equal_lines_at_two_places_are_two_contents() {
        assert_ne!(ContentId::of_line("log:1", "550 x"), ContentId::of_line("log:2", "550 x"));
    }
}
