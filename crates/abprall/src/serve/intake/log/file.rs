//! One file of a log: its lines from a place on, and whether it is still the same file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use abprall_bounce::limits::LOG_LINE_BYTES_MAX;

use super::position::{FileId, Position, Print};

/// Bytes at the start that tell one file from another: some lines, each with its time.
const HEAD_BYTES: usize = 1024;

/// Bytes before the place, which tell that the file was not begun anew and has grown as long again.
const TAIL_BYTES: usize = 256;

/// A file that is being read.
pub(super) struct LogFile {
    file: File,
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    offset: u64,
    lines: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// Whole lines.
    Lines,
    /// No whole line is there yet.
    Nothing,
    /// What was read is not there any more: the file was begun anew.
    Truncated,
}

impl LogFile {
    /// From its start.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let id = id_of(&file.metadata()?);
        let (head, tail) = (Vec::new(), Vec::new());
        let mut opened = Self { file, id, path: path.to_owned(), offset: 0, lines: 0, head, tail };
        // It may be begun anew before a line of it is read.
        opened.head = opened.prints(0, HEAD_BYTES, 0)?.0;
        Ok(opened)
    }

    /// From a place on; `None` where it is not the file that this place is in.
    pub(super) fn open_at(path: &Path, place: &Position) -> io::Result<Option<Self>> {
        let mut file = Self::open(path)?;
        if place.head.bytes > HEAD_BYTES || place.tail.bytes > TAIL_BYTES || file.bytes()? < place.offset {
            return Ok(None);
        }
        // Of nothing, nothing can tell.
        if place.head.bytes == 0 && file.id != place.id {
            return Ok(None);
        }
        let (head, tail) = file.prints(place.offset, place.head.bytes, place.tail.bytes)?;
        if Print::of(&head) != place.head || Print::of(&tail) != place.tail {
            return Ok(None);
        }
        (file.offset, file.lines, file.head, file.tail) = (place.offset, place.lines, head, tail);
        Ok(Some(file))
    }

    /// Behind the last whole line that is there.
    pub(super) fn skip_to_end(&mut self) -> io::Result<()> {
        let end = self.bytes()?;
        let mut buffer = vec![0; LOG_LINE_BYTES_MAX];
        let from = end.saturating_sub(buffer.len() as u64);
        let count = self.read_at(&mut buffer, from)?;
        let line_end = memchr::memrchr(b'\n', &buffer[..count]).map_or(0, |at| at as u64 + 1);
        self.go_to(from + line_end)
    }

    pub(super) fn position(&self) -> Position {
        Position {
            id: self.id,
            offset: self.offset,
            lines: self.lines,
            head: Print::of(&self.head),
            tail: Print::of(&self.tail),
        }
    }

    /// The lines of the next piece, with their numbers. A line without its end waits: it is being written.
    pub(super) fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        each: &mut dyn FnMut(u64, &[u8]),
    ) -> io::Result<Progress> {
        buffer.resize(LOG_LINE_BYTES_MAX, 0);
        let count = self.read_at(buffer, self.offset)?;
        // After reading: then what was read is known to follow what was read before.
        if !self.is_same()? {
            return Ok(Progress::Truncated);
        }
        let piece = &buffer[..count];
        self.note_head(piece);
        if let Some(last) = memchr::memrchr(b'\n', piece) {
            let whole = &piece[..=last];
            for line in whole.split_inclusive(|byte| *byte == b'\n') {
                self.lines += 1;
                each(self.lines, line);
            }
            self.note(whole);
            return Ok(Progress::Lines);
        }
        // A line longer than is read at all: its start counts.
        if count == LOG_LINE_BYTES_MAX
            && let Some(end) = self.line_end(self.offset + count as u64)?
        {
            self.lines += 1;
            each(self.lines, piece);
            self.go_to(end)?;
            return Ok(Progress::Lines);
        }
        Ok(Progress::Nothing)
    }

    /// The last line of a file that nobody writes to any more, where it has no end.
    pub(super) fn read_rest(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> io::Result<()> {
        let mut buffer = vec![0; LOG_LINE_BYTES_MAX];
        let count = self.read_at(&mut buffer, self.offset)?;
        if count > 0 {
            self.lines += 1;
            each(self.lines, &buffer[..count]);
            self.note(&buffer[..count]);
        }
        Ok(())
    }

    /// The lines before the place, at most so many bytes of them; the first line of the file too. Gives how many bytes that were.
    pub(super) fn lines_before(&self, bytes_max: u64, each: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        let from = self.offset.saturating_sub(bytes_max);
        let mut line = Vec::new();
        // Accounting files say there what their columns are.
        if from > 0 {
            self.reader(0).take(LOG_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
            each(&line);
        }
        let mut reader = self.reader(from);
        if from > 0 {
            reader.skip_until(b'\n')?;
        }
        loop {
            line.clear();
            if reader.by_ref().take(LOG_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(self.offset - from);
            }
            each(&line);
        }
    }

    /// The first whole lines of the file.
    pub(super) fn start(&self) -> io::Result<Vec<u8>> {
        let mut start = vec![0; LOG_LINE_BYTES_MAX];
        let count = self.read_at(&mut start, 0)?;
        start.truncate(memchr::memrchr(b'\n', &start[..count]).map_or(0, |at| at + 1));
        Ok(start)
    }

    fn reader(&self, from: u64) -> BufReader<Part<'_>> {
        BufReader::with_capacity(64 * 1024, Part { file: &self.file, at: from, end: self.offset })
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn is_same(&self) -> io::Result<bool> {
        let (head, tail) = self.prints(self.offset, self.head.len(), self.tail.len())?;
        Ok(head == self.head && tail == self.tail)
    }

    /// The first bytes, and the last ones before a place.
    fn prints(&self, offset: u64, head: usize, tail: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut head, mut tail) = (vec![0; head], vec![0; tail]);
        let count = self.read_at(&mut head, 0)?;
        head.truncate(count);
        let before = offset.saturating_sub(tail.len() as u64);
        let count = self.read_at(&mut tail, before)?;
        tail.truncate(count);
        Ok((head, tail))
    }

    /// The head grows as long as the file does; it never covers less than what is read.
    fn note_head(&mut self, piece: &[u8]) {
        let Ok(offset) = usize::try_from(self.offset) else { return };
        if self.head.len() < HEAD_BYTES
            && let Some(seen) = self.head.len().checked_sub(offset)
            && let Some(new) = piece.get(seen..)
        {
            self.head.extend_from_slice(&new[..new.len().min(HEAD_BYTES - self.head.len())]);
        }
    }

    /// Notes what was read, and stands behind it.
    fn note(&mut self, read: &[u8]) {
        self.offset += read.len() as u64;
        self.tail.extend_from_slice(&read[read.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
    }

    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        let tail = usize::try_from(offset).map_or(TAIL_BYTES, |offset| offset.min(TAIL_BYTES));
        (self.head, self.tail) = self.prints(offset, HEAD_BYTES, tail)?;
        self.offset = offset;
        Ok(())
    }

    /// Behind the next line end at or after a place.
    fn line_end(&self, mut at: u64) -> io::Result<Option<u64>> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = self.read_at(&mut buffer, at)?;
            if let Some(found) = memchr::memchr(b'\n', &buffer[..count]) {
                return Ok(Some(at + found as u64 + 1));
            }
            if count == 0 {
                return Ok(None);
            }
            at += count as u64;
        }
    }

    /// As much as is there.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self.file.read_at(&mut buffer[count..], offset + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}

