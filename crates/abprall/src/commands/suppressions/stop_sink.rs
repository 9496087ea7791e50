//! How rows of a list get into the database: the one place that knows its interface.

use abprall_mail::Reason;
use abprall_policy::Stop;
use abprall_store::{Scope, SqliteStore, State, StoreError, Subject};
use jiff::Timestamp;

use crate::lists::{Listed, ListedSubject};

/// What is stored when something fails in between.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ImportMode {
    /// Nothing.
    Whole,
    /// What came before.
    Batches,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Imported {
    /// New, or harder than what was there.
    pub(super) added: u64,
    /// Stopped as hard already, also by an earlier row.
    pub(super) kept: u64,
}

/// Stores the rows. Where a subject is stopped already, the harder stop stays.
///
/// `ImportMode::Whole` holds only for bad lines: this database takes one stop after the other.
pub(super) fn import(
    store: &mut SqliteStore,
    rows: &mut dyn Iterator<Item = Listed>,
    _mode: ImportMode,
    now: Timestamp,
) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for row in rows {
        if row.until.is_some_and(|until| until <= now) {
            imported.kept += 1;
            continue;
        }
        let (subject, scope) = match row.subject {
            ListedSubject::Address(address) => (Subject::Address(address), Scope::Address),
            ListedSubject::Domain(domain) => (Subject::Domain(domain), Scope::Domain),
        };
        let there = store.check_subject(&subject, now)?;
        let own = there.scope == Some(scope);
        if own
            && there
                .reason
                .is_some_and(|reason| weight(there.state, reason) >= weight(row.stop.into(), row.reason))
        {
            imported.kept += 1;
            continue;
        }
        // A date of the future is a mistake of the list.
        let since = row.since.map_or(now, |since| since.min(now));
        store.stop(&subject, row.stop, row.reason, since, row.until, row.note.as_deref())?;
        imported.added += 1;
    }
    Ok(imported)
}

/// A person's own wish outweighs a dead mailbox, that one a hold: as the store weighs reports.
fn weight(state: State, reason: Reason) -> u8 {
    match (state, reason) {
        (State::Suppressed, Reason::Complaint | Reason::Unsubscribe) => 3,
        (State::Suppressed, _) => 2,
        (State::Held, _) => 1,
        (State::Ok, _) => 0,
    }
}

/// The stop of a state.
pub(super) fn stop_of(state: State) -> Option<Stop> {
    match state {
        State::Ok => None,
        State::Held => Some(Stop::Hold),
        State::Suppressed => Some(Stop::Suppression),
    }
}
