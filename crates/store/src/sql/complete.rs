//! What came of a look: the observation, the states, the decisions that follow, and when to look again. All or nothing.

use abprall_mail::{Party, Reason};
use abprall_policy::{Conclusion, Doubt, HealthState, IncidentEvent, Outcome, Reinstatement, Stop};
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, Event, NewDecision, StopKey, StopValue};
use super::column::{count, to_json};
use super::rewind::name_of;
use super::seen::{put_domain, put_host, put_observation};
use super::undo::{Target, undo};
use super::work;
use crate::audit::AuditEntry;
use crate::database::{Connection, OptionalRow, params};
use crate::limits::{EXAMPLES_MAX, WAITING_COUNTED_MAX};
use crate::{AuditAction, Completed, Scope, StoreError, Work, WorkItem, WorkKind, WorkOutcome};

pub(super) fn complete(
    store: &mut SqlStore,
    item: &WorkItem,
    outcome: &WorkOutcome,
    now: Timestamp,
) -> Result<Completed, StoreError> {
    store.write(|book| {
        work::hold(book, item)?;
        work::remove(book, item.id)?;
        let domain = match &item.work {
            Work::Investigate { domain, .. } | Work::Recheck { domain } | Work::Release { domain } => {
                Some(book.domain(domain)?)
            }
            Work::RecheckHost { .. } => None,
        };
        let mut done = Completed::default();
        for host in &outcome.hosts {
            put_host(book, host, now)?;
        }
        if let Some(domain) = domain {
            let claim = match &item.work {
                Work::Investigate { claim, .. } => Some(*claim),
                Work::Recheck { .. } => last_claim(book, domain)?,
                Work::Release { .. } | Work::RecheckHost { .. } => None,
            };
            of_domain(book, domain, claim, outcome, now, &mut done)?;
            look_again_for_newcomers(book, domain, item.due_at, now)?;
        }
        Ok(done)
    })
}

fn of_domain(
    book: &mut Book<'_>,
    domain: i64,
    claim: Option<Reason>,
    outcome: &WorkOutcome,
    now: Timestamp,
    done: &mut Completed,
) -> Result<(), StoreError> {
    if let Some(observation) = &outcome.observation {
        done.observation = Some(put_observation(book, domain, observation)?);
    }
    done.incident = incident(book, domain, outcome, claim, now)?;
    if let Some(update) = &outcome.domain {
        let before = put_domain(book, domain, update)?;
        if before != Some(update.health.state)
            && (before.is_some() || update.health.state != HealthState::Healthy)
        {
            let words = format!(
                "{} -> {}",
                before.map_or("unknown", HealthState::as_str),
                update.health.state.as_str()
            );
            tell(book, done, domain, now, IncidentEvent::StateChanged, 0, Some(&words))?;
        }
    }
    if outcome.observation.is_some() {
        tell(book, done, domain, now, IncidentEvent::Checked, 0, None)?;
    }
    for (event, detail) in &outcome.events {
        tell(book, done, domain, now, *event, 0, detail.as_deref())?;
    }
    if let Some(conclusion) = outcome.conclusion {
        conclude(book, domain, outcome.seen.or(claim), conclusion, now, done)?;
    }
    if outcome.release > 0 {
        release(book, domain, outcome.release, now, done)?;
    }
    if let Some(stage) = outcome.reinstatement {
        put_stage(book, domain, stage, now, done)?;
    }
    if let Some(at) = outcome.next_look
        && !is_to_be_investigated(book, domain)?
    {
        work::put(book, WorkKind::Recheck, domain, 0, "", at, now)?;
    }
    if let Some(at) = outcome.next_release {
        work::put(book, WorkKind::Release, domain, 0, "", at, now)?;
    }
    Ok(())
}

/// Who came to be held while somebody looked had no work put down for them, because there was some. They must not wait for nobody.
fn look_again_for_newcomers(
    book: &Book<'_>,
    domain: i64,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let waits: bool = book
        .connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM stop WHERE kind = 0 AND domain = ?1 AND stop = 'hold' AND since > ?2 AND reason IN {OF_THE_WAY})
                 AND NOT EXISTS (SELECT 1 FROM work WHERE domain = ?1 AND kind <> 'recheck_host')"
        ))?
        .query_row(params![domain, due_at.as_microsecond()], |row| row.get(0))?;
    if waits { work::put(book, WorkKind::Recheck, domain, 0, "", now, now) } else { Ok(()) }
}