pub(super) fn id_of(metadata: &std::fs::Metadata) -> FileId {
    FileId { device: metadata.dev(), inode: metadata.ino() }
}

/// A part of a file, as something to be read.
struct Part<'f> {
    file: &'f File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn lines(file: &mut LogFile) -> (Vec<(u64, String)>, Progress) {
        let mut lines = Vec::new();
        let mut each = |number, line: &[u8]| lines.push((number, String::from_utf8_lossy(line).into_owned()));
        let mut buffer = Vec::new();
        loop {
            let progress = file.read(&mut buffer, &mut each).unwrap();
            if progress != Progress::Lines {
                return (lines, progress);
            }
        }
    }

    #[test]
    fn a_line_without_its_end_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntwo\nthr").unwrap();
        let mut file = LogFile::open(&path).unwrap();
        assert_eq!(lines(&mut file).0, [(1, "one\n".to_owned()), (2, "two\n".to_owned())]);
        let place = file.position();
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(lines(&mut file).0, [(3, "three\n".to_owned())]);
        let mut again = LogFile::open_at(&path, &place).unwrap().unwrap();
        assert_eq!(lines(&mut again).0, [(3, "three\n".to_owned())]);
    }

    #[test]
    fn a_file_that_is_begun_anew_is_noticed_though_it_is_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\n").unwrap();
        let mut file = LogFile::open(&path).unwrap();
        let mut unread = LogFile::open(&path).unwrap();
        assert_eq!(lines(&mut file).1, Progress::Nothing);
        let place = file.position();
        fs::write(&path, "two\nthree\nfour\n").unwrap();
        assert_eq!(lines(&mut file), (Vec::new(), Progress::Truncated));
        assert_eq!(lines(&mut unread), (Vec::new(), Progress::Truncated));
        assert!(LogFile::open_at(&path, &place).unwrap().is_none());
    }

    #[test]
    fn of_a_line_that_is_too_long_the_start_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let long = "x".repeat(LOG_LINE_BYTES_MAX + 100_000);
        fs::write(&path, &long).unwrap();
        let mut file = LogFile::open(&path).unwrap();
        assert_eq!(lines(&mut file), (Vec::new(), Progress::Nothing));
        fs::write(&path, format!("{long}\nnext\n")).unwrap();
        let (read, _) = lines(&mut file);
        assert_eq!((read[0].1.len(), read[1].clone()), (LOG_LINE_BYTES_MAX, (2, "next\n".to_owned())));
        let place = file.position();
        assert!(LogFile::open_at(&path, &place).unwrap().is_some());
    }
}
