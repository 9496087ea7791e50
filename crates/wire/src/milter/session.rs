use super::answer::MilterAnswer;
use super::event::{self, MilterEvent};
use super::packet::{self, Packet, PacketReader};
use crate::limits::MILTER_PACKET_BYTES_MAX;

/// The newest version of the protocol that we speak.
const VERSION: u32 = 6;
/// The oldest. Version 2 is Sendmail 8.12 of 2001; it knows no bits beyond the first seven.
const VERSION_MIN: u32 = 2;

/// Bits of option negotiation that ask the mail server to leave something out (`SMFIP_NO…`).
const NO_CONNECT: u32 = 0x01;
const NO_HELO: u32 = 0x02;
const NO_MAIL: u32 = 0x04;
const NO_RCPT: u32 = 0x08;
const NO_BODY: u32 = 0x10;
const NO_HEADERS: u32 = 0x20;
const NO_END_OF_HEADERS: u32 = 0x40;
const NO_UNKNOWN: u32 = 0x100;
const NO_DATA: u32 = 0x200;

/// What a filter wants to be asked. A mail server may ask more than that; then [`MilterAnswer::Continue`] is right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Steps {
    /// MAIL and RCPT: who sends, and to whom. The fewest round trips for a gate that judges recipients.
    Envelope,
    /// Also the client, the headers and the body.
    Everything,
}

impl Steps {
    fn left_out(self) -> u32 {
        match self {
            Steps::Everything => 0,
            Steps::Envelope => {
                NO_CONNECT | NO_HELO | NO_BODY | NO_HEADERS | NO_END_OF_HEADERS | NO_UNKNOWN | NO_DATA
            }
        }
    }
}

/// Why the conversation cannot go on: the connection is to be closed, and the mail server does what it is configured to
/// (`milter_default_action`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MilterError {
    /// A packet without a command.
    #[error("a milter packet of no length")]
    EmptyPacket,
    /// A packet beyond [`MILTER_PACKET_BYTES_MAX`].
    #[error("a milter packet of more than {MILTER_PACKET_BYTES_MAX} bytes")]
    PacketTooLong,
    /// The first packet is not option negotiation.
    #[error("a milter conversation that does not begin with option negotiation")]
    NotNegotiated,
    /// A version that we do not speak.
    #[error("milter protocol version {0} is older than {VERSION_MIN}")]
    Version(u32),
    /// A command that nobody knows.
    #[error("no milter command: {command:?}")]
    UnknownCommand {
        /// Its letter.
        command: char,
    },
    /// The data of a command is not what it must be.
    #[error("milter command {command:?} with data that does not belong to it")]
    Malformed {
        /// Its letter.
        command: char,
    },
    /// A question although the last one is not answered.
    #[error("the mail server asks on without waiting for an answer")]
    OutOfTurn,
}

/// An answer to nothing: a fault of the owner; nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the mail server has asked nothing")]
pub struct NothingAsked;

/// The filter's side of one connection of a mail server. Holds at most one packet.
///
/// The owner gives the bytes that come to [`Self::read`], sends what is added to `out`, and answers each event for which
/// [`Self::awaits_answer`] says so.
///
/// ```
/// use abprall_wire::milter::{MilterAnswer, MilterEvent, MilterSession, Steps};
///
/// let mut session = MilterSession::new(Steps::Envelope);
/// let mut out = Vec::new();
/// let hello = b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";
/// assert_eq!(session.read(hello, &mut out), (hello.len(), None));
/// assert_eq!(&out[..5], b"\0\0\0\rO");
///
/// let (_, event) = session.read(b"\0\0\0\x1fR<user@ok.test>\0NOTIFY=FAILURE\0", &mut out);
/// let Some(Ok(MilterEvent::Rcpt { recipient, parameters })) = event else { panic!() };
/// assert_eq!((recipient.as_str(), parameters[0].as_str()), ("user@ok.test", "NOTIFY=FAILURE"));
/// out.clear();
/// session.answer(&MilterAnswer::Continue, &mut out).unwrap();
/// assert_eq!(out, b"\0\0\0\x01c");
/// ```
#[derive(Clone, Debug)]
pub struct MilterSession {
    packets: PacketReader,
    steps: Steps,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Beginning,
    Listening,
    AwaitingAnswer,
    Over,
}

