use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};
use xxhash_rust::xxh3::Xxh3;

use super::fingerprint::{BITS, Fingerprint};
use super::mark::Mark;
use super::segment::{Header, PADDING_BYTES, Segment, SegmentError, seed_id};
use crate::limits::INDEX_BUILD_FINGERPRINTS_MAX;

/// Partitions by the first bits of a fingerprint, each small enough to be sorted in memory.
const PARTITIONS: usize = 256;

/// Stands beside the bits of a fingerprint that went.
const GONE: u64 = 1 << 63;

/// Makes a segment of fingerprints in any order. Memory is bounded: more than [`INDEX_BUILD_FINGERPRINTS_MAX`] go over the disk.
///
/// Of what comes and goes again the last word counts.
pub struct SegmentBuilder {
    folder: PathBuf,
    seed: u64,
    pushed: u64,
    waiting: Vec<u64>,
    spilled: Option<Spilled>,
}

/// Files of unsorted fingerprints, one a partition, in a folder that goes with them.
struct Spilled {
    folder: TempDir,
    files: Vec<BufWriter<File>>,
}

impl SegmentBuilder {
    /// Begins a segment that will lie in `folder`.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn new(folder: &Path, seed: u64) -> Result<Self, SegmentError> {
        fs::create_dir_all(folder).map_err(|source| SegmentError::io(folder, source))?;
        Ok(Self { folder: folder.to_owned(), seed, pushed: 0, waiting: Vec::new(), spilled: None })
    }

    /// Takes one more; the same one twice is one.
    ///
    /// # Errors
    /// Where the disk is full.
    pub fn push(&mut self, fingerprint: Fingerprint) -> Result<(), SegmentError> {
        self.pushed += 1;
        self.take(fingerprint.bits())
    }

    /// It is not to be in the segment, unless it is pushed again.
    ///
    /// # Errors
    /// Where the disk is full.
    pub fn remove(&mut self, fingerprint: Fingerprint) -> Result<(), SegmentError> {
        self.take(fingerprint.bits() | GONE)
    }

    fn take(&mut self, bits: u64) -> Result<(), SegmentError> {
        self.waiting.push(bits);
        if self.waiting.len() >= INDEX_BUILD_FINGERPRINTS_MAX {
            self.spill().map_err(|source| SegmentError::io(&self.folder, source))?;
        }
        Ok(())
    }

    /// Writes the segment and puts it in its place, complete or not at all.
    ///
    /// # Errors
    /// Where the disk is full or the folder cannot be written.
    pub fn finish(mut self, mark: Mark) -> Result<Segment, SegmentError> {
        let path = Segment::path(&self.folder, mark.seq);
        let file = self.write(mark).map_err(|source| SegmentError::io(&self.folder, source))?;
        file.persist(&path).map_err(|error| SegmentError::io(&path, error.error))?;
        // The new name, too, has to be on the disk before older segments may go.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| SegmentError::io(&path, source))?;
        Segment::open(&path, self.seed)
    }

    fn write(&mut self, mark: Mark) -> io::Result<NamedTempFile> {
        let mut header = Header {
            seed_id: seed_id(self.seed),
            count: 0,
            mark,
            directory_bits: directory_bits(self.pushed),
            checksum: 0,
        };
        let mut file = NamedTempFile::with_prefix_in("building-", &self.folder)?;
        file.seek(SeekFrom::Start(header.tails_start() as u64))?;
        let mut tails = Tails::new(BufWriter::with_capacity(1 << 20, file), &header);
        match self.spilled.take() {
            None => tails.add(&mut self.waiting)?,
            Some(mut spilled) => {
                spilled.add(&mut self.waiting)?;
                for partition in 0..PARTITIONS {
                    tails.add(&mut spilled.read(partition)?)?;
                }
            }
        }
        let (mut file, directory, mut hash) = tails.finish()?;
        let directory: Vec<u8> = directory.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        hash.update(&directory);
        header.checksum = hash.digest();
        let last = directory.last_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        header.count = u64::from(last);
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header.to_bytes())?;
        file.write_all(&directory)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.spilled.is_none() {
            self.spilled = Some(Spilled::new(&self.folder)?);
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.add(&mut self.waiting)?;
        }
        Ok(())
    }
}

impl Spilled {
    fn new(beside: &Path) -> io::Result<Self> {
        let folder = TempDir::with_prefix_in("sorting-", beside)?;
        let files = (0..PARTITIONS)
            .map(|partition| {
                let options = File::options()
                    .create_new(true)
                    .read(true)
                    .write(true)
                    .open(folder.path().join(partition.to_string()));
                Ok(BufWriter::with_capacity(16 * 1024, options?))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { folder, files })
    }

    fn add(&mut self, fingerprints: &mut Vec<u64>) -> io::Result<()> {
        for fingerprint in fingerprints.drain(..) {
            let partition = ((fingerprint & !GONE) >> (BITS - PARTITIONS.ilog2())) as usize;
            self.files[partition].write_all(&fingerprint.to_le_bytes())?;
        }
        Ok(())
    }

    /// The fingerprints of a partition, whose file goes.
    fn read(&mut self, partition: usize) -> io::Result<Vec<u64>> {
        let file = &mut self.files[partition];
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.get_mut().read_to_end(&mut bytes)?;
        fs::remove_file(self.folder.path().join(partition.to_string()))?;
        Ok(bytes
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(eight.try_into().unwrap_or_default()))
            .collect())
    }
}

