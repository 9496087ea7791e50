//! Answers have to move: whoever asks and does not read is cut off, and what was kept for it is free again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::serve::memory::Share;

/// An answer that holds its share of the memory until its last byte has left.
pub(super) fn held(bytes: Vec<u8>, share: Share) -> Bytes {
    struct Held(Vec<u8>, #[expect(dead_code, reason = "it is kept for its end")] Share);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Held(bytes, share))
}

/// A connection that fails when it takes nothing of what is written for so long.
pub(super) struct Flow<S> {
    stream: S,
    idle_max: Duration,
    idle: Pin<Box<Sleep>>,
    is_stuck: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Flow<S> {
    pub(super) fn new(stream: S, idle_max: Duration) -> Self {
        Self { stream, idle_max, idle: Box::pin(sleep(idle_max)), is_stuck: false }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stuck = false;
            return written;
        }
        if !self.is_stuck {
            self.is_stuck = true;
            self.idle.as_mut().reset(Instant::now() + self.idle_max);
        }
        // It wakes who writes, too.
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flow<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Flow<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::FutureExt;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::serve::memory::Memory;

    const ANSWER_KIB: usize = 1024;

    /// Serves one answer of a mebibyte out of a memory that has room for no other.
    async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, memory: &Memory) -> hyper::Result<()> {
        let service = hyper::service::service_fn(async |_| {
            let mut share = memory.share();
            share.grow(ANSWER_KIB * 1024).await.unwrap();
            Ok::<_, Infallible>(hyper::Response::new(Body::from(held(vec![b'x'; ANSWER_KIB * 1024], share))))
        });
        let stream = Flow::new(stream, Duration::from_millis(50));
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    }

    #[tokio::test]
    async fn who_does_not_read_its_answer_is_cut_off_and_its_memory_is_free_again() {
        let memory = Memory::new(ANSWER_KIB);
        let (mut client, server) = tokio::io::duplex(4096);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let served = tokio::time::timeout(Duration::from_secs(20), serve(server, &memory)).await;
        assert!(served.expect("it does not wait for ever").is_err());
        memory.share().grow(ANSWER_KIB * 1024).now_or_never().expect("there is room").unwrap();
    }

    #[tokio::test]
    async fn an_answer_holds_its_memory_until_it_is_read() {
        let memory = Memory::new(ANSWER_KIB);
        let (mut client, server) = tokio::io::duplex(4096);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let reading = async {
            let mut answer = vec![0; ANSWER_KIB * 512];
            client.read_exact(&mut answer).await.unwrap();
            assert!(memory.share().grow(1024).now_or_never().is_none(), "half of it is still to come");
            let mut rest = vec![0; ANSWER_KIB * 512];
            client.read_exact(&mut rest).await.unwrap();
            drop(client);
        };
        let _ = tokio::join!(serve(server, &memory), reading);
        memory.share().grow(ANSWER_KIB * 1024).now_or_never().expect("there is room").unwrap();
    }
}
