//! Connections to the database for questions.

use std::sync::{Condvar, Mutex, PoisonError};

use abprall_store::Store;

use crate::serve::limits::STORE_WAIT_MAX;

/// Connections to the database, each for one question at a time.
pub(super) struct Stores {
    free: Mutex<Vec<Box<dyn Store>>>,
    returned: Condvar,
}

impl Stores {
    pub(super) fn new(stores: Vec<Box<dyn Store>>) -> Self {
        Self { free: Mutex::new(stores), returned: Condvar::new() }
    }

    /// Asks with a connection of its own; `None` where all of them are busy for too long: a slow database must not hold up everybody.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&dyn Store) -> T) -> Option<T> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .returned
            .wait_timeout_while(free, STORE_WAIT_MAX, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let lent = Lent { store: Some(free.pop()?), stores: self };
        drop(free);
        lent.store.as_deref().map(question)
    }
}

/// A connection that goes back whatever happens.
struct Lent<'a> {
    store: Option<Box<dyn Store>>,
    stores: &'a Stores,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.stores.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.store.take());
        self.stores.returned.notify_one();
    }
}
