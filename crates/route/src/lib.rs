//! Looks at a domain's mail routing from here and says what is broken, where, and whose fault it is.
//!
//! *Observe* (network) is apart from *judge* (pure): [`Observer::survey`] sees, [`judge()`] concludes. What was seen is kept as
//! [`Observations`], and every [`Finding`] names those that it rests on.
//!
//! Never connects to private or special-use addresses unless allowed, never sends MAIL or RCPT.

pub mod batch;
mod claim;
mod contact;
mod diagnosis;
mod hops;
mod judge;
pub mod limits;
mod network;
mod observation;
pub mod observe;
mod survey;

pub use claim::{
    Advice, CauseFamily, Claim, ClaimJudgement, DecisionRow, OurHosts, Ownership, ParseOurHostsError,
    hold_against,
};
pub use contact::{
    Candidate, ContactOptions, ContactRole, ContactSource, Contacts, MailOperator, MailState, RdapError,
    RdapServer, Registration, Unanswered, find_contacts, mailbox_of,
};
pub use diagnosis::*;
pub use hops::{
    FailingHop, HopDelay, HopEnd, HopReason, HopSide, HopTls, Leg, LegBasis, MailHop, MailLoop, MailPath,
};
pub use judge::{Earlier, JudgeContext, judge};
pub use network::{NetworkGuard, SpecialUse, special_use};
pub use observation::*;
pub use observe::{
    NotNow, Observer, ObserverConfig, ObserverError, Permit, Politeness, PolitenessConfig, ProbeTarget,
    Prober, ProberConfig, ProberError, Purpose, TlsSetupError, TlsaSet, VisitEnd, dane_state,
    read_certificate,
};
pub use survey::*;
