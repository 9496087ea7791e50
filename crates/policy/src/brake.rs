//! The brake: a jump of hard bounces at one provider, or too much failing at once from where we stand, is rather a bad hour of
//! somebody else's than the end of ten thousand mailboxes. Removals are then recorded as pending, until the incident is over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::BrakePolicy;
use crate::policy::after;

/// Hours of experience without which "usual" means nothing.
const EXPERIENCE_HOURS: u32 = 24;

/// Without experience a jump has to be so many times larger than the least one.
const INEXPERIENCED_FACTOR: u32 = 10;

/// The share of hard bounces to addresses that lately took mail which is proof enough of a false alarm.
const KNOWN_GOOD_SHARE: f64 = 0.5;

/// The results of one hour at one provider.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HourCount {
    /// Hours since 1970.
    pub hour: i64,
    /// Hard bounces.
    pub hard: u32,
    /// Of these, to addresses that took mail within the last seven days.
    pub hard_known_good: u32,
    /// Deliveries; 0 where nobody reports them.
    pub delivered: u32,
}

/// What is usual at a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// Hard bounces in an hour with mail.
    pub hard: f64,
    /// The share of hard bounces among results, where deliveries are known.
    pub share: f64,
    /// Hours with mail that this rests on.
    pub hours: u32,
}

impl Usual {
    /// From the hours before the present one; hours that were frozen are not to be among them.
    pub fn of(hours: &[HourCount]) -> Self {
        let with_mail = hours.iter().filter(|hour| hour.hard + hour.delivered > 0);
        let (mut n, mut hard, mut delivered) = (0_u32, 0_u64, 0_u64);
        for hour in with_mail {
            n += 1;
            hard += u64::from(hour.hard);
            delivered += u64::from(hour.delivered);
        }
        if n == 0 {
            return Self::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of mail are far below 2^52")]
        Self {
            hard: hard as f64 / f64::from(n),
            share: if delivered == 0 { 0.0 } else { hard as f64 / (hard + delivered) as f64 },
            hours: n,
        }
    }
}

/// Why removals are frozen.
#[derive(
    Clone, Copy, Debug, Display, EnumString, Eq, Hash, IntoStaticStr, PartialEq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BrakeReason {
    /// Far more hard bounces than usual at this provider.
    Jump,
    /// Most of the results at this provider are hard bounces.
    Share,
    /// Most hard bounces are for addresses that took mail a few days ago.
    KnownGood,
    /// A large part of the watched domains failed at once: rather us than them.
    ManyDomains,
    /// Several providers failed at once: rather us than them.
    ManyProviders,
}

impl BrakeReason {
    /// The word as every output and file of Abprall spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether the hour is so unusual that removals at the provider are to be frozen.
pub fn unusual(hour: &HourCount, usual: &Usual, policy: &BrakePolicy) -> Option<BrakeReason> {
    if hour.hard < policy.hard_min {
        return None;
    }
    let hard = f64::from(hour.hard);
    if f64::from(hour.hard_known_good) >= hard * KNOWN_GOOD_SHARE {
        return Some(BrakeReason::KnownGood);
    }
    let results = hard + f64::from(hour.delivered);
    if hour.delivered > 0 && hard / results >= policy.share.max(2.0 * usual.share) {
        return Some(BrakeReason::Share);
    }
    let experienced = usual.hours >= EXPERIENCE_HOURS;
    let limit = if experienced {
        (usual.hard * policy.factor).max(f64::from(policy.hard_min))
    } else {
        f64::from(policy.hard_min.saturating_mul(INEXPERIENCED_FACTOR))
    };
    // More mail brings more bounces: a large campaign with the usual share is no jump.
    let as_usual = experienced && hour.delivered > 0 && hard / results <= 2.0 * usual.share;
    (hard >= limit && !as_usual).then_some(BrakeReason::Jump)
}

/// Failures that began within the policy's window, seen over all domains that are watched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sweep {
    /// Domains that are watched or had mail lately.
    pub domains: u32,
    /// Of these, domains that began to fail within the window.
    pub failing: u32,
    /// Providers all of whose hosts began to fail within the window.
    pub providers_failing: u32,
}

/// Fewer domains than this prove nothing about us.
const SWEEP_DOMAINS_MIN: u32 = 10;

/// Whether so much fails at once that it is rather our own vantage.
pub fn sweeping(sweep: &Sweep, policy: &BrakePolicy) -> Option<BrakeReason> {
    if sweep.providers_failing > policy.providers {
        return Some(BrakeReason::ManyProviders);
    }
    let share = f64::from(sweep.failing) / f64::from(sweep.domains.max(1));
    (sweep.domains >= SWEEP_DOMAINS_MIN && share > policy.domains_share).then_some(BrakeReason::ManyDomains)
}

/// The brake of one provider, or of the whole house.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Brake {
    /// Removals are carried out.
    #[default]
    Open,
    /// Removals are pending.
    Frozen {
        /// Since when.
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
        since: Timestamp,
        /// Why.
        reason: BrakeReason,
        /// Since when the numbers are usual again.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
        calm_since: Option<Timestamp>,
    },
}