/// Why the domain's last failure was, where that is about the way there.
fn last_claim(book: &Book<'_>, domain: i64) -> Result<Option<Reason>, StoreError> {
    let reason: Option<String> = book
        .connection
        .prepare_cached("SELECT last_reason FROM domain_state WHERE domain = ?1")?
        .query_row([domain], |row| row.get(0))
        .optional()?
        .flatten();
    let reason: Option<Reason> = super::column::word_or_none("the reason", reason.as_deref())?;
    Ok(reason.filter(|reason| matches!(reason.party(), Party::RecipientDomain | Party::Route)))
}

pub(super) fn allow_return(
    store: &mut SqlStore,
    domain: &str,
    at: Timestamp,
    note: Option<&str>,
) -> Result<Option<Doubt>, StoreError> {
    let Some(number) = store.find_domain(domain)? else { return Ok(None) };
    store.write(|book| {
        let stage: Option<String> = book
            .connection
            .query_row("SELECT reinstatement FROM domain_state WHERE domain = ?1", [number], |row| row.get(0))
            .optional()?
            .flatten();
        let stage: Option<Reinstatement> = super::column::json_or_none("the way back", stage.as_deref())?;
        let Some(Reinstatement::NeedsPerson { why }) = stage else { return Ok(None) };
        book.connection.execute(
            "UPDATE domain_state SET reinstatement = ?2 WHERE domain = ?1",
            params![number, to_json(&Reinstatement::Waiting)],
        )?;
        work::put(book, WorkKind::Release, number, 0, "", at, at)?;
        let outcome = WorkOutcome::default();
        let done =
            Completed { incident: incident(book, number, &outcome, None, at)?, ..Completed::default() };
        let words = format!(
            "{}: allowed by a person{}",
            why.as_str(),
            note.map(|note| format!(" ({note})")).unwrap_or_default()
        );
        tell(book, &done, number, at, IncidentEvent::Recovering, 0, Some(&words))?;
        let entry = AuditEntry { subject: Some(domain), detail: note, ..AuditEntry::default() };
        book.audit(AuditAction::ReturnAllowed, &entry, at)?;
        Ok(Some(why))
    })
}

/// A first look that waits makes another one needless.
fn is_to_be_investigated(book: &Book<'_>, domain: i64) -> Result<bool, StoreError> {
    book.connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM work WHERE domain = ?1 AND kind = 'investigate')")?
        .query_row([domain], |row| row.get(0))
}

/// The incident that is named, else the open one of the domain. A domain that joins an operator's incident leaves its own.
fn incident(
    book: &Book<'_>,
    domain: i64,
    outcome: &WorkOutcome,
    claim: Option<Reason>,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let own: Option<i64> = book
        .connection
        .prepare_cached(
            "SELECT incident.id FROM incident_domain JOIN incident ON incident.id = incident_domain.incident
             WHERE domain = ?1 AND closed_at IS NULL AND key NOT LIKE 'brake:%' ORDER BY incident.id LIMIT 1",
        )?
        .query_row([domain], |row| row.get(0))
        .optional()?;
    let Some(key) = &outcome.incident else { return Ok(own) };
    let (id, is_new) = book.incident(key, now, claim)?;
    if !book.join_incident(id, domain)? {
        return Ok(Some(id));
    }
    let event = if is_new { IncidentEvent::Opened } else { IncidentEvent::Joined };
    book.event(id, &Event { domain: Some(domain), ..Event::new(now, event) })?;
    // One that others are in goes on without it.
    if let Some(own) = own
        && own != id
        && is_alone(book, own)?
    {
        let moved = format!("goes on as incident {id}");
        book.event(own, &Event { detail: Some(&moved), ..Event::new(now, IncidentEvent::Closed) })?;
        book.connection.execute(
            "UPDATE incident SET closed_at = ?2 WHERE id = ?1",
            params![own, now.as_microsecond()],
        )?;
        book.connection.execute(
            "UPDATE incident SET addresses = addresses + (SELECT addresses FROM incident WHERE id = ?2) WHERE id = ?1",
            params![id, own],
        )?;
    }
    Ok(Some(id))
}

fn tell(
    book: &Book<'_>,
    done: &Completed,
    domain: i64,
    now: Timestamp,
    event: IncidentEvent,
    addresses: u64,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    let Some(incident) = done.incident else { return Ok(()) };
    let event = Event {
        domain: Some(domain),
        addresses,
        detail,
        observation: done.observation,
        ..Event::new(now, event)
    };
    book.event(incident, &event)
}

