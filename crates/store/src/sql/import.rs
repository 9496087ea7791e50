use abprall_policy::{Outcome, Stop};
use jiff::Timestamp;

use super::SqlStore;
use super::book::{Book, NewDecision, StopKey, StopValue};
use crate::limits::IMPORT_BATCH;
use crate::plan::{HardStop, outweighs};
use crate::{ImportMode, ImportSummary, ImportedStop, StoreError};

pub(super) fn import_stops(
    store: &mut SqlStore,
    rows: &mut dyn Iterator<Item = ImportedStop>,
    mode: ImportMode,
    at: Timestamp,
) -> Result<ImportSummary, StoreError> {
    match mode {
        // All of it is too much to be kept for a repetition.
        ImportMode::Whole => store.write_once(|book| import(book, rows, at)),
        ImportMode::Batches => {
            let mut total = ImportSummary::default();
            let mut rows = rows.peekable();
            while rows.peek().is_some() {
                let batch: Vec<_> = rows.by_ref().take(IMPORT_BATCH).collect();
                let done = store.write(|book| import(book, &mut batch.iter().cloned(), at))?;
                total.added += done.added;
                total.kept += done.kept;
            }
            Ok(total)
        }
    }
}

fn import(
    book: &mut Book<'_>,
    rows: &mut dyn Iterator<Item = ImportedStop>,
    at: Timestamp,
) -> Result<ImportSummary, StoreError> {
    let mut summary = ImportSummary::default();
    for row in rows {
        let (scope, subject) = book.subject(&row.subject)?;
        let key = StopKey {
            scope,
            subject,
            tenant: row.audience.tenant.clone().unwrap_or_default(),
            list: row.audience.list.clone().unwrap_or_default(),
        };
        let before = book.stop_of(&key)?;
        let stands = |value: &StopValue| {
            value.until.is_none_or(|until| until > at)
                && outweighs(
                    &value.hard(),
                    &HardStop { stop: row.stop, reason: row.reason, until: row.until },
                )
        };
        if before.as_ref().is_some_and(stands) {
            summary.kept += 1;
            continue;
        }
        let outcome = match row.stop {
            Stop::Hold => Outcome::Hold,
            Stop::Suppression => Outcome::Suppress,
        };
        let decision = book.decide(&NewDecision {
            reason: Some(row.reason),
            rule: "import",
            note: row.note.as_deref(),
            tenant: &key.tenant,
            list: &key.list,
            until: row.until,
            ..NewDecision::about(scope, subject, at, outcome)
        })?;
        let since = row.since.unwrap_or(at);
        let value = StopValue { stop: row.stop, reason: row.reason, since, until: row.until, decision };
        book.end_exemptions(&key)?;
        book.put_stop_after(&key, &value, before.map(|before| before.stop))?;
        summary.added += 1;
    }
    Ok(summary)
}
