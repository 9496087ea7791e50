//! When removals were frozen, or would have been.

use std::collections::{BTreeSet, HashMap, HashSet};

use abprall_bounce::Kind;
use abprall_policy::{HourCount, Outcome, Policy, Usual, unusual};
use abprall_store::ReplayedReport;
use jiff::{SignedDuration, Timestamp};

/// Hours that "usual" is made of, as when reports are recorded: a week.
const USUAL_HOURS: i64 = 168;

/// What was removed within so many hours before a freeze becomes pending as well.
const BACK: SignedDuration = SignedDuration::from_hours(1);

/// Which freezes hold in a trial. Providers are numbers.
pub(super) enum Freezes {
    /// Those that there were: by the decisions that were taken.
    AsTheyWere {
        /// Providers that are frozen at this point of history.
        frozen: HashSet<u32>,
    },
    /// Those of another brake, as if the watch had been running all the time.
    Tried(Box<Tried>),
}

/// What a brake looks at.
#[derive(Default)]
pub(super) struct Tried {
    /// The time of the batch that is being taken in.
    batch: Option<Timestamp>,
    /// Providers and hours of this batch.
    touched: BTreeSet<(u32, i64)>,
    providers: HashMap<u32, Provider>,
}

#[derive(Default)]
struct Provider {
    /// Oldest first.
    hours: Vec<Hour>,
    frozen_until: Option<Timestamp>,
    /// Of the last hour.
    removals: Vec<Removal>,
}

struct Hour {
    count: HourCount,
    /// It belongs to an incident, not to what is usual.
    odd: bool,
}

/// A removal that a freeze can still make pending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) address: u32,
    pub(super) pair: usize,
    pub(super) report: i64,
    taken_at: Timestamp,
    hour: i64,
}

impl Removal {
    pub(super) fn new(address: u32, pair: usize, row: &ReplayedReport) -> Self {
        let hour = hour_of(row.case.happened_at);
        Self { address, pair, report: row.report, taken_at: row.taken_at, hour }
    }
}

impl Freezes {
    pub(super) fn as_they_were() -> Self {
        Self::AsTheyWere { frozen: HashSet::new() }
    }

    pub(super) fn tried() -> Self {
        Self::Tried(Box::default())
    }

    /// Whether removals at the provider are frozen when a report comes in; `was`: what was decided about it.
    pub(super) fn before(&mut self, provider: u32, row: &ReplayedReport, was: Outcome) -> bool {
        match self {
            Self::AsTheyWere { frozen } => {
                if was == Outcome::Pending {
                    frozen.insert(provider);
                } else if was == Outcome::Suppress && row.case.kind == Kind::Failed {
                    frozen.remove(&provider);
                }
                frozen.contains(&provider)
            }
            Self::Tried(tried) => {
                tried.batch = Some(row.taken_at);
                let until = tried.providers.get(&provider).and_then(|known| known.frozen_until);
                until.is_some_and(|until| row.taken_at < until)
            }
        }
    }

    /// Counts a result.
    pub(super) fn count(&mut self, provider: u32, row: &ReplayedReport, took_mail_lately: bool) {
        let Self::Tried(tried) = self else { return };
        let delivered = row.case.kind == Kind::Delivered;
        if !row.is_hard && !delivered {
            return;
        }
        let hour = hour_of(row.case.happened_at);
        let count = tried.providers.entry(provider).or_default().hour(hour);
        count.hard += u32::from(row.is_hard);
        count.hard_known_good += u32::from(row.is_hard && took_mail_lately);
        count.delivered += u32::from(delivered);
        tried.touched.insert((provider, hour));
    }

    /// Remembers a removal for a freeze that comes after it.
    pub(super) fn removed(&mut self, provider: u32, removal: Removal) {
        if let Self::Tried(tried) = self {
            tried.providers.entry(provider).or_default().removals.push(removal);
        }
    }

    /// Judges the batch before `at`, if there is one; gives the removals that become pending.
    pub(super) fn settle_before(&mut self, at: Timestamp, policy: &Policy) -> Vec<Removal> {
        let Self::Tried(tried) = self else { return Vec::new() };
        match tried.batch {
            Some(batch) if batch < at => tried.settle(batch, policy),
            Some(_) | None => Vec::new(),
        }
    }
}

impl Tried {
    fn settle(&mut self, now: Timestamp, policy: &Policy) -> Vec<Removal> {
        self.batch = None;
        let mut odd: HashMap<u32, BTreeSet<i64>> = HashMap::new();
        let this_hour = hour_of(now);
        let touched = std::mem::take(&mut self.touched);
        for &(provider, hour) in &touched {
            let Some(known) = self.providers.get(&provider) else { continue };
            // Old bounces tell nothing about the present.
            if this_hour - hour <= USUAL_HOURS && known.is_odd(hour, policy) {
                odd.entry(provider).or_default().insert(hour);
            }
        }
        let back = now.checked_sub(BACK).unwrap_or(Timestamp::MIN);
        let mut pending = Vec::new();
        for (provider, _) in touched {
            let Some(known) = self.providers.get_mut(&provider) else { continue };
            known.removals.retain(|removal| removal.taken_at >= back);
            known.hours.retain(|hour| this_hour - hour.count.hour <= 2 * USUAL_HOURS);
            let Some(hours) = odd.remove(&provider) else { continue };
            known
                .hours
                .iter_mut()
                .filter(|hour| hours.contains(&hour.count.hour))
                .for_each(|hour| hour.odd = true);
            known.frozen_until = Some(calm_at(this_hour, policy));
            let (frozen, kept) = known.removals.iter().partition(|removal| hours.contains(&removal.hour));
            known.removals = kept;
            pending.extend::<Vec<Removal>>(frozen);
        }
        pending
    }
}

impl Provider {
    fn hour(&mut self, hour: i64) -> &mut HourCount {
        let place = match self.hours.binary_search_by_key(&hour, |known| known.count.hour) {
            Ok(place) => place,
            Err(place) => {
                let count = HourCount { hour, ..HourCount::default() };
                self.hours.insert(place, Hour { count, odd: false });
                place
            }
        };
        &mut self.hours[place].count
    }

    fn is_odd(&self, hour: i64, policy: &Policy) -> bool {
        let Ok(place) = self.hours.binary_search_by_key(&hour, |known| known.count.hour) else {
            return false;
        };
        let before: Vec<_> = self.hours[..place]
            .iter()
            .filter(|known| !known.odd && hour - known.count.hour <= USUAL_HOURS)
            .map(|known| known.count)
            .collect();
        unusual(&self.hours[place].count, &Usual::of(&before), &policy.brake).is_some()
    }
}

/// When a freeze ends that was last confirmed in this hour: the next one is usual, and so are those that the policy waits for.
fn calm_at(hour: i64, policy: &Policy) -> Timestamp {
    let calm = i64::try_from(policy.brake.calm_for.as_secs()).unwrap_or(i64::MAX);
    let seconds = (hour + 1).saturating_mul(3600).saturating_add(calm);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}
