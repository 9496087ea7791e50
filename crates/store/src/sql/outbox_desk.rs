//! What people see of the outbox, and do with it.

use jiff::Timestamp;

use super::SqlStore;
use super::column::{count, small, time};
use super::outbox::subject_name;
use crate::database::{Change, params, row};
use crate::page::cut_to_page;
use crate::{Cursor, DeadFate, DeadLetter, DeadLetters, OutboxTarget, Page, Rows, Scope, StoreError};

pub(super) fn targets(store: &SqlStore, now: Timestamp) -> Result<Vec<OutboxTarget>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT name, cursor, (SELECT coalesce(max(id), 0) FROM decision),
             (SELECT count(*) FROM sync_item WHERE target = name AND state = 'waiting'),
             (SELECT count(*) FROM sync_item WHERE target = name AND state = 'dead'),
             told, told_at, failures, due_at, last_error, disabled, owner, leased_until
         FROM sync_target ORDER BY name",
    )?;
    let now = now.as_microsecond();
    statement
        .query_map([], |row| {
            let due_at: i64 = row.get(8)?;
            let leased_until: Option<i64> = row.get(12)?;
            Ok(OutboxTarget {
                name: row.get(0)?,
                cursor: row.get(1)?,
                last_decision: row.get(2)?,
                waiting: count(row.get(3)?),
                dead: count(row.get(4)?),
                told: count(row.get(5)?),
                told_at: row.get::<Option<i64>>(6)?.map(time).transpose()?,
                failures: small(row.get::<i64>(7)?),
                due_at: (due_at > now).then(|| time(due_at)).transpose()?,
                last_error: row.get(9)?,
                disabled: row.get(10)?,
                owner: row.get::<Option<String>>(11)?.filter(|_| leased_until.is_some_and(|end| end > now)),
            })
        })?
        .collect()
}

pub(super) fn dead(
    store: &SqlStore,
    target: Option<&str>,
    page: Page,
) -> Result<Rows<DeadLetter>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT id, target, kind, subject, decision, attempts, last_error FROM sync_item
         WHERE state = 'dead' AND id > ?1 AND (?2 IS NULL OR target = ?2) ORDER BY id LIMIT ?3",
    )?;
    let after = page.after.map_or(0, |cursor| cursor.id);
    let rows = statement
        .query_map(params![after, target, i64::from(page.rows) + 1], |row| {
            let letter = DeadLetter {
                id: row.get(0)?,
                target: row.get(1)?,
                name: None,
                decision: row.get(4)?,
                attempts: small(row.get::<i64>(5)?),
                error: row.get(6)?,
            };
            Ok((row.get::<i64>(2)?, row.get::<i64>(3)?, letter))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::with_capacity(rows.len());
    for (kind, subject, letter) in rows {
        let scope = match kind {
            0 => Scope::Address,
            1 => Scope::Domain,
            _ => Scope::MxHost,
        };
        let letter = DeadLetter { name: subject_name(store, scope, subject)?, ..letter };
        found.push((Cursor { key: 0, id: letter.id }, letter));
    }
    Ok(cut_to_page(found, page))
}

pub(super) fn settle_dead(
    store: &mut SqlStore,
    which: &DeadLetters,
    fate: DeadFate,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let what = match fate {
        DeadFate::Retry => "UPDATE sync_item SET state = 'waiting', attempts = 0, due_at = ?2",
        DeadFate::Drop => "DELETE FROM sync_item",
    };
    let now = now.as_microsecond();
    store.write(|book| match which {
        DeadLetters::Numbers(numbers) => {
            let change =
                Change { what, where_: "sync_item.id = ?1 AND sync_item.state = 'dead' AND ?2 = ?2" };
            let rows: Vec<_> = numbers.iter().map(|id| row![*id, now]).collect();
            change.run(book.connection, &rows)
        }
        DeadLetters::Of(target) => {
            let change =
                Change { what, where_: "sync_item.target = ?1 AND sync_item.state = 'dead' AND ?2 = ?2" };
            change.run(book.connection, &[row![target.as_str(), now]])
        }
        DeadLetters::All => {
            let change = Change { what, where_: "sync_item.state = 'dead' AND ?1 = ?1 AND ?2 = ?2" };
            change.run(book.connection, &[row![0_i64, now]])
        }
    })
}

/// A person wants it to be told again, at once. Gives whether there is such a target.
pub(super) fn resume(store: &mut SqlStore, target: &str) -> Result<bool, StoreError> {
    store.write(|book| {
        let changed = book.connection.execute(
            "UPDATE sync_target SET disabled = 0, due_at = 0, failures = 0 WHERE name = ?1",
            params![target],
        )?;
        Ok(changed > 0)
    })
}

/// Forgets a target with all that it was not told. Gives whether there was one.
pub(super) fn forget(store: &mut SqlStore, target: &str) -> Result<bool, StoreError> {
    store.write(|book| {
        book.connection.execute("DELETE FROM sync_item WHERE target = ?1", params![target])?;
        Ok(book.connection.execute("DELETE FROM sync_target WHERE name = ?1", params![target])? > 0)
    })
}
