//! Every limit of the watch, with its reason.

use std::time::Duration;

/// Items that one process leases at a time: so many domains are looked at at the same time, and so many are lost for the length of
/// a lease when it dies.
pub(crate) const BATCH: u32 = 16;

/// How long an item is leased at least: a batch takes one deadline of the network part, and its storing milliseconds.
pub(crate) const LEASE: Duration = Duration::from_secs(300);

/// How long an item is leased, where one look may take so long: a batch is looked at at the same time, behind canaries.
pub(crate) fn lease(deadline: Duration) -> Duration {
    LEASE.max(deadline.saturating_mul(4))
}

/// Earlier looks that a judgement may rest on; more add nothing to its confidence.
pub(crate) const EARLIER_MAX: u32 = 16;

/// Looks that are searched for a time without registration: more than a year of them by the rhythm of what is dead.
pub(crate) const HISTORY_MAX: u32 = 200;

/// Reports of a domain that are held against what is seen; further ones say the same.
pub(crate) const CLAIMS_MAX: usize = 8;

/// Decisions, and addresses, of a domain that are searched for such reports.
pub(crate) const DECISIONS_SEARCHED: u32 = 50;

/// Mail hosts of a domain whose health is followed. Real mail servers try at most five.
pub(crate) const HOSTS_MAX: usize = 16;

/// How often it is looked whether the first address that came back took its mail.
pub(crate) const CANARY_POLL: Duration = Duration::from_secs(1800);

/// How long after a failed way back, while the route seems to work, it is tried again.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(86_400);

/// When passes follow one another, the least pause between two rounds: whatever happens, they do not come faster.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(500);

/// What was learned of hosts is forgotten after this time: it must not hide that they were repaired. No rhythm is faster.
pub(crate) const LOOK_AGE_MAX: Duration = Duration::from_secs(240);
