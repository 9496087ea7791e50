use std::collections::{BTreeMap, HashMap};

use abprall_mail::EmailAddress;
use abprall_policy::{HardStop, Outcome, POLICY_VERSION, Stop};
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, NewDecision, StopKey, StopValue, filled};
use super::column::{time, word};
use crate::audit::AuditEntry;
use crate::database::{Insert, each_of, row};
use crate::limits::{IMPORT_BATCH, IMPORT_ROWS_AT_ONCE};
use crate::plan::StopWrite;
use crate::{AuditAction, ImportMode, ImportSummary, ImportedStop, StoreError, Subject};

pub(super) fn import_stops(
    store: &mut SqlStore,
    rows: &mut dyn Iterator<Item = ImportedStop>,
    mode: ImportMode,
    at: Timestamp,
) -> Result<ImportSummary, StoreError> {
    match mode {
        // All of it is too much to be kept for a repetition.
        ImportMode::Whole => store.write_once(|book| import_and_tell(book, rows, at)),
        ImportMode::Batches => {
            let mut total = ImportSummary::default();
            let mut rows = rows.peekable();
            while rows.peek().is_some() {
                let batch: Vec<_> = rows.by_ref().take(IMPORT_BATCH).collect();
                let done = store.write(|book| import_and_tell(book, &mut batch.iter().cloned(), at))?;
                total.added += done.added;
                total.kept += done.kept;
            }
            Ok(total)
        }
    }
}

fn import_and_tell(
    book: &mut Book<'_>,
    rows: &mut dyn Iterator<Item = ImportedStop>,
    at: Timestamp,
) -> Result<ImportSummary, StoreError> {
    let done = import(book, rows, at)?;
    if done.added > 0 {
        let detail = done.added.to_string();
        book.audit(AuditAction::Import, &AuditEntry { detail: Some(&detail), ..AuditEntry::default() }, at)?;
    }
    Ok(done)
}

fn import(
    book: &mut Book<'_>,
    rows: &mut dyn Iterator<Item = ImportedStop>,
    at: Timestamp,
) -> Result<ImportSummary, StoreError> {
    let mut summary = ImportSummary::default();
    loop {
        let batch: Vec<_> = (&mut *rows).take(IMPORT_ROWS_AT_ONCE).collect();
        if batch.is_empty() {
            return Ok(summary);
        }
        let mut addresses = Vec::with_capacity(batch.len());
        for row in &batch {
            match &row.subject {
                Subject::Address(address) => addresses.push((address, row)),
                Subject::Domain(_) | Subject::MxHost(_) => import_one(book, row, at, &mut summary)?,
            }
        }
        import_addresses(book, &addresses, at, &mut summary)?;
    }
}

fn import_one(
    book: &mut Book<'_>,
    row: &ImportedStop,
    at: Timestamp,
    summary: &mut ImportSummary,
) -> Result<(), StoreError> {
    let (scope, subject) = book.subject(&row.subject)?;
    let (tenant, list) = audience_of(row);
    let key = StopKey { scope, subject, tenant: tenant.to_owned(), list: list.to_owned() };
    let before = book.stop_of(&key)?;
    if before.as_ref().is_some_and(|before| stands(&before.hard(), row, at)) {
        summary.kept += 1;
        return Ok(());
    }
    let decision = book.decide(&NewDecision {
        reason: Some(row.reason),
        rule: RULE,
        note: row.note.as_deref(),
        tenant,
        list,
        until: row.until,
        ..NewDecision::about(scope, subject, at, outcome_of(row.stop))
    })?;
    let since = row.since.unwrap_or(at);
    let value = StopValue { stop: row.stop, reason: row.reason, since, until: row.until, decision };
    book.end_exemptions(&key)?;
    book.put_stop_after(&key, &value, before.map(|before| before.stop))?;
    summary.added += 1;
    Ok(())
}

