//! Writes what a plan says.

use std::collections::HashMap;

use abprall_mail::Reason;
use abprall_policy::{IncidentEvent, POLICY_VERSION};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::book::{Book, Event, filled};
use super::column::to_json;
use crate::StoreError;
use crate::limits::BECAUSE_MAX;
use crate::plan::{Gathered, GatheredEntry, ReportWrite, Writes, cut};

pub(super) fn write(
    book: &mut Book<'_>,
    gathered: &Gathered<'_>,
    addresses: &[i64],
    hosts: &[i64],
    writes: &Writes,
    policy: i64,
) -> Result<(), StoreError> {
    let clusters = write_clusters(book, writes)?;
    for report in &writes.reports {
        let entry = &gathered.entries[report.entry];
        let cluster = report.cluster.map(|place| clusters[place]);
        match entry.existing {
            None => insert_report(book, entry, report, addresses, hosts, cluster)?,
            Some(_) => judge_report(book, entry, report.id, cluster)?,
        }
    }
    let incidents = write_incidents(book, writes)?;
    write_decisions(book, writes, &incidents, policy)?;
    for stop in writes.stops.iter().chain(&writes.conversions) {
        book.put_planned(stop)?;
    }
    write_ledgers(book, writes)?;
    write_roll_ups(book, writes)?;
    write_brakes(book, writes, &incidents)?;
    for new in &writes.investigations {
        // One investigation a domain; none while the domain is watched already.
        book.connection
            .prepare_cached(
                "INSERT INTO work (kind, domain, host, ip, claim, opened_at, due_at)
                 SELECT 'investigate', ?1, 0, '', ?2, ?3, ?3
                 WHERE NOT EXISTS (SELECT 1 FROM work WHERE domain = ?1 AND kind IN ('investigate', 'recheck'))",
            )?
            .execute(params![new.domain, new.claim.as_str(), new.at.as_microsecond()])?;
    }
    Ok(())
}

fn write_clusters(book: &Book<'_>, writes: &Writes) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(writes.clusters.len());
    for cluster in &writes.clusters {
        let id = book
            .connection
            .prepare_cached(
                "INSERT INTO review_cluster (pattern, reports, first_at, last_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (pattern) DO UPDATE SET reports = reports + excluded.reports,
                     first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
                 RETURNING id",
            )?
            .query_row(
                params![
                    cluster.pattern,
                    cluster.reports.cast_signed(),
                    cluster.first_at.as_microsecond(),
                    cluster.last_at.as_microsecond()
                ],
                |row| row.get(0),
            )?;
        ids.push(id);
    }
    Ok(ids)
}

fn insert_report(
    book: &Book<'_>,
    entry: &GatheredEntry<'_>,
    write: &ReportWrite,
    addresses: &[i64],
    hosts: &[i64],
    cluster: Option<i64>,
) -> Result<(), StoreError> {
    let (report, judged) = (entry.report, entry.judged);
    let words = |text| words(text, write);
    let because: Vec<_> = judged
        .because
        .iter()
        .filter(|_| !write.is_wordless)
        .take(BECAUSE_MAX)
        .map(|why| (&*why.rule, cut(&why.matched)))
        .collect();
    let contradictions: &[String] = if write.is_wordless { &[] } else { &judged.contradictions };
    let prose = if report.diagnostic.is_none() { words(&report.prose) } else { None };
    book.connection
        .prepare_cached(
            "INSERT INTO report (id, message, position, address, failed_address, host, happened_at, kind, reason, underlying,
                 permanence, bounce_type, action, confidence, reply_code, status, diagnostic, reporting_mta, generator,
                 phase, message_id, subject, because, contradictions, party, trust, tenant, list, queue_id, prose, cluster)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                 ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)",
        )?
        .execute(params![
            write.id,
            entry.message,
            entry.position,
            entry.address.map(|place| addresses[place]),
            entry.failed.map(|place| addresses[place]),
            entry.host.map(|place| hosts[place]),
            entry.happened_at.as_microsecond(),
            report.kind.as_str(),
            judged.reason.as_str(),
            judged.underlying.map(Reason::as_str),
            judged.permanence.as_str(),
            judged.bounce_type.as_str(),
            judged.action.as_str(),
            f64::from(judged.confidence),
            report.reply_code.map(abprall_mail::ReplyCode::as_u16),
            report.status.map(|status| status.to_string()),
            words(&report.diagnostic),
            report.reporting_mta.as_deref().map(cut),
            report.generator.map(abprall_bounce::Generator::as_str),
            report.phase.map(abprall_bounce::Phase::as_str),
            words(&report.message_id),
            words(&report.subject),
            to_json(&because),
            to_json(&contradictions),
            (judged.party != judged.reason.party()).then(|| judged.party.as_str()),
            (report.trust != abprall_bounce::Trust::default()).then(|| report.trust.as_str()),
            entry.audience.tenant,
            entry.audience.list,
            words(&report.queue_id),
            prose,
            cluster
        ])?;
    Ok(())
}

