//! How rows of a list get into the database: the one place that knows its interface.

use abprall_policy::Stop;
use abprall_store::{ImportMode, ImportSummary, ImportedStop, State, Store, StoreError, Subject};
use jiff::Timestamp;

use crate::lists::{Listed, ListedSubject};

/// Stores the rows. Where a subject is stopped already, the harder stop stays.
pub(super) fn import(
    store: &mut dyn Store,
    rows: &mut dyn Iterator<Item = Listed>,
    mode: ImportMode,
    now: Timestamp,
) -> Result<ImportSummary, StoreError> {
    let mut over = 0;
    let mut stops = rows.filter(|row| {
        let is_over = row.until.is_some_and(|until| until <= now);
        over += u64::from(is_over);
        !is_over
    });
    let mut stops = stops.by_ref().map(|row| ImportedStop {
        subject: match row.subject {
            ListedSubject::Address(address) => Subject::Address(address),
            ListedSubject::Domain(domain) => Subject::Domain(domain),
        },
        stop: row.stop,
        reason: row.reason,
        // A date of the future is a mistake of the list.
        since: row.since.map(|since| since.min(now)),
        until: row.until,
        audience: row.audience,
        note: row.note,
    });
    let mut imported = store.import_stops(&mut stops, mode, now)?;
    imported.kept += over;
    Ok(imported)
}

/// The stop of a state.
pub(super) fn stop_of(state: State) -> Option<Stop> {
    match state {
        State::Ok => None,
        State::Held => Some(Stop::Hold),
        State::Suppressed => Some(Stop::Suppression),
    }
}
