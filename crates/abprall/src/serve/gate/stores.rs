//! Connections to the database for questions.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abprall_store::{Store, StoreError};

use crate::serve::limits::{STORE_RETRY_EVERY, STORE_WAIT_MAX};

/// Connections to the database, each for one question at a time.
pub(super) struct Stores {
    shelf: Mutex<Shelf>,
    returned: Condvar,
}

struct Shelf {
    free: Vec<Box<dyn Store>>,
    /// The database did not answer. Until then nobody waits for it again; then one tries.
    gone_until: Option<Instant>,
}

impl Stores {
    pub(super) fn new(mut stores: Vec<Box<dyn Store>>) -> Self {
        for store in &mut stores {
            // It is tried once: who asks has a server to fall back to, or asks again.
            store.wait_for_server(Duration::ZERO);
        }
        Self { shelf: Mutex::new(Shelf { free: stores, gone_until: None }), returned: Condvar::new() }
    }

    /// Asks with a connection of its own. `None` where the database does not answer, or all connections are busy for too long: a slow
    /// database must not hold up everybody, nor one that is gone.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> Option<T> {
        let mut shelf = self.shelf();
        if let Some(until) = shelf.gone_until {
            let now = Instant::now();
            if now < until {
                return None;
            }
            shelf.gone_until = Some(now + STORE_RETRY_EVERY);
        }
        let (mut shelf, _) = self
            .returned
            .wait_timeout_while(shelf, STORE_WAIT_MAX, |shelf| shelf.free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let Some(store) = shelf.free.pop() else {
            shelf.gone_until = Some(Instant::now() + STORE_RETRY_EVERY);
            return None;
        };
        drop(shelf);
        let lent = Lent { store: Some(store), stores: self };
        let answer = lent.store.as_deref().map(question)?;
        let mut shelf = self.shelf();
        shelf.gone_until = answer.is_err().then(|| Instant::now() + STORE_RETRY_EVERY);
        drop(shelf);
        answer.ok()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back whatever happens.
struct Lent<'a> {
    store: Option<Box<dyn Store>>,
    stores: &'a Stores,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.stores.shelf().free.extend(self.store.take());
        self.stores.returned.notify_one();
    }
}
