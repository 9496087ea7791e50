use super::SqlStore;
use crate::database::{OptionalRow, params};
use crate::plan::read_fingerprint;
use crate::{Change, Fingerprint, StopChange, StoreError};

pub(super) fn changes_since(store: &SqlStore, seq: u64, max: u32) -> Result<Vec<StopChange>, StoreError> {
    let mut statement = store.connection.prepare_cached(
        "SELECT seq, fingerprint, added FROM stop_change WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map(params![seq.cast_signed(), max], |row| {
        Ok(StopChange {
            seq: row.get::<i64>(0)?.cast_unsigned(),
            fingerprint: Fingerprint::from_hash(row.get::<i64>(1)?.cast_unsigned()),
            change: if row.get(2)? { Change::Added } else { Change::Removed },
        })
    })?;
    rows.collect::<Result<_, _>>()
}

pub(super) fn policy_text(store: &SqlStore, fingerprint: &str) -> Result<Option<String>, StoreError> {
    let Some(fingerprint) = read_fingerprint(fingerprint) else { return Ok(None) };
    store
        .connection
        .prepare_cached("SELECT text FROM policy_text WHERE fingerprint = ?1")?
        .query_row([fingerprint], |row| row.get(0))
        .optional()
}
