use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{SqlStore, file, migrate};
use crate::StoreError;
use crate::database::{self, OptionalRow};
use crate::limits::{BUSY_WAIT, CACHE_KIB_MAX, CACHE_KIB_MIN, CACHE_SHARE, CHECKPOINT_PAGES, SPILL_PAGES};
use crate::postgres::Session;

impl SqlStore {
    /// Opens the store at `path`, makes it where there is none, brings it to the newest schema.
    ///
    /// # Errors
    /// Where the path cannot be opened, is no store, or is one of a newer Abprall.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        file::make_private(path);
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// Opens the store at `path` to ask it something.
    ///
    /// # Errors
    /// As [`SqlStore::open`], and [`StoreError::Missing`] where there is none.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        match path.try_exists() {
            Ok(false) => Err(StoreError::Missing { path: path.to_owned() }),
            Ok(true) | Err(_) => Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE),
        }
    }

    fn open_with(path: &Path, flags: OpenFlags) -> Result<Self, StoreError> {
        let cannot_open = |detail: String| StoreError::CannotOpen { path: path.to_owned(), detail };
        if path.is_dir() {
            return Err(cannot_open("it is a directory".to_owned()));
        }
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)
            .map_err(|error| cannot_open(file::trouble_with(path).unwrap_or_else(|| error.to_string())))?;
        connection.busy_timeout(BUSY_WAIT)?;
        // The first look into the file: here SQLite notices that it is none of its own.
        match connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)) {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(StoreError::NotOurs { path: path.to_owned() });
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                return Err(cannot_open(file::trouble_with(path).unwrap_or_else(|| error.to_string())));
            }
            Err(error) => return Err(error.into()),
        }
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate::migrate(&mut connection, path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What an erased person leaves must not lie on in free parts of pages.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        fit_cache(&connection)?;
        connection.pragma_update(None, "cache_spill", SPILL_PAGES)?;
        // A database that cannot be written is still good for questions, without the write-ahead log.
        if !connection.is_readonly("main")? {
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
        }
        connection.set_prepared_statement_cache_capacity(128);
        let mut connection = database::Connection::Sqlite(connection);
        let seed = seed(&connection)?;
        if let database::Connection::Sqlite(connection) = &mut connection {
            feed_index(connection, seed)?;
        }
        Ok(Self::on(connection, seed))
    }
}

impl SqlStore {
    /// Opens the PostgreSQL database that a connection string names, brings it to the newest schema.
    ///
    /// # Errors
    /// Where the server cannot be reached, or the database is none of ours or one of a newer Abprall.
    pub fn open_postgres(place: &str) -> Result<Self, StoreError> {
        Self::on_postgres(Session::open(place)?)
    }

    /// As [`SqlStore::open_postgres`], where there is a store already.
    ///
    /// # Errors
    /// As there, and [`StoreError::Missing`].
    pub fn open_existing_postgres(place: &str) -> Result<Self, StoreError> {
        Self::on_postgres(Session::open_existing(place)?)
    }

    fn on_postgres(session: Session) -> Result<Self, StoreError> {
        let connection = database::Connection::Postgres(Box::new(session));
        let seed = seed(&connection)?;
        Ok(Self::on(connection, seed))
    }
}

impl SqlStore {
    fn on(connection: database::Connection, seed: u64) -> Self {
        let actor = "command".to_owned();
        Self {
            connection,
            seed,
            actor,
            domains: HashMap::new(),
            hosts: HashMap::new(),
            policy: None,
            commits: 0,
        }
    }
}

/// A store from before the suppression index has stops of which the index was never told.
fn feed_index(connection: &mut Connection, seed: u64) -> Result<(), StoreError> {
    const OWED: &str = "SELECT EXISTS (SELECT 1 FROM stop) AND NOT EXISTS (SELECT 1 FROM stop_change)";
    let owes = |connection: &Connection| connection.query_row(OWED, [], |row| row.get::<_, bool>(0));
    if !owes(connection)? || connection.is_readonly("main")? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if owes(&transaction)? {
        transaction.execute_batch(
            "INSERT INTO stop_change (fingerprint, added)
             SELECT DISTINCT address.hash, 1 FROM stop JOIN address ON address.id = stop.subject WHERE kind = 0",
        )?;
        let mut domains = transaction.prepare(
            "SELECT DISTINCT domain.name FROM stop JOIN domain ON domain.id = stop.subject WHERE kind = 1",
        )?;
        let mut rows = domains.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let hash = xxh3_64_with_seed(name.as_bytes(), seed).cast_signed();
            transaction.execute("INSERT INTO stop_change (fingerprint, added) VALUES (?1, 1)", [hash])?;
        }
    }
    Ok(transaction.commit()?)
}

/// The seed of this installation, drawn when the database is new.
fn seed(connection: &database::Connection) -> Result<u64, StoreError> {
    let stored = || {
        connection
            .query_row("SELECT value FROM setting WHERE name = 'address_hash_seed'", [], |row| {
                row.get::<String>(0)
            })
            .optional()
    };
    let value = match stored()? {
        Some(value) => value,
        None => {
            // The seed must not be guessed, not be secret: the standard library's random state will do.
            let drawn = RandomState::new().hash_one(std::process::id());
            connection.execute(
                "INSERT INTO setting (name, value) VALUES ('address_hash_seed', ?1) ON CONFLICT DO NOTHING",
                [format!("{drawn:016x}")],
            )?;
            // Another process may have been faster: its seed counts.
            stored()?.unwrap_or_default()
        }
    };
    u64::from_str_radix(&value, 16)
        .map_err(|_| StoreError::UnknownWord { what: "the setting address_hash_seed as", value })
}

/// The cache grows with the database: a new one is small, and may become large in one run.
pub(crate) fn fit_cache(connection: &rusqlite::Connection) -> Result<(), rusqlite::Error> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let kib = number("page_count")? * number("page_size")? / 1024;
    let cache = (kib / CACHE_SHARE).clamp(CACHE_KIB_MIN, CACHE_KIB_MAX);
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -cache)
}
