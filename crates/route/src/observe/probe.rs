use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use abprall_wire::smtp::{HelloName, ParseHelloNameError, Timeouts};
use jiff::Timestamp;
use tokio::time::Instant;

use super::politeness::{NotNow, Politeness, Purpose};
use super::tls::{TlsProbe, TlsSetupError};
use crate::limits::CONNECT_MAX;
use crate::{AddressState, NetworkGuard, RecordData, SmtpFact, TlsFact};

mod memory;
mod outcome;
mod session;

use memory::{Memory, Recall, Seen};

/// How to probe.
#[derive(Clone, Debug)]
pub struct ProberConfig {
    /// Our name in EHLO: a host name whose address leads back to it. `None`: the address that we connect from, as a literal.
    pub ehlo_name: Option<String>,
    /// Certificate authorities to trust beside those of the system: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// How long a connection attempt may take.
    pub connect_timeout: Duration,
    /// How long each step of the conversation may take.
    pub timeouts: Timeouts,
}

impl Default for ProberConfig {
    fn default() -> Self {
        Self { ehlo_name: None, ca_file: None, connect_timeout: CONNECT_MAX, timeouts: Timeouts::default() }
    }
}

/// Why no prober can be made.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The name for EHLO is none.
    #[error("{name:?} cannot be said with EHLO")]
    EhloName {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: ParseHelloNameError,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
}

/// What is to be probed.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// The MX host.
    pub host: String,
    /// One of its addresses.
    pub address: IpAddr,
    /// The port: 25 unless it is a relay of the operator's.
    pub port: u16,
    /// What DNS says of its certificate.
    pub tlsa: TlsaSet,
}

/// The TLSA records of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TlsaSet {
    /// Not asked, none, or not authenticated by DNSSEC.
    #[default]
    None,
    /// They cannot be looked up.
    LookupFailed,
    /// Authenticated; what is no TLSA record is ignored.
    Secure(Vec<RecordData>),
}

/// Holds conversations with mail servers: greeting, EHLO, STARTTLS, EHLO, QUIT, and never more.
pub struct Prober {
    hello: Option<HelloName>,
    connect_timeout: Duration,
    timeouts: Timeouts,
    tls: TlsProbe,
    guard: Arc<NetworkGuard>,
    gate: Arc<Politeness>,
    memory: Mutex<Memory>,
}

impl Prober {
    /// A prober that contacts what `guard` permits, when `gate` lets it.
    ///
    /// # Errors
    /// When the name for EHLO is none, or the authorities cannot be read.
    pub fn new(
        config: ProberConfig,
        guard: Arc<NetworkGuard>,
        gate: Arc<Politeness>,
    ) -> Result<Self, ProberError> {
        let hello = match config.ehlo_name {
            None => None,
            Some(name) => match HelloName::parse(&name) {
                Ok(hello) => Some(hello),
                Err(source) => return Err(ProberError::EhloName { name, source }),
            },
        };
        Ok(Self {
            hello,
            connect_timeout: config.connect_timeout,
            timeouts: config.timeouts,
            tls: TlsProbe::new(config.ca_file.as_deref())?,
            guard,
            gate,
            memory: Mutex::new(Memory::default()),
        })
    }

    /// Probes an address, or answers from memory when it was probed a short time ago. Gives when the conversation began, how many
    /// milliseconds it took, and what was seen.
    ///
    /// Ends at `deadline` at the latest. A special-use address that is not allowed gets no packet.
    pub async fn probe(&self, target: &ProbeTarget, deadline: Instant) -> (Timestamp, u64, SmtpFact) {
        if let Err(block) = self.guard.permits(target.address) {
            let detail = format!("{} lies in a special-use block ({block}): never contacted", target.address);
            return (Timestamp::now(), 0, not_tried(target, AddressState::Forbidden, detail));
        }
        let purpose = match self.recall(target) {
            Recall::Answer(seen) => return self.remembered(*seen, target),
            Recall::OtherName => Purpose::CertificateOfAnotherName,
            Recall::Nothing => Purpose::State,
        };
        let asked_at = Timestamp::now();
        match self.gate.enter(&target.host, target.address, target.port, purpose, deadline).await {
            Ok(mut permit) => {
                // While we waited, another probe may have seen what we want to know.
                if let Recall::Answer(seen) = self.recall(target) {
                    permit.withdraw();
                    return self.remembered(*seen, target);
                }
                let seen = self.converse(target, &mut permit, deadline).await;
                let not_before = permit.leave(outcome::visit_end(&seen.fact));
                self.memory().keep(target, seen.clone(), not_before);
                self.fresh(seen, target)
            }
            Err(why) => {
                if why == NotNow::TooSoon
                    && let Some(seen) = self.memory().any(target, now())
                {
                    return self.remembered(seen, target);
                }
                (asked_at, 0, not_tried(target, AddressState::NotProbed, why.to_string()))
            }
        }
    }

    fn recall(&self, target: &ProbeTarget) -> Recall {
        // Whether a remembered certificate fits another host or its TLSA records decides if it answers for that host.
        self.memory().recall(target, now(), |seen| {
            seen.chain.is_empty() || {
                let judged =
                    outcome::tls_fact(&seen.fact.tls, &seen.chain, &self.tls, target, Timestamp::now());
                outcome::suits(&judged)
            }
        })
    }

    fn fresh(&self, mut seen: Seen, target: &ProbeTarget) -> (Timestamp, u64, SmtpFact) {
        seen.fact.tls = outcome::tls_fact(&seen.fact.tls, &seen.chain, &self.tls, target, seen.at);
        (seen.at, seen.took_ms, seen.fact)
    }

    fn remembered(&self, seen: Seen, target: &ProbeTarget) -> (Timestamp, u64, SmtpFact) {
        let (at, took_ms, mut fact) = self.fresh(seen, target);
        fact.host.clone_from(&target.host);
        fact.from_cache = true;
        (at, took_ms, fact)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProbeTarget {
    fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// A fact about an address that was not contacted.
fn not_tried(target: &ProbeTarget, state: AddressState, detail: String) -> SmtpFact {
    SmtpFact {
        host: target.host.clone(),
        address: target.address,
        port: target.port,
        state,
        detail: Some(detail),
        connect_ms: None,
        greeting_ms: None,
        greeting: None,
        ehlo: None,
        capabilities: Vec::new(),
        tls: TlsFact::NotTried,
        transcript: Vec::new(),
        from_cache: false,
    }
}
