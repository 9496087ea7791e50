//! Takes from the outbox what is to be told, and writes down what came of it. See `docs/decisions/0015`.
//!
//! Decisions are numbered by one writer after the other, who lets the next one in when it has committed: whoever sees one sees all
//! before it. So a place among them is enough, on both databases.

use std::time::Duration;

use abprall_mail::{Domain, EmailAddress};
use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use super::check::{check, own_standing};
use super::column::{small, time, word, word_or_none};
use super::erase::is_erased;
use super::outbox_fill::{about, expand, fill, widest};
use crate::database::{Change, OptionalRow, params, row};
use crate::plan::cut;
use crate::{
    Audience, Hears, Mode, OutboxBatch, OutboxDecision, OutboxItem, OutboxLease, OutboxResult, OutboxRules,
    OutboxStart, OutboxTake, Question, Scope, Standing, StoreError, Subject, TargetNews,
};

pub(super) fn begin(store: &mut SqlStore, target: &str, start: OutboxStart) -> Result<(), StoreError> {
    if is_known(store, target)? {
        return Ok(());
    }
    store.write(|book| make_known(book, target, start))
}

fn make_known(book: &Book<'_>, target: &str, start: OutboxStart) -> Result<(), StoreError> {
    let cursor = match start {
        OutboxStart::First => 0,
        OutboxStart::Now => last_decision(book)?,
    };
    book.connection.execute(
        "INSERT INTO sync_target (name, cursor) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
        params![target, cursor],
    )?;
    Ok(())
}

fn is_known(store: &SqlStore, target: &str) -> Result<bool, StoreError> {
    store
        .connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sync_target WHERE name = ?1)")?
        .query_row([target], |row| row.get(0))
}

pub(super) fn last_decision(book: &Book<'_>) -> Result<i64, StoreError> {
    book.connection.query_row("SELECT coalesce(max(id), 0) FROM decision", [], |row| row.get(0))
}

/// Reads only: asked often, and mostly there is nothing.
pub(super) fn is_due(store: &SqlStore, target: &str, now: Timestamp) -> Result<bool, StoreError> {
    store
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sync_target AS target WHERE name = ?1 AND disabled = 0 AND due_at <= ?2
                 AND (leased_until IS NULL OR leased_until <= ?2)
                 AND (cursor < (SELECT coalesce(max(id), 0) FROM decision)
                     OR EXISTS (SELECT 1 FROM sync_item WHERE target = ?1 AND state = 'waiting' AND due_at <= ?2)
                     OR EXISTS (SELECT 1 FROM sync_item WHERE target = ?1 AND state = 'ends' AND due_at <= ?2)))",
        )?
        .query_row(params![target, now.as_microsecond()], |row| row.get(0))
}