/// As [`import_one`], for many at once: lists of millions are addresses.
fn import_addresses(
    book: &mut Book<'_>,
    rows: &[(&EmailAddress, &ImportedStop)],
    at: Timestamp,
    summary: &mut ImportSummary,
) -> Result<(), StoreError> {
    let subjects = numbered(book, rows)?;
    let key_of = |place: usize| {
        let (tenant, list) = audience_of(rows[place].1);
        (subjects[place].number, tenant, list)
    };
    let asked: Vec<_> =
        (0..rows.len()).map(key_of).map(|(number, tenant, list)| row![number, tenant, list]).collect();
    let sql =
        "SELECT stop, reason, until FROM stop WHERE kind = 0 AND subject = ?1 AND tenant = ?2 AND list = ?3";
    let mut stored = HashMap::new();
    each_of(book.connection, sql, &asked, &mut |place, row| {
        let hard = HardStop {
            stop: word("the stop", &row.get::<String>(0)?)?,
            reason: word("the reason", &row.get::<String>(1)?)?,
            until: row.get::<Option<i64>>(2)?.map(time).transpose()?,
        };
        stored.insert(key_of(place), hard);
        Ok(())
    })?;
    let sql = "SELECT coalesce(max(id), 0) + 1 FROM decision";
    let mut next: i64 = book.connection.query_row(sql, [], |row| row.get(0))?;
    // An address may stand in the list twice: the later row finds what the earlier one made.
    let mut standing = stored.clone();
    let mut decisions = Vec::new();
    let mut writes: BTreeMap<_, StopWrite> = BTreeMap::new();
    for (place, (_, row)) in rows.iter().enumerate() {
        let key = key_of(place);
        if standing.get(&key).is_some_and(|known| stands(known, row, at)) {
            summary.kept += 1;
            continue;
        }
        decisions.push(row![
            next,
            subjects[place].number,
            at.as_microsecond(),
            outcome_of(row.stop).as_str(),
            row.reason.as_str(),
            RULE,
            POLICY_VERSION,
            row.note.as_deref(),
            filled(key.1),
            filled(key.2),
            row.until.map(Timestamp::as_microsecond),
        ]);
        standing.insert(key, HardStop { stop: row.stop, reason: row.reason, until: row.until });
        let write = StopWrite {
            address: subjects[place].number,
            domain: subjects[place].domain,
            hash: subjects[place].hash,
            tenant: key.1.to_owned(),
            list: key.2.to_owned(),
            stop: row.stop,
            reason: row.reason,
            since: row.since.unwrap_or(at),
            until: row.until,
            decision: next,
            before: stored.get(&key).map(|known| known.stop),
        };
        writes.insert(key, write);
        next += 1;
        summary.added += 1;
    }
    DECISIONS.run(book.connection, &decisions)?;
    book.put_planned(&writes.into_values().collect::<Vec<_>>())
}

const DECISIONS: Insert = Insert {
    into: "INSERT INTO decision (id, address, taken_at, outcome, reason, rule, policy, note, tenant, list, until)",
    values: "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11",
    conflict: "",
};

const RULE: &str = "import";

/// An address with its numbers.
struct Numbered {
    number: i64,
    domain: i64,
    hash: i64,
}

/// The numbers of the addresses, in their order; those that are new are stored.
fn numbered(
    book: &mut Book<'_>,
    rows: &[(&EmailAddress, &ImportedStop)],
) -> Result<Vec<Numbered>, StoreError> {
    let mut domain_places = HashMap::new();
    let mut domains = Vec::new();
    for (address, _) in rows {
        let name = address.domain_part();
        domain_places.entry(name).or_insert_with(|| {
            domains.push(name);
            domains.len() - 1
        });
    }
    let domains = book.domains(&domains)?;
    let keys: Vec<_> = rows.iter().map(|(address, _)| address.suppression_key()).collect();
    let mut places = HashMap::new();
    let mut asked = Vec::new();
    for ((address, _), key) in rows.iter().zip(&keys) {
        places.entry(key).or_insert_with(|| {
            asked.push((key, domains[domain_places[address.domain_part()]]));
            asked.len() - 1
        });
    }
    let known = book.addresses(&asked)?;
    let numbered = keys.iter().map(|key| {
        let place = places[key];
        let hash = key.fingerprint(book.seed).cast_signed();
        Numbered { number: known[place].id, domain: asked[place].1, hash }
    });
    Ok(numbered.collect())
}

fn audience_of(row: &ImportedStop) -> (&str, &str) {
    (row.audience.tenant.as_deref().unwrap_or_default(), row.audience.list.as_deref().unwrap_or_default())
}

fn outcome_of(stop: Stop) -> Outcome {
    match stop {
        Stop::Hold => Outcome::Hold,
        Stop::Suppression => Outcome::Suppress,
    }
}

/// Whether what is there stays.
fn stands(known: &HardStop, row: &ImportedStop, at: Timestamp) -> bool {
    known.until.is_none_or(|until| until > at)
        && known.outweighs(&HardStop { stop: row.stop, reason: row.reason, until: row.until })
}
