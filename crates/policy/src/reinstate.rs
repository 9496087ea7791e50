//! The way back, staged: the recovery has to hold, then one address, then growing batches, then the rest. It stops at the first new
//! failure; and where the domain may belong to somebody else, only a person's word opens it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::policy::after;
use crate::{DomainHealth, HealthState, ReinstatePolicy};

/// How far the addresses of a domain have come back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Reinstatement {
    /// The recovery has to hold first.
    Waiting,
    /// One address is released; its mail is waited for.
    Canary {
        /// When it was released.
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
        released_at: Timestamp,
    },
    /// Batches are released, each larger than the last.
    Batches {
        /// The size of the last.
        size: u32,
        /// When it was released.
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
        released_at: Timestamp,
    },
    /// All are back.
    Done,
    /// It failed again: all of it begins anew with the next recovery.
    Stopped {
        /// When.
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
        at: Timestamp,
    },
    /// Only a person may go on.
    NeedsPerson {
        /// Why.
        why: Doubt,
    },
}

/// Why a domain does not come back by itself.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Doubt {
    /// It was dead for so long that its addresses may have become spam traps.
    DeadTooLong,
    /// Its name servers are those of another operator.
    NewNameServers,
    /// Its mail servers are those of another operator.
    NewMailOperator,
    /// A server said that the owner changed (RFC 7293: X.7.17, X.7.18).
    OwnerChanged,
    /// It was not registered in between.
    Reregistered,
}

impl Doubt {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What is known about who runs the domain, now and before it failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ownership {
    /// The registrable domains of its name servers have nothing in common with those before.
    pub name_servers_changed: bool,
    /// The same of its mail servers.
    pub mail_operator_changed: bool,
    /// A reply with X.7.17 or X.7.18 was seen.
    pub owner_changed: bool,
    /// It did not exist in between (NXDOMAIN of its registry).
    pub was_unregistered: bool,
}

/// What has happened since the last step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReinstateEvent {
    /// Time went on.
    Time,
    /// A released address took mail.
    Delivered,
    /// A released address failed again, for the domain's or the route's sake.
    Failed,
    /// A person said: go on.
    PersonAllows,
}

/// What is to be released now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// Nobody.
    Nobody,
    /// So many, those that took mail most lately first.
    Some(u32),
}

impl Reinstatement {
    /// Begins the way back of a domain that recovers.
    pub fn begin(
        failing_since: Option<Timestamp>,
        ownership: Ownership,
        now: Timestamp,
        policy: &ReinstatePolicy,
    ) -> Self {
        let dead_too_long = failing_since.is_some_and(|since| now > after(since, policy.dead_max));
        let doubt = if ownership.owner_changed {
            Doubt::OwnerChanged
        } else if ownership.was_unregistered {
            Doubt::Reregistered
        } else if ownership.name_servers_changed {
            Doubt::NewNameServers
        } else if ownership.mail_operator_changed {
            Doubt::NewMailOperator
        } else if dead_too_long {
            Doubt::DeadTooLong
        } else {
            return Self::Waiting;
        };
        Self::NeedsPerson { why: doubt }
    }

    /// The next step. `held` is how many addresses are still held.
    #[must_use]
    pub fn step(
        self,
        event: ReinstateEvent,
        health: &DomainHealth,
        held: u32,
        now: Timestamp,
        policy: &ReinstatePolicy,
    ) -> (Self, Release) {
        let stay = (self, Release::Nobody);
        match (self, event) {
            (Self::Done | Self::Stopped { .. }, _) => stay,
            (Self::NeedsPerson { .. }, ReinstateEvent::PersonAllows) => (Self::Waiting, Release::Nobody),
            (Self::NeedsPerson { .. }, _) => stay,
            (Self::Waiting | Self::Canary { .. } | Self::Batches { .. }, ReinstateEvent::Failed) => {
                (Self::Stopped { at: now }, Release::Nobody)
            }
            (Self::Canary { .. } | Self::Batches { .. }, _) if !health.state.is_usable() => {
                (Self::Stopped { at: now }, Release::Nobody)
            }
            (Self::Waiting, _) if held == 0 => (Self::Done, Release::Nobody),
            (Self::Waiting, _) if has_held(health, now, policy) => {
                (Self::Canary { released_at: now }, Release::Some(1))
            }
            (Self::Waiting, _) => stay,
            (Self::Canary { .. }, ReinstateEvent::Delivered) => batch(1, held, now, policy),
            // Silence is no proof, but where nobody reports deliveries it is all there is: no bounce came in the time that one takes.
            (Self::Canary { released_at }, _) if now >= after(released_at, policy.canary_wait) => {
                batch(1, held, now, policy)
            }
            (Self::Canary { .. }, _) => stay,
            (Self::Batches { size, released_at }, _) if now >= after(released_at, policy.batch_every) => {
                batch(size, held, now, policy)
            }
            (Self::Batches { .. }, _) => stay,
        }
    }
}

