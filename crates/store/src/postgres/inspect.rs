use jiff::Timestamp;

use super::{migrate, open};
use crate::{Inspection, StoreError};

/// As `inspect_store`, of a PostgreSQL database.
pub(crate) fn inspect(place: &str) -> Result<Inspection, StoreError> {
    let (session, shown) = open::connect(place)?;
    if !migrate::is_ours(&session)? {
        return Err(StoreError::Missing { path: shown.into() });
    }
    // `synchronous_commit` is set by each of our connections; these only the server can set.
    let rows = session.query(
        "SELECT (SELECT max(number) FROM migration), current_setting('server_version'),
             (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_setting('fsync'),
             current_setting('full_page_writes'), pg_database_size(current_database())",
        &[],
    )?;
    let row = rows.first().ok_or(StoreError::Locked)?;
    let is_off = |name: &str, value: String| (value != "on").then(|| format!("{name}={value}"));
    let not_durable = [is_off("fsync", row.try_get(3)?), is_off("full_page_writes", row.try_get(4)?)];
    Ok(Inspection {
        schema: u32::try_from(row.try_get::<_, Option<i64>>(0)?.unwrap_or(0)).unwrap_or(u32::MAX),
        known_schema: migrate::known(),
        server: Some(format!("PostgreSQL {}", row.try_get::<_, String>(1)?)),
        clock: Timestamp::from_microsecond(row.try_get(2)?).ok(),
        not_durable: not_durable.into_iter().flatten().collect(),
        bytes: row.try_get::<_, i64>(5)?.unsigned_abs(),
    })
}
