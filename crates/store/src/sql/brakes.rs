use abprall_mail::Reason;
use abprall_policy::{
    Brake, HardStop, HourCount, IncidentEvent, Outcome, Policy, Stop, Sweep, Usual, sweeping, unusual,
};
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, Event, NewDecision, StopKey, StopValue};
use super::column::{small, time, word_or_none};
use super::load::{brake_of, hour_count, hours_before};
use super::story::{DECISIONS, decision_of};
use super::undo::{Target, undo};
use super::write::{brake_incident, put_brake};
use crate::database::{OptionalRow, params};
use crate::page::cut_to_page;
use crate::plan::{brake_key, hour_of};
use crate::{BrakeRow, Cursor, Page, PendingRemoval, Rows, Scope, Settlement, StoreError};

pub(super) fn refresh(
    book: &mut Book<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<BrakeRow>, StoreError> {
    let mut rows = Vec::new();
    for (provider, before) in frozen(book)? {
        if provider.is_empty() {
            continue;
        }
        let hour = hour_of(now);
        let count = book
            .connection
            .prepare_cached(
                "SELECT hard, hard_known_good, delivered FROM hourly WHERE provider = ?1 AND hour = ?2",
            )?
            .query_row(params![provider, hour], |row| hour_count(row, 0, hour))
            .optional()?
            .unwrap_or(HourCount { hour, ..HourCount::default() });
        let usual = Usual::of(&hours_before(book.connection, &provider, hour)?);
        let odd = unusual(&count, &usual, &policy.brake);
        rows.push(turn(book, provider, before, before.after(odd, now, &policy.brake), now)?);
    }
    let house = frozen(book)?.into_iter().find(|(provider, _)| provider.is_empty());
    let before = house.map_or(Brake::Open, |(_, brake)| brake);
    let after = before.after(sweeping(&sweep(book, policy, now)?, &policy.brake), now, &policy.brake);
    if before.is_frozen() || after.is_frozen() {
        rows.push(turn(book, String::new(), before, after, now)?);
    }
    Ok(rows)
}

fn frozen(book: &Book<'_>) -> Result<Vec<(String, Brake)>, StoreError> {
    let mut statement =
        book.connection.prepare_cached("SELECT provider, brake FROM brake WHERE frozen = 1")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, brake_of(&row.get::<String>(1)?)?));
    }
    Ok(found)
}

/// Writes a brake and what that means for its incident.
fn turn(
    book: &Book<'_>,
    provider: String,
    before: Brake,
    after: Brake,
    now: Timestamp,
) -> Result<BrakeRow, StoreError> {
    let mut incident = brake_incident(book, &provider)?;
    let event = match (before.is_frozen(), after.is_frozen()) {
        (false, true) => Some(IncidentEvent::Frozen),
        (true, false) => Some(IncidentEvent::Thawed),
        (true, true) | (false, false) => None,
    };
    if let Some(event) = event {
        let id = match (event, incident) {
            (IncidentEvent::Thawed, Some(id)) => id,
            _ => book.incident(&brake_key(&provider), now, None)?.0,
        };
        let why = match after {
            Brake::Frozen { reason, .. } => Some(reason.as_str()),
            Brake::Open => None,
        };
        book.event(id, &Event { detail: why, ..Event::new(now, event) })?;
        incident = Some(id);
    }
    if after != before {
        put_brake(book, &provider, after, incident)?;
    }
    Ok(BrakeRow { provider, brake: after, incident })
}

/// How much of what is watched began to fail within the policy's window. What was looked at for the first time in it may have been
/// broken for years: it began nothing.
fn sweep(book: &Book<'_>, policy: &Policy, now: Timestamp) -> Result<Sweep, StoreError> {
    let window = i64::try_from(policy.brake.window.as_micros()).unwrap_or(i64::MAX);
    let since = now.as_microsecond().saturating_sub(window);
    let (domains, failing) = book.connection.prepare_cached(
        "SELECT count(*), count(*) FILTER (WHERE failing_since >= ?1 AND health_state IN ('failing', 'dead')
             AND EXISTS (SELECT 1 FROM observation WHERE observation.domain = domain_state.domain AND observation.at < ?1))
         FROM domain_state WHERE health_state IS NOT NULL",
    )?.query_row([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let providers = book.connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM domain_state WHERE health_state IS NOT NULL AND operator IS NOT NULL
             GROUP BY operator
             HAVING count(*) = count(*) FILTER (WHERE failing_since >= ?1 AND health_state IN ('failing', 'dead')
                 AND EXISTS (SELECT 1 FROM observation WHERE observation.domain = domain_state.domain AND observation.at < ?1))) AS failing",
    )?.query_row([since], |row| row.get(0))?;
    Ok(Sweep { domains: small(domains), failing: small(failing), providers_failing: small(providers) })
}

