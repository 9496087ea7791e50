use abprall_mail::Reason;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rusqlite::{OptionalExtension, Row, params};

use super::SqliteStore;
use super::column::{count, word};
use crate::{DomainRow, HostRow, Period, ReasonRow, Stopped, StoreError, Summary};

/// The days that a summary is about, and how long its lists may be.
pub(super) struct Window {
    pub(super) first_day: i64,
    pub(super) last_day: i64,
    pub(super) rows_max: u32,
}

impl Window {
    pub(super) fn of(period: Period, rows_max: u32) -> Self {
        Self {
            first_day: period.since.map_or(i64::MIN, day_of),
            last_day: period.until.map_or(i64::MAX, day_of),
            rows_max,
        }
    }
}

/// Reads the roll-ups, not the reports.
pub(super) fn summary(
    store: &SqliteStore,
    period: Period,
    at: Timestamp,
    rows_max: u32,
) -> Result<Summary, StoreError> {
    let window = Window::of(period, rows_max);
    Ok(Summary {
        messages: store.total("messages")?,
        messages_without_report: store.total("messages_without_report")?,
        days: store.days(&window)?,
        stopped: stopped(store, at)?,
        reasons: store.rows(
            "SELECT kind, reason, bounce_type, outcome, sum(reports) AS n FROM daily_total WHERE day BETWEEN ?1 AND ?2
             GROUP BY kind, reason, bounce_type, outcome ORDER BY n DESC, kind, reason LIMIT ?3",
            &Window { rows_max: u32::MAX, ..window },
            reason_row,
        )?,
        domains: store.rows(DOMAINS, &window, domain_row)?,
        domains_total: store.failing(
            "SELECT count(DISTINCT domain) FROM daily WHERE day BETWEEN ?1 AND ?2 AND kind = 'failed' AND domain > 0",
            &window,
        )?,
        hosts: store.rows(HOSTS, &window, host_row)?,
        hosts_total: store.failing(
            "SELECT count(DISTINCT host) FROM daily WHERE day BETWEEN ?1 AND ?2 AND kind = 'failed' AND host > 0",
            &window,
        )?,
    })
}

/// The sums, without what is over.
pub(super) fn stopped(store: &SqliteStore, at: Timestamp) -> Result<Stopped, StoreError> {
    let over = |kind: i64, stop: Option<&str>| -> Result<u64, StoreError> {
        let number = store
            .connection
            .prepare_cached(
                "SELECT count(*) FROM stop WHERE until IS NOT NULL AND until <= ?1 AND kind = ?2
                     AND (?3 IS NULL OR stop = ?3)",
            )?
            .query_row(params![at.as_microsecond(), kind, stop], |row| row.get(0))?;
        Ok(count(number))
    };
    Ok(Stopped {
        addresses_suppressed: store.total("suppressed")?.saturating_sub(over(0, Some("suppression"))?),
        addresses_held: store.total("held")?.saturating_sub(over(0, Some("hold"))?),
        domains_stopped: store.total("domains")?.saturating_sub(over(1, None)?),
    })
}

impl SqliteStore {
    pub(super) fn total(&self, name: &str) -> Result<u64, StoreError> {
        let value: Option<i64> = self
            .connection
            .prepare_cached("SELECT value FROM total WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(count(value.unwrap_or(0)))
    }

    fn days(&self, window: &Window) -> Result<Option<(Date, Date)>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached("SELECT min(day), max(day) FROM daily_total WHERE day BETWEEN ?1 AND ?2")?
            .query_row([window.first_day, window.last_day], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(first.zip(last).map(|(first, last)| (date_of(first), date_of(last))))
    }

    pub(super) fn failing(&self, sql: &str, window: &Window) -> Result<u64, StoreError> {
        let number = self
            .connection
            .prepare_cached(sql)?
            .query_row([window.first_day, window.last_day], |row| row.get(0))?;
        Ok(count(number))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        window: &Window,
        read: fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![window.first_day, window.last_day, window.rows_max])?;
        let mut read_rows = Vec::new();
        while let Some(row) = rows.next()? {
            read_rows.push(read(row)?);
        }
        Ok(read_rows)
    }
}

/// The reasons of party `recipient_domain` and `route`.
macro_rules! route_reasons {
    () => {
        "'domain_not_found', 'no_mail_route', 'null_mx', 'domain_owner_changed', 'routing_server_failure', 'dns_failure',
         'host_unreachable', 'connection_lost', 'routing_loop', 'congestion', 'tls_failure', 'relay_denied', 'delivery_expired'"
    };
}
pub(super) use route_reasons;