/// What is kept of a text.
fn words<'a>(text: &'a Option<String>, write: &ReportWrite) -> Option<&'a str> {
    text.as_deref().filter(|_| !write.is_wordless).map(cut)
}

/// A new judgement about a report that is stored.
fn judge_report(
    book: &Book<'_>,
    entry: &GatheredEntry<'_>,
    id: i64,
    cluster: Option<i64>,
) -> Result<(), StoreError> {
    let judged = entry.judged;
    let because: Vec<_> =
        judged.because.iter().take(BECAUSE_MAX).map(|why| (&*why.rule, cut(&why.matched))).collect();
    book.connection
        .prepare_cached(
            "UPDATE report SET reason = ?2, underlying = ?3, permanence = ?4, bounce_type = ?5, action = ?6, confidence = ?7,
                 because = ?8, contradictions = ?9, party = ?10, cluster = ?11
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            judged.reason.as_str(),
            judged.underlying.map(Reason::as_str),
            judged.permanence.as_str(),
            judged.bounce_type.as_str(),
            judged.action.as_str(),
            f64::from(judged.confidence),
            to_json(&because),
            to_json(&judged.contradictions),
            (judged.party != judged.reason.party()).then(|| judged.party.as_str()),
            cluster
        ])?;
    Ok(())
}

/// Opens the incidents that are new and writes what happened. Gives their numbers by their keys.
fn write_incidents(book: &Book<'_>, writes: &Writes) -> Result<HashMap<String, i64>, StoreError> {
    let mut ids = HashMap::new();
    for write in &writes.incidents {
        let (id, is_new) = book.incident(&write.key, write.at, write.reason)?;
        ids.insert(write.key.clone(), id);
        if let Some(domain) = write.domain {
            book.join_incident(id, domain)?;
        }
        let event = match (write.event, is_new) {
            (Some(event), _) => Some(event),
            (None, true) => Some(IncidentEvent::Opened),
            (None, false) if write.addresses > 0 => Some(IncidentEvent::Joined),
            (None, false) => None,
        };
        if let Some(event) = event {
            let event = Event {
                domain: write.domain,
                addresses: write.addresses,
                detail: write.detail.as_deref(),
                ..Event::new(write.at, event)
            };
            book.event(id, &event)?;
        }
        if write.addresses > 0 {
            book.connection
                .prepare_cached("UPDATE incident SET addresses = addresses + ?2 WHERE id = ?1")?
                .execute(params![id, write.addresses.cast_signed()])?;
        }
    }
    // A decision may belong to an incident that this batch did not touch: a freeze that goes on.
    for decision in &writes.decisions {
        if let Some(key) = &decision.incident
            && !ids.contains_key(key)
        {
            let (id, _) = book.incident(key, decision.taken_at, Some(decision.reason))?;
            ids.insert(key.clone(), id);
        }
    }
    Ok(ids)
}