fn conclude(
    book: &mut Book<'_>,
    domain: i64,
    claim: Option<Reason>,
    conclusion: Conclusion,
    now: Timestamp,
    done: &mut Completed,
) -> Result<(), StoreError> {
    let rule = conclusion.rule();
    match conclusion {
        Conclusion::SuppressDomain { .. } => {
            stop_domain(book, domain, claim, Stop::Suppression, rule, now, done)
        }
        Conclusion::HoldDomain { .. } => stop_domain(book, domain, claim, Stop::Hold, rule, now, done),
        Conclusion::Release { .. } => free_all(book, domain, rule, now, done, IncidentEvent::Released),
        Conclusion::OwnFault => free_all(book, domain, rule, now, done, IncidentEvent::OwnFault),
        Conclusion::Keep { .. } => Ok(()),
    }
}

fn stop_domain(
    book: &mut Book<'_>,
    domain: i64,
    claim: Option<Reason>,
    stop: Stop,
    rule: &str,
    now: Timestamp,
    done: &mut Completed,
) -> Result<(), StoreError> {
    let key = StopKey { scope: Scope::Domain, subject: domain, tenant: String::new(), list: String::new() };
    let before = book.stop_of(&key)?;
    let holds = |before: &StopValue| before.until.is_none_or(|until| until > now);
    if before.as_ref().is_some_and(|before| holds(before) && before.stop >= stop) {
        done.domain_stopped = true;
        return Ok(());
    }
    let reason = claim.or(before.map(|before| before.reason)).unwrap_or(Reason::RoutingServerFailure);
    let (outcome, event) = match stop {
        Stop::Hold => (Outcome::Hold, IncidentEvent::DomainHeld),
        Stop::Suppression => (Outcome::Suppress, IncidentEvent::DomainSuppressed),
    };
    let decision = book.decide(&NewDecision {
        reason: Some(reason),
        rule,
        evidence: done.observation,
        incident: done.incident,
        ..NewDecision::about(Scope::Domain, domain, now, outcome)
    })?;
    let value = StopValue { stop, reason, since: now, until: None, decision };
    book.put_stop_after(&key, &value, before.map(|before| before.stop))?;
    done.domain_stopped = true;
    tell(book, done, domain, now, event, 0, Some(rule))
}

/// All addresses that are held for the route's sake, and the domain itself unless a person stopped it.
fn free_all(
    book: &mut Book<'_>,
    domain: i64,
    rule: &str,
    now: Timestamp,
    done: &mut Completed,
    event: IncidentEvent,
) -> Result<(), StoreError> {
    let waiting = waiting(book, domain, u32::MAX)?;
    let mut freed = 0;
    for address in waiting {
        freed += u64::from(free(book, address, rule, Outcome::Release, now, done)?);
    }
    lift_domain(book, domain, rule, Outcome::Release, now, done)?;
    tell(book, done, domain, now, event, freed, Some(rule))?;
    if let Some(incident) = done.incident
        && is_over(book, incident)?
    {
        super::incidents::close(book, incident, now, Some(rule))?;
    }
    Ok(())
}

/// It is one domain's own.
fn is_alone(book: &Book<'_>, incident: i64) -> Result<bool, StoreError> {
    book.connection
        .query_row("SELECT key LIKE 'domain:%' FROM incident WHERE id = ?1", [incident], |row| row.get(0))
}

/// No domain of it is stopped any more, but by a person.
fn is_over(book: &Book<'_>, incident: i64) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT key NOT LIKE 'brake:%' AND NOT EXISTS (
             SELECT 1 FROM incident_domain JOIN stop ON stop.kind = 1 AND stop.subject = incident_domain.domain
                 JOIN decision ON decision.id = stop.decision
             WHERE incident_domain.incident = incident.id AND {OF_THE_WATCH})
         FROM incident WHERE id = ?1"
    );
    book.connection.query_row(&sql, [incident], |row| row.get(0))
}

/// The rules of holds that wait for a route: a report's own, and none of a person.
const OF_THE_WAY: &str = "('domain_not_found', 'no_mail_route', 'null_mx', 'domain_owner_changed', 'routing_server_failure',
    'dns_failure', 'host_unreachable', 'connection_lost', 'routing_loop', 'congestion', 'tls_failure', 'relay_denied',
    'delivery_expired')";

/// Domains that a person, or a list of theirs, stopped are not the watch's to free.
const OF_THE_WATCH: &str = "decision.rule NOT IN ('operator', 'import')";

