//! What a batch of messages means, written once for all databases. Pure but for two rare questions ([`Rare`]): a database loads a
//! [`Context`], gets [`Writes`] back, and writes them in the same transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use abprall_bounce::Kind;
use abprall_mail::{BounceType, Party, Reason};
use abprall_policy::{
    Brake, Day, Decision, HardStop, History, HourCount, IncidentEvent, Outcome, Policy, SoftScope, Stop,
    Usual, decide, incident_key, unusual,
};
use jiff::Timestamp;

use crate::{Decided, StoreError};

mod context;
mod failure_key;
mod fingerprint;
mod gather;
mod writes;

pub(crate) use context::{AddressContext, BrakeContext, Context, DomainContext, Rare, Removal, StopContext};
pub(crate) use fingerprint::{
    PolicyCache, fingerprint, read as read_fingerprint, shown as shown_fingerprint,
};
pub(crate) use gather::{Existing, Gathered, GatheredEntry, cut, gather};
pub(crate) use writes::{
    BrakeWrite, ClusterWrite, DailySort, DecisionWrite, DomainDelta, IncidentWrite, InvestigationWrite,
    ReportWrite, RollUps, StopWrite, StrikeWrite, Writes,
};

/// Hours that "usual" is made of: a week, so that each weekday is in it.
pub(crate) const USUAL_HOURS: i64 = 168;

/// Bounces that are older than this tell nothing about the present hour of a provider.
const FRESH_HOURS: i64 = 168;

/// An address that took mail within so many days is known to be good.
const LATELY_DAYS: i64 = 7;

/// The incident of a provider whose removals are frozen.
pub(crate) fn brake_key(provider: &str) -> String {
    format!("brake:{provider}")
}

/// The hour of a moment, since 1970.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

/// Decides all entries, in their order, and says what is to be written.
pub(crate) fn plan(
    gathered: &Gathered<'_>,
    context: Context,
    rare: &mut dyn Rare,
    policy: &Policy,
) -> Result<Writes, StoreError> {
    let mut planner = Planner {
        next_decision: context.first_decision,
        next_report: context.first_report,
        context,
        gathered,
        policy,
        writes: Writes::default(),
        stops: BTreeMap::new(),
        hours: BTreeMap::new(),
    };
    for index in 0..gathered.entries.len() {
        planner.decide(index);
    }
    planner.judge_brakes(rare)?;
    planner.follow();
    Ok(planner.writes)
}

struct Planner<'a> {
    context: Context,
    gathered: &'a Gathered<'a>,
    policy: &'a Policy,
    writes: Writes,
    next_report: i64,
    next_decision: i64,
    /// By address and audience; the last one counts.
    stops: BTreeMap<(usize, String, String), StopWrite>,
    /// What this batch adds, by provider and hour.
    hours: BTreeMap<(String, i64), HourCount>,
}

