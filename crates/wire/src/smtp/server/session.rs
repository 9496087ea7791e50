use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{MessageAnswer, RecipientAnswer};
use super::config::{Protocol, ServerConfig, TlsUse};
use super::envelope::{AddressEncoding, Encryption, Envelope, Recipient};
use super::request::{self, Hello, Mail, Part, Refusal, Request};
use crate::dots::{DotEnd, DotReader, LineDamage};
use crate::limits::{COMMAND_LINE_BYTES_MAX, ENVELOPE_BYTES_MAX, UNSENT_BYTES_MAX};
use crate::line::{Line, LineReader};

/// What the owner of a session is to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServerAction {
    /// Write these bytes.
    Send(Vec<u8>),
    /// Do a TLS handshake as server, then call [`ServerSession::tls_established`] or [`ServerSession::tls_failed`].
    StartTls,
    /// Is this recipient ours? Call [`ServerSession::answer_recipient`]. The envelope as far as it is known:
    /// [`ServerSession::envelope`].
    Judge(Recipient),
    /// A message begins. Its recipients are those that were accepted.
    Begin(Envelope),
    /// The next bytes of the message, without dot-stuffing.
    Body(Vec<u8>),
    /// The message is whole. Make it durable, then call [`ServerSession::answer_message`].
    Complete {
        /// Its length, the sum of all [`ServerAction::Body`].
        bytes: u64,
    },
    /// What began with [`ServerAction::Begin`] will not be whole: throw it away.
    Discard(Discarded),
    /// Close the connection; the session is over.
    Close,
}

/// Why a message that began is void.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Discarded {
    /// Bigger than [`ServerLimits::message_bytes`](super::ServerLimits::message_bytes).
    TooBig,
    /// A line longer than [`ServerLimits::data_line_bytes`](super::ServerLimits::data_line_bytes).
    LineTooLong,
    /// LF without CR: whoever sent it may have wanted another server to see an end there.
    BareLineFeed,
    /// CR without LF.
    BareCarriageReturn,
    /// The client gave it up.
    GivenUp,
    /// The connection ended, or we ended it.
    SessionEnded,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionEnd {
    /// The client said QUIT.
    Quit,
    /// The connection was closed or broke.
    Closed,
    /// The client took too long.
    TimedOut,
    /// What the client said is not to be understood, or not meant for a mail server.
    Unintelligible,
    /// More errors, commands or bytes than we take.
    TooMuch,
    /// No TLS came about.
    TlsFailed,
    /// We shut down, or have too much to do.
    ShutDown,
}

/// A client's connection, seen from the server.
///
/// The owner does what [`Self::next_action`] says until it says nothing more, and gives what it reads to [`Self::receive`]. That takes
/// all bytes, unless an answer is awaited or replies are to be sent first: the rest is to be offered again afterwards, and nothing more
/// need be read meanwhile. So a client that sends without reading is slowed down by its own connection, and a session holds neither a
/// message nor more than a line. [`Self::tick`] is to be called at [`Self::deadline`].
///
/// Times are durations since a moment that the owner chooses.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use abprall_wire::smtp::HelloName;
/// use abprall_wire::smtp::server::{MessageAnswer, Protocol, RecipientAnswer, ServerAction, ServerConfig, ServerSession};
///
/// let name = HelloName::parse("bounces.example.org").unwrap();
/// let config = Arc::new(ServerConfig::new(name, Protocol::Smtp));
/// let now = Duration::ZERO;
/// let mut session = ServerSession::new(config, now);
/// let mut input = &b"HELO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@bounces.example.org>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n"[..];
/// let (mut said, mut message) = (Vec::new(), Vec::new());
/// loop {
///     let taken = session.receive(input, now);
///     input = &input[taken..];
///     while let Some(action) = session.next_action() {
///         match action {
///             ServerAction::Send(bytes) => said.extend(bytes),
///             ServerAction::Judge(_) => session.answer_recipient(&RecipientAnswer::Accepted, now),
///             ServerAction::Body(bytes) => message.extend(bytes),
///             ServerAction::Complete { .. } => session.answer_message(&[MessageAnswer::Stored("1".into())], now),
///             ServerAction::Begin(_) | ServerAction::Discard(_) | ServerAction::StartTls | ServerAction::Close => {}
///         }
///     }
///     if input.is_empty() {
///         break;
///     }
/// }
/// assert_eq!(message, b"hello\r\n");
/// assert!(said.ends_with(b"250 2.0.0 1\r\n221 2.0.0 Bye\r\n"));
/// ```
#[derive(Clone, Debug)]
pub struct ServerSession {
    config: Arc<ServerConfig>,
    state: State,
    began: Duration,
    lines: LineReader,
    hello: Option<String>,
    encryption: Encryption,
    transaction: Option<Transaction>,
    availability: Availability,
    actions: VecDeque<ServerAction>,
    unsent: usize,
    errors: usize,
    commands: usize,
    idle_commands: usize,
    discarded_bytes: usize,
    end: Option<SessionEnd>,
}

