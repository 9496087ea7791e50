use std::mem;
use std::time::Duration;

use super::{
    Encryption, Extent, Half, Pop3Action, Pop3Client, Pop3Error, Pop3Message, Pop3Step, State, refused, shown,
};
use crate::dots::DotReader;
use crate::limits::{
    POP3_CAPABILITIES_MAX, POP3_LINE_BYTES_MAX, POP3_LISTING_LINES_MAX, POP3_UNIQUE_ID_BYTES_MAX,
};
use crate::line::one_line;

/// The first line of a reply.
enum Status<'a> {
    Ok,
    Refused(&'a str),
    Challenge,
    Broken,
}

/// What a line of the server brings about, outside of messages.
impl Pop3Client {
    pub(super) fn hear(&mut self, line: &str, at: Duration) {
        match mem::replace(&mut self.state, State::Over) {
            State::Greeting => self.hear_status(line, Pop3Step::Greeting, |client| {
                client.say(b"CAPA\r\n".to_vec(), State::Capabilities(Extent::Nothing), at);
            }),
            State::Capabilities(Extent::Nothing) => match status(line) {
                Status::Ok => self.state = State::Capabilities(Extent::FirstLine),
                // A server older than RFC 2449.
                Status::Refused(_) => self.log_in(at),
                Status::Challenge | Status::Broken => self.broken(Pop3Step::Capabilities, line),
            },
            State::Capabilities(Extent::FirstLine) if line == "." => self.log_in(at),
            State::Capabilities(Extent::FirstLine) => {
                if self.capabilities.len() >= POP3_CAPABILITIES_MAX {
                    return self.end_with(Pop3Error::TooMuch { waiting_for: Pop3Step::Capabilities });
                }
                self.capabilities.push(one_line(line, POP3_LINE_BYTES_MAX).into_owned());
                self.state = State::Capabilities(Extent::FirstLine);
            }
            State::StartTls => self.hear_status(line, Pop3Step::StartTls, |client| {
                client.actions.push_back(Pop3Action::StartTls);
                client.go_on(State::Handshake, at);
            }),
            State::Login(half) => self.hear_login(half, line, at),
            State::LoginRefused(reason) => {
                let reply = if let Status::Refused(reply) = status(line) { reply.to_owned() } else { reason };
                self.end_with(refused(Pop3Step::Login, &reply));
            }
            State::List(Extent::Nothing) => {
                self.hear_status(line, Pop3Step::List, |client| {
                    client.state = State::List(Extent::FirstLine);
                });
            }
            State::List(Extent::FirstLine) if line == "." => {
                self.listed_lines = 0;
                self.say(b"UIDL\r\n".to_vec(), State::UniqueIds(Extent::Nothing), at);
            }
            State::List(Extent::FirstLine) => self.hear_listed(line),
            State::UniqueIds(Extent::Nothing) => match status(line) {
                Status::Ok => self.state = State::UniqueIds(Extent::FirstLine),
                Status::Refused(_) => self.listed(at),
                Status::Challenge | Status::Broken => self.broken(Pop3Step::UniqueIds, line),
            },
            State::UniqueIds(Extent::FirstLine) if line == "." => self.listed(at),
            State::UniqueIds(Extent::FirstLine) => self.hear_unique_id(line),
            // The server speaks unasked: it says good bye before it closes, or it is broken.
            State::Ready => self.broken(Pop3Step::Retrieve, line),
            State::Retrieve(number) => match status(line) {
                Status::Ok => {
                    // POP3 servers hand out what lies in the mailbox: lines may be of any length.
                    self.state = State::Body { number, dots: DotReader::new(usize::MAX), bytes: 0 };
                }
                Status::Refused(reply) => {
                    self.ready(Pop3Action::NotRetrieved { number, reply: shown(reply) }, at);
                }
                Status::Challenge | Status::Broken => self.broken(Pop3Step::Retrieve, line),
            },
            State::Delete(number) => match status(line) {
                Status::Ok => self.ready(Pop3Action::Marked { number }, at),
                Status::Refused(reply) => {
                    self.ready(Pop3Action::NotMarked { number, reply: shown(reply) }, at);
                }
                Status::Challenge | Status::Broken => self.broken(Pop3Step::Delete, line),
            },
            State::Quit => self.hear_status(line, Pop3Step::Quit, |client| {
                client.actions.extend([Pop3Action::Deleted, Pop3Action::Close]);
            }),
            State::Handshake | State::Body { .. } | State::Over => {}
        }
    }