pub(super) fn lease(
    store: &mut SqlStore,
    target: &str,
    owner: &str,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<OutboxLease>, StoreError> {
    store.write(|book| take_lease(book, target, owner, lease, now))
}

/// `None`: somebody else has it.
fn take_lease(
    book: &Book<'_>,
    target: &str,
    owner: &str,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<OutboxLease>, StoreError> {
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let until = now.as_microsecond().saturating_add(lease);
    let taken = book.connection.execute(
        "UPDATE sync_target SET owner = ?2, leased_until = ?3
         WHERE name = ?1 AND (leased_until IS NULL OR leased_until <= ?4 OR owner = ?2)",
        params![target, owner, until, now.as_microsecond()],
    )?;
    let lease = OutboxLease { target: target.to_owned(), owner: owner.to_owned(), until: time(until)? };
    Ok((taken > 0).then_some(lease))
}

pub(super) fn take(
    store: &mut SqlStore,
    order: &OutboxTake<'_>,
    now: Timestamp,
) -> Result<Option<OutboxBatch>, StoreError> {
    let fate = match order.mode {
        Mode::Preview => super::Fate::RollBack,
        Mode::Apply => super::Fate::Commit,
    };
    let taken = store.write_or_try(fate, |book| {
        let lease = match order.mode {
            // It shows what there is, whoever is telling it just now.
            Mode::Preview => {
                make_known(book, order.target, order.start)?;
                Some(OutboxLease {
                    target: order.target.to_owned(),
                    owner: order.owner.to_owned(),
                    until: now,
                })
            }
            Mode::Apply if may_be_told(book, order.target, now)? => {
                take_lease(book, order.target, order.owner, order.lease, now)?
            }
            Mode::Apply => None,
        };
        let Some(lease) = lease else { return Ok(None) };
        let is_passing_over = fill(book, order.target, order.rules, now)?;
        while expand(book, order, now)? {}
        let failures: i64 = book.connection.query_row(
            "SELECT failures FROM sync_target WHERE name = ?1",
            [order.target],
            |row| row.get(0),
        )?;
        let claimed = claim(book, order, now)?;
        let is_more = is_passing_over || !claimed.is_empty();
        Ok(Some((lease, claimed, small(failures), is_more)))
    })?;
    let Some((lease, claimed, failures, is_more)) = taken else { return Ok(None) };
    // How they stand is read after all of this, so that it is as new as can be.
    let items = claimed.into_iter().map(|claimed| item(store, claimed, order.rules, now));
    Ok(Some(OutboxBatch { lease, items: items.collect::<Result<_, _>>()?, failures, is_more }))
}

fn may_be_told(book: &Book<'_>, target: &str, now: Timestamp) -> Result<bool, StoreError> {
    let found = book
        .connection
        .prepare_cached("SELECT 1 FROM sync_target WHERE name = ?1 AND disabled = 0 AND due_at <= ?2")?
        .query_row(params![target, now.as_microsecond()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// An item before it is known how its subject stands.
struct Claimed {
    id: i64,
    scope: Scope,
    subject: i64,
    attempts: u32,
    decision: OutboxDecision,
}

/// Who has waited longest first: who is refused comes due again behind the others, so that however many are refused hold up nobody.
/// Of one subject nothing overtakes what was decided earlier: it comes along only with what is due at the very same time, hence in
/// the order of the decisions, and otherwise when that is told.
fn claim(book: &Book<'_>, order: &OutboxTake<'_>, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
    let mut statement = book.connection.prepare_cached(
        "SELECT item.id, item.kind, item.subject, item.attempts, decision.id, decision.outcome, decision.reason, decision.rule,
             decision.taken_at, decision.tenant, decision.list, decision.undoes, decision.address, decision.domain, decision.host
         FROM sync_item AS item JOIN decision ON decision.id = item.decision
         WHERE item.target = ?1 AND item.state = 'waiting' AND item.due_at <= ?2 AND item.kind <= ?3
             AND NOT EXISTS (SELECT 1 FROM sync_item AS earlier WHERE earlier.target = item.target AND earlier.kind = item.kind
                 AND earlier.subject = item.subject AND earlier.decision < item.decision AND earlier.state = 'waiting'
                 AND earlier.due_at <> item.due_at)
         ORDER BY item.due_at, item.decision, item.id LIMIT ?4",
    )?;
    let found = statement.query_map(
        params![order.target, now.as_microsecond(), widest(order.rules), order.rows],
        |row| {
            let scope = match row.get::<i64>(1)? {
                0 => Scope::Address,
                1 => Scope::Domain,
                _ => Scope::MxHost,
            };
            Ok(Claimed {
                id: row.get(0)?,
                scope,
                subject: row.get(2)?,
                attempts: small(row.get::<i64>(3)?),
                decision: OutboxDecision {
                    id: row.get(4)?,
                    outcome: word("the outcome", &row.get::<String>(5)?)?,
                    reason: word_or_none("the reason", row.get::<Option<String>>(6)?.as_deref())?,
                    rule: row.get(7)?,
                    at: time(row.get(8)?)?,
                    scope: about(row, 12)?.map_or(scope, |(scope, _)| scope),
                    tenant: row.get(9)?,
                    list: row.get(10)?,
                    undoes: row.get(11)?,
                },
            })
        },
    )?;
    found.collect()
}

fn item(
    store: &SqlStore,
    claimed: Claimed,
    rules: &OutboxRules,
    now: Timestamp,
) -> Result<OutboxItem, StoreError> {
    let Claimed { id, scope, subject, attempts, decision } = claimed;
    let name = subject_name(store, scope, subject)?;
    let whose = |rule: &Hears, of: &Option<String>| match rule {
        Hears::All => of.clone(),
        Hears::Of(name) => name.clone(),
    };
    let audience =
        Audience { tenant: whose(&rules.tenant, &decision.tenant), list: whose(&rules.list, &decision.list) };
    let parsed = name.as_deref().and_then(|name| match scope {
        Scope::Address => EmailAddress::parse(name).ok().map(Subject::Address),
        Scope::Domain | Scope::MxHost => Domain::parse(name).ok().map(Subject::Domain),
    });
    let standing = match &parsed {
        Some(Subject::Address(address)) => {
            check(store, &Question { address: address.clone(), audience }, now)?
        }
        Some(subject) => own_standing(store, subject, &audience, now)?,
        None => Standing::ok(String::new()),
    };
    Ok(OutboxItem { id, name: name.filter(|_| parsed.is_some()), scope, standing, decision, attempts })
}

/// `None` where nobody knows it any more.
pub(super) fn subject_name(
    store: &SqlStore,
    scope: Scope,
    subject: i64,
) -> Result<Option<String>, StoreError> {
    let sql = match scope {
        Scope::Address => "SELECT text FROM address WHERE id = ?1",
        Scope::Domain => "SELECT name FROM domain WHERE id = ?1",
        Scope::MxHost => "SELECT name FROM host WHERE id = ?1",
    };
    let name: Option<String> =
        store.connection.prepare_cached(sql)?.query_row([subject], |row| row.get(0)).optional()?;
    Ok(name.filter(|name| !is_erased(name)))
}

pub(super) fn settle(
    store: &mut SqlStore,
    lease: &OutboxLease,
    results: &[(i64, OutboxResult)],
    news: &TargetNews,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.write(|book| {
        hold(book, lease)?;
        let (mut told, mut ends, mut again, mut uncounted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, result) in results {
            match result {
                OutboxResult::Told { ends: None } => told.push(row![*id]),
                OutboxResult::Told { ends: Some(at) } => ends.push(row![*id, at.as_microsecond()]),
                OutboxResult::Later { due_at, error } => {
                    again.push(row![*id, "waiting", due_at.as_microsecond(), cut(error)]);
                }
                OutboxResult::Again { due_at, error } => {
                    uncounted.push(row![*id, due_at.as_microsecond(), cut(error)]);
                }
                OutboxResult::Dead { error } => {
                    again.push(row![*id, "dead", now.as_microsecond(), cut(error)]);
                }
            }
        }
        // An end that was waited for is overtaken by what was told after it for the same mail.
        let overtaking: Vec<_> = told.iter().chain(&ends).map(|row| vec![row[0]]).collect();
        OVERTAKEN.run(book.connection, &overtaking)?;
        let done = i64::try_from(told.len() + ends.len()).unwrap_or(i64::MAX);
        TOLD_ITEMS.run(book.connection, &told)?;
        ENDING.run(book.connection, &ends)?;
        AGAIN.run(book.connection, &again)?;
        UNCOUNTED.run(book.connection, &uncounted)?;
        settle_target(book, lease, done, news, now)
    })
}

const OVERTAKEN: Change = Change {
    what: "DELETE FROM sync_item",
    where_: "sync_item.state = 'ends' AND EXISTS (SELECT 1 FROM sync_item AS told WHERE told.id = ?1
        AND told.target = sync_item.target AND told.kind = sync_item.kind AND told.subject = sync_item.subject
        AND told.decision > sync_item.decision
        AND EXISTS (SELECT 1 FROM decision AS newer, decision AS older WHERE newer.id = told.decision AND older.id = sync_item.decision
            AND coalesce(newer.tenant, '') = coalesce(older.tenant, '') AND coalesce(newer.list, '') = coalesce(older.list, '')))",
};

const TOLD_ITEMS: Change = Change { what: "DELETE FROM sync_item", where_: "sync_item.id = ?1" };

const ENDING: Change = Change {
    what: "UPDATE sync_item SET state = 'ends', due_at = ?2, last_error = NULL",
    where_: "sync_item.id = ?1",
};

const AGAIN: Change = Change {
    what: "UPDATE sync_item SET state = ?2, due_at = ?3, last_error = ?4, attempts = attempts + 1",
    where_: "sync_item.id = ?1",
};

const UNCOUNTED: Change =
    Change { what: "UPDATE sync_item SET due_at = ?2, last_error = ?3", where_: "sync_item.id = ?1" };

fn settle_target(
    book: &Book<'_>,
    lease: &OutboxLease,
    done: i64,
    news: &TargetNews,
    now: Timestamp,
) -> Result<(), StoreError> {
    let target = &lease.target;
    book.connection.execute(
        "UPDATE sync_target SET owner = NULL, leased_until = NULL, told = told + ?2, told_at = iif(?2 > 0, ?3, told_at)
         WHERE name = ?1",
        params![target, done, now.as_microsecond()],
    )?;
    match news {
        TargetNews::None => {}
        TargetNews::Well => {
            book.connection.execute(
                "UPDATE sync_target SET failures = 0, due_at = 0, last_error = NULL WHERE name = ?1",
                params![target],
            )?;
        }
        TargetNews::Away { due_at, error, failures } => {
            book.connection.execute(
                "UPDATE sync_target SET failures = ?4, due_at = ?2, last_error = ?3 WHERE name = ?1",
                params![target, due_at.as_microsecond(), cut(error), failures],
            )?;
        }
        TargetNews::Disabled { error } => {
            book.connection.execute(
                "UPDATE sync_target SET disabled = 1, last_error = ?2 WHERE name = ?1",
                params![target, cut(error)],
            )?;
        }
    }
    Ok(())
}

/// Refuses a lease that is over and was taken by somebody else.
fn hold(book: &Book<'_>, lease: &OutboxLease) -> Result<(), StoreError> {
    let held: bool = book
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sync_target WHERE name = ?1 AND owner = ?2 AND leased_until = ?3)",
        )?
        .query_row(params![lease.target, lease.owner, lease.until.as_microsecond()], |row| row.get(0))?;
    if held { Ok(()) } else { Err(StoreError::LeaseLost) }
}
