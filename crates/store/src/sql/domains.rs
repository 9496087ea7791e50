use abprall_mail::{Party, Reason, Verdict};
use jiff::Timestamp;

use super::SqlStore;
use super::column::{count, json, json_or_none, time, word, word_or_none};
use super::complete::waiting_count;
use super::trends::quoted;
use crate::database::{OptionalRow, Row, ToValue, params};
use crate::page::cut_to_page;
use crate::{
    Cursor, DomainDetail, DomainFilter, DomainSort, Observation, Page, Rows, State, StoreError, WatchedDomain,
};

/// What a list is sorted by, as the index has it.
fn key_of(sort: DomainSort) -> &'static str {
    match sort {
        DomainSort::Failures => "s.failures",
        DomainSort::RouteFailures => "s.route_failures",
        DomainSort::Stopped => "s.held + s.suppressed",
        DomainSort::LastFailure => "coalesce(s.last_failure_at, 0)",
        DomainSort::Name => "0",
    }
}

/// The plus keeps SQLite from walking the index of due times until it meets the domain; the order of a CROSS JOIN it leaves alone.
fn columns(sort: DomainSort) -> String {
    format!(
        "SELECT {}, s.domain, n.name, s.failures, s.route_failures, s.addresses, s.held, s.suppressed, s.last_failure_at,
             s.last_reason, s.health, s.operator,
             (SELECT max(CASE WHEN stop = 'suppression' THEN 1 ELSE 0 END) FROM stop WHERE kind = 1 AND subject = s.domain AND (until IS NULL OR until > ?1)),
             (SELECT min(+due_at) FROM work WHERE work.domain = s.domain AND work.domain > 0 AND kind <> 'release'),
             s.reinstatement, s.name_servers_before, s.operator_before, s.owner_changed, s.delivered_since, s.failed_since,
             (SELECT verdict FROM observation WHERE observation.domain = s.domain ORDER BY observation.id DESC LIMIT 1)
         FROM {} WHERE n.id = s.domain",
        key_of(sort),
        match sort {
            DomainSort::Failures
            | DomainSort::RouteFailures
            | DomainSort::Stopped
            | DomainSort::LastFailure => "domain_state s CROSS JOIN domain n",
            DomainSort::Name => "domain n JOIN domain_state s ON s.domain = n.id",
        }
    )
}

pub(super) fn domains(
    store: &SqlStore,
    filter: &DomainFilter,
    sort: DomainSort,
    page: Page,
    at: Timestamp,
) -> Result<Rows<WatchedDomain>, StoreError> {
    let mut sql = columns(sort);
    let at = at.as_microsecond();
    let limit = i64::from(page.rows) + 1;
    let after = page.after.unwrap_or(Cursor { key: i64::MAX, id: i64::MAX });
    let health = filter.health.map(abprall_policy::HealthState::as_str);
    let mut values: Vec<&dyn ToValue> = vec![&at, &limit];
    sql += " AND ?2 = ?2";
    if page.after.is_some() {
        values.extend([&after.key as &dyn ToValue, &after.id]);
        sql += &match sort {
            DomainSort::Name => {
                " AND ?3 = ?3 AND n.name > (SELECT name FROM domain WHERE id = ?4)".to_owned()
            }
            DomainSort::Failures
            | DomainSort::RouteFailures
            | DomainSort::Stopped
            | DomainSort::LastFailure => {
                format!(" AND {0} <= ?3 AND ({0}, s.domain) < (?3, ?4)", key_of(sort))
            }
        };
    }
    if health.is_some() {
        values.push(&health);
        sql += &format!(" AND s.health_state = ?{}", values.len());
    }
    if filter.operator.is_some() {
        values.push(&filter.operator);
        sql += &format!(" AND s.operator = ?{}", values.len());
    }
    if filter.stopped {
        sql += " AND s.domain IN (SELECT subject FROM stop WHERE kind = 1)";
    }
    sql += &match sort {
        DomainSort::Name => " ORDER BY n.name LIMIT ?2".to_owned(),
        DomainSort::Failures | DomainSort::RouteFailures | DomainSort::Stopped | DomainSort::LastFailure => {
            format!(" ORDER BY {} DESC, s.domain DESC LIMIT ?2", key_of(sort))
        }
    };
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cursor = Cursor { key: row.get(0)?, id: row.get(1)? };
        found.push((cursor, row_of(row)?));
    }
    Ok(cut_to_page(found, page))
}

