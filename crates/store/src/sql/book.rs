//! What a transaction writes: the rows, and the sums that follow from them.

use std::collections::{HashMap, HashSet};

use abprall_mail::Reason;
use abprall_policy::{HardStop, IncidentEvent, Outcome, POLICY_VERSION, Stop};
use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::column::{time, word};
use super::names::Names;
use crate::database::{Change, Connection, Insert, OptionalRow, Value, each_of, params, row};
use crate::plan::{DomainDelta, StopWrite};
use crate::subject::ANY_MX_HOST;
use crate::{Scope, StoreError};

/// A transaction with all that is added up during it.
pub(super) struct Book<'a> {
    pub(super) connection: &'a Connection,
    pub(super) seed: u64,
    /// Who does this, for the audit log.
    pub(super) actor: &'a str,
    pub(super) domain_names: &'a mut Names,
    pub(super) host_names: &'a mut Names,
    /// What is added to domains.
    sums: HashMap<i64, Sums>,
    domains_stopped: i64,
    pub(super) messages: i64,
    pub(super) messages_without_report: i64,
}

#[derive(Default)]
struct Sums {
    addresses: i64,
    held: i64,
    suppressed: i64,
    delta: DomainDelta,
}

/// What a stop is added to.
#[derive(Clone, Copy)]
enum SumOf {
    /// The addresses of this domain.
    Address(i64),
    /// The domains.
    Domain,
}

/// The key of a stop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StopKey {
    pub(super) scope: Scope,
    pub(super) subject: i64,
    pub(super) tenant: String,
    pub(super) list: String,
}

/// What a stop says.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopValue {
    pub(super) stop: Stop,
    pub(super) reason: Reason,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) decision: i64,
}

impl StopValue {
    pub(super) fn hard(&self) -> HardStop {
        HardStop { stop: self.stop, reason: self.reason, until: self.until }
    }
}

/// A decision that nobody's report led to, or that follows another.
#[derive(Clone, Debug)]
pub(super) struct NewDecision<'a> {
    pub(super) scope: Option<Scope>,
    pub(super) subject: i64,
    pub(super) report: Option<i64>,
    pub(super) taken_at: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) rule: &'a str,
    pub(super) note: Option<&'a str>,
    pub(super) tenant: &'a str,
    pub(super) list: &'a str,
    pub(super) evidence: Option<i64>,
    pub(super) undoes: Option<i64>,
    pub(super) incident: Option<i64>,
    pub(super) until: Option<Timestamp>,
}

impl NewDecision<'_> {
    pub(super) fn about(scope: Scope, subject: i64, taken_at: Timestamp, outcome: Outcome) -> Self {
        Self {
            scope: Some(scope),
            subject,
            report: None,
            taken_at,
            outcome,
            reason: None,
            rule: "operator",
            note: None,
            tenant: "",
            list: "",
            evidence: None,
            undoes: None,
            incident: None,
            until: None,
        }
    }
}

/// As the column `kind` holds it.
pub(super) fn kind_of(scope: Scope) -> i64 {
    match scope {
        Scope::Address => 0,
        Scope::Domain => 1,
        Scope::MxHost => 2,
    }
}