fn is_stopped_by_watch(connection: &Connection, domain: i64) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM stop JOIN decision ON decision.id = stop.decision
             WHERE stop.kind = 1 AND stop.subject = ?1 AND {OF_THE_WATCH})"
    );
    connection.prepare_cached(&sql)?.query_row([domain], |row| row.get(0))
}

/// Addresses that wait for the route: held for its sake, or known where the whole domain is stopped. Those that took mail most
/// lately first.
fn waiting(book: &Book<'_>, domain: i64, max: u32) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT waiting.id FROM ({}) AS waiting LEFT JOIN delivery ON delivery.address = waiting.id ORDER BY coalesce(delivery.day, -1) DESC, waiting.id LIMIT ?2",
        waiting_sql(book.connection, domain)?
    );
    let mut statement = book.connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![domain, max], |row| row.get(0))?;
    rows.collect::<Result<_, _>>()
}

/// How many wait; no more than [`WAITING_COUNTED_MAX`] are counted.
pub(super) fn waiting_count(connection: &Connection, domain: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT id FROM ({}) AS waiting LIMIT {WAITING_COUNTED_MAX}) AS counted",
        waiting_sql(connection, domain)?
    );
    let number = connection.prepare_cached(&sql)?.query_row([domain], |row| row.get(0))?;
    Ok(count(number))
}

/// The numbers of the addresses of the domain `?1` that wait. All addresses are looked at only where the whole domain is stopped.
fn waiting_sql(connection: &Connection, domain: i64) -> Result<String, StoreError> {
    // Each part is answered by an index alone: a domain may have thousands that wait, and their rows lie far apart.
    let held = format!(
        "SELECT DISTINCT held.subject AS id FROM stop AS held
         WHERE held.kind = 0 AND held.domain = ?1 AND held.stop = 'hold' AND held.reason IN {OF_THE_WAY}
             AND NOT EXISTS (SELECT 1 FROM stop AS other
                 WHERE other.kind = 0 AND other.domain = ?1 AND other.stop = 'suppression' AND other.subject = held.subject)
             AND NOT EXISTS (SELECT 1 FROM stop AS other
                 WHERE other.kind = 0 AND other.domain = ?1 AND other.stop = 'hold' AND other.subject = held.subject
                     AND other.reason NOT IN {OF_THE_WAY})
             AND NOT EXISTS (SELECT 1 FROM decision AS by_hand CROSS JOIN stop AS other
                 WHERE CAST(by_hand.address AS bigint) = held.subject AND by_hand.rule IN ('operator', 'import')
                     AND other.kind = 0 AND other.subject = by_hand.address AND other.decision = by_hand.id)"
    );
    if !is_stopped_by_watch(connection, domain)? {
        return Ok(held);
    }
    Ok(format!(
        "{held} UNION ALL
         SELECT address.id FROM address WHERE address.domain = ?1
             AND NOT EXISTS (SELECT 1 FROM stop WHERE kind = 0 AND subject = address.id)
             AND NOT EXISTS (SELECT 1 FROM exemption WHERE exemption.address = address.id)"
    ))
}

/// Lifts the holds of an address. Gives whether there were any.
fn free(
    book: &mut Book<'_>,
    address: i64,
    rule: &str,
    outcome: Outcome,
    now: Timestamp,
    done: &mut Completed,
) -> Result<bool, StoreError> {
    let stops = book.stops_of(Scope::Address, address)?;
    let mut freed = false;
    for (key, value) in stops.into_iter().filter(|(_, value)| value.stop == Stop::Hold) {
        let new = NewDecision {
            reason: Some(value.reason),
            rule,
            evidence: done.observation,
            incident: done.incident,
            ..NewDecision::about(Scope::Address, address, now, outcome)
        };
        undo_all(book, &key, value.decision, &new)?;
        freed = true;
    }
    if freed && done.released.len() < EXAMPLES_MAX {
        done.released.push(name_of(book, Scope::Address, address)?);
    }
    Ok(freed)
}

/// A release ends a hold, however many reports spoke for it.
fn undo_all(
    book: &mut Book<'_>,
    key: &StopKey,
    decision: i64,
    new: &NewDecision<'_>,
) -> Result<(), StoreError> {
    let mut decision = decision;
    loop {
        undo(book, &Target { decision, key: key.clone() }, new)?;
        let Some(left) = book.stop_of(key)? else { return Ok(()) };
        if left.decision == decision {
            book.remove_stop(key)?;
            return Ok(());
        }
        // What a person ordered, and a mailbox that is gone, stand whatever the route does.
        let rule = book.name("SELECT rule FROM decision WHERE id = ?1", left.decision)?;
        let of_a_person = rule == "operator" || rule == "import";
        if of_a_person || (key.scope == Scope::Address && left.stop == Stop::Suppression) {
            return Ok(());
        }
        decision = left.decision;
    }
}