    /// A reply of one line that must be good.
    fn hear_status(&mut self, line: &str, step: Pop3Step, then: impl FnOnce(&mut Self)) {
        match status(line) {
            Status::Ok => then(self),
            Status::Refused(reply) => self.end_with(refused(step, reply)),
            Status::Challenge | Status::Broken => self.broken(step, line),
        }
    }

    fn log_in(&mut self, at: Duration) {
        if self.encryption == Encryption::Wanted {
            if !self.capabilities.iter().any(|word| word.eq_ignore_ascii_case("STLS")) {
                return self.end_with(Pop3Error::TlsNotOffered);
            }
            return self.say(b"STLS\r\n".to_vec(), State::StartTls, at);
        }
        let command = self.credentials.first_command();
        self.say(command, State::Login(Half::First), at);
    }

    fn hear_login(&mut self, half: Half, line: &str, at: Duration) {
        match (half, status(line), self.credentials.is_challenge()) {
            (_, Status::Refused(reply), _) => self.end_with(refused(Pop3Step::Login, reply)),
            (Half::First, Status::Ok, false) | (Half::First, Status::Challenge, true) => {
                let command = self.credentials.second_command();
                self.say(command, State::Login(Half::Second), at);
            }
            (Half::Second, Status::Ok, _) => {
                self.say(b"LIST\r\n".to_vec(), State::List(Extent::Nothing), at);
            }
            (Half::Second, Status::Challenge, true) => {
                let reason = shown(line);
                self.say(b"\r\n".to_vec(), State::LoginRefused(reason), at);
            }
            (_, Status::Ok | Status::Challenge | Status::Broken, _) => self.broken(Pop3Step::Login, line),
        }
    }

    fn hear_listed(&mut self, line: &str) {
        if self.is_listing_endless() {
            return self.end_with(Pop3Error::TooMuch { waiting_for: Pop3Step::List });
        }
        let mut words = line.split_ascii_whitespace();
        let number = words.next().and_then(|word| word.parse().ok());
        let bytes = words.next().and_then(|word| word.parse().ok());
        let (Some(number), Some(bytes)) = (number, bytes) else {
            return self.broken(Pop3Step::List, line);
        };
        if self.messages.len() < self.limits.messages {
            self.messages.push(Pop3Message { number, bytes, unique_id: None });
        }
        self.state = State::List(Extent::FirstLine);
    }

    fn hear_unique_id(&mut self, line: &str) {
        if self.is_listing_endless() {
            return self.end_with(Pop3Error::TooMuch { waiting_for: Pop3Step::UniqueIds });
        }
        let Some((number, id)) =
            line.split_once(' ').and_then(|(n, id)| Some((n.parse::<u32>().ok()?, id.trim())))
        else {
            return self.broken(Pop3Step::UniqueIds, line);
        };
        // Servers list in the order of numbers, so the place is known; a server that does not is searched through.
        let guess = self.listed_lines - 1;
        let place = match self.messages.get(guess) {
            Some(message) if message.number == number => Some(guess),
            _ => self.messages.binary_search_by_key(&number, |message| message.number).ok(),
        };
        let fits =
            !id.is_empty() && id.len() <= POP3_UNIQUE_ID_BYTES_MAX && !id.chars().any(char::is_control);
        if let Some(place) = place
            && fits
        {
            self.messages[place].unique_id = Some(id.to_owned());
        }
        self.state = State::UniqueIds(Extent::FirstLine);
    }

    fn is_listing_endless(&mut self) -> bool {
        self.listed_lines += 1;
        self.listed_lines > POP3_LISTING_LINES_MAX
    }

    fn listed(&mut self, at: Duration) {
        let messages = mem::take(&mut self.messages);
        self.ready(Pop3Action::Listed(messages), at);
    }
}

fn status(line: &str) -> Status<'_> {
    let is = |word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ends = |length: usize| matches!(line.as_bytes().get(length), None | Some(b' ' | b'\t'));
    if is("+OK") && ends(3) {
        Status::Ok
    } else if is("-ERR") && ends(4) {
        Status::Refused(line[4..].trim())
    } else if line.starts_with('+') && ends(1) {
        Status::Challenge
    } else {
        Status::Broken
    }
}
