//! A message on its way in.

use abprall_wire::smtp::server::{Envelope, MessageAnswer, Recipient, ReversePath};

use crate::serve::keeper::{Keeper, NotStored};
use crate::serve::memory::{Memory, NoMemory, Share};

/// What has come of a message.
pub(super) struct Message {
    bytes: Vec<u8>,
    recipients: Vec<Recipient>,
    return_path: ReversePath,
    sender: String,
    share: Share,
}

impl Message {
    pub(super) fn new(envelope: Envelope, memory: &Memory) -> Self {
        Self {
            bytes: Vec::new(),
            recipients: envelope.recipients,
            return_path: envelope.sender,
            sender: envelope.hello,
            share: memory.share(),
        }
    }

    /// The next part of it; waits where there is no memory for it.
    pub(super) async fn add(&mut self, part: &[u8]) -> Result<(), NoMemory> {
        if self.bytes.is_empty() {
            self.begin(part);
        }
        self.share.grow(self.bytes.len() + part.len()).await?;
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// As RFC 5321 §4.4 has it, and by the null path a report is known. The address that it came back to may be a signed one: it
    /// belongs to the message.
    fn begin(&mut self, part: &[u8]) {
        let path = match &self.return_path {
            ReversePath::Null => "",
            ReversePath::Mailbox(path) => path,
        };
        self.bytes.extend_from_slice(format!("Return-Path: <{path}>\r\n").as_bytes());
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
