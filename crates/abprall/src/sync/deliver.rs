use std::collections::HashMap;
use std::time::{Duration, Instant};

use abprall_store::{Mode, OutboxItem, OutboxResult, OutboxTake, Store, StoreError, TargetNews};
use jiff::Timestamp;
use tracing::field::Empty;
use xxhash_rust::xxh3::xxh3_64;

use super::backoff::pause;
use super::doubt::{Doubts, Fault};
use super::limits::{AWAY_MAX, LOOK_EVERY, RETRY_AFTER_MAX, RETRY_AFTER_MIN};
use super::settings::TargetSettings;
use super::target::{Answer, Target, Told, Trouble};
use super::{Event, connect};
use crate::complain::complain;
use crate::spans::SPANS;

/// Tells one target what it was not told yet.
pub(crate) struct Deliverer {
    store: Box<dyn Store>,
    settings: TargetSettings,
    target: Box<dyn Target>,
    owner: String,
    doubts: Doubts,
}

/// What one turn did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pass {
    /// Events that were told.
    pub(crate) told: u64,
    /// Events that were refused.
    pub(crate) refused: u64,
    /// What keeps the target from being told anything.
    pub(crate) trouble: Option<Trouble>,
    /// There may be more to tell at once.
    pub(crate) is_more: bool,
}

/// A name for this process, among all that share the work.
pub(crate) fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let nanos = Timestamp::now().as_nanosecond();
    format!("{}:{}:{:x}", host.trim(), std::process::id(), nanos & 0xffff_ffff)
}

impl Deliverer {
    /// A target that is new begins where its settings say.
    pub(crate) fn new(
        mut store: Box<dyn Store>,
        settings: TargetSettings,
        owner: &str,
    ) -> anyhow::Result<Self> {
        store.outbox_begin(&settings.name, settings.start)?;
        let target = connect(&settings)?;
        let owner = format!("{owner}:{}", settings.name);
        Ok(Self { store, settings, target, owner, doubts: Doubts::default() })
    }

    /// Tells until `is_wanted` says that it is enough; complains once about what keeps it from it.
    pub(crate) fn run(&mut self, is_enough: &dyn Fn() -> bool, sleep: &dyn Fn(Duration)) {
        let mut complaint: Option<String> = None;
        while !is_enough() {
            let (said, pause) = match self.pass(Timestamp::now()) {
                Ok(pass) => {
                    let pause =
                        if pass.is_more && pass.trouble.is_none() { Duration::ZERO } else { LOOK_EVERY };
                    match pass.trouble {
                        Some(Trouble::Away { error, .. }) => {
                            (Some(format!("is not told anything for now: {error}")), pause)
                        }
                        Some(Trouble::Gone(error)) => {
                            (Some(format!("wants to hear nothing more and is disabled: {error}")), pause)
                        }
                        // Silence proves nothing: it may only be waited for.
                        None if pass.told + pass.refused == 0 => (complaint.clone(), pause),
                        None => (None, pause),
                    }
                }
                Err(error) => (Some(format!("cannot go on for now: {error}")), LOOK_EVERY),
            };
            if said != complaint {
                match &said {
                    Some(said) => complain(&format!("sync {}: {said}", self.settings.name)),
                    None => complain(&format!("sync {}: it goes on", self.settings.name)),
                }
                complaint = said;
            }
            if !pause.is_zero() {
                sleep(pause);
            }
        }
    }

