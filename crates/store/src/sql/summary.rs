use std::collections::BTreeMap;

use abprall_mail::{Party, Reason};
use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::SqlStore;
use super::column::{count, word};
use crate::database::{OptionalRow, Row, each_of, params, row};
use crate::limits::{CANDIDATES_AT_ONCE, CANDIDATES_MAX};
use crate::{DomainRow, HostRow, Period, ReasonRow, Stopped, StoreError, Summary};

/// Reads the roll-ups, not the reports.
pub(super) fn summary(
    store: &SqlStore,
    period: Period,
    at: Timestamp,
    rows_max: u32,
) -> Result<Summary, StoreError> {
    let days = Days::of(period);
    Ok(Summary {
        messages: store.total("messages")?,
        messages_without_report: store.total("messages_without_report")?,
        days: store.days(days)?,
        stopped: stopped(store, at)?,
        reasons: store.reasons(days)?,
        domains: store.domain_rows(days, rows_max)?,
        domains_total: store.failing(
            days,
            "SELECT count(*) FROM domain_state WHERE failures > 0",
            "SELECT count(*) FROM domain_state WHERE coalesce(last_failure_at, 0) >= ?1",
            "SELECT count(DISTINCT domain) FROM domain_day WHERE day BETWEEN ?1 AND ?2",
        )?,
        hosts: store.host_rows(days, rows_max)?,
        hosts_total: store.failing(
            days,
            "SELECT count(*) FROM host_state WHERE failures > 0",
            "SELECT count(*) FROM host_state WHERE coalesce(last_failure_at, 0) >= ?1",
            "SELECT count(DISTINCT host) FROM host_day WHERE day BETWEEN ?1 AND ?2",
        )?,
    })
}

/// The days that a summary is about, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Days {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Days {
    /// Days before 1970 do not occur: what is told is newer.
    pub(super) fn of(period: Period) -> Self {
        Self {
            first: period.since.map_or(0, |since| day_of(since).max(0)),
            last: period.until.map_or(i64::MAX, day_of),
        }
    }

    fn are_all(self) -> bool {
        self.first == 0 && self.is_open()
    }

    fn is_open(self) -> bool {
        self.last == i64::MAX
    }

    /// The first and the last day in tables whose day -1 holds the sum of all days.
    pub(super) fn in_sums(self) -> (i64, i64) {
        if self.are_all() { (-1, -1) } else { (self.first, self.last) }
    }
}