#[derive(Clone, Debug)]
enum State {
    /// For a command, since.
    Commands(Duration),
    /// The owner judges this recipient.
    Judging(Recipient),
    /// A message comes as lines.
    Data {
        dots: DotReader,
        last_byte: Duration,
    },
    /// A message, or what nobody wants, comes as a chunk.
    Chunk {
        missing: u64,
        part: Part,
        last_byte: Duration,
    },
    /// The owner makes a message durable.
    Storing,
    /// The owner does a TLS handshake, since.
    Handshake(Duration),
    Over,
}

#[derive(Clone, Debug)]
struct Transaction {
    envelope: Envelope,
    /// Bytes of the paths and parameters of all recipients.
    envelope_bytes: usize,
    message: Option<Message>,
}

/// A message that has begun.
#[derive(Clone, Copy, Debug)]
struct Message {
    since: Duration,
    /// All that came, wanted or not.
    bytes: u64,
    fault: Option<Discarded>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Availability {
    Open,
    ShuttingDown,
}

impl ServerSession {
    /// A connection that stands since `at`; the greeting is the first action.
    pub fn new(config: Arc<ServerConfig>, at: Duration) -> Self {
        let mut session = Self::silent(config, at);
        let name = &session.config.name;
        let greeting = match session.config.protocol {
            Protocol::Smtp => format!("220 {name} ESMTP ready"),
            Protocol::Lmtp => format!("220 {name} LMTP ready"),
        };
        session.say(&greeting);
        session
    }

    /// A connection that is too much: it hears `421 4.3.2` and is closed.
    pub fn overloaded(config: Arc<ServerConfig>, at: Duration) -> Self {
        let mut session = Self::silent(config, at);
        session
            .leave(&session.goodbye("4.3.2", "Too many connections, try again later"), SessionEnd::ShutDown);
        session
    }

    fn silent(config: Arc<ServerConfig>, at: Duration) -> Self {
        Self {
            config,
            state: State::Commands(at),
            began: at,
            lines: LineReader::new(COMMAND_LINE_BYTES_MAX),
            hello: None,
            encryption: Encryption::Clear,
            transaction: None,
            availability: Availability::Open,
            actions: VecDeque::new(),
            unsent: 0,
            errors: 0,
            commands: 0,
            idle_commands: 0,
            discarded_bytes: 0,
            end: None,
        }
    }

    /// What to do next; `None` until more bytes, an answer or the deadline come.
    pub fn next_action(&mut self) -> Option<ServerAction> {
        let action = self.actions.pop_front();
        if let Some(ServerAction::Send(bytes)) = &action {
            self.unsent -= bytes.len();
        }
        action
    }

    /// Takes bytes that the client sent; gives how many were taken. When all actions are done and no answer is awaited, at least one is.
    pub fn receive(&mut self, bytes: &[u8], at: Duration) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && self.unsent < UNSENT_BYTES_MAX {
            let rest = &bytes[taken..];
            taken += match self.state {
                State::Commands(_) => self.read_command(rest, at),
                State::Data { .. } => self.read_lines(rest, at),
                State::Chunk { .. } => self.read_chunk(rest, at),
                State::Judging(_) | State::Storing => return taken,
                State::Handshake(_) => {
                    // Nothing in the clear may count as said within TLS (RFC 3207 §6, CVE-2011-0411).
                    self.discarded_bytes += rest.len();
                    rest.len()
                }
                State::Over => rest.len(),
            };
        }
        taken
    }

    /// Whether [`Self::receive`] takes nothing before an answer is given.
    pub fn awaits_answer(&self) -> bool {
        matches!(self.state, State::Judging(_) | State::Storing)
    }

    /// Says whether the recipient of [`ServerAction::Judge`] is ours. Without such a question nothing happens.
    pub fn answer_recipient(&mut self, answer: &RecipientAnswer, at: Duration) {
        let recipient = match std::mem::replace(&mut self.state, State::Commands(at)) {
            State::Judging(recipient) => recipient,
            other => return self.state = other,
        };
        let reply = answer.reply();
        match answer {
            RecipientAnswer::Accepted => {
                self.say(&reply);
                if let Some(transaction) = &mut self.transaction {
                    transaction.envelope_bytes += weight(&recipient);
                    transaction.envelope.recipients.push(recipient);
                }
            }
            RecipientAnswer::NotOurs | RecipientAnswer::Unknown => self.reply(&reply),
            RecipientAnswer::Later(_) => self.say(&reply),
        }
        self.to_commands(at);
    }

