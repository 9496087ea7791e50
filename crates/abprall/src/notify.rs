//! Tells people what happened: incidents, frozen removals, recoveries, our own faults; by mail, or by a signed post.
//!
//! What there is to tell lies in the database (the timeline of incidents), and so does up to where each way has told it: nothing is lost
//! while a relay is away or nobody runs, and nothing is told again after a restart. Only a crash between the sending and the writing down
//! tells something twice; both times with the same Message-ID.
//!
//! - `topic`: what people can be told of; `words`: how it is said; `timing`: when, pure; `progress`: up to where.
//! - `mail`, `post`: the ways; `teller`: the loop.

mod mail;
mod post;
mod progress;
mod settings;
mod teller;
mod timing;
mod topic;
mod words;

pub(crate) use settings::{NotifySettings, take};
pub(crate) use teller::{Teller, begin};

/// Events in one message; the rest comes in the next one. Nobody reads more.
const EVENTS_MAX: u32 = 500;

/// Events that are told each by itself; more are only counted.
const EVENTS_TOLD_MAX: usize = 20;
