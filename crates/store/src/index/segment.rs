use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::fingerprint::{BITS, Fingerprint};
use super::mapped;
use super::mark::Mark;
use crate::limits::INDEX_BUILD_AGE_MAX;

/// The file begins with this.
pub(super) const MAGIC: [u8; 8] = *b"ABPRSEG2";

/// Bytes of the header: see [`Header`].
pub(super) const HEADER_BYTES: usize = 64;

/// Bytes behind the last tail, so that eight bytes can be read at once anywhere.
pub(super) const PADDING_BYTES: usize = 8;

/// A sorted set of fingerprints in a file that never changes.
///
/// Header, a directory of offsets by the first bits of a fingerprint, then the remaining bits of each as a tail of five to seven
/// bytes, in order. A look-up reads one place of the directory and the few tails of its bucket.
pub struct Segment {
    map: Mmap,
    header: Header,
}

/// The fixed part of a segment, little-endian.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// Of which installation: a hash of its seed.
    pub(super) seed_id: u64,
    /// Fingerprints.
    pub(super) count: u64,
    /// The last change of the database that is in it.
    pub(super) mark: Mark,
    /// The first bits of a fingerprint that the directory goes by.
    pub(super) directory_bits: u32,
    /// XXH3 over the tails, then the directory.
    pub(super) checksum: u64,
}

impl Header {
    pub(super) fn tail_bytes(&self) -> usize {
        (BITS - self.directory_bits).div_ceil(8) as usize
    }

    pub(super) fn tails_start(&self) -> usize {
        HEADER_BYTES + ((1 << self.directory_bits) + 1) * 4
    }

    fn file_bytes(&self) -> Option<usize> {
        let tails = usize::try_from(self.count).ok()?.checked_mul(self.tail_bytes())?;
        self.tails_start().checked_add(tails)?.checked_add(PADDING_BYTES)
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.seed_id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.count.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.mark.seq.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.directory_bits.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.mark.word.to_le_bytes());
        let own = xxh3_64(&bytes[..56]);
        bytes[56..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        if bytes[..8] != MAGIC || number(bytes, 56) != xxh3_64(&bytes[..56]) {
            return None;
        }
        let directory_bits = u32::from_le_bytes([bytes[32], bytes[33], bytes[34], bytes[35]]);
        (8..=28).contains(&directory_bits).then_some(Self {
            seed_id: number(bytes, 8),
            count: number(bytes, 16),
            mark: Mark { seq: number(bytes, 24), word: number(bytes, 48) },
            directory_bits,
            checksum: number(bytes, 40),
        })
    }
}

impl Segment {
    /// Opens a segment: maps it and checks its header and size, in constant time. [`Segment::verify`] reads all of it.
    ///
    /// # Errors
    /// Where the file cannot be read, is no whole segment, or belongs to another installation.
    pub fn open(path: &Path, seed: u64) -> Result<Self, SegmentError> {
        let file = File::open(path).map_err(|source| SegmentError::io(path, source))?;
        let map = mapped::map(&file).map_err(|source| SegmentError::io(path, source))?;
        let damaged = || SegmentError::Damaged { path: path.to_owned() };
        let header = Header::from_bytes(&map).ok_or_else(damaged)?;
        if header.file_bytes() != Some(map.len()) {
            return Err(damaged());
        }
        if header.seed_id != seed_id(seed) {
            return Err(SegmentError::OtherInstallation { path: path.to_owned() });
        }
        Ok(Self { map, header })
    }

    /// The newest segment of a folder that is whole and ours; broken ones are passed over.
    pub(super) fn newest(folder: &Path, seed: u64) -> Result<Option<Self>, SegmentError> {
        let mut generations = generations(folder).map_err(|source| SegmentError::io(folder, source))?;
        generations.sort_unstable();
        Ok(generations
            .into_iter()
            .rev()
            .find_map(|generation| Self::open(&Self::path(folder, generation), seed).ok()))
    }

