use std::fmt;
use std::net::IpAddr;

use crate::limits::HELLO_NAME_BYTES_MAX;

/// All that a probe can say. There is no MAIL, RCPT, VRFY, EXPN or DATA, so none can be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Who we are, and what do you offer (RFC 5321 §4.1.1.1)?
    Ehlo(HelloName),
    /// Who we are, for servers older than EHLO.
    Helo(HelloName),
    /// Let us go on encrypted (RFC 3207).
    StartTls,
    /// Good bye (RFC 5321 §4.1.1.10).
    Quit,
}

impl Command {
    /// The bytes on the wire, with CR LF.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{self}\r\n").into_bytes()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ehlo(name) => write!(f, "EHLO {name}"),
            Command::Helo(name) => write!(f, "HELO {name}"),
            Command::StartTls => f.write_str("STARTTLS"),
            Command::Quit => f.write_str("QUIT"),
        }
    }
}

/// The name that a client gives itself: a host name or an address literal (RFC 5321 §4.1.3). It holds no space and no line end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HelloName(Box<str>);

impl HelloName {
    /// Takes a host name such as `probe.example.org`, or an address literal such as `[192.0.2.1]`.
    ///
    /// # Errors
    /// When it is empty, longer than 255 bytes, or holds anything but letters, digits, `.`, `-`, `_` (in brackets also `:`).
    pub fn parse(text: &str) -> Result<Self, ParseHelloNameError> {
        if text.is_empty() || text.len() > HELLO_NAME_BYTES_MAX {
            return Err(ParseHelloNameError::Length(text.len()));
        }
        let literal = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let allowed = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || (literal.is_some() && c == ':')
        };
        match literal.unwrap_or(text).chars().find(|&c| !allowed(c)) {
            Some(found) => Err(ParseHelloNameError::Character(found)),
            None => Ok(Self(text.into())),
        }
    }

    /// The literal of an address: what a client without a name says.
    pub fn literal(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self(format!("[{v4}]").into()),
            IpAddr::V6(v6) => Self(format!("[IPv6:{v6}]").into()),
        }
    }

    /// As it is said.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HelloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be said with EHLO.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseHelloNameError {
    /// Empty or too long.
    #[error("a name for EHLO has 1 to {HELLO_NAME_BYTES_MAX} bytes, not {0}")]
    Length(usize),
    /// A character that a host name or address literal does not have.
    #[error("a name for EHLO must not hold {0:?}")]
    Character(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_smuggle_a_second_command() {
        for text in ["a\r\nMAIL FROM:<>", "a b", "a\0", "", "ü.example", "a:b", &"a".repeat(256)] {
            assert!(HelloName::parse(text).is_err(), "{text:?}");
        }
        for text in ["probe.example.org", "[192.0.2.1]", "[IPv6:2001:db8::1]", "my_host"] {
            assert_eq!(HelloName::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(HelloName::literal("2001:db8::1".parse().unwrap()).as_str(), "[IPv6:2001:db8::1]");
    }
}
