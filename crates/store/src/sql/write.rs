//! Writes what a plan says.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use abprall_mail::Reason;
use abprall_policy::{IncidentEvent, POLICY_VERSION};
use jiff::Timestamp;

use super::book::{Book, EVENTS, Event, filled};
use super::column::to_json;
use crate::StoreError;
use crate::database::{Change, Insert, OptionalRow, Value, each_of, params, row};
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
    let mut rows = Vec::with_capacity(writes.reports.len());
    let texts: Vec<_> =
        writes.reports.iter().map(|report| Texts::of(&gathered.entries[report.entry], report)).collect();
    for (report, texts) in writes.reports.iter().zip(&texts) {
        let entry = &gathered.entries[report.entry];
        let cluster = report.cluster.map(|place| clusters[place]);
        match entry.existing {
            None => rows.push(report_row(entry, report, texts, addresses, hosts, cluster)),
            Some(_) => judge_report(book, entry, report.id, cluster)?,
        }
    }
    REPORTS.run(book.connection, &rows)?;
    let incidents = write_incidents(book, writes)?;
    write_decisions(book, writes, &incidents, policy)?;
    book.put_planned(&writes.stops)?;
    book.put_planned(&writes.conversions)?;
    write_ledgers(book, writes)?;
    write_roll_ups(book, writes)?;
    write_brakes(book, writes, &incidents)?;
    write_investigations(book, writes)
}

/// One investigation a domain; none while the domain is watched already.
fn write_investigations(book: &Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    let asked: Vec<_> = writes.investigations.iter().map(|new| row![new.domain]).collect();
    let sql = "SELECT domain FROM work WHERE domain = ?1 AND kind IN ('investigate', 'recheck') LIMIT 1";
    let mut watched = HashSet::new();
    each_of(book.connection, sql, &asked, &mut |_, row| {
        watched.insert(row.get::<i64>(0)?);
        Ok(())
    })?;
    let new = writes.investigations.iter().filter(|new| watched.insert(new.domain));
    let rows: Vec<_> = new.map(|new| row![new.domain, new.claim.as_str(), new.at.as_microsecond()]).collect();
    INVESTIGATIONS.run(book.connection, &rows)?;
    Ok(())
}

const INVESTIGATIONS: Insert = Insert {
    into: "INSERT INTO work (kind, domain, host, ip, claim, opened_at, due_at)",
    values: "'investigate', ?1, 0, '', ?2, ?3, ?3",
    conflict: "",
};

