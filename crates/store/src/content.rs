use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::civil::{Date, date};
use memchr::memmem;
use xxhash_rust::xxh3::Xxh3;

use crate::limits::{DATE_BYTES_MAX, DATE_LINES_MAX};

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

/// The identity of a message by its content, however its lines end and wherever it lies: the day that the content itself tells, and
/// 112 bits of XXH3-128 over its bytes.
///
/// The day changes nothing about what is the same, since it follows from the bytes. It stands in front so that the mail of one day
/// lies together in the index of all contents, which is too large for any cache. A day that is a lie costs nothing but the place.
#[derive(Clone, Copy, Debug)]
pub struct ContentId {
    /// Two bytes are days since 1970, 0 where none is told; then the beginning of the hash.
    key: [u8; 16],
    /// The end of the hash, where it is known.
    end: [u8; 2],
}

impl ContentId {
    /// Of a raw message. CR and the empty lines at the end do not count, so that a Maildir's copy is the mailbox's copy; nor do the
    /// trace fields at its top, so that it is the one that came by LMTP. But by a null return path a report is known as one: a copy
    /// that has it is another message than one that lost it.
    pub fn of(bytes: &[u8]) -> Self {
        let message = without_trace(bytes);
        let trace = &bytes[..bytes.len() - message.len()];
        let path: &[u8] = if has_null_path(trace) { b"Return-Path: <>\n" } else { b"" };
        // Of what is nothing else, they are all that there is.
        let message = without_end(if message.trim_ascii().is_empty() { bytes } else { message });
        Self::new(day_of_headers(message), digest(&[path, message]))
    }

    /// Of one line of a file of replies. Two equal lines are two replies: the place belongs to the identity.
    pub fn of_line(source: &str, text: &str) -> Self {
        let line = format!("{source}\n{text}");
        Self::new(day_of_line(text.as_bytes()), digest(&[without_end(line.as_bytes())]))
    }

    fn new(day: Option<u16>, digest: [u8; 16]) -> Self {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&day.unwrap_or(0).to_be_bytes());
        key[2..].copy_from_slice(&digest[..14]);
        Self { key, end: [digest[14], digest[15]] }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.key
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self { key: bytes.try_into().ok()?, end: [0; 2] })
    }

    /// As it was stored before keys began with a day: the whole hash.
    pub(crate) fn without_day(&self) -> [u8; 16] {
        let mut digest = [0; 16];
        digest[..14].copy_from_slice(&self.key[2..]);
        digest[14..].copy_from_slice(&self.end);
        digest
    }
}

impl PartialEq for ContentId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for ContentId {}

impl Hash for ContentId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
        let number = u128::from_str_radix(text, 16).map_err(|_| NoContentId)?;
        Ok(Self { key: number.to_be_bytes(), end: [0; 2] })
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

/// Whether the first return path is `<>`, or the mailer's own.
fn has_null_path(trace: &[u8]) -> bool {
    const NAME: &[u8] = b"Return-Path:";
    let mut lines = trace.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)));
    let Some(line) = line else { return false };
    let path: Vec<u8> =
        line[NAME.len()..].iter().copied().filter(|byte| !b"<> \t\r".contains(byte)).take(14).collect();
    path.is_empty() || path.eq_ignore_ascii_case(b"mailer-daemon")
}

fn without_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Without CR, of one part after the other.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Xxh3::new();
    for part in parts {
        let mut rest = *part;
        while let Some(at) = memchr::memchr(b'\r', rest) {
            hash.update(&rest[..at]);
            rest = &rest[at + 1..];
        }
        hash.update(rest);
    }
    hash.digest128().to_be_bytes()
}

/// The day of the first Date field (RFC 5322 §3.6.1), as it is written: in whatever zone. CR must not matter here either.
fn day_of_headers(message: &[u8]) -> Option<u16> {
    for line in message.split(|byte| *byte == b'\n').take(DATE_LINES_MAX) {
        let start: Vec<u8> =
            line.iter().copied().filter(|byte| *byte != b'\r').take(DATE_BYTES_MAX).collect();
        if start.is_empty() {
            return None;
        }
        if start.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:")) {
            return written_day(&start[5..]);
        }
    }
    None
}

/// `Tue, 24 Nov 2026 …`
fn written_day(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let day = words.by_ref().find_map(|word| word.parse().ok())?;
    let month = month_of(words.next()?)?;
    day_number(Date::new(words.next()?.parse().ok()?, month, day).ok()?)
}

