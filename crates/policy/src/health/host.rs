use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HealthState;
use crate::WatchPolicy;
use crate::policy::after;

/// The health of one address of a mail host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostHealth {
    /// The state.
    pub state: HealthState,
    /// Since when it is in it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it began to fail, while it does not work or is recovering.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub failing_since: Option<Timestamp>,
    /// Looks without success since then.
    pub failures: u32,
    /// When it began to work again, while it is recovering.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub good_since: Option<Timestamp>,
    /// Successful looks since then.
    pub successes: u32,
}

/// What a look at a host saw. A look from a blind vantage is no look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostLook {
    /// Greeting and EHLO in good time.
    Good,
    /// It works, but slowly, or says "not now" (4yz).
    Poor,
    /// It does not work.
    Failed,
}

impl HostHealth {
    /// A host that nobody has looked at.
    pub fn new(at: Timestamp) -> Self {
        Self {
            state: HealthState::Healthy,
            since: at,
            failing_since: None,
            failures: 0,
            good_since: None,
            successes: 0,
        }
    }

    /// The health after a look.
    #[must_use]
    pub fn after(self, look: HostLook, at: Timestamp, policy: &WatchPolicy) -> Self {
        match look {
            HostLook::Good => self.after_good(at, policy),
            // "Not now" is an answer: it neither makes a host well nor lets it die.
            HostLook::Poor => match self.state {
                HealthState::Healthy => self.enter(HealthState::Degraded, at),
                HealthState::Degraded | HealthState::Recovering => self,
                HealthState::Failing | HealthState::Dead => {
                    Self { good_since: Some(at), successes: 0, ..self.enter(HealthState::Recovering, at) }
                }
            },
            HostLook::Failed => self.after_failure(at, policy),
        }
    }

    fn after_good(self, at: Timestamp, policy: &WatchPolicy) -> Self {
        match self.state {
            HealthState::Healthy => Self { failing_since: None, failures: 0, ..self },
            HealthState::Degraded => {
                Self { failing_since: None, failures: 0, ..self.enter(HealthState::Healthy, at) }
            }
            HealthState::Failing | HealthState::Dead => {
                Self { good_since: Some(at), successes: 1, ..self.enter(HealthState::Recovering, at) }
            }
            HealthState::Recovering => {
                let successes = self.successes.saturating_add(1);
                let good_since = self.good_since.unwrap_or(at);
                if successes >= policy.recovered_checks && at >= after(good_since, policy.recovered_span) {
                    return Self::new(at);
                }
                Self { successes, good_since: Some(good_since), ..self }
            }
        }
    }

    fn after_failure(self, at: Timestamp, policy: &WatchPolicy) -> Self {
        let failures = self.failures.saturating_add(1);
        let failing_since = self.failing_since.unwrap_or(at);
        let next =
            Self { failures, failing_since: Some(failing_since), good_since: None, successes: 0, ..self };
        let long = |span| at >= after(failing_since, span);
        match self.state {
            HealthState::Healthy | HealthState::Degraded => {
                if failures >= policy.failing_after && long(policy.failing_span) {
                    next.enter(HealthState::Failing, at)
                } else if self.state == HealthState::Healthy {
                    next.enter(HealthState::Degraded, at)
                } else {
                    next
                }
            }
            HealthState::Failing if failures >= policy.dead_checks && long(policy.dead_after) => {
                next.enter(HealthState::Dead, at)
            }
            HealthState::Failing | HealthState::Dead => next,
            // Back with the old count: a host that flaps does not get younger.
            HealthState::Recovering => next.enter(HealthState::Failing, at),
        }
    }

    fn enter(self, state: HealthState, at: Timestamp) -> Self {
        Self { state, since: at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    fn walk(looks: impl IntoIterator<Item = (i64, HostLook)>) -> Vec<HealthState> {
        let policy = WatchPolicy::default();
        let mut health = HostHealth::new(minute(0));
        looks
            .into_iter()
            .map(|(at, look)| {
                health = health.after(look, minute(at), &policy);
                health.state
            })
            .collect()
    }

    #[test]
    fn one_failure_degrades_three_over_half_an_hour_are_failing() {
        use {HealthState as S, HostLook as L};
        let states = walk([(0, L::Failed), (5, L::Failed), (20, L::Failed), (50, L::Failed), (60, L::Good)]);
        assert_eq!(states, [S::Degraded, S::Degraded, S::Degraded, S::Failing, S::Recovering]);
    }

    #[test]
    fn dead_needs_five_days_and_twelve_looks() {
        let hourly = (0..24 * 6).map(|hour| (hour * 60, HostLook::Failed));
        let states = walk(hourly);
        let dead = states.iter().position(|state| *state == HealthState::Dead);
        assert_eq!(dead, Some(24 * 5));
    }

    #[test]
    fn recovered_needs_three_good_looks_over_an_hour() {
        use HostLook as L;
        let fails = [(0, L::Failed), (20, L::Failed), (40, L::Failed)];
        let states =
            walk(fails.into_iter().chain([(50, L::Good), (60, L::Good), (70, L::Good), (111, L::Good)]));
        assert_eq!(
            states[3..],
            [HealthState::Recovering, HealthState::Recovering, HealthState::Recovering, HealthState::Healthy]
        );
    }

    #[test]
    fn a_failure_while_recovering_returns_to_failing_with_the_old_beginning() {
        let policy = WatchPolicy::default();
        let mut health = HostHealth::new(minute(0));
        for at in [0, 20, 40] {
            health = health.after(HostLook::Failed, minute(at), &policy);
        }
        health = health.after(HostLook::Good, minute(60), &policy);
        health = health.after(HostLook::Failed, minute(70), &policy);
        assert_eq!((health.state, health.failing_since), (HealthState::Failing, Some(minute(0))));
    }

    proptest! {
        #[test]
        fn not_now_alone_never_makes_a_host_failing(gaps in prop::collection::vec(1_i64..10_000, 1..60)) {
            let mut at = 0;
            let looks: Vec<_> = gaps.iter().map(|gap| { at += gap; (at, HostLook::Poor) }).collect();
            prop_assert!(walk(looks).iter().all(|state| state.is_usable()));
        }

        #[test]
        fn a_dead_or_failing_host_never_becomes_healthy_at_once(looks in prop::collection::vec((1_i64..3000, 0_u8..3), 1..80)) {
            let policy = WatchPolicy::default();
            let (mut health, mut at) = (HostHealth::new(minute(0)), 0);
            for (gap, kind) in looks {
                at += gap;
                let look = [HostLook::Good, HostLook::Poor, HostLook::Failed][usize::from(kind)];
                let next = health.after(look, minute(at), &policy);
                if !health.state.is_usable() {
                    prop_assert!(next.state != HealthState::Healthy && next.state != HealthState::Degraded);
                }
                health = next;
            }
        }
    }
}