impl MilterSession {
    /// A connection that was just accepted.
    pub fn new(steps: Steps) -> Self {
        Self { packets: PacketReader::default(), steps, state: State::Beginning }
    }

    /// Takes bytes until there is an event. Gives how many were taken (all, unless there is an event), and the event. Option negotiation
    /// is no event: its answer is added to `out`.
    ///
    /// # Errors
    /// When the bytes are no packet, or out of turn. Then the connection is of no use any more and further bytes are thrown away.
    pub fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> (usize, Option<Result<MilterEvent, MilterError>>) {
        if self.state == State::Over {
            return (bytes.len(), None);
        }
        let mut taken = 0;
        while taken < bytes.len() {
            let (of_packet, found) = self.packets.read(&bytes[taken..]);
            taken += of_packet;
            let event = match found {
                None => continue,
                Some(Ok(packet)) => self.hear(packet, out).transpose(),
                Some(Err(error)) => Some(Err(error)),
            };
            if let Some(event) = event {
                if event.is_err() {
                    self.state = State::Over;
                    self.packets = PacketReader::default();
                }
                return (taken, Some(event));
            }
        }
        (taken, None)
    }

    /// Whether the last event is to be answered.
    pub fn awaits_answer(&self) -> bool {
        self.state == State::AwaitingAnswer
    }

    /// Answers the last event: adds the packet to `out`.
    ///
    /// # Errors
    /// When nothing is to be answered; then nothing is added.
    pub fn answer(&mut self, answer: &MilterAnswer, out: &mut Vec<u8>) -> Result<(), NothingAsked> {
        if self.state != State::AwaitingAnswer {
            return Err(NothingAsked);
        }
        self.state = State::Listening;
        answer.write(out);
        Ok(())
    }

    /// Whether a packet has begun and not ended: a peer that is silent now is not idle but stuck.
    pub fn is_amid_a_request(&self) -> bool {
        self.packets.is_amid()
    }

    fn hear(&mut self, packet: Packet, out: &mut Vec<u8>) -> Result<Option<MilterEvent>, MilterError> {
        match (self.state, packet.command) {
            // Postfix and Sendmail may give up a message, or leave, while we think.
            (State::AwaitingAnswer, b'A' | b'Q' | b'K') => self.state = State::Listening,
            (State::AwaitingAnswer, _) => return Err(MilterError::OutOfTurn),
            (State::Beginning | State::Listening, b'O') => {
                self.negotiate(&packet.data, out)?;
                self.state = State::Listening;
                return Ok(None);
            }
            (State::Beginning, b'Q') => {}
            (State::Beginning, _) => return Err(MilterError::NotNegotiated),
            (State::Listening | State::Over, _) => {}
        }
        let event = event::parse(packet.command, packet.data)?;
        self.state = match event {
            MilterEvent::Macros { .. } | MilterEvent::Abort | MilterEvent::NextClient => State::Listening,
            MilterEvent::Quit => State::Over,
            MilterEvent::Connect { .. }
            | MilterEvent::Helo { .. }
            | MilterEvent::Mail { .. }
            | MilterEvent::Rcpt { .. }
            | MilterEvent::Data
            | MilterEvent::UnknownCommand(_)
            | MilterEvent::Header { .. }
            | MilterEvent::EndOfHeaders
            | MilterEvent::Body(_)
            | MilterEvent::EndOfMessage(_) => State::AwaitingAnswer,
        };
        Ok(Some(event))
    }

    /// Version, actions (we take none), steps: of what the mail server offers to leave out, what we do not want.
    fn negotiate(&self, data: &[u8], out: &mut Vec<u8>) -> Result<(), MilterError> {
        let Some((words, _)) = data.split_first_chunk::<12>() else {
            return Err(MilterError::Malformed { command: 'O' });
        };
        let word = |at: usize| u32::from_be_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]]);
        let (version, offered) = (word(0), word(8));
        if version < VERSION_MIN {
            return Err(MilterError::Version(version));
        }
        let left_out = self.steps.left_out() & offered & !(NO_MAIL | NO_RCPT);
        let mut answer = Vec::with_capacity(12);
        for word in [version.min(VERSION), 0, left_out] {
            answer.extend_from_slice(&u32::to_be_bytes(word));
        }
        packet::write(out, b'O', &answer);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
