use abprall_mail::{Confidence, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HealthState;
use crate::WatchPolicy;
use crate::policy::after;

/// The health of a domain's mail routing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainHealth {
    /// The state.
    pub state: HealthState,
    /// Since when it is in it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// When it began to fail, while it does not work or is recovering.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub failing_since: Option<Timestamp>,
    /// Looks without a usable route since then.
    pub failures: u32,
    /// Since when every look gave authoritative proof that there is no route.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub proof_since: Option<Timestamp>,
    /// When it began to work again, while it is recovering.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub good_since: Option<Timestamp>,
    /// Good looks since then.
    pub successes: u32,
}

/// What a look at a domain concluded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DomainLook {
    /// The verdict.
    pub verdict: Verdict,
    /// How sure.
    pub confidence: Confidence,
}

impl DomainHealth {
    /// A domain that nobody has looked at.
    pub fn new(at: Timestamp) -> Self {
        Self {
            state: HealthState::Healthy,
            since: at,
            failing_since: None,
            failures: 0,
            proof_since: None,
            good_since: None,
            successes: 0,
        }
    }

    /// The health after a look. A look that saw nothing (`vantage_blind`, `unknown`) changes nothing.
    #[must_use]
    pub fn after(self, look: DomainLook, at: Timestamp, policy: &WatchPolicy) -> Self {
        match look.verdict {
            Verdict::Deliverable => self.after_usable(HealthState::Healthy, at, policy),
            Verdict::Degraded => self.after_usable(HealthState::Degraded, at, policy),
            // The domain says it itself: there is nothing to wait for.
            Verdict::NoMailByIntent => self.after_failure(at).enter(HealthState::Dead, at),
            Verdict::UndeliverableTransient => {
                Self { proof_since: None, ..self.after_failure(at) }.fail(at, policy)
            }
            Verdict::UndeliverablePermanent => {
                let proof_since = if look.confidence >= Confidence::Medium {
                    self.proof_since.or(Some(at))
                } else {
                    self.proof_since
                };
                Self { proof_since, ..self.after_failure(at) }.fail(at, policy)
            }
            Verdict::VantageBlind | Verdict::Unknown => self,
        }
    }

    fn after_usable(self, to: HealthState, at: Timestamp, policy: &WatchPolicy) -> Self {
        match self.state {
            HealthState::Healthy | HealthState::Degraded if self.state == to => self,
            HealthState::Healthy | HealthState::Degraded => Self::new(at).enter(to, at),
            HealthState::Failing | HealthState::Dead => Self {
                good_since: Some(at),
                successes: 1,
                proof_since: None,
                ..self.enter(HealthState::Recovering, at)
            },
            HealthState::Recovering => {
                let successes = self.successes.saturating_add(1);
                let good_since = self.good_since.unwrap_or(at);
                if successes >= policy.recovered_checks && at >= after(good_since, policy.recovered_span) {
                    return Self::new(at).enter(to, at);
                }
                Self { successes, good_since: Some(good_since), ..self }
            }
        }
    }

    fn after_failure(self, at: Timestamp) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            failing_since: self.failing_since.or(Some(at)),
            good_since: None,
            successes: 0,
            ..self
        }
    }

    fn fail(self, at: Timestamp, policy: &WatchPolicy) -> Self {
        let long = |since: Option<Timestamp>, span| since.is_some_and(|since| at >= after(since, span));
        let proven = long(self.proof_since, policy.dead_proof);
        let given_up = self.failures >= policy.dead_checks && long(self.failing_since, policy.dead_after);
        match self.state {
            HealthState::Dead => self,
            _ if proven || given_up => self.enter(HealthState::Dead, at),
            HealthState::Failing => self,
            HealthState::Healthy | HealthState::Degraded | HealthState::Recovering => {
                self.enter(HealthState::Failing, at)
            }
        }
    }

    fn enter(self, state: HealthState, at: Timestamp) -> Self {
        if self.state == state { self } else { Self { state, since: at, ..self } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap()
    }

    fn walk(looks: impl IntoIterator<Item = (i64, Verdict)>) -> Vec<HealthState> {
        let mut health = DomainHealth::new(hour(0));
        looks
            .into_iter()
            .map(|(at, verdict)| {
                let look = DomainLook { verdict, confidence: Confidence::Medium };
                health = health.after(look, hour(at), &WatchPolicy::default());
                health.state
            })
            .collect()
    }

    #[test]
    fn a_null_mx_is_dead_at_once() {
        assert_eq!(walk([(0, Verdict::NoMailByIntent)]), [HealthState::Dead]);
    }

    #[test]
    fn proof_needs_three_days_silence_five_days_and_twelve_looks() {
        let first_dead = |verdict| {
            walk((0..200).map(|at| (at, verdict))).iter().position(|state| *state == HealthState::Dead)
        };
        assert_eq!(first_dead(Verdict::UndeliverablePermanent), Some(72));
        assert_eq!(first_dead(Verdict::UndeliverableTransient), Some(120));
    }

    #[test]
    fn a_blind_vantage_changes_nothing() {
        let states = walk((0..2000).map(|at| (at, Verdict::VantageBlind)));
        assert!(states.iter().all(|state| *state == HealthState::Healthy));
    }

    #[test]
    fn recovery_has_to_hold() {
        use {HealthState as S, Verdict as V};
        let looks = [(0, V::UndeliverableTransient), (1, V::Deliverable), (2, V::Degraded), (3, V::Degraded)];
        assert_eq!(walk(looks), [S::Failing, S::Recovering, S::Recovering, S::Degraded]);
    }

    proptest! {
        #[test]
        fn a_domain_that_was_not_usable_is_recovering_before_it_is_well(looks in prop::collection::vec((1_i64..200, 0_usize..7), 1..80)) {
            let verdicts: Vec<_> = Verdict::iter().collect();
            let (mut health, mut at) = (DomainHealth::new(hour(0)), 0);
            for (gap, verdict) in looks {
                at += gap;
                let look = DomainLook { verdict: verdicts[verdict], confidence: Confidence::High };
                let next = health.after(look, hour(at), &WatchPolicy::default());
                if !health.state.is_usable() {
                    prop_assert!(!matches!(next.state, HealthState::Healthy | HealthState::Degraded));
                }
                if next.state == HealthState::Dead && health.state != HealthState::Dead {
                    prop_assert!(!look.verdict.is_deliverable());
                }
                health = next;
            }
        }
    }
}
