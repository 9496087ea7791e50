//! What a look saw, as it is kept: the observation, and how the domain and its mail hosts stand since.

use abprall_policy::HealthState;
use jiff::Timestamp;

use super::book::Book;
use super::column::to_json;
use super::work;
use crate::database::{OptionalRow, params};
use crate::{DomainUpdate, HostUpdate, NewObservation, StoreError, WorkKind};

pub(super) fn put_observation(book: &Book<'_>, domain: i64, new: &NewObservation) -> Result<i64, StoreError> {
    book.connection
        .prepare_cached(
            "INSERT INTO observation (domain, at, verdict, confidence, diagnosis) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        )?
        .query_row(params![
            domain,
            new.at.as_microsecond(),
            new.verdict.as_str(),
            new.confidence.as_str(),
            new.diagnosis
        ], |row| row.get(0))
}

/// Gives the state before. Who ran the domain while it last worked is kept beside who runs it now.
pub(super) fn put_domain(
    book: &mut Book<'_>,
    domain: i64,
    update: &DomainUpdate,
) -> Result<Option<HealthState>, StoreError> {
    let before: Option<String> = book
        .connection
        .prepare_cached("SELECT health_state FROM domain_state WHERE domain = ?1")?
        .query_row([domain], |row| row.get(0))
        .optional()?
        .flatten();
    let before = before.map(|text| super::column::word("the health", &text)).transpose()?;
    let works = matches!(update.health.state, HealthState::Healthy | HealthState::Degraded);
    let name_servers = to_json(&update.name_servers);
    book.connection
        .prepare_cached(
            "INSERT INTO domain_state (domain, health, health_state, failing_since, operator, name_servers, operator_before,
                 name_servers_before)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, iif(?7 = 1, ?5, NULL), iif(?7 = 1, ?6, NULL))
             ON CONFLICT (domain) DO UPDATE SET health = ?2, health_state = ?3, failing_since = ?4,
                 operator = coalesce(?5, domain_state.operator), name_servers = ?6,
                 operator_before = iif(?7 = 1, ?5, coalesce(domain_state.operator_before, domain_state.operator)),
                 name_servers_before = iif(?7 = 1, ?6,
                     coalesce(domain_state.name_servers_before, domain_state.name_servers))",
        )?
        .execute(params![
            domain,
            to_json(&update.health),
            update.health.state.as_str(),
            update.health.failing_since.map(Timestamp::as_microsecond),
            update.operator,
            name_servers,
            works
        ])?;
    if !update.mx_hosts.is_empty() {
        book.connection.execute("DELETE FROM domain_mx WHERE domain = ?1", [domain])?;
        for host in &update.mx_hosts {
            let host = book.host(&host.to_lowercase())?;
            book.connection.execute(
                "INSERT INTO domain_mx (domain, host) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [domain, host],
            )?;
        }
    }
    Ok(before)
}

pub(super) fn put_host(book: &mut Book<'_>, update: &HostUpdate, now: Timestamp) -> Result<(), StoreError> {
    let host = book.host(&update.host.to_lowercase())?;
    let ip = update.ip.to_string();
    book.connection
        .prepare_cached(
            "INSERT INTO host_state (host, ip, health, health_state, failing_since, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (host, ip) DO UPDATE SET health = excluded.health, health_state = excluded.health_state,
                 failing_since = excluded.failing_since, detail = excluded.detail",
        )?
        .execute(params![
            host,
            ip,
            to_json(&update.health),
            update.health.state.as_str(),
            update.health.failing_since.map(Timestamp::as_microsecond),
            update.detail
        ])?;
    if let Some(at) = update.next_look {
        work::put(book, WorkKind::RecheckHost, 0, host, &ip, at, now)?;
    }
    Ok(())
}
