use abprall_mail::Reason;
use abprall_policy::{Outcome, Stop};
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, NewDecision, StopKey, StopValue, kind_of};
use super::check::{check, find, own_standing};
use super::column::word;
use crate::audit::AuditEntry;
use crate::database::params;
use crate::{Audience, AuditAction, Question, Scope, Standing, StopOrder, StoreError, Subject, index_key};

pub(super) fn stop(
    store: &mut SqlStore,
    subject: &Subject,
    order: &StopOrder,
    at: Timestamp,
) -> Result<Standing, StoreError> {
    store.write(|book| {
        let (scope, number) = book.subject(subject)?;
        let outcome = match order.stop {
            Stop::Hold => Outcome::Hold,
            Stop::Suppression => Outcome::Suppress,
        };
        let tenant = order.audience.tenant.as_deref().unwrap_or_default();
        let list = order.audience.list.as_deref().unwrap_or_default();
        let decision = book.decide(&NewDecision {
            reason: Some(order.reason),
            note: order.note.as_deref(),
            until: order.until,
            tenant,
            list,
            ..NewDecision::about(scope, number, at, outcome)
        })?;
        let key = StopKey { scope, subject: number, tenant: tenant.to_owned(), list: list.to_owned() };
        let value =
            StopValue { stop: order.stop, reason: order.reason, since: at, until: order.until, decision };
        let whom = book.name_for_audit(subject, number)?;
        let entry = AuditEntry {
            subject: Some(&whom),
            tenant: order.audience.tenant.as_deref(),
            list: order.audience.list.as_deref(),
            detail: Some(order.reason.as_str()),
        };
        book.audit(AuditAction::Stop, &entry, at)?;
        book.end_exemptions(&key)?;
        // A person who holds somebody for a while does not lift a complaint by that.
        let before = book.stop_of(&key)?;
        let harder = |known: &StopValue| {
            let end = |until: Option<Timestamp>| until.unwrap_or(Timestamp::MAX);
            let (of_known, of_new) = (known.stop.weight(known.reason), order.stop.weight(order.reason));
            end(known.until) > at
                && (of_known > of_new || (of_known == of_new && end(known.until) > end(order.until)))
        };
        if before.as_ref().is_some_and(harder) {
            return Ok(());
        }
        book.put_stop_after(&key, &value, before.map(|before| before.stop))
    })?;
    // For the mail that was meant: a stop of one list stops nothing of the whole house.
    match subject {
        Subject::Address(address) => {
            let question = Question { address: address.clone(), audience: order.audience.clone() };
            check(store, &question, at)
        }
        Subject::Domain(_) | Subject::MxHost(_) => own_standing(store, subject, &order.audience, at),
    }
}

pub(super) fn own_wish(
    store: &SqlStore,
    subject: &Subject,
    tenant: Option<&str>,
) -> Result<Option<Reason>, StoreError> {
    let (Some(number), scope) = find(store, subject)? else { return Ok(None) };
    let mut statement = store.connection.prepare_cached(
        "SELECT tenant, reason FROM stop WHERE kind = ?1 AND subject = ?2 AND reason IN ('complaint', 'unsubscribe')",
    )?;
    let mut rows = statement.query(params![kind_of(scope), number])?;
    while let Some(row) = rows.next()? {
        let of: String = row.get(0)?;
        if tenant.is_none_or(|own| own == of) {
            return Ok(Some(word("the reason", &row.get::<String>(1)?)?));
        }
    }
    Ok(None)
}

pub(super) fn lift(
    store: &mut SqlStore,
    subject: &Subject,
    tenant: Option<&str>,
    at: Timestamp,
    note: Option<&str>,
) -> Result<Standing, StoreError> {
    let audience = Audience { tenant: tenant.map(str::to_owned), list: None };
    let before = own_standing(store, subject, &audience, at)?;
    let (Some(number), scope) = find(store, subject)? else { return Ok(before) };
    let lifted = store.write(|book| {
        let mut last = None;
        let stops = book.stops_of(scope, number)?;
        for (key, value) in stops.into_iter().filter(|(key, _)| tenant.is_none_or(|own| key.tenant == own)) {
            book.decide(&NewDecision {
                reason: Some(value.reason),
                note,
                tenant: &key.tenant,
                list: &key.list,
                undoes: Some(value.decision),
                ..NewDecision::about(scope, number, at, Outcome::Lift)
            })?;
            book.remove_stop(&key)?;
            last = Some(value);
        }
        if last.is_some() {
            let whom = book.name_for_audit(subject, number)?;
            let entry = AuditEntry { subject: Some(&whom), tenant, ..AuditEntry::default() };
            book.audit(AuditAction::Lift, &entry, at)?;
        }
        Ok(last)
    })?;
    if tenant.is_some() && lifted.is_none() {
        // What the whole house has stopped is not the tenant's.
        return Ok(Standing::ok(subject.to_string()));
    }
    // A stop of one tenant only, or one that is over, was lifted as well.
    Ok(match lifted {
        Some(value) if before.decision.is_none() && value.until.is_none_or(|until| until > at) => Standing {
            state: value.stop.into(),
            scope: Some(scope),
            reason: Some(value.reason),
            since: Some(value.since),
            until: value.until,
            decision: Some(value.decision),
            ..before
        },
        Some(_) | None => before,
    })
}

impl Book<'_> {
    /// As the audit log may name a subject: of whom was forgotten, only what is left.
    fn name_for_audit(&self, subject: &Subject, number: i64) -> Result<String, StoreError> {
        match subject {
            Subject::Address(_) => {
                self.connection
                    .query_row("SELECT text FROM address WHERE id = ?1", [number], |row| row.get(0))
            }
            Subject::Domain(_) | Subject::MxHost(_) => Ok(index_key(subject).into_owned()),
        }
    }

    /// The number of a subject; it is stored where it is new.
    pub(super) fn subject(&mut self, subject: &Subject) -> Result<(Scope, i64), StoreError> {
        Ok(match subject {
            Subject::Address(address) => {
                let domain = self.domain(address.domain_part())?;
                (Scope::Address, self.address(&address.suppression_key(), domain)?.id)
            }
            Subject::Domain(domain) => (Scope::Domain, self.domain(domain.as_str())?),
            Subject::MxHost(host) => (Scope::MxHost, self.host(host.as_str())?),
        })
    }
}