    /// Says what became of the message of [`ServerAction::Complete`], for each recipient in the order of the envelope; what is missing
    /// counts as "later". Without such a question nothing happens.
    ///
    /// LMTP gives each answer to its recipient. SMTP has one reply for all: "later" if any answer is that, else "stored" if any is,
    /// else "refused". Who wants to refuse one recipient of several does so at RCPT.
    pub fn answer_message(&mut self, answers: &[MessageAnswer], at: Duration) {
        if !matches!(self.state, State::Storing) {
            return;
        }
        let count = self.transaction.take().map_or(0, |transaction| transaction.envelope.recipients.len());
        let missing = MessageAnswer::Later(Cow::Borrowed("No answer, try again later"));
        match self.config.protocol {
            Protocol::Lmtp => {
                for index in 0..count {
                    self.say(&answers.get(index).unwrap_or(&missing).reply());
                }
            }
            Protocol::Smtp => {
                let answer = if answers.len() < count { None } else { MessageAnswer::for_all(answers) };
                self.say(&answer.unwrap_or(&missing).reply());
            }
        }
        self.idle_commands = 0;
        self.to_commands(at);
    }

    /// The handshake succeeded: the client begins anew, and says who it is within TLS.
    pub fn tls_established(&mut self, at: Duration) {
        if matches!(self.state, State::Handshake(_)) {
            self.encryption = Encryption::Tls;
            self.state = State::Commands(at);
            self.to_commands(at);
        }
    }

    /// The handshake failed: the session is over.
    pub fn tls_failed(&mut self) {
        if matches!(self.state, State::Handshake(_)) {
            self.finish(SessionEnd::TlsFailed);
        }
    }

    /// The client closed or reset the connection. A message that is being stored stays: the owner may still answer, to nobody.
    pub fn closed(&mut self) {
        if !matches!(self.state, State::Over) {
            self.finish(SessionEnd::Closed);
        }
    }

    /// We shut down: a client that is between two commands hears `421 4.3.2` at once, another as soon as its command or message is done.
    pub fn shut_down(&mut self) {
        self.availability = Availability::ShuttingDown;
        if let State::Commands(at) = self.state {
            self.to_commands(at);
        }
    }

    /// When [`Self::tick`] is to be called at the latest. `None` at the end, and while the owner owes an answer: it must give one.
    pub fn deadline(&self) -> Option<Duration> {
        let timeouts = &self.config.timeouts;
        match &self.state {
            State::Commands(since) => Some((*since + timeouts.command).min(self.began + timeouts.session)),
            State::Data { last_byte, .. } | State::Chunk { last_byte, .. } => {
                let since = self.message().map_or(*last_byte, |message| message.since);
                Some((*last_byte + timeouts.data_idle).min(since + timeouts.data))
            }
            State::Handshake(since) => Some(*since + timeouts.handshake),
            State::Judging(_) | State::Storing | State::Over => None,
        }
    }

    /// Time passes; at the deadline the session ends with `421 4.4.2`.
    pub fn tick(&mut self, at: Duration) {
        if !self.deadline().is_some_and(|deadline| at >= deadline) {
            return;
        }
        match self.state {
            // In the middle of a handshake there is nothing that the client could read.
            State::Handshake(_) => self.finish(SessionEnd::TimedOut),
            State::Commands(_)
            | State::Data { .. }
            | State::Chunk { .. }
            | State::Judging(_)
            | State::Storing
            | State::Over => self.leave(&self.goodbye("4.4.2", "Timeout"), SessionEnd::TimedOut),
        }
    }

