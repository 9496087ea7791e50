use std::io::Write;

use super::netstring::{NetstringError, NetstringReader};
use crate::limits::{SOCKETMAP_ANSWER_BYTES_MAX, SOCKETMAP_QUERY_BYTES_MAX};

/// A question of socketmap (socketmap_table(5); Sendmail speaks the same).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SocketmapQuery {
    /// The name of the map: the last part of `socketmap:inet:127.0.0.1:9998:gate`.
    pub map: String,
    /// What is looked up: for Postfix a whole address, or `*`. It may hold spaces.
    pub key: String,
}

/// Why bytes are no question. The connection is to be closed; Postfix connects anew.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SocketmapError {
    /// No decimal length with a colon.
    #[error("no netstring: a length and a colon are missing")]
    NoLength,
    /// A length such as `007`.
    #[error("no netstring: the length begins with a zero")]
    LeadingZero,
    /// Longer than Postfix sends.
    #[error("a socketmap query of more than {SOCKETMAP_QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// The content is longer than the length said.
    #[error("no netstring: the closing comma is missing")]
    NoComma,
    /// No space between the name of the map and the key.
    #[error("a socketmap query without a key")]
    NoKey,
}

impl From<NetstringError> for SocketmapError {
    fn from(error: NetstringError) -> Self {
        match error {
            NetstringError::NoLength => Self::NoLength,
            NetstringError::LeadingZero => Self::LeadingZero,
            NetstringError::TooLong => Self::TooLong,
            NetstringError::NoComma => Self::NoComma,
        }
    }
}

/// Takes socketmap queries out of bytes as they come, in any pieces. Holds at most one query.
///
/// ```
/// use abprall_wire::postfix::{SocketmapAnswer, SocketmapReader};
///
/// let (_, query) = SocketmapReader::default().read(b"21:suppress user@ok.test,");
/// let query = query.unwrap().unwrap();
/// assert_eq!((query.map.as_str(), query.key.as_str()), ("suppress", "user@ok.test"));
///
/// let mut answer = Vec::new();
/// SocketmapAnswer::NotFound.write(&mut answer);
/// assert_eq!(answer, b"9:NOTFOUND ,");
/// ```
#[derive(Clone, Debug, Default)]
pub struct SocketmapReader(NetstringReader);

impl SocketmapReader {
    /// Takes bytes until a query is whole. Gives how many were taken (all, unless a query ended before), and the query.
    ///
    /// # Errors
    /// When the bytes are no query, or more than the limits allow. Then the connection is of no use any more.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<SocketmapQuery, SocketmapError>>) {
        let (taken, netstring) = self.0.read(bytes);
        let query = netstring.map(|content| {
            let content = content?;
            let space = memchr::memchr(b' ', &content).ok_or(SocketmapError::NoKey)?;
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            Ok(SocketmapQuery { map: text(&content[..space]), key: text(&content[space + 1..]) })
        });
        (taken, query)
    }

    /// Whether a query has begun and not ended: a peer that is silent now is not idle but stuck.
    pub fn is_amid_a_request(&self) -> bool {
        self.0.is_amid()
    }
}

/// The answer to a socketmap query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SocketmapAnswer {
    /// The key is there; for Postfix an [`Access`](super::Access) or a [`Route`](super::Route) as text.
    Found(String),
    /// The key is not there.
    NotFound,
    /// We cannot tell now; Postfix defers the mail.
    Temporary(String),
    /// It took too long; Postfix defers the mail.
    Timeout(String),
    /// We cannot tell and never will.
    Permanent(String),
}

impl SocketmapAnswer {
    /// Adds the bytes on the wire. A text beyond [`SOCKETMAP_ANSWER_BYTES_MAX`] is cut.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (word, text) = match self {
            Self::Found(text) => ("OK", text.as_str()),
            Self::NotFound => ("NOTFOUND", ""),
            Self::Temporary(text) => ("TEMP", text.as_str()),
            Self::Timeout(text) => ("TIMEOUT", text.as_str()),
            Self::Permanent(text) => ("PERM", text.as_str()),
        };
        let text = &text[..text.floor_char_boundary(SOCKETMAP_ANSWER_BYTES_MAX - word.len() - 1)];
        write!(out, "{}:{word} {text},", word.len() + 1 + text.len()).expect("a vector takes all bytes");
    }
}
