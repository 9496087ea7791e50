use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, OpenFlags, TransactionBehavior};

use super::{Connection, SqlValue, Template};
use crate::sync::target::{Failure, Trouble};

pub(super) struct Sqlite(rusqlite::Connection);

impl Sqlite {
    /// A database that is not there is a mistake: none is made.
    pub(super) fn connect(path: &Path, timeout: Duration) -> Result<Self, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let away = |error: rusqlite::Error| Trouble::away(format!("{}: {error}", path.display()));
        let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(away)?;
        connection.busy_timeout(timeout).map_err(away)?;
        Ok(Self(connection))
    }
}

fn failure(error: &rusqlite::Error) -> Failure {
    let said = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::ConstraintViolation
            | ErrorCode::TooBig
            | ErrorCode::TypeMismatch
            | ErrorCode::ParameterOutOfRange,
        ) => Failure::Refused(said),
        // A statement that cannot be understood, or a table that is not there.
        Some(ErrorCode::Unknown) => Failure::Refused(said),
        Some(_) => Failure::Trouble(Trouble::away(said)),
        None => Failure::Refused(said),
    }
}

impl Connection for Sqlite {
    fn run(&mut self, steps: &[(&Template, Vec<SqlValue>)]) -> Result<(), Failure> {
        let transaction = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failure(&error))?;
        for (template, values) in steps {
            let mut statement = transaction.prepare_cached(&template.sql).map_err(|error| failure(&error))?;
            let values = values.iter().map(|value| match value {
                SqlValue::Text(None) => rusqlite::types::Value::Null,
                SqlValue::Text(Some(text)) => rusqlite::types::Value::Text(text.clone()),
                SqlValue::Number(number) => rusqlite::types::Value::Integer(*number),
            });
            statement.execute(rusqlite::params_from_iter(values)).map_err(|error| failure(&error))?;
        }
        transaction.commit().map_err(|error| failure(&error))
    }

    fn ask(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(String, i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut statement = self.0.prepare(sql)?;
        let has_second = statement.column_count() > 1;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let stopped = match has_second.then(|| row.get_ref(1)).transpose()? {
                None => 1,
                Some(ValueRef::Integer(number)) => number,
                Some(ValueRef::Null) => 0,
                Some(ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_)) => {
                    anyhow::bail!("`verify` gives a second column that is no whole number")
                }
            };
            if let Some(address) = row.get::<_, Option<String>>(0)? {
                each(address, stopped)?;
            }
        }
        Ok(())
    }
}
