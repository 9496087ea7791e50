//! When to look again (`routing.md` §6, after RFC 5321 §4.5.4.1 and RFC 2308 §5, §7).

use std::time::Duration;

use jiff::Timestamp;

use crate::policy::after;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

/// What is looked at again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rhythm {
    /// It fails: often at first, then every few hours, then every six.
    Failing,
    /// It is dead: twice a day, daily, weekly, monthly.
    Dead,
    /// It works again: three looks within an hour.
    Recovering,
    /// It is well, but under watch.
    Healthy,
}

/// The time of the next look.
///
/// - `since`: when the rhythm began.
/// - `looks`: how many looks there were in it.
/// - `not_before`: when a cached negative answer ends; earlier would only show the cache.
/// - `chance`: any number; spreads the looks by ±20 %, so that a thousand domains do not come at once.
pub fn next_look(
    rhythm: Rhythm,
    looks: u32,
    since: Timestamp,
    now: Timestamp,
    not_before: Option<Timestamp>,
    chance: u64,
) -> Timestamp {
    let age = now.duration_since(since).as_secs().max(0).cast_unsigned();
    let base = match rhythm {
        Rhythm::Failing => failing(looks, age),
        Rhythm::Dead => dead(looks, age),
        Rhythm::Recovering => [10 * MINUTE, 20 * MINUTE, 30 * MINUTE][looks.min(2) as usize],
        Rhythm::Healthy => 6 * HOUR,
    };
    after(now, jittered(base, chance)).max(not_before.unwrap_or(Timestamp::MIN))
}

fn failing(looks: u32, age_s: u64) -> u64 {
    match (looks, age_s) {
        (0, _) => 5 * MINUTE,
        (1, _) => 15 * MINUTE,
        (2, _) => 30 * MINUTE,
        (3, _) => HOUR,
        (_, age) if age < DAY => 150 * MINUTE,
        (_, _) => 6 * HOUR,
    }
}

fn dead(looks: u32, age_s: u64) -> u64 {
    match (looks, age_s / DAY) {
        (0..=3, _) => 12 * HOUR,
        (_, 0..30) => DAY,
        (_, 30..90) => 7 * DAY,
        (_, _) => 30 * DAY,
    }
}

/// 0.8 to 1.2 times the base.
fn jittered(base_s: u64, chance: u64) -> Duration {
    let thousandths = 800 + chance % 401;
    Duration::from_millis(base_s.saturating_mul(thousandths))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_second(seconds.cast_signed()).unwrap()
    }

    /// 200 of 401 is the middle: no jitter.
    fn wait(rhythm: Rhythm, looks: u32, age_s: u64) -> u64 {
        let now = at(DAY * 1000 + age_s);
        let next = next_look(rhythm, looks, at(DAY * 1000), now, None, 200);
        next.duration_since(now).as_secs().cast_unsigned()
    }

    #[test]
    fn a_failing_domain_is_looked_at_twice_in_the_first_hour_then_every_few_hours() {
        let waits: Vec<_> = (0..5).map(|looks| wait(Rhythm::Failing, looks, 0) / MINUTE).collect();
        assert_eq!(waits, [5, 15, 30, 60, 150]);
        assert_eq!(wait(Rhythm::Failing, 20, 2 * DAY), 6 * HOUR);
    }

    #[test]
    fn a_dead_domain_is_looked_at_ever_more_rarely() {
        assert_eq!(wait(Rhythm::Dead, 3, DAY), 12 * HOUR);
        assert_eq!(wait(Rhythm::Dead, 9, 9 * DAY), DAY);
        assert_eq!(wait(Rhythm::Dead, 40, 50 * DAY), 7 * DAY);
        assert_eq!(wait(Rhythm::Dead, 50, 120 * DAY), 30 * DAY);
    }

    #[test]
    fn nobody_looks_before_a_cached_answer_has_ended() {
        let (now, end) = (at(1000), at(50_000));
        assert_eq!(next_look(Rhythm::Failing, 0, now, now, Some(end), 0), end);
    }

    proptest! {
        #[test]
        fn the_next_look_is_always_later_and_within_a_fifth_of_the_base(looks in 0_u32..200, age in 0_u64..400 * DAY, chance: u64) {
            for rhythm in [Rhythm::Failing, Rhythm::Dead, Rhythm::Recovering, Rhythm::Healthy] {
                let now = at(DAY * 1000 + age);
                let next = next_look(rhythm, looks, at(DAY * 1000), now, None, chance);
                let (waited, base) = (next.duration_since(now).as_millis(), i128::from(wait(rhythm, looks, age)) * 1000);
                prop_assert!(waited * 10 >= base * 8 && waited * 10 <= base * 12, "{} {}", waited, base);
            }
        }
    }
}
