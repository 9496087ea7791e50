//! Who is stopped, as a file that answers in a fraction of a microsecond: sorted fingerprints, mapped into memory and shared by
//! all processes, and in front of them a small table of what has changed since.
//!
//! The database stays the authority: it confirms a hit, and what changed after the file was written comes from it again. So a
//! crash at any moment costs nothing but the time to read those changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

mod build;
mod fingerprint;
mod mapped;
mod mark;
mod segment;

pub use build::SegmentBuilder;
pub use fingerprint::{Fingerprint, Fingerprints};
pub use mark::Mark;
pub use segment::{Segment, SegmentError};

use crate::limits::{INDEX_DELTA_MIN, INDEX_DELTA_SHARE, INDEX_READ};
use crate::subject::ANY_MX_HOST;
use crate::{StopChange, Store, StoreError};

/// Whether a fingerprint came or went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Now stopped.
    Added,
    /// No longer stopped.
    Removed,
}

/// How an index on the disk goes with its database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IndexPosition {
    /// There is none, or none that is sound: it is made at the next start.
    Absent,
    /// It lacks the last so many changes: they are read at the next start.
    Behind(u64),
    /// It is one of another database, or of another state of this one: it begins anew at the next start.
    Other,
}

/// The index of all stops: a segment and the changes since.
///
/// Readers never wait for a rebuild, only for the swap of two pointers.
pub struct SuppressionIndex {
    folder: PathBuf,
    seed: u64,
    state: RwLock<State>,
    /// Who brings it up to date does so alone: changes must not be taken in twice, or out of their order.
    turn: Mutex<()>,
}

struct State {
    segment: Arc<Segment>,
    delta: HashMap<Fingerprint, Change>,
    /// The last change that segment and delta hold.
    mark: Mark,
}

impl SuppressionIndex {
    /// Opens the newest sound segment of the folder, or begins with an empty one. What changed after it is still to be read with
    /// [`SuppressionIndex::catch_up`].
    ///
    /// # Errors
    /// Where the folder cannot be read or written.
    pub fn open(folder: &Path, seed: u64) -> Result<Self, SegmentError> {
        std::fs::create_dir_all(folder).map_err(|source| SegmentError::io(folder, source))?;
        Segment::remove_rubbish(folder);
        let segment = match Segment::newest(folder, seed)? {
            Some(segment) => segment,
            None => SegmentBuilder::new(folder, seed)?.finish(Mark::default())?,
        };
        let mark = segment.mark();
        let state = State { segment: Arc::new(segment), delta: HashMap::new(), mark };
        Ok(Self { folder: folder.to_owned(), seed, state: RwLock::new(state), turn: Mutex::new(()) })
    }

    /// How the index that lies in a folder goes with the database. Makes and changes nothing.
    ///
    /// # Errors
    /// Where one of the two cannot be read.
    pub fn position(folder: &Path, store: &dyn Store) -> Result<IndexPosition, IndexError> {
        if !folder.is_dir() {
            return Ok(IndexPosition::Absent);
        }
        let Some(segment) = Segment::newest(folder, store.seed())? else { return Ok(IndexPosition::Absent) };
        let mark = segment.mark();
        if mark.seq > 0 {
            let change = store.changes_since(mark.seq - 1, 1)?;
            if change.first().map(Mark::of) != Some(mark) {
                return Ok(IndexPosition::Other);
            }
        }
        let mut behind = 0;
        let mut seq = mark.seq;
        loop {
            let changes = store.changes_since(seq, INDEX_READ)?;
            behind += changes.len() as u64;
            match changes.last() {
                Some(last) if changes.len() == INDEX_READ as usize => seq = last.seq,
                Some(_) | None => return Ok(IndexPosition::Behind(behind)),
            }
        }
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

    /// Whether mail for this address could be stopped: by itself, by its domain, or because some mail host is stopped. The database
    /// says whether it is; where the answer is no, it need not be asked.
    ///
    /// `key` is the suppression key of the address.
    pub fn could_be_stopped(&self, key: &str, domain: &str) -> bool {
        let fingerprints = Fingerprints::new(self.seed);
        self.contains(fingerprints.of(key))
            || self.contains(fingerprints.of(domain))
            || self.contains(fingerprints.of(ANY_MX_HOST))
    }

    /// Takes over changes, in their order.
    pub fn apply(&self, changes: &[StopChange]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let known = state.mark.seq;
        let news = changes.iter().filter(|change| change.seq > known);
        state.delta.extend(news.map(|change| (change.fingerprint, change.change)));
        if let Some(last) = changes.last().filter(|last| last.seq > known) {
            state.mark = Mark::of(last);
        }
    }

    /// Reads what changed in the database, and writes a new segment where that is much. Gives how many changes there were.
    ///
    /// An index that is ahead of the database, or that goes by other changes than the database has, is one of a database that was
    /// put back to an earlier time: it begins anew.
    ///
    /// # Errors
    /// Where the database cannot be read, or a segment not be written; then it is as good as before.
    pub fn catch_up(&self, store: &dyn Store) -> Result<u64, IndexError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.goes_with(store)? {
            self.replace(
                &SegmentBuilder::new(&self.folder, self.seed)?.finish(Mark::default())?.into(),
                None,
            );
        }
        let mut read = 0;
        loop {
            let changes = store.changes_since(self.mark().seq, INDEX_READ)?;
            read += changes.len() as u64;
            let is_last = changes.len() < INDEX_READ as usize;
            self.apply(&changes);
            if self.wants_rebuild() {
                // Much is owed: the rest goes straight into the new segment, not through memory.
                read += self.rebuild_from(Some(store))?;
                return Ok(read);
            }
            if is_last {
                return Ok(read);
            }
        }
    }

