use std::time::Duration;

use super::{Discarded, ServerAction, ServerSession, SessionEnd, State, Transaction};
use crate::limits::ENVELOPE_BYTES_MAX;
use crate::line::Line;
use crate::smtp::server::config::{Protocol, TlsUse};
use crate::smtp::server::envelope::{AddressEncoding, Encryption, Envelope, Recipient};
use crate::smtp::server::request::{self, Hello, Mail, Refusal, Request};

/// What commands bring about.
impl ServerSession {
    pub(super) fn read_command(&mut self, bytes: &[u8], at: Duration) -> usize {
        let (taken, line) = self.lines.read(bytes);
        let request = match line {
            None => return taken,
            Some(Line::TooLong) => Err(Refusal::Leave("500 5.5.2 Line too long")),
            Some(Line::Whole(line)) => request::parse(&line),
        };
        self.commands += 1;
        if self.commands > self.config.limits.commands {
            self.leave(&self.goodbye("4.7.0", "Too many commands, connect again"), SessionEnd::TooMuch);
            return taken;
        }
        match request {
            Ok(request) => self.follow(request, at),
            Err(Refusal::Reply(reply)) => self.reply(reply),
            Err(Refusal::Leave(reply)) => self.leave(reply, SessionEnd::Unintelligible),
        }
        if matches!(self.state, State::Commands(_)) {
            self.await_command(at);
        }
        taken
    }

    pub(super) fn follow(&mut self, request: Request, at: Duration) {
        if self.needs_tls(&request) {
            return self.reply("530 5.7.0 Say STARTTLS first");
        }
        match request {
            Request::Hello(word, name) => self.idle(|session| session.hello(word, name)),
            Request::Mail(mail) => self.idle(|session| session.mail(mail)),
            Request::Rcpt(recipient) => self.rcpt(recipient),
            Request::Data => self.data(at),
            Request::Bdat { bytes, part } => self.bdat(bytes, part, at),
            Request::Rset => self.idle(|session| {
                session.give_up(Discarded::GivenUp);
                session.reply("250 2.0.0 Ok");
            }),
            Request::Noop => self.idle(|session| session.reply("250 2.0.0 Ok")),
            Request::Vrfy => self.idle(|session| session.reply("252 2.5.0 Send mail to find out")),
            Request::Help => {
                self.idle(|session| session.reply("214 2.0.0 RFC 5321; this server takes bounces"));
            }
            Request::StartTls => self.idle(|session| session.start_tls(at)),
            Request::Quit => self.leave("221 2.0.0 Bye", SessionEnd::Quit),
        }
    }

    pub(super) fn needs_tls(&self, request: &Request) -> bool {
        let tls = match self.config.tls {
            TlsUse::Required => self.encryption,
            TlsUse::NotOffered | TlsUse::Offered => return false,
        };
        match (tls, request) {
            (Encryption::Tls, _) => false,
            (Encryption::Clear, Request::Hello(..) | Request::Noop | Request::Quit | Request::StartTls) => {
                false
            }
            // A chunk must be taken off the wire even when nobody wants it; without MAIL it is refused anyway.
            (Encryption::Clear, Request::Bdat { .. }) => false,
            (
                Encryption::Clear,
                Request::Mail(_)
                | Request::Rcpt(_)
                | Request::Data
                | Request::Rset
                | Request::Vrfy
                | Request::Help,
            ) => true,
        }
    }

    /// A command that brings no message forward.
    pub(super) fn idle(&mut self, follow: impl FnOnce(&mut Self)) {
        self.idle_commands += 1;
        if self.idle_commands > self.config.limits.idle_commands {
            self.errors += 1;
        }
        follow(self);
    }

    pub(super) fn hello(&mut self, word: Hello, name: String) {
        match (self.config.protocol, word) {
            (Protocol::Smtp, Hello::Lhlo) => return self.reply("500 5.5.1 This is SMTP: say EHLO"),
            (Protocol::Lmtp, Hello::Helo | Hello::Ehlo) => {
                return self.reply("500 5.5.1 This is LMTP: say LHLO");
            }
            (Protocol::Smtp, Hello::Helo | Hello::Ehlo) | (Protocol::Lmtp, Hello::Lhlo) => {}
        }
        self.give_up(Discarded::GivenUp);
        self.hello = Some(name);
        let ours = &self.config.name;
        let reply = match word {
            Hello::Helo => format!("250 {ours}"),
            Hello::Ehlo | Hello::Lhlo => {
                let starttls = match (self.config.tls, self.encryption) {
                    (TlsUse::Offered | TlsUse::Required, Encryption::Clear) => "250-STARTTLS\r\n",
                    (TlsUse::NotOffered, _) | (_, Encryption::Tls) => "",
                };
                let size = self.config.limits.message_bytes;
                format!(
                    "250-{ours}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n{starttls}250-ENHANCEDSTATUSCODES\r\n\
                     250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING"
                )
            }
        };
        self.say(&reply);
    }

    pub(super) fn mail(&mut self, mail: Mail) {
        let Some(hello) = &self.hello else {
            return self.reply("503 5.5.1 Say who you are first");
        };
        if self.transaction.is_some() {
            return self.reply("503 5.5.1 One message at a time");
        }
        if mail.size.is_some_and(|size| size > self.config.limits.message_bytes) {
            return self.reply("552 5.3.4 More than this server takes");
        }
        let envelope = Envelope {
            hello: hello.clone(),
            encryption: self.encryption,
            sender: mail.sender,
            size: mail.size,
            body: mail.body,
            addresses: mail.addresses,
            returned: mail.returned,
            envelope_id: mail.envelope_id,
            recipients: Vec::new(),
        };
        self.transaction = Some(Transaction { envelope, envelope_bytes: 0, message: None });
        self.reply("250 2.1.0 Ok");
    }

    pub(super) fn rcpt(&mut self, recipient: Recipient) {
        let Some(transaction) = &self.transaction else {
            return self.reply("503 5.5.1 Say MAIL first");
        };
        if transaction.message.is_some() {
            return self.reply("503 5.5.1 The message has begun already");
        }
        let envelope = &transaction.envelope;
        if envelope.recipients.len() >= self.config.limits.recipients
            || transaction.envelope_bytes + weight(&recipient) > ENVELOPE_BYTES_MAX
        {
            return self.say("452 4.5.3 Too many recipients");
        }
        if envelope.addresses == AddressEncoding::Ascii && !recipient.path.is_ascii() {
            return self.reply("553 5.6.7 This address needs SMTPUTF8 with MAIL");
        }
        self.push(ServerAction::Judge(recipient.clone()));
        self.state = State::Judging(recipient);
    }

    pub(super) fn start_tls(&mut self, at: Duration) {
        match (self.config.tls, self.encryption) {
            (TlsUse::NotOffered, _) => self.reply("502 5.5.1 Not offered"),
            (_, Encryption::Tls) => self.reply("503 5.5.1 This is TLS already"),
            (TlsUse::Offered | TlsUse::Required, Encryption::Clear) => {
                self.give_up(Discarded::GivenUp);
                self.say("220 2.0.0 Go on with TLS");
                self.push(ServerAction::StartTls);
                // Whatever was said in the clear is forgotten (RFC 3207 §4.2).
                self.hello = None;
                self.lines.clear();
                self.state = State::Handshake(at);
            }
        }
    }
}

/// What a recipient takes of [`ENVELOPE_BYTES_MAX`].
pub(super) fn weight(recipient: &Recipient) -> usize {
    let original =
        recipient.original.as_ref().map_or(0, |original| original.kind.len() + original.address.len());
    recipient.path.len() + original
}
