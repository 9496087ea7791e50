mod hear;

use std::collections::VecDeque;
use std::time::Duration;

use strum::{Display, IntoStaticStr};

use super::credentials::Credentials;
use super::settings::{Pop3Limits, Pop3Timeouts, Pop3Tls};
use crate::dots::{DotEnd, DotReader};
use crate::limits::POP3_LINE_BYTES_MAX;
use crate::line::{Line, LineReader, one_line};

/// What the owner of a client is to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pop3Action {
    /// Write these bytes. They may hold a password: not for logs.
    Send(Vec<u8>),
    /// Do a TLS handshake, then call [`Pop3Client::tls_established`] or [`Pop3Client::tls_failed`].
    StartTls,
    /// We are logged in, and this is in the mailbox: go on with [`Pop3Client::retrieve`], [`Pop3Client::delete`], [`Pop3Client::quit`].
    Listed(Vec<Pop3Message>),
    /// The next bytes of the message that is fetched, without dot-stuffing.
    Body(Vec<u8>),
    /// The message is whole: the next command may be given.
    Retrieved {
        /// Which.
        number: u32,
        /// Its length, the sum of all [`Pop3Action::Body`].
        bytes: u64,
    },
    /// The server does not give the message; the next command may be given.
    NotRetrieved {
        /// Which.
        number: u32,
        /// What the server says.
        reply: String,
    },
    /// The message is marked. It is gone when the server has answered QUIT.
    Marked {
        /// Which.
        number: u32,
    },
    /// The server does not mark the message; the next command may be given.
    NotMarked {
        /// Which.
        number: u32,
        /// What the server says.
        reply: String,
    },
    /// The server has answered QUIT: what was marked is gone.
    Deleted,
    /// It cannot go on. What was fetched in part is void; nothing was deleted.
    Failed(Pop3Error),
    /// Close the connection; the conversation is over.
    Close,
}

/// A message of a listing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pop3Message {
    /// Its number in this conversation.
    pub number: u32,
    /// Its size as the server says, in bytes.
    pub bytes: u64,
    /// What it is called in every conversation; `None` when the server has no UIDL.
    pub unique_id: Option<String>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Display, Eq, IntoStaticStr, PartialEq)]
#[expect(missing_docs, reason = "each is said by its text")]
pub enum Pop3Step {
    #[strum(serialize = "greeting")]
    Greeting,
    #[strum(serialize = "CAPA")]
    Capabilities,
    #[strum(serialize = "STLS")]
    StartTls,
    #[strum(serialize = "TLS handshake")]
    Handshake,
    #[strum(serialize = "login")]
    Login,
    #[strum(serialize = "LIST")]
    List,
    #[strum(serialize = "UIDL")]
    UniqueIds,
    #[strum(serialize = "RETR")]
    Retrieve,
    #[strum(serialize = "DELE")]
    Delete,
    #[strum(serialize = "QUIT")]
    Quit,
}

/// Why a conversation cannot go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Pop3Error {
    /// The server says no. At the login: wrong name or password, or a token that is not valid any more; or `[IN-USE]` for a mailbox that
    /// another client has open (RFC 2449 §8.1.1).
    #[error("the POP3 server refuses ({step}): {reply}")]
    Refused {
        /// What.
        step: Pop3Step,
        /// What it says.
        reply: String,
    },
    /// The server does not offer STLS, and we say no password in the clear.
    #[error("the POP3 server does not offer STLS")]
    TlsNotOffered,
    /// The handshake failed.
    #[error("TLS failed: {0}")]
    TlsFailed(String),
    /// The server closed the connection.
    #[error("the POP3 server closed the connection ({waiting_for})")]
    Closed {
        /// While we waited for this.
        waiting_for: Pop3Step,
    },
    /// No answer in time.
    #[error("the POP3 server does not answer in time ({waiting_for})")]
    TimedOut {
        /// While we waited for this.
        waiting_for: Pop3Step,
    },
    /// What came is no POP3.
    #[error("no POP3 reply ({waiting_for}): {line:?}")]
    Broken {
        /// Instead of this.
        waiting_for: Pop3Step,
        /// The start of it.
        line: String,
    },
    /// More than we take.
    #[error("the POP3 server says too much ({waiting_for})")]
    TooMuch {
        /// Instead of this.
        waiting_for: Pop3Step,
    },
}

/// A command while another one is under way, before the login or after the end: nothing is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the POP3 client is busy or not logged in")]
pub struct NotReady;

