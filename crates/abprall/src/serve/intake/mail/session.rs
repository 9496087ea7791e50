//! One connection of a mail server.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use abprall_wire::smtp::server::{RecipientAnswer, ServerAction, ServerSession};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{timeout, timeout_at};

use super::MailServer;
use super::message::Message;
use super::rate::{Counted, TooMuch};
use crate::serve::keeper::Keeper;
use crate::serve::limits::READ_BYTES;
use crate::serve::listen::{Connection, Stream};
use crate::serve::memory::Memory;
use crate::serve::stop::Stop;

/// Serves a connection to its end.
pub(super) async fn session(connection: Connection, server: Arc<MailServer>, keeper: Keeper, mut stop: Stop) {
    let start = Instant::now();
    // It counts as long as this session.
    let Connection { mut stream, client, .. } = connection;
    let counted = match server.rates.connect(client, server.began.elapsed()) {
        Ok(counted) => counted,
        Err(TooMuch) => {
            let words = format!(
                "421 4.7.0 {} Too many connections from you, try again later\r\n",
                server.config.name
            );
            // Who does not want to hear it is gone as well.
            let _ = timeout(server.config.timeouts.data_idle, stream.write_all(words.as_bytes())).await;
            let _ = stream.shutdown().await;
            return;
        }
    };
    let mut talk = Talk {
        session: ServerSession::new(Arc::clone(&server.config), start.elapsed()),
        stream: Some(stream),
        counted,
        memory: server.memory.clone(),
        message: None,
        server: &server,
        keeper: &keeper,
        start,
    };
    let mut buffer = vec![0; READ_BYTES];
    let mut pending = 0..0;
    let mut told = false;
    loop {
        while let Some(action) = talk.session.next_action() {
            talk.act(action, &buffer, &mut pending).await;
        }
        let Some(stream) = &mut talk.stream else { return };
        if !pending.is_empty() {
            pending.start += talk.session.receive(&buffer[pending.clone()], start.elapsed());
            continue;
        }
        let deadline = talk.session.deadline().map_or_else(
            || tokio::time::Instant::now() + server.config.timeouts.command,
            |deadline| (start + deadline).into(),
        );
        tokio::select! {
            read = timeout_at(deadline, stream.read(&mut buffer)) => match read {
                Err(_) => talk.session.tick(start.elapsed()),
                Ok(Ok(count)) if count > 0 => pending = 0..count,
                Ok(_) => talk.session.closed(),
            },
            () = stop.wanted(), if !told => {
                told = true;
                talk.session.shut_down();
            }
        }
    }
}

struct Talk<'a> {
    session: ServerSession,
    /// Gone when the session is over.
    stream: Option<Box<dyn Stream>>,
    counted: Counted,
    memory: Memory,
    message: Option<Message>,
    server: &'a MailServer,
    keeper: &'a Keeper,
    start: Instant,
}

impl Talk<'_> {
    async fn act(&mut self, action: ServerAction, buffer: &[u8], pending: &mut Range<usize>) {
        match action {
            ServerAction::Send(bytes) => self.send(&bytes).await,
            ServerAction::StartTls => {
                // What came with the command was said in the clear: the session throws it away (CVE-2011-0411).
                self.session.receive(&buffer[pending.clone()], self.start.elapsed());
                *pending = 0..0;
                self.encrypt().await;
            }
            ServerAction::Judge(recipient) => {
                let answer = match self.counted.may_send(self.server.began.elapsed()) {
                    Ok(()) => self.server.judge(&recipient),
                    Err(TooMuch) => {
                        RecipientAnswer::Later("Too many messages from you, try again later".into())
                    }
                };
                self.session.answer_recipient(&answer, self.start.elapsed());
            }
            ServerAction::Begin(envelope) => {
                self.counted.sends();
                self.message = Some(Message::new(envelope, &self.memory));
            }
            ServerAction::Body(part) => {
                if let Some(message) = &mut self.message
                    && message.add(&part).await.is_err()
                {
                    // What has come is forgotten; at its end the client hears that it is to come again.
                    self.message = None;
                }
            }
            ServerAction::Complete { .. } => {
                let answers = match self.message.take() {
                    Some(message) => message.keep(self.keeper).await,
                    None => Vec::new(),
                };
                self.session.answer_message(&answers, self.start.elapsed());
            }
            ServerAction::Discard(_) => self.message = None,
            ServerAction::Close => {
                if let Some(mut stream) = self.stream.take() {
                    // A client that does not take the end of it is left.
                    let _ = timeout(self.server.config.timeouts.handshake, stream.shutdown()).await;
                }
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        let Some(stream) = &mut self.stream else { return };
        let sent = timeout(self.server.config.timeouts.data_idle, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        if !matches!(sent.await, Ok(Ok(()))) {
            self.session.closed();
        }
    }

    async fn encrypt(&mut self) {
        let (Some(certificate), Some(stream)) = (&self.server.certificate, self.stream.take()) else {
            return self.session.tls_failed();
        };
        let handshake = certificate.acceptor().accept(stream);
        match timeout(self.server.config.timeouts.handshake, handshake).await {
            Ok(Ok(stream)) => {
                self.stream = Some(Box::new(stream));
                self.session.tls_established(self.start.elapsed());
            }
            // There is nothing left that could be said.
            Ok(Err(_)) | Err(_) => self.session.tls_failed(),
        }
    }
}
