//! Holds a list against what is remembered here, in both directions.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use abprall_mail::EmailAddress;
use abprall_policy::Outcome;
use abprall_store::{
    Audience, Hears, OutboxDecision, OutboxRules, Question, Scope, Standing, State, StopFilter, Store,
    TargetNews,
};
use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::limits::MEND_AT_ONCE;
use super::settings::TargetSettings;
use super::target::{Holds, Member, There, Told, Trouble};
use super::{Event, connect};

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Drift {
    /// Who.
    pub(crate) address: String,
    /// How it stands here.
    pub(crate) here: State,
    /// How it stands there: `ok` or `stopped`.
    pub(crate) there: &'static str,
    /// Why it is stopped here.
    pub(crate) reason: Option<abprall_mail::Reason>,
    #[serde(skip)]
    standing: Standing,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Reconciled {
    /// Whom the list has.
    pub(crate) members: u64,
    /// Stopped here, but sent to there.
    pub(crate) not_stopped: u64,
    /// Stopped there by us, but not here any more.
    pub(crate) left_over: u64,
    /// Stopped there by somebody else: none of our business.
    pub(crate) by_others: u64,
    /// Entries that are no addresses.
    pub(crate) unreadable: u64,
    /// Differences that are mended.
    pub(crate) mended: u64,
}

/// Hands the differences to `each`.
pub(crate) fn reconcile(
    store: &dyn Store,
    settings: &TargetSettings,
    now: Timestamp,
    each: &mut dyn FnMut(Drift) -> anyhow::Result<()>,
) -> anyhow::Result<Reconciled> {
    let audience = audience(settings)?;
    let mut target = connect(settings)?;
    let mut found = Reconciled::default();
    let mut known = HashSet::new();
    let holds = target.members(&mut |member| {
        found.members += 1;
        let Ok(address) = EmailAddress::parse(&member.address) else {
            found.unreadable += 1;
            return Ok(());
        };
        known.insert(fingerprint(&address));
        let question = Question { address, audience: audience.clone() };
        let standing = store.check(&question, now)?;
        match compare(&settings.rules, &member, &standing) {
            Some(there) => {
                count(&mut found, there);
                each(drift(member.address, there, &settings.rules, standing))
            }
            None => {
                found.by_others += u64::from(member.there == There::StoppedByOthers);
                Ok(())
            }
        }
    })?;
    if holds == Holds::Stops {
        let filter = StopFilter::default();
        let mut failed = None;
        store.stops(&filter, now, &mut |row| {
            let done = missing(store, settings, &audience, &row.standing, &known, now).and_then(|missing| {
                match missing {
                    Some(drift) => {
                        count(&mut found, There::Free);
                        each(drift)
                    }
                    None => Ok(()),
                }
            });
            match done {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(found)
}

fn count(found: &mut Reconciled, there: There) {
    match there {
        There::Free => found.not_stopped += 1,
        There::StoppedByUs => found.left_over += 1,
        There::StoppedByOthers => found.by_others += 1,
    }
}

/// For whose mail the list is.
fn audience(settings: &TargetSettings) -> anyhow::Result<Audience> {
    let of = |hears: &Hears| match hears {
        Hears::All => Err(anyhow::anyhow!(
            "{} hears of several tenants or lists, so that one address may stand in several ways: it cannot be compared",
            settings.name
        )),
        Hears::Of(name) => Ok(name.clone()),
    };
    Ok(Audience { tenant: of(&settings.rules.tenant)?, list: of(&settings.rules.list)? })
}

/// How it stands there, where that is another way than here.
fn compare(rules: &OutboxRules, member: &Member, standing: &Standing) -> Option<There> {
    match (rules.stops(standing), member.there) {
        (true, There::Free) | (false, There::StoppedByUs) => Some(member.there),
        (true, There::StoppedByUs | There::StoppedByOthers)
        | (false, There::Free | There::StoppedByOthers) => None,
    }
}

/// A stop of an address that the list of stops lacks.
fn missing(
    store: &dyn Store,
    settings: &TargetSettings,
    audience: &Audience,
    stop: &Standing,
    known: &HashSet<u64>,
    now: Timestamp,
) -> anyhow::Result<Option<Drift>> {
    if stop.scope != Some(Scope::Address) {
        return Ok(None);
    }
    // Who was forgotten is no address any more.
    let Ok(address) = EmailAddress::parse(&stop.address) else { return Ok(None) };
    if known.contains(&fingerprint(&address)) {
        return Ok(None);
    }
    let standing = store.check(&Question { address, audience: audience.clone() }, now)?;
    let is_stopped = settings.rules.stops(&standing);
    Ok(is_stopped.then(|| drift(stop.address.clone(), There::Free, &settings.rules, standing)))
}

fn drift(address: String, there: There, rules: &OutboxRules, standing: Standing) -> Drift {
    let is_stopped = rules.stops(&standing);
    Drift {
        address,
        here: if is_stopped { standing.state } else { State::Ok },
        there: if there == There::Free { "ok" } else { "stopped" },
        reason: standing.reason.filter(|_| is_stopped),
        standing,
    }
}

/// Eight bytes for each address of a list, so that a list of millions can be compared.
fn fingerprint(address: &EmailAddress) -> u64 {
    xxh3_64(address.suppression_key().as_str().as_bytes())
}

/// Tells the list how it stands here. Nobody else tells it anything meanwhile.
pub(crate) fn mend(
    store: &mut dyn Store,
    settings: &TargetSettings,
    owner: &str,
    drifts: &[Drift],
) -> anyhow::Result<u64> {
    let mut target = connect(settings)?;
    let mut mended = 0;
    store.outbox_begin(&settings.name, settings.start)?;
    for drifts in drifts.chunks(MEND_AT_ONCE) {
        let lease = lease(store, settings, owner)?;
        let events: Vec<_> = drifts.iter().map(|drift| event(drift, settings)).collect();
        let until = Instant::now() + settings.lease.saturating_sub(settings.timeout);
        let answer = target.tell(&events, until);
        mended += answer.told.iter().filter(|told| **told == Told::Done).count() as u64;
        store.outbox_settle(&lease, &[], &TargetNews::None, Timestamp::now())?;
        let refused = answer.told.iter().find_map(|told| match told {
            Told::Refused(error) => Some(error.clone()),
            Told::Done | Told::NotTried => None,
        });
        let trouble = answer.trouble.map(|trouble| match trouble {
            Trouble::Away { error, .. } | Trouble::Gone(error) => error,
        });
        if let Some(error) = trouble.or(refused) {
            anyhow::bail!("{} of {} differences are mended; then: {error}", mended, drifts.len());
        }
    }
    Ok(mended)
}

/// Waits for whoever tells the target at this moment, as long as that may take.
fn lease(
    store: &mut dyn Store,
    settings: &TargetSettings,
    owner: &str,
) -> anyhow::Result<abprall_store::OutboxLease> {
    let patience = Instant::now() + settings.lease * 2;
    loop {
        if let Some(lease) = store.outbox_lease(&settings.name, owner, settings.lease, Timestamp::now())? {
            return Ok(lease);
        }
        if Instant::now() >= patience {
            return Err(anyhow::anyhow!("another process tells it all the time"))
                .with_context(|| format!("cannot mend {}", settings.name));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn event(drift: &Drift, settings: &TargetSettings) -> Event {
    let of = |hears: &Hears| match hears {
        Hears::All => None,
        Hears::Of(name) => name.clone(),
    };
    let is_stopped = settings.rules.stops(&drift.standing);
    let outcome = match drift.standing.state {
        _ if !is_stopped => Outcome::Lift,
        State::Ok => Outcome::Lift,
        State::Held => Outcome::Hold,
        State::Suppressed => Outcome::Suppress,
    };
    let decision = OutboxDecision {
        id: drift.standing.decision.unwrap_or(0),
        outcome,
        reason: drift.standing.reason,
        rule: "reconcile".to_owned(),
        at: drift.standing.since.unwrap_or(Timestamp::UNIX_EPOCH),
        scope: drift.standing.scope.unwrap_or(Scope::Address),
        tenant: of(&settings.rules.tenant),
        list: of(&settings.rules.list),
        undoes: None,
    };
    let whose = (decision.tenant.clone(), decision.list.clone());
    Event::new(drift.address.clone(), Scope::Address, &drift.standing, &settings.rules, whose, decision)
}
