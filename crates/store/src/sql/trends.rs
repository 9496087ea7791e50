use abprall_mail::{BounceType, Party, Reason};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use strum::IntoEnumIterator;

use super::SqlStore;
use super::column::{count, time, word};
use super::load::brake_of;
use super::summary::{Days, date_of, day_of, summary};
use crate::database::{Row, Value, params};
use crate::{
    BrakeRow, DayRow, Looks, Period, ProviderRow, Recovered, RecoveryRow, RouteHostRow, StoreError, Trends,
};

/// Reads the roll-ups, not the reports.
pub(super) fn trends(
    store: &SqlStore,
    period: Period,
    at: Timestamp,
    rows_max: u32,
) -> Result<Trends, StoreError> {
    let days = Days::of(period);
    let (recoveries, recovered) = recoveries(store, period, rows_max)?;
    let route = quoted(|reason| matches!(reason.party(), Party::RecipientDomain | Party::Route));
    let (first, last) = days.in_sums();
    Ok(Trends {
        summary: summary(store, period, at, rows_max)?,
        by_day: rows(store, BY_DAY, [days.first, days.last], day_row)?,
        providers: rows(store, &providers_sql(), [first, last, rows_max.into()], provider_row)?,
        providers_total: number(store, PROVIDERS_TOTAL, [first, last])?,
        route_hosts: rows(
            store,
            &route_hosts_sql(&route),
            [days.first, days.last, rows_max.into()],
            route_host_row,
        )?,
        route_hosts_total: number(
            store,
            &format!(
                "SELECT count(DISTINCT host) FROM host_day WHERE day BETWEEN ?1 AND ?2 AND reason IN ({route})"
            ),
            [first, last],
        )?,
        addresses_known: number(store, "SELECT coalesce(sum(addresses), 0) FROM domain_state", [])?,
        recoveries,
        recovered,
        pending: number(
            store,
            "SELECT count(*) FROM decision WHERE outcome = 'pending'
                 AND NOT EXISTS (SELECT 1 FROM decision AS later WHERE later.undoes = decision.id)",
            [],
        )?,
        looks: looks(store)?,
        brakes: brakes(store)?,
    })
}

const BY_DAY: &str = "
    SELECT day, kind, reason, bounce_type, outcome, reports FROM day_reason
    WHERE day BETWEEN ?1 AND ?2 AND reports > 0 ORDER BY day, kind, reason, bounce_type, outcome";

/// Reasons for a list of SQL.
pub(super) fn quoted(is_one: impl Fn(&Reason) -> bool) -> String {
    let names: Vec<_> =
        Reason::iter().filter(is_one).map(|reason| format!("'{}'", reason.as_str())).collect();
    names.join(", ")
}

/// Failures by who runs the mail hosts, as it is known now; of each provider the most frequent reason. What is hard and what is a
/// block goes by what the reason usually is.
fn providers_sql() -> String {
    let hard = quoted(|reason| reason.usual_bounce_type() == BounceType::Hard);
    let block = quoted(|reason| reason.usual_bounce_type() == BounceType::Block);
    format!(
        "WITH sorts AS MATERIALIZED (
            SELECT coalesce(operator, name) AS provider, domain_day.domain AS of, reason, sum(domain_day.failures) AS n FROM domain_day
            JOIN domain ON domain.id = domain_day.domain LEFT JOIN domain_state ON domain_state.domain = domain_day.domain
            WHERE day BETWEEN ?1 AND ?2 GROUP BY domain_day.domain, operator, name, reason
        ), top AS (
            SELECT provider, count(DISTINCT of) AS domains, sum(n) AS failures,
                sum(iif(reason IN ({hard}), n, 0)) AS hard, sum(iif(reason IN ({block}), n, 0)) AS blocked
            FROM sorts GROUP BY provider ORDER BY failures DESC, provider LIMIT ?3
        ), reasons AS (
            SELECT provider, reason, row_number() OVER (PARTITION BY provider ORDER BY sum(n) DESC, reason) AS place
            FROM sorts WHERE provider IN (SELECT provider FROM top) GROUP BY provider, reason
        )
        SELECT top.provider, domains, failures, hard, blocked, reasons.reason FROM top
        JOIN reasons ON reasons.provider = top.provider AND place = 1 ORDER BY failures DESC, top.provider"
    )
}

const PROVIDERS_TOTAL: &str = "
    SELECT count(DISTINCT coalesce(operator, name)) FROM
        (SELECT DISTINCT domain FROM domain_day WHERE day BETWEEN ?1 AND ?2) AS failing
    JOIN domain ON domain.id = failing.domain LEFT JOIN domain_state ON domain_state.domain = failing.domain";

fn route_hosts_sql(route: &str) -> String {
    format!(
        "WITH sorts AS (
            SELECT host, reason, sum(failures) AS n, min(day) AS first, max(day) AS last FROM host_day
            WHERE day BETWEEN ?1 AND ?2 AND reason IN ({route}) GROUP BY host, reason
        ), top AS (
            SELECT host, sum(n) AS failures, min(first) AS first, max(last) AS last FROM sorts
            GROUP BY host ORDER BY failures DESC, host LIMIT ?3
        )
        SELECT host.name, failures,
            first, last, (SELECT reason FROM sorts WHERE sorts.host = top.host ORDER BY n DESC, reason LIMIT 1)
        FROM top JOIN host ON host.id = top.host ORDER BY failures DESC, host.name"
    )
}

