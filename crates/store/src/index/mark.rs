use super::Change;
use crate::StopChange;

/// Up to which change of the database an index goes, and what that change was: a database that was put back to an earlier time
/// counts its changes anew, and the same number then stands for another one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mark {
    /// The number of the change; 0: none yet.
    pub seq: u64,
    /// What it was: the fingerprint, and above it whether it came or went.
    pub word: u64,
}

impl Mark {
    /// Of the last of the changes that are taken over.
    pub fn of(change: &StopChange) -> Self {
        let came = match change.change {
            Change::Added => 1 << 63,
            Change::Removed => 0,
        };
        Self { seq: change.seq, word: change.fingerprint.bits() | came }
    }
}