/// The sums, without what is over.
pub(super) fn stopped(store: &SqlStore, at: Timestamp) -> Result<Stopped, StoreError> {
    let over = |kind: i64, stop: Option<&str>| -> Result<u64, StoreError> {
        let number = store
            .connection
            .prepare_cached(
                "SELECT count(*) FROM stop WHERE until IS NOT NULL AND until <= ?1 AND +kind = ?2
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

impl SqlStore {
    fn total(&self, name: &str) -> Result<u64, StoreError> {
        let value: Option<i64> = self
            .connection
            .prepare_cached("SELECT value FROM total WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(count(value.unwrap_or(0)))
    }

    fn days(&self, days: Days) -> Result<Option<(Date, Date)>, StoreError> {
        let end = |sql: &str| -> Result<Option<i64>, StoreError> {
            self.connection.prepare_cached(sql)?.query_row([days.first, days.last], |row| row.get(0))
        };
        let first = end("SELECT min(day) FROM day_reason WHERE day BETWEEN ?1 AND ?2")?;
        let last = end("SELECT max(day) FROM day_reason WHERE day BETWEEN ?1 AND ?2")?;
        Ok(first.zip(last).map(|(first, last)| (date_of(first), date_of(last))))
    }

    fn reasons(&self, days: Days) -> Result<Vec<ReasonRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, reason, bounce_type, outcome, sum(reports) AS n FROM day_reason WHERE day BETWEEN ?1 AND ?2
             GROUP BY kind, reason, bounce_type, outcome ORDER BY n DESC, kind, reason",
        )?;
        let mut rows = statement.query([days.first, days.last])?;
        let mut reasons = Vec::new();
        while let Some(row) = rows.next()? {
            reasons.push(reason_row(row)?);
        }
        Ok(reasons)
    }

    fn failing(&self, days: Days, all: &str, since: &str, between: &str) -> Result<u64, StoreError> {
        let number = if days.are_all() {
            self.connection.prepare_cached(all)?.query_row([], |row| row.get(0))?
        } else if !days.is_open() {
            self.connection.prepare_cached(between)?.query_row([days.first, days.last], |row| row.get(0))?
        } else {
            let first = days.first.saturating_mul(DAY_MICROS);
            self.connection.prepare_cached(since)?.query_row([first], |row| row.get(0))?
        };
        Ok(count(number))
    }

    fn domain_rows(&self, days: Days, rows_max: u32) -> Result<Vec<DomainRow>, StoreError> {
        let top = self.top(
            days,
            rows_max,
            "SELECT domain, failures FROM domain_state WHERE failures > 0 ORDER BY failures DESC, domain DESC LIMIT ?1",
            "SELECT reason, failures FROM domain_day WHERE domain = ?1 AND day = -1",
            "SELECT reason, failures FROM domain_day WHERE domain = ?1 AND day BETWEEN ?2 AND ?3",
        )?;
        let mut rows = Vec::with_capacity(top.len());
        let mut statement = self.connection.prepare_cached(
            "SELECT name, addresses, held + suppressed FROM domain JOIN domain_state ON domain_state.domain = domain.id
             WHERE domain.id = ?1",
        )?;
        for found in top {
            let of_the_way = |reason: Reason| matches!(reason.party(), Party::RecipientDomain | Party::Route);
            let route = found.reasons.iter().filter(|(reason, _)| of_the_way(**reason));
            rows.push(statement.query_row([found.number], |row| {
                Ok(DomainRow {
                    domain: row.get(0)?,
                    failures: found.failures(),
                    route_failures: route.map(|(_, failures)| failures).sum(),
                    addresses: count(row.get(1)?),
                    stopped: count(row.get(2)?),
                    reason: found.most_frequent(),
                })
            })?);
        }
        rows.sort_by(|one, other| other.failures.cmp(&one.failures).then(one.domain.cmp(&other.domain)));
        Ok(rows)
    }

    fn host_rows(&self, days: Days, rows_max: u32) -> Result<Vec<HostRow>, StoreError> {
        let top = self.top(
            days,
            rows_max,
            "SELECT host, failures FROM host_state WHERE failures > 0 ORDER BY failures DESC, id DESC LIMIT ?1",
            "SELECT reason, failures FROM host_day WHERE host = ?1 AND day = -1",
            "SELECT reason, failures FROM host_day WHERE host = ?1 AND day BETWEEN ?2 AND ?3",
        )?;
        let mut rows = Vec::with_capacity(top.len());
        let mut named = self.connection.prepare_cached(
            "SELECT name, domains FROM host JOIN host_state ON host_state.host = host.id AND ip = '' WHERE host.id = ?1",
        )?;
        let mut lately = self
            .connection
            .prepare_cached("SELECT count(*) FROM host_domain WHERE host = ?1 AND day >= ?2")?;
        for found in top {
            let (host, all): (String, i64) =
                named.query_row([found.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let domains = if days.are_all() {
                Some(all)
            } else if days.is_open() {
                Some(lately.query_row([found.number, days.first], |row| row.get(0))?)
            } else {
                None
            };
            rows.push(HostRow {
                host,
                failures: found.failures(),
                domains: domains.map(count),
                reason: found.most_frequent(),
            });
        }
        rows.sort_by(|one, other| other.failures.cmp(&one.failures).then(one.host.cmp(&other.host)));
        Ok(rows)
    }

    /// Those with the most failures in these days. Nobody has more in some days than in all: whoever stands behind in the list of
    /// all days need not be asked.
    fn top(
        &self,
        days: Days,
        rows_max: u32,
        by_all_days: &str,
        all: &str,
        since: &str,
    ) -> Result<Vec<Found>, StoreError> {
        let wanted = rows_max as usize;
        let mut top: Vec<Found> = Vec::new();
        let mut statement = self.connection.prepare_cached(by_all_days)?;
        let candidates: Vec<(i64, u64)> = statement
            .query_map([CANDIDATES_MAX], |row| Ok((row.get(0)?, count(row.get(1)?))))?
            .collect::<Result<_, _>>()?;
        // Several at a time, and more the longer it takes: each call to a server costs more than what it does.
        let (mut rest, mut size) = (candidates.as_slice(), CANDIDATES_AT_ONCE);
        while !rest.is_empty() {
            let (candidates, later) = rest.split_at(size.min(rest.len()));
            (rest, size) = (later, size * 2);
            let is_full = top.len() >= wanted;
            let least = top.last().map_or(0, Found::failures);
            if wanted == 0 || (is_full && candidates.first().is_none_or(|(_, at_most)| least >= *at_most)) {
                break;
            }
            for found in self.found(candidates, days, all, since)? {
                if found.failures() > 0 {
                    let place = top.partition_point(|known| known.failures() >= found.failures());
                    top.insert(place, found);
                    top.truncate(wanted);
                }
            }
        }
        Ok(top)
    }

    fn found(
        &self,
        candidates: &[(i64, u64)],
        days: Days,
        all: &str,
        since: &str,
    ) -> Result<Vec<Found>, StoreError> {
        let mut found: Vec<_> = candidates
            .iter()
            .map(|(number, _)| Found { number: *number, reasons: BTreeMap::new() })
            .collect();
        let (sql, asked): (_, Vec<_>) = if days.are_all() {
            (all, candidates.iter().map(|(number, _)| row![*number]).collect())
        } else {
            (since, candidates.iter().map(|(number, _)| row![*number, days.first, days.last]).collect())
        };
        each_of(&self.connection, sql, &asked, &mut |place, row| {
            let reason = word("the reason", &row.get::<String>(0)?)?;
            *found[place].reasons.entry(reason).or_default() += count(row.get(1)?);
            Ok(())
        })?;
        Ok(found)
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// A domain or host with its failures by reason.
struct Found {
    number: i64,
    reasons: BTreeMap<Reason, u64>,
}

impl Found {
    fn failures(&self) -> u64 {
        self.reasons.values().sum()
    }

    fn most_frequent(&self) -> Reason {
        let by_number = self
            .reasons
            .iter()
            .max_by(|one, other| one.1.cmp(other.1).then_with(|| other.0.as_str().cmp(one.0.as_str())));
        by_number.map_or(Reason::Undetermined, |(reason, _)| *reason)
    }
}

fn reason_row(row: Row<'_>) -> Result<ReasonRow, StoreError> {
    let reason: Reason = word("the reason", &row.get::<String>(1)?)?;
    Ok(ReasonRow {
        kind: word("the kind", &row.get::<String>(0)?)?,
        reason,
        party: reason.party(),
        bounce_type: word("the bounce type", &row.get::<String>(2)?)?,
        outcome: word("the outcome", &row.get::<String>(3)?)?,
        reports: count(row.get(4)?),
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
    use super::*;

    #[test]
    fn a_day_is_a_date_and_back() {
        let day = date(2026, 11, 24);
        assert_eq!(date_of(day_of(day)), day);
        assert_eq!(day_of(EPOCH), 0);
    }
}