impl<'a> Book<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        seed: u64,
        actor: &'a str,
        domain_names: &'a mut Names,
        host_names: &'a mut Names,
    ) -> Self {
        Self {
            connection,
            seed,
            actor,
            domain_names,
            host_names,
            sums: HashMap::new(),
            domains_stopped: 0,
            messages: 0,
            messages_without_report: 0,
        }
    }

    pub(super) fn count_address(&mut self, domain: i64) {
        self.sums.entry(domain).or_default().addresses += 1;
    }

    /// What a plan adds to a domain.
    pub(super) fn add_to_domain(&mut self, domain: i64, delta: &DomainDelta) {
        self.sums.entry(domain).or_default().delta = delta.clone();
    }

    pub(super) fn stop_of(&self, key: &StopKey) -> Result<Option<StopValue>, StoreError> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT stop, reason, since, until, decision FROM stop
                 WHERE kind = ?1 AND subject = ?2 AND tenant = ?3 AND list = ?4",
            )?
            .query_row(params![kind_of(key.scope), key.subject, key.tenant, key.list], |row| {
                Ok((
                    row.get::<String>(0)?,
                    row.get::<String>(1)?,
                    row.get::<i64>(2)?,
                    row.get::<Option<i64>>(3)?,
                    row.get::<i64>(4)?,
                ))
            })
            .optional()?;
        row.map(|(stop, reason, since, until, decision)| {
            Ok(StopValue {
                stop: word("the stop", &stop)?,
                reason: word("the reason", &reason)?,
                since: time(since)?,
                until: until.map(time).transpose()?,
                decision,
            })
        })
        .transpose()
    }

    /// All stops of a subject, for whatever mail.
    pub(super) fn stops_of(
        &self,
        scope: Scope,
        subject: i64,
    ) -> Result<Vec<(StopKey, StopValue)>, StoreError> {
        let keys = {
            let mut statement = self
                .connection
                .prepare_cached("SELECT tenant, list FROM stop WHERE kind = ?1 AND subject = ?2")?;
            let rows = statement.query_map(params![kind_of(scope), subject], |row| {
                Ok(StopKey { scope, subject, tenant: row.get(0)?, list: row.get(1)? })
            })?;
            rows.collect::<Result<Vec<_>, _>>()?
        };
        let mut stops = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(value) = self.stop_of(&key)? {
                stops.push((key, value));
            }
        }
        Ok(stops)
    }

    /// Nobody is let through a stop of a domain that is new, or gone.
    pub(super) fn end_exemptions(&self, key: &StopKey) -> Result<(), StoreError> {
        match key.scope {
            Scope::Domain => {
                self.connection
                    .prepare_cached("DELETE FROM exemption WHERE domain = ?1")?
                    .execute([key.subject])?;
            }
            Scope::Address | Scope::MxHost => {}
        }
        Ok(())
    }

    /// Writes a stop; `before` is what stands.
    pub(super) fn put_stop_after(
        &mut self,
        key: &StopKey,
        value: &StopValue,
        before: Option<Stop>,
    ) -> Result<(), StoreError> {
        if before.is_none() && !self.is_stopped(key)? {
            self.change(self.hash_of(key)?, true)?;
            if key.scope == Scope::MxHost {
                self.change(self.text_hash(ANY_MX_HOST), true)?;
            }
        }
        let domain = self.domain_of(key)?;
        let number = match domain {
            Some(SumOf::Address(number)) => number,
            Some(SumOf::Domain) | None => 0,
        };
        self.replace_stop(key, number, value)?;
        if let Some(before) = before {
            self.sum(domain, before, -1);
        }
        self.sum(domain, value.stop, 1);
        Ok(())
    }

    /// As `put_stop_after`, where all is known of the addresses. Each row is named once.
    pub(super) fn put_planned(&mut self, writes: &[StopWrite]) -> Result<(), StoreError> {
        let new: Vec<_> = writes.iter().filter(|write| write.before.is_none()).collect();
        let asked: Vec<_> = new.iter().map(|write| row![write.address]).collect();
        let sql = "SELECT subject FROM stop WHERE kind = 0 AND subject = ?1 LIMIT 1";
        let mut stopped = HashSet::new();
        each_of(self.connection, sql, &asked, &mut |_, row| {
            stopped.insert(row.get::<i64>(0)?);
            Ok(())
        })?;
        // For whatever mail: the first stop of an address is the one that the index hears of.
        let changes: Vec<_> = new
            .iter()
            .filter(|write| stopped.insert(write.address))
            .map(|write| row![write.hash, true])
            .collect();
        CHANGES.run(self.connection, &changes)?;
        let rows: Vec<_> = writes
            .iter()
            .map(|write| {
                row![
                    kind_of(Scope::Address),
                    write.address,
                    &*write.tenant,
                    &*write.list,
                    write.stop.as_str(),
                    write.reason.as_str(),
                    write.since.as_microsecond(),
                    write.until.map(Timestamp::as_microsecond),
                    write.decision,
                    write.domain,
                ]
            })
            .collect();
        STOPS.run(self.connection, &rows)?;
        for write in writes {
            if let Some(before) = write.before {
                self.sum(Some(SumOf::Address(write.domain)), before, -1);
            }
            self.sum(Some(SumOf::Address(write.domain)), write.stop, 1);
        }
        Ok(())
    }

    /// `domain`: of an address, else 0.
    fn replace_stop(&self, key: &StopKey, domain: i64, value: &StopValue) -> Result<(), StoreError> {
        STOPS.run(
            self.connection,
            &[row![
                kind_of(key.scope),
                key.subject,
                &*key.tenant,
                &*key.list,
                value.stop.as_str(),
                value.reason.as_str(),
                value.since.as_microsecond(),
                value.until.map(Timestamp::as_microsecond),
                value.decision,
                domain,
            ]],
        )?;
        Ok(())
    }

    pub(super) fn remove_stop(&mut self, key: &StopKey) -> Result<Option<StopValue>, StoreError> {
        let Some(before) = self.stop_of(key)? else { return Ok(None) };
        self.connection
            .prepare_cached(
                "DELETE FROM stop WHERE kind = ?1 AND subject = ?2 AND tenant = ?3 AND list = ?4",
            )?
            .execute(params![kind_of(key.scope), key.subject, key.tenant, key.list])?;
        if !self.is_stopped(key)? {
            self.change(self.hash_of(key)?, false)?;
            self.end_exemptions(key)?;
            if key.scope == Scope::MxHost && !self.is_any_host_stopped()? {
                self.change(self.text_hash(ANY_MX_HOST), false)?;
            }
        }
        let domain = self.domain_of(key)?;
        self.sum(domain, before.stop, -1);
        Ok(Some(before))
    }

    /// Whether there is any stop of the subject.
    fn is_stopped(&self, key: &StopKey) -> Result<bool, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM stop WHERE kind = ?1 AND subject = ?2 LIMIT 1")?
            .query_row(params![kind_of(key.scope), key.subject], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    fn is_any_host_stopped(&self) -> Result<bool, StoreError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM stop WHERE kind = ?1 LIMIT 1")?
            .query_row([kind_of(Scope::MxHost)], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    fn change(&self, hash: i64, added: bool) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO stop_change (fingerprint, added) VALUES (?1, ?2)")?
            .execute(params![hash, added])?;
        Ok(())
    }

    /// Of what stands for the subject in the suppression index.
    fn hash_of(&self, key: &StopKey) -> Result<i64, StoreError> {
        Ok(match key.scope {
            Scope::Address => self
                .connection
                .prepare_cached("SELECT hash FROM address WHERE id = ?1")?
                .query_row([key.subject], |row| row.get::<i64>(0))?,
            Scope::Domain => {
                self.text_hash(&self.name("SELECT name FROM domain WHERE id = ?1", key.subject)?)
            }
            Scope::MxHost => {
                let name = self.name("SELECT name FROM host WHERE id = ?1", key.subject)?;
                self.text_hash(&format!("mx:{name}"))
            }
        })
    }

    fn text_hash(&self, text: &str) -> i64 {
        xxh3_64_with_seed(text.as_bytes(), self.seed).cast_signed()
    }

    pub(super) fn name(&self, sql: &str, id: i64) -> Result<String, StoreError> {
        self.connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))
    }

    /// Which sums the stop belongs to.
    fn domain_of(&self, key: &StopKey) -> Result<Option<SumOf>, StoreError> {
        Ok(match key.scope {
            Scope::Address => Some(SumOf::Address(
                self.connection
                    .prepare_cached("SELECT domain FROM address WHERE id = ?1")?
                    .query_row([key.subject], |row| row.get(0))?,
            )),
            Scope::Domain => Some(SumOf::Domain),
            Scope::MxHost => None,
        })
    }

    fn sum(&mut self, of: Option<SumOf>, stop: Stop, by: i64) {
        match of {
            Some(SumOf::Address(domain)) => {
                let sums = self.sums.entry(domain).or_default();
                match stop {
                    Stop::Hold => sums.held += by,
                    Stop::Suppression => sums.suppressed += by,
                }
            }
            Some(SumOf::Domain) => self.domains_stopped += by,
            None => {}
        }
    }

    pub(super) fn decide(&self, new: &NewDecision<'_>) -> Result<i64, StoreError> {
        let of = |scope: Scope| (new.scope == Some(scope)).then_some(new.subject);
        self.connection
            .prepare_cached(
                "INSERT INTO decision (id, address, domain, host, report, taken_at, outcome, reason, rule, policy, note,
                     tenant, list, evidence, undoes, incident, until)
                 VALUES ((SELECT coalesce(max(id), 0) + 1 FROM decision), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                 RETURNING id",
            )?
            .query_row(params![
                of(Scope::Address),
                of(Scope::Domain),
                of(Scope::MxHost),
                new.report,
                new.taken_at.as_microsecond(),
                new.outcome.as_str(),
                new.reason.map(Reason::as_str),
                new.rule,
                POLICY_VERSION,
                new.note,
                filled(new.tenant),
                filled(new.list),
                new.evidence.map(|id| format!("[{id}]")),
                new.undoes,
                new.incident,
                new.until.map(Timestamp::as_microsecond)
            ], |row| row.get(0))
    }

    /// The open incident with this key; opened where there is none. Says whether it is new.
    pub(super) fn incident(
        &self,
        key: &str,
        at: Timestamp,
        reason: Option<Reason>,
    ) -> Result<(i64, bool), StoreError> {
        if let Some(id) = self.open_incident(key)? {
            return Ok((id, false));
        }
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO incident (id, key, opened_at, reason)
                 VALUES ((SELECT coalesce(max(id), 0) + 1 FROM incident), ?1, ?2, ?3) RETURNING id",
            )?
            .query_row(params![key, at.as_microsecond(), reason.map(Reason::as_str)], |row| row.get(0))?;
        Ok((id, true))
    }

    pub(super) fn open_incident(&self, key: &str) -> Result<Option<i64>, StoreError> {
        self.connection
            .prepare_cached("SELECT id FROM incident WHERE key = ?1 AND closed_at IS NULL")?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    /// Gives whether the domain was not in it before.
    pub(super) fn join_incident(&self, incident: i64, domain: i64) -> Result<bool, StoreError> {
        let joined = self
            .connection
            .prepare_cached(
                "INSERT INTO incident_domain (domain, incident) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![domain, incident])?;
        if joined > 0 {
            self.connection
                .prepare_cached("UPDATE incident SET domains = domains + 1 WHERE id = ?1")?
                .execute([incident])?;
        }
        Ok(joined > 0)
    }

    pub(super) fn event(&self, incident: i64, event: &Event<'_>) -> Result<(), StoreError> {
        EVENTS.run(self.connection, &[event.row(incident)])?;
        Ok(())
    }

    /// Writes the sums.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let (mut held, mut suppressed) = (0, 0);
        let domains: Vec<_> = self.sums.keys().map(|domain| row![*domain]).collect();
        DOMAIN_STATES.run(self.connection, &domains)?;
        let rows: Vec<_> = self
            .sums
            .iter()
            .map(|(domain, sums)| {
                let (at, reason) = sums.delta.last_failure.unzip();
                row![
                    *domain,
                    sums.addresses,
                    sums.held,
                    sums.suppressed,
                    sums.delta.failures.cast_signed(),
                    sums.delta.route_failures,
                    at.map(Timestamp::as_microsecond),
                    reason.map(Reason::as_str),
                    sums.delta.owner_changed,
                    sums.delta.delivered.cast_signed(),
                    sums.delta.failed_since.cast_signed(),
                ]
            })
            .collect();
        for sums in self.sums.values() {
            held += sums.held;
            suppressed += sums.suppressed;
        }
        ADD_SUMS.run(self.connection, &rows)?;
        self.sums.clear();
        let totals = [
            ("held", held),
            ("suppressed", suppressed),
            ("domains", self.domains_stopped),
            ("messages", self.messages),
            ("messages_without_report", self.messages_without_report),
        ];
        let changed = totals.into_iter().filter(|(_, value)| *value != 0);
        let rows: Vec<_> = changed.map(|(name, value)| row![name, value]).collect();
        TOTALS.run(self.connection, &rows)?;
        Ok(())
    }
}

