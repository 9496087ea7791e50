//! Looks at what is held, concludes what follows, and brings people back when the way works again.
//!
//! A [`pass`](pass::pass) leases what is due, looks ([`Look`]), works out what follows (`follow_up`, pure) and stores it, all or nothing.
//! Several processes may watch the same store: who has leased an item has it alone. Time is a value of the caller.

mod claims;
mod follow;
mod follow_up;
mod hosts;
mod limits;
mod look;
mod news;
mod ownership;
mod pass;
mod shutdown;
mod summary;
#[cfg(test)]
mod tests;
mod way_back;

pub(crate) use follow::{all_that_is_due, owner, rest};
pub(crate) use limits::lease;
pub(crate) use look::NetworkLook;
pub(crate) use news::{News, What};
pub(crate) use pass::Watch;
pub(crate) use shutdown::Shutdown;
pub(crate) use summary::PassSummary;
