use abprall_mail::Reason;
use abprall_policy::{Outcome, POLICY_VERSION, Stop};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::SqliteStore;
use super::column::word;
use super::names::Numbers;
use crate::{Standing, StoreError, Subject};

/// A stop as it is to be entered.
pub(super) struct NewStop {
    pub(super) stop: Stop,
    pub(super) reason: Reason,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) decision: i64,
}

/// The rule under which a person's decisions are stored.
const OPERATOR: &str = "operator";

impl SqliteStore {
    /// A person stops an address or a domain.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing has changed.
    pub fn stop(
        &mut self,
        subject: &Subject,
        stop: Stop,
        reason: Reason,
        at: Timestamp,
        until: Option<Timestamp>,
        note: Option<&str>,
    ) -> Result<Standing, StoreError> {
        let outcome = match stop {
            Stop::Hold => Outcome::Hold,
            Stop::Suppression => Outcome::Suppress,
        };
        self.by_hand(subject, outcome, Some(reason), at, note, |connection, target, decision| {
            let entry = NewStop { stop, reason, since: at, until, decision };
            target.replace(connection, &entry)
        })?;
        self.check_subject(subject, at)
    }

    /// A person lifts the stop of an address or a domain. Gives how it stood before: `ok` means that there was nothing to lift.
    ///
    /// # Errors
    /// Where it could not be stored; then nothing has changed.
    pub fn lift(
        &mut self,
        subject: &Subject,
        at: Timestamp,
        note: Option<&str>,
    ) -> Result<Standing, StoreError> {
        let before = self.own_standing(subject, at)?;
        if before.decision.is_some() {
            self.by_hand(subject, Outcome::Lift, before.reason, at, note, |connection, target, _| {
                target.remove(connection)
            })?;
        }
        Ok(before)
    }

    /// Stores a decision that a person took and what follows from it, both or neither.
    fn by_hand(
        &mut self,
        subject: &Subject,
        outcome: Outcome,
        reason: Option<Reason>,
        at: Timestamp,
        note: Option<&str>,
        follow: impl FnOnce(&Connection, Target, i64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let target = {
            let mut numbers = Numbers {
                connection: &transaction,
                seed: self.seed,
                domains: &mut self.domains,
                hosts: &mut self.hosts,
            };
            match subject {
                Subject::Address(address) => Target::Address(numbers.address(address)?.0),
                Subject::Domain(domain) => Target::Domain(numbers.domain(domain.as_str())?),
            }
        };
        let (address, domain) = match target {
            Target::Address(number) => (Some(number), None),
            Target::Domain(number) => (None, Some(number)),
        };
        transaction.execute(
            "INSERT INTO decision (address, domain, taken_at, outcome, reason, rule, policy, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                address,
                domain,
                at.as_microsecond(),
                outcome.as_str(),
                reason.map(Reason::as_str),
                OPERATOR,
                POLICY_VERSION,
                note
            ],
        )?;
        let decision = transaction.last_insert_rowid();
        let outcome = follow(&transaction, target, decision).and_then(|()| Ok(transaction.commit()?));
        if outcome.is_err() {
            // Numbers that were given in vain must not be used again.
            self.forget_names();
        }
        outcome
    }

    pub(super) fn forget_names(&mut self) {
        self.domains.clear();
        self.hosts.clear();
    }
}

/// The row of a stop.
#[derive(Clone, Copy)]
enum Target {
    Address(i64),
    Domain(i64),
}

impl Target {
    fn replace(self, connection: &Connection, entry: &NewStop) -> Result<(), StoreError> {
        let (sql, number) = match self {
            Target::Address(number) => (REPLACE_ADDRESS_STOP, number),
            Target::Domain(number) => (
                "INSERT OR REPLACE INTO domain_stop (domain, stop, reason, since, until, decision)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                number,
            ),
        };
        write(connection, sql, number, entry)
    }

    fn remove(self, connection: &Connection) -> Result<(), StoreError> {
        match self {
            Target::Address(number) => {
                connection.execute("DELETE FROM address_stop WHERE address = ?1", [number])?
            }
            Target::Domain(number) => {
                connection.execute("DELETE FROM domain_stop WHERE domain = ?1", [number])?
            }
        };
        Ok(())
    }
}

const REPLACE_ADDRESS_STOP: &str =
    "INSERT OR REPLACE INTO address_stop (address, stop, reason, since, until, decision)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Enters the stop of a report, and says whether it did: one that weighs as much, or more, stays as it is.
pub(super) fn stop_by_report(
    connection: &Connection,
    address: i64,
    entry: &NewStop,
) -> Result<bool, StoreError> {
    let there = connection
        .prepare_cached("SELECT stop, reason, until FROM address_stop WHERE address = ?1")?
        .query_row([address], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?))
        })
        .optional()?;
    if let Some((stop, reason, until)) = there {
        let over = until.is_some_and(|until| until <= entry.since.as_microsecond());
        if !over
            && weight(word("the stop", &stop)?, word("the reason", &reason)?)
                >= weight(entry.stop, entry.reason)
        {
            return Ok(false);
        }
    }
    write(connection, REPLACE_ADDRESS_STOP, address, entry)?;
    Ok(true)
}

/// A person's own wish outweighs a dead mailbox, that one a hold.
fn weight(stop: Stop, reason: Reason) -> u8 {
    match (stop, reason) {
        (Stop::Suppression, Reason::Complaint | Reason::Unsubscribe) => 2,
        (Stop::Suppression, _) => 1,
        (Stop::Hold, _) => 0,
    }
}

fn write(connection: &Connection, sql: &str, number: i64, entry: &NewStop) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(params![
        number,
        entry.stop.as_str(),
        entry.reason.as_str(),
        entry.since.as_microsecond(),
        entry.until.map(Timestamp::as_microsecond),
        entry.decision
    ])?;
    Ok(())
}