/// Pending decisions that nothing has followed yet, about addresses that nobody has lifted since.
const WAITING: &str = "decision.outcome = 'pending'
    AND NOT EXISTS (SELECT 1 FROM decision AS later WHERE later.undoes = decision.id)
    AND NOT EXISTS (SELECT 1 FROM decision AS lifted WHERE lifted.address = decision.address AND lifted.id > decision.id
        AND lifted.outcome IN ('lift', 'release', 'reinstate') AND lifted.rule <> 'rewind'
        AND coalesce(lifted.tenant, '') = coalesce(decision.tenant, '') AND coalesce(lifted.list, '') = coalesce(decision.list, ''))";

pub(super) fn pending(
    store: &SqlStore,
    incident: Option<i64>,
    page: Page,
) -> Result<Rows<PendingRemoval>, StoreError> {
    let of_incident = match incident {
        Some(_) => "decision.incident = ?1 AND decision.id > ?3 AND ?2 = ?2",
        None => "?1 IS NULL AND (decision.incident, decision.id) > (?2, ?3)",
    };
    let sql = format!(
        "{DECISIONS} WHERE {WAITING} AND {of_incident} ORDER BY decision.incident, decision.id LIMIT ?4"
    );
    let mut statement = store.connection.prepare_cached(&sql)?;
    let after = page.after.unwrap_or(Cursor { key: 0, id: 0 });
    let mut rows = statement.query(params![incident, after.key, after.id, i64::from(page.rows) + 1])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let decision = decision_of(row)?;
        let incident = decision.incident.unwrap_or(0);
        found.push((Cursor { key: incident, id: decision.id }, PendingRemoval { incident, decision }));
    }
    Ok(cut_to_page(found, page))
}

struct Waiting {
    decision: i64,
    key: StopKey,
    report: Option<i64>,
    reason: Option<Reason>,
    until: Option<Timestamp>,
}

pub(super) fn settle(
    book: &mut Book<'_>,
    incident: i64,
    settlement: Settlement,
    at: Timestamp,
    note: Option<&str>,
) -> Result<u64, StoreError> {
    let waiting = waiting(book, incident)?;
    for removal in &waiting {
        let (outcome, rule) = match settlement {
            Settlement::Apply => (Outcome::Suppress, "brake-applied"),
            Settlement::Drop => (Outcome::Drop, "brake-dropped"),
        };
        let new = NewDecision {
            report: removal.report,
            reason: removal.reason,
            rule,
            note,
            tenant: &removal.key.tenant,
            list: &removal.key.list,
            undoes: Some(removal.decision),
            incident: Some(incident),
            until: removal.until.filter(|_| settlement == Settlement::Apply),
            ..NewDecision::about(Scope::Address, removal.key.subject, at, outcome)
        };
        match settlement {
            Settlement::Apply => {
                let decision = book.decide(&new)?;
                let reason = removal.reason.unwrap_or(Reason::Undetermined);
                let there = book.stop_of(&removal.key)?;
                let new = HardStop { stop: Stop::Suppression, reason, until: removal.until };
                let harder = |known: &StopValue| {
                    known.until.is_none_or(|until| until > at) && known.hard().outweighs(&new)
                };
                if !there.as_ref().is_some_and(harder) {
                    let value = StopValue {
                        stop: Stop::Suppression,
                        reason,
                        since: at,
                        until: removal.until,
                        decision,
                    };
                    book.put_stop_after(&removal.key, &value, there.map(|stop| stop.stop))?;
                }
            }
            Settlement::Drop => {
                undo(book, &Target { decision: removal.decision, key: removal.key.clone() }, &new)?;
            }
        }
    }
    if !waiting.is_empty() {
        let event = match settlement {
            Settlement::Apply => IncidentEvent::PendingApplied,
            Settlement::Drop => IncidentEvent::PendingDropped,
        };
        let event = Event { addresses: waiting.len() as u64, detail: note, ..Event::new(at, event) };
        book.event(incident, &event)?;
    }
    Ok(waiting.len() as u64)
}

fn waiting(book: &Book<'_>, incident: i64) -> Result<Vec<Waiting>, StoreError> {
    let sql = format!(
        "SELECT id, address, report, reason, until, coalesce(tenant, ''), coalesce(list, '') FROM decision
         WHERE incident = ?1 AND address IS NOT NULL AND {WAITING} ORDER BY id"
    );
    let mut statement = book.connection.prepare_cached(&sql)?;
    let mut rows = statement.query([incident])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let key =
            StopKey { scope: Scope::Address, subject: row.get(1)?, tenant: row.get(5)?, list: row.get(6)? };
        let reason: Option<String> = row.get(3)?;
        waiting.push(Waiting {
            decision: row.get(0)?,
            key,
            report: row.get(2)?,
            reason: word_or_none("the reason", reason.as_deref())?,
            until: row.get::<Option<i64>>(4)?.map(time).transpose()?,
        });
    }
    Ok(waiting)
}
