use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The first digit of an enhanced status code (RFC 3463 §3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StatusClass {
    /// 2: success.
    Success,
    /// 4: persistent transient failure.
    Transient,
    /// 5: permanent failure.
    Permanent,
}

impl StatusClass {
    /// 2, 4 or 5.
    pub fn digit(self) -> u8 {
        match self {
            StatusClass::Success => 2,
            StatusClass::Transient => 4,
            StatusClass::Permanent => 5,
        }
    }
}

/// An RFC 3463 enhanced status code, such as `5.1.1`.
///
/// Class is 2, 4 or 5; subject and detail are 0–999. Leading zeros are refused (RFC 3464 §2.3.4). Codes compare as
/// numbers: `5.4.3` and Microsoft's `5.4.310` have nothing in common but digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EnhancedStatus {
    class: StatusClass,
    subject: u16,
    detail: u16,
}

impl EnhancedStatus {
    /// A code from its parts; `None` when subject or detail is above 999.
    pub const fn new(class: StatusClass, subject: u16, detail: u16) -> Option<Self> {
        if subject > 999 || detail > 999 { None } else { Some(Self { class, subject, detail }) }
    }

    /// The class: success, transient or permanent.
    pub fn class(self) -> StatusClass {
        self.class
    }

    /// The subject, 0–999; RFC 3463 §3 defines 0–7.
    pub fn subject(self) -> u16 {
        self.subject
    }

    /// The detail, 0–999.
    pub fn detail(self) -> u16 {
        self.detail
    }

    /// Whether class 5.
    pub fn is_permanent(self) -> bool {
        self.class == StatusClass::Permanent
    }

    /// Whether class 2.
    pub fn is_success(self) -> bool {
        self.class == StatusClass::Success
    }

    /// Whether class 4.
    pub fn is_transient(self) -> bool {
        self.class == StatusClass::Transient
    }

    /// The longest code at the start of `text`, and how many bytes it takes. The byte after it must not continue a number or word.
    pub fn at_start_of(text: &[u8]) -> Option<(Self, usize)> {
        let class = match text.first()? {
            b'2' => StatusClass::Success,
            b'4' => StatusClass::Transient,
            b'5' => StatusClass::Permanent,
            _ => return None,
        };
        let (subject, after_subject) = number_after_dot(text, 1)?;
        let (detail, end) = number_after_dot(text, after_subject)?;
        let ends = match text.get(end) {
            None => true,
            Some(b'.') => !text.get(end + 1).is_some_and(u8::is_ascii_digit),
            Some(byte) => !byte.is_ascii_alphanumeric(),
        };
        ends.then_some((Self { class, subject, detail }, end))
    }
}

/// Reads `.123` at `at`: one to three digits, no leading zero.
fn number_after_dot(text: &[u8], at: usize) -> Option<(u16, usize)> {
    if text.get(at) != Some(&b'.') {
        return None;
    }
    let digits = text[at + 1..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > 3 || (digits > 1 && text[at + 1] == b'0') {
        return None;
    }
    let number = text[at + 1..at + 1 + digits].iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
    Some((number, at + 1 + digits))
}

impl FromStr for EnhancedStatus {
    type Err = ParseStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::at_start_of(text.as_bytes()) {
            Some((status, end)) if end == text.len() => Ok(status),
            _ => Err(ParseStatusError),
        }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class.digit(), self.subject, self.detail)
    }
}

impl Serialize for EnhancedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EnhancedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Not `class.subject.detail` as RFC 3463 §2 and RFC 3464 §2.3.4 write it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an enhanced status code is class.subject.detail with class 2, 4 or 5, such as 5.1.1 (RFC 3463 §2)")]
pub struct ParseStatusError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_compare_as_numbers_never_by_prefix() {
        let routing: EnhancedStatus = "5.4.3".parse().unwrap();
        let microsoft: EnhancedStatus = "5.4.310".parse().unwrap();
        assert_ne!(routing, microsoft);
        assert_eq!(microsoft.detail(), 310);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "5", "5.1", "5.1.1.1", "3.1.1", "5.01.1", "5.1.1000", "5.1.a", "5.1.1a", " 5.1.1"] {
            assert!(text.parse::<EnhancedStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_may_end_a_sentence() {
        assert_eq!(EnhancedStatus::at_start_of(b"5.7.1. Sorry").unwrap().1, 5);
        assert_eq!(EnhancedStatus::at_start_of(b"5.7.1.2"), None);
    }
}
