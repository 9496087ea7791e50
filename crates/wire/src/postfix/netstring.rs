use std::mem;

use crate::limits::SOCKETMAP_QUERY_BYTES_MAX;

/// Takes netstrings (`3:abc,`) out of bytes as they come, in any pieces. Holds at most [`SOCKETMAP_QUERY_BYTES_MAX`] bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct NetstringReader {
    state: State,
    content: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    Length(usize),
    Content(usize),
    Comma,
}

/// Why bytes are no netstring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NetstringError {
    NoLength,
    LeadingZero,
    TooLong,
    NoComma,
}

impl NetstringReader {
    /// Takes bytes until a netstring is whole.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<Vec<u8>, NetstringError>>) {
        let mut at = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..]) {
                Ok((taken, Step::On)) => at += taken,
                Ok((taken, Step::Whole)) => {
                    self.state = State::Start;
                    return (at + taken, Some(Ok(mem::take(&mut self.content))));
                }
                Err(error) => {
                    *self = Self::default();
                    return (bytes.len(), Some(Err(error)));
                }
            }
        }
        (bytes.len(), None)
    }

    pub(super) fn is_amid(&self) -> bool {
        !matches!(self.state, State::Start)
    }

    /// One step over bytes that are not empty.
    fn step(&mut self, bytes: &[u8]) -> Result<(usize, Step), NetstringError> {
        let byte = bytes[0];
        match self.state {
            State::Start if byte.is_ascii_digit() => self.state = State::Length(usize::from(byte - b'0')),
            State::Start => return Err(NetstringError::NoLength),
            State::Length(0) if byte.is_ascii_digit() => return Err(NetstringError::LeadingZero),
            State::Length(length) if byte.is_ascii_digit() => {
                let length = length * 10 + usize::from(byte - b'0');
                if length > SOCKETMAP_QUERY_BYTES_MAX {
                    return Err(NetstringError::TooLong);
                }
                self.state = State::Length(length);
            }
            State::Length(length) if byte == b':' => {
                self.state = if length == 0 { State::Comma } else { State::Content(length) };
            }
            State::Length(_) => return Err(NetstringError::NoLength),
            State::Content(missing) => {
                let taken = missing.min(bytes.len());
                self.content.extend_from_slice(&bytes[..taken]);
                self.state = if taken == missing { State::Comma } else { State::Content(missing - taken) };
                return Ok((taken, Step::On));
            }
            State::Comma if byte == b',' => return Ok((1, Step::Whole)),
            State::Comma => return Err(NetstringError::NoComma),
        }
        Ok((1, Step::On))
    }
}

enum Step {
    On,
    Whole,
}