/// Sorts them; of each the last word counts.
fn settle(fingerprints: &mut Vec<u64>) {
    if fingerprints.iter().all(|bits| bits & GONE == 0) {
        fingerprints.sort_unstable();
        fingerprints.dedup();
        return;
    }
    // Stable, so that what came last stands last among its equals.
    fingerprints.sort_by_key(|bits| bits & !GONE);
    let mut kept = 0;
    for place in 0..fingerprints.len() {
        let bits = fingerprints[place];
        let is_last = fingerprints.get(place + 1).is_none_or(|next| next & !GONE != bits & !GONE);
        if is_last && bits & GONE == 0 {
            fingerprints[kept] = bits;
            kept += 1;
        }
    }
    fingerprints.truncate(kept);
}

/// Writes sorted tails and notes where each bucket begins.
struct Tails {
    out: BufWriter<NamedTempFile>,
    directory: Vec<u32>,
    hash: Xxh3,
    tail_bits: u32,
    tail_bytes: usize,
    written: u32,
}

impl Tails {
    fn new(out: BufWriter<NamedTempFile>, header: &Header) -> Self {
        Self {
            out,
            directory: Vec::with_capacity((1 << header.directory_bits) + 1),
            hash: Xxh3::new(),
            tail_bits: BITS - header.directory_bits,
            tail_bytes: header.tail_bytes(),
            written: 0,
        }
    }

    /// All of these are greater than those before.
    fn add(&mut self, fingerprints: &mut Vec<u64>) -> io::Result<()> {
        settle(fingerprints);
        for fingerprint in fingerprints.drain(..) {
            let bucket = (fingerprint >> self.tail_bits) as usize;
            while self.directory.len() <= bucket {
                self.directory.push(self.written);
            }
            let tail = (fingerprint & ((1 << self.tail_bits) - 1)).to_le_bytes();
            self.hash.update(&tail[..self.tail_bytes]);
            self.out.write_all(&tail[..self.tail_bytes])?;
            self.written = self.written.checked_add(1).ok_or_else(|| {
                io::Error::new(io::ErrorKind::FileTooLarge, "more than 4,294,967,295 fingerprints")
            })?;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(NamedTempFile, Vec<u32>, Xxh3)> {
        let buckets = 1_usize << (BITS - self.tail_bits);
        while self.directory.len() <= buckets {
            self.directory.push(self.written);
        }
        self.out.write_all(&[0; PADDING_BYTES])?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.directory, self.hash))
    }
}

/// So that a bucket holds five to ten tails: the directory then costs less than a byte an entry.
fn directory_bits(count: u64) -> u32 {
    (count / 5).max(1).ilog2().clamp(8, 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u64) -> Mark {
        Mark { seq, word: 0 }
    }
    use crate::Fingerprints;

    #[test]
    fn a_segment_that_went_over_the_disk_is_the_one_that_did_not() {
        let folder = tempfile::tempdir().unwrap();
        let make = |generation, spill_every: usize| {
            let mut builder = SegmentBuilder::new(folder.path(), 7).unwrap();
            for number in 0..5000_usize {
                builder.push(Fingerprints::new(7).of(&(number % 4000).to_string())).unwrap();
                if number % spill_every == 0 {
                    builder.spill().unwrap();
                }
            }
            builder.finish(generation).unwrap()
        };
        let (plain, spilled) = (make(mark(1), usize::MAX), make(mark(2), 700));
        assert_eq!(plain.len(), 4000);
        assert!(plain.iter().eq(spilled.iter()));
        assert!(plain.verify() && spilled.verify());
        for number in 0..4000_usize {
            assert!(spilled.contains(Fingerprints::new(7).of(&number.to_string())));
        }
        assert!(!spilled.contains(Fingerprints::new(7).of("4000")));
    }

    #[test]
    fn a_flipped_bit_is_seen_by_verify() {
        let folder = tempfile::tempdir().unwrap();
        let mut builder = SegmentBuilder::new(folder.path(), 7).unwrap();
        for number in 0..100 {
            builder.push(Fingerprints::new(7).of(&number.to_string())).unwrap();
        }
        drop(builder.finish(mark(1)).unwrap());
        let path = Segment::path(folder.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() - 100;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(!Segment::open(&path, 7).unwrap().verify());
    }
}
