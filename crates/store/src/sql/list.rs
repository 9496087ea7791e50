use std::ops::ControlFlow;

use abprall_mail::Reason;
use jiff::Timestamp;

use super::SqlStore;
use super::book::kind_of;
use super::check::{standing, stop_columns};
use crate::database::params;
use crate::{Audience, Scope, State, StopFilter, StopRow, StoreError};

/// Whole domains first, then mail hosts, then addresses.
pub(super) fn stops(
    store: &SqlStore,
    filter: &StopFilter,
    at: Timestamp,
    each: &mut dyn FnMut(StopRow) -> ControlFlow<()>,
) -> Result<u64, StoreError> {
    let stop = match filter.state {
        None => None,
        Some(State::Held) => Some("hold"),
        Some(State::Suppressed) => Some("suppression"),
        Some(State::Ok) => return Ok(0),
    };
    // Conditions that are always there would hide the index of the reasons.
    let of_reason = match filter.reason {
        Some(_) => "AND reason = ?3",
        None => "AND ?3 IS NULL",
    };
    let mut listed = 0;
    for (scope, named) in
        [(Scope::Domain, "domain.name"), (Scope::MxHost, "host.name"), (Scope::Address, "address.text")]
    {
        let table = named.split_once('.').map_or(named, |(table, _)| table);
        let sql = format!(
            "SELECT {named}, stop, reason, since, until, decision, tenant, list FROM stop CROSS JOIN {table}
             WHERE {table}.id = stop.subject AND kind = {} {of_reason} AND (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2)
                 AND (?4 IS NULL OR tenant = ?4) AND (?5 IS NULL OR list = ?5)
             ORDER BY kind, subject",
            kind_of(scope)
        );
        let mut statement = store.connection.prepare_cached(&sql)?;
        let mut is_enough = false;
        let reason = filter.reason.map(Reason::as_str);
        statement.stream(params![at.as_microsecond(), stop, reason, filter.tenant, filter.list], |row| {
            let columns = stop_columns(row, 1)?;
            let text = |text: String| (!text.is_empty()).then_some(text);
            let audience = Audience { tenant: text(row.get(6)?), list: text(row.get(7)?) };
            listed += 1;
            let go_on = each(StopRow { standing: standing(row.get(0)?, scope, columns)?, audience });
            is_enough = go_on.is_break();
            Ok(go_on)
        })?;
        if is_enough {
            break;
        }
    }
    Ok(listed)
}
