//! The memory that everything that comes in over one way shares: what is not there yet takes none.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::limits::MEMORY_WAIT_MAX;

/// Memory that many share, counted in KiB.
#[derive(Clone)]
pub(super) struct Memory {
    kib_max: usize,
    all: Arc<Semaphore>,
    clients: Arc<Clients>,
}

/// What each client has of it, as long as it has any.
#[derive(Default)]
struct Clients {
    kib_max: usize,
    each: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

/// The part of one of them; it goes back with it.
pub(super) struct Share {
    memory: Memory,
    held: Option<OwnedSemaphorePermit>,
    of_client: Option<OfClient>,
}

struct OfClient {
    client: IpAddr,
    all: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

/// There is no memory for it now.
#[derive(Debug)]
pub(super) struct NoMemory;

impl Memory {
    pub(super) fn new(kib: usize) -> Self {
        Self::among_clients(kib, kib)
    }

    /// No client has more than its part at a time.
    pub(super) fn among_clients(kib: usize, kib_a_client: usize) -> Self {
        let clients = Clients { kib_max: kib_a_client, each: Mutex::default() };
        Self { kib_max: kib, all: Arc::new(Semaphore::new(kib)), clients: Arc::new(clients) }
    }

    pub(super) fn share(&self) -> Share {
        self.share_of(None)
    }

    /// A part for a client; one at a unix socket is nobody in particular.
    pub(super) fn share_of(&self, client: Option<IpAddr>) -> Share {
        let of_client = client.map(|client| {
            let client = network(client);
            let mut each = self.clients.each.lock().unwrap_or_else(PoisonError::into_inner);
            let all = each.entry(client).or_insert_with(|| Arc::new(Semaphore::new(self.clients.kib_max)));
            OfClient { client, all: Arc::clone(all), held: None }
        });
        Share { memory: self.clone(), held: None, of_client }
    }
}

/// One house has a /64 of IPv6 addresses at least.
pub(super) fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

impl Share {
    /// Whether so many bytes have room at all, when nobody else has any.
    pub(super) fn may_hold(&self, bytes: usize) -> bool {
        let clients = &self.memory.clients;
        bytes.div_ceil(1024) <= if self.of_client.is_some() { clients.kib_max } else { self.memory.kib_max }
    }

    /// Room for so many bytes in all; waits where there is none.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let has = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(1024).saturating_sub(has)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let both = async {
            // Its own part first: who has too much waits without a place of others.
            if let Some(of_client) = &mut self.of_client {
                let free = Arc::clone(&of_client.all).acquire_many_owned(more).await;
                add(&mut of_client.held, free.map_err(|_| NoMemory)?);
            }
            let free = Arc::clone(&self.memory.all).acquire_many_owned(more).await;
            add(&mut self.held, free.map_err(|_| NoMemory)?);
            Ok(())
        };
        timeout(MEMORY_WAIT_MAX, both).await.unwrap_or(Err(NoMemory))
    }
}

impl Share {
    /// Gives back what is beyond so many bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let keep = bytes.div_ceil(1024);
        let of_client = self.of_client.as_mut().map(|of_client| &mut of_client.held);
        for held in [Some(&mut self.held), of_client].into_iter().flatten().flatten() {
            let beyond = held.num_permits().saturating_sub(keep);
            drop(held.split(beyond));
        }
    }
}

fn add(held: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(of_client) = self.of_client.take() else { return };
        let mut each = self.memory.clients.each.lock().unwrap_or_else(PoisonError::into_inner);
        drop(of_client.held);
        // The table and this share have it: nobody else does.
        if Arc::strong_count(&of_client.all) == 2 {
            each.remove(&of_client.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_client_leaves_room_for_others() {
        let memory = Memory::among_clients(100, 60);
        let [one, same_house, other] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|ip| ip.parse().ok());
        let mut first = memory.share_of(one);
        first.grow(50 * 1024).await.unwrap();
        let mut second = memory.share_of(same_house);
        assert!(second.grow(20 * 1024).now_or_never().is_none(), "it waits");
        memory.share_of(other).grow(40 * 1024).await.unwrap();
        drop(first);
        second.grow(60 * 1024).await.unwrap();
        drop(second);
        assert!(memory.clients.each.lock().unwrap().is_empty(), "who has nothing takes no room");
        assert_eq!(memory.all.available_permits(), 100);
    }
}
