use super::SqlStore;
use super::column::{count, time, word, word_or_none};
use crate::database::{OptionalRow, params};
use crate::{News, StoreError};

pub(super) fn news_since(store: &SqlStore, id: i64, max: u32) -> Result<Vec<News>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT incident_event.id, incident, incident.key, incident.reason, at, event, domain.name, incident_event.addresses, detail
         FROM incident_event JOIN incident ON incident.id = incident_event.incident
         LEFT JOIN domain ON domain.id = incident_event.domain
         WHERE incident_event.id > ?1 ORDER BY incident_event.id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![id, max])?;
    let mut news = Vec::new();
    while let Some(row) = rows.next()? {
        news.push(News {
            id: row.get(0)?,
            incident: row.get(1)?,
            key: row.get(2)?,
            reason: word_or_none("the reason", row.get::<Option<String>>(3)?.as_deref())?,
            at: time(row.get(4)?)?,
            event: word("the event", &row.get::<String>(5)?)?,
            domain: row.get(6)?,
            addresses: count(row.get(7)?),
            detail: row.get(8)?,
        });
    }
    Ok(news)
}

pub(super) fn last_news(store: &SqlStore) -> Result<i64, StoreError> {
    store
        .connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM incident_event")?
        .query_row([], |row| row.get(0))
}

pub(super) fn note(store: &SqlStore, name: &str) -> Result<Option<String>, StoreError> {
    store
        .connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row([format!("note:{name}")], |row| row.get(0))
        .optional()
}

/// Gives whether it was still what it was before.
pub(super) fn swap_note(
    store: &mut SqlStore,
    name: &str,
    before: Option<&str>,
    after: &str,
) -> Result<bool, StoreError> {
    let name = format!("note:{name}");
    store.write(|book| {
        let changed = match before {
            None => book.connection.execute(
                "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![name, after],
            )?,
            Some(before) => book.connection.execute(
                "UPDATE setting SET value = ?3 WHERE name = ?1 AND value = ?2",
                params![name, before, after],
            )?,
        };
        Ok(changed > 0)
    })
}
