//! The client of `abprall-wire` on a socket.

use std::time::{Duration, Instant};

use abprall_wire::pop3::{
    Credentials, NotReady, Pop3Action, Pop3Client, Pop3Error, Pop3Limits, Pop3Message, Pop3Timeouts, Pop3Tls,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

use crate::serve::intake::mailbox::{Trouble, tls};
use crate::serve::limits::{MESSAGE_BYTES_MAX, READ_BYTES};
use crate::serve::listen::Stream;
use crate::serve::settings::{Account, Encryption};

/// One login.
pub(super) struct Conversation {
    client: Pop3Client,
    account: Account,
    /// `None` while it is being encrypted, or after that failed.
    stream: Option<Box<dyn Stream>>,
    start: Instant,
    buffer: Vec<u8>,
}

/// Why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Said(#[from] Pop3Error),
    #[error(transparent)]
    Busy(#[from] NotReady),
    #[error("the POP3 server answers something else than it was asked")]
    Unexpected,
}

impl From<Ended> for Trouble {
    fn from(ended: Ended) -> Self {
        Self(ended.to_string())
    }
}

impl Conversation {
    pub(super) async fn begin(account: &Account, credentials: Credentials) -> Result<Self, Trouble> {
        let tcp = tls::connect(account).await?;
        let (stream, mode): (Box<dyn Stream>, _) = match account.encryption {
            Encryption::Implicit => (tls::encrypt(account, tcp).await?, Pop3Tls::Immediate),
            Encryption::StartTls => (Box::new(tcp), Pop3Tls::StartTls),
            Encryption::None => (Box::new(tcp), Pop3Tls::Never),
        };
        let limits = Pop3Limits { message_bytes: MESSAGE_BYTES_MAX, ..Pop3Limits::default() };
        let client = Pop3Client::new(credentials, mode, limits, Pop3Timeouts::default(), Duration::ZERO);
        Ok(Self {
            client,
            account: account.clone(),
            stream: Some(stream),
            start: Instant::now(),
            buffer: vec![0; READ_BYTES],
        })
    }

    /// What lies in the mailbox.
    pub(super) async fn listing(&mut self) -> Result<Vec<Pop3Message>, Ended> {
        match self.next().await? {
            Pop3Action::Listed(messages) => Ok(messages),
            _ => Err(Ended::Unexpected),
        }
    }

    /// `None` where the server does not give it.
    pub(super) async fn retrieve(&mut self, number: u32) -> Result<Option<Vec<u8>>, Ended> {
        self.client.retrieve(number, self.start.elapsed())?;
        let mut message = Vec::new();
        loop {
            match self.next().await? {
                Pop3Action::Body(bytes) => message.extend_from_slice(&bytes),
                Pop3Action::Retrieved { .. } => return Ok(Some(message)),
                Pop3Action::NotRetrieved { .. } => return Ok(None),
                _ => return Err(Ended::Unexpected),
            }
        }
    }

    /// Marks a message, or says that it cannot be.
    pub(super) async fn delete(&mut self, number: u32) -> Result<Pop3Action, Ended> {
        self.client.delete(number, self.start.elapsed())?;
        self.next().await
    }

    /// Ends it in order: what was marked is gone then.
    pub(super) async fn quit(mut self) -> Result<(), Ended> {
        self.client.quit(self.start.elapsed())?;
        match self.next().await? {
            Pop3Action::Deleted => Ok(()),
            _ => Err(Ended::Unexpected),
        }
    }

    /// What the owner is to know next.
    async fn next(&mut self) -> Result<Pop3Action, Ended> {
        loop {
            match self.client.next_action() {
                Some(Pop3Action::Send(bytes)) => {
                    let deadline = self.deadline();
                    let Some(stream) = &mut self.stream else { return Err(Ended::Unexpected) };
                    let send = async {
                        stream.write_all(&bytes).await?;
                        stream.flush().await
                    };
                    match timeout_at(deadline, send).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => self.client.closed(),
                        Err(_) => self.client.tick(self.start.elapsed()),
                    }
                }
                Some(Pop3Action::StartTls) => self.encrypt().await,
                Some(Pop3Action::Failed(error)) => return Err(error.into()),
                Some(Pop3Action::Close) => return Err(Ended::Unexpected),
                Some(action) => return Ok(action),
                None => self.hear().await?,
            }
        }
    }

    async fn encrypt(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        match tls::encrypt(&self.account, stream).await {
            Ok(stream) => {
                self.stream = Some(stream);
                self.client.tls_established(self.start.elapsed());
            }
            Err(trouble) => self.client.tls_failed(&trouble.to_string()),
        }
    }

    async fn hear(&mut self) -> Result<(), Ended> {
        let deadline = self.deadline();
        let Some(stream) = &mut self.stream else { return Err(Ended::Unexpected) };
        match timeout_at(deadline, stream.read(&mut self.buffer)).await {
            Err(_) => self.client.tick(self.start.elapsed()),
            Ok(Ok(count)) if count > 0 => self.client.receive(&self.buffer[..count], self.start.elapsed()),
            Ok(_) => self.client.closed(),
        }
        Ok(())
    }

    /// There is one whenever an answer is waited for.
    fn deadline(&self) -> tokio::time::Instant {
        let deadline = self.client.deadline().unwrap_or_else(|| self.start.elapsed());
        (self.start + deadline).into()
    }
}
