use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A three-digit SMTP reply code (RFC 5321 §4.2): first digit 2–5, second 0–9, third 0–9.
///
/// RFC 5321 names second digits 0–5 only; real servers also send 46x, 57x and 58x, which are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// The code, if it is between 200 and 599.
    pub fn new(code: u16) -> Result<Self, ParseReplyCodeError> {
        if (200..=599).contains(&code) { Ok(Self(code)) } else { Err(ParseReplyCodeError) }
    }

    /// The code as a number, 200–599.
    pub fn as_u16(self) -> u16 {
        self.0
    }

    /// The code as its three ASCII digits.
    pub fn as_digits(self) -> [u8; 3] {
        let digit = |place: u16| b'0' + (self.0 / place % 10) as u8;
        [digit(100), digit(10), digit(1)]
    }

    /// True for 5yz: the server says that the same command will fail again (RFC 5321 §4.2.1).
    pub fn is_permanent(self) -> bool {
        self.0 >= 500
    }

    /// True for 2yz: the command was carried out (RFC 5321 §4.2.1).
    pub fn is_success(self) -> bool {
        self.0 < 300
    }

    /// True for 4yz: the server says that trying again may help (RFC 5321 §4.2.1).
    pub fn is_transient(self) -> bool {
        (400..500).contains(&self.0)
    }
}

impl FromStr for ReplyCode {
    type Err = ParseReplyCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseReplyCodeError);
        }
        Self::new(text.parse().map_err(|_| ParseReplyCodeError)?)
    }
}

impl TryFrom<u16> for ReplyCode {
    type Error = ParseReplyCodeError;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        Self::new(code)
    }
}

impl From<ReplyCode> for u16 {
    fn from(code: ReplyCode) -> u16 {
        code.0
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// Not three digits, or outside 200–599.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a reply code is three digits between 200 and 599 (RFC 5321 §4.2)")]
pub struct ParseReplyCodeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_tells_permanent_from_transient() {
        assert!("550".parse::<ReplyCode>().unwrap().is_permanent());
        assert!("451".parse::<ReplyCode>().unwrap().is_transient());
        assert!(!"250".parse::<ReplyCode>().unwrap().is_transient());
    }

    #[test]
    fn words_and_out_of_range_numbers_are_refused() {
        for text in ["", "55", "5500", "abc", "199", "600", "+50"] {
            assert!(text.parse::<ReplyCode>().is_err(), "{text}");
        }
    }
}
