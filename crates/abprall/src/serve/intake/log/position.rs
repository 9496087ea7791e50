//! How far a log was read, written down so that it survives us.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use abprall_bounce::log::LogFormat;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// Which file, as the system knows it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// A place in a file. An inode is used again when a file is gone, and the same one is begun anew when it is truncated: what was read tells
/// whether it is still the same text.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Position {
    pub(super) id: FileId,
    /// Bytes that are read, up to the end of a line.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) lines: u64,
    /// Of the first bytes, and of the last ones before `offset`.
    pub(super) head: Print,
    pub(super) tail: Print,
}

/// The fingerprint of some bytes: the bytes themselves would be addresses of people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Print {
    pub(super) bytes: usize,
    hash: [u64; 2],
}

impl Print {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = xxh3_128(bytes);
        // Two halves: JSON has no larger numbers.
        Self { bytes: bytes.len(), hash: [(hash >> 64) as u64, hash as u64] }
    }
}

/// All that is remembered of a log.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct State {
    /// As it was seen from the start of a file.
    pub(super) format: Option<String>,
    /// The oldest first; the last one is the log itself.
    pub(super) files: Vec<Position>,
    /// Seconds since 1970.
    pub(super) saved_at: i64,
}

impl State {
    /// `None` where there is none yet.
    pub(super) fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(io::Error::other)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whoever reads it sees this state or the one before, whatever happens meanwhile.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    }

    pub(super) fn known_format(&self) -> Option<LogFormat> {
        self.format.as_deref()?.parse().ok()
    }
}
