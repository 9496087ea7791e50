use abprall_policy::IncidentEvent;
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, Event};
use super::column::{count, time, word, word_or_none};
use crate::database::{OptionalRow, Row, params};
use crate::limits::INCIDENT_ROWS_MAX;
use crate::page::cut_to_page;
use crate::{Cursor, Incident, IncidentFilter, IncidentRecord, IncidentStory, Page, Rows, StoreError};

const INCIDENTS: &str =
    "SELECT incident.id, key, opened_at, closed_at, reason, domains, addresses FROM incident";

pub(super) fn incidents(
    store: &SqlStore,
    filter: &IncidentFilter,
    page: Page,
) -> Result<Rows<Incident>, StoreError> {
    let domain = match &filter.domain {
        None => None,
        Some(name) => match store.find_domain(name)? {
            Some(number) => Some(number),
            None => return Ok(Rows { rows: Vec::new(), next: None }),
        },
    };
    // Conditions that are always there would hide the index of the open ones.
    let open = if filter.open { "AND closed_at IS NULL" } else { "" };
    let of_domain = match domain {
        Some(_) => "AND incident.id IN (SELECT incident FROM incident_domain WHERE domain = ?2)",
        None => "AND ?2 IS NULL",
    };
    let sql =
        format!("{INCIDENTS} WHERE incident.id < ?1 {open} {of_domain} ORDER BY incident.id DESC LIMIT ?3");
    let mut statement = store.connection.prepare_cached(&sql)?;
    let before = page.after.map_or(i64::MAX, |cursor| cursor.id);
    let mut rows = statement.query(params![before, domain, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let incident = incident_of(row)?;
        found.push((Cursor { key: 0, id: incident.id }, incident));
    }
    Ok(cut_to_page(found, page))
}

pub(super) fn incident(store: &SqlStore, id: i64) -> Result<Option<IncidentStory>, StoreError> {
    let mut statement = store.connection.prepare_cached(&format!("{INCIDENTS} WHERE incident.id = ?1"))?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let incident = incident_of(row)?;
    let domain_names = {
        let mut statement = store.connection.prepare_cached(
            "SELECT name FROM incident_domain JOIN domain ON domain.id = incident_domain.domain
             WHERE incident = ?1 ORDER BY name LIMIT ?2",
        )?;
        statement.query_map(params![id, INCIDENT_ROWS_MAX], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let mut statement = store.connection.prepare_cached(
        "SELECT at, event, domain.name, addresses, detail, observation FROM incident_event
         LEFT JOIN domain ON domain.id = incident_event.domain WHERE incident = ?1 ORDER BY incident_event.id DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![id, INCIDENT_ROWS_MAX])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(IncidentRecord {
            at: time(row.get(0)?)?,
            event: word("the event", &row.get::<String>(1)?)?,
            domain: row.get(2)?,
            addresses: count(row.get(3)?),
            detail: row.get(4)?,
            observation: row.get(5)?,
        });
    }
    events.reverse();
    Ok(Some(IncidentStory { incident, domain_names, events }))
}

fn incident_of(row: Row<'_>) -> Result<Incident, StoreError> {
    Ok(Incident {
        id: row.get(0)?,
        key: row.get(1)?,
        opened_at: time(row.get(2)?)?,
        closed_at: row.get::<Option<i64>>(3)?.map(time).transpose()?,
        reason: word_or_none("the reason", row.get::<Option<String>>(4)?.as_deref())?,
        domains: count(row.get(5)?),
        addresses: count(row.get(6)?),
    })
}

/// Gives whether it was open.
pub(super) fn close(book: &Book<'_>, id: i64, at: Timestamp, note: Option<&str>) -> Result<bool, StoreError> {
    let open = book
        .connection
        .query_row("SELECT closed_at IS NULL FROM incident WHERE id = ?1", [id], |row| row.get::<bool>(0))
        .optional()?
        .ok_or_else(|| StoreError::NotFound { what: "incident", name: id.to_string() })?;
    if open {
        book.connection
            .execute("UPDATE incident SET closed_at = ?2 WHERE id = ?1", params![id, at.as_microsecond()])?;
        book.event(id, &Event { detail: note, ..Event::new(at, IncidentEvent::Closed) })?;
    }
    Ok(open)
}