fn row_of(row: Row<'_>) -> Result<WatchedDomain, StoreError> {
    Ok(WatchedDomain {
        domain: row.get(2)?,
        failures: count(row.get(3)?),
        route_failures: count(row.get(4)?),
        addresses: count(row.get(5)?),
        held: count(row.get(6)?),
        suppressed: count(row.get(7)?),
        state: match row.get::<Option<bool>>(12)? {
            None => State::Ok,
            Some(false) => State::Held,
            Some(true) => State::Suppressed,
        },
        last_failure_at: row.get::<Option<i64>>(8)?.map(time).transpose()?,
        last_reason: word_or_none("the reason", row.get::<Option<String>>(9)?.as_deref())?,
        health: json_or_none("the health", row.get::<Option<String>>(10)?.as_deref())?,
        blind: word_or_none("the verdict", row.get::<Option<String>>(20)?.as_deref())?
            == Some(Verdict::VantageBlind),
        next_look: row.get::<Option<i64>>(13)?.map(time).transpose()?,
        operator: row.get(11)?,
    })
}

pub(super) fn claim(store: &SqlStore, domain: &str) -> Result<Option<Reason>, StoreError> {
    let Some(number) = store.find_domain(domain)? else { return Ok(None) };
    let route = quoted(|reason| matches!(reason.party(), Party::RecipientDomain | Party::Route));
    let sql = format!(
        "SELECT reason FROM domain_day WHERE domain = ?1 AND day >= 0 AND failures > 0 AND reason IN ({route})
         ORDER BY CASE WHEN reason = 'delivery_expired' THEN 1 ELSE 0 END, day DESC, failures DESC, reason LIMIT 1"
    );
    let reason: Option<String> =
        store.connection.prepare_cached(&sql)?.query_row([number], |row| row.get(0)).optional()?;
    word_or_none("the reason", reason.as_deref())
}

pub(super) fn domain(
    store: &SqlStore,
    name: &str,
    at: Timestamp,
) -> Result<Option<DomainDetail>, StoreError> {
    let Some(number) = store.find_domain(name)? else { return Ok(None) };
    let sql = format!("{} AND s.domain = ?2", columns(DomainSort::Failures));
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![at.as_microsecond(), number])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let texts = |sql: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = store.connection.prepare_cached(sql)?;
        let rows = statement.query_map([number], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()
    };
    let incident = store
        .connection
        .prepare_cached(
            "SELECT incident.id FROM incident_domain JOIN incident ON incident.id = incident_domain.incident
             WHERE domain = ?1 AND closed_at IS NULL ORDER BY incident.id DESC LIMIT 1",
        )?
        .query_row([number], |row| row.get(0))
        .optional()?;
    let before: Option<Vec<String>> =
        json_or_none("the name servers", row.get::<Option<String>>(15)?.as_deref())?;
    Ok(Some(DomainDetail {
        row: row_of(row)?,
        reinstatement: json_or_none("the way back", row.get::<Option<String>>(14)?.as_deref())?,
        mx_hosts: texts(
            "SELECT name FROM domain_mx JOIN host ON host.id = domain_mx.host WHERE domain = ?1 ORDER BY name",
        )?,
        name_servers_before: before.unwrap_or_default(),
        operator_before: row.get(16)?,
        owner_changed: row.get(17)?,
        waiting: waiting_count(&store.connection, number)?,
        delivered_since_release: count(row.get(18)?),
        failed_since_release: count(row.get(19)?),
        incident,
    }))
}

pub(super) fn observations(
    store: &SqlStore,
    domain: &str,
    page: Page,
) -> Result<Rows<Observation>, StoreError> {
    let Some(number) = store.find_domain(domain)? else { return Ok(Rows { rows: Vec::new(), next: None }) };
    let mut statement = store.connection.prepare_cached(
        "SELECT id, at, verdict, confidence, diagnosis FROM observation WHERE domain = ?1 AND id < ?2
         ORDER BY id DESC LIMIT ?3",
    )?;
    let before = page.after.map_or(i64::MAX, |cursor| cursor.id);
    let mut rows = statement.query(params![number, before, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let observation = Observation {
            id,
            domain: domain.to_owned(),
            at: time(row.get(1)?)?,
            verdict: word("the verdict", &row.get::<String>(2)?)?,
            confidence: word("the confidence", &row.get::<String>(3)?)?,
            diagnosis: json("the diagnosis", &row.get::<String>(4)?)?,
        };
        found.push((Cursor { key: 0, id }, observation));
    }
    Ok(cut_to_page(found, page))
}
