//! The memory that everything that comes in over one way shares: what is not there yet takes none.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::limits::MEMORY_WAIT_MAX;

/// Memory that many share, counted in KiB.
#[derive(Clone)]
pub(super) struct Memory(Arc<Semaphore>);

/// The part of one of them; it goes back with it.
pub(super) struct Share {
    memory: Memory,
    held: Option<OwnedSemaphorePermit>,
}

/// There is no memory for it now.
pub(super) struct NoMemory;

impl Memory {
    pub(super) fn new(kib: usize) -> Self {
        Self(Arc::new(Semaphore::new(kib)))
    }

    pub(super) fn share(&self) -> Share {
        Share { memory: self.clone(), held: None }
    }
}

impl Share {
    /// Room for so many bytes in all; waits where there is none.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let has = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(1024).saturating_sub(has)).unwrap_or(u32::MAX);
        if more > 0 {
            let free = Arc::clone(&self.memory.0).acquire_many_owned(more);
            let Ok(Ok(permit)) = timeout(MEMORY_WAIT_MAX, free).await else { return Err(NoMemory) };
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
        }
        Ok(())
    }
}
