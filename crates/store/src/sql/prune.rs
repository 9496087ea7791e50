//! What is old goes, in small steps: nobody waits long for one of them.

use jiff::Timestamp;

use super::book::Book;
use super::{SqlStore, erase};
use crate::database::{OptionalRow, params};
use crate::{Old, Pruned, StoreError};

/// Up to which report the texts are gone: a daily cleaning begins there.
const EMPTIED: &str = "texts_emptied_up_to";

pub(super) fn prune(
    book: &mut Book<'_>,
    old: Old,
    before: Timestamp,
    from: Option<i64>,
    max: u32,
) -> Result<Pruned, StoreError> {
    match old {
        Old::Texts => texts(book, before, from, max),
        Old::Addresses => addresses(book, before, from, max),
    }
}

pub(super) fn forget_old_pages(store: &SqlStore) {
    store.connection.forget_old_pages();
}

/// Reports are numbered in the order in which they came in.
fn texts(book: &mut Book<'_>, before: Timestamp, from: Option<i64>, max: u32) -> Result<Pruned, StoreError> {
    let connection = book.connection;
    let from = match from {
        Some(from) => from,
        None => connection
            .query_row("SELECT value FROM setting WHERE name = ?1", [EMPTIED], |row| row.get::<String>(0))
            .optional()?
            .and_then(|value| value.parse().ok())
            .unwrap_or(0),
    };
    // The last of the next reports that is old: those before it are as old.
    let up_to: Option<i64> = connection.query_row(
        "SELECT max(id) FROM (SELECT report.id, seen_at FROM report JOIN message ON message.id = report.message
             WHERE report.id > ?1 ORDER BY report.id LIMIT ?2) AS next WHERE seen_at < ?3",
        params![from, max, before.as_microsecond()],
        |row| row.get(0),
    )?;
    let Some(up_to) = up_to else { return Ok(Pruned { next: None, changed: 0 }) };
    // Without their words nobody will ever understand them: they leave the review desk.
    connection.execute(
        "UPDATE review_cluster SET reports = max(reports - gone.n, 0)
         FROM (SELECT cluster, count(*) AS n FROM report WHERE cluster IS NOT NULL AND id > ?1 AND id <= ?2 GROUP BY cluster) AS gone
         WHERE review_cluster.id = gone.cluster",
        params![from, up_to],
    )?;
    let changed = connection.execute(
        "UPDATE report SET diagnostic = NULL, prose = NULL, message_id = NULL, subject = NULL, queue_id = NULL, because = '[]',
             contradictions = '[]', cluster = NULL
         WHERE id > ?1 AND id <= ?2 AND (diagnostic IS NOT NULL OR prose IS NOT NULL OR message_id IS NOT NULL
             OR subject IS NOT NULL OR queue_id IS NOT NULL OR because <> '[]' OR contradictions <> '[]' OR cluster IS NOT NULL)",
        params![from, up_to],
    )?;
    super::review::drop_empty_clusters(book)?;
    book.connection.execute(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![EMPTIED, up_to.to_string()],
    )?;
    Ok(Pruned { next: Some(up_to), changed })
}

fn addresses(
    book: &mut Book<'_>,
    before: Timestamp,
    from: Option<i64>,
    max: u32,
) -> Result<Pruned, StoreError> {
    let from = from.unwrap_or(0);
    let up_to: Option<i64> = book.connection.query_row(
        "SELECT max(id) FROM (SELECT id FROM address WHERE id > ?1 ORDER BY id LIMIT ?2) AS next",
        params![from, max],
        |row| row.get(0),
    )?;
    let Some(up_to) = up_to else { return Ok(Pruned { next: None, changed: 0 }) };
    let old: Vec<(i64, String)> = {
        let mut statement = book.connection.prepare_cached(
            "SELECT id, text FROM address WHERE id > ?1 AND id <= ?2 AND text LIKE '%@%'
                 AND NOT EXISTS (SELECT 1 FROM decision WHERE decision.address = address.id AND taken_at >= ?3)
                 AND NOT EXISTS (SELECT 1 FROM exemption WHERE exemption.address = address.id)",
        )?;
        let rows = statement
            .query_map(params![from, up_to, before.as_microsecond()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let changed = old.len() as u64;
    for (number, text) in old {
        erase::replace(book, number, &text)?;
    }
    Ok(Pruned { next: Some(up_to), changed })
}
