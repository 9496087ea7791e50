use abprall_mail::{EnhancedStatus, ReplyCode};

/// The codes of a reply.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codes {
    pub code: Option<ReplyCode>,
    pub status: Option<EnhancedStatus>,
}

impl Codes {
    pub fn is_empty(self) -> bool {
        self.code.is_none() && self.status.is_none()
    }
}

/// The first reply code and the first enhanced status code of a failure; those of a success only at the start.
pub(super) fn find(text: &str) -> Codes {
    let bytes = text.as_bytes();
    let mut codes = Codes::default();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if !stands_alone(bytes, start) {
            continue;
        }
        match at - start {
            3 if codes.code.is_none() && is_reply_code(bytes, start, at) => {
                codes.code = text[start..at].parse().ok();
            }
            1 if codes.status.is_none() && bytes.get(at) == Some(&b'.') => {
                let status = EnhancedStatus::at_start_of(&bytes[start..]);
                if let Some((status, length)) = status
                    && (bytes[start] != b'2' || start < 8)
                {
                    codes.status = Some(status);
                    at = start + length;
                }
            }
            _ => {}
        }
        if codes.code.is_some() && codes.status.is_some() {
            break;
        }
    }
    codes
}

/// No letter, dot or digit sticks to the front.
fn stands_alone(bytes: &[u8], start: usize) -> bool {
    match start.checked_sub(1).map(|before| bytes[before]) {
        None => true,
        Some(before) => {
            !before.is_ascii_alphanumeric()
                && !matches!(before, b'.' | b'_' | b'/' | b'=' | b'@' | b'+')
                && before < 0x80
        }
    }
}

/// The success codes of RFC 5321 §4.2.3; other numbers from 200 on are exit statuses and years.
const IN_SUCCESS: [&[u8]; 7] = [b"211", b"214", b"220", b"221", b"250", b"251", b"252"];

/// Three digits that a reply would start with, followed as in a reply, not by a unit.
fn is_reply_code(bytes: &[u8], start: usize, end: usize) -> bool {
    let first = bytes[start];
    let possible = matches!(first, b'4' | b'5') && bytes[start + 1] <= b'8'
        || start == 0 && IN_SUCCESS.contains(&&bytes[start..end]);
    if !possible {
        return false;
    }
    match bytes.get(end) {
        None => true,
        Some(b' ' | b'\t') => {
            let next = &bytes[end + 1..];
            let is_unit = [
                &b"KB"[..],
                b"MB",
                b"kB",
                b"bytes",
                b"Bytes",
                b"seconds",
                b"minutes",
                b"hours",
                b"days",
                b"ms",
            ]
            .iter()
            .any(|unit| next.starts_with(unit));
            !is_unit
        }
        // `550-5.1.1 …`, `550-text`; but not a range or a date: `500-600`.
        Some(b'-') => !is_number_range(&bytes[end + 1..]),
        Some(b':') => start == 0 || bytes.get(end + 1).is_none_or(|b| *b == b' '),
        Some(b'\'' | b'"' | b')' | b']' | b'>' | b',' | b';' | b'#' | b'\r' | b'\n' | b'<' | b'(') => true,
        Some(b'.') => bytes.get(end + 1).is_none_or(|b| *b == b' '),
        Some(_) => false,
    }
}

/// Digits and then no dot: `5.1.1` behind the hyphen is a status.
fn is_number_range(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    digits > 1 || digits == 1 && rest.get(1) != Some(&b'.')
}
