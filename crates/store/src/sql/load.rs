//! Loads what a plan needs to know.

use std::collections::{BTreeSet, HashMap};

use abprall_policy::{Brake, Day, HardStop, HourCount, Ledger, Strike};
use jiff::Timestamp;

use super::book::Book;
use super::column::{small, time, word};
use crate::StoreError;
use crate::database::{Connection, Row, Value, each_of, params, row};
use crate::plan::{
    AddressContext, BrakeContext, Context, DomainContext, Gathered, Rare, Removal, StopContext, USUAL_HOURS,
    hour_of,
};

pub(super) fn load(book: &mut Book<'_>, gathered: &Gathered<'_>) -> Result<Context, StoreError> {
    let next = |table: &str| -> Result<i64, StoreError> {
        let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {table}");
        book.connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
    };
    let mut context =
        Context { first_report: next("report")?, first_decision: next("decision")?, ..Context::default() };
    let domains = book.domains(&borrowed(&gathered.names.domains))?;
    context.hosts = book.hosts(&borrowed(&gathered.names.hosts))?;
    let keys: Vec<_> = gathered.names.addresses.iter().map(|(key, place)| (key, domains[*place])).collect();
    let addresses = book.addresses(&keys)?;
    context.domains = domain_contexts(book.connection, &domains, &gathered.names.domains)?;
    let ids: Vec<_> = addresses.iter().map(|known| row![known.id]).collect();
    let mut ledgers = ledgers(book.connection, &ids)?;
    let mut stops = stops(book.connection, &ids)?;
    for (place, (key, domain)) in gathered.names.addresses.iter().enumerate() {
        context.addresses.push(AddressContext {
            id: addresses[place].id,
            is_erased: addresses[place].is_erased,
            hash: key.fingerprint(book.seed).cast_signed(),
            domain: *domain,
            ledger: std::mem::take(&mut ledgers[place]),
            stops: std::mem::take(&mut stops[place]),
        });
    }
    let mut hours = BTreeSet::new();
    let mut failure_keys: BTreeSet<i64> = BTreeSet::new();
    for entry in &gathered.entries {
        failure_keys.extend(entry.failure_keys.iter().flat_map(|key| &key.near));
        if let Some(address) = entry.address {
            let domain = &context.domains[context.addresses[address].domain];
            hours.insert((domain.provider().to_owned(), hour_of(entry.happened_at)));
        }
    }
    let failure_keys: Vec<_> = failure_keys.into_iter().map(|key| row![key]).collect();
    let sql = "SELECT key, outcome FROM failure WHERE key = ?1";
    each_of(book.connection, sql, &failure_keys, &mut |_, row| {
        context.failures.insert(row.get(0)?, word("the outcome", &row.get::<String>(1)?)?);
        Ok(())
    })?;
    context.brakes = brakes(book.connection)?;
    let asked: Vec<_> = hours.iter().map(|(provider, hour)| row![provider.as_str(), *hour]).collect();
    let sql = "SELECT hard, hard_known_good, delivered, provider, hour FROM hourly WHERE provider = ?1 AND hour = ?2";
    each_of(book.connection, sql, &asked, &mut |_, row| {
        let hour = row.get(4)?;
        context.hours.insert((row.get(3)?, hour), hour_count(row, 0, hour)?);
        Ok(())
    })?;
    Ok(context)
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Providers that are frozen: a few. The others are open.
fn brakes(connection: &Connection) -> Result<HashMap<String, BrakeContext>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT provider, brake FROM brake WHERE frozen = 1")?;
    let rows = statement.query_map([], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
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

fn domain_contexts(
    connection: &Connection,
    ids: &[i64],
    names: &[String],
) -> Result<Vec<DomainContext>, StoreError> {
    let asked: Vec<_> = ids.iter().map(|id| row![*id]).collect();
    let mut contexts: Vec<_> = ids
        .iter()
        .zip(names)
        .map(|(id, name)| DomainContext {
            id: *id,
            name: name.clone(),
            operator: None,
            incident: None,
            is_down: false,
        })
        .collect();
    let states = "SELECT operator, health_state FROM domain_state WHERE domain = ?1";
    each_of(connection, states, &asked, &mut |place, row| {
        contexts[place].operator = row.get(0)?;
        let health: Option<String> = row.get(1)?;
        contexts[place].is_down = matches!(health.as_deref(), Some("failing" | "dead"));
        Ok(())
    })?;
    // By the domain first, then each incident by its number, whatever a planner knows of the tables.
    let incidents = "SELECT incident, (SELECT key FROM incident WHERE incident.id = incident_domain.incident
             AND closed_at IS NULL AND key NOT LIKE 'brake:%') AS key
         FROM incident_domain WHERE domain = ?1";
    let mut oldest = vec![i64::MAX; ids.len()];
    each_of(connection, incidents, &asked, &mut |place, row| {
        let (incident, key): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        if key.is_some() && incident < oldest[place] {
            oldest[place] = incident;
            contexts[place].incident = key;
        }
        Ok(())
    })?;
    Ok(contexts)
}

fn ledgers(connection: &Connection, addresses: &[Vec<Value<'_>>]) -> Result<Vec<Ledger>, StoreError> {
    let mut delivered = vec![None; addresses.len()];
    let sql = "SELECT day FROM delivery WHERE address = ?1";
    each_of(connection, sql, addresses, &mut |place, row| {
        delivered[place] = Some(Day(row.get(0)?));
        Ok(())
    })?;
    let mut strikes: Vec<Vec<Strike>> = vec![Vec::new(); addresses.len()];
    let sql = "SELECT day, reason FROM strike WHERE address = ?1";
    each_of(connection, sql, addresses, &mut |place, row| {
        let reason = word("the reason", &row.get::<String>(1)?)?;
        strikes[place].push(Strike { day: Day(row.get(0)?), reason });
        Ok(())
    })?;
    let ledgers = strikes.into_iter().zip(delivered).map(|(mut strikes, delivered)| {
        strikes.sort_by_key(|strike| strike.day);
        Ledger::new(strikes, delivered)
    });
    Ok(ledgers.collect())
}

fn stops(connection: &Connection, addresses: &[Vec<Value<'_>>]) -> Result<Vec<Vec<StopContext>>, StoreError> {
    let mut stops: Vec<Vec<StopContext>> = addresses.iter().map(|_| Vec::new()).collect();
    let sql = "SELECT tenant, list, stop, reason, until FROM stop WHERE kind = 0 AND subject = ?1";
    each_of(connection, sql, addresses, &mut |place, row| {
        let hard = HardStop {
            stop: word("the stop", &row.get::<String>(2)?)?,
            reason: word("the reason", &row.get::<String>(3)?)?,
            until: row.get::<Option<i64>>(4)?.map(time).transpose()?,
        };
        stops[place].push(StopContext { tenant: row.get(0)?, list: row.get(1)?, hard });
        Ok(())
    })?;
    Ok(stops)
}

pub(super) fn hour_count(row: Row<'_>, first: usize, hour: i64) -> Result<HourCount, StoreError> {
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
    rows.collect::<Result<_, _>>()
}

/// The rare questions, asked of the database.
pub(super) struct Asking<'a> {
    pub(super) connection: &'a Connection,
}

/// The domains of a provider: those whose mail it takes, or the one of that name.
const PROVIDER_DOMAINS: &str = "WITH provider_domain AS (
    SELECT domain AS id FROM domain_state WHERE operator = ?1
    UNION SELECT domain.id FROM domain LEFT JOIN domain_state ON domain_state.domain = domain.id
    WHERE domain.name = ?1 AND domain_state.operator IS NULL)";

/// So many suppressed addresses of a provider are gone through faster than all decisions of an hour.
const SUPPRESSED_SMALL: i64 = 20_000;

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
        let suppressed: i64 = self
            .connection
            .prepare_cached(&format!(
                "{PROVIDER_DOMAINS} SELECT coalesce(sum(suppressed), 0) FROM provider_domain
                 JOIN domain_state ON domain_state.domain = provider_domain.id"
            ))?
            .query_row([provider], |row| row.get(0))?;
        // From the side with fewer rows. SQLite takes tables that are joined by CROSS in this order.
        let tables = if suppressed <= SUPPRESSED_SMALL {
            "provider_domain CROSS JOIN stop CROSS JOIN decision CROSS JOIN report CROSS JOIN address"
        } else {
            "decision CROSS JOIN stop CROSS JOIN report CROSS JOIN address CROSS JOIN provider_domain"
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "{PROVIDER_DOMAINS}
             SELECT decision.id, decision.report, address.id, address.domain, address.hash, stop.reason, stop.until,
                 stop.tenant, stop.list
             FROM {tables}
             WHERE stop.kind = 0 AND stop.domain = provider_domain.id AND stop.stop = 'suppression'
                 AND decision.id = stop.decision AND decision.address = stop.subject AND decision.taken_at >= ?2
                 AND report.id = decision.report AND report.kind = 'failed'
                 AND report.happened_at >= ?3 AND report.happened_at < ?4
                 AND address.id = stop.subject"
        ))?;
        let hour = 3_600_000_000;
        let mut rows = statement.query(params![
            provider,
            now.as_microsecond().saturating_sub(hour),
            first_hour * hour,
            (last_hour + 1) * hour,
        ])?;
        let mut removals = Vec::new();
        while let Some(row) = rows.next()? {
            removals.push(Removal {
                decision: row.get(0)?,
                report: row.get(1)?,
                address: row.get(2)?,
                domain: row.get(3)?,
                hash: row.get(4)?,
                reason: word("the reason", &row.get::<String>(5)?)?,
                until: row.get::<Option<i64>>(6)?.map(time).transpose()?,
                tenant: row.get(7)?,
                list: row.get(8)?,
            });
        }
        Ok(removals)
    }
}
