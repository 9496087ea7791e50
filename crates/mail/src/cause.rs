use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// One of the ten causes of a permanent routing failure, or our own fault.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    Eq,
    Hash,
    IntoStaticStr,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// A routing server was shut down for good.
    RouterShutDown,
    /// A routing server was taken out of service as planned, but mail is still sent to it.
    Decommissioned,
    /// Routing rules or servers are set up wrongly, and nobody mends it.
    PermanentMisconfiguration,
    /// The DNS names routing servers that no longer exist.
    DnsInvalid,
    /// The network on the way is broken.
    NetworkFailure,
    /// The MX records name servers that are not available.
    MxUnavailable,
    /// The domain moved; the old servers are off.
    MigratedAway,
    /// Nobody looks after the domain any more.
    Abandoned,
    /// A routing server has run out of disk, memory or connections, and stays so.
    ResourcesExhausted,
    /// A server failed beyond repair.
    CriticalFailure,
    /// Our own resolver, network or configuration is at fault.
    OurOwnFault,
}

impl Cause {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
