//! The health of a mail host (address and port 25) and of a domain, as state machines (`routing.md` §6).

mod domain;
mod host;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

pub use domain::{DomainHealth, DomainLook};
pub use host::{HostHealth, HostLook};

/// The state of a host or of a domain.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HealthState {
    /// It works.
    #[default]
    Healthy,
    /// It works, but something of it is broken or slow.
    Degraded,
    /// It does not work; it may again.
    Failing,
    /// It has not worked for so long, or so surely, that nobody waits for it.
    Dead,
    /// It works again, but has not yet held.
    Recovering,
}

impl HealthState {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether mail can go there now.
    pub fn is_usable(self) -> bool {
        match self {
            HealthState::Healthy | HealthState::Degraded | HealthState::Recovering => true,
            HealthState::Failing | HealthState::Dead => false,
        }
    }
}
