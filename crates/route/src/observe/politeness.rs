use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use abprall_mail::Domain;
use ipnet::IpNet;
use tokio::sync::Notify;

mod ledger;

use ledger::{Leave, Ledger, Visit};
pub use ledger::{NotNow, PolitenessConfig, Purpose, VisitEnd};

/// The gate that every connection to a mail server goes through: how many at once, how often, and whom to leave alone.
#[derive(Debug)]
pub struct Politeness {
    ledger: Mutex<Ledger>,
    own_networks: Vec<IpNet>,
    freed: Notify,
}

impl Default for Politeness {
    fn default() -> Self {
        Self::new(PolitenessConfig::default())
    }
}

impl Politeness {
    /// A gate with these limits.
    pub fn new(config: PolitenessConfig) -> Self {
        let own_networks = config.own_networks.clone();
        let ledger = Mutex::new(Ledger::new(config, Instant::now()));
        Self { ledger, own_networks, freed: Notify::new() }
    }

    /// Waits until a server may be contacted, at most until `deadline`.
    ///
    /// # Errors
    /// When it must not be contacted at this time, or the deadline comes first.
    pub async fn enter(
        self: &Arc<Self>,
        host: &str,
        address: IpAddr,
        port: u16,
        purpose: Purpose,
        deadline: tokio::time::Instant,
    ) -> Result<Permit, NotNow> {
        let socket = SocketAddr::new(address, port);
        let visit = if self.own_networks.iter().any(|network| network.contains(&address)) {
            Visit::at_home(socket, purpose)
        } else {
            Visit::new(socket, provider_of(host), purpose)
        };
        loop {
            // Registered before asking, so that a place that becomes free in between is not missed.
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let now = tokio::time::Instant::now();
            let leave = self.ledger().ask(&visit, now.into_std());
            match leave {
                Leave::Go => return Ok(Permit { gate: Arc::clone(self), visit, left: false }),
                Leave::Not(why) => return Err(why),
                Leave::WaitUntil(_) | Leave::WaitForOthers if now >= deadline => return Err(NotNow::Crowded),
                Leave::WaitUntil(at) => {
                    tokio::time::sleep_until(tokio::time::Instant::from_std(at).min(deadline)).await;
                }
                Leave::WaitForOthers => {
                    if tokio::time::timeout_at(deadline, freed).await.is_err() {
                        return Err(NotNow::Crowded);
                    }
                }
            }
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is whole after every call; a panic elsewhere does not spoil it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one connection. Dropped, it counts as a visit that failed.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Politeness>,
    visit: Visit,
    left: bool,
}

impl Permit {
    /// Says how the visit ended; gives the time before which the address is not to be contacted again.
    pub fn leave(mut self, end: VisitEnd) -> Instant {
        self.give_back(end)
    }

    /// The connection attempt goes unanswered: it holds its address, but no longer a place in the neighbourhood.
    pub fn stall(&mut self) {
        self.gate.ledger().stall(&mut self.visit);
        self.gate.freed.notify_waiters();
    }

    /// The attempt was answered after all.
    pub fn resume(&mut self) {
        self.gate.ledger().resume(&mut self.visit);
    }

    /// Goes without having contacted anybody.
    pub fn withdraw(mut self) {
        self.left = true;
        self.gate.ledger().withdraw(&self.visit);
        self.gate.freed.notify_waiters();
    }

    fn give_back(&mut self, end: VisitEnd) -> Instant {
        self.left = true;
        let now = tokio::time::Instant::now().into_std();
        let not_before = self.gate.ledger().leave(&self.visit, end, now, rand::random_range(-1.0..=1.0));
        self.gate.freed.notify_waiters();
        not_before
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.left {
            self.give_back(VisitEnd::Failed);
        }
    }
}

/// Who runs a host: its registrable domain, or the host itself where there is none.
fn provider_of(host: &str) -> Box<str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match Domain::parse(&host) {
        Ok(domain) => domain.registrable().unwrap_or(&host).into(),
        Err(_) => host.into(),
    }
}
