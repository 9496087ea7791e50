//! Numbered migrations: append-only, each with a checksum, one process at a time.

use xxhash_rust::xxh3::xxh3_64;

use super::Session;
use crate::StoreError;
use crate::database::ToValue;

/// In the order of their numbers, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_initial.sql"),
    include_str!("../../migrations/postgres/0002_sync.sql"),
    include_str!("../../migrations/postgres/0003_keys.sql"),
    include_str!("../../migrations/postgres/0004_locality.sql"),
];

/// The newest schema that this program knows.
pub(super) fn known() -> u32 {
    MIGRATIONS.len() as u32
}

/// Whether anything of ours is there.
pub(super) fn is_ours(session: &Session) -> Result<bool, StoreError> {
    is_true(session, "SELECT to_regclass(quote_ident(current_schema()) || '.migration') IS NOT NULL")
}

/// Brings the database to the newest schema; checks that it is ours and not newer.
pub(super) fn migrate(session: &Session, place: &str) -> Result<(), StoreError> {
    let path = || place.into();
    let known = MIGRATIONS.len() as u32;
    session.begin()?;
    let done = (|| {
        if !is_ours(session)? {
            let others =
                "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace)";
            if is_true(session, others)? {
                return Err(StoreError::NotOurs { path: path() });
            }
            session.batch("CREATE TABLE migration (number bigint PRIMARY KEY, checksum bigint NOT NULL)")?;
        }
        let applied = session.query("SELECT checksum FROM migration ORDER BY number", &[])?;
        for (number, (sql, row)) in (1..).zip(MIGRATIONS.iter().zip(&applied)) {
            if row.try_get::<_, i64>(0)? != checksum(sql) {
                return Err(StoreError::OtherMigration { path: path(), number });
            }
        }
        if applied.len() > MIGRATIONS.len() {
            return Err(StoreError::Newer { path: path(), found: applied.len() as u32, known });
        }
        for (number, sql) in (1_i64..).zip(MIGRATIONS).skip(applied.len()) {
            session.batch(sql)?;
            let checksum = checksum(sql);
            let values = [number.value(), checksum.value()];
            session.execute("INSERT INTO migration (number, checksum) VALUES (?1, ?2)", &values)?;
        }
        Ok(())
    })();
    match done {
        Ok(()) => session.commit(),
        Err(error) => {
            session.roll_back();
            Err(error)
        }
    }
}

fn is_true(session: &Session, sql: &str) -> Result<bool, StoreError> {
    let rows = session.query(sql, &[])?;
    Ok(rows.first().map(|row| row.try_get::<_, bool>(0)).transpose()?.unwrap_or(false))
}

fn checksum(sql: &str) -> i64 {
    xxh3_64(sql.as_bytes()).cast_signed()
}
