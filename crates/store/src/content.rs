use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

/// What whoever delivers a message writes above it, by another way otherwise: RFC 5321 §4.4, RFC 9228, RFC 8601, RFC 7208 and what
/// Postfix, Exim, Cyrus and Google write.
const TRACE: [&str; 13] = [
    "Return-Path",
    "Received",
    "Delivered-To",
    "X-Original-To",
    "X-Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Envelope-From",
    "Delivery-Date",
    "X-Sieve",
    "X-Received",
    "Received-SPF",
    "Authentication-Results",
];

/// The identity of a message by its content: XXH3-128 over its bytes, however its lines end and wherever it lies.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// Of a raw message. CR and the empty lines at the end do not count, so that a Maildir's copy is the mailbox's copy; nor do the
    /// trace fields at its top, so that it is the one that came by LMTP.
    pub fn of(bytes: &[u8]) -> Self {
        let message = without_trace(bytes);
        // Of what is nothing else, they are all that there is.
        Self::of_bytes(if message.trim_ascii().is_empty() { bytes } else { message })
    }

    fn of_bytes(bytes: &[u8]) -> Self {
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
        Self::of_bytes(format!("{source}\n{text}").as_bytes())
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

/// From the first line on that is no trace field, and none that goes on with one.
fn without_trace(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    let mut is_in_field = false;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = &rest[..end];
        let goes_on = is_in_field && matches!(line.first(), Some(b' ' | b'\t'));
        if !goes_on && !is_trace(line) {
            break;
        }
        is_in_field = true;
        rest = &rest[end + 1..];
    }
    rest
}

fn is_trace(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else { return false };
    let name = line[..colon].trim_ascii_end();
    TRACE.iter().any(|trace| name.eq_ignore_ascii_case(trace.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_delivering_side_writes_above_a_message_makes_no_other_of_it() {
        let of = |text: &str| ContentId::of(text.as_bytes());
        let message = "From: <>\nReceived: from a by b\nSubject: x\n\nReturn-Path: c\n";
        let delivered = format!(
            "Return-Path: <>\r\nDELIVERED-TO: b@x.example\r\nReceived: from mx.example\r\n\tby b.example;\r\n Wed\r\nX-Sieve: CMU\r\n{}",
            message.replace('\n', "\r\n")
        );
        assert_eq!(of(&delivered), of(message));
        // Only at the top, only whole names, and never nothing.
        assert_ne!(of(message), of(&message.replace("Received: from a by b\n", "")));
        assert_ne!(of(message), of(&message.replace("Return-Path: c\n", "")));
        assert_ne!(of("Received-By: a\nx: y\n\n"), of("x: y\n\n"));
        assert_ne!(of(" Received: a\nx: y\n\n"), of("x: y\n\n"));
        assert_ne!(of("Received: a\n"), of("Received: b\n"));
        assert_ne!(of("Received: a\n\n"), of(""));
    }

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