/// Failures by domain; of each domain the most frequent reason.
const DOMAINS: &str = concat!(
    "
    WITH sorts AS (
        SELECT domain, reason, sum(reports) AS n FROM daily
        WHERE day BETWEEN ?1 AND ?2 AND kind = 'failed' AND domain > 0 GROUP BY domain, reason
    ), top AS (
        SELECT domain, sum(n) AS failures, sum(CASE WHEN reason IN (",
    route_reasons!(),
    ") THEN n ELSE 0 END) AS route_failures
        FROM sorts GROUP BY domain ORDER BY failures DESC, domain LIMIT ?3
    )
    SELECT domain.name, failures, route_failures,
        coalesce((SELECT addresses FROM domain_state WHERE domain_state.domain = top.domain), 0),
        coalesce((SELECT held + suppressed FROM domain_state WHERE domain_state.domain = top.domain), 0),
        (SELECT reason FROM sorts WHERE sorts.domain = top.domain ORDER BY n DESC, reason LIMIT 1)
    FROM top JOIN domain ON domain.id = top.domain ORDER BY failures DESC, domain.name"
);

/// Failures by the server that spoke.
const HOSTS: &str = "
    WITH sorts AS (
        SELECT host, reason, sum(reports) AS n FROM daily
        WHERE day BETWEEN ?1 AND ?2 AND kind = 'failed' AND host > 0 GROUP BY host, reason
    ), top AS (
        SELECT host, sum(n) AS failures FROM sorts GROUP BY host ORDER BY failures DESC, host LIMIT ?3
    )
    SELECT host.name, failures,
        (SELECT count(DISTINCT domain) FROM daily WHERE daily.host = top.host AND day BETWEEN ?1 AND ?2 AND kind = 'failed'),
        (SELECT reason FROM sorts WHERE sorts.host = top.host ORDER BY n DESC, reason LIMIT 1)
    FROM top JOIN host ON host.id = top.host ORDER BY failures DESC, host.name";

fn reason_row(row: &Row<'_>) -> Result<ReasonRow, StoreError> {
    let reason: Reason = word("the reason", &row.get::<_, String>(1)?)?;
    Ok(ReasonRow {
        kind: word("the kind", &row.get::<_, String>(0)?)?,
        reason,
        party: reason.party(),
        bounce_type: word("the bounce type", &row.get::<_, String>(2)?)?,
        outcome: word("the outcome", &row.get::<_, String>(3)?)?,
        reports: count(row.get(4)?),
    })
}

fn domain_row(row: &Row<'_>) -> Result<DomainRow, StoreError> {
    Ok(DomainRow {
        domain: row.get(0)?,
        failures: count(row.get(1)?),
        route_failures: count(row.get(2)?),
        addresses: count(row.get(3)?),
        stopped: count(row.get(4)?),
        reason: word("the reason", &row.get::<_, String>(5)?)?,
    })
}

fn host_row(row: &Row<'_>) -> Result<HostRow, StoreError> {
    Ok(HostRow {
        host: row.get(0)?,
        failures: count(row.get(1)?),
        domains: count(row.get(2)?),
        reason: word("the reason", &row.get::<_, String>(3)?)?,
    })
}

const EPOCH: Date = date(1970, 1, 1);

pub(super) fn day_of(date: Date) -> i64 {
    // Whole days: the difference of two dates in days cannot fail nor have a rest.
    EPOCH.until(date).map_or(0, |span| i64::from(span.get_days()))
}

pub(super) fn date_of(day: i64) -> Date {
    Timestamp::from_second(day.saturating_mul(86_400))
        .map_or(EPOCH, |at| at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use abprall_mail::Party;
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn a_day_is_a_date_and_back() {
        let day = date(2026, 11, 24);
        assert_eq!(date_of(day_of(day)), day);
        assert_eq!(day_of(EPOCH), 0);
    }

    #[test]
    fn the_reasons_of_the_way_there_are_all_in_the_query() {
        for reason in Reason::iter() {
            let of_the_way = matches!(reason.party(), Party::RecipientDomain | Party::Route);
            assert_eq!(DOMAINS.contains(&format!("'{reason}'")), of_the_way, "{reason}");
        }
    }
}