fn write_clusters(book: &Book<'_>, writes: &Writes) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(writes.clusters.len());
    for cluster in &writes.clusters {
        let id = book
            .connection
            .prepare_cached(
                "INSERT INTO review_cluster (pattern, reports, first_at, last_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (pattern) DO UPDATE SET reports = review_cluster.reports + excluded.reports,
                     first_at = min(review_cluster.first_at, excluded.first_at),
                     last_at = max(review_cluster.last_at, excluded.last_at)
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

const REPORTS: Insert = Insert {
    into: "INSERT INTO report (id, message, position, address, failed_address, host, happened_at, kind, reason, underlying,
        permanence, bounce_type, action, confidence, reply_code, status, diagnostic, reporting_mta, generator, phase,
        message_id, subject, because, contradictions, party, trust, tenant, list, queue_id, prose, cluster)",
    values: "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, \
        ?25, ?26, ?27, ?28, ?29, ?30, ?31",
    conflict: "",
};

/// Texts that are made of a report.
struct Texts {
    status: Option<String>,
    because: String,
    contradictions: String,
}

impl Texts {
    fn of(entry: &GatheredEntry<'_>, write: &ReportWrite) -> Self {
        let judged = entry.judged;
        let because: Vec<_> = judged
            .because
            .iter()
            .filter(|_| !write.is_wordless)
            .take(BECAUSE_MAX)
            .map(|why| (&*why.rule, cut(&why.matched)))
            .collect();
        let contradictions: &[String] = if write.is_wordless { &[] } else { &judged.contradictions };
        Self {
            status: entry.report.status.map(|status| status.to_string()),
            because: to_json(&because),
            contradictions: to_json(&contradictions),
        }
    }
}

fn report_row<'a>(
    entry: &'a GatheredEntry<'_>,
    write: &ReportWrite,
    texts: &'a Texts,
    addresses: &[i64],
    hosts: &[i64],
    cluster: Option<i64>,
) -> Vec<Value<'a>> {
    let (report, judged) = (entry.report, entry.judged);
    let words = |text| words(text, write);
    row![
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
        texts.status.as_deref(),
        words(&report.diagnostic),
        report.reporting_mta.as_deref().map(cut),
        report.generator.map(abprall_bounce::Generator::as_str),
        report.phase.map(abprall_bounce::Phase::as_str),
        words(&report.message_id),
        words(&report.subject),
        &*texts.because,
        &*texts.contradictions,
        (judged.party != judged.reason.party()).then(|| judged.party.as_str()),
        (report.trust != abprall_bounce::Trust::default()).then(|| report.trust.as_str()),
        entry.audience.tenant.as_deref(),
        entry.audience.list.as_deref(),
        words(&report.queue_id),
        if report.diagnostic.is_none() { words(&report.prose) } else { None },
        cluster,
    ]
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
    let (ids, mut new) = open_incidents(book, writes)?;
    let mut events = Vec::with_capacity(writes.incidents.len());
    let mut addresses: BTreeMap<i64, i64> = BTreeMap::new();
    for write in &writes.incidents {
        let id = ids[&write.key];
        let event = match (write.event, new.remove(&id)) {
            (Some(event), _) => Some(event),
            (None, true) => Some(IncidentEvent::Opened),
            (None, false) if write.addresses > 0 => Some(IncidentEvent::Joined),
            (None, false) => None,
        };
        if let Some(event) = event {
            let what = Event {
                domain: write.domain,
                addresses: write.addresses,
                detail: write.detail.as_deref(),
                ..Event::new(write.at, event)
            };
            events.push(what.row(id));
        }
        *addresses.entry(id).or_default() += write.addresses.cast_signed();
    }
    join_incidents(book, writes, &ids)?;
    EVENTS.run(book.connection, &events)?;
    let added: Vec<_> = addresses
        .into_iter()
        .filter(|(_, addresses)| *addresses > 0)
        .map(|(id, addresses)| row![id, addresses])
        .collect();
    ADD_ADDRESSES.run(book.connection, &added)?;
    Ok(ids)
}

/// The numbers of all incidents that the batch names, and which of them are new.
fn open_incidents(
    book: &Book<'_>,
    writes: &Writes,
) -> Result<(HashMap<String, i64>, HashSet<i64>), StoreError> {
    // In their order, each once. A decision may belong to an incident that this batch did not touch: a freeze that goes on.
    let touched = writes.incidents.iter().map(|write| (&write.key, write.at, write.reason));
    let named = writes
        .decisions
        .iter()
        .filter_map(|decision| Some((decision.incident.as_ref()?, decision.taken_at, Some(decision.reason))));
    let mut known = HashSet::new();
    let wanted: Vec<_> = touched.chain(named).filter(|(key, _, _)| known.insert(*key)).collect();
    let asked: Vec<_> = wanted.iter().map(|(key, _, _)| row![key.as_str()]).collect();
    let sql = "SELECT key, id FROM incident WHERE key = ?1 AND closed_at IS NULL";
    let mut ids = HashMap::new();
    each_of(book.connection, sql, &asked, &mut |_, row| {
        ids.insert(row.get::<String>(0)?, row.get::<i64>(1)?);
        Ok(())
    })?;
    let mut new = HashSet::new();
    if ids.len() < wanted.len() {
        let sql = "SELECT coalesce(max(id), 0) + 1 FROM incident";
        let mut next: i64 = book.connection.query_row(sql, [], |row| row.get(0))?;
        let mut rows = Vec::new();
        for (key, at, reason) in wanted {
            if ids.contains_key(key) {
                continue;
            }
            rows.push(row![next, key.as_str(), at.as_microsecond(), reason.map(Reason::as_str)]);
            ids.insert(key.clone(), next);
            new.insert(next);
            next += 1;
        }
        INCIDENTS.run(book.connection, &rows)?;
    }
    Ok((ids, new))
}