/// A conversation with a POP3 server: login and listing by itself, then what the owner says, one command at a time.
///
/// Times are durations since the start of the attempt. The driver does what [`Self::next_action`] says, gives the bytes that come to
/// [`Self::receive`], and calls [`Self::tick`] at [`Self::deadline`].
///
/// ```
/// use std::time::Duration;
/// use abprall_wire::pop3::{Credentials, Pop3Action, Pop3Client, Pop3Limits, Pop3Timeouts, Pop3Tls, Secret};
///
/// let user = Secret::parse("bounces").unwrap();
/// let password = Secret::parse("geheim").unwrap();
/// let credentials = Credentials::Password { user, password };
/// let (limits, timeouts) = (Pop3Limits::default(), Pop3Timeouts::default());
/// let now = Duration::ZERO;
/// let mut client = Pop3Client::new(credentials, Pop3Tls::Immediate, limits, timeouts, now);
/// client.receive(b"+OK hello\r\n", now);
/// assert_eq!(client.next_action(), Some(Pop3Action::Send(b"CAPA\r\n".to_vec())));
/// ```
#[derive(Clone, Debug)]
pub struct Pop3Client {
    credentials: Credentials,
    limits: Pop3Limits,
    timeouts: Pop3Timeouts,
    encryption: Encryption,
    state: State,
    since: Duration,
    last_byte: Duration,
    lines: LineReader,
    capabilities: Vec<String>,
    messages: Vec<Pop3Message>,
    listed_lines: usize,
    actions: VecDeque<Pop3Action>,
    discarded_bytes: usize,
}

#[derive(Clone, Debug)]
enum State {
    Greeting,
    Capabilities(Extent),
    StartTls,
    Handshake,
    /// The first command of the login was said, or the second.
    Login(Half),
    /// The server explains why it refuses XOAUTH2, and waits for an empty line.
    LoginRefused(String),
    List(Extent),
    UniqueIds(Extent),
    Ready,
    /// RETR was said.
    Retrieve(u32),
    Body {
        number: u32,
        dots: DotReader,
        bytes: u64,
    },
    Delete(u32),
    Quit,
    Over,
}

/// Whether STLS is still to be said before anything secret is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Encryption {
    Wanted,
    Settled,
}

/// How much of a reply of several lines has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Extent {
    Nothing,
    FirstLine,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Half {
    First,
    Second,
}

impl Pop3Client {
    /// A conversation on a connection that stands since `at`.
    pub fn new(
        credentials: Credentials,
        tls: Pop3Tls,
        limits: Pop3Limits,
        timeouts: Pop3Timeouts,
        at: Duration,
    ) -> Self {
        Self {
            credentials,
            limits,
            timeouts,
            encryption: match tls {
                Pop3Tls::StartTls => Encryption::Wanted,
                Pop3Tls::Immediate | Pop3Tls::Never => Encryption::Settled,
            },
            state: State::Greeting,
            since: at,
            last_byte: at,
            lines: LineReader::new(POP3_LINE_BYTES_MAX),
            capabilities: Vec::new(),
            messages: Vec::new(),
            listed_lines: 0,
            actions: VecDeque::new(),
            discarded_bytes: 0,
        }
    }

    /// What to do next; `None` until more bytes, a command of the owner or the deadline come.
    pub fn next_action(&mut self) -> Option<Pop3Action> {
        self.actions.pop_front()
    }

    /// Whether [`Self::retrieve`], [`Self::delete`] and [`Self::quit`] can be called.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// Fetches a message.
    ///
    /// # Errors
    /// When the client is not [ready](Self::is_ready).
    pub fn retrieve(&mut self, number: u32, at: Duration) -> Result<(), NotReady> {
        self.command(&format!("RETR {number}\r\n"), State::Retrieve(number), at)
    }

    /// Marks a message: it is gone after [`Self::quit`]. To be called only when the message is durable elsewhere.
    ///
    /// # Errors
    /// When the client is not [ready](Self::is_ready).
    pub fn delete(&mut self, number: u32, at: Duration) -> Result<(), NotReady> {
        self.command(&format!("DELE {number}\r\n"), State::Delete(number), at)
    }

    /// Ends the conversation; the server deletes what is marked.
    ///
    /// # Errors
    /// When the client is not [ready](Self::is_ready).
    pub fn quit(&mut self, at: Duration) -> Result<(), NotReady> {
        self.command("QUIT\r\n", State::Quit, at)
    }

    /// What the server offers, as it said with CAPA.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Bytes in the clear between the reply to STLS and the handshake: an injection, or a broken server. They are never read.
    pub fn discarded_bytes(&self) -> usize {
        self.discarded_bytes
    }

    /// When [`Self::tick`] is to be called at the latest; `None` while the owner has the word, and at the end.
    pub fn deadline(&self) -> Option<Duration> {
        let timeouts = &self.timeouts;
        let limit = match &self.state {
            State::Greeting => timeouts.greeting,
            State::Capabilities(_)
            | State::StartTls
            | State::Login(_)
            | State::LoginRefused(_)
            | State::List(_)
            | State::UniqueIds(_)
            | State::Retrieve(_)
            | State::Delete(_) => timeouts.reply,
            State::Handshake => timeouts.handshake,
            State::Body { .. } => {
                return Some((self.last_byte + timeouts.idle).min(self.since + timeouts.retrieve));
            }
            State::Quit => timeouts.quit,
            State::Ready | State::Over => return None,
        };
        Some(self.since + limit)
    }

    /// Time passes; at the deadline the waiting ends.
    pub fn tick(&mut self, at: Duration) {
        if self.deadline().is_some_and(|deadline| at >= deadline) {
            self.fail(|waiting_for| Pop3Error::TimedOut { waiting_for });
        }
    }

