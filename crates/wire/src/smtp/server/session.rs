mod commands;
mod message;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{MessageAnswer, RecipientAnswer};
use super::config::{Protocol, ServerConfig};
use super::envelope::{Encryption, Envelope, Recipient};
use super::request::Part;
use crate::dots::DotReader;
use crate::limits::{COMMAND_LINE_BYTES_MAX, UNSENT_BYTES_MAX};
use crate::line::LineReader;

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
                    transaction.envelope_bytes += commands::weight(&recipient);
                    transaction.envelope.recipients.push(recipient);
                }
            }
            RecipientAnswer::NotOurs | RecipientAnswer::Unknown => self.reply(&reply),
            RecipientAnswer::Later(_) => self.say(&reply),
        }
        self.await_command(at);
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
        self.await_command(at);
    }

    /// The handshake succeeded: the client begins anew, and says who it is within TLS.
    pub fn tls_established(&mut self, at: Duration) {
        if matches!(self.state, State::Handshake(_)) {
            self.encryption = Encryption::Tls;
            self.state = State::Commands(at);
            self.await_command(at);
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
            self.await_command(at);
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
        if self.deadline().is_none_or(|deadline| at < deadline) {
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

    /// Waits for the next command, unless the client is to go.
    fn await_command(&mut self, at: Duration) {
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

#[cfg(test)]
mod tests;
