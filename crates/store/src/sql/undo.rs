//! Undoing one decision, by a new one: what it stopped stands again as it would without it.

use jiff::Timestamp;

use super::book::{Book, NewDecision, StopKey, StopValue};
use super::column::{time, word};
use crate::database::{OptionalRow, params};
use crate::{Scope, StoreError};

/// What became of whom the decision was about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Undone {
    /// It may be sent to.
    Freed,
    /// Another decision holds it.
    Restored,
    /// The decision stopped nobody any more.
    Overtaken,
}

/// A decision that is to be undone.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) decision: i64,
    pub(super) key: StopKey,
}

pub(super) fn undo(
    book: &mut Book<'_>,
    target: &Target,
    new: &NewDecision<'_>,
) -> Result<(i64, Undone), StoreError> {
    let key = &target.key;
    let stands = book.stop_of(key)?;
    let number = book.decide(&NewDecision {
        tenant: &key.tenant,
        list: &key.list,
        undoes: Some(target.decision),
        ..new.clone()
    })?;
    let Some(stands) = stands.filter(|stop| stop.decision == target.decision) else {
        return Ok((number, Undone::Overtaken));
    };
    match other_ground(book, key, new.taken_at)? {
        Some(value) => {
            book.put_stop_after(key, &value, Some(stands.stop))?;
            Ok((number, Undone::Restored))
        }
        None => {
            book.remove_stop(key)?;
            Ok((number, Undone::Freed))
        }
    }
}

/// The hardest decision that is not undone and would stop the same, since the last time that it was lifted.
///
/// What undoes one decision lifts that one only, unless a person says it: it means whatever stands.
fn other_ground(book: &Book<'_>, key: &StopKey, at: Timestamp) -> Result<Option<StopValue>, StoreError> {
    let column = match key.scope {
        Scope::Address => "address",
        Scope::Domain => "domain",
        Scope::MxHost => "host",
    };
    let sql = format!(
        "SELECT id, outcome, reason, taken_at, until FROM decision AS ground
         WHERE {column} = ?1 AND coalesce(tenant, '') = ?2 AND coalesce(list, '') = ?3
             AND outcome IN ('suppress', 'hold', 'pending') AND (until IS NULL OR until > ?4)
             AND NOT EXISTS (SELECT 1 FROM decision WHERE undoes = ground.id)
             AND NOT EXISTS (SELECT 1 FROM decision AS lifted WHERE lifted.{column} = ?1 AND lifted.id > ground.id
                 AND lifted.outcome IN ('lift', 'release', 'reinstate') AND lifted.rule <> 'rewind'
                 AND (lifted.undoes IS NULL OR lifted.rule = 'operator')
                 AND coalesce(lifted.tenant, '') = ?2 AND coalesce(lifted.list, '') = ?3)
         ORDER BY outcome = 'suppress' DESC, coalesce(reason, '') IN ('complaint', 'unsubscribe') DESC, until IS NULL DESC, id DESC LIMIT 1"
    );
    let row = book
        .connection
        .prepare_cached(&sql)?
        .query_row(params![key.subject, key.tenant, key.list, at.as_microsecond()], |row| {
            Ok((
                row.get::<i64>(0)?,
                row.get::<String>(1)?,
                row.get::<Option<String>>(2)?,
                row.get::<i64>(3)?,
                row.get::<Option<i64>>(4)?,
            ))
        })
        .optional()?;
    let Some((decision, outcome, reason, since, until)) = row else { return Ok(None) };
    let outcome: abprall_policy::Outcome = word("the outcome", &outcome)?;
    let Some(stop) = outcome.stop() else { return Ok(None) };
    Ok(Some(StopValue {
        stop,
        reason: word("the reason", reason.as_deref().unwrap_or("undetermined"))?,
        since: time(since)?,
        until: until.map(time).transpose()?,
        decision,
    }))
}
