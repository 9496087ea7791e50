use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Clocks that differ by less are called equal, in seconds: Received lines have no fractions, and servers write them late.
const SKEW_SECONDS_MIN: i64 = 2;

/// How long a message lay before a hop.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "seconds")]
pub enum HopDelay {
    /// The first hop, or no time is given.
    Unknown,
    /// So many seconds after the latest time before it, 0 or more.
    Took(i64),
    /// The clock of this server differs from that of the one before: behind (below 0) or ahead (above 0). Says nothing about the delay.
    ClockSkew(i64),
}

/// The delay of each hop, oldest first.
///
/// A hop that is earlier than the latest one before it shows a wrong clock. It is its own, unless the hop just before jumped ahead by
/// about the same time: then that one's clock was ahead.
pub(super) fn delays(times: &[Option<Timestamp>]) -> Vec<HopDelay> {
    let mut delays: Vec<HopDelay> = Vec::with_capacity(times.len());
    // The latest time that is believed, and the one before it with the place that set the latest.
    let mut latest: Option<i64> = None;
    let mut jump: Option<(usize, i64)> = None;
    for (index, at) in times.iter().map(|at| at.map(Timestamp::as_second)).enumerate() {
        let (Some(at), Some(before)) = (at, latest) else {
            latest = latest.or(at);
            delays.push(HopDelay::Unknown);
            continue;
        };
        let took = at.saturating_sub(before);
        if took > -SKEW_SECONDS_MIN {
            jump = Some((index, before));
            latest = Some(at.max(before));
            delays.push(HopDelay::Took(took.max(0)));
            continue;
        }
        match jump {
            Some((ahead, believed))
                if at.saturating_sub(believed) >= 0 && before.saturating_sub(believed) >= -took =>
            {
                if let Some(delay) = delays.get_mut(ahead) {
                    *delay = HopDelay::ClockSkew(before.saturating_sub(believed));
                }
                delays.push(HopDelay::Took(at.saturating_sub(believed)));
                latest = Some(at);
            }
            Some(_) | None => delays.push(HopDelay::ClockSkew(took)),
        }
        jump = None;
    }
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: &[i64], expected: &[HopDelay]) {
        let times: Vec<_> = seconds.iter().map(|second| Timestamp::from_second(*second).ok()).collect();
        assert_eq!(delays(&times), expected, "{seconds:?}");
    }

    #[test]
    fn a_real_delay_is_told_apart_from_a_clock_that_is_behind() {
        use HopDelay::{ClockSkew, Took, Unknown};
        check(&[100, 105, 4000], &[Unknown, Took(5), Took(3895)]);
        // The second server is a minute behind; the third is not 61 seconds late.
        check(&[100, 40, 101], &[Unknown, ClockSkew(-60), Took(1)]);
        check(&[100, 99], &[Unknown, Took(0)]);
    }

    #[test]
    fn a_clock_that_is_ahead_is_no_delay() {
        use HopDelay::{ClockSkew, Took, Unknown};
        check(&[100, 3700, 102], &[Unknown, ClockSkew(3600), Took(2)]);
    }

    #[test]
    fn hops_without_a_time_do_not_hide_the_delay_over_them() {
        let times = [Timestamp::from_second(100).ok(), None, Timestamp::from_second(160).ok()];
        assert_eq!(delays(&times), [HopDelay::Unknown, HopDelay::Unknown, HopDelay::Took(60)]);
    }
}
