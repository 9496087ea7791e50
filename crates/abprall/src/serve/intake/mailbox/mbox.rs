//! A mailbox file that a mail server appends to. It is only read: where it was read to is remembered beside the database.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use abprall_bounce::{Mbox, is_mbox};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use xxhash_rust::xxh3::xxh3_128;

use super::backoff::Backoff;
use super::dotlock::Dotlock;
use super::voice::Voice;
use super::{Taker, Trouble, remembered};
use crate::serve::limits::{MAILBOX_BATCH_MESSAGES, MESSAGE_BYTES_MAX};

/// Bytes that are read at once. The largest message fits, with the line that begins the next one.
const PIECE_BYTES: u64 = MESSAGE_BYTES_MAX + 64 * 1024;

/// Bytes before the place whose fingerprint tells whether it is still the same file.
const PRINT_BYTES: u64 = 4096;

/// Where a file was read to. The bytes before it tell whether it was exchanged or rewritten meanwhile: then it is read from its start,
/// and what is known counts once.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Position {
    offset: u64,
    print_bytes: u64,
    print: String,
}

pub(super) async fn watch(path: PathBuf, state: PathBuf, interval: Duration, taker: Taker, mut voice: Voice) {
    let mut backoff = Backoff::new(interval);
    loop {
        let wait = match look(&path, &state, &taker, &mut voice).await {
            Ok(()) => {
                voice.well();
                backoff.reset();
                interval
            }
            Err(trouble) => {
                voice.trouble(trouble);
                backoff.failed()
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Reads to the end.
async fn look(path: &Path, state: &Path, taker: &Taker, voice: &mut Voice) -> Result<(), Trouble> {
    let cannot = |error: io::Error| Trouble(format!("cannot read {}: {error}", path.display()));
    let mut position: Position = remembered::load(state)?;
    loop {
        match path.metadata() {
            Ok(data) if data.len() == position.offset => return Ok(()),
            Ok(_) => {}
            // The mail server makes it with the first message.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(cannot(error)),
        }
        let lock = Dotlock::take(path).await?;
        let found = block_in_place(|| {
            let mut file = File::open(path)?;
            let begin = position.or_start(&mut file)?.offset;
            let (piece, end) = read_piece(&mut file, begin)?;
            Ok((piece, Position::at(&mut file, end)?))
        });
        drop(lock);
        let (piece, next) = found.map_err(cannot)?;
        match piece {
            Piece::Messages(bytes) => {
                let mut mbox = Mbox::new(&bytes[..]);
                loop {
                    let mut messages = Vec::new();
                    while messages.len() < MAILBOX_BATCH_MESSAGES
                        && let Some(message) = mbox.next_message().map_err(cannot)?
                    {
                        messages.push(message);
                    }
                    if messages.is_empty() {
                        break;
                    }
                    taker.take(&messages).await?;
                }
            }
            Piece::TooLarge => {
                let mebibytes = MESSAGE_BYTES_MAX / 1024 / 1024;
                let what = format!("the message before byte {}", next.offset);
                voice.about(&what, &format!("it is larger than {mebibytes} MiB, and is passed over"));
            }
        }
        position = next;
        remembered::save(&position, state)?;
    }
}

/// What comes next in a file.
#[derive(Debug, Eq, PartialEq)]
enum Piece {
    /// Whole messages.
    Messages(Vec<u8>),
    /// A message that is larger than we take.
    TooLarge,
}

impl Position {
    fn at(file: &mut File, offset: u64) -> io::Result<Self> {
        let print_bytes = offset.min(PRINT_BYTES);
        Ok(Self { offset, print_bytes, print: print(file, offset - print_bytes, print_bytes)? })
    }

    /// The start, where it is another file.
    fn or_start(&self, file: &mut File) -> io::Result<Self> {
        let begin = self.offset.saturating_sub(self.print_bytes);
        let same =
            file.metadata()?.len() >= self.offset && print(file, begin, self.print_bytes)? == self.print;
        Ok(if same { self.clone() } else { Self::default() })
    }
}

/// The fingerprint of some bytes: the bytes themselves would be addresses of people.
fn print(file: &mut File, begin: u64, length: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take(length.min(PRINT_BYTES)).read_to_end(&mut bytes)?;
    Ok(if length == 0 { String::new() } else { format!("{:032x}", xxh3_128(&bytes)) })
}

/// What comes next, and where it ends.
fn read_piece(file: &mut File, offset: u64) -> io::Result<(Piece, u64)> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(PIECE_BYTES).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < PIECE_BYTES {
        let end = offset + bytes.len() as u64;
        return Ok((Piece::Messages(bytes), end));
    }
    if let Some(end) = last_message(&bytes) {
        bytes.truncate(end);
        return Ok((Piece::Messages(bytes), offset + end as u64));
    }
    // It begins in what was read, and ends later. The line that begins the next one may be cut by the piece.
    let mut begin = offset + PIECE_BYTES - FROM_LINE_BYTES;
    loop {
        bytes.clear();
        file.seek(SeekFrom::Start(begin))?;
        file.take(PIECE_BYTES).read_to_end(&mut bytes)?;
        if let Some(next) = first_message(&bytes) {
            return Ok((Piece::TooLarge, begin + next as u64));
        }
        if (bytes.len() as u64) < PIECE_BYTES {
            return Ok((Piece::TooLarge, begin + bytes.len() as u64));
        }
        begin += PIECE_BYTES - FROM_LINE_BYTES;
    }
}

/// A `From ` line with the empty line before it has less.
const FROM_LINE_BYTES: u64 = 2048;

const BEFORE: &[u8] = b"\n\nFrom ";

/// Where the last message begins.
fn last_message(bytes: &[u8]) -> Option<usize> {
    let mut places = memmem::rfind_iter(bytes, BEFORE);
    places.find(|at| is_mbox(&bytes[at + 2..])).map(|at| at + 2)
}

/// Where the first message begins.
fn first_message(bytes: &[u8]) -> Option<usize> {
    let mut places = memmem::find_iter(bytes, BEFORE);
    places.find(|at| is_mbox(&bytes[at + 2..])).map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const FROM: &str = "From MAILER-DAEMON Tue Nov 24 12:00:00 2026\n";

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_place_is_known_again_and_another_file_begins_at_its_start() {
        let mut before = file(&format!("{FROM}Subject: a\n\na\n\n"));
        let length = before.metadata().unwrap().len();
        let position = Position::at(&mut before, length).unwrap();
        before.write_all(b"more").unwrap();
        assert_eq!(position.or_start(&mut before).unwrap(), position);
        let mut other = file(&format!("{FROM}Subject: b\n\nb\n\nmuch more"));
        assert_eq!(position.or_start(&mut other).unwrap(), Position::default());
        assert_eq!(position.or_start(&mut file("short")).unwrap(), Position::default());
        let start = Position::default();
        assert_eq!(start.or_start(&mut other).unwrap(), start);
    }

    #[test]
    fn a_message_that_is_too_large_is_passed_over_and_the_next_one_is_found() {
        let large = "x".repeat(79) + "\n";
        let large = large.repeat(usize::try_from(PIECE_BYTES).unwrap() / 80 + 1000);
        let whole = format!("{FROM}Subject: large\n\n{large}\n{FROM}Subject: next\n\nnext\n\n");
        let mut mailbox = file(&whole);
        let (piece, end) = read_piece(&mut mailbox, 0).unwrap();
        assert_eq!(piece, Piece::TooLarge);
        let (Piece::Messages(rest), _) = read_piece(&mut mailbox, end).unwrap() else { panic!("too large") };
        assert!(rest.starts_with(FROM.as_bytes()) && rest.ends_with(b"next\n\n"));
    }

    #[test]
    fn a_piece_ends_between_two_messages() {
        let one = format!("{FROM}Subject: a\n\n{}\n\n", "y".repeat(1_000_000));
        let mut mailbox = file(&one.repeat(12));
        let (Piece::Messages(bytes), _) = read_piece(&mut mailbox, 0).unwrap() else { panic!("too large") };
        assert_eq!(bytes.len() % one.len(), 0);
        assert_eq!(bytes.len() / one.len(), 10);
    }
}
