use std::time::Duration;

use super::{Discarded, Message, ServerAction, ServerSession, SessionEnd, State, Transaction};
use crate::dots::{DotEnd, DotReader, LineDamage};
use crate::smtp::server::config::Protocol;
use crate::smtp::server::request::Part;

/// How a message comes in: as lines (DATA) or as chunks (BDAT).
impl ServerSession {
    pub(super) fn data(&mut self, at: Duration) {
        if let Some(reply) = self.hinders_message() {
            return self.reply(reply);
        }
        if self.message().is_some() {
            return self.reply("503 5.5.1 The message comes with BDAT already");
        }
        self.begin(at);
        self.say("354 End with a dot on a line of its own");
        let dots = DotReader::new(self.config.limits.data_line_bytes);
        self.state = State::Data { dots, last_byte: at };
    }

    pub(super) fn bdat(&mut self, bytes: u64, part: Part, at: Duration) {
        if self.hinders_message().is_none() {
            if self.message().is_none() {
                self.begin(at);
            }
        } else if bytes > self.config.limits.message_bytes {
            return self.leave(self.hinders_message().unwrap_or_default(), SessionEnd::TooMuch);
        }
        self.state = State::Chunk { missing: bytes, part, last_byte: at };
        if bytes == 0 {
            self.end_chunk(part, at);
        }
    }

    /// The reply to DATA or BDAT when no message may begin.
    pub(super) fn hinders_message(&self) -> Option<&'static str> {
        match &self.transaction {
            None => Some("503 5.5.1 Say MAIL first"),
            Some(transaction) if transaction.envelope.recipients.is_empty() => match self.config.protocol {
                Protocol::Smtp => Some("554 5.5.1 No recipient was accepted"),
                // RFC 2033 §4.2 wants this code.
                Protocol::Lmtp => Some("503 5.5.1 No recipient was accepted"),
            },
            Some(_) => None,
        }
    }

    pub(super) fn begin(&mut self, at: Duration) {
        if let Some(transaction) = &mut self.transaction {
            transaction.message = Some(Message { since: at, bytes: 0, fault: None });
            let envelope = transaction.envelope.clone();
            self.push(ServerAction::Begin(envelope));
        }
    }

    pub(super) fn read_lines(&mut self, bytes: &[u8], at: Duration) -> usize {
        let State::Data { dots, last_byte } = &mut self.state else { return 0 };
        *last_byte = at;
        let mut body = Vec::with_capacity(bytes.len());
        let (taken, end) = dots.read(bytes, &mut body);
        let damage = dots.damage().map(|damage| match damage {
            LineDamage::BareLineFeed => Discarded::BareLineFeed,
            LineDamage::BareCarriageReturn => Discarded::BareCarriageReturn,
            LineDamage::LineTooLong => Discarded::LineTooLong,
        });
        self.take_body(body, damage);
        self.leave_if_endless();
        match end {
            DotEnd::Reached => self.end_message(at),
            DotEnd::NotYet => {}
        }
        taken
    }

    pub(super) fn read_chunk(&mut self, bytes: &[u8], at: Duration) -> usize {
        let State::Chunk { missing, part, last_byte } = &mut self.state else { return 0 };
        *last_byte = at;
        let part = *part;
        let taken = usize::try_from(*missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        *missing -= taken as u64;
        let is_whole = *missing == 0;
        if self.hinders_message().is_none() {
            self.take_body(bytes[..taken].to_vec(), None);
        }
        self.leave_if_endless();
        if is_whole && !matches!(self.state, State::Over) {
            self.end_chunk(part, at);
        }
        taken
    }

    /// Hands bytes on, unless the message is void; notes why it is.
    pub(super) fn take_body(&mut self, body: Vec<u8>, damage: Option<Discarded>) {
        let Some(message) = self.transaction.as_mut().and_then(|transaction| transaction.message.as_mut())
        else {
            return;
        };
        message.bytes = message.bytes.saturating_add(body.len() as u64);
        if message.fault.is_some() {
            return;
        }
        let too_big = (message.bytes > self.config.limits.message_bytes).then_some(Discarded::TooBig);
        if let Some(fault) = too_big.or(damage) {
            message.fault = Some(fault);
            self.push(ServerAction::Discard(fault));
        } else if !body.is_empty() {
            self.push(ServerAction::Body(body));
        }
    }

    /// A client that does not stop sending a message that is too big is left in the end.
    pub(super) fn leave_if_endless(&mut self) {
        let max = self.config.limits.message_bytes.saturating_mul(2);
        if self.message().is_some_and(|message| message.bytes > max) {
            self.leave(fault_reply(Discarded::TooBig), SessionEnd::TooMuch);
        }
    }

    pub(super) fn end_chunk(&mut self, part: Part, at: Duration) {
        if let Some(reply) = self.hinders_message() {
            self.state = State::Commands(at);
            self.reply(reply);
            return self.await_command(at);
        }
        match (part, self.message().and_then(|message| message.fault)) {
            (Part::Last, _) => self.end_message(at),
            (Part::NotLast, fault) => {
                self.state = State::Commands(at);
                self.reply(fault.map_or("250 2.0.0 Ok", fault_reply));
                self.await_command(at);
            }
        }
    }

    pub(super) fn end_message(&mut self, at: Duration) {
        let Some(message) = self.message() else { return };
        let Some(fault) = message.fault else {
            self.push(ServerAction::Complete { bytes: message.bytes });
            self.state = State::Storing;
            return;
        };
        let recipients =
            self.transaction.take().map_or(0, |transaction| transaction.envelope.recipients.len());
        let replies = match self.config.protocol {
            Protocol::Smtp => 1,
            Protocol::Lmtp => recipients,
        };
        for _ in 0..replies {
            self.say(fault_reply(fault));
        }
        self.errors += 1;
        self.state = State::Commands(at);
        self.await_command(at);
    }

    pub(super) fn message(&self) -> Option<Message> {
        self.transaction.as_ref().and_then(|transaction| transaction.message)
    }

    /// Forgets the transaction.
    pub(super) fn give_up(&mut self, why: Discarded) {
        let is_with_owner = matches!(self.state, State::Storing);
        if let Some(Transaction { message: Some(Message { fault: None, .. }), .. }) = self.transaction.take()
            && !is_with_owner
        {
            self.push(ServerAction::Discard(why));
        }
    }
}

fn fault_reply(fault: Discarded) -> &'static str {
    match fault {
        Discarded::TooBig => "552 5.3.4 More than this server takes",
        Discarded::LineTooLong => "554 5.6.0 A line of the message is too long",
        Discarded::BareLineFeed => "550 5.5.2 LF without CR in the message",
        Discarded::BareCarriageReturn => "550 5.5.2 CR without LF in the message",
        Discarded::GivenUp | Discarded::SessionEnded => "451 4.3.0 Not received",
    }
}
