//! Decides what a report means for the address that was sent to. Pure: no store, no clock, no socket; what is known comes in as a
//! [`Case`], what is to be done goes out as a [`Decision`].
//!
//! One promise stands above all rows of the table: no recipient is stopped for a fault of the sender, of the message or of our
//! own system, nor by a report that contradicts itself or that nobody is sure about.

mod brake;
mod case;
mod decide;
mod decision;
mod fusion;
mod hard_stop;
mod health;
mod history;
mod investigation;
mod ledger;
mod policy;
mod reinstate;
mod schedule;
pub mod settings;
mod token;

pub use brake::{Brake, BrakeReason, HourCount, Sweep, Usual, sweeping, unusual};
pub use case::Case;
pub use decide::{POLICY_VERSION, decide};
pub use decision::{Decision, Outcome, Stop};
pub use fusion::failure_keys;
pub use hard_stop::HardStop;
pub use health::{DomainHealth, DomainLook, HealthState, HostHealth, HostLook};
pub use history::History;
pub use investigation::{Conclusion, Evidence, IncidentEvent, conclude, incident_key};
pub use ledger::{Day, Ledger, Strike, StrikeOutcome};
pub use policy::{
    BrakePolicy, Policy, PolicyFileError, ReinstatePolicy, RemovalTrust, ScopedSoftRule, SoftPolicy,
    SoftRule, SoftScope, TrustPolicy, WatchPolicy,
};
pub use reinstate::{Doubt, Ownership, ReinstateEvent, Reinstatement, Release};
pub use schedule::{Rhythm, next_look};
pub use token::{KeyRing, TokenClaims, TokenError, TokenKey, TokenKeyError, TokenRecipient};