fn write_decisions(
    book: &Book<'_>,
    writes: &Writes,
    incidents: &HashMap<String, i64>,
    policy: i64,
) -> Result<(), StoreError> {
    let mut statement = book.connection.prepare_cached(
        "INSERT INTO decision (id, address, report, taken_at, outcome, reason, rule, policy, tenant, list, policy_text, undoes,
             incident, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for decision in &writes.decisions {
        statement.execute(params![
            decision.id,
            decision.address,
            decision.report,
            decision.taken_at.as_microsecond(),
            decision.outcome.as_str(),
            decision.reason.as_str(),
            decision.rule,
            POLICY_VERSION,
            filled(&decision.tenant),
            filled(&decision.list),
            policy,
            decision.undoes,
            decision.incident.as_ref().and_then(|key| incidents.get(key)),
            decision.until.map(Timestamp::as_microsecond)
        ])?;
    }
    Ok(())
}

fn write_ledgers(book: &Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    let mut strike = book.connection.prepare_cached(
        "INSERT OR IGNORE INTO strike (address, day, reason, decision) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for write in &writes.strikes {
        strike.execute(params![write.address, write.day, write.reason.as_str(), write.decision])?;
    }
    let mut delivery = book.connection.prepare_cached(
        "INSERT INTO delivery (address, day) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET day = max(day, excluded.day)",
    )?;
    let mut forget = book.connection.prepare_cached("DELETE FROM strike WHERE address = ?1 AND day <= ?2")?;
    for (address, day) in &writes.deliveries {
        delivery.execute(params![address, day])?;
        forget.execute(params![address, day])?;
    }
    let mut failure = book.connection.prepare_cached(
        "INSERT INTO failure (key, report, outcome) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET outcome = excluded.outcome",
    )?;
    for (key, (report, outcome)) in &writes.failures {
        failure.execute(params![key, report, outcome.as_str()])?;
    }
    Ok(())
}

fn write_roll_ups(book: &Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    super::roll_up::write(book, &writes.roll_ups())?;
    let mut hourly = book.connection.prepare_cached(
        "INSERT INTO hourly (provider, hour, hard, hard_known_good, delivered) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET hard = hard + excluded.hard,
             hard_known_good = hard_known_good + excluded.hard_known_good, delivered = delivered + excluded.delivered",
    )?;
    for ((provider, hour), count) in &writes.hours {
        hourly.execute(params![provider, hour, count.hard, count.hard_known_good, count.delivered])?;
    }
    for (provider, hour) in &writes.frozen_hours {
        book.connection
            .prepare_cached("UPDATE hourly SET frozen = 1 WHERE provider = ?1 AND hour = ?2")?
            .execute(params![provider, hour])?;
    }
    write_domains(book, writes)?;
    let mut host = book.connection.prepare_cached(
        "INSERT INTO host_state (host, ip, failures, last_failure_at, last_reason) VALUES (?1, '', ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET failures = failures + excluded.failures,
             last_reason = iif(coalesce(last_failure_at, 0) <= excluded.last_failure_at, excluded.last_reason, last_reason),
             last_failure_at = max(coalesce(last_failure_at, 0), excluded.last_failure_at)",
    )?;
    for (id, delta) in &writes.hosts {
        let (at, reason) = delta.last_failure.unzip();
        host.execute(params![
            id,
            delta.failures.cast_signed(),
            at.map(Timestamp::as_microsecond),
            reason.map(Reason::as_str)
        ])?;
    }
    Ok(())
}

fn write_domains(book: &Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    let mut statement = book.connection.prepare_cached(
        "INSERT INTO domain_state (domain, failures, route_failures, last_failure_at, last_reason, owner_changed,
             delivered_since, failed_since)
         VALUES (?1, ?2, max(?3, 0), ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET failures = failures + ?2, route_failures = route_failures + ?3,
             last_reason = iif(coalesce(last_failure_at, 0) <= coalesce(?4, 0), coalesce(?5, last_reason), last_reason),
             last_failure_at = iif(coalesce(last_failure_at, 0) <= coalesce(?4, 0), coalesce(?4, last_failure_at),
                 last_failure_at),
             owner_changed = max(owner_changed, ?6), delivered_since = delivered_since + ?7,
             failed_since = failed_since + ?8",
    )?;
    for (id, delta) in &writes.domains {
        let (at, reason) = delta.last_failure.unzip();
        statement.execute(params![
            id,
            delta.failures.cast_signed(),
            delta.route_failures,
            at.map(Timestamp::as_microsecond),
            reason.map(Reason::as_str),
            delta.owner_changed,
            delta.delivered.cast_signed(),
            delta.failed_since.cast_signed()
        ])?;
        if delta.look_now {
            book.connection
                .prepare_cached(
                    "UPDATE work SET due_at = min(due_at, opened_at) WHERE domain = ?1 AND kind = 'recheck'
                         AND owner IS NULL",
                )?
                .execute([id])?;
        }
    }
    Ok(())
}

fn write_brakes(
    book: &Book<'_>,
    writes: &Writes,
    incidents: &HashMap<String, i64>,
) -> Result<(), StoreError> {
    for write in &writes.brakes {
        let known = write.incident.as_ref().and_then(|key| incidents.get(key).copied());
        let incident = match (known, &write.incident) {
            (Some(id), _) => Some(id),
            (None, Some(key)) => book.open_incident(key)?,
            (None, None) => None,
        };
        put_brake(book, &write.provider, write.brake, incident)?;
    }
    Ok(())
}

pub(super) fn put_brake(
    book: &Book<'_>,
    provider: &str,
    brake: abprall_policy::Brake,
    incident: Option<i64>,
) -> Result<(), StoreError> {
    book.connection
        .prepare_cached(
            "INSERT INTO brake (provider, frozen, brake, incident) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET frozen = excluded.frozen, brake = excluded.brake,
                 incident = coalesce(excluded.incident, incident)",
        )?
        .execute(params![provider, brake.is_frozen(), to_json(&brake), incident])?;
    Ok(())
}

/// The incident that a provider's brake last belonged to.
pub(super) fn brake_incident(book: &Book<'_>, provider: &str) -> Result<Option<i64>, StoreError> {
    Ok(book
        .connection
        .prepare_cached("SELECT incident FROM brake WHERE provider = ?1")?
        .query_row([provider], |row| row.get::<_, Option<i64>>(0))
        .optional()?
        .flatten())
}
