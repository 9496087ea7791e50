//! Passes one after the other: all that is due, and how long until the next is worth a look.

use std::time::{Duration, Instant};

use abprall_route::ObserverConfig;

use super::limits::{LOOK_AGE_MAX, PAUSE_MIN};
use super::look::NetworkLook;
use super::news::News;
use super::pass::{Watch, pass};
use super::summary::PassSummary;

/// Does all that is due, batch by batch, until nothing is or `is_ended` says so.
///
/// `tell` gets what is stored; `progress` the sum after each batch.
///
/// # Errors
/// Where the store fails, or `tell` does; what was told stays done.
pub(crate) fn all_that_is_due(
    watch: &mut Watch<'_>,
    config: &ObserverConfig,
    is_ended: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&News) -> anyhow::Result<()>,
    progress: &mut dyn FnMut(&PassSummary),
) -> anyhow::Result<PassSummary> {
    let mut look = NetworkLook::new(config.clone(), watch.language)?;
    let mut made = Instant::now();
    let mut sum = PassSummary::default();
    loop {
        if made.elapsed() >= LOOK_AGE_MAX {
            look = NetworkLook::new(config.clone(), watch.language)?;
            made = Instant::now();
        }
        let one = pass(watch, &mut look, tell)?;
        let is_idle = one.done == 0 && one.leases_lost == 0;
        sum.add(&one);
        progress(&sum);
        let is_due = sum.next_due.is_some_and(|at| at <= watch.clock.now());
        if is_idle || !is_due || is_ended() {
            return Ok(sum);
        }
    }
}

/// How long to rest: until something is due, and at most `poll`, because other processes bring new work.
pub(crate) fn rest(watch: &Watch<'_>, sum: &PassSummary, poll: Duration) -> Duration {
    let Some(at) = sum.next_due else { return poll };
    let until_due = Duration::try_from(at.duration_since(watch.clock.now())).unwrap_or_default();
    until_due.clamp(PAUSE_MIN, poll.max(PAUSE_MIN))
}

/// No other process has this name, also not one on another machine or a later one with the same number.
pub(crate) fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}/{}", host.trim(), std::process::id(), jiff::Timestamp::now().as_microsecond())
}
