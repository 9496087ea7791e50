use std::ops::ControlFlow;

use abprall_mail::Reason;
use jiff::Timestamp;

use super::SqlStore;
use super::book::kind_of;
use super::check::{standing, stop_columns};
use crate::database::params;
use crate::{Audience, Cursor, Page, Rows, Scope, State, StopFilter, StopRow, StoreError};

/// Whole domains first, then mail hosts, then addresses.
const SCOPES: [(Scope, &str); 3] =
    [(Scope::Domain, "domain.name"), (Scope::MxHost, "host.name"), (Scope::Address, "address.text")];

pub(super) fn stops(
    store: &SqlStore,
    filter: &StopFilter,
    at: Timestamp,
    each: &mut dyn FnMut(StopRow) -> ControlFlow<()>,
) -> Result<u64, StoreError> {
    let mut listed = 0;
    stops_after(store, filter, None, at, &mut |_, row| {
        listed += 1;
        each(row)
    })?;
    Ok(listed)
}

/// A page ends only between two subjects: the cursor names the last one.
pub(super) fn page(
    store: &SqlStore,
    filter: &StopFilter,
    page: Page,
    at: Timestamp,
) -> Result<Rows<StopRow>, StoreError> {
    let mut found = Rows { rows: Vec::new(), next: None };
    let mut last: Option<Cursor> = None;
    stops_after(store, filter, page.after, at, &mut |place, row| {
        if found.rows.len() >= page.rows.max(1) as usize && last != Some(place) {
            found.next = last;
            return ControlFlow::Break(());
        }
        last = Some(place);
        found.rows.push(row);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The place of a stop: its scope, in the order of the list, and its subject.
fn stops_after(
    store: &SqlStore,
    filter: &StopFilter,
    after: Option<Cursor>,
    at: Timestamp,
    each: &mut dyn FnMut(Cursor, StopRow) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let stop = match filter.state {
        None => None,
        Some(State::Held) => Some("hold"),
        Some(State::Suppressed) => Some("suppression"),
        Some(State::Ok) => return Ok(()),
    };
    // Conditions that are always there would hide the index of the reasons.
    let of_reason = match filter.reason {
        Some(_) => "AND reason = ?3",
        None => "AND ?3 IS NULL",
    };
    for (key, (scope, named)) in (0_i64..).zip(SCOPES) {
        let after = match after {
            Some(cursor) if cursor.key > key => continue,
            Some(cursor) if cursor.key == key => cursor.id,
            Some(_) | None => i64::MIN,
        };
        let table = named.split_once('.').map_or(named, |(table, _)| table);
        let sql = format!(
            "SELECT {named}, stop, reason, since, until, decision, tenant, list, subject FROM stop CROSS JOIN {table}
             WHERE {table}.id = stop.subject AND kind = {} AND subject > ?6 {of_reason}
                 AND (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2)
                 AND (?4 IS NULL OR tenant = ?4) AND (?5 IS NULL OR list = ?5)
             ORDER BY kind, subject",
            kind_of(scope)
        );
        let mut statement = store.connection.prepare_cached(&sql)?;
        let mut is_enough = false;
        let reason = filter.reason.map(Reason::as_str);
        statement.stream(
            params![at.as_microsecond(), stop, reason, filter.tenant, filter.list, after],
            |row| {
                let columns = stop_columns(row, 1)?;
                let text = |text: String| (!text.is_empty()).then_some(text);
                let audience = Audience { tenant: text(row.get(6)?), list: text(row.get(7)?) };
                let place = Cursor { key, id: row.get(8)? };
                let go_on =
                    each(place, StopRow { standing: standing(row.get(0)?, scope, columns)?, audience });
                is_enough = go_on.is_break();
                Ok(go_on)
            },
        )?;
        if is_enough {
            break;
        }
    }
    Ok(())
}
