use std::time::Duration;

use jiff::Timestamp;

use super::SqlStore;
use super::book::Book;
use super::column::{small, time, word, word_or_none};
use crate::database::{Row, params};
use crate::{StoreError, Work, WorkItem, WorkKind};

/// The database gives each item to one process only: it is chosen and marked in one transaction.
pub(super) fn lease_due(
    store: &mut SqlStore,
    owner: &str,
    now: Timestamp,
    lease: Duration,
    max: u32,
) -> Result<Vec<WorkItem>, StoreError> {
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let until = now.as_microsecond().saturating_add(lease);
    store.write(|book| {
        let ids: Vec<i64> = {
            let mut statement = book.connection.prepare_cached(
                "SELECT id FROM work WHERE due_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1)
                 ORDER BY due_at, id LIMIT ?2",
            )?;
            statement
                .query_map(params![now.as_microsecond(), max], |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            book.connection
                .prepare_cached(
                    "UPDATE work SET owner = ?2, leased_until = ?3, attempt = attempt + 1 WHERE id = ?1",
                )?
                .execute(params![id, owner, until])?;
            items.push(item(book, id)?);
        }
        Ok(items)
    })
}

fn item(book: &Book<'_>, id: i64) -> Result<WorkItem, StoreError> {
    let mut statement = book.connection.prepare_cached(
        "SELECT work.id, kind, domain.name, host.name, ip, claim, opened_at, due_at, attempt, owner, leased_until
         FROM work LEFT JOIN domain ON domain.id = work.domain LEFT JOIN host ON host.id = work.host WHERE work.id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let row = rows.next()?.ok_or(StoreError::LeaseLost)?;
    item_of(row)
}

fn item_of(row: Row<'_>) -> Result<WorkItem, StoreError> {
    let domain = row.get::<Option<String>>(2)?.unwrap_or_default();
    let claim = word_or_none("the reason", row.get::<Option<String>>(5)?.as_deref())?;
    let work = match word::<WorkKind>("the work", &row.get::<String>(1)?)? {
        WorkKind::Investigate => {
            Work::Investigate { domain, claim: claim.unwrap_or(abprall_mail::Reason::RoutingServerFailure) }
        }
        WorkKind::Recheck => Work::Recheck { domain },
        WorkKind::RecheckHost => Work::RecheckHost {
            host: row.get::<Option<String>>(3)?.unwrap_or_default(),
            ip: word("the address", &row.get::<String>(4)?)?,
        },
        WorkKind::Release => Work::Release { domain },
    };
    Ok(WorkItem {
        id: row.get(0)?,
        work,
        opened_at: time(row.get(6)?)?,
        due_at: time(row.get(7)?)?,
        attempt: small(row.get::<i64>(8)?).saturating_sub(1),
        owner: row.get(9)?,
        leased_until: time(row.get(10)?)?,
    })
}

/// Refuses an item that is not this lease's any more.
pub(super) fn hold(book: &Book<'_>, item: &WorkItem) -> Result<(), StoreError> {
    let held: bool = book
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM work WHERE id = ?1 AND owner = ?2 AND leased_until = ?3)",
        )?
        .query_row(params![item.id, item.owner, item.leased_until.as_microsecond()], |row| row.get(0))?;
    if held { Ok(()) } else { Err(StoreError::LeaseLost) }
}

pub(super) fn give_back(store: &mut SqlStore, item: &WorkItem, due_at: Timestamp) -> Result<(), StoreError> {
    store.write(|book| {
        hold(book, item)?;
        book.connection.execute(
            "UPDATE work SET owner = NULL, leased_until = NULL, due_at = ?2 WHERE id = ?1",
            params![item.id, due_at.as_microsecond()],
        )?;
        Ok(())
    })
}

pub(super) fn look_now(store: &mut SqlStore, domain: &str, at: Timestamp) -> Result<(), StoreError> {
    store.write(|book| {
        let number = book.domain(domain)?;
        book.connection.execute(
            "INSERT INTO work (kind, domain, host, ip, opened_at, due_at) SELECT 'recheck', ?1, 0, '', ?2, ?2
             WHERE NOT EXISTS (SELECT 1 FROM work WHERE domain = ?1 AND kind IN ('investigate', 'recheck'))",
            params![number, at.as_microsecond()],
        )?;
        // An item that is being worked on keeps its lease; it is due again afterwards by what comes of it.
        book.connection.execute(
            "UPDATE work SET due_at = min(due_at, ?2)
             WHERE domain = ?1 AND kind IN ('investigate', 'recheck') AND owner IS NULL",
            params![number, at.as_microsecond()],
        )?;
        Ok(())
    })
}

pub(super) fn next_due(store: &SqlStore) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = store
        .connection
        .prepare_cached("SELECT min(max(due_at, coalesce(leased_until, due_at))) FROM work")?
        .query_row([], |row| row.get(0))?;
    at.map(time).transpose()
}

/// Puts an item down, or moves the one that is there.
pub(super) fn put(
    book: &Book<'_>,
    kind: WorkKind,
    domain: i64,
    host: i64,
    ip: &str,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    book.connection
        .prepare_cached(
            "INSERT INTO work (kind, domain, host, ip, opened_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (kind, domain, host, ip) DO UPDATE SET due_at = excluded.due_at",
        )?
        .execute(params![
            kind.to_string(),
            domain,
            host,
            ip,
            now.as_microsecond(),
            due_at.as_microsecond()
        ])?;
    Ok(())
}

/// The item is done.
pub(super) fn remove(book: &Book<'_>, id: i64) -> Result<(), StoreError> {
    book.connection.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([id])?;
    Ok(())
}
