//! Which entries of a list are answered, told from the output itself, so that no other file can disagree with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

use serde::Deserialize;

use crate::limits::{BATCH_AHEAD_MAX, BATCH_OUTPUT_LINE_BYTES_MAX};

/// The entries that are answered: all below a number, and some above it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Finished {
    below: u64,
    /// Never more than [`BATCH_AHEAD_MAX`]: no entry begins that far ahead of the first unanswered one.
    beyond: BTreeSet<u64>,
}

impl Finished {
    /// The first entry that is not answered.
    pub fn below(&self) -> u64 {
        self.below
    }

    /// Whether an entry is answered.
    pub fn contains(&self, index: u64) -> bool {
        index < self.below || self.beyond.contains(&index)
    }

    pub(super) fn add(&mut self, index: u64) {
        if index >= self.below {
            self.beyond.insert(index);
        }
        while self.beyond.first() == Some(&self.below) {
            self.beyond.pop_first();
            self.below += 1;
        }
    }
}

/// Why an output cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The file cannot be read or cut.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line that no audit wrote.
    #[error("line {line} was not written by an audit: this file is not continued")]
    Foreign {
        /// From 1.
        line: u64,
    },
}

#[derive(Deserialize)]
struct Index {
    index: u64,
}

/// Reads what an earlier run wrote into `output`, cuts off a last line that a kill left unfinished, and leaves the file at its end.
///
/// # Errors
/// When the file cannot be read or cut, or is no output of an audit. Nothing is cut then.
pub fn resume(output: &mut File) -> Result<Finished, ResumeError> {
    let mut finished = Finished::default();
    output.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 18, &*output);
    let mut whole_bytes = 0;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = io::Read::take(&mut reader, BATCH_OUTPUT_LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if bytes.last() != Some(&b'\n') {
            if read as u64 == BATCH_OUTPUT_LINE_BYTES_MAX {
                return Err(ResumeError::Foreign { line });
            }
            break;
        }
        let foreign = |_| ResumeError::Foreign { line };
        let Index { index } = serde_json::from_slice(&bytes).map_err(foreign)?;
        if index >= finished.below.saturating_add(BATCH_AHEAD_MAX) {
            return Err(ResumeError::Foreign { line });
        }
        finished.add(index);
        whole_bytes += read as u64;
    }
    output.set_len(whole_bytes)?;
    output.seek(SeekFrom::End(0))?;
    Ok(finished)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_half_written_last_line_is_dropped() {
        let mut output = file("{\"index\":0}\n{\"index\":2,\"domain\":\"b\"}\n{\"index\":1,\"dom");
        let finished = resume(&mut output).unwrap();
        assert_eq!((finished.below(), finished.contains(1), finished.contains(2)), (1, false, true));
        output.write_all(b"{\"index\":1}\n").unwrap();
        assert_eq!(resume(&mut output).unwrap(), Finished { below: 3, beyond: BTreeSet::new() });
    }

    #[test]
    fn a_file_that_no_audit_wrote_is_left_alone() {
        let text = "{\"index\":0}\nmy notes\nwithout an end";
        let mut output = file(text);
        assert!(matches!(resume(&mut output), Err(ResumeError::Foreign { line: 2 })));
        assert_eq!(output.metadata().unwrap().len(), text.len() as u64);
        let mut output = file(&format!("{{\"index\":{BATCH_AHEAD_MAX}}}\n"));
        assert!(matches!(resume(&mut output), Err(ResumeError::Foreign { line: 1 })));
    }
}
