//! What a database is, without changing it: for whoever looks whether all is well.

use jiff::Timestamp;
use rusqlite::OpenFlags;

use crate::{StoreError, StorePlace};

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inspection {
    /// The schema of the database; 0: there is none yet.
    pub schema: u32,
    /// The newest schema that this program knows.
    pub known_schema: u32,
    /// The server that it runs in; `None`: a file.
    pub server: Option<String>,
    /// The clock of the server; `None`: a file, there is no other clock.
    pub clock: Option<Timestamp>,
    /// Settings under which a commit can be lost or torn when the power fails, as the database writes them.
    pub not_durable: Vec<String>,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// Looks at a database. Makes nothing and migrates nothing.
///
/// # Errors
/// As [`crate::open_existing_store`].
pub fn inspect_store(place: &str) -> Result<Inspection, StoreError> {
    match StorePlace::of(place) {
        StorePlace::File(path) => inspect_file(path),
        StorePlace::Postgres(place) => crate::postgres::inspect(place),
    }
}

fn inspect_file(path: &std::path::Path) -> Result<Inspection, StoreError> {
    if !path.try_exists().unwrap_or(true) {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let cannot_open =
        |error: rusqlite::Error| StoreError::CannotOpen { path: path.to_owned(), detail: error.to_string() };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(cannot_open)?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(|_| StoreError::NotOurs { path: path.to_owned() })?;
    if application != i64::from(crate::sql::APPLICATION_ID) {
        return Err(StoreError::NotOurs { path: path.to_owned() });
    }
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    // `synchronous` belongs to each connection, and ours set it; the journal's mode is kept in the file.
    let not_durable = if matches!(&*journal, "wal" | "delete" | "truncate" | "persist") {
        Vec::new()
    } else {
        vec![format!("journal_mode={journal}")]
    };
    Ok(Inspection {
        schema: u32::try_from(number("user_version")?).unwrap_or(u32::MAX),
        known_schema: crate::sql::SCHEMA,
        server: None,
        clock: None,
        not_durable,
        bytes: number("page_count")?.saturating_mul(number("page_size")?).unsigned_abs(),
    })
}
