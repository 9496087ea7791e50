use std::collections::VecDeque;
use std::time::Duration;

use strum::{Display, IntoStaticStr};

use super::capabilities::Capabilities;
use super::command::{Command, HelloName};
use super::reply::{Reply, ReplyError, ReplyReader};
use super::transcript::{Speaker, Transcript};
use crate::limits::{
    CONVERSATION_BYTES_MAX, GREETING_MAX, HANDSHAKE_MAX, QUIT_MAX, REPLY_MAX, TRANSCRIPT_REPLY_LINES_MAX,
};

/// What the driver is to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Write [`Command::to_bytes`].
    Send(Command),
    /// Do a TLS handshake on the connection, then call [`ProbeClient::tls_established`] or [`ProbeClient::tls_failed`].
    StartTls,
    /// Close the connection; the conversation is over.
    Close,
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, Display, Eq, IntoStaticStr, PartialEq)]
pub enum Step {
    /// The greeting.
    #[strum(serialize = "greeting")]
    Greeting,
    /// The reply to EHLO.
    #[strum(serialize = "EHLO")]
    Ehlo,
    /// The reply to HELO, after EHLO was refused.
    #[strum(serialize = "HELO")]
    Helo,
    /// The reply to STARTTLS.
    #[strum(serialize = "STARTTLS")]
    StartTls,
    /// The TLS handshake.
    #[strum(serialize = "TLS handshake")]
    Handshake,
    /// The reply to EHLO within TLS.
    #[strum(serialize = "EHLO within TLS")]
    EhloWithinTls,
    /// The reply to QUIT.
    #[strum(serialize = "QUIT")]
    Quit,
}

/// How long each step may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// The whole greeting.
    pub greeting: Duration,
    /// A reply to EHLO, HELO, STARTTLS.
    pub reply: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// The reply to QUIT.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { greeting: GREETING_MAX, reply: REPLY_MAX, handshake: HANDSHAKE_MAX, quit: QUIT_MAX }
    }
}

impl Timeouts {
    fn of(&self, step: Step) -> Duration {
        match step {
            Step::Greeting => self.greeting,
            Step::Ehlo | Step::Helo | Step::StartTls | Step::EhloWithinTls => self.reply,
            Step::Handshake => self.handshake,
            Step::Quit => self.quit,
        }
    }
}

/// What became of STARTTLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum StartTlsOutcome {
    /// It did not come to that.
    #[default]
    NotReached,
    /// EHLO does not offer it, or EHLO is not understood.
    NotOffered,
    /// The server offers it and then says no.
    Refused(Reply),
    /// No reply to STARTTLS, or the handshake failed.
    Failed {
        /// Why.
        detail: String,
    },
    /// The connection is encrypted.
    Established,
}

/// How a conversation ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// We have asked all that we wanted to know.
    Done,
    /// The server closed the connection while we waited.
    Closed {
        /// For what.
        waiting_for: Step,
    },
    /// No whole reply in time.
    TimedOut {
        /// For what.
        waiting_for: Step,
        /// How long we waited.
        waited: Duration,
    },
    /// What came is no reply, or more than we take.
    Broken {
        /// Instead of what.
        waiting_for: Step,
        /// Why.
        error: ReplyError,
    },
    /// The server said more than [`CONVERSATION_BYTES_MAX`].
    TooMuch {
        /// What was waited for.
        waiting_for: Step,
    },
}

/// What was learned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conversation {
    /// The greeting.
    pub greeting: Option<Reply>,
    /// When the greeting was whole, since the start of the attempt.
    pub greeting_at: Option<Duration>,
    /// The reply to EHLO, or to HELO when EHLO was refused; before TLS.
    pub hello: Option<Reply>,
    /// The reply to EHLO within TLS.
    pub hello_within_tls: Option<Reply>,
    /// What the server offers; those from before TLS are forgotten (RFC 3207 §4.2).
    pub capabilities: Capabilities,
    /// What became of STARTTLS.
    pub starttls: StartTlsOutcome,
    /// Bytes in the clear between the reply to STARTTLS and the handshake: an injection, or a broken server. They are never read.
    pub discarded_bytes: usize,
    /// What came of a reply that never was whole.
    pub unfinished: Option<String>,
    /// How it ended; `None` while it lasts.
    pub end: Option<End>,
    /// All that was said, within limits.
    pub transcript: Transcript,
}