/// Each domain is counted once in an incident.
fn join_incidents(book: &Book<'_>, writes: &Writes, ids: &HashMap<String, i64>) -> Result<(), StoreError> {
    let pairs = writes.incidents.iter().filter_map(|write| Some((write.domain?, ids[&write.key])));
    let pairs: BTreeSet<_> = pairs.collect();
    let mut rows: Vec<_> = pairs.iter().map(|(domain, incident)| row![*domain, *incident]).collect();
    let sql = "SELECT domain, incident FROM incident_domain WHERE domain = ?1 AND incident = ?2";
    let mut known = HashSet::new();
    each_of(book.connection, sql, &rows, &mut |_, row| {
        known.insert((row.get::<i64>(0)?, row.get::<i64>(1)?));
        Ok(())
    })?;
    rows.clear();
    let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
    for (domain, incident) in pairs.iter().filter(|pair| !known.contains(*pair)) {
        rows.push(row![*domain, *incident]);
        *counts.entry(*incident).or_default() += 1;
    }
    INCIDENT_DOMAINS.run(book.connection, &rows)?;
    let counts: Vec<_> = counts.into_iter().map(|(incident, domains)| row![incident, domains]).collect();
    ADD_DOMAINS.run(book.connection, &counts)?;
    Ok(())
}

const INCIDENTS: Insert = Insert {
    into: "INSERT INTO incident (id, key, opened_at, reason)",
    values: "?1, ?2, ?3, ?4",
    conflict: "",
};

const INCIDENT_DOMAINS: Insert =
    Insert { into: "INSERT INTO incident_domain (domain, incident)", values: "?1, ?2", conflict: "" };

const ADD_DOMAINS: Change = Change { what: "UPDATE incident SET domains = domains + ?2", where_: "id = ?1" };

const ADD_ADDRESSES: Change =
    Change { what: "UPDATE incident SET addresses = addresses + ?2", where_: "id = ?1" };

fn write_decisions(
    book: &Book<'_>,
    writes: &Writes,
    incidents: &HashMap<String, i64>,
    policy: i64,
) -> Result<(), StoreError> {
    let rows: Vec<_> = writes
        .decisions
        .iter()
        .map(|decision| {
            row![
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
                decision.incident.as_ref().and_then(|key| incidents.get(key)).copied(),
                decision.until.map(Timestamp::as_microsecond),
            ]
        })
        .collect();
    DECISIONS.run(book.connection, &rows)?;
    Ok(())
}

const DECISIONS: Insert = Insert {
    into: "INSERT INTO decision (id, address, report, taken_at, outcome, reason, rule, policy, tenant, list, policy_text, undoes,
        incident, until)",
    values: "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14",
    conflict: "",
};

fn write_ledgers(book: &Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    let strikes: Vec<_> = writes
        .strikes
        .iter()
        .map(|write| row![write.address, write.day, write.reason.as_str(), write.decision])
        .collect();
    STRIKES.run(book.connection, &strikes)?;
    let deliveries: Vec<_> = writes.deliveries.iter().map(|(address, day)| row![*address, *day]).collect();
    DELIVERIES.run(book.connection, &deliveries)?;
    FORGET_STRIKES.run(book.connection, &deliveries)?;
    let failures: Vec<_> = writes
        .failures
        .iter()
        .map(|(key, (report, outcome))| row![*key, *report, outcome.as_str()])
        .collect();
    FAILURES.run(book.connection, &failures)?;
    Ok(())
}

const STRIKES: Insert = Insert {
    into: "INSERT INTO strike (address, day, reason, decision)",
    values: "?1, ?2, ?3, ?4",
    conflict: "ON CONFLICT DO NOTHING",
};

const DELIVERIES: Insert = Insert {
    into: "INSERT INTO delivery (address, day)",
    values: "?1, ?2",
    conflict: "ON CONFLICT (address) DO UPDATE SET day = max(delivery.day, excluded.day)",
};

