use crate::limits::TCP_TABLE_LINE_BYTES_MAX;
use crate::line::{Line, LineReader};

/// A request of tcp_table(5), decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TcpTableRequest {
    /// What stands for this key?
    Get {
        /// For Postfix a whole address.
        key: String,
    },
    /// Put this. Postfix never sends it; it is to be answered with [`TcpTableAnswer::NotFound`].
    Put {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// Why bytes are no request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TcpTableError {
    /// A line beyond [`TCP_TABLE_LINE_BYTES_MAX`]: the connection is to be closed.
    #[error("a tcp_table request of more than {TCP_TABLE_LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Neither `get KEY` nor `put KEY VALUE`: may be answered with [`TcpTableAnswer::Temporary`].
    #[error("a tcp_table request is get KEY or put KEY VALUE")]
    NotARequest,
    /// `%` without two hexadecimal digits: may be answered with [`TcpTableAnswer::Temporary`].
    #[error("a tcp_table request with a % that is not followed by two hexadecimal digits")]
    BadEncoding,
}

impl TcpTableError {
    /// Whether the place of the next request is still known: the error can be answered and the connection goes on.
    pub fn may_be_answered(&self) -> bool {
        match self {
            TcpTableError::TooLong => false,
            TcpTableError::NotARequest | TcpTableError::BadEncoding => true,
        }
    }
}

/// Takes tcp_table requests out of bytes as they come, in any pieces. Holds at most one line.
///
/// ```
/// use abprall_wire::postfix::{TcpTableAnswer, TcpTableReader, TcpTableRequest};
///
/// let (_, request) = TcpTableReader::default().read(b"get user%20name@ok.test\n");
/// assert_eq!(request, Some(Ok(TcpTableRequest::Get { key: "user name@ok.test".into() })));
///
/// let mut answer = Vec::new();
/// TcpTableAnswer::Found("550 5.1.1 suppressed".into()).write(&mut answer);
/// assert_eq!(answer, b"200 550%205.1.1%20suppressed\n");
/// ```
#[derive(Clone, Debug)]
pub struct TcpTableReader(LineReader);

impl Default for TcpTableReader {
    fn default() -> Self {
        Self(LineReader::new(TCP_TABLE_LINE_BYTES_MAX - 1))
    }
}

impl TcpTableReader {
    /// Takes bytes until a request is whole. Gives how many were taken (all, unless a request ended before), and the request.
    ///
    /// # Errors
    /// When a line is no request; [`TcpTableError::may_be_answered`] says whether the connection can go on.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<TcpTableRequest, TcpTableError>>) {
        let (taken, line) = self.0.read(bytes);
        let request = line.map(|line| match line {
            Line::TooLong => Err(TcpTableError::TooLong),
            Line::Whole(line) => parse(&line),
        });
        (taken, request)
    }

    /// Whether a request has begun and not ended: a peer that is silent now is not idle but stuck.
    pub fn is_amid_a_request(&self) -> bool {
        self.0.is_amid_a_line()
    }
}

fn parse(line: &[u8]) -> Result<TcpTableRequest, TcpTableError> {
    let mut words = line.split(|&byte| byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(b"get"), Some(key), None, None) if !key.is_empty() => {
            Ok(TcpTableRequest::Get { key: decode(key)? })
        }
        (Some(b"put"), Some(key), Some(value), None) if !key.is_empty() => {
            Ok(TcpTableRequest::Put { key: decode(key)?, value: decode(value)? })
        }
        _ => Err(TcpTableError::NotARequest),
    }
}

/// Undoes `%XX`. Raw bytes that should have been coded are taken as they are, but control characters are not: a CR before LF means that
/// something else than Postfix speaks.
fn decode(text: &[u8]) -> Result<String, TcpTableError> {
    let digit = |byte: Option<&u8>| byte.and_then(|&b| char::from(b).to_digit(16)).map(|d| d as u8);
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => decoded.push(high << 4 | low),
                _ => return Err(TcpTableError::BadEncoding),
            },
            0..=31 | 127 => return Err(TcpTableError::NotARequest),
            _ => decoded.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

/// The answer to a tcp_table request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TcpTableAnswer {
    /// 200: the value; for Postfix an [`Access`](super::Access) or a [`Route`](super::Route) as text.
    Found(String),
    /// 500: the key is not there.
    NotFound,
    /// 400: we cannot tell now; Postfix defers the mail.
    Temporary(String),
}

impl TcpTableAnswer {
    /// Adds the bytes on the wire. A text that does not fit into [`TCP_TABLE_LINE_BYTES_MAX`] is cut.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (code, text) = match self {
            Self::Found(text) => ("200 ", text.as_str()),
            Self::NotFound => ("500 ", "not found"),
            Self::Temporary(text) => ("400 ", text.as_str()),
        };
        let start = out.len();
        out.extend_from_slice(code.as_bytes());
        for &byte in text.as_bytes() {
            if out.len() - start + 4 > TCP_TABLE_LINE_BYTES_MAX {
                break;
            }
            match byte {
                b'%' | 0..=b' ' | 127.. => {
                    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                    let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                    out.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
                }
                _ => out.push(byte),
            }
        }
        out.push(b'\n');
    }
}
