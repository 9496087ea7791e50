//! One way to speak to both databases, so that every statement of the store is written once. SQLite's dialect is the common one, as
//! far as PostgreSQL understands it; what PostgreSQL calls otherwise (`max` and `min` of two, `iif`) its first migration defines.
//!
//! Placeholders are `?1`, `?2` and so on. All numbers are 64 bits wide, truth is 0 or 1.

use std::time::Duration;

use crate::StoreError;
use crate::postgres::Session;

mod cell;
mod many;
mod value;

pub(crate) use cell::{Cell, FromCell};
pub(crate) use many::{Change, Insert, each_of};
pub(crate) use value::{Kind, Params, ToValue, Value, row};

/// A list of values for the placeholders of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$(&$value as &dyn $crate::database::ToValue),*].as_slice() };
}
pub(crate) use params;

/// An open database.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

impl Connection {
    /// Readies a statement; the same one is readied once.
    pub(crate) fn prepare_cached<'c>(&'c self, sql: &str) -> Result<Statement<'c>, StoreError> {
        Ok(match self {
            Self::Sqlite(connection) => Statement::Sqlite(connection.prepare_cached(sql)?),
            Self::Postgres(session) => Statement::Postgres(session, sql.to_owned()),
        })
    }

    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<u64, StoreError> {
        self.prepare_cached(sql)?.execute(params)
    }

    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.prepare_cached(sql)?.query_row(params, read)
    }

    /// Begins to write. Nobody else writes until the end.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch("BEGIN IMMEDIATE")?),
            Self::Postgres(session) => session.begin(),
        }
    }

    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch("COMMIT")?),
            Self::Postgres(session) => session.commit(),
        }
    }

    /// Ends a transaction of which nothing stays.
    pub(crate) fn roll_back(&self) {
        match self {
            // A failed statement may have ended it already; there is nothing more to undo then.
            Self::Sqlite(connection) => drop(connection.execute_batch("ROLLBACK")),
            Self::Postgres(session) => session.roll_back(),
        }
    }

    /// Gives a database of this process a cache that goes with its size.
    pub(crate) fn fit_cache(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(crate::sql::fit_cache(connection)?),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// What was overwritten must not stay in old pages of the log.
    pub(crate) fn forget_old_pages(&self) {
        match self {
            // Another reader may hold it back; the next checkpoint does it then.
            Self::Sqlite(connection) => drop(connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")),
            // The server cleans up by itself.
            Self::Postgres(_) => {}
        }
    }

    /// Whether the same work may succeed when it is done again: it surely was not stored, and its failure passes.
    pub(crate) fn is_worth_repeating(&self, error: &StoreError) -> bool {
        match self {
            // SQLite has waited already.
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.is_worth_repeating(error),
        }
    }
}

impl Connection {
    /// How long a call waits for a server that went away.
    pub(crate) fn wait_for_server(&self, at_most: Duration) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(session) => session.wait_for_server(at_most),
        }
    }
}

/// A statement that is ready.
pub(crate) enum Statement<'c> {
    Sqlite(rusqlite::CachedStatement<'c>),
    Postgres(&'c Session, String),
}

#[expect(clippy::needless_pass_by_value, reason = "the values are made for the call, as with rusqlite")]
impl Statement<'_> {
    /// Gives how many rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<u64, StoreError> {
        let values = params.values();
        match self {
            Self::Sqlite(statement) => {
                Ok(statement.execute(rusqlite::params_from_iter(values.iter()))? as u64)
            }
            Self::Postgres(session, sql) => session.execute(sql, &values),
        }
    }

    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, StoreError> {
        let values = params.values();
        Ok(match self {
            Self::Sqlite(statement) => {
                Rows::Sqlite(statement.query(rusqlite::params_from_iter(values.iter()))?)
            }
            Self::Postgres(session, sql) => Rows::of(session.query(sql, &values)?),
        })
    }

    /// The first row.
    ///
    /// # Errors
    /// Where there is none; see [`OptionalRow`].
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut rows = self.query(params)?;
        match rows.next()? {
            Some(row) => read(row),
            None => Err(StoreError::Other(rusqlite::Error::QueryReturnedNoRows)),
        }
    }

    pub(crate) fn query_map<T>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<std::vec::IntoIter<Result<T, StoreError>>, StoreError> {
        let mut rows = self.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row));
        }
        Ok(found.into_iter())
    }

    /// Hands the rows to `each` without ever holding all of them, until it says that it has enough. Not within a transaction.
    pub(crate) fn stream(
        &mut self,
        params: impl Params,
        mut each: impl FnMut(Row<'_>) -> Result<std::ops::ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => {
                let mut rows = self.query(params)?;
                while let Some(row) = rows.next()? {
                    if each(row)?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Self::Postgres(session, sql) => {
                session.stream(sql, &params.values(), &mut |row| each(Row::Postgres(row)))
            }
        }
    }
}

/// The answer to a question. PostgreSQL's is in memory as a whole: ask it for pages.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres { rows: std::vec::IntoIter<postgres::Row>, current: Option<postgres::Row> },
}

impl Rows<'_> {
    pub(crate) fn of(rows: Vec<postgres::Row>) -> Self {
        Self::Postgres { rows: rows.into_iter(), current: None }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, StoreError> {
        Ok(match self {
            Self::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            Self::Postgres { rows, current } => {
                *current = rows.next();
                current.as_ref().map(Row::Postgres)
            }
        })
    }
}

/// One row of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl Row<'_> {
    /// The column `index`, from 0.
    pub(crate) fn get<T: FromCell>(&self, index: usize) -> Result<T, StoreError> {
        let cell = match self {
            Self::Sqlite(row) => Cell::from_sqlite(row.get_ref(index)?),
            Self::Postgres(row) => row.try_get(index).map_err(StoreError::from)?,
        };
        T::from_cell(cell).ok_or(StoreError::Other(rusqlite::Error::InvalidQuery))
    }
}

/// A row that need not be there.
pub(crate) trait OptionalRow<T> {
    /// `None` where there is no row.
    fn optional(self) -> Result<Option<T>, StoreError>;
}

impl<T> OptionalRow<T> for Result<T, StoreError> {
    fn optional(self) -> Result<Option<T>, StoreError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Other(rusqlite::Error::QueryReturnedNoRows)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
