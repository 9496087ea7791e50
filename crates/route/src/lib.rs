//! Looks at a domain's mail routing from here and says what is broken, where, and whose fault it is.
//!
//! *Observe* (network) is apart from *judge* (pure): [`Observer::survey`] sees, [`judge()`] concludes. What was seen is kept as
//! [`Observations`], and every [`Finding`] names those that it rests on.
//!
//! Never connects to private or special-use addresses unless allowed, never sends MAIL or RCPT.

pub mod batch;
mod diagnosis;
mod judge;
pub mod limits;
mod network;
mod observation;
pub mod observe;
mod survey;

pub use diagnosis::*;
pub use judge::{Earlier, JudgeContext, judge};
pub use network::{NetworkGuard, SpecialUse, special_use};
pub use observation::*;
pub use observe::{Observer, ObserverConfig, ObserverError};
pub use survey::*;
