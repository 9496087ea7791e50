//! History decided again under another policy, beside what was decided then. Pure: reports come in, differences go out.

use std::collections::HashMap;
use std::sync::Arc;

use abprall_bounce::{Kind, Trust};
use abprall_mail::{Party, Reason};
use abprall_policy::{
    Brake, BrakeReason, Day, Decision, HardStop, History, Ledger, Outcome, Policy, SoftScope, decide,
};
use abprall_store::ReplayedReport;
use jiff::Timestamp;
use serde::Serialize;

use super::freezes::{Freezes, Removal};

/// Addresses that are kept in mind at once. A million that are all stopped take 360 MiB, with another brake 460 MiB (measured).
pub(super) const ADDRESSES_MAX: usize = 3_000_000;

/// An address that took mail within so many days is known to be good, as when reports are recorded.
const LATELY_DAYS: i64 = 7;

/// A replay on its way.
pub(super) struct Trial<'a> {
    policy: &'a Policy,
    /// What was decided before is taken as it was: it only makes the beginning right.
    from: Timestamp,
    places: HashMap<Box<str>, u32>,
    known: Vec<Known>,
    providers: Names,
    rules: Names,
    freezes: Freezes,
    pub(super) tally: Tally,
}

/// How much was replayed, and what could not be.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Reports of the window.
    pub(super) reports: u64,
    /// Of these, without a recipient.
    pub(super) without_address: u64,
    /// Of these, about a failure that another report had told of before.
    pub(super) fused: u64,
    /// Of these, judged anew later: only the later decision is tried.
    pub(super) judged_anew: u64,
    /// Decisions by what they did: what was decided, and what the other policy decides.
    pub(super) outcomes: HashMap<Outcome, (u64, u64)>,
}

/// More addresses than are kept in mind.
#[derive(Debug, thiserror::Error)]
#[error("more than {ADDRESSES_MAX} addresses in this time: choose a shorter one with --from and --to")]
pub(super) struct TooMany;

/// What is known of one address.
struct Known {
    provider: u32,
    ledger: Ledger,
    /// By whose mail: nearly always one.
    stops: Vec<Pair>,
}

/// How an address stands for the mail of one tenant or list, by what was decided and by the other policy.
struct Pair {
    tenant: Option<Box<str>>,
    list: Option<Box<str>>,
    before: Option<Stopped>,
    after: Option<Stopped>,
    /// One of both was entered within the window.
    in_window: bool,
}

/// A stop as a report made it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stopped {
    /// `suppress`, `hold`, or `pending` where the brake was on.
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    rule: u32,
    pub(super) report: i64,
}

impl<'a> Trial<'a> {
    pub(super) fn new(policy: &'a Policy, from: Timestamp, freezes: Freezes) -> Self {
        Self {
            policy,
            from,
            places: HashMap::new(),
            known: Vec::new(),
            providers: Names::default(),
            rules: Names::default(),
            freezes,
            tally: Tally::default(),
        }
    }

    /// Takes the next report, in the order in which they were decided.
    pub(super) fn take(&mut self, row: &ReplayedReport) -> Result<(), TooMany> {
        let in_window = row.taken_at >= self.from;
        let was = if row.frozen_later { Outcome::Pending } else { row.outcome };
        if !is_of_a_report(was) {
            return Ok(());
        }
        self.tally.reports += u64::from(in_window);
        if is_superseded(row) {
            self.tally.judged_anew += u64::from(in_window);
            return Ok(());
        }
        let Some(address) = row.address.as_deref() else {
            self.tally.without_address += u64::from(in_window);
            return Ok(());
        };
        if row.rule == "same-failure" {
            self.tally.fused += u64::from(in_window);
            return Ok(());
        }
        let place = self.place(address, row)?;
        self.settle_before(row.taken_at);
        let provider = self.known[place as usize].provider;
        let frozen = self.freezes.before(provider, row, was);
        let decision = if in_window { self.decide(place, row, frozen) } else { as_it_was(row, was) };
        if in_window {
            self.tally.outcomes.entry(was).or_default().0 += 1;
            self.tally.outcomes.entry(decision.outcome).or_default().1 += 1;
        }
        self.remember(place, row, &decision);
        self.enter(place, row, was, &decision, in_window);
        Ok(())
    }

    /// Judges what waited for the end of a batch. To be called when all reports are taken.
    pub(super) fn finish(&mut self) {
        self.settle_before(Timestamp::MAX);
    }

    fn place(&mut self, address: &str, row: &ReplayedReport) -> Result<u32, TooMany> {
        if let Some(place) = self.places.get(address) {
            return Ok(*place);
        }
        if self.known.len() >= ADDRESSES_MAX {
            return Err(TooMany);
        }
        let place = u32::try_from(self.known.len()).map_err(|_| TooMany)?;
        let provider = self.providers.number(row.provider.as_deref().unwrap_or_default());
        self.known.push(Known { provider, ledger: Ledger::default(), stops: Vec::new() });
        self.places.insert(address.into(), place);
        Ok(place)
    }