fn has_held(health: &DomainHealth, now: Timestamp, policy: &ReinstatePolicy) -> bool {
    match health.state {
        // Whoever is healthy again has passed the machine's own test, which is as strict.
        HealthState::Healthy | HealthState::Degraded => true,
        HealthState::Recovering => {
            health.successes >= policy.good_checks
                && health.good_since.is_some_and(|since| now >= after(since, policy.hold))
        }
        HealthState::Failing | HealthState::Dead => false,
    }
}

fn batch(last: u32, held: u32, now: Timestamp, policy: &ReinstatePolicy) -> (Reinstatement, Release) {
    if held == 0 {
        return (Reinstatement::Done, Release::Nobody);
    }
    let size = last.saturating_mul(policy.growth).min(policy.batch_max).max(1);
    (Reinstatement::Batches { size, released_at: now }, Release::Some(size.min(held)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    fn healthy() -> DomainHealth {
        DomainHealth::new(minute(0))
    }

    #[test]
    fn one_then_growing_batches_then_all() {
        let policy = ReinstatePolicy::default();
        let (mut stage, mut held, mut released) = (Reinstatement::Waiting, 500_u32, Vec::new());
        for hour in 0..40 {
            let event = if hour == 1 { ReinstateEvent::Delivered } else { ReinstateEvent::Time };
            let (next, release) = stage.step(event, &healthy(), held, minute(hour * 60), &policy);
            stage = next;
            if let Release::Some(count) = release {
                held -= count;
                released.push(count);
            }
        }
        assert_eq!(released, [1, 2, 4, 8, 16, 32, 64, 100, 100, 100, 73]);
        assert_eq!(stage, Reinstatement::Done);
    }

    #[test]
    fn the_first_new_failure_stops_it() {
        let policy = ReinstatePolicy::default();
        let stage = Reinstatement::Canary { released_at: minute(0) };
        let (stage, release) = stage.step(ReinstateEvent::Failed, &healthy(), 10, minute(5), &policy);
        assert_eq!((stage, release), (Reinstatement::Stopped { at: minute(5) }, Release::Nobody));
    }

    #[test]
    fn a_domain_with_a_new_owner_or_a_long_death_needs_a_person() {
        let policy = ReinstatePolicy::default();
        let begin = |since, ownership| {
            Reinstatement::begin(Some(minute(since)), ownership, minute(300 * 1440), &policy)
        };
        let same = Ownership::default();
        assert_eq!(begin(299 * 1440, same), Reinstatement::Waiting);
        assert_eq!(begin(0, same), Reinstatement::NeedsPerson { why: Doubt::DeadTooLong });
        let moved = Ownership { name_servers_changed: true, ..same };
        assert_eq!(begin(299 * 1440, moved), Reinstatement::NeedsPerson { why: Doubt::NewNameServers });
        let stage = begin(0, same);
        let (stage, _) = stage.step(ReinstateEvent::Time, &healthy(), 10, minute(0), &policy);
        assert!(matches!(stage, Reinstatement::NeedsPerson { .. }));
        assert_eq!(
            stage.step(ReinstateEvent::PersonAllows, &healthy(), 10, minute(0), &policy).0,
            Reinstatement::Waiting
        );
    }

    proptest! {
        #[test]
        fn the_first_release_is_always_a_single_canary(steps in prop::collection::vec((0_u8..3, 1_i64..500), 1..60), held in 1_u32..5000) {
            let policy = ReinstatePolicy::default();
            let (mut stage, mut at) = (Reinstatement::Waiting, 0);
            let mut first = None;
            for (event, gap) in steps {
                at += gap;
                let event = [ReinstateEvent::Time, ReinstateEvent::Delivered, ReinstateEvent::Failed][usize::from(event)];
                let (next, release) = stage.step(event, &healthy(), held, minute(at), &policy);
                stage = next;
                if let Release::Some(count) = release {
                    prop_assert!(count <= policy.batch_max);
                    first.get_or_insert(count);
                }
            }
            prop_assert!(first.is_none_or(|count| count == 1));
        }
    }
}