    /// One turn: takes, tells, writes down.
    pub(crate) fn pass(&mut self, now: Timestamp) -> Result<Pass, StoreError> {
        let Self { store, settings, target, owner, doubts } = self;
        if !store.outbox_is_due(&settings.name, now)? {
            return Ok(Pass::default());
        }
        let begin = Instant::now();
        let order = OutboxTake {
            target: &settings.name,
            rules: &settings.rules,
            start: settings.start,
            owner,
            lease: settings.lease,
            rows: settings.batch,
            mode: Mode::Apply,
        };
        let Some(batch) = store.outbox_take(&order, now)? else { return Ok(Pass::default()) };
        let (events, mut results) = sort(&batch.items, settings);
        let until = begin + settings.lease.saturating_sub(settings.timeout);
        let answer = if events.is_empty() {
            None
        } else {
            let told: Vec<_> = events.iter().map(|(_, event)| event.clone()).collect();
            let (name, kind) = (settings.name.as_str(), settings.kind.as_str());
            let span = tracing::trace_span!(
                target: SPANS,
                "sync",
                to = name,
                kind,
                events = told.len(),
                told = Empty,
                refused = Empty
            );
            let answer = span.in_scope(|| target.tell(&told, until));
            let count = |is: fn(&Told) -> bool| answer.told.iter().filter(|told| is(told)).count();
            span.record("told", count(|told| matches!(told, Told::Done)));
            span.record("refused", count(|told| matches!(told, Told::Refused(_))));
            Some(answer)
        };
        let mut pass = Pass { is_more: batch.is_more, ..Pass::default() };
        let mut news = TargetNews::None;
        if let Some(Answer { told, mut trouble }) = answer {
            let mut refusals = Vec::new();
            for ((item, event), told) in events.iter().zip(told) {
                match told {
                    Told::Done => {
                        pass.told += 1;
                        doubts.forget(item.id);
                        results.push((item.id, OutboxResult::Told { ends: event.until }));
                    }
                    Told::NotTried => {}
                    Told::Refused(error) => refusals.push((*item, event.name(), error)),
                }
            }
            pass.refused = refusals.len() as u64;
            let named: Vec<_> = refusals.iter().map(|(item, name, _)| (item.id, *name)).collect();
            let mut faults = doubts.judge(pass.told, &named);
            // Who was away and has taken nothing since is not back.
            if batch.failures > 0 {
                let doubtful = faults.iter_mut().filter(|fault| matches!(fault, Fault::Unknown { .. }));
                doubtful.for_each(|fault| *fault = Fault::Target);
            }
            let is_answering = pass.told > 0 || faults.contains(&Fault::Event);
            if is_answering {
                news = TargetNews::Well;
            } else if trouble.is_none()
                && let Some((_, _, error)) = refusals.last().filter(|_| faults.contains(&Fault::Target))
            {
                trouble = Some(Trouble::away(format!("it refuses whatever it is told: {error}")));
            }
            for ((item, _, error), fault) in refusals.into_iter().zip(faults) {
                let result = refused(item, error, fault, settings, batch.failures, now);
                if matches!(result, OutboxResult::Dead { .. }) {
                    doubts.forget(item.id);
                }
                results.push((item.id, result));
            }
            match &trouble {
                Some(Trouble::Away { error, after }) => {
                    let chance = xxh3_64(owner.as_bytes()) ^ now.as_microsecond().cast_unsigned();
                    // Who takes some and then wants a pause is well, and is not to wait longer each time.
                    let before = if pass.told > 0 { 0 } else { batch.failures };
                    let own = pause(before, settings.retry_min, AWAY_MAX.min(settings.retry_max), chance);
                    let wait = after.map_or(own, |after| after.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX));
                    news = TargetNews::Away {
                        due_at: later(now, wait),
                        error: error.clone(),
                        failures: before.saturating_add(1),
                    };
                }
                Some(Trouble::Gone(error)) => news = TargetNews::Disabled { error: error.clone() },
                None => {}
            }
            pass.trouble = trouble;
        }
        store.outbox_settle(&batch.lease, &results, &news, Timestamp::now())?;
        Ok(pass)
    }
}

/// What would be told now, at most so many events. Changes nothing.
pub(crate) fn preview(
    store: &mut dyn Store,
    settings: &TargetSettings,
    rows: u32,
    now: Timestamp,
) -> Result<Vec<Event>, StoreError> {
    let order = OutboxTake {
        target: &settings.name,
        rules: &settings.rules,
        start: settings.start,
        owner: "",
        lease: settings.lease,
        rows,
        mode: Mode::Preview,
    };
    let Some(batch) = store.outbox_take(&order, now)? else { return Ok(Vec::new()) };
    let (events, _) = sort(&batch.items, settings);
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// An item, and what is told of it.
type ItemEvent<'a> = (&'a OutboxItem, Event);

/// What is told of a batch, and what is done without: a list is told only the last of several events about one address, since each
/// says how it stands now; of who was forgotten nothing can be told.
fn sort<'a>(
    items: &'a [OutboxItem],
    settings: &TargetSettings,
) -> (Vec<ItemEvent<'a>>, Vec<(i64, OutboxResult)>) {
    let mut last = HashMap::new();
    // For one tenant it may stand otherwise than for another.
    let key = |item: &'a OutboxItem| (item.scope, &item.name, &item.decision.tenant, &item.decision.list);
    for (place, item) in items.iter().enumerate() {
        last.insert(key(item), place);
    }
    let (mut events, mut results) = (Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        let overtaken = settings.kind.is_list() && last.get(&key(item)) != Some(&place);
        match Event::of(item, &settings.rules).filter(|_| !overtaken) {
            Some(event) => events.push((item, event)),
            None => results.push((item.id, OutboxResult::Told { ends: None })),
        }
    }
    (events, results)
}

/// What becomes of an event that was refused.
fn refused(
    item: &OutboxItem,
    error: String,
    fault: Fault,
    settings: &TargetSettings,
    failures: u32,
    now: Timestamp,
) -> OutboxResult {
    let chance = xxh3_64(&item.id.to_le_bytes()) ^ now.as_microsecond().cast_unsigned();
    let wait = |failures, max| later(now, pause(failures, settings.retry_min, max, chance));
    match fault {
        Fault::Event if item.attempts + 1 >= settings.attempts => OutboxResult::Dead { error },
        Fault::Event => OutboxResult::Later { due_at: wait(item.attempts, settings.retry_max), error },
        Fault::Unknown { before } => {
            let tries = item.attempts.saturating_add(before);
            OutboxResult::Again { due_at: wait(tries, settings.retry_max), error }
        }
        // Twice as long as the target is left alone: the next turn tries others first.
        Fault::Target => {
            let max = AWAY_MAX.min(settings.retry_max).saturating_mul(2);
            OutboxResult::Again { due_at: wait(failures.saturating_add(1), max), error }
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(Timestamp::MAX)
}