    /// What is known of the message that is being sent; `None` outside of MAIL and its end.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.transaction.as_ref().map(|transaction| &transaction.envelope)
    }

    /// How the session ended; `None` while it lasts.
    pub fn end(&self) -> Option<SessionEnd> {
        self.end
    }

    /// Errors of the client until now.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Bytes in the clear between STARTTLS and the handshake: an injection, or a broken client. They are never read.
    pub fn discarded_bytes(&self) -> usize {
        self.discarded_bytes
    }

    fn read_command(&mut self, bytes: &[u8], at: Duration) -> usize {
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
            self.to_commands(at);
        }
        taken
    }

    fn follow(&mut self, request: Request, at: Duration) {
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
                self.idle(|session| session.reply("214 2.0.0 RFC 5321; this server takes bounces"))
            }
            Request::StartTls => self.idle(|session| session.start_tls(at)),
            Request::Quit => self.leave("221 2.0.0 Bye", SessionEnd::Quit),
        }
    }

    fn needs_tls(&self, request: &Request) -> bool {
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
    fn idle(&mut self, follow: impl FnOnce(&mut Self)) {
        self.idle_commands += 1;
        if self.idle_commands > self.config.limits.idle_commands {
            self.errors += 1;
        }
        follow(self);
    }

    fn hello(&mut self, word: Hello, name: String) {
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

    fn mail(&mut self, mail: Mail) {
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

    fn rcpt(&mut self, recipient: Recipient) {
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

    fn data(&mut self, at: Duration) {
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

    fn bdat(&mut self, bytes: u64, part: Part, at: Duration) {
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
    fn hinders_message(&self) -> Option<&'static str> {
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

    fn begin(&mut self, at: Duration) {
        if let Some(transaction) = &mut self.transaction {
            transaction.message = Some(Message { since: at, bytes: 0, fault: None });
            let envelope = transaction.envelope.clone();
            self.push(ServerAction::Begin(envelope));
        }
    }

    fn read_lines(&mut self, bytes: &[u8], at: Duration) -> usize {
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

    fn read_chunk(&mut self, bytes: &[u8], at: Duration) -> usize {
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
    fn take_body(&mut self, body: Vec<u8>, damage: Option<Discarded>) {
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
    fn leave_if_endless(&mut self) {
        let max = self.config.limits.message_bytes.saturating_mul(2);
        if self.message().is_some_and(|message| message.bytes > max) {
            self.leave(fault_reply(Discarded::TooBig), SessionEnd::TooMuch);
        }
    }

    fn end_chunk(&mut self, part: Part, at: Duration) {
        if let Some(reply) = self.hinders_message() {
            self.state = State::Commands(at);
            self.reply(reply);
            return self.to_commands(at);
        }
        match (part, self.message().and_then(|message| message.fault)) {
            (Part::Last, _) => self.end_message(at),
            (Part::NotLast, fault) => {
                self.state = State::Commands(at);
                self.reply(fault.map_or("250 2.0.0 Ok", fault_reply));
                self.to_commands(at);
            }
        }
    }

    fn end_message(&mut self, at: Duration) {
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
        self.to_commands(at);
    }

    fn start_tls(&mut self, at: Duration) {
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

    fn message(&self) -> Option<Message> {
        self.transaction.as_ref().and_then(|transaction| transaction.message)
    }

    /// Forgets the transaction.
    fn give_up(&mut self, why: Discarded) {
        let is_with_owner = matches!(self.state, State::Storing);
        if let Some(Transaction { message: Some(Message { fault: None, .. }), .. }) = self.transaction.take()
            && !is_with_owner
        {
            self.push(ServerAction::Discard(why));
        }
    }

    /// Waits for the next command, unless the client is to go.
    fn to_commands(&mut self, at: Duration) {
        self.state = State::Commands(at);
        if self.errors >= self.config.limits.errors {
            self.leave(&self.goodbye("4.7.0", "Too many errors"), SessionEnd::TooMuch);
        } else if self.availability == Availability::ShuttingDown {
            self.leave(&self.goodbye("4.3.2", "Shutting down, try again later"), SessionEnd::ShutDown);
        }
    }

    /// A last reply, and the end.
    fn leave(&mut self, reply: &str, end: SessionEnd) {
        if matches!(self.state, State::Over) {
            return;
        }
        self.say(reply);
        self.finish(end);
    }

    fn finish(&mut self, end: SessionEnd) {
        self.give_up(Discarded::SessionEnded);
        self.state = State::Over;
        self.end = Some(end);
        self.lines.clear();
        self.push(ServerAction::Close);
    }

    fn goodbye(&self, status: &str, text: &str) -> String {
        format!("421 {status} {} {text}", self.config.name)
    }

    /// A reply that counts as an error of the client when it is 4yz or 5yz.
    fn reply(&mut self, reply: &str) {
        if reply.starts_with(['4', '5']) {
            self.errors += 1;
        }
        self.say(reply);
    }

    fn say(&mut self, reply: &str) {
        self.unsent += reply.len() + 2;
        // Replies to commands that came together leave together (RFC 2920 §3.2).
        if !matches!(self.actions.back(), Some(ServerAction::Send(_))) {
            self.actions.push_back(ServerAction::Send(Vec::with_capacity(reply.len() + 2)));
        }
        if let Some(ServerAction::Send(bytes)) = self.actions.back_mut() {
            bytes.extend_from_slice(reply.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }

    fn push(&mut self, action: ServerAction) {
        self.actions.push_back(action);
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

/// What a recipient takes of [`ENVELOPE_BYTES_MAX`].
fn weight(recipient: &Recipient) -> usize {
    let original =
        recipient.original.as_ref().map_or(0, |original| original.kind.len() + original.address.len());
    recipient.path.len() + original
}

#[cfg(test)]
mod tests;
