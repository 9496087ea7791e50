//! Looks at a domain's mail routing from here and says what is broken, where, and whose fault it is.
//!
//! *Observe* (network) is apart from *judge* (pure): [`Observer::survey`] sees, [`judge()`] concludes. What was seen is kept as
//! [`Observations`], and every [`Finding`] names those that it rests on.
//!
//! Never connects to private or special-use addresses unless allowed, never sends MAIL or RCPT.

mod claim;
mod diagnosis;
mod hops;
pub mod limits;
mod network;
mod observation;
mod survey;

pub use claim::{
    Advice, CauseFamily, Claim, ClaimJudgement, DecisionRow, OurHosts, Ownership, ParseOurHostsError,
    hold_against,
};
pub use diagnosis::*;
pub use hops::{
    FailingHop, HopDelay, HopEnd, HopReason, HopSide, HopTls, Leg, LegBasis, MailHop, MailLoop, MailPath,
};
pub use network::{NetworkGuard, SpecialUse, special_use};
pub use observation::*;
pub use survey::*;
