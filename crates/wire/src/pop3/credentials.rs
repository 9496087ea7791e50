use std::fmt;

use super::base64;
use crate::limits::SECRET_BYTES_MAX;

/// A user name, password or token: one line, and never in a log.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a text.
    ///
    /// # Errors
    /// When it is empty, longer than [`SECRET_BYTES_MAX`], or holds a control character: that could begin another command.
    pub fn parse(text: &str) -> Result<Self, ParseSecretError> {
        if text.is_empty() || text.len() > SECRET_BYTES_MAX {
            return Err(ParseSecretError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(ParseSecretError::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a text is no secret. The text itself is not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseSecretError {
    /// Empty or too long.
    #[error("a user name, password or token has 1 to {SECRET_BYTES_MAX} bytes")]
    Length,
    /// A line end or another control character.
    #[error("a user name, password or token must not hold control characters")]
    ControlCharacter,
}

/// How to log in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credentials {
    /// USER and PASS (RFC 1939 §7). A space in the user name is for the server to understand.
    Password {
        /// The user.
        user: Secret,
        /// The password.
        password: Secret,
    },
    /// AUTH PLAIN (RFC 4616, RFC 5034).
    Plain {
        /// The user.
        user: Secret,
        /// The password.
        password: Secret,
    },
    /// AUTH XOAUTH2, as Google and Microsoft want it.
    XOauth2 {
        /// The user: the address of the mailbox.
        user: Secret,
        /// An access token that is valid now.
        token: Secret,
    },
}

impl Credentials {
    /// The first command of the login, with CR LF.
    pub(super) fn first_command(&self) -> Vec<u8> {
        match self {
            Self::Password { user, .. } => format!("USER {}\r\n", user.as_str()).into_bytes(),
            Self::Plain { .. } => b"AUTH PLAIN\r\n".to_vec(),
            Self::XOauth2 { .. } => b"AUTH XOAUTH2\r\n".to_vec(),
        }
    }

    /// What is said when the server goes along with the first command, with CR LF. The answer of AUTH is never put into the command
    /// itself: tokens do not fit into the 255 bytes that RFC 2449 §4 allows.
    pub(super) fn second_command(&self) -> Vec<u8> {
        match self {
            Self::Password { password, .. } => format!("PASS {}\r\n", password.as_str()).into_bytes(),
            Self::Plain { user, password } => {
                let text = format!("\0{}\0{}", user.as_str(), password.as_str());
                format!("{}\r\n", base64::encode(text.as_bytes())).into_bytes()
            }
            Self::XOauth2 { user, token } => {
                let text = format!("user={}\x01auth=Bearer {}\x01\x01", user.as_str(), token.as_str());
                format!("{}\r\n", base64::encode(text.as_bytes())).into_bytes()
            }
        }
    }

    /// Whether the server answers the first command with `+ ` (a challenge) instead of `+OK`.
    pub(super) fn is_challenge(&self) -> bool {
        match self {
            Self::Password { .. } => false,
            Self::Plain { .. } | Self::XOauth2 { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_hold_a_second_command_and_is_not_shown() {
        assert_eq!(Secret::parse("a\r\nDELE 1"), Err(ParseSecretError::ControlCharacter));
        assert_eq!(Secret::parse("a\0b"), Err(ParseSecretError::ControlCharacter));
        assert_eq!(Secret::parse(""), Err(ParseSecretError::Length));
        assert!(Secret::parse("pass word ü").is_ok());
        assert_eq!(format!("{:?}", Secret::parse("geheim").unwrap()), "Secret(…)");
    }

    #[test]
    fn logins_are_coded_as_their_documents_show() {
        // Google's XOAUTH2 document.
        let credentials = Credentials::XOauth2 {
            user: Secret::parse("someuser@example.com").unwrap(),
            token: Secret::parse("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg").unwrap(),
        };
        assert_eq!(
            String::from_utf8(credentials.second_command()).unwrap(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==\r\n"
        );
        // RFC 5034 §6.
        let plain = Credentials::Plain {
            user: Secret::parse("test").unwrap(),
            password: Secret::parse("test").unwrap(),
        };
        assert_eq!(plain.second_command(), b"AHRlc3QAdGVzdA==\r\n");
    }
}