/// Lifts the stop of the domain unless a person ordered it, and ends what was let through meanwhile.
fn lift_domain(
    book: &mut Book<'_>,
    domain: i64,
    rule: &str,
    outcome: Outcome,
    now: Timestamp,
    done: &Completed,
) -> Result<(), StoreError> {
    for (key, value) in book.stops_of(Scope::Domain, domain)? {
        let by = book.name("SELECT rule FROM decision WHERE id = ?1", value.decision)?;
        if by == "operator" || by == "import" {
            continue;
        }
        let new = NewDecision {
            reason: Some(value.reason),
            rule,
            evidence: done.observation,
            incident: done.incident,
            ..NewDecision::about(Scope::Domain, domain, now, outcome)
        };
        undo_all(book, &key, value.decision, &new)?;
    }
    book.connection.execute("DELETE FROM exemption WHERE domain = ?1", [domain])?;
    Ok(())
}

/// A step of the way back: so many addresses may be sent to again.
fn release(
    book: &mut Book<'_>,
    domain: i64,
    number: u32,
    now: Timestamp,
    done: &mut Completed,
) -> Result<(), StoreError> {
    let is_stopped = is_stopped_by_watch(book.connection, domain)?;
    let waiting = waiting(book, domain, number)?;
    let count = waiting.len() as u64;
    for address in waiting {
        free(book, address, "recovered", Outcome::Reinstate, now, done)?;
        if is_stopped {
            let decision = book.decide(&NewDecision {
                rule: "recovered",
                evidence: done.observation,
                incident: done.incident,
                ..NewDecision::about(Scope::Address, address, now, Outcome::Reinstate)
            })?;
            book.connection.execute(
                "INSERT INTO exemption (address, domain, decision) VALUES (?1, ?2, ?3)
                 ON CONFLICT (address) DO UPDATE SET domain = excluded.domain, decision = excluded.decision",
                params![address, domain, decision],
            )?;
            let name = name_of(book, Scope::Address, address)?;
            if done.released.len() < EXAMPLES_MAX && !done.released.contains(&name) {
                done.released.push(name);
            }
        }
    }
    book.connection.execute(
        "UPDATE domain_state SET delivered_since = 0, failed_since = 0 WHERE domain = ?1",
        [domain],
    )?;
    let event = if number == 1 { IncidentEvent::Canary } else { IncidentEvent::Reinstated };
    tell(book, done, domain, now, event, count, None)
}

fn put_stage(
    book: &mut Book<'_>,
    domain: i64,
    stage: Reinstatement,
    now: Timestamp,
    done: &Completed,
) -> Result<(), StoreError> {
    match stage {
        Reinstatement::Waiting | Reinstatement::Canary { .. } | Reinstatement::Batches { .. } => {}
        Reinstatement::Done => {
            lift_domain(book, domain, "recovered", Outcome::Reinstate, now, done)?;
            if let Some(incident) = done.incident
                && is_over(book, incident)?
            {
                super::incidents::close(book, incident, now, Some("recovered"))?;
            }
        }
        Reinstatement::Stopped { .. } => {
            // Who was let through under a stopped domain is stopped with it again.
            book.connection.execute("DELETE FROM exemption WHERE domain = ?1", [domain])?;
            tell(book, done, domain, now, IncidentEvent::ReinstatementStopped, 0, None)?;
        }
        Reinstatement::NeedsPerson { why } => {
            tell(book, done, domain, now, IncidentEvent::NeedsPerson, 0, Some(why.as_str()))?;
        }
    }
    book.connection.execute(
        "INSERT INTO domain_state (domain, reinstatement) VALUES (?1, ?2)
         ON CONFLICT (domain) DO UPDATE SET reinstatement = excluded.reinstatement",
        params![domain, to_json(&stage)],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_reasons_of_the_way_there_are_all_in_the_query() {
        for reason in Reason::iter() {
            let of_the_way = matches!(reason.party(), Party::RecipientDomain | Party::Route);
            assert_eq!(OF_THE_WAY.contains(&format!("'{reason}'")), of_the_way, "{reason}");
        }
    }
}
