//! Loads what a plan needs to know.

use std::collections::{BTreeSet, HashMap};

use abprall_policy::{Brake, Day, HourCount, Ledger, Strike};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::book::Book;
use super::column::{small, time, word};
use crate::StoreError;
use crate::plan::{
    AddressContext, BrakeContext, Context, DomainContext, Gathered, HardStop, Rare, Removal, StopContext,
    USUAL_HOURS, hour_of,
};

pub(super) fn load(book: &mut Book<'_>, gathered: &Gathered<'_>) -> Result<Context, StoreError> {
    let next = |table: &str| -> Result<i64, StoreError> {
        let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {table}");
        Ok(book.connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
    };
    let mut context =
        Context { first_report: next("report")?, first_decision: next("decision")?, ..Context::default() };
    for name in &gathered.names.domains {
        let id = book.domain(name)?;
        context.domains.push(domain(book.connection, id, name)?);
    }
    for name in &gathered.names.hosts {
        context.hosts.push(book.host(name)?);
    }
    for (key, place) in &gathered.names.addresses {
        let known = book.address(key, context.domains[*place].id)?;
        let id = known.id;
        context.addresses.push(AddressContext {
            id,
            is_erased: known.is_erased,
            hash: key.fingerprint(book.seed).cast_signed(),
            domain: *place,
            ledger: ledger(book.connection, id)?,
            stops: stops(book.connection, id)?,
        });
    }
    let mut hours = BTreeSet::new();
    for entry in &gathered.entries {
        for key in &entry.failure_keys {
            let outcome = book
                .connection
                .prepare_cached("SELECT outcome FROM failure WHERE key = ?1")?
                .query_row([key], |row| row.get::<_, String>(0))
                .optional()?;
            if let Some(outcome) = outcome {
                context.failures.insert(*key, word("the outcome", &outcome)?);
            }
        }
        if let Some(address) = entry.address {
            let domain = &context.domains[context.addresses[address].domain];
            hours.insert((domain.provider().to_owned(), hour_of(entry.happened_at)));
        }
    }
    context.brakes = brakes(book.connection)?;
    for (provider, hour) in hours {
        let count = book
            .connection
            .prepare_cached(
                "SELECT hard, hard_known_good, delivered FROM hourly WHERE provider = ?1 AND hour = ?2",
            )?
            .query_row(params![provider, hour], |row| hour_count(row, 0, hour))
            .optional()?;
        if let Some(count) = count {
            context.hours.insert((provider, hour), count);
        }
    }
    Ok(context)
}

/// Providers that are frozen: a few. The others are open.
fn brakes(connection: &Connection) -> Result<HashMap<String, BrakeContext>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT provider, brake FROM brake WHERE frozen = 1")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut brakes = HashMap::new();
    for row in rows {
        let (provider, text) = row?;
        brakes.insert(provider, BrakeContext { brake: brake_of(&text)? });
    }
    Ok(brakes)
}

pub(super) fn brake_of(text: &str) -> Result<Brake, StoreError> {
    serde_json::from_str(text)
        .map_err(|_| StoreError::UnknownWord { what: "the brake", value: text.to_owned() })
}

fn domain(connection: &Connection, id: i64, name: &str) -> Result<DomainContext, StoreError> {
    let state = connection
        .prepare_cached("SELECT operator, health_state FROM domain_state WHERE domain = ?1")?
        .query_row([id], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)))
        .optional()?;
    let incident = connection
        .prepare_cached(
            "SELECT key FROM incident_domain JOIN incident ON incident.id = incident_domain.incident
             WHERE domain = ?1 AND closed_at IS NULL AND key NOT LIKE 'brake:%' ORDER BY incident.id LIMIT 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let (operator, health) = state.unwrap_or_default();
    let is_down = matches!(health.as_deref(), Some("failing" | "dead"));
    Ok(DomainContext { id, name: name.to_owned(), operator, incident, is_down })
}

