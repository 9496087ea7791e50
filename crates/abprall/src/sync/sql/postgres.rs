use std::time::Duration;

use abprall_store::{PostgresError, PostgresPlace};
use postgres::Client;
use postgres::types::{ToSql, Type};

use super::{Connection, SqlValue, Template};
use crate::sync::settings::Secret;
use crate::sync::target::{Failure, Trouble};

pub(super) struct Postgres(Client);

impl Postgres {
    pub(super) fn connect(place: &Secret, timeout: Duration) -> Result<Self, Trouble> {
        let reached = |error: PostgresError| match error {
            PostgresError::Server(error) => words(&error),
            PostgresError::Unusable(told) => Trouble::away(told),
        };
        let mut place = PostgresPlace::parse(place.reveal()).map_err(reached)?;
        place.config().connect_timeout(timeout).application_name("abprall sync");
        let mut client = place.connect().map_err(reached)?;
        let millis = timeout.as_millis();
        client
            .batch_execute(&format!("SET statement_timeout = {millis}; SET lock_timeout = {millis}"))
            .map_err(|error| words(&error))?;
        Ok(Self(client))
    }
}

/// The words of the server are in the cause.
fn words(error: &postgres::Error) -> Trouble {
    Trouble::away(said(error))
}

fn said(error: &postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(told), _) => format!("{} (SQLSTATE {})", told.message(), told.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// Lost connections and servers that go down are about the target, and so is what it may not do at all; the rest is about what it was
/// asked to do.
fn failure(error: &postgres::Error) -> Failure {
    let is_trouble = match error.as_db_error() {
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
        // 08: connection; 25: read-only; 53: no room; 55: locked; 57: shut down or too slow; 28, 42501: not let in; 40: conflict.
        Some(told) => {
            let code = told.code().code();
            ["08", "25", "28", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class))
                || code == "42501"
        }
    };
    if is_trouble { Failure::Trouble(words(error)) } else { Failure::Refused(said(error)) }
}

impl Connection for Postgres {
    fn run(&mut self, steps: &[(&Template, Vec<SqlValue>)]) -> Result<(), Failure> {
        let mut transaction = self.0.transaction().map_err(|error| failure(&error))?;
        let mut ready: Option<(&Template, postgres::Statement)> = None;
        for (template, values) in steps {
            let types: Vec<_> = values
                .iter()
                .map(|value| match value {
                    SqlValue::Text(_) => Type::TEXT,
                    SqlValue::Number(_) => Type::INT8,
                })
                .collect();
            let statement = match &ready {
                Some((known, statement)) if known == template => statement.clone(),
                Some(_) | None => {
                    transaction.prepare_typed(&template.sql, &types).map_err(|error| failure(&error))?
                }
            };
            ready = Some((template, statement.clone()));
            let values: Vec<&(dyn ToSql + Sync)> = values
                .iter()
                .map(|value| match value {
                    SqlValue::Text(text) => text as &(dyn ToSql + Sync),
                    SqlValue::Number(number) => number as &(dyn ToSql + Sync),
                })
                .collect();
            transaction.execute(&statement, &values).map_err(|error| failure(&error))?;
        }
        transaction.commit().map_err(|error| failure(&error))
    }

    fn ask(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(String, i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        use postgres::fallible_iterator::FallibleIterator;
        let none: [&str; 0] = [];
        let mut rows = self.0.query_raw(sql, none)?;
        while let Some(row) = rows.next()? {
            let stopped = match row.columns().get(1).map(|column| column.type_().clone()) {
                None => Some(1),
                Some(Type::BOOL) => row.try_get::<_, Option<bool>>(1)?.map(i64::from),
                Some(Type::INT2) => row.try_get::<_, Option<i16>>(1)?.map(i64::from),
                Some(Type::INT4) => row.try_get::<_, Option<i32>>(1)?.map(i64::from),
                Some(Type::INT8) => row.try_get::<_, Option<i64>>(1)?,
                Some(other) => {
                    anyhow::bail!(
                        "`verify` gives {other} as its second column; a truth or a whole number is wanted"
                    )
                }
            };
            if let Some(address) = row.try_get::<_, Option<String>>(0)? {
                each(address, stopped.unwrap_or(0))?;
            }
        }
        Ok(())
    }
}
