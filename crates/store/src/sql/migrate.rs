//! Numbered migrations: append-only, each with a checksum, so that two builds never disagree silently about a schema.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use xxhash_rust::xxh3::xxh3_64;

use crate::StoreError;

/// In the order of their numbers, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_watch.sql"),
    include_str!("../../migrations/sqlite/0003_sync.sql"),
    include_str!("../../migrations/sqlite/0004_keys.sql"),
    include_str!("../../migrations/sqlite/0005_locality.sql"),
];

/// The newest schema that this program knows.
pub(crate) const SCHEMA: u32 = MIGRATIONS.len() as u32;

/// Marks the file as ours in its header (`PRAGMA application_id`): "Abpr".
pub(crate) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"Abpr");

/// Brings the database to the newest schema; checks that it is ours and not newer.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let schema: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID && !is_empty(connection)? {
        return Err(StoreError::NotOurs { path: path.to_owned() });
    }
    if schema > SCHEMA {
        return Err(StoreError::Newer { path: path.to_owned(), found: schema, known: SCHEMA });
    }
    // What is there has to be ours before anything is built on it.
    if schema > 0 {
        compare(connection, path)?;
    }
    if schema < SCHEMA {
        apply(connection)?;
    }
    compare(connection, path)
}

fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?)
}

/// Applies what is missing, in one transaction. Another process may have done it while we waited for the lock.
fn apply(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let schema: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema == 0 {
        transaction.execute_batch(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL) STRICT;",
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    for (number, sql) in (1..).zip(MIGRATIONS).skip(schema as usize) {
        transaction.execute_batch(sql)?;
        transaction.execute(
            "INSERT INTO migration (number, checksum) VALUES (?1, ?2)",
            params![number, checksum(sql)],
        )?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}

fn compare(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT number, checksum FROM migration ORDER BY number")?;
    let applied = statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?)))?;
    for (sql, row) in MIGRATIONS.iter().zip(applied) {
        let (number, applied) = row?;
        if applied != checksum(sql) {
            return Err(StoreError::OtherMigration { path: path.to_owned(), number });
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> i64 {
    xxh3_64(sql.as_bytes()).cast_signed()
}
