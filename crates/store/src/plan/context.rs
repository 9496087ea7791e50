use std::collections::HashMap;

use abprall_mail::Reason;
use abprall_policy::{Brake, HardStop, HourCount, Ledger, Outcome, Stop};
use jiff::Timestamp;

use crate::{Audience, StoreError};

/// What is known, as the database holds it. All lists are parallel to those of `Names`.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// Numbers that are free from here on, in one piece.
    pub(crate) first_report: i64,
    pub(crate) first_decision: i64,
    pub(crate) addresses: Vec<AddressContext>,
    pub(crate) domains: Vec<DomainContext>,
    /// Their numbers.
    pub(crate) hosts: Vec<i64>,
    /// Failures that are known already, with the hardest outcome.
    pub(crate) failures: HashMap<i64, Outcome>,
    /// Of the providers and hours of the entries, as far as there are any.
    pub(crate) hours: HashMap<(String, i64), HourCount>,
    /// Of the providers of the entries and of the whole house (the empty name).
    pub(crate) brakes: HashMap<String, BrakeContext>,
}

#[derive(Debug)]
pub(crate) struct AddressContext {
    pub(crate) id: i64,
    pub(crate) hash: i64,
    /// Only a keyed hash of it is left: what is written about it must not name it.
    pub(crate) is_erased: bool,
    /// Its place in `Names::domains`.
    pub(crate) domain: usize,
    pub(crate) ledger: Ledger,
    pub(crate) stops: Vec<StopContext>,
}

impl AddressContext {
    /// The hardest stop that holds for this mail.
    pub(crate) fn hardest(&self, audience: &Audience, at: Timestamp) -> Option<(Stop, Reason)> {
        let holds = |stop: &&StopContext| {
            (stop.tenant.is_empty() || Some(&stop.tenant) == audience.tenant.as_ref())
                && (stop.list.is_empty() || Some(&stop.list) == audience.list.as_ref())
                && stop.hard.until.is_none_or(|until| until > at)
        };
        let stops = self.stops.iter().filter(holds);
        let hardest = stops.max_by_key(|stop| stop.hard.stop.weight(stop.hard.reason))?;
        Some((hardest.hard.stop, hardest.hard.reason))
    }
}

#[derive(Debug)]
pub(crate) struct StopContext {
    /// Empty: the whole house.
    pub(crate) tenant: String,
    /// Empty: all lists.
    pub(crate) list: String,
    pub(crate) hard: HardStop,
}

#[derive(Clone, Debug)]
pub(crate) struct DomainContext {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The operator of its mail hosts, where known.
    pub(crate) operator: Option<String>,
    /// The key of the open incident that it is in.
    pub(crate) incident: Option<String>,
    /// Its routing is failing or dead.
    pub(crate) is_down: bool,
}

impl DomainContext {
    /// Whose numbers its bounces belong to.
    pub(crate) fn provider(&self) -> &str {
        self.operator.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BrakeContext {
    pub(crate) brake: Brake,
}

/// What is needed so rarely that it is asked for only then.
pub(crate) trait Rare {
    /// The hours with mail of a provider, from a week before `hour` on, without `hour` itself and without those that were frozen.
    fn hours_before(&mut self, provider: &str, hour: i64) -> Result<Vec<HourCount>, StoreError>;

    /// Suppressions that stand because of failures in these hours, taken within the hour before `now`.
    fn removals(
        &mut self,
        provider: &str,
        first_hour: i64,
        last_hour: i64,
        now: Timestamp,
    ) -> Result<Vec<Removal>, StoreError>;
}

/// A suppression that a report led to.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) decision: i64,
    pub(crate) report: Option<i64>,
    pub(crate) address: i64,
    pub(crate) domain: i64,
    pub(crate) hash: i64,
    pub(crate) reason: Reason,
    pub(crate) until: Option<Timestamp>,
    pub(crate) tenant: String,
    pub(crate) list: String,
}