    /// Where the segment of a generation lies.
    pub fn path(folder: &Path, generation: u64) -> PathBuf {
        folder.join(format!("{generation:020}.segment"))
    }

    /// Removes segments that this one replaces. One that another process still maps stays readable for it.
    pub(super) fn remove_others(folder: &Path, generation: u64) {
        for other in generations(folder).unwrap_or_default().into_iter().filter(|other| *other != generation)
        {
            // Left for the next time where it fails: it does no harm but take room.
            let _ = fs::remove_file(Self::path(folder, other));
        }
    }

    /// Removes what builders left behind that were killed, long enough ago that none of them can still be at work.
    pub(super) fn remove_rubbish(folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_rubbish = ["building-", "sorting-"]
                .iter()
                .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
            let age = entry.metadata().ok().and_then(|is| is.modified().ok()?.elapsed().ok());
            if is_rubbish && age.is_some_and(|age| age > INDEX_BUILD_AGE_MAX) {
                let path = entry.path();
                // It does no harm but take room.
                let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            }
        }
    }

    /// Whether the fingerprint is in the set.
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        let tail_bits = BITS - self.header.directory_bits;
        let bucket = (fingerprint.bits() >> tail_bits) as usize;
        let wanted = fingerprint.bits() & ((1 << tail_bits) - 1);
        let (first, last) = (self.offset(bucket), self.offset(bucket + 1));
        for place in first..last {
            let tail = self.tail(place);
            if tail >= wanted {
                return tail == wanted;
            }
        }
        false
    }

    /// All fingerprints, in order.
    pub fn iter(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        let tail_bits = BITS - self.header.directory_bits;
        (0..1_usize << self.header.directory_bits).flat_map(move |bucket| {
            (self.offset(bucket)..self.offset(bucket + 1))
                .map(move |place| Fingerprint::from_bits(((bucket as u64) << tail_bits) | self.tail(place)))
        })
    }

    /// How many fingerprints it holds.
    pub fn len(&self) -> u64 {
        self.header.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    /// The last change of the database that is in it.
    pub fn mark(&self) -> Mark {
        self.header.mark
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.map.len() as u64
    }

    /// Reads the whole file and compares its checksum.
    pub fn verify(&self) -> bool {
        let directory = HEADER_BYTES..self.header.tails_start();
        let tails = self.header.tails_start()..self.map.len() - PADDING_BYTES;
        checksum(&self.map[tails], &self.map[directory]) == self.header.checksum
    }

    /// Where a bucket begins, in tails. A damaged directory cannot lead out of the file.
    fn offset(&self, bucket: usize) -> usize {
        let at = HEADER_BYTES + bucket * 4;
        let bytes = self.map.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        (bytes.map_or(0, u32::from_le_bytes) as usize).min(self.header.count as usize)
    }

    fn tail(&self, place: usize) -> u64 {
        let tail_bits = BITS - self.header.directory_bits;
        let at = self.header.tails_start() + place * self.header.tail_bytes();
        number(&self.map, at) & ((1 << tail_bits) - 1)
    }
}

/// Eight bytes as a number; 0 behind the end.
fn number(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

pub(super) fn seed_id(seed: u64) -> u64 {
    xxh3_64(&seed.to_le_bytes())
}

pub(super) fn checksum(tails: &[u8], directory: &[u8]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(tails);
    hash.update(directory);
    hash.digest()
}

fn generations(folder: &Path) -> io::Result<Vec<u64>> {
    let mut generations = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".segment")).and_then(|name| name.parse().ok());
        generations.extend(number);
    }
    Ok(generations)
}

/// Why a segment cannot be used or written. The database has everything that is in it.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The system says no.
    #[error("the suppression index {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Not a whole segment.
    #[error("the suppression index {} is damaged; it is built again from the database", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// Made with another seed.
    #[error("the suppression index {} belongs to another database", path.display())]
    OtherInstallation {
        /// Which file.
        path: PathBuf,
    },
}

impl SegmentError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
