//! Stub.
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::observe::politeness::Politeness;
use crate::{AddressState, NetworkGuard, RecordData, SmtpFact, TlsFact};

/// Stub.
pub struct ProbeTarget {
    /// Stub.
    pub host: String,
    /// Stub.
    pub address: IpAddr,
    /// Stub.
    pub port: u16,
    /// Stub.
    pub tlsa: TlsaSet,
}

/// Stub.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsaSet {
    /// Stub.
    None,
    /// Stub.
    LookupFailed,
    /// Stub.
    Secure(Vec<RecordData>),
}

/// Stub.
#[derive(Clone, Debug, Default)]
pub struct ProberConfig {
    /// Stub.
    pub ehlo_name: String,
}

/// Stub.
pub struct Prober;

/// Stub.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct ProberError;

impl Prober {
    /// Stub.
    pub fn new(_: ProberConfig, _: Arc<NetworkGuard>, _: Arc<Politeness>) -> Result<Self, ProberError> {
        Ok(Self)
    }

    /// Stub.
    pub async fn probe(&self, target: &ProbeTarget, deadline: Instant) -> (Timestamp, u64, SmtpFact) {
        tokio::time::sleep_until(deadline).await;
        let fact = SmtpFact {
            host: target.host.clone(),
            address: target.address,
            port: target.port,
            state: AddressState::NotProbed,
            detail: None,
            connect_ms: None,
            greeting_ms: None,
            greeting: None,
            ehlo: None,
            capabilities: Vec::new(),
            tls: TlsFact::NotTried,
            transcript: Vec::new(),
            from_cache: false,
        };
        (Timestamp::now(), 0, fact)
    }
}
