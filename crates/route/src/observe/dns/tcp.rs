//! One question over one TCP connection (RFC 7766).

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Query, Read, read_for};
use crate::limits::{DNS_ANSWER_BYTES_MAX, DNS_TCP_MESSAGES_MAX};
use crate::{DnsAnswer, DnsTransport};

/// Why TCP gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum TcpError {
    /// Our own deadline.
    #[error("nothing within our deadline")]
    Late,
    /// Refused, reset, closed, unreachable.
    #[error("{0}")]
    Failed(io::Error),
    /// Bytes that are no answer to our question.
    #[error("{0}")]
    Malformed(String),
}

/// Connects, asks once and reads until our answer is there.
pub(super) async fn exchange(
    query: &Query,
    server: SocketAddr,
    deadline: Instant,
) -> Result<DnsAnswer, TcpError> {
    timeout_at(deadline, ask(query, server)).await.unwrap_or(Err(TcpError::Late))
}

async fn ask(query: &Query, server: SocketAddr) -> Result<DnsAnswer, TcpError> {
    let mut stream = TcpStream::connect(server).await.map_err(TcpError::Failed)?;
    // One write: some servers want length and message in one segment (RFC 7766 §8).
    let length = u16::try_from(query.bytes.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(&query.bytes);
    stream.write_all(&bytes).await.map_err(TcpError::Failed)?;

    let mut message = Vec::new();
    for _ in 0..DNS_TCP_MESSAGES_MAX {
        let length = stream.read_u16().await.map_err(TcpError::Failed)?;
        message.clear();
        // (Grows with what really comes, not with what is announced.)
        let read = (&mut stream)
            .take(u64::from(length))
            .read_to_end(&mut message)
            .await
            .map_err(TcpError::Failed)?;
        debug_assert!(read <= DNS_ANSWER_BYTES_MAX);
        if read < usize::from(length) {
            return Err(TcpError::Failed(io::ErrorKind::UnexpectedEof.into()));
        }
        match read_for(&message, query, DnsTransport::Tcp) {
            Read::Answer { answer, .. } => return Ok(answer),
            Read::Malformed(detail) => return Err(TcpError::Malformed(detail)),
            Read::Stray => {}
        }
    }
    Err(TcpError::Malformed("only messages that do not answer our question".to_owned()))
}
