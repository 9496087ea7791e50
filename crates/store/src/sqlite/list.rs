use abprall_mail::Reason;
use jiff::Timestamp;
use rusqlite::params;

use super::SqliteStore;
use super::check::{standing, stop_columns};
use crate::{Scope, Standing, State, StoreError};

impl SqliteStore {
    /// Hands all that is stopped at `at` to `each`, whole domains first, without ever holding all of it; `state` and `reason`
    /// narrow it down. Gives how many there were. An error of `each` ends the list.
    ///
    /// # Errors
    /// Where the database cannot be read, and what `each` says.
    pub fn stops<E: From<StoreError>>(
        &self,
        state: Option<State>,
        reason: Option<Reason>,
        at: Timestamp,
        mut each: impl FnMut(Standing) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut listed = 0;
        for (scope, sql) in [
            (
                Scope::Domain,
                "SELECT domain.name, stop, reason, since, until, decision
                 FROM domain_stop JOIN domain ON domain.id = domain_stop.domain
                 WHERE (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2) AND (?3 IS NULL OR reason = ?3)
                 ORDER BY domain.id",
            ),
            (
                Scope::Address,
                "SELECT address.text, stop, reason, since, until, decision
                 FROM address_stop JOIN address ON address.id = address_stop.address
                 WHERE (until IS NULL OR until > ?1) AND (?2 IS NULL OR stop = ?2) AND (?3 IS NULL OR reason = ?3)
                 ORDER BY address_stop.address",
            ),
        ] {
            let stop = match state {
                None => None,
                Some(State::Held) => Some("hold"),
                Some(State::Suppressed) => Some("suppression"),
                Some(State::Ok) => return Ok(0),
            };
            let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
            let mut rows = statement
                .query(params![at.as_microsecond(), stop, reason.map(Reason::as_str)])
                .map_err(StoreError::from)?;
            while let Some(row) = rows.next().map_err(StoreError::from)? {
                let columns = stop_columns(row, 1).map_err(StoreError::from)?;
                let name = row.get(0).map_err(StoreError::from)?;
                each(standing(name, scope, columns)?)?;
                listed += 1;
            }
        }
        Ok(listed)
    }
}
