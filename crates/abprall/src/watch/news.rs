//! What a pass has to tell people, once it is stored.

use std::net::IpAddr;

use abprall_mail::{Confidence, Verdict};
use abprall_policy::HealthState;
use jiff::Timestamp;
use serde::Serialize;
use strum::{Display, EnumIter};

/// One thing that was done or found. See `docs/output.md`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct News {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    pub(crate) domain: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) confidence: Option<Confidence>,
    pub(crate) health: Option<HealthState>,
    pub(crate) rule: Option<&'static str>,
    /// Addresses that may be sent to again by this.
    pub(crate) released: u64,
    /// Their names, at most 1,000.
    pub(crate) addresses: Vec<String>,
    /// Addresses of the domain that still wait.
    pub(crate) waiting: u64,
    pub(crate) incident: Option<i64>,
    pub(crate) observation: Option<i64>,
    pub(crate) next_look: Option<Timestamp>,
    /// In words: advice, why a person is needed, what a server said.
    pub(crate) detail: Option<String>,
}

/// What it is.
#[derive(Clone, Copy, Debug, Display, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(crate) enum What {
    /// There is no way now: the whole domain is held.
    DomainHeld,
    /// There is no way, and it stays so: the whole domain is suppressed.
    DomainSuppressed,
    /// Stopped before, and still without a way.
    StillDown,
    /// The claim is refuted: addresses are free again.
    Released,
    /// Our own system was at fault: addresses are free again, and it has to be mended.
    OwnFault,
    /// Nothing could be decided; what is held stays held.
    Kept,
    /// We cannot see.
    Blind,
    /// The way works again, and has to hold.
    Recovering,
    /// The first address came back.
    Canary,
    /// Some more addresses came back.
    Reinstated,
    /// All are back.
    Returned,
    /// It failed again on the way back.
    WayBackStopped,
    /// Only a person may let it back.
    NeedsPerson,
    /// It works, and nobody of it is stopped.
    Works,
    /// It does not work, and nobody of it is stopped.
    Down,
    /// The state of a mail server changed.
    HostChanged,
    /// Removals are frozen.
    Frozen,
    /// Removals go on.
    Thawed,
}

impl What {
    /// Whether somebody has to act on our own side.
    pub(crate) fn is_alarm(self) -> bool {
        match self {
            What::OwnFault | What::Blind | What::Frozen => true,
            What::DomainHeld
            | What::DomainSuppressed
            | What::StillDown
            | What::Released
            | What::Kept
            | What::Recovering
            | What::Canary
            | What::Reinstated
            | What::Returned
            | What::WayBackStopped
            | What::NeedsPerson
            | What::Works
            | What::Down
            | What::HostChanged
            | What::Thawed => false,
        }
    }
}
