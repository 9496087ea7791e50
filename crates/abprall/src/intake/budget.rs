//! How many bytes may be on their way through the pipeline: large messages, and messages with very many reports, wait for each
//! other instead of filling the memory together.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes of input between being cut and being done. Usual batches never reach it; of larger messages one at a time is on its way.
const IN_FLIGHT_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Clone, Default)]
pub(super) struct Budget {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    lent: Mutex<usize>,
    returned: Condvar,
}

/// A part of the budget; it goes back when this is dropped.
pub(super) struct Lease {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Budget {
    /// Waits until `bytes` fit in, or nothing else is on its way.
    pub(super) fn lend(&self, bytes: usize) -> Lease {
        let lent = self.shared.lent.lock().unwrap_or_else(PoisonError::into_inner);
        let too_much = |lent: &mut usize| *lent > 0 && *lent + bytes > IN_FLIGHT_BYTES_MAX;
        let mut lent =
            self.shared.returned.wait_while(lent, too_much).unwrap_or_else(PoisonError::into_inner);
        *lent += bytes;
        Lease { shared: Arc::clone(&self.shared), bytes }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *self.shared.lent.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.shared.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_larger_than_the_budget_goes_alone_and_then_the_next() {
        let budget = Budget::default();
        let large = budget.lend(10 * IN_FLIGHT_BYTES_MAX);
        let next = thread::spawn({
            let budget = budget.clone();
            move || budget.lend(1).bytes
        });
        assert_eq!(*budget.shared.lent.lock().unwrap(), 10 * IN_FLIGHT_BYTES_MAX);
        drop(large);
        assert_eq!(next.join().unwrap(), 1);
        assert_eq!(*budget.shared.lent.lock().unwrap(), 0);
    }
}