    /// The server closed or reset the connection.
    pub fn closed(&mut self) {
        self.fail(|waiting_for| Pop3Error::Closed { waiting_for });
    }

    /// The handshake succeeded.
    pub fn tls_established(&mut self, at: Duration) {
        if matches!(self.state, State::Handshake) {
            // What was offered in the clear is forgotten (RFC 2595 §4).
            self.capabilities.clear();
            self.encryption = Encryption::Settled;
            self.say(b"CAPA\r\n".to_vec(), State::Capabilities(Extent::Nothing), at);
        }
    }

    /// The handshake failed.
    pub fn tls_failed(&mut self, detail: &str) {
        if matches!(self.state, State::Handshake) {
            self.fail(|_| Pop3Error::TlsFailed(one_line(detail, POP3_LINE_BYTES_MAX).into_owned()));
        }
    }

    /// Takes bytes that the server sent.
    pub fn receive(&mut self, mut bytes: &[u8], at: Duration) {
        while !bytes.is_empty() {
            self.last_byte = at;
            let taken = match &self.state {
                State::Handshake => {
                    // Nothing in the clear may count as said within TLS (RFC 2595 §2.1, CVE-2011-0411).
                    self.discarded_bytes += bytes.len();
                    return;
                }
                State::Over => return,
                State::Body { .. } => self.read_body(bytes),
                State::Greeting
                | State::Capabilities(_)
                | State::StartTls
                | State::Login(_)
                | State::LoginRefused(_)
                | State::List(_)
                | State::UniqueIds(_)
                | State::Ready
                | State::Retrieve(_)
                | State::Delete(_)
                | State::Quit => {
                    let (taken, line) = self.lines.read(bytes);
                    match line {
                        Some(Line::Whole(line)) => {
                            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
                            self.hear(&line, at);
                        }
                        Some(Line::TooLong) => self.fail(|waiting_for| Pop3Error::TooMuch { waiting_for }),
                        None => {}
                    }
                    taken
                }
            };
            bytes = &bytes[taken..];
        }
    }

    fn command(&mut self, command: &str, then: State, at: Duration) -> Result<(), NotReady> {
        if !self.is_ready() {
            return Err(NotReady);
        }
        self.say(command.as_bytes().to_vec(), then, at);
        Ok(())
    }

    fn say(&mut self, command: Vec<u8>, then: State, at: Duration) {
        self.actions.push_back(Pop3Action::Send(command));
        self.go_on(then, at);
    }

    fn go_on(&mut self, then: State, at: Duration) {
        self.state = then;
        self.since = at;
        self.last_byte = at;
    }

    fn ready(&mut self, action: Pop3Action, at: Duration) {
        self.actions.push_back(action);
        self.go_on(State::Ready, at);
    }

    fn read_body(&mut self, bytes: &[u8]) -> usize {
        let State::Body { number, dots, bytes: total } = &mut self.state else { return bytes.len() };
        let number = *number;
        let mut body = Vec::with_capacity(bytes.len());
        let (taken, end) = dots.read(bytes, &mut body);
        *total += body.len() as u64;
        let total = *total;
        if total > self.limits.message_bytes {
            self.end_with(Pop3Error::TooMuch { waiting_for: Pop3Step::Retrieve });
            return taken;
        }
        if !body.is_empty() {
            self.actions.push_back(Pop3Action::Body(body));
        }
        match end {
            DotEnd::Reached => self.ready(Pop3Action::Retrieved { number, bytes: total }, self.last_byte),
            DotEnd::NotYet => {}
        }
        taken
    }

    fn broken(&mut self, waiting_for: Pop3Step, line: &str) {
        self.end_with(Pop3Error::Broken { waiting_for, line: shown(line) });
    }

    fn fail(&mut self, error: impl FnOnce(Pop3Step) -> Pop3Error) {
        let step = match &self.state {
            State::Greeting => Pop3Step::Greeting,
            State::Capabilities(_) => Pop3Step::Capabilities,
            State::StartTls => Pop3Step::StartTls,
            State::Handshake => Pop3Step::Handshake,
            State::Login(_) | State::LoginRefused(_) => Pop3Step::Login,
            State::List(_) => Pop3Step::List,
            State::UniqueIds(_) => Pop3Step::UniqueIds,
            State::Ready | State::Retrieve(_) | State::Body { .. } => Pop3Step::Retrieve,
            State::Delete(_) => Pop3Step::Delete,
            State::Quit => Pop3Step::Quit,
            State::Over => return,
        };
        self.end_with(error(step));
    }

    fn end_with(&mut self, error: Pop3Error) {
        self.state = State::Over;
        self.messages = Vec::new();
        self.lines.clear();
        self.actions.extend([Pop3Action::Failed(error), Pop3Action::Close]);
    }
}

fn refused(step: Pop3Step, reply: &str) -> Pop3Error {
    Pop3Error::Refused { step, reply: shown(reply) }
}

/// What a server said, fit for a log.
fn shown(line: &str) -> String {
    let short = &line[..line.floor_char_boundary(400)];
    short.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