impl Brake {
    /// Whether removals are pending.
    pub fn is_frozen(self) -> bool {
        match self {
            Brake::Open => false,
            Brake::Frozen { .. } => true,
        }
    }

    /// The brake after a look at the numbers. A freeze ends when they were usual for long enough; what is pending is then
    /// applied or dropped, together.
    #[must_use]
    pub fn after(self, unusual: Option<BrakeReason>, now: Timestamp, policy: &BrakePolicy) -> Self {
        match (self, unusual) {
            (Brake::Open, None) => Brake::Open,
            (Brake::Open, Some(reason)) => Brake::Frozen { since: now, reason, calm_since: None },
            (Brake::Frozen { since, reason, .. }, Some(_)) => {
                Brake::Frozen { since, reason, calm_since: None }
            }
            (Brake::Frozen { since, reason, calm_since }, None) => {
                let calm_since = calm_since.unwrap_or(now);
                if now >= after(calm_since, policy.calm_for) {
                    Brake::Open
                } else {
                    Brake::Frozen { since, reason, calm_since: Some(calm_since) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usual(hard: f64, share: f64) -> Usual {
        Usual { hard, share, hours: 200 }
    }

    fn judge(hard: u32, hard_known_good: u32, delivered: u32, usual: &Usual) -> Option<BrakeReason> {
        unusual(&HourCount { hour: 0, hard, hard_known_good, delivered }, usual, &BrakePolicy::default())
    }

    #[test]
    fn ten_thousand_bounces_of_addresses_that_took_mail_yesterday_freeze() {
        assert_eq!(judge(10_000, 10_000, 0, &usual(20.0, 0.0)), Some(BrakeReason::KnownGood));
        assert_eq!(judge(10_000, 0, 0, &usual(20.0, 0.0)), Some(BrakeReason::Jump));
    }

    #[test]
    fn the_usual_rate_does_not_freeze() {
        assert_eq!(judge(20, 20, 0, &usual(20.0, 0.0)), None);
        assert_eq!(judge(150, 0, 0, &usual(100.0, 0.0)), None);
    }

    #[test]
    fn a_large_campaign_with_the_usual_share_does_not_freeze() {
        assert_eq!(judge(2000, 0, 198_000, &usual(20.0, 0.01)), None);
        assert_eq!(judge(2000, 0, 3000, &usual(20.0, 0.01)), Some(BrakeReason::Share));
    }

    #[test]
    fn a_new_installation_needs_a_larger_jump() {
        let nothing = Usual::default();
        assert_eq!(judge(500, 0, 0, &nothing), None);
        assert_eq!(judge(1000, 0, 0, &nothing), Some(BrakeReason::Jump));
    }

    #[test]
    fn a_fifth_of_all_domains_at_once_is_rather_us() {
        let policy = BrakePolicy::default();
        let sweep = |domains, failing, providers_failing| {
            sweeping(&Sweep { domains, failing, providers_failing }, &policy)
        };
        assert_eq!(sweep(100, 21, 0), Some(BrakeReason::ManyDomains));
        assert_eq!(sweep(100, 20, 0), None);
        assert_eq!(sweep(5, 5, 0), None);
        assert_eq!(sweep(100, 4, 4), Some(BrakeReason::ManyProviders));
    }

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn a_freeze_ends_after_two_calm_hours() {
        let policy = BrakePolicy::default();
        let mut brake = Brake::Open.after(Some(BrakeReason::Jump), minute(0), &policy);
        for (at, unusual, frozen) in [
            (30, None, true),
            (60, Some(BrakeReason::Jump), true),
            (90, None, true),
            (200, None, true),
            (210, None, false),
        ] {
            brake = brake.after(unusual, minute(at), &policy);
            assert_eq!(brake.is_frozen(), frozen, "{at}");
        }
    }

    proptest! {
        #[test]
        fn a_freeze_is_never_shorter_than_the_calm_that_ends_it(gaps in prop::collection::vec((1_i64..200, any::<bool>()), 1..60)) {
            let policy = BrakePolicy::default();
            let (mut brake, mut at) = (Brake::Open, 0);
            for (gap, is_unusual) in gaps {
                at += gap;
                let before = brake;
                brake = brake.after(is_unusual.then_some(BrakeReason::Jump), minute(at), &policy);
                if let (Brake::Frozen { since, .. }, Brake::Open) = (before, brake) {
                    prop_assert!(minute(at) >= after(since, policy.calm_for));
                }
            }
        }
    }
}