const STOPS: Insert = Insert {
    into: "INSERT INTO stop (kind, subject, tenant, list, stop, reason, since, until, decision, domain)",
    values: "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10",
    conflict: "ON CONFLICT (kind, subject, tenant, list) DO UPDATE SET stop = excluded.stop, reason = excluded.reason,
        since = excluded.since, until = excluded.until, decision = excluded.decision, domain = excluded.domain",
};

const CHANGES: Insert =
    Insert { into: "INSERT INTO stop_change (fingerprint, added)", values: "?1, ?2", conflict: "" };

/// Domains whose sums were not kept yet.
const DOMAIN_STATES: Insert = Insert {
    into: "INSERT INTO domain_state (domain)",
    values: "?1",
    conflict: "ON CONFLICT (domain) DO NOTHING",
};

/// All that a transaction changes about a domain, at once: the row stands in many indexes.
const ADD_SUMS: Change = Change {
    what: "UPDATE domain_state SET addresses = addresses + ?2, held = max(held + ?3, 0), suppressed = max(suppressed + ?4, 0),
        failures = failures + ?5, route_failures = max(route_failures + ?6, 0),
        last_reason = iif(coalesce(last_failure_at, 0) <= coalesce(?7, 0), coalesce(?8, last_reason), last_reason),
        last_failure_at = iif(coalesce(last_failure_at, 0) <= coalesce(?7, 0), coalesce(?7, last_failure_at),
            last_failure_at),
        owner_changed = max(owner_changed, ?9), delivered_since = delivered_since + ?10, failed_since = failed_since + ?11",
    where_: "domain = ?1",
};

