//! Splits a mailbox file into messages as it streams by: mboxo, mboxrd, mboxcl and mboxcl2 (RFC 4155 appendix A names the family).

use std::io::{self, BufRead};

use crate::limits::MESSAGE_BYTES_MAX;
use memchr::{memchr, memmem};

/// Whether a file that starts like this is a mailbox: its first line is a `From ` line.
pub fn is_mbox(start: &[u8]) -> bool {
    let line = memchr(b'\n', start).map_or(start, |end| &start[..end]);
    is_from_line(line)
}

/// The messages of a mailbox, one by one. Only one is in memory, and of that at most [`MESSAGE_BYTES_MAX`] and a line.
pub struct Mbox<R> {
    input: R,
    line: Vec<u8>,
    /// The `From ` line of the next message has been read.
    at_message: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Splits what `input` gives.
    pub fn new(input: R) -> Self {
        Self { input, line: Vec::new(), at_message: false }
    }

    /// The next message without its `From ` line; `None` at the end.
    ///
    /// # Errors
    /// Those of the input.
    pub fn next_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.at_message {
            // Only at the start of the file: what stands before the first `From ` line is nothing.
            loop {
                if !self.read_line()? {
                    return Ok(None);
                }
                if is_from_line(&self.line) {
                    break;
                }
            }
        }
        self.at_message = false;
        let mut message = Vec::new();
        let length = self.read_header(&mut message)?;
        if let Some(length) = length {
            self.read_counted_body(&mut message, length)?;
        }
        self.read_body(&mut message)?;
        Ok(Some(message))
    }

    /// Copies the header; gives the Content-Length that mboxcl and mboxcl2 write.
    fn read_header(&mut self, message: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut length = None;
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            if is_from_line(&self.line) && is_blank_before(message) {
                self.at_message = true;
                return Ok(None);
            }
            if let Some(value) = value_of(&self.line, b"content-length:") {
                length = std::str::from_utf8(value).ok().and_then(|v| v.trim().parse().ok());
            }
            append(message, &self.line);
            if is_blank(&self.line) {
                return Ok(length);
            }
        }
    }

    /// Takes a body by its stated length, if a message boundary really follows there within what is buffered or the file ends;
    /// a wrong Content-Length is common, so it is believed only when it fits.
    fn read_counted_body(&mut self, message: &mut Vec<u8>, length: usize) -> io::Result<()> {
        let ahead = self.input.fill_buf()?;
        let Some(rest) = ahead.get(length..) else { return Ok(()) };
        let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
        let line = memchr(b'\n', rest).map_or(rest, |end| &rest[..end]);
        if is_from_line(line) {
            append(message, &ahead[..length]);
            self.input.consume(length);
        }
        Ok(())
    }

    fn read_body(&mut self, message: &mut Vec<u8>) -> io::Result<()> {
        if self.at_message {
            return Ok(());
        }
        let mut after_blank = true;
        while self.read_line()? {
            if after_blank && is_from_line(&self.line) {
                self.at_message = true;
                break;
            }
            after_blank = is_blank(&self.line);
            // mboxrd quotes `From ` and `>From ` by one more `>`; mboxo quotes only the first. One comes off in both.
            let quoted = self.line.iter().take_while(|byte| **byte == b'>').count();
            let line = if quoted > 0 && self.line[quoted..].starts_with(b"From ") {
                &self.line[1..]
            } else {
                &self.line
            };
            append(message, line);
        }
        Ok(())
    }

    /// Reads one line with its end; long ones in pieces of bounded size. False at the end of the file.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        loop {
            let ahead = self.input.fill_buf()?;
            if ahead.is_empty() {
                return Ok(!self.line.is_empty());
            }
            let (take, ended) = match memchr(b'\n', ahead) {
                Some(end) => (end + 1, true),
                None => (ahead.len(), false),
            };
            self.line.extend_from_slice(&ahead[..take]);
            self.input.consume(take);
            if ended || self.line.len() > MESSAGE_BYTES_MAX {
                return Ok(true);
            }
        }
    }
}

/// Adds to a message, up to the size that is read at all.
fn append(message: &mut Vec<u8>, line: &[u8]) {
    let room = (MESSAGE_BYTES_MAX + 1).saturating_sub(message.len());
    message.extend_from_slice(&line[..line.len().min(room)]);
}

/// `From sender date`: the date's time keeps a sentence that starts with "From " from cutting a message in two.
fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    if line.len() > 1024 {
        return false;
    }
    let has_time =
        rest.windows(5).any(|w| w[2] == b':' && [w[0], w[1], w[3], w[4]].iter().all(u8::is_ascii_digit));
    let has_month = MONTHS.iter().any(|month| memmem::find(rest, month).is_some());
    has_time && has_month
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

fn is_blank(line: &[u8]) -> bool {
    line == b"\n" || line == b"\r\n"
}

fn is_blank_before(message: &[u8]) -> bool {
    message.is_empty() || message.ends_with(b"\n\n") || message.ends_with(b"\n\r\n")
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    line.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &line[name.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(mailbox: &str) -> Vec<String> {
        let mut mbox = Mbox::new(mailbox.as_bytes());
        let mut messages = Vec::new();
        while let Some(message) = mbox.next_message().unwrap() {
            messages.push(String::from_utf8(message).unwrap());
        }
        messages
    }

    const FROM: &str = "From MAILER-DAEMON Mon Nov 23 23:02:25 2026\n";

    #[test]
    fn messages_are_cut_at_from_lines_after_a_blank_line() {
        let mailbox = format!("{FROM}Subject: a\n\nfirst\n\n{FROM}Subject: b\n\nsecond\n");
        assert_eq!(split(&mailbox), ["Subject: a\n\nfirst\n\n", "Subject: b\n\nsecond\n"]);
    }

    #[test]
    fn a_sentence_that_starts_with_from_does_not_cut() {
        let mailbox = format!("{FROM}Subject: a\n\nfirst\n\nFrom what I hear, nothing is lost.\n");
        assert_eq!(split(&mailbox).len(), 1);
    }

    #[test]
    fn quoting_of_from_lines_is_undone_by_one_level() {
        let mailbox = format!("{FROM}Subject: a\n\n>From here\n>>From there\n>other\n");
        assert_eq!(split(&mailbox), ["Subject: a\n\nFrom here\n>From there\n>other\n"]);
    }

    #[test]
    fn a_content_length_that_fits_is_believed() {
        let body = format!("hello\n\n{FROM}not a message\n");
        let mailbox = format!("{FROM}Content-Length: {}\n\n{body}\n{FROM}Subject: b\n\n", body.len());
        let messages = split(&mailbox);
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("not a message"));
    }

    #[test]
    fn a_wrong_content_length_is_not_believed() {
        let mailbox = format!("{FROM}Content-Length: 3\n\nlonger than that\n\n{FROM}Subject: b\n\n");
        assert_eq!(split(&mailbox).len(), 2);
    }

    #[test]
    fn a_message_without_a_body_ends_at_the_next_from_line() {
        let mailbox = format!("{FROM}Subject: a\n\n{FROM}Subject: b\n\n");
        assert_eq!(split(&mailbox), ["Subject: a\n\n", "Subject: b\n\n"]);
    }

    #[test]
    fn an_empty_file_has_no_message() {
        assert!(split("").is_empty());
        assert!(!is_mbox(b""));
        assert!(is_mbox(FROM.as_bytes()));
    }
}
