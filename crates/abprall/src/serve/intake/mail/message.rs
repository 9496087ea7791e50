//! A message on its way in.

use std::sync::Arc;

use abprall_wire::smtp::server::{Envelope, MessageAnswer, Recipient};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::serve::keeper::{Keeper, NotStored};
use crate::serve::limits::{MAIL_KIB_MAX, MAIL_WAIT_MAX};

/// The memory that all messages of a listener share.
#[derive(Clone)]
pub(super) struct Memory(Arc<Semaphore>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAIL_KIB_MAX)))
    }
}

/// What has come of a message.
pub(super) struct Message {
    bytes: Vec<u8>,
    recipients: Vec<Recipient>,
    sender: String,
    memory: Memory,
    held: Option<OwnedSemaphorePermit>,
}

/// There is no memory for it now.
pub(super) struct NoMemory;

impl Message {
    pub(super) fn new(envelope: Envelope, memory: Memory) -> Self {
        Self {
            bytes: Vec::new(),
            recipients: envelope.recipients,
            sender: envelope.hello,
            memory,
            held: None,
        }
    }

    /// The next part of it; waits where there is no memory for it.
    pub(super) async fn add(&mut self, part: &[u8]) -> Result<(), NoMemory> {
        if self.bytes.is_empty() {
            self.begin(part);
        }
        let wanted = (self.bytes.len() + part.len()).div_ceil(1024);
        let has = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(wanted.saturating_sub(has)).unwrap_or(u32::MAX);
        if more > 0 {
            let free = Arc::clone(&self.memory.0).acquire_many_owned(more);
            let Ok(Ok(permit)) = timeout(MAIL_WAIT_MAX, free).await else { return Err(NoMemory) };
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// The address that it came back to may be a signed one: it belongs to the message.
    fn begin(&mut self, part: &[u8]) {
        if let [recipient] = &self.recipients[..]
            && !part.starts_with(b"Delivered-To:")
        {
            self.bytes.extend_from_slice(format!("Delivered-To: {}\r\n", recipient.path).as_bytes());
        }
    }

    /// One answer for all recipients: it is one message.
    pub(super) async fn keep(self, keeper: &Keeper) -> Vec<MessageAnswer> {
        let answer = match keeper.keep(format!("mail from {}", self.sender), &self.bytes).await {
            Ok(_) => MessageAnswer::Stored("taken in".into()),
            Err(NotStored) => MessageAnswer::Later("cannot store it now, try again".into()),
        };
        vec![answer; self.recipients.len()]
    }
}