const TOTALS: Insert = Insert {
    into: "INSERT INTO total (name, value)",
    values: "?1, ?2",
    conflict: "ON CONFLICT (name) DO UPDATE SET value = total.value + excluded.value",
};

pub(super) const EVENTS: Insert = Insert {
    into: "INSERT INTO incident_event (incident, at, event, domain, addresses, detail, observation)",
    values: "?1, ?2, ?3, ?4, ?5, ?6, ?7",
    conflict: "",
};

/// One line of a timeline.
pub(super) struct Event<'a> {
    pub(super) at: Timestamp,
    pub(super) event: IncidentEvent,
    pub(super) domain: Option<i64>,
    pub(super) addresses: u64,
    pub(super) detail: Option<&'a str>,
    pub(super) observation: Option<i64>,
}

impl<'a> Event<'a> {
    pub(super) fn row(&self, incident: i64) -> Vec<Value<'a>> {
        row![
            incident,
            self.at.as_microsecond(),
            self.event.as_str(),
            self.domain,
            self.addresses.cast_signed(),
            self.detail,
            self.observation,
        ]
    }

    pub(super) fn new(at: Timestamp, event: IncidentEvent) -> Self {
        Self { at, event, domain: None, addresses: 0, detail: None, observation: None }
    }
}

/// An empty text is no text.
pub(super) fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
