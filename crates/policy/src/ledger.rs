use abprall_mail::Reason;
use jiff::Timestamp;

use crate::SoftRule;
use crate::policy::after;

/// A whole day since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(pub i64);

impl Day {
    /// The day of a moment.
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(86_400))
    }
}

/// The soft failures of one address: at most one strike a day, since the last delivery.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ledger {
    strikes: Vec<Strike>,
    delivered_on: Option<Day>,
}

/// A day with a soft failure.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Strike {
    /// The day.
    pub day: Day,
    /// Why it failed, the first time that day.
    pub reason: Reason,
}

/// What a strike leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StrikeOutcome {
    /// It is counted.
    Counted {
        /// Distinct days by now.
        days: u32,
        /// Days that stop the address.
        needed: u32,
    },
    /// The threshold is reached: the address is suppressed.
    Reached {
        /// Until when; `None`: until it is lifted.
        until: Option<Timestamp>,
    },
}

impl Ledger {
    /// A ledger as it was kept. Order and repeated days do not matter.
    pub fn new(strikes: impl IntoIterator<Item = Strike>, delivered_on: Option<Day>) -> Self {
        let mut ledger = Self { strikes: Vec::new(), delivered_on };
        for strike in strikes {
            ledger.enter(strike);
        }
        ledger
    }

    /// A soft failure at `at`. Days before the last delivery, or outside of the rule's window, do not count.
    pub fn strike(&mut self, at: Timestamp, reason: Reason, rule: &SoftRule) -> StrikeOutcome {
        let today = Day::of(at);
        self.enter(Strike { day: today, reason });
        let window = i64::try_from(rule.within.as_secs() / 86_400).unwrap_or(i64::MAX);
        let counts =
            |strike: &&Strike| strike.day <= today && today.0.saturating_sub(strike.day.0) < window.max(1);
        let days = u32::try_from(self.strikes.iter().filter(counts).count()).unwrap_or(u32::MAX);
        if days >= rule.days {
            StrikeOutcome::Reached { until: rule.suppress_for.map(|duration| after(at, duration)) }
        } else {
            StrikeOutcome::Counted { days, needed: rule.days }
        }
    }

    /// A delivery at `at`: what failed on earlier days no longer counts, nor what failed the same day.
    pub fn deliver(&mut self, at: Timestamp) {
        let day = Day::of(at);
        self.delivered_on = self.delivered_on.max(Some(day));
        self.strikes.retain(|strike| strike.day > day);
    }

    /// The strikes that count, oldest first.
    pub fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    /// The day of the last delivery.
    pub fn delivered_on(&self) -> Option<Day> {
        self.delivered_on
    }

    /// A report may come late: one from before the last delivery says nothing any more.
    fn enter(&mut self, strike: Strike) {
        if self.delivered_on.is_some_and(|day| strike.day <= day) {
            return;
        }
        if let Err(place) = self.strikes.binary_search_by_key(&strike.day, |strike| strike.day) {
            self.strikes.insert(place, strike);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const RULE: SoftRule = SoftRule {
        days: 3,
        within: Duration::from_secs(10 * 86_400),
        suppress_for: Some(Duration::from_secs(90 * 86_400)),
    };

    fn on(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400 + 3600).unwrap()
    }

    #[test]
    fn many_failures_on_one_day_are_one_strike() {
        let mut ledger = Ledger::default();
        for _ in 0..20 {
            assert_eq!(
                ledger.strike(on(100), Reason::MailboxFull, &RULE),
                StrikeOutcome::Counted { days: 1, needed: 3 }
            );
        }
    }

    #[test]
    fn the_third_day_stops_for_a_while() {
        let mut ledger = Ledger::default();
        ledger.strike(on(100), Reason::MailboxFull, &RULE);
        ledger.strike(on(102), Reason::MailboxFull, &RULE);
        assert_eq!(
            ledger.strike(on(105), Reason::SystemFull, &RULE),
            StrikeOutcome::Reached { until: Some(on(195)) }
        );
    }

    #[test]
    fn a_delivery_makes_all_well_and_old_days_fade() {
        let mut ledger = Ledger::default();
        ledger.strike(on(100), Reason::MailboxFull, &RULE);
        ledger.strike(on(101), Reason::MailboxFull, &RULE);
        ledger.deliver(on(102));
        assert_eq!(
            ledger.strike(on(103), Reason::MailboxFull, &RULE),
            StrikeOutcome::Counted { days: 1, needed: 3 }
        );
        ledger.strike(on(104), Reason::MailboxFull, &RULE);
        assert_eq!(
            ledger.strike(on(120), Reason::MailboxFull, &RULE),
            StrikeOutcome::Counted { days: 1, needed: 3 }
        );
    }

    #[test]
    fn a_report_that_comes_late_does_not_count_against_a_later_delivery() {
        let mut ledger = Ledger::default();
        ledger.deliver(on(110));
        ledger.strike(on(105), Reason::MailboxFull, &RULE);
        assert!(ledger.strikes().is_empty());
    }

    proptest! {
        #[test]
        fn never_reached_with_fewer_distinct_days_than_the_rule_says(days in prop::collection::vec(0_i64..40, 0..30)) {
            let mut ledger = Ledger::default();
            let mut distinct = std::collections::BTreeSet::new();
            for day in days {
                distinct.insert(day);
                let outcome = ledger.strike(on(day), Reason::MailboxFull, &RULE);
                if distinct.len() < 3 {
                    prop_assert!(matches!(outcome, StrikeOutcome::Counted { .. }), "{:?}", outcome);
                }
            }
        }
    }
}
