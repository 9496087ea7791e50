use std::ops::ControlFlow;

use abprall_mail::Reason;
use jiff::Timestamp;

use super::SqliteStore;
use super::check::{standing, stop_columns};
use crate::database::params;
use crate::{Audience, Scope, State, StopFilter, StopRow, StoreError};

/// Whole domains first, then mail hosts, then addresses.
pub(super) fn stops(
    store: &SqliteStore,
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
    let mut listed = 0;
    for (scope, sql) in [
        (
            Scope::Domain,
            "SELECT domain.name, stop, reason, since, until, decision, tenant, list
             FROM stop JOIN domain ON domain.id = stop.subject
             WHERE kind = 1 AND (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2) AND (?3 IS NULL OR reason = ?3)
                 AND (?4 IS NULL OR tenant = ?4) AND (?5 IS NULL OR list = ?5)
             ORDER BY kind, subject",
        ),
        (
            Scope::MxHost,
            "SELECT host.name, stop, reason, since, until, decision, tenant, list
             FROM stop JOIN host ON host.id = stop.subject
             WHERE kind = 2 AND (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2) AND (?3 IS NULL OR reason = ?3)
                 AND (?4 IS NULL OR tenant = ?4) AND (?5 IS NULL OR list = ?5)
             ORDER BY kind, subject",
        ),
        (
            Scope::Address,
            "SELECT address.text, stop, reason, since, until, decision, tenant, list
             FROM stop JOIN address ON address.id = stop.subject
             WHERE kind = 0 AND (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2) AND (?3 IS NULL OR reason = ?3)
                 AND (?4 IS NULL OR tenant = ?4) AND (?5 IS NULL OR list = ?5)
             ORDER BY kind, subject",
        ),
    ] {
        let mut statement = store.connection.prepare_cached(sql)?;
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