/// A conversation with a mail server that asks how it is: greeting, EHLO, STARTTLS, EHLO, QUIT.
///
/// Times are durations since the start of the attempt. The driver sends what [`Self::next_action`] says, gives the bytes that come to
/// [`Self::receive`], and calls [`Self::tick`] at [`Self::deadline`]. Nothing is said before the greeting is whole: servers take an early
/// EHLO as the mark of a spammer.
///
/// ```
/// use std::time::Duration;
/// use abprall_wire::smtp::{Action, Command, HelloName, ProbeClient, Timeouts};
///
/// let name = HelloName::parse("probe.example.org").unwrap();
/// let mut client = ProbeClient::new(name.clone(), Timeouts::default(), Duration::from_secs(30), Duration::ZERO);
/// assert_eq!(client.next_action(), None);
/// client.receive(b"220 mx.example ready\r\n", Duration::from_millis(20));
/// assert_eq!(client.next_action(), Some(Action::Send(Command::Ehlo(name))));
/// ```
#[derive(Clone, Debug)]
pub struct ProbeClient {
    name: HelloName,
    timeouts: Timeouts,
    limit: Duration,
    state: State,
    reader: ReplyReader,
    heard_bytes: usize,
    actions: VecDeque<Action>,
    conversation: Conversation,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting { step: Step, since: Duration },
    Ended,
}

impl ProbeClient {
    /// A conversation on a connection that stands since `at`; it ends at `limit` at the latest.
    pub fn new(name: HelloName, timeouts: Timeouts, limit: Duration, at: Duration) -> Self {
        Self {
            name,
            timeouts,
            limit,
            state: State::Waiting { step: Step::Greeting, since: at },
            reader: ReplyReader::default(),
            heard_bytes: 0,
            actions: VecDeque::new(),
            conversation: Conversation::default(),
        }
    }

