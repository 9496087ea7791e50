//! Where everything that is seen during one survey is written down, from however many tasks.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::{AddressState, Fact, ObservationId, Observations};

/// The observations of a survey that is still going on.
#[derive(Debug, Default)]
pub struct Log(Mutex<Observations>);

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an observation and gives its name.
    pub fn keep(&self, at: Timestamp, took_ms: u64, subject: impl Into<String>, fact: Fact) -> ObservationId {
        self.with(|observations| observations.keep(at, took_ms, subject, fact))
    }

    /// How far a conversation came; "not probed" where this is none.
    pub(crate) fn state(&self, id: ObservationId) -> AddressState {
        self.with(|seen| seen.smtp(id).map_or(AddressState::NotProbed, |fact| fact.state))
    }

    /// What was written down so far. The log is empty after it.
    pub fn take(&self) -> Observations {
        self.with(std::mem::take)
    }

    /// (A panic elsewhere leaves the list whole: it is only ever appended to.)
    fn with<T>(&self, f: impl FnOnce(&mut Observations) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
