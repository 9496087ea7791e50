//! Who is stopped, as a file that answers in a fraction of a microsecond: sorted fingerprints, mapped into memory and shared by
//! all processes, and in front of them a small table of what has changed since.
//!
//! The database stays the authority: it confirms a hit, and what changed after the file was written comes from it again. So a
//! crash at any moment costs nothing but the time to read those changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

mod build;
mod fingerprint;
mod mapped;
mod segment;

pub use build::SegmentBuilder;
pub use fingerprint::{Fingerprint, Fingerprints};
pub use segment::{Segment, SegmentError};

use crate::limits::{INDEX_DELTA_MIN, INDEX_DELTA_SHARE};

/// Whether a fingerprint came or went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Now stopped.
    Added,
    /// No longer stopped.
    Removed,
}

/// The index of all stops: a segment and the changes since.
///
/// Readers never wait for a rebuild, only for the swap of two pointers.
pub struct SuppressionIndex {
    folder: PathBuf,
    seed: u64,
    state: RwLock<State>,
}

struct State {
    segment: Arc<Segment>,
    delta: HashMap<Fingerprint, Change>,
    /// The last change that segment and delta hold.
    generation: u64,
}

impl SuppressionIndex {
    /// Opens the newest sound segment of the folder, or begins with an empty one. What changed after its generation is still
    /// to be applied.
    ///
    /// # Errors
    /// Where the folder cannot be read or written.
    pub fn open(folder: &Path, seed: u64) -> Result<Self, SegmentError> {
        std::fs::create_dir_all(folder).map_err(|source| SegmentError::io(folder, source))?;
        let segment = match Segment::newest(folder, seed)? {
            Some(segment) => segment,
            None => SegmentBuilder::new(folder, seed)?.finish(0)?,
        };
        let generation = segment.generation();
        let state = State { segment: Arc::new(segment), delta: HashMap::new(), generation };
        Ok(Self { folder: folder.to_owned(), seed, state: RwLock::new(state) })
    }

    /// Whether the fingerprint is stopped.
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match state.delta.get(&fingerprint) {
            Some(Change::Added) => true,
            Some(Change::Removed) => false,
            None => state.segment.contains(fingerprint),
        }
    }

    /// Takes over changes of the database, in their order; `generation` is the number of the last of them.
    pub fn apply(&self, generation: u64, changes: impl IntoIterator<Item = (Fingerprint, Change)>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.delta.extend(changes);
        state.generation = state.generation.max(generation);
    }

    /// The last change that is taken over.
    pub fn generation(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// How many fingerprints the segment holds, and how many changes stand beside it.
    pub fn sizes(&self) -> (u64, usize) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (state.segment.len(), state.delta.len())
    }

    /// Whether so much has changed that a new segment pays.
    pub fn wants_rebuild(&self) -> bool {
        let (segment, delta) = self.sizes();
        delta as u64 > (segment / INDEX_DELTA_SHARE).max(INDEX_DELTA_MIN)
    }

    /// Writes a new segment of all that is known and swaps it in. Changes that come meanwhile stay in the table.
    ///
    /// # Errors
    /// Where the folder cannot be written; then everything stays as it was.
    pub fn rebuild(&self) -> Result<(), SegmentError> {
        let (old, changes, generation) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&state.segment), state.delta.clone(), state.generation)
        };
        let mut builder = SegmentBuilder::new(&self.folder, self.seed)?;
        for fingerprint in old.iter().filter(|fingerprint| !changes.contains_key(fingerprint)) {
            builder.push(fingerprint)?;
        }
        for (fingerprint, _) in changes.iter().filter(|(_, change)| **change == Change::Added) {
            builder.push(*fingerprint)?;
        }
        let segment = Arc::new(builder.finish(generation)?);
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.segment = segment;
            state.delta.retain(|fingerprint, change| changes.get(fingerprint) != Some(change));
        }
        Segment::remove_older(&self.folder, generation);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        Fingerprints::new(7).of(&number.to_string())
    }

    #[test]
    fn what_was_added_is_found_after_a_rebuild_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(3, [(fingerprint(1), Change::Added), (fingerprint(2), Change::Added)]);
        index.apply(4, [(fingerprint(2), Change::Removed)]);
        assert!(index.contains(fingerprint(1)) && !index.contains(fingerprint(2)));
        index.rebuild().unwrap();
        assert!(index.contains(fingerprint(1)) && !index.contains(fingerprint(2)));
        assert_eq!(index.sizes(), (1, 0));
        let again = SuppressionIndex::open(folder.path(), 7).unwrap();
        assert_eq!(again.generation(), 4);
        assert!(again.contains(fingerprint(1)));
    }

    #[test]
    fn a_half_written_segment_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(1, [(fingerprint(1), Change::Added)]);
        index.rebuild().unwrap();
        let whole = std::fs::read(Segment::path(folder.path(), 1)).unwrap();
        std::fs::write(Segment::path(folder.path(), 2), &whole[..whole.len() / 2]).unwrap();
        std::fs::write(Segment::path(folder.path(), 3), b"something else").unwrap();
        let again = SuppressionIndex::open(folder.path(), 7).unwrap();
        assert_eq!(again.generation(), 1);
        assert!(again.contains(fingerprint(1)));
    }

    #[test]
    fn a_segment_of_another_installation_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(1, [(fingerprint(1), Change::Added)]);
        index.rebuild().unwrap();
        assert_eq!(SuppressionIndex::open(folder.path(), 8).unwrap().generation(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_index_is_the_set_of_what_was_added_and_not_removed(steps in prop::collection::vec((0_u64..400, any::<bool>(), 0_u8..20), 0..600)) {
            let folder = tempfile::tempdir().unwrap();
            let index = SuppressionIndex::open(folder.path(), 7).unwrap();
            let mut set = HashSet::new();
            for (generation, (number, add, rebuild)) in (1..).zip(steps) {
                let change = if add { set.insert(number); Change::Added } else { set.remove(&number); Change::Removed };
                index.apply(generation, [(fingerprint(number), change)]);
                if rebuild == 0 { index.rebuild().unwrap(); }
            }
            for number in 0..400 {
                prop_assert_eq!(index.contains(fingerprint(number)), set.contains(&number));
            }
        }
    }
}
