//! Decides what a report means for the address that was sent to. Pure: no store, no clock, no socket; what is known comes in as a
//! [`Case`], what is to be done goes out as a [`Decision`].
//!
//! One promise stands above all rows of the table: no recipient is stopped for a fault of the sender, of the message or of our
//! own system, nor by a report that contradicts itself or that nobody is sure about.

mod case;
mod decide;
mod decision;
mod health;
mod ledger;
mod policy;
mod schedule;

pub use case::Case;
pub use decide::{POLICY_VERSION, decide};
pub use decision::{Decision, Outcome, Stop};
pub use health::{DomainHealth, DomainLook, HealthState, HostHealth, HostLook};
pub use ledger::{Day, Ledger, Strike, StrikeOutcome};
pub use policy::{
    BrakePolicy, Policy, PolicyFileError, Problem, ReinstatePolicy, RemovalTrust, ScopedSoftRule, SoftPolicy,
    SoftRule, SoftScope, TrustPolicy, WatchPolicy,
};
pub use schedule::{Rhythm, next_look};