    fn decide(&self, place: u32, row: &ReplayedReport, frozen: bool) -> Decision {
        let known = &self.known[place as usize];
        let brake = if frozen {
            // Only that it is on counts for a decision.
            Brake::Frozen { since: row.taken_at, reason: BrakeReason::Jump, calm_since: None }
        } else {
            Brake::Open
        };
        let history = History {
            ledger: known.ledger.clone(),
            standing: None,
            same_failure: None,
            brake,
            took_mail_lately: took_mail_lately(&known.ledger, row),
        };
        decide(&row.case, &history, self.policy)
    }

    /// What the report leaves behind for later ones.
    fn remember(&mut self, place: u32, row: &ReplayedReport, decision: &Decision) {
        let known = &mut self.known[place as usize];
        if !row.again {
            self.freezes.count(known.provider, row, took_mail_lately(&known.ledger, row));
        }
        if decision.strike {
            let domain = row.case.domain.as_deref().unwrap_or_default();
            let scope = SoftScope { reason: row.case.reason, domain, list: None, tenant: None };
            known.ledger.strike(row.case.happened_at, row.case.reason, self.policy.soft.rule_for(&scope));
        }
        if decision.outcome == Outcome::Reset {
            known.ledger.deliver(row.case.happened_at);
        }
    }

    /// Enters both stops.
    fn enter(
        &mut self,
        place: u32,
        row: &ReplayedReport,
        was: Outcome,
        decision: &Decision,
        in_window: bool,
    ) {
        if was.stop().is_none() && decision.outcome.stop().is_none() {
            return;
        }
        let stopped = |outcome: Outcome, until, rule| Stopped {
            outcome,
            reason: row.case.reason,
            since: row.taken_at,
            until,
            rule,
            report: row.report,
        };
        let before = stopped(was, row.until, self.rules.number(&row.rule));
        let by = if in_window { decision.rule } else { &row.rule };
        let after = stopped(decision.outcome, decision.until, self.rules.number(by));
        let is_removal = row.case.kind == Kind::Failed && decision.outcome == Outcome::Suppress;
        let known = &mut self.known[place as usize];
        // A wish to leave a list is about that list, a failure about all mail of the tenant.
        let tenant = row.case.tenant.as_deref();
        let list = row.case.list.as_deref().filter(|_| row.case.kind == Kind::Unsubscribe);
        let pair = match known
            .stops
            .iter()
            .position(|pair| pair.tenant.as_deref() == tenant && pair.list.as_deref() == list)
        {
            Some(found) => found,
            None => {
                // Nearly always the only one: a vector makes room for four by itself.
                known.stops.reserve_exact(1);
                known.stops.push(Pair {
                    tenant: tenant.map(Into::into),
                    list: list.map(Into::into),
                    before: None,
                    after: None,
                    in_window: false,
                });
                known.stops.len() - 1
            }
        };
        let stops = &mut known.stops[pair];
        let changed_before = put(&mut stops.before, before);
        let changed_after = put(&mut stops.after, after);
        stops.in_window |= in_window && (changed_before || changed_after);
        if changed_after && is_removal && in_window {
            self.freezes.removed(known.provider, Removal::new(place, pair, row));
        }
    }

    /// Reports that were stored together were judged together: the brake looks at their hours when the last of them is in.
    fn settle_before(&mut self, at: Timestamp) {
        for removal in self.freezes.settle_before(at, self.policy) {
            let stops = &mut self.known[removal.address as usize].stops[removal.pair];
            let Some(after) = stops.after.as_mut().filter(|after| after.report == removal.report) else {
                continue;
            };
            after.outcome = Outcome::Pending;
            self.tally.outcomes.entry(Outcome::Suppress).or_default().1 -= 1;
            self.tally.outcomes.entry(Outcome::Pending).or_default().1 += 1;
        }
    }

    /// How many addresses are in mind.
    pub(super) fn addresses(&self) -> usize {
        self.known.len()
    }

    /// Every address whose stop of the window is the same, or is not; in no particular order.
    pub(super) fn compared(&self) -> impl Iterator<Item = Compared<'_>> {
        self.places.iter().flat_map(move |(address, place)| {
            let known = &self.known[*place as usize];
            let in_window = known.stops.iter().filter(|pair| pair.in_window);
            in_window.filter_map(move |pair| {
                Some(Compared {
                    address,
                    tenant: pair.tenant.as_deref(),
                    list: pair.list.as_deref(),
                    provider: self.providers.name(known.provider),
                    change: Change::of(pair.before.as_ref(), pair.after.as_ref())?,
                    before: pair.before.as_ref(),
                    after: pair.after.as_ref(),
                })
            })
        })
    }

    pub(super) fn rule(&self, stopped: &Stopped) -> &str {
        self.rules.name(stopped.rule)
    }
}

