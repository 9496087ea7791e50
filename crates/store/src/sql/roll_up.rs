//! The sums that a summary reads.

use std::collections::BTreeMap;

use abprall_policy::Outcome;

use super::book::Book;
use crate::StoreError;
use crate::database::{Change, Insert, Value, each_of, row};
use crate::plan::RollUps;

pub(super) fn write(book: &Book<'_>, sums: &RollUps) -> Result<(), StoreError> {
    let rows: Vec<_> = sums
        .day_reasons
        .iter()
        .map(|((day, kind, reason, bounce_type, outcome), reports)| {
            let (bounce_type, outcome) = (bounce_type.as_str(), Outcome::as_str(*outcome));
            row![*day, kind.as_str(), reason.as_str(), bounce_type, outcome, *reports]
        })
        .collect();
    DAY_REASONS.run(book.connection, &rows)?;
    let is_less = |row: &Vec<Value<'_>>| matches!(row.last(), Some(Value::Integer(number)) if *number < 0);
    let less: Vec<_> = rows.into_iter().filter(is_less).collect();
    CLEAN_DAY_REASONS.run(book.connection, &less)?;
    for (of, add, clean) in
        [(&sums.domain_days, DOMAIN_DAYS, CLEAN_DOMAIN_DAYS), (&sums.host_days, HOST_DAYS, CLEAN_HOST_DAYS)]
    {
        let rows: Vec<_> = of
            .iter()
            .map(|((subject, day, reason), failures)| row![*subject, *day, reason.as_str(), *failures])
            .collect();
        add.run(book.connection, &rows)?;
        let less: Vec<_> = rows.into_iter().filter(is_less).collect();
        clean.run(book.connection, &less)?;
    }
    host_domains(book, sums)
}

const DAY_REASONS: Insert = Insert {
    into: "INSERT INTO day_reason (day, kind, reason, bounce_type, outcome, reports)",
    values: "?1, ?2, ?3, ?4, ?5, ?6",
    conflict: "ON CONFLICT (day, kind, reason, bounce_type, outcome)
        DO UPDATE SET reports = day_reason.reports + excluded.reports",
};

const CLEAN_DAY_REASONS: Change = Change {
    what: "DELETE FROM day_reason",
    where_: "day = ?1 AND kind = ?2 AND reason = ?3 AND bounce_type = ?4 AND outcome = ?5 AND reports <= 0 AND ?6 < 0",
};

const DOMAIN_DAYS: Insert = Insert {
    into: "INSERT INTO domain_day (domain, day, reason, failures)",
    values: "?1, ?2, ?3, ?4",
    conflict: "ON CONFLICT (domain, day, reason) DO UPDATE SET failures = domain_day.failures + excluded.failures",
};

const CLEAN_DOMAIN_DAYS: Change = Change {
    what: "DELETE FROM domain_day",
    where_: "domain = ?1 AND day = ?2 AND reason = ?3 AND failures <= 0 AND ?4 < 0",
};

const HOST_DAYS: Insert = Insert {
    into: "INSERT INTO host_day (host, day, reason, failures)",
    values: "?1, ?2, ?3, ?4",
    conflict: "ON CONFLICT (host, day, reason) DO UPDATE SET failures = host_day.failures + excluded.failures",
};

const CLEAN_HOST_DAYS: Change = Change {
    what: "DELETE FROM host_day",
    where_: "host = ?1 AND day = ?2 AND reason = ?3 AND failures <= 0 AND ?4 < 0",
};

/// A host counts the domains that are new to it.
fn host_domains(book: &Book<'_>, sums: &RollUps) -> Result<(), StoreError> {
    let pairs: Vec<_> = sums.host_domains.iter().collect();
    let rows: Vec<_> = pairs.iter().map(|((host, domain), day)| row![*host, *domain, **day]).collect();
    let mut is_known = vec![false; rows.len()];
    let sql = "SELECT day FROM host_domain WHERE host = ?1 AND domain = ?2 AND ?3 = ?3";
    each_of(book.connection, sql, &rows, &mut |place, _| {
        is_known[place] = true;
        Ok(())
    })?;
    HOST_DOMAINS.run(book.connection, &rows)?;
    let mut new: BTreeMap<i64, i64> = BTreeMap::new();
    for (((host, _), _), _) in pairs.iter().zip(&is_known).filter(|(_, is_known)| !**is_known) {
        *new.entry(*host).or_default() += 1;
    }
    let counts: Vec<_> = new.iter().map(|(host, domains)| row![*host, *domains]).collect();
    HOST_COUNTS.run(book.connection, &counts)?;
    Ok(())
}

const HOST_DOMAINS: Insert = Insert {
    into: "INSERT INTO host_domain (host, domain, day)",
    values: "?1, ?2, ?3",
    conflict: "ON CONFLICT (host, domain) DO UPDATE SET day = max(host_domain.day, excluded.day)",
};

const HOST_COUNTS: Insert = Insert {
    into: "INSERT INTO host_state (host, ip, domains)",
    values: "?1, '', ?2",
    conflict: "ON CONFLICT (host, ip) DO UPDATE SET domains = host_state.domains + excluded.domains",
};
