use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, TxOpts, Value};

use super::{Connection, SqlValue, Template};
use crate::sync::settings::Secret;
use crate::sync::target::{Failure, Trouble};

pub(super) struct Mysql(Conn);

impl Mysql {
    pub(super) fn connect(place: &Secret, timeout: Duration) -> Result<Self, Trouble> {
        let opts = Opts::from_url(place.reveal()).map_err(Trouble::away)?;
        let opts = OptsBuilder::from_opts(opts)
            .tcp_connect_timeout(Some(timeout))
            .read_timeout(Some(timeout))
            .write_timeout(Some(timeout))
            // Times are told in UTC.
            .init(vec!["SET time_zone = '+00:00'"]);
        Conn::new(opts).map(Self).map_err(|error| Trouble::away(said(&error)))
    }
}

fn said(error: &mysql::Error) -> String {
    match error {
        mysql::Error::MySqlError(told) => format!("{} (error {})", told.message, told.code),
        other => other.to_string(),
    }
}

fn failure(error: &mysql::Error) -> Failure {
    let is_trouble = match error {
        // Not let in, read-only, locked too long, deadlock, shut down, killed, full.
        mysql::Error::MySqlError(told) => matches!(
            told.code,
            1021 | 1037..=1045 | 1053 | 1114 | 1142 | 1143 | 1158..=1161 | 1205 | 1213 | 1227 | 1290 | 1317 | 1836 | 1927 | 3024
        ),
        _ => true,
    };
    let said = said(error);
    if is_trouble { Failure::Trouble(Trouble::away(said)) } else { Failure::Refused(said) }
}

impl Connection for Mysql {
    fn run(&mut self, steps: &[(&Template, Vec<SqlValue>)]) -> Result<(), Failure> {
        let mut transaction = self.0.start_transaction(TxOpts::default()).map_err(|error| failure(&error))?;
        for (template, values) in steps {
            let values: Vec<Value> = values
                .iter()
                .map(|value| match value {
                    SqlValue::Text(None) => Value::NULL,
                    SqlValue::Text(Some(text)) => Value::from(text),
                    SqlValue::Number(number) => Value::from(*number),
                })
                .collect();
            transaction.exec_drop(&template.sql, values).map_err(|error| failure(&error))?;
        }
        transaction.commit().map_err(|error| failure(&error))
    }

    fn ask(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(String, i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for row in self.0.query_iter(sql)? {
            let row = row?;
            let stopped = match row.as_ref(1) {
                None => 1,
                Some(Value::NULL) => 0,
                // Numbers come as text here, bits as they are.
                Some(Value::Bytes(bytes)) => match &bytes[..] {
                    [bit @ (0 | 1)] => i64::from(*bit),
                    text => std::str::from_utf8(text)?.parse()?,
                },
                Some(Value::Int(number)) => *number,
                Some(Value::UInt(number)) => i64::try_from(*number)?,
                Some(_) => anyhow::bail!("`verify` gives a second column that is no whole number"),
            };
            if let Some(address) = row.get::<Option<String>, _>(0).flatten() {
                each(address, stopped)?;
            }
        }
        Ok(())
    }
}