fn rows<T, const N: usize>(
    store: &SqlStore,
    sql: &str,
    values: [i64; N],
    read: fn(Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = store.connection.prepare_cached(sql)?;
    let mut rows = statement.query(values.map(Value::from).as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

const BACK: &str = "
    SELECT domain.name, max(at) AS last, sum(iif(event IN ('canary', 'reinstated'), addresses, 0)) AS reinstated,
        sum(iif(event IN ('released', 'own_fault'), addresses, 0)) AS released
    FROM incident_event JOIN domain ON domain.id = incident_event.domain
    WHERE event IN ('released', 'own_fault', 'canary', 'reinstated') AND at >= ?1 AND at < ?2
    GROUP BY domain.id, domain.name HAVING sum(addresses) > 0 ORDER BY last DESC, domain.name";

/// The newest, and the sums of all: each domain is counted once.
fn recoveries(
    store: &SqlStore,
    period: Period,
    rows_max: u32,
) -> Result<(Vec<RecoveryRow>, Recovered), StoreError> {
    let from = period.since.map_or(i64::MIN, midnight);
    let to = period.until.and_then(|day| day.checked_add(1.day()).ok()).map_or(i64::MAX, midnight);
    let mut statement = store.connection.prepare_cached(BACK)?;
    let mut rows = statement.query(params![from, to])?;
    let (mut newest, mut all) = (Vec::new(), Recovered::default());
    while let Some(row) = rows.next()? {
        let recovery = RecoveryRow {
            domain: row.get(0)?,
            at: time(row.get(1)?)?,
            reinstated: count(row.get(2)?),
            released: count(row.get(3)?),
        };
        all.domains += 1;
        all.reinstated += recovery.reinstated;
        all.released += recovery.released;
        if newest.len() < rows_max as usize {
            newest.push(recovery);
        }
    }
    Ok((newest, all))
}

/// The newest of all looks tell whether we see anything at present: a domain that was seen last week says nothing of today's resolver.
const NEWEST_LOOKS: &str = "
    SELECT count(*), count(*) FILTER (WHERE verdict = 'vantage_blind')
    FROM (SELECT verdict FROM observation ORDER BY id DESC LIMIT 10) AS newest";

const LAST_LOOKS: &str = "
    SELECT count(*) FILTER (WHERE health_state IS NULL AND verdict IS NULL),
        count(*) FILTER (WHERE verdict = 'vantage_blind')
    FROM (SELECT health_state, (SELECT verdict FROM observation WHERE observation.domain = s.domain ORDER BY id DESC LIMIT 1) AS verdict
        FROM domain_state s WHERE route_failures > 0 OR health_state IN ('failing', 'dead', 'recovering')) AS seen";

fn looks(store: &SqlStore) -> Result<Looks, StoreError> {
    let two = |sql: &str| -> Result<(i64, i64), StoreError> {
        store.connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let ((newest, newest_blind), (not_looked, blind)) = (two(NEWEST_LOOKS)?, two(LAST_LOOKS)?);
    Ok(Looks {
        not_looked: count(not_looked),
        blind: count(blind),
        all_blind: newest > 0 && newest == newest_blind,
    })
}

fn brakes(store: &SqlStore) -> Result<Vec<BrakeRow>, StoreError> {
    let mut statement = store
        .connection
        .prepare_cached("SELECT provider, brake, incident FROM brake WHERE frozen = 1 ORDER BY provider")?;
    let mut rows = statement.query([])?;
    let mut frozen = Vec::new();
    while let Some(row) = rows.next()? {
        let brake = brake_of(&row.get::<String>(1)?)?;
        frozen.push(BrakeRow { provider: row.get(0)?, brake, incident: row.get(2)? });
    }
    Ok(frozen)
}

fn day_row(row: Row<'_>) -> Result<DayRow, StoreError> {
    let reason: Reason = word("the reason", &row.get::<String>(2)?)?;
    Ok(DayRow {
        day: date_of(row.get(0)?),
        kind: word("the kind", &row.get::<String>(1)?)?,
        reason,
        party: reason.party(),
        bounce_type: word("the bounce type", &row.get::<String>(3)?)?,
        outcome: word("the outcome", &row.get::<String>(4)?)?,
        reports: count(row.get(5)?),
    })
}

fn provider_row(row: Row<'_>) -> Result<ProviderRow, StoreError> {
    Ok(ProviderRow {
        provider: row.get(0)?,
        domains: count(row.get(1)?),
        failures: count(row.get(2)?),
        hard: count(row.get(3)?),
        blocked: count(row.get(4)?),
        reason: word("the reason", &row.get::<String>(5)?)?,
    })
}

fn route_host_row(row: Row<'_>) -> Result<RouteHostRow, StoreError> {
    Ok(RouteHostRow {
        host: row.get(0)?,
        failures: count(row.get(1)?),
        first_day: date_of(row.get(2)?),
        last_day: date_of(row.get(3)?),
        reason: word("the reason", &row.get::<String>(4)?)?,
    })
}

fn number<const N: usize>(store: &SqlStore, sql: &str, values: [i64; N]) -> Result<u64, StoreError> {
    let mut statement = store.connection.prepare_cached(sql)?;
    Ok(count(statement.query_row(values.map(Value::from).as_slice(), |row| row.get(0))?))
}

fn midnight(day: Date) -> i64 {
    day_of(day).saturating_mul(86_400_000_000)
}
