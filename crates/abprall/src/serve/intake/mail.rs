//! Mail comes in by SMTP and LMTP. What is acknowledged is on the disk.

use std::sync::Arc;
use std::time::Instant;

use abprall_wire::smtp::server::{
    MessageAnswer, Recipient, RecipientAnswer, ServerAction, ServerConfig, ServerSession,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::serve::changing::Changing;
use crate::serve::keeper::{Keeper, NotStored};
use crate::serve::limits::{DRAIN, MESSAGE_BYTES_MAX, MESSAGES_AT_A_TIME, READ_BYTES};
use crate::serve::listen::{Connection, Socket};
use crate::serve::settings::MailSettings;
use crate::serve::stop::Stop;

/// What all sessions of a listener share.
pub(in crate::serve) struct MailServer {
    config: Arc<ServerConfig>,
    settings: Changing<MailSettings>,
    /// So many messages are in memory at a time.
    messages: Arc<Semaphore>,
}

pub(in crate::serve) fn mail_server(settings: &MailSettings) -> anyhow::Result<MailServer> {
    let mut config = ServerConfig::new(settings.name.clone(), settings.protocol);
    config.limits.message_bytes = MESSAGE_BYTES_MAX;
    Ok(MailServer {
        config: Arc::new(config),
        settings: Changing::new(settings.clone()),
        messages: Arc::new(Semaphore::new(MESSAGES_AT_A_TIME)),
    })
}

/// Takes mail at a socket until the server is to end; sessions that run then may finish their message.
pub(in crate::serve) async fn serve(
    socket: Socket,
    server: Arc<MailServer>,
    keeper: Keeper,
    mut stop: Stop,
) -> anyhow::Result<()> {
    let mut sessions = tokio::task::JoinSet::new();
    while let Some(connection) = socket.accept(&mut stop).await {
        while sessions.try_join_next().is_some() {}
        sessions.spawn(session(connection, Arc::clone(&server), keeper.clone(), stop.clone()));
    }
    let all = async { while sessions.join_next().await.is_some() {} };
    // Who is not done then hears nothing, and sends again.
    let _ = tokio::time::timeout(DRAIN, all).await;
    Ok(())
}

async fn session(mut connection: Connection, server: Arc<MailServer>, keeper: Keeper, mut stop: Stop) {
    let start = Instant::now();
    let mut session = ServerSession::new(Arc::clone(&server.config), start.elapsed());
    let mut buffer = vec![0; READ_BYTES];
    let mut message: Option<Message> = None;
    let mut told = false;
    let mut pending = 0..0;
    loop {
        while let Some(action) = session.next_action() {
            match action {
                ServerAction::Send(bytes) => {
                    let until = tokio::time::Instant::now() + server.config.timeouts.data_idle;
                    if !matches!(timeout_at(until, connection.stream.write_all(&bytes)).await, Ok(Ok(()))) {
                        session.closed();
                    }
                }
                // It is not offered: there is no certificate.
                ServerAction::StartTls => session.tls_failed(),
                ServerAction::Judge(recipient) => {
                    session.answer_recipient(&server.judge(&recipient), start.elapsed());
                }
                ServerAction::Begin(envelope) => {
                    let permit = Arc::clone(&server.messages).acquire_owned().await.ok();
                    let sender = envelope.hello;
                    message = Some(Message {
                        bytes: Vec::new(),
                        recipients: envelope.recipients,
                        sender,
                        _permit: permit,
                    });
                }
                ServerAction::Body(bytes) => {
                    if let Some(message) = &mut message {
                        message.bytes.extend_from_slice(&bytes);
                    }
                }
                ServerAction::Complete { .. } => {
                    let answers = match message.take() {
                        Some(message) => message.keep(&keeper).await,
                        None => Vec::new(),
                    };
                    session.answer_message(&answers, start.elapsed());
                }
                ServerAction::Discard(_) => message = None,
                ServerAction::Close => {
                    let _ = connection.stream.shutdown().await;
                    return;
                }
            }
        }
        if !pending.is_empty() {
            let taken = session.receive(&buffer[pending.clone()], start.elapsed());
            pending.start += taken;
            continue;
        }
        let deadline = session.deadline().map_or_else(
            || tokio::time::Instant::now() + server.config.timeouts.command,
            |deadline| (start + deadline).into(),
        );
        tokio::select! {
            read = timeout_at(deadline, connection.stream.read(&mut buffer)) => match read {
                Err(_) => session.tick(start.elapsed()),
                Ok(Ok(count)) if count > 0 => pending = 0..count,
                Ok(_) => session.closed(),
            },
            () = stop.wanted(), if !told => {
                told = true;
                session.shut_down();
            }
        }
    }
}

/// A message on its way in.
struct Message {
    bytes: Vec<u8>,
    recipients: Vec<Recipient>,
    sender: String,
    _permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

impl Message {
    /// One answer for all recipients: it is one message.
    async fn keep(self, keeper: &Keeper) -> Vec<MessageAnswer> {
        let source = format!("mail from {}", self.sender);
        // The address that it came back to may be a signed one: it belongs to the message.
        let mut whole = Vec::with_capacity(self.bytes.len() + 64);
        if let [recipient] = &self.recipients[..]
            && !self.bytes.starts_with(b"Delivered-To:")
        {
            whole.extend_from_slice(format!("Delivered-To: {}\r\n", recipient.path).as_bytes());
        }
        whole.extend_from_slice(&self.bytes);
        let answer = match keeper.keep(source, &whole).await {
            Ok(_) => MessageAnswer::Stored("taken in".into()),
            Err(NotStored) => MessageAnswer::Later("cannot store it now, try again".into()),
        };
        vec![answer; self.recipients.len()]
    }
}

impl MailServer {
    /// Takes the mail of other recipients from now on. What the listener calls itself stays.
    pub(in crate::serve) fn change(&self, settings: &MailSettings) {
        self.settings.set(settings.clone());
    }

    fn judge(&self, recipient: &Recipient) -> RecipientAnswer {
        let settings = self.settings.get();
        let Ok(address) = recipient.address() else { return RecipientAnswer::NotOurs };
        let key = address.suppression_key();
        if settings.domains.iter().any(|domain| domain.as_str() == address.domain_part())
            || settings.addresses.iter().any(|ours| is_for(ours.suppression_key().as_str(), key.as_str()))
        {
            return RecipientAnswer::Accepted;
        }
        let ours = settings.addresses.iter().any(|ours| ours.domain_part() == address.domain_part());
        if ours { RecipientAnswer::Unknown } else { RecipientAnswer::NotOurs }
    }
}

/// `bounces+TOKEN@…` is for `bounces@…`.
fn is_for(ours: &str, address: &str) -> bool {
    if ours == address {
        return true;
    }
    let (Some((ours, our_domain)), Some((local, domain))) = (ours.rsplit_once('@'), address.rsplit_once('@'))
    else {
        return false;
    };
    our_domain == domain && local.strip_prefix(ours).is_some_and(|rest| rest.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_extensions() {
        assert!(is_for("bounces@x.example", "bounces@x.example"));
        assert!(is_for("bounces@x.example", "bounces+abc@x.example"));
        assert!(!is_for("bounces@x.example", "bouncesabc@x.example"));
        assert!(!is_for("bounces@x.example", "bounces+abc@y.example"));
    }
}