/// The day of a line of a log: `2026-11-24…` near its beginning, `Nov 24 …` as syslog writes, or the seconds in KumoMTA's JSON. Syslog
/// tells no year: its lines lie together by the day of the year, in the range of 1972.
fn day_of_line(line: &[u8]) -> Option<u16> {
    let start = &line[..line.len().min(DATE_BYTES_MAX)];
    for at in memchr::memchr_iter(b'-', start) {
        if let Some(day) = at.checked_sub(4).and_then(|from| iso_day(start.get(from..from + 10)?)) {
            return Some(day);
        }
    }
    if let Some(at) = memmem::find(line, b"\"timestamp\":") {
        let digits = line[at + 12..].iter().take(11).take_while(|byte| byte.is_ascii_digit());
        let seconds = digits.fold(0_u64, |seconds, digit| seconds * 10 + u64::from(digit - b'0'));
        return u16::try_from(seconds / 86_400).ok();
    }
    let mut words = std::str::from_utf8(start.get(..7)?).ok()?.split_ascii_whitespace();
    let (month, day) = (month_of(words.next()?)?, words.next()?.parse().ok()?);
    day_number(Date::new(1972, month, day).ok()?)
}

/// `2026-11-24`, and nothing that a library may take for a date as well: the same content has to have the same key for ever.
fn iso_day(text: &[u8]) -> Option<u16> {
    let number = |text: &[u8]| {
        text.iter().try_fold(0_i16, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..])?);
    if text[7] != b'-' {
        return None;
    }
    day_number(Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?)
}

fn month_of(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(word))?;
    i8::try_from(place + 1).ok()
}

fn day_number(day: Date) -> Option<u16> {
    u16::try_from(date(1970, 1, 1).until(day).ok()?.get_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_delivering_side_writes_above_a_message_makes_no_other_of_it() {
        let of = |text: &str| ContentId::of(text.as_bytes());
        let message = "From: <>\nReceived: from a by b\nSubject: x\n\nReturn-Path: c\n";
        let delivered = format!(
            "Return-Path: <b@x.example>\r\nDELIVERED-TO: b@x.example\r\nReceived: from mx.example\r\n\tby b.example;\r\n Wed\r\nX-Sieve: CMU\r\n{}",
            message.replace('\n', "\r\n")
        );
        assert_eq!(of(&delivered), of(message));
        // What is read by it makes another message; whatever stands beside it does not.
        let null = delivered.replacen("<b@x.example>", "<>", 1);
        assert_ne!(of(&null), of(message));
        assert_eq!(of(&null), of(&format!("Return-Path: <MAILER-DAEMON>\n{message}")));
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

    fn day_in(content: ContentId) -> u16 {
        u16::from_be_bytes([content.key[0], content.key[1]])
    }

    fn day(text: &str) -> u16 {
        day_in(ContentId::of(text.as_bytes()))
    }

    fn day_of_line(text: &str) -> u16 {
        day_in(ContentId::of_line("log", text))
    }

    #[test]
    fn a_message_lies_by_the_day_that_its_date_tells() {
        let expected = 20_781;
        assert_eq!(date(1970, 1, 1).until(date(2026, 11, 24)).unwrap().get_days(), i32::from(expected));
        assert_eq!(day("Subject: x\nDate: Tue, 24 Nov 2026 23:59:59 -0800\n\nx"), expected);
        assert_eq!(day("date:24 nov 2026 01:00 (comment)\n\nx"), expected);
        assert_eq!(ContentId::of(b"Date: 24 Nov 2026\n\nx").key[..2], expected.to_be_bytes());
        for without in [
            "Subject: x\n\nDate: Tue, 24 Nov 2026 00:00:00 +0000\n",
            "Date: tomorrow\n\n",
            "Date: 99 Nov 2026\n\n",
            "Date: 1 Jan 0001\n\n",
            "Date: 1 Jan 9999\n\n",
            "Date: \u{fffd}\n\n",
            "Date:",
            "",
        ] {
            assert_eq!(day(without), 0, "{without}");
        }
    }

    #[test]
    fn copies_with_other_ends_of_lines_have_one_key() {
        let of = |text: &str| ContentId::of(text.as_bytes()).key;
        assert_eq!(of("A: b\r\nDate: 24 Nov 2026\r\n\r\nx\r\n"), of("A: b\nDate: 24 Nov 2026\n\nx"));
        assert_eq!(of("A: b\r\n\r\nDate: 24 Nov 2026\r\n"), of("A: b\n\nDate: 24 Nov 2026"));
    }

    #[test]
    fn a_line_of_a_log_lies_by_its_day() {
        assert_eq!(day_of_line("2026-11-24T10:00:00.123+00:00 mx postfix/smtp[1]: x"), 20_781);
        assert_eq!(day_of_line("b,2026-11-24 10:00:00+0000,,a@b.example"), 20_781);
        assert_eq!(day_of_line(r#"{"type":"Bounce","id":"1-2-3","timestamp":1795478400}"#), 20_781);
        assert_eq!(
            day_of_line("Nov  4 10:00:00 mx postfix/smtp[1]: x") + 20,
            day_of_line("Nov 24 10:00:00 mx x")
        );
        assert_eq!(day_of_line("550 5.1.1 nobody"), 0);
        assert_eq!(day_of_line(""), 0);
    }
}
