use crate::{Change, Fingerprint};

/// A change of what is stopped, for the suppression index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StopChange {
    /// Its number; later changes have greater ones.
    pub seq: u64,
    /// Whom: the fingerprint of [`index_key`](crate::index_key).
    pub fingerprint: Fingerprint,
    /// What: stopped by anything at all, or by nothing any more.
    pub change: Change,
}