const FORGET_STRIKES: Change =
    Change { what: "DELETE FROM strike", where_: "strike.address = ?1 AND strike.day <= ?2" };

const FAILURES: Insert = Insert {
    into: "INSERT INTO failure (key, report, outcome)",
    values: "?1, ?2, ?3",
    conflict: "ON CONFLICT (key) DO UPDATE SET outcome = excluded.outcome",
};

fn write_roll_ups(book: &mut Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    super::roll_up::write(book, &writes.roll_ups())?;
    let hours: Vec<_> = writes
        .hours
        .iter()
        .map(|((provider, hour), count)| {
            row![&**provider, *hour, count.hard, count.hard_known_good, count.delivered]
        })
        .collect();
    HOURS.run(book.connection, &hours)?;
    let frozen: Vec<_> =
        writes.frozen_hours.iter().map(|(provider, hour)| row![&**provider, *hour]).collect();
    FROZEN_HOURS.run(book.connection, &frozen)?;
    write_domains(book, writes)?;
    let hosts: Vec<_> = writes
        .hosts
        .iter()
        .map(|(id, delta)| {
            let (at, reason) = delta.last_failure.unzip();
            row![
                *id,
                delta.failures.cast_signed(),
                at.map(Timestamp::as_microsecond),
                reason.map(Reason::as_str),
            ]
        })
        .collect();
    HOSTS.run(book.connection, &hosts)?;
    Ok(())
}

const HOURS: Insert = Insert {
    into: "INSERT INTO hourly (provider, hour, hard, hard_known_good, delivered)",
    values: "?1, ?2, ?3, ?4, ?5",
    conflict: "ON CONFLICT (provider, hour) DO UPDATE SET hard = hourly.hard + excluded.hard,
        hard_known_good = hourly.hard_known_good + excluded.hard_known_good,
        delivered = hourly.delivered + excluded.delivered",
};

const FROZEN_HOURS: Change =
    Change { what: "UPDATE hourly SET frozen = 1", where_: "provider = ?1 AND hour = ?2" };

const HOSTS: Insert = Insert {
    into: "INSERT INTO host_state (host, ip, failures, last_failure_at, last_reason)",
    values: "?1, '', ?2, ?3, ?4",
    conflict: "ON CONFLICT (host, ip) DO UPDATE SET failures = host_state.failures + excluded.failures,
        last_reason = iif(coalesce(host_state.last_failure_at, 0) <= excluded.last_failure_at, excluded.last_reason,
            host_state.last_reason),
        last_failure_at = max(coalesce(host_state.last_failure_at, 0), excluded.last_failure_at)",
};

fn write_domains(book: &mut Book<'_>, writes: &Writes) -> Result<(), StoreError> {
    for (id, delta) in &writes.domains {
        book.add_to_domain(*id, delta);
    }
    let looks: Vec<_> =
        writes.domains.iter().filter(|(_, delta)| delta.look_now).map(|(id, _)| row![*id]).collect();
    LOOK_NOW.run(book.connection, &looks)?;
    Ok(())
}

const LOOK_NOW: Change = Change {
    what: "UPDATE work SET due_at = min(due_at, opened_at)",
    where_: "domain = ?1 AND kind = 'recheck' AND owner IS NULL",
};

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
             ON CONFLICT (provider) DO UPDATE SET frozen = excluded.frozen, brake = excluded.brake,
                 incident = coalesce(excluded.incident, brake.incident)",
        )?
        .execute(params![provider, brake.is_frozen(), to_json(&brake), incident])?;
    Ok(())
}

/// The incident that a provider's brake last belonged to.
pub(super) fn brake_incident(book: &Book<'_>, provider: &str) -> Result<Option<i64>, StoreError> {
    Ok(book
        .connection
        .prepare_cached("SELECT incident FROM brake WHERE provider = ?1")?
        .query_row([provider], |row| row.get::<Option<i64>>(0))
        .optional()?
        .flatten())
}