fn ledger(connection: &Connection, address: i64) -> Result<Ledger, StoreError> {
    let delivered = connection
        .prepare_cached("SELECT day FROM delivery WHERE address = ?1")?
        .query_row([address], |row| row.get(0))
        .optional()?;
    let mut statement =
        connection.prepare_cached("SELECT day, reason FROM strike WHERE address = ?1 ORDER BY day")?;
    let mut rows = statement.query([address])?;
    let mut strikes = Vec::new();
    while let Some(row) = rows.next()? {
        let reason: String = row.get(1)?;
        strikes.push(Strike { day: Day(row.get(0)?), reason: word("the reason", &reason)? });
    }
    Ok(Ledger::new(strikes, delivered.map(Day)))
}

fn stops(connection: &Connection, address: i64) -> Result<Vec<StopContext>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tenant, list, stop, reason, until FROM stop WHERE kind = 0 AND subject = ?1",
    )?;
    let mut rows = statement.query([address])?;
    let mut stops = Vec::new();
    while let Some(row) = rows.next()? {
        let hard = HardStop {
            stop: word("the stop", &row.get::<_, String>(2)?)?,
            reason: word("the reason", &row.get::<_, String>(3)?)?,
            until: row.get::<_, Option<i64>>(4)?.map(time).transpose()?,
        };
        stops.push(StopContext { tenant: row.get(0)?, list: row.get(1)?, hard });
    }
    Ok(stops)
}

pub(super) fn hour_count(row: &rusqlite::Row<'_>, first: usize, hour: i64) -> rusqlite::Result<HourCount> {
    Ok(HourCount {
        hour,
        hard: small(row.get(first)?),
        hard_known_good: small(row.get(first + 1)?),
        delivered: small(row.get(first + 2)?),
    })
}

pub(super) fn hours_before(
    connection: &Connection,
    provider: &str,
    hour: i64,
) -> Result<Vec<HourCount>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hard, hard_known_good, delivered, hour FROM hourly
         WHERE provider = ?1 AND hour >= ?2 AND hour < ?3 AND frozen = 0",
    )?;
    let rows = statement.query_map(params![provider, hour - USUAL_HOURS, hour], |row| {
        let hour = row.get(3)?;
        hour_count(row, 0, hour)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The rare questions, asked of the database.
pub(super) struct Asking<'a> {
    pub(super) connection: &'a Connection,
}

impl Rare for Asking<'_> {
    fn hours_before(&mut self, provider: &str, hour: i64) -> Result<Vec<HourCount>, StoreError> {
        hours_before(self.connection, provider, hour)
    }

    fn removals(
        &mut self,
        provider: &str,
        first_hour: i64,
        last_hour: i64,
        now: Timestamp,
    ) -> Result<Vec<Removal>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT decision.id, decision.report, address.id, address.domain, address.hash, stop.reason, stop.until,
                 stop.tenant, stop.list
             FROM decision
             JOIN report ON report.id = decision.report
             JOIN stop ON stop.kind = 0 AND stop.subject = decision.address AND stop.decision = decision.id
             JOIN address ON address.id = decision.address
             JOIN domain ON domain.id = address.domain
             LEFT JOIN domain_state ON domain_state.domain = domain.id
             WHERE decision.taken_at >= ?1 AND stop.stop = 'suppression' AND report.kind = 'failed'
                 AND report.happened_at >= ?2 AND report.happened_at < ?3
                 AND coalesce(domain_state.operator, domain.name) = ?4",
        )?;
        let hour = 3_600_000_000;
        let mut rows = statement.query(params![
            now.as_microsecond().saturating_sub(hour),
            first_hour * hour,
            (last_hour + 1) * hour,
            provider
        ])?;
        let mut removals = Vec::new();
        while let Some(row) = rows.next()? {
            removals.push(Removal {
                decision: row.get(0)?,
                report: row.get(1)?,
                address: row.get(2)?,
                domain: row.get(3)?,
                hash: row.get(4)?,
                reason: word("the reason", &row.get::<_, String>(5)?)?,
                until: row.get::<_, Option<i64>>(6)?.map(time).transpose()?,
                tenant: row.get(7)?,
                list: row.get(8)?,
            });
        }
        Ok(removals)
    }
}
