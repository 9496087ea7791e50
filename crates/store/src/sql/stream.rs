//! Decisions one after the other, as they were committed: numbers are given out by one writer at a time.

use super::SqlStore;
use super::story::{DECISIONS, decision_of};
use crate::database::params;
use crate::{DecisionRecord, StoreError};

pub(super) fn decisions_after(
    store: &SqlStore,
    after: i64,
    tenant: Option<&str>,
    max: u32,
) -> Result<Vec<DecisionRecord>, StoreError> {
    // A condition that is always there would hide the index of the tenants.
    let of_tenant = match tenant {
        Some(_) => "AND decision.tenant = ?3",
        None => "AND ?3 IS NULL",
    };
    let sql = format!("{DECISIONS} WHERE decision.id > ?1 {of_tenant} ORDER BY decision.id LIMIT ?2");
    let mut statement = store.connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![after, max, tenant])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(decision_of(row)?);
    }
    Ok(decisions)
}

pub(super) fn newest_decision(store: &SqlStore) -> Result<i64, StoreError> {
    store.connection.query_row("SELECT coalesce(max(id), 0) FROM decision", [], |row| row.get(0))
}