    /// What to do next; `None` until more bytes or the deadline come.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::tick`] is to be called at the latest; `None` at the end.
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Waiting { step, since } => Some((since + self.timeouts.of(step)).min(self.limit)),
            State::Ended => None,
        }
    }

    /// Takes bytes that the server sent.
    pub fn receive(&mut self, mut bytes: &[u8], at: Duration) {
        while !bytes.is_empty() {
            let State::Waiting { step, .. } = self.state else { return };
            if step == Step::Handshake {
                // Nothing in the clear may count as said within TLS (RFC 3207 §6, CVE-2011-0411).
                self.conversation.discarded_bytes += bytes.len();
                return;
            }
            let room = CONVERSATION_BYTES_MAX - self.heard_bytes;
            if room == 0 {
                return self.end(End::TooMuch { waiting_for: step }, at);
            }
            let (taken, event) = self.reader.read(&bytes[..bytes.len().min(room)]);
            self.heard_bytes += taken;
            bytes = &bytes[taken..];
            match event {
                Some(Ok(reply)) => self.hear(step, reply, at),
                Some(Err(error)) => self.end(End::Broken { waiting_for: step, error }, at),
                None => {}
            }
        }
    }

    /// The server closed or reset the connection.
    pub fn closed(&mut self, at: Duration) {
        if let State::Waiting { step, .. } = self.state {
            self.end(End::Closed { waiting_for: step }, at);
        }
    }

    /// Time passes; at the deadline the waiting ends.
    pub fn tick(&mut self, at: Duration) {
        if let State::Waiting { step, since } = self.state
            && self.deadline().is_some_and(|deadline| at >= deadline)
        {
            self.end(End::TimedOut { waiting_for: step, waited: at.saturating_sub(since) }, at);
        }
    }

    /// The handshake succeeded; `description` is for the transcript.
    pub fn tls_established(&mut self, description: &str, at: Duration) {
        if !self.is_waiting_for(Step::Handshake) {
            return;
        }
        self.remark_discarded(at);
        self.note(at, &format!("TLS established: {description}"));
        self.reader = ReplyReader::default();
        self.conversation.capabilities = Capabilities::default();
        self.conversation.starttls = StartTlsOutcome::Established;
        self.say(Command::Ehlo(self.name.clone()), Step::EhloWithinTls, at);
    }

    /// The handshake failed: the connection is of no use any more.
    pub fn tls_failed(&mut self, detail: &str, at: Duration) {
        if !self.is_waiting_for(Step::Handshake) {
            return;
        }
        self.remark_discarded(at);
        self.note(at, &format!("TLS failed: {detail}"));
        self.conversation.starttls = StartTlsOutcome::Failed { detail: detail.to_owned() };
        self.finish(End::Done);
    }

    /// What was learned until now.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// What was learned.
    pub fn into_conversation(self) -> Conversation {
        self.conversation
    }

    fn hear(&mut self, step: Step, reply: Reply, at: Duration) {
        self.write_down(&reply, at);
        match step {
            Step::Greeting => {
                let welcome = reply.is_success();
                self.conversation.greeting_at = Some(at);
                self.conversation.greeting = Some(reply);
                if welcome {
                    self.say(Command::Ehlo(self.name.clone()), Step::Ehlo, at);
                } else {
                    self.quit(at);
                }
            }
            Step::Ehlo if reply.is_permanent() => {
                self.conversation.hello = Some(reply);
                self.say(Command::Helo(self.name.clone()), Step::Helo, at);
            }
            Step::Ehlo => {
                if reply.is_success() {
                    self.conversation.capabilities = Capabilities::of(&reply);
                    self.conversation.starttls = StartTlsOutcome::NotOffered;
                }
                self.conversation.hello = Some(reply);
                if self.conversation.capabilities.offers("STARTTLS") {
                    self.conversation.starttls = StartTlsOutcome::NotReached;
                    self.say(Command::StartTls, Step::StartTls, at);
                } else {
                    self.quit(at);
                }
            }
            Step::Helo => {
                if reply.is_success() {
                    self.conversation.starttls = StartTlsOutcome::NotOffered;
                }
                self.conversation.hello = Some(reply);
                self.quit(at);
            }
            Step::StartTls if reply.is_success() => {
                self.state = State::Waiting { step: Step::Handshake, since: at };
                self.actions.push_back(Action::StartTls);
            }
            Step::StartTls => {
                self.conversation.starttls = StartTlsOutcome::Refused(reply);
                self.quit(at);
            }
            Step::EhloWithinTls => {
                if reply.is_success() {
                    self.conversation.capabilities = Capabilities::of(&reply);
                }
                self.conversation.hello_within_tls = Some(reply);
                self.quit(at);
            }
            Step::Handshake | Step::Quit => self.finish(End::Done),
        }
    }

    fn quit(&mut self, at: Duration) {
        self.say(Command::Quit, Step::Quit, at);
    }

    fn say(&mut self, command: Command, then: Step, at: Duration) {
        self.conversation.transcript.add(at, Speaker::Client, &command.to_string());
        self.actions.push_back(Action::Send(command));
        self.state = State::Waiting { step: then, since: at };
    }

    /// An end that the server brings about. After QUIT every end is a good one.
    fn end(&mut self, end: End, at: Duration) {
        let remark = match &end {
            End::Done => "done".to_owned(),
            End::Closed { waiting_for } => format!("closed by the server ({waiting_for})"),
            End::TimedOut { waiting_for, waited } => {
                format!("no whole answer within {:.1} s ({waiting_for})", waited.as_secs_f64())
            }
            End::Broken { waiting_for, error } => format!("{error} ({waiting_for})"),
            End::TooMuch { waiting_for } => {
                format!("more than {CONVERSATION_BYTES_MAX} bytes in all ({waiting_for})")
            }
        };
        let unfinished = self.reader.unfinished();
        for line in unfinished.iter().flat_map(|text| text.split('\n')).take(TRANSCRIPT_REPLY_LINES_MAX) {
            self.conversation.transcript.add(at, Speaker::Server, line);
        }
        self.note(at, &remark);
        if self.is_waiting_for(Step::Quit) {
            return self.finish(End::Done);
        }
        if self.is_waiting_for(Step::StartTls) || self.is_waiting_for(Step::Handshake) {
            self.conversation.starttls = StartTlsOutcome::Failed { detail: remark };
        }
        self.conversation.unfinished = unfinished;
        self.finish(end);
    }

    fn finish(&mut self, end: End) {
        self.conversation.end = Some(end);
        self.state = State::Ended;
        self.reader = ReplyReader::default();
        self.actions.push_back(Action::Close);
    }

    fn is_waiting_for(&self, wanted: Step) -> bool {
        match self.state {
            State::Waiting { step, .. } => step == wanted,
            State::Ended => false,
        }
    }

    fn remark_discarded(&mut self, at: Duration) {
        let bytes = self.conversation.discarded_bytes;
        if bytes > 0 {
            self.note(at, &format!("{bytes} bytes in the clear after STARTTLS were not read"));
        }
    }

    fn write_down(&mut self, reply: &Reply, at: Duration) {
        let count = reply.lines().count();
        for (index, text) in reply.lines().take(TRANSCRIPT_REPLY_LINES_MAX).enumerate() {
            let separator = if index + 1 < count { '-' } else { ' ' };
            let line = format!("{:03}{separator}{text}", reply.code);
            self.conversation.transcript.add(at, Speaker::Server, line.trim_end());
        }
        if count > TRANSCRIPT_REPLY_LINES_MAX {
            self.note(at, &format!("… ({} more lines)", count - TRANSCRIPT_REPLY_LINES_MAX));
        }
    }

    fn note(&mut self, at: Duration, text: &str) {
        self.conversation.transcript.add(at, Speaker::Network, text);
    }
}

#[cfg(test)]
mod tests;
