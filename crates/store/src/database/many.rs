//! The same statement for many rows. SQLite runs it for each; PostgreSQL gets all rows at once, as arrays, because every call to a
//! server costs more than what it does.

use super::{Connection, Row, Value};
use crate::StoreError;

/// Inserts rows.
#[derive(Clone, Copy)]
pub(crate) struct Insert {
    /// `INSERT INTO table (columns)`
    pub(crate) into: &'static str,
    /// The values, with placeholders.
    pub(crate) values: &'static str,
    /// `ON CONFLICT …`, or nothing. Two rows of one call never meet in one row of the table.
    pub(crate) conflict: &'static str,
}

impl Insert {
    /// Gives how many rows were inserted or changed.
    pub(crate) fn run(&self, connection: &Connection, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        let Self { into, values, conflict } = self;
        match connection {
            Connection::Sqlite(_) => {
                run_each(connection, &format!("{into} VALUES ({values}) {conflict}"), rows)
            }
            Connection::Postgres(session) => session.execute_many(
                &|given| format!("{into} SELECT {} FROM {given} {conflict}", named(values)),
                rows,
            ),
        }
    }
}

/// Changes or removes rows.
pub(crate) struct Change {
    /// `UPDATE table SET …` or `DELETE FROM table`
    pub(crate) what: &'static str,
    /// The condition.
    pub(crate) where_: &'static str,
}

impl Change {
    /// Gives how many rows were changed.
    pub(crate) fn run(&self, connection: &Connection, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
        let Self { what, where_ } = self;
        match connection {
            Connection::Sqlite(_) => run_each(connection, &format!("{what} WHERE {where_}"), rows),
            Connection::Postgres(session) => {
                let with = if what.starts_with("DELETE") { "USING" } else { "FROM" };
                session.execute_many(
                    &|given| format!("{} {with} {given} WHERE {}", named(what), named(where_)),
                    rows,
                )
            }
        }
    }
}

fn run_each(connection: &Connection, sql: &str, rows: &[Vec<Value<'_>>]) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut changed = 0;
    for row in rows {
        changed += statement.execute(row.as_slice())?;
    }
    Ok(changed)
}

/// Asks the question `sql` with each of the `rows` of values; `read` gets the place of the values and a row of the answer. The answers
/// come in the order of the values.
pub(crate) fn each_of(
    connection: &Connection,
    sql: &str,
    rows: &[Vec<Value<'_>>],
    read: &mut dyn FnMut(usize, Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    match connection {
        Connection::Sqlite(_) => {
            let mut statement = connection.prepare_cached(sql)?;
            for (place, values) in rows.iter().enumerate() {
                let mut found = statement.query(values.as_slice())?;
                while let Some(row) = found.next()? {
                    read(place, row)?;
                }
            }
            Ok(())
        }
        Connection::Postgres(session) => {
            let found = session.query_many(
                &|given| {
                    format!(
                        "SELECT found.*, given.place FROM {given} CROSS JOIN LATERAL ({}) AS found ORDER BY given.place",
                        named(sql)
                    )
                },
                rows,
            )?;
            for row in &found {
                let row = Row::Postgres(row);
                let place: i64 = row.get(row.columns() - 1)?;
                read(usize::try_from(place - 1).unwrap_or(0), row)?;
            }
            Ok(())
        }
    }
}

/// `?1` → `given.p1`: the placeholders become columns of the given rows.
fn named(sql: &str) -> String {
    sql.replace('?', "given.p")
}

impl Row<'_> {
    /// How many columns it has.
    fn columns(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_columns_of_the_given_rows() {
        assert_eq!(named("max(?3, 0), ?12"), "max(given.p3, 0), given.p12");
    }
}
