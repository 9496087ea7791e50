//! Opens one input: a file or standard input, plain or gzipped, and counts the bytes that were taken from it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// The first two bytes of every gzip member (RFC 1952 §2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// `-` stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens `path`; gzip is undone. `taken` grows by the bytes that leave the file itself.
pub(super) fn open(path: &Path, taken: &Arc<AtomicU64>) -> io::Result<Box<dyn BufRead + Send>> {
    let raw: Box<dyn Read + Send> =
        if is_stdin(path) { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut plain = BufReader::with_capacity(BUFFER_BYTES, Counted { raw, taken: Arc::clone(taken) });
    if plain.fill_buf()?.starts_with(&GZIP_MAGIC) {
        let unpacked = BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain));
        return with_line_feeds(unpacked);
    }
    with_line_feeds(plain)
}

/// Input whose lines end in bare CR (Mac OS before X, broken filters) gets LF in their place: else a mailbox would be one line.
fn with_line_feeds(mut input: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let start = input.fill_buf()?;
    // A CR at the end of what is there so far may be half of a CRLF.
    let bare = start.split_last().is_some_and(|(_, start)| start.contains(&b'\r')) && !start.contains(&b'\n');
    if bare {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, CrToLf(input))));
    }
    Ok(Box::new(input))
}

struct CrToLf<R>(R);

impl<R: Read> Read for CrToLf<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        buffer[..count].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(count)
    }
}

struct Counted {
    raw: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