/// How one address stands by what was decided, and by the other policy.
pub(super) struct Compared<'t> {
    pub(super) address: &'t str,
    pub(super) tenant: Option<&'t str>,
    pub(super) list: Option<&'t str>,
    pub(super) provider: &'t str,
    pub(super) change: Change,
    pub(super) before: Option<&'t Stopped>,
    pub(super) after: Option<&'t Stopped>,
}

impl Compared<'_> {
    /// Why it is stopped: by the other policy, else by what was decided.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.after.or(self.before).map(|stopped| stopped.reason)
    }
}

/// What the other policy would change for an address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// It would be stopped; it was not.
    Removed,
    /// It was stopped; it would not be.
    Saved,
    /// It would be suppressed; it was only held, or waited for the end of an incident.
    Harder,
    /// It would only be held, or wait; it was suppressed.
    Milder,
    /// It would be stopped as hard, but from or until another time.
    OtherTime,
    /// It is stopped either way.
    Unchanged,
}

impl Change {
    pub(super) const ALL: [Self; 6] =
        [Self::Removed, Self::Saved, Self::Harder, Self::Milder, Self::OtherTime, Self::Unchanged];

    /// The word as the output spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Change::Removed => "removed",
            Change::Saved => "saved",
            Change::Harder => "harder",
            Change::Milder => "milder",
            Change::OtherTime => "other_time",
            Change::Unchanged => "unchanged",
        }
    }

    /// `None` where neither stops.
    fn of(before: Option<&Stopped>, after: Option<&Stopped>) -> Option<Self> {
        let (before, after) = match (before, after) {
            (None, None) => return None,
            (None, Some(_)) => return Some(Change::Removed),
            (Some(_), None) => return Some(Change::Saved),
            (Some(before), Some(after)) => (before, after),
        };
        let is_suppressed = |stopped: &Stopped| stopped.outcome == Outcome::Suppress;
        Some(match (is_suppressed(before), is_suppressed(after)) {
            (false, true) => Change::Harder,
            (true, false) => Change::Milder,
            _ if (before.since, before.until) != (after.since, after.until) => Change::OtherTime,
            _ => Change::Unchanged,
        })
    }
}

/// Names that many addresses share, each once.
#[derive(Default)]
struct Names {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // There are no more names than addresses, and of these no more than `ADDRESSES_MAX`.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }
}

/// Enters a stop, and says whether it did: one that weighs more, or as much and does not end before, stays as it is, unless it is
/// over.
fn put(slot: &mut Option<Stopped>, new: Stopped) -> bool {
    let hard = |stopped: &Stopped| {
        stopped.outcome.stop().map(|stop| HardStop { stop, reason: stopped.reason, until: stopped.until })
    };
    let Some(hard_new) = hard(&new) else { return false };
    let stays = slot.as_ref().is_some_and(|known| {
        let is_over = known.until.is_some_and(|until| until <= new.since);
        !is_over && hard(known).is_some_and(|known| known.outweighs(&hard_new))
    });
    if !stays {
        *slot = Some(new);
    }
    !stays
}

fn took_mail_lately(ledger: &Ledger, row: &ReplayedReport) -> bool {
    let day = Day::of(row.case.happened_at);
    ledger.delivered_on().is_some_and(|on| (0..=LATELY_DAYS).contains(&(day.0 - on.0)))
}

/// What a report alone leads to; the rest is what people and the watch decided.
fn is_of_a_report(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Suppress
        | Outcome::Hold
        | Outcome::Count
        | Outcome::Reset
        | Outcome::Alert
        | Outcome::Review
        | Outcome::Pending
        | Outcome::Nothing => true,
        Outcome::Lift | Outcome::Confirm | Outcome::Release | Outcome::Reinstate | Outcome::Drop => false,
    }
}

/// It waited for a person, and is understood today: a later decision took its place. Only the latest judgement of a report is kept.
fn is_superseded(row: &ReplayedReport) -> bool {
    let by_trust = matches!(row.rule.as_str(), "not-signed" | "suspicious-report");
    if row.outcome != Outcome::Review || by_trust {
        return false;
    }
    let mut case = row.case.clone();
    case.trust = Trust::Signed;
    decide(&case, &History::default(), &Policy::default()).outcome != Outcome::Review
}

/// The decision that was taken, for the time before the window.
fn as_it_was(row: &ReplayedReport, was: Outcome) -> Decision {
    let theirs = match row.case.party {
        Party::Recipient | Party::RecipientDomain | Party::Route | Party::Receiver => true,
        Party::Sender | Party::Message | Party::OwnSystem | Party::None | Party::Unknown => false,
    };
    let soft = matches!(row.rule.as_str(), "transient" | "soft-threshold");
    let strike = soft && theirs && row.case.kind == Kind::Failed && row.case.domain.is_some();
    Decision { until: row.until, strike, ..Decision::new(was, "") }
}
