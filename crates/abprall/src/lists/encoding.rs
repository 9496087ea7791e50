//! From what lies on the disk to UTF-8: gzip undone, UTF-16 (as Excel writes it) turned over.

use std::io::{self, Chain, Cursor, Read};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};
use flate2::read::MultiGzDecoder;

/// The first two bytes of every gzip member (RFC 1952 §2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes that are read to see what the rest will be.
const HEAD_BYTES: usize = 1024;

const CHUNK_BYTES: usize = 64 * 1024;

/// How the characters of a list are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encoding {
    /// UTF-8, or one that is the same for addresses.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Marked,
    /// UTF-16, either order.
    Utf16,
}

/// A list that can be read as UTF-8, without a byte order mark.
pub(crate) struct Input {
    pub(crate) bytes: Box<dyn Read + Send>,
    pub(crate) encoding: Encoding,
}

/// Looks at the first bytes and undoes gzip and UTF-16.
pub(crate) fn open(raw: impl Read + Send + 'static) -> io::Result<Input> {
    let (start, raw) = head(raw, GZIP_MAGIC.len())?;
    if start.starts_with(&GZIP_MAGIC) {
        return decode(MultiGzDecoder::new(raw));
    }
    decode(raw)
}

fn decode(raw: impl Read + Send + 'static) -> io::Result<Input> {
    let (start, mut raw) = head(raw, HEAD_BYTES)?;
    let (decoder, encoding, mark) = match start.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => (None, Encoding::Utf8Marked, 3),
        [0xff, 0xfe, ..] => (Some(UTF_16LE), Encoding::Utf16, 2),
        [0xfe, 0xff, ..] => (Some(UTF_16BE), Encoding::Utf16, 2),
        _ => match zeros(&start) {
            Some(decoder) => (Some(decoder), Encoding::Utf16, 0),
            None => (None, Encoding::Utf8, 0),
        },
    };
    raw.read_exact(&mut [0; 3][..mark])?;
    let bytes: Box<dyn Read + Send> = match decoder {
        Some(encoding) => Box::new(Turned::new(raw, encoding.new_decoder_without_bom_handling())),
        None => Box::new(raw),
    };
    Ok(Input { bytes, encoding })
}

/// UTF-16 without a mark: every other byte of plain letters is 0.
fn zeros(start: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let pairs = start.len() / 2;
    if pairs < 4 {
        return None;
    }
    let count = |place: usize| start.chunks_exact(2).filter(|pair| pair[place] == 0).count();
    let (first, second) = (count(0), count(1));
    if second * 10 >= pairs * 9 && first == 0 {
        Some(UTF_16LE)
    } else if first * 10 >= pairs * 9 && second == 0 {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// What was read ahead, and what follows.
pub(crate) type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// At most `count` bytes from the beginning, and all of it once more.
pub(crate) fn head<R: Read>(mut raw: R, count: usize) -> io::Result<(Vec<u8>, Whole<R>)> {
    let mut start = Vec::new();
    raw.by_ref().take(count as u64).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(raw)))
}

/// UTF-16 as UTF-8. What is no character becomes U+FFFD.
struct Turned<R> {
    raw: R,
    decoder: Decoder,
    taken: Box<[u8]>,
    turned: String,
    /// How much of `turned` has been handed out.
    given: usize,
    over: bool,
}

impl<R: Read> Turned<R> {
    fn new(raw: R, decoder: Decoder) -> Self {
        let taken = vec![0; CHUNK_BYTES].into_boxed_slice();
        Self { raw, decoder, taken, turned: String::new(), given: 0, over: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.turned.clear();
        self.given = 0;
        while self.turned.is_empty() && !self.over {
            let count = self.raw.read(&mut self.taken)?;
            self.over = count == 0;
            let room = self.decoder.max_utf8_buffer_length(count).unwrap_or(4 * CHUNK_BYTES);
            self.turned.reserve(room);
            let (result, _, _) =
                self.decoder.decode_to_string(&self.taken[..count], &mut self.turned, self.over);
            debug_assert_eq!(result, CoderResult::InputEmpty, "room for all of it was reserved");
        }
        Ok(())
    }
}

impl<R: Read> Read for Turned<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.turned.len() {
            self.fill()?;
        }
        let there = &self.turned.as_bytes()[self.given..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let marked = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        marked.encode_utf16().flat_map(unit).collect()
    }

    fn read(bytes: &[u8]) -> (String, Encoding) {
        let mut input = open(Cursor::new(bytes.to_vec())).unwrap();
        let mut text = String::new();
        input.bytes.read_to_string(&mut text).unwrap();
        (text, input.encoding)
    }

    #[test]
    fn the_same_text_is_read_from_every_encoding() {
        let text = "Email;Name\r\njürgen@example.com;Jürgen 🚲\r\n".repeat(4000);
        assert_eq!(read(text.as_bytes()), (text.clone(), Encoding::Utf8));
        let marked = format!("\u{feff}{text}");
        assert_eq!(read(marked.as_bytes()), (text.clone(), Encoding::Utf8Marked));
        for (mark, big) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(read(&utf16(&text, mark, big)), (text.clone(), Encoding::Utf16));
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&utf16(&text, true, false)).unwrap();
        assert_eq!(read(&packed.finish().unwrap()), (text, Encoding::Utf16));
        assert_eq!(read(b""), (String::new(), Encoding::Utf8));
    }
}