    /// Whether the database has the change that the index goes up to.
    fn goes_with(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let mark = self.mark();
        if mark.seq == 0 {
            return Ok(true);
        }
        let there = store.changes_since(mark.seq - 1, 1)?;
        Ok(there.first().is_some_and(|change| Mark::of(change) == mark))
    }

    /// The last change that is taken over.
    pub fn mark(&self) -> Mark {
        self.state.read().unwrap_or_else(PoisonError::into_inner).mark
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
    pub fn rebuild(&self) -> Result<(), IndexError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.rebuild_from(None).map(|_| ())
    }

    fn rebuild_from(&self, store: Option<&dyn Store>) -> Result<u64, IndexError> {
        let (old, changes, mut mark) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&state.segment), state.delta.clone(), state.mark)
        };
        let mut builder = SegmentBuilder::new(&self.folder, self.seed)?;
        for fingerprint in old.iter() {
            builder.push(fingerprint)?;
        }
        for (fingerprint, change) in &changes {
            match change {
                Change::Added => builder.push(*fingerprint)?,
                Change::Removed => builder.remove(*fingerprint)?,
            }
        }
        let mut read = 0;
        while let Some(store) = store {
            let more = store.changes_since(mark.seq, INDEX_READ)?;
            for change in &more {
                match change.change {
                    Change::Added => builder.push(change.fingerprint)?,
                    Change::Removed => builder.remove(change.fingerprint)?,
                }
            }
            read += more.len() as u64;
            let Some(last) = more.last() else { break };
            mark = Mark::of(last);
        }
        self.replace(&Arc::new(builder.finish(mark)?), Some(&changes));
        Ok(read)
    }

    /// Swaps a segment in. What stands in the table beyond `held` came meanwhile and stays; `None`: nothing stays.
    fn replace(&self, segment: &Arc<Segment>, held: Option<&HashMap<Fingerprint, Change>>) {
        let mark = segment.mark();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.segment = Arc::clone(segment);
            match held {
                Some(held) => {
                    state.delta.retain(|fingerprint, change| held.get(fingerprint) != Some(change));
                    if mark.seq > state.mark.seq {
                        state.mark = mark;
                    }
                }
                None => {
                    state.delta.clear();
                    state.mark = mark;
                }
            }
        }
        Segment::remove_others(&self.folder, mark.seq);
    }
}

/// Why the index cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Its file.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn fingerprint(number: u64) -> Fingerprint {
        Fingerprints::new(7).of(&number.to_string())
    }

    fn change(seq: u64, number: u64, change: Change) -> StopChange {
        StopChange { seq, fingerprint: fingerprint(number), change }
    }

    #[test]
    fn what_was_added_is_found_after_a_rebuild_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(&[change(2, 1, Change::Added), change(3, 2, Change::Added)]);
        index.apply(&[change(4, 2, Change::Removed)]);
        assert!(index.contains(fingerprint(1)) && !index.contains(fingerprint(2)));
        index.rebuild().unwrap();
        assert!(index.contains(fingerprint(1)) && !index.contains(fingerprint(2)));
        assert_eq!(index.sizes(), (1, 0));
        let again = SuppressionIndex::open(folder.path(), 7).unwrap();
        assert_eq!(again.mark(), Mark::of(&change(4, 2, Change::Removed)));
        assert!(again.contains(fingerprint(1)));
    }

    #[test]
    fn a_half_written_segment_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(&[change(1, 1, Change::Added)]);
        index.rebuild().unwrap();
        let whole = std::fs::read(Segment::path(folder.path(), 1)).unwrap();
        std::fs::write(Segment::path(folder.path(), 2), &whole[..whole.len() / 2]).unwrap();
        std::fs::write(Segment::path(folder.path(), 3), b"something else").unwrap();
        let again = SuppressionIndex::open(folder.path(), 7).unwrap();
        assert_eq!(again.mark().seq, 1);
        assert!(again.contains(fingerprint(1)));
    }

    #[test]
    fn a_segment_of_another_installation_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let index = SuppressionIndex::open(folder.path(), 7).unwrap();
        index.apply(&[change(1, 1, Change::Added)]);
        index.rebuild().unwrap();
        assert_eq!(SuppressionIndex::open(folder.path(), 8).unwrap().mark().seq, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_index_is_the_set_of_what_was_added_and_not_removed(steps in prop::collection::vec((0_u64..400, any::<bool>(), 0_u8..20), 0..600)) {
            let folder = tempfile::tempdir().unwrap();
            let index = SuppressionIndex::open(folder.path(), 7).unwrap();
            let mut set = HashSet::new();
            for (seq, (number, add, rebuild)) in (1..).zip(steps) {
                let what = if add { set.insert(number); Change::Added } else { set.remove(&number); Change::Removed };
                index.apply(&[change(seq, number, what)]);
                if rebuild == 0 { index.rebuild().unwrap(); }
            }
            for number in 0..400 {
                prop_assert_eq!(index.contains(fingerprint(number)), set.contains(&number));
            }
        }
    }
}
