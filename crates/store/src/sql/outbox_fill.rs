//! Makes items of decisions.

use abprall_policy::{Outcome, Stop};
use jiff::Timestamp;

use super::book::{Book, kind_of};
use super::column::{word, word_or_none};
use super::outbox::last_decision;
use crate::database::{Insert, OptionalRow, Row, Value, params, row};
use crate::limits::{OUTBOX_EXPAND, OUTBOX_ITEMS_MAX, OUTBOX_WINDOW, OUTBOX_WINDOWS_AT_ONCE};
use crate::{DomainEvents, Hears, OutboxRules, OutboxTake, Scope, StoreError};

/// Decisions that change how somebody stands.
const TOLD: &str = "('suppress', 'hold', 'pending', 'confirm', 'lift', 'release', 'reinstate', 'drop')";

/// Makes items of the next decisions. Gives whether it stopped among many of which there is nothing to tell.
pub(super) fn fill(
    book: &Book<'_>,
    target: &str,
    rules: &OutboxRules,
    now: Timestamp,
) -> Result<bool, StoreError> {
    book.connection.execute(
        "UPDATE sync_item SET state = 'waiting', attempts = 0 WHERE target = ?1 AND state = 'ends' AND due_at <= ?2",
        params![target, now.as_microsecond()],
    )?;
    let last = last_decision(book)?;
    let from: Option<i64> = book
        .connection
        .prepare_cached("SELECT cursor FROM sync_target WHERE name = ?1")?
        .query_row([target], |row| row.get(0))
        .optional()?;
    let Some(from) = from else { return Ok(false) };
    let mut cursor = from;
    let mut is_passing_over = true;
    for _ in 0..OUTBOX_WINDOWS_AT_ONCE {
        // The decisions themselves keep what is owed to a target that is away; there is no need to copy all of it.
        if cursor >= last || waiting(book, target)? >= OUTBOX_ITEMS_MAX {
            is_passing_over = false;
            break;
        }
        let end = last.min(cursor.saturating_add(OUTBOX_WINDOW));
        let rows = heard(book, target, rules, (cursor, end), now)?;
        let is_filled = !rows.is_empty();
        ITEMS.run(book.connection, &rows)?;
        cursor = end;
        if is_filled {
            is_passing_over = false;
            break;
        }
    }
    if cursor != from {
        book.connection
            .execute("UPDATE sync_target SET cursor = ?2 WHERE name = ?1", params![target, cursor])?;
    }
    Ok(is_passing_over)
}

/// Items that wait, counted as far as it matters.
fn waiting(book: &Book<'_>, target: &str) -> Result<i64, StoreError> {
    book.connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM sync_item WHERE target = ?1 AND state = 'waiting' LIMIT ?2) AS found",
        )?
        .query_row(params![target, OUTBOX_ITEMS_MAX], |row| row.get(0))
}

fn heard<'a>(
    book: &Book<'_>,
    target: &'a str,
    rules: &OutboxRules,
    (after, end): (i64, i64),
    now: Timestamp,
) -> Result<Vec<Vec<Value<'a>>>, StoreError> {
    let sql = format!(
        "SELECT id, address, domain, host, outcome, reason, tenant, list FROM decision
         WHERE id > ?1 AND id <= ?2 AND outcome IN {TOLD} ORDER BY id"
    );
    let mut statement = book.connection.prepare_cached(&sql)?;
    let mut found = statement.query(params![after, end])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let outcome: Outcome = word("the outcome", &row.get::<String>(4)?)?;
        let reason = word_or_none("the reason", row.get::<Option<String>>(5)?.as_deref())?;
        let counts = match outcome.stop() {
            // What ends a stop is told to all: whether it was told of the stop, the target knows.
            None => true,
            Some(stop) => {
                let counts = match stop {
                    Stop::Hold => rules.held,
                    Stop::Suppression => rules.suppressed,
                };
                counts && reason.is_none_or(|reason| rules.counts_reason(reason))
            }
        };
        if !counts
            || !hears(&rules.tenant, row.get::<Option<String>>(6)?.as_deref())
            || !hears(&rules.list, row.get::<Option<String>>(7)?.as_deref())
        {
            continue;
        }
        let Some((scope, subject)) = about(row, 1)? else { continue };
        rows.push(row![target, kind_of(scope), subject, row.get::<i64>(0)?, now.as_microsecond()]);
    }
    Ok(rows)
}

fn hears(rule: &Hears, of: Option<&str>) -> bool {
    match (rule, of) {
        (Hears::All, _) | (_, None) => true,
        (Hears::Of(name), Some(of)) => name.as_deref() == Some(of),
    }
}

/// Whom a decision is about: its columns address, domain and host, from `first` on.
pub(super) fn about(row: Row<'_>, first: usize) -> Result<Option<(Scope, i64)>, StoreError> {
    for (place, scope) in [Scope::Address, Scope::Domain, Scope::MxHost].into_iter().enumerate() {
        if let Some(subject) = row.get::<Option<i64>>(first + place)? {
            return Ok(Some((scope, subject)));
        }
    }
    Ok(None)
}

const ITEMS: Insert = Insert {
    into: "INSERT INTO sync_item (target, kind, subject, decision, state, due_at)",
    values: "?1, ?2, ?3, ?4, 'waiting', ?5",
    conflict: "ON CONFLICT (target, kind, subject, decision) DO NOTHING",
};

/// The widest kind that a target is told of.
pub(super) fn widest(rules: &OutboxRules) -> i64 {
    kind_of(match rules.domains {
        DomainEvents::Whole => Scope::Domain,
        DomainEvents::ByAddress => Scope::Address,
    })
}

/// Makes items for what a wider one is about, a piece at a time: a large provider's domain may have hundreds of thousands of
/// addresses. Gives whether there may be more for this call.
pub(super) fn expand(book: &Book<'_>, order: &OutboxTake<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let wide = book
        .connection
        .prepare_cached(
            "SELECT id, kind, subject, decision, expanded FROM sync_item
             WHERE target = ?1 AND state = 'waiting' AND kind > ?2 AND due_at <= ?3 ORDER BY decision, id LIMIT 1",
        )?
        .query_row(params![order.target, widest(order.rules), now.as_microsecond()], |row| {
            Ok((
                row.get::<i64>(0)?,
                row.get::<i64>(1)?,
                row.get::<i64>(2)?,
                row.get::<i64>(3)?,
                row.get::<i64>(4)?,
            ))
        })
        .optional()?;
    let Some((id, kind, subject, decision, expanded)) = wide else { return Ok(false) };
    let (below, sql) = if kind == kind_of(Scope::MxHost) {
        (
            Scope::Domain,
            "SELECT domain FROM domain_mx WHERE host = ?1 AND domain > ?2 ORDER BY domain LIMIT ?3",
        )
    } else {
        (Scope::Address, "SELECT id FROM address WHERE domain = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
    };
    let members: Vec<i64> = book
        .connection
        .prepare_cached(sql)?
        .query_map(params![subject, expanded, OUTBOX_EXPAND], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let rows: Vec<_> = members
        .iter()
        .map(|member| row![order.target, kind_of(below), *member, decision, now.as_microsecond()])
        .collect();
    ITEMS.run(book.connection, &rows)?;
    match members.last() {
        Some(last) if members.len() as u64 == u64::from(OUTBOX_EXPAND) => {
            book.connection
                .execute("UPDATE sync_item SET expanded = ?2 WHERE id = ?1", params![id, *last])?;
            Ok(false)
        }
        Some(_) | None => {
            book.connection.execute("DELETE FROM sync_item WHERE id = ?1", [id])?;
            Ok(true)
        }
    }
}