impl Planner<'_> {
    fn decide(&mut self, index: usize) {
        let entry = &self.gathered.entries[index];
        let history = self.history(entry);
        let decision = decide(&entry.case, &history, self.policy);
        let report = entry.existing.map_or_else(
            || {
                let number = self.next_report;
                self.next_report += 1;
                number
            },
            |existing| existing.id,
        );
        let number = self.next_decision;
        self.next_decision += 1;
        let is_erased = |place: Option<usize>| place.is_some_and(|it| self.context.addresses[it].is_erased);
        let is_wordless = is_erased(entry.address) || is_erased(entry.failed);
        self.writes.reports.push(ReportWrite { entry: index, id: report, cluster: None, is_wordless });
        let (tenant, list) = scope_of(entry);
        self.writes.decisions.push(DecisionWrite {
            id: number,
            address: entry.address.map(|address| self.context.addresses[address].id),
            report: Some(report),
            taken_at: entry.seen_at,
            outcome: decision.outcome,
            reason: entry.judged.reason,
            rule: decision.rule,
            until: decision.until,
            tenant,
            list,
            undoes: None,
            incident: None,
        });
        let newly_stopped = self.stop(index, number, &decision);
        self.writes.decided.push(Decided { id: number, decision, newly_stopped });
        self.remember(index, report, number, &decision, &history);
    }

    fn history(&self, entry: &GatheredEntry<'_>) -> History {
        let same_failure = match entry.existing {
            Some(_) => None,
            None => {
                let near = entry.failure_keys.iter().flat_map(|key| &key.near);
                let outcomes = near.filter_map(|key| self.context.failures.get(key));
                outcomes.copied().reduce(|one, other| if other.is_harder_than(one) { other } else { one })
            }
        };
        let Some(address) = entry.address.map(|address| &self.context.addresses[address]) else {
            return History { same_failure, ..History::default() };
        };
        let day = Day::of(entry.happened_at);
        History {
            standing: address.hardest(entry.audience, entry.seen_at),
            same_failure,
            brake: self.brake(address.domain),
            took_mail_lately: address
                .ledger
                .delivered_on()
                .is_some_and(|on| (0..=LATELY_DAYS).contains(&(day.0 - on.0))),
            ledger: address.ledger.clone(),
        }
    }

    /// The brake of the house, else that of the provider.
    fn brake(&self, domain: usize) -> Brake {
        let of = |provider: &str| self.context.brakes.get(provider).map_or(Brake::Open, |known| known.brake);
        match of("") {
            Brake::Open => of(self.context.domains[domain].provider()),
            frozen @ Brake::Frozen { .. } => frozen,
        }
    }

    /// Enters the stop of a decision, and says whether it did: one that weighs as much, or more, stays as it is.
    fn stop(&mut self, index: usize, decision: i64, decided: &Decision) -> bool {
        let entry = &self.gathered.entries[index];
        let (Some(stop), Some(place)) = (decided.outcome.stop(), entry.address) else { return false };
        let address = &mut self.context.addresses[place];
        let (tenant, list) = scope_of(entry);
        let reason = entry.judged.reason;
        let there = address.stops.iter_mut().find(|known| known.tenant == tenant && known.list == list);
        let new = HardStop { stop, reason, until: decided.until };
        let before = match there {
            Some(known) => {
                let is_over = known.hard.until.is_some_and(|until| until <= entry.seen_at);
                if !is_over && known.hard.outweighs(&new) {
                    return false;
                }
                let before = known.hard.stop;
                known.hard = new;
                Some(before)
            }
            None => {
                address.stops.push(StopContext { tenant: tenant.clone(), list: list.clone(), hard: new });
                None
            }
        };
        let write = StopWrite {
            address: address.id,
            domain: self.context.domains[address.domain].id,
            hash: address.hash,
            tenant: tenant.clone(),
            list: list.clone(),
            stop,
            reason,
            since: entry.seen_at,
            until: decided.until,
            decision,
            before,
        };
        let key = (place, tenant, list);
        // What stood before the batch is what the row says now.
        let before = self.stops.get(&key).map_or(write.before, |earlier| earlier.before);
        self.stops.insert(key, StopWrite { before, ..write });
        true
    }

    fn remember(&mut self, index: usize, report: i64, number: i64, decision: &Decision, history: &History) {
        let entry = &self.gathered.entries[index];
        // All names of the failure get the hardest outcome, also those that only this report knows.
        let hardest = match history.same_failure {
            Some(before) if !decision.outcome.is_harder_than(before) => before,
            Some(_) | None => decision.outcome,
        };
        for key in &entry.failure_keys {
            self.context.failures.insert(key.own, hardest);
            self.writes.failures.insert(key.own, (report, hardest));
        }
        let Some(place) = entry.address else { return };
        let counts_once = decision.rule != "same-failure";
        let address = &mut self.context.addresses[place];
        let day = Day::of(entry.happened_at);
        if decision.strike && counts_once {
            let domain = &self.gathered.names.domains[address.domain];
            let scope = SoftScope { reason: entry.case.reason, domain, list: None, tenant: None };
            let rule = self.policy.soft.rule_for(&scope);
            address.ledger.strike(entry.happened_at, entry.case.reason, rule);
            self.writes.strikes.push(StrikeWrite {
                address: address.id,
                day: day.0,
                reason: entry.case.reason,
                decision: number,
            });
        }
        if decision.outcome == Outcome::Reset {
            address.ledger.deliver(entry.happened_at);
            let last = self.writes.deliveries.entry(address.id).or_insert(day.0);
            *last = (*last).max(day.0);
        }
        if !counts_once || entry.existing.is_some() {
            return;
        }
        let is_hard = entry.case.kind == Kind::Failed && entry.judged.bounce_type == BounceType::Hard;
        let is_delivery = entry.case.kind == Kind::Delivered;
        if is_hard || is_delivery {
            let provider = self.context.domains[address.domain].provider().to_owned();
            let hour = hour_of(entry.happened_at);
            let count = self.hours.entry((provider, hour)).or_default();
            count.hour = hour;
            count.hard += u32::from(is_hard);
            count.hard_known_good += u32::from(is_hard && history.took_mail_lately);
            count.delivered += u32::from(is_delivery);
        }
    }

    /// Looks at the hours that this batch added to, and freezes what is unusual: what the batch removed, and what was removed before
    /// in the same hours, becomes pending.
    fn judge_brakes(&mut self, rare: &mut dyn Rare) -> Result<(), StoreError> {
        let now = self.gathered.entries.iter().map(|entry| entry.seen_at).max();
        let Some(now) = now else { return Ok(()) };
        let mut providers: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (provider, hour) in self.hours.keys() {
            providers.entry(provider.clone()).or_default().insert(*hour);
        }
        for (provider, hours) in providers {
            let before = self.context.brakes.get(&provider).map_or(Brake::Open, |known| known.brake);
            let mut reason = None;
            let mut odd = BTreeSet::new();
            for hour in hours.into_iter().filter(|hour| hour_of(now) - hour <= FRESH_HOURS) {
                let total = self.total(&provider, hour);
                if total.hard < self.policy.brake.hard_min {
                    continue;
                }
                let usual = Usual::of(&rare.hours_before(&provider, hour)?);
                if let Some(why) = unusual(&total, &usual, &self.policy.brake) {
                    reason = reason.or(Some(why));
                    odd.insert(hour);
                }
            }
            let after = before.after(reason, now, &self.policy.brake);
            if after != before {
                self.writes.brakes.push(BrakeWrite {
                    provider: provider.clone(),
                    brake: after,
                    incident: after.is_frozen().then(|| brake_key(&provider)),
                });
                if before.is_frozen() != after.is_frozen() {
                    let event = if after.is_frozen() { IncidentEvent::Frozen } else { IncidentEvent::Thawed };
                    self.writes.incidents.push(IncidentWrite {
                        key: brake_key(&provider),
                        at: now,
                        event: Some(event),
                        reason: None,
                        domain: None,
                        addresses: 0,
                        detail: reason.map(|why| why.as_str().to_owned()),
                    });
                }
            }
            self.writes.frozen_hours.extend(odd.iter().map(|hour| (provider.clone(), *hour)));
            if !odd.is_empty() {
                self.freeze(&provider, &odd);
                // While it is frozen nothing is removed: only what was removed before the brake came is to be looked for.
                if !before.is_frozen() {
                    self.take_back(&provider, &odd, now, rare)?;
                }
            }
        }
        Ok(())
    }

    /// Before this batch and with it.
    fn total(&self, provider: &str, hour: i64) -> HourCount {
        let key = (provider.to_owned(), hour);
        let before = self.context.hours.get(&key).copied().unwrap_or_default();
        let added = self.hours.get(&key).copied().unwrap_or_default();
        HourCount {
            hour,
            hard: before.hard.saturating_add(added.hard),
            hard_known_good: before.hard_known_good.saturating_add(added.hard_known_good),
            delivered: before.delivered.saturating_add(added.delivered),
        }
    }

    /// What this batch removed becomes pending.
    fn freeze(&mut self, provider: &str, hours: &BTreeSet<i64>) {
        let incident = brake_key(provider);
        let gathered = self.gathered;
        for (index, entry) in gathered.entries.iter().enumerate() {
            let of_provider = entry.address.is_some_and(|address| {
                self.context.domains[self.context.addresses[address].domain].provider() == provider
            });
            let decided = &mut self.writes.decided[index];
            let is_removal = entry.case.kind == Kind::Failed && decided.decision.outcome == Outcome::Suppress;
            if !of_provider || !is_removal || !hours.contains(&hour_of(entry.happened_at)) {
                continue;
            }
            decided.decision.outcome = Outcome::Pending;
            self.writes.decisions[index].outcome = Outcome::Pending;
            self.writes.decisions[index].incident = Some(incident.clone());
            for key in &entry.failure_keys {
                self.writes.failures.insert(key.own, (self.writes.reports[index].id, Outcome::Pending));
            }
            let number = decided.id;
            let (tenant, list) = scope_of(entry);
            if let Some(place) = entry.address
                && let Some(write) = self.stops.get_mut(&(place, tenant, list))
                && write.decision == number
            {
                write.stop = Stop::Hold;
            }
        }
    }

    /// What was removed in these hours before the brake came becomes pending.
    fn take_back(
        &mut self,
        provider: &str,
        hours: &BTreeSet<i64>,
        now: Timestamp,
        rare: &mut dyn Rare,
    ) -> Result<(), StoreError> {
        let incident = brake_key(provider);
        let (first, last) =
            (hours.first().copied().unwrap_or_default(), hours.last().copied().unwrap_or_default());
        // What this batch itself says about an address (a complaint, a harder word) is newer.
        let newer: HashSet<(i64, String, String)> = self
            .stops
            .values()
            .map(|write| (write.address, write.tenant.clone(), write.list.clone()))
            .collect();
        for removal in rare.removals(provider, first, last, now)? {
            let number = self.next_decision;
            self.next_decision += 1;
            self.writes.decisions.push(DecisionWrite {
                id: number,
                address: Some(removal.address),
                report: removal.report,
                taken_at: now,
                outcome: Outcome::Pending,
                reason: removal.reason,
                rule: "brake",
                until: removal.until,
                tenant: removal.tenant.clone(),
                list: removal.list.clone(),
                undoes: Some(removal.decision),
                incident: Some(incident.clone()),
            });
            if newer.contains(&(removal.address, removal.tenant.clone(), removal.list.clone())) {
                continue;
            }
            self.writes.conversions.push(StopWrite {
                address: removal.address,
                domain: removal.domain,
                hash: removal.hash,
                tenant: removal.tenant,
                list: removal.list,
                stop: Stop::Hold,
                reason: removal.reason,
                since: now,
                until: removal.until,
                decision: number,
                before: Some(Stop::Suppression),
            });
        }
        Ok(())
    }

    /// What follows from all decisions together: stops, roll-ups, investigations, incidents, the review desk.
    fn follow(&mut self) {
        let gathered = self.gathered;
        let mut held: BTreeMap<usize, (Reason, Timestamp, u64)> = BTreeMap::new();
        let mut clusters: HashMap<String, usize> = HashMap::new();
        for (index, entry) in gathered.entries.iter().enumerate() {
            let decided = self.writes.decided[index];
            let domain = entry.address.map(|address| self.context.addresses[address].domain);
            if decided.decision.outcome == Outcome::Pending && self.writes.decisions[index].incident.is_none()
            {
                let provider = domain.map(|domain| self.frozen_provider(domain));
                self.writes.decisions[index].incident = provider.map(|provider| brake_key(&provider));
            }
            if decided.decision.investigate
                && let Some(domain) = domain
            {
                let count = held.entry(domain).or_insert((entry.judged.reason, entry.seen_at, 0));
                count.2 += u64::from(decided.newly_stopped);
                let key = self.domain_incident(domain);
                self.writes.decisions[index].incident = Some(key);
            }
            if decided.decision.outcome == Outcome::Review && !self.writes.reports[index].is_wordless {
                let text = entry.report.diagnostic.as_deref().or(entry.report.prose.as_deref()).unwrap_or("");
                let place = *clusters.entry(crate::review::pattern(text)).or_insert_with_key(|pattern| {
                    self.writes.clusters.push(ClusterWrite {
                        pattern: pattern.clone(),
                        reports: 0,
                        first_at: entry.seen_at,
                        last_at: entry.seen_at,
                    });
                    self.writes.clusters.len() - 1
                });
                let cluster = &mut self.writes.clusters[place];
                cluster.reports += 1;
                cluster.first_at = cluster.first_at.min(entry.seen_at);
                cluster.last_at = cluster.last_at.max(entry.seen_at);
                self.writes.reports[index].cluster = Some(place);
            }
            self.roll_up(entry, domain, &decided.decision);
        }
        for (domain, (reason, at, addresses)) in held {
            let key = self.domain_incident(domain);
            let id = self.context.domains[domain].id;
            self.writes.incidents.push(IncidentWrite {
                key,
                at,
                event: None,
                reason: Some(reason),
                domain: Some(id),
                addresses,
                detail: None,
            });
            self.writes.investigations.push(InvestigationWrite { domain: id, claim: reason, at });
        }
        self.writes.stops = std::mem::take(&mut self.stops).into_values().collect();
        self.writes.hours = std::mem::take(&mut self.hours);
    }

    fn frozen_provider(&self, domain: usize) -> String {
        let house = self.context.brakes.get("").is_some_and(|known| known.brake.is_frozen());
        if house { String::new() } else { self.context.domains[domain].provider().to_owned() }
    }

    /// The open incident that the domain is in, else its own.
    fn domain_incident(&self, domain: usize) -> String {
        match &self.context.domains[domain].incident {
            Some(key) => key.clone(),
            None => {
                let name = &self.gathered.names.domains[domain];
                incident_key(name, name, &[], false)
            }
        }
    }

    fn roll_up(&mut self, entry: &GatheredEntry<'_>, domain: Option<usize>, decision: &Decision) {
        let host = entry.host.map(|host| self.context.hosts[host]);
        let is_failure = entry.case.kind == Kind::Failed;
        let sort = DailySort {
            day: Day::of(entry.happened_at).0,
            domain: domain.map_or(0, |domain| self.context.domains[domain].id),
            host: host.unwrap_or(0),
            kind: entry.case.kind,
            reason: entry.judged.reason,
            bounce_type: entry.judged.bounce_type,
            outcome: decision.outcome,
        };
        let of_the_way = |party| matches!(party, Party::RecipientDomain | Party::Route);
        if let Some(before) = entry.existing {
            // It was counted by what was thought of it; now it is counted by this.
            let waiting = DailySort {
                reason: before.reason,
                bounce_type: before.bounce_type,
                outcome: Outcome::Review,
                ..sort
            };
            *self.writes.daily.entry(sort).or_default() += 1;
            *self.writes.daily.entry(waiting).or_default() -= 1;
            if is_failure && let Some(domain) = domain {
                let change = i64::from(of_the_way(entry.judged.party)) - i64::from(of_the_way(before.party));
                let known = &self.context.domains[domain];
                self.writes.domains.entry(known.id).or_default().route_failures += change;
            }
            return;
        }
        *self.writes.daily.entry(sort).or_default() += 1;
        let of_the_way = of_the_way(entry.judged.party);
        if let Some(domain) = domain {
            let known = &self.context.domains[domain];
            let delivered = decision.outcome == Outcome::Reset;
            let delta = self.writes.domains.entry(known.id).or_default();
            delta.failures += u64::from(is_failure);
            delta.route_failures += i64::from(is_failure && of_the_way);
            delta.failed_since += u64::from(is_failure && of_the_way);
            delta.delivered += u64::from(delivered);
            delta.owner_changed |=
                matches!(entry.judged.reason, Reason::DomainOwnerChanged | Reason::OwnerChanged);
            if is_failure && delta.last_failure.is_none_or(|(at, _)| at <= entry.happened_at) {
                delta.last_failure = Some((entry.happened_at, entry.judged.reason));
            }
            // A delivery to a domain that does not work: it may work again.
            delta.look_now |= delivered && known.is_down;
        }
        if let Some(host) = host
            && is_failure
        {
            let delta = self.writes.hosts.entry(host).or_default();
            delta.failures += 1;
            if delta.last_failure.is_none_or(|(at, _)| at <= entry.happened_at) {
                delta.last_failure = Some((entry.happened_at, entry.judged.reason));
            }
        }
    }
}

/// For whose mail a decision about an entry holds: a wish to leave a list is about that list, a failure about all mail of the
/// tenant.
fn scope_of(entry: &GatheredEntry<'_>) -> (String, String) {
    let tenant = entry.audience.tenant.clone().unwrap_or_default();
    let list = match entry.case.kind {
        Kind::Unsubscribe => entry.audience.list.clone().unwrap_or_default(),
        Kind::Failed
        | Kind::Delayed
        | Kind::Delivered
        | Kind::Relayed
        | Kind::Expanded
        | Kind::Complaint
        | Kind::AutoReply
        | Kind::Challenge
        | Kind::Other => String::new(),
    };
    (tenant, list)
}
