//! A connection to a server, which comes back by itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use postgres::types::{ToSql, Type};
use postgres::{Client, Row, Statement};

use super::place::{PostgresError, PostgresPlace};
use super::wire::{Sent, array_of, given, placeholders, type_of};
use crate::StoreError;
use crate::database::Value;
use crate::limits::{RECONNECT_PAUSE_MAX, RECONNECT_WAIT, STATEMENTS_MAX, STREAM_ROWS};

/// What every connection is set to: durable commits, whatever the server's default; a writer that hangs must not stop the others for
/// ever (milliseconds); plans that go by the present size of the tables: one that was kept from when they were empty reads all of them.
const SETTINGS: &str = "SET synchronous_commit = on; SET client_min_messages = warning;
    SET jit = off; SET plan_cache_mode = force_custom_plan; SET lock_timeout = 60000; SET idle_in_transaction_session_timeout = 60000; SET standard_conforming_strings = on";

/// One lock a schema: several stores may share a database.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('abprall ' || current_schema(), 0))";

/// How often a question is asked again when the connection is lost over and over.
const ASKED_AGAIN_MAX: u32 = 3;

pub(crate) struct Session {
    place: PostgresPlace,
    client: RefCell<Client>,
    /// Ready statements, by their text. They belong to one connection.
    statements: RefCell<HashMap<Box<str>, Statement>>,
    is_writing: Cell<bool>,
    /// The number of the transaction that writes.
    number: RefCell<Option<String>>,
    /// Answers that are being read in pieces.
    streams: Cell<u32>,
    patience: Cell<Duration>,
}

impl Session {
    pub(super) fn connect(place: PostgresPlace) -> Result<Self, StoreError> {
        let client = RefCell::new(dial(&place)?);
        Ok(Self {
            place,
            client,
            statements: RefCell::default(),
            is_writing: Cell::new(false),
            number: RefCell::default(),
            streams: Cell::new(0),
            patience: Cell::new(RECONNECT_WAIT),
        })
    }

    /// How long a call waits for a server that went away.
    pub(crate) fn wait_for_server(&self, at_most: Duration) {
        self.patience.set(at_most);
    }

    /// Several statements without values.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.borrow_mut().batch_execute(sql)?)
    }

    pub(crate) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let types: Vec<_> = values.iter().map(|value| type_of(value.kind())).collect();
        let sent: Vec<_> = values.iter().map(|value| Sent(*value)).collect();
        let sent: Vec<_> = sent.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.ask(sql, &types, |client, statement| client.execute(statement, &sent))
    }

    pub(crate) fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let types: Vec<_> = values.iter().map(|value| type_of(value.kind())).collect();
        let sent: Vec<_> = values.iter().map(|value| Sent(*value)).collect();
        let sent: Vec<_> = sent.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.ask(sql, &types, |client, statement| client.query(statement, &sent))
    }

    /// One statement for many rows of values, which `build` finds in the table of which it gets the words.
    pub(crate) fn execute_many(
        &self,
        build: &dyn Fn(&str) -> String,
        rows: &[Vec<Value<'_>>],
    ) -> Result<u64, StoreError> {
        let Some(many) = Many::of(rows) else { return Ok(0) };
        let sent: Vec<_> = many.columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        let sql = build(&given(sent.len()));
        self.ask(&sql, &many.types, |client, statement| client.execute(statement, &sent))
    }

    /// As [`Session::execute_many`], for a question.
    pub(crate) fn query_many(
        &self,
        build: &dyn Fn(&str) -> String,
        rows: &[Vec<Value<'_>>],
    ) -> Result<Vec<Row>, StoreError> {
        let Some(many) = Many::of(rows) else { return Ok(Vec::new()) };
        let sent: Vec<_> = many.columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        let sql = build(&given(sent.len()));
        self.ask(&sql, &many.types, |client, statement| client.query(statement, &sent))
    }

    /// Runs a statement. Outside of a transaction it is repeated when the connection turns out to be lost: single statements are
    /// questions there.
    fn ask<T>(
        &self,
        sql: &str,
        types: &[Type],
        run: impl Fn(&mut Client, &Statement) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let mut asked = 0;
        loop {
            let answer = self.ready(sql, types).and_then(|statement| {
                run(&mut self.client.borrow_mut(), &statement).map_err(StoreError::from)
            });
            match answer {
                Err(StoreError::ServerGone { .. })
                    if !self.is_writing.get() && self.streams.get() == 0 && asked < ASKED_AGAIN_MAX =>
                {
                    asked += 1;
                    self.reconnect()?;
                }
                answer => return answer,
            }
        }
    }

    fn ready(&self, sql: &str, types: &[Type]) -> Result<Statement, StoreError> {
        let mut statements = self.statements.borrow_mut();
        if let Some(statement) = statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.borrow_mut().prepare_typed(&placeholders(sql), types)?;
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// Hands out an answer in pieces, all of one moment.
    pub(crate) fn stream(
        &self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let depth = self.streams.get();
        if depth == 0 {
            let begin = || self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
            match begin() {
                Err(StoreError::ServerGone { .. }) => {
                    self.reconnect()?;
                    begin()?;
                }
                begun => begun?,
            }
        }
        self.streams.set(depth + 1);
        let done = self.stream_rows(depth, sql, values, each);
        self.streams.set(depth);
        if depth == 0 {
            let ended = self.batch("COMMIT");
            done.and(ended)
        } else {
            done
        }
    }

    fn stream_rows(
        &self,
        depth: u32,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&Row) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        self.execute(&format!("DECLARE stream_{depth} NO SCROLL CURSOR FOR {sql}"), values)?;
        let fetch = format!("FETCH {STREAM_ROWS} FROM stream_{depth}");
        'all: loop {
            let rows = self.client.borrow_mut().query(fetch.as_str(), &[])?;
            for row in &rows {
                if each(row)?.is_break() {
                    break 'all;
                }
            }
            if rows.len() < STREAM_ROWS {
                break;
            }
        }
        self.batch(&format!("CLOSE stream_{depth}"))
    }

    /// Begins to write, alone in this schema.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        // From here on a lost connection is a lost transaction: nothing may go on by itself on a new one.
        self.is_writing.set(true);
        // Reading comes after the lock: at this level of isolation each statement sees what was committed before it.
        let begun = self.batch("BEGIN").and_then(|()| self.query(LOCK, &[]));
        let number = begun.and_then(|_| self.query("SELECT pg_current_xact_id()::text", &[]));
        match number.and_then(|rows| Ok(rows.first().map(|row| row.try_get(0)).transpose()?)) {
            Ok(number) => {
                self.number.replace(number);
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        let number = self.number.take();
        let done = match self.batch("COMMIT") {
            Err(StoreError::ServerGone { detail }) => match number.map(|number| self.was_stored(&number)) {
                Some(Ok(true)) => Ok(()),
                Some(Err(error)) => Err(error),
                Some(Ok(false)) | None => Err(StoreError::ServerGone { detail }),
            },
            done => done,
        };
        self.is_writing.set(false);
        done
    }

    /// What became of a transaction whose commit was not answered. While it is still running it holds the lock.
    fn was_stored(&self, number: &str) -> Result<bool, StoreError> {
        let mut asked = 0;
        loop {
            self.reconnect()?;
            let status = self.batch("BEGIN").and_then(|()| {
                let mut client = self.client.borrow_mut();
                client.query(LOCK, &[])?;
                let row =
                    client.query_one("SELECT coalesce(pg_xact_status($1::text::xid8), '')", &[&number])?;
                client.batch_execute("COMMIT")?;
                Ok(row.try_get::<_, String>(0)?)
            });
            match status {
                Err(StoreError::ServerGone { .. }) if asked < ASKED_AGAIN_MAX => asked += 1,
                status => return Ok(status? == "committed"),
            }
        }
    }

    pub(crate) fn roll_back(&self) {
        // A lost connection has rolled back by itself.
        drop(self.batch("ROLLBACK"));
        self.number.take();
        self.is_writing.set(false);
    }

    /// Whether what failed may succeed when it is done again; comes back to the server where it was lost.
    pub(crate) fn is_worth_repeating(&self, error: &StoreError) -> bool {
        match error {
            StoreError::ServerGone { .. } => self.reconnect().is_ok(),
            StoreError::Server { code, .. } => matches!(&**code, "40001" | "40P01"),
            _ => false,
        }
    }

    /// Waits for the server, for a bounded time.
    fn reconnect(&self) -> Result<(), StoreError> {
        if !self.client.borrow().is_closed()
            && self.client.borrow_mut().is_valid(Duration::from_secs(5)).is_ok()
        {
            return Ok(());
        }
        let until = Instant::now() + self.patience.get();
        let mut pause = Duration::from_millis(50);
        loop {
            match dial(&self.place) {
                Ok(client) => {
                    self.statements.borrow_mut().clear();
                    self.client.replace(client);
                    return Ok(());
                }
                Err(StoreError::ServerGone { .. }) if Instant::now() + pause < until => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn dial(place: &PostgresPlace) -> Result<Client, StoreError> {
    let mut client = place.connect().map_err(|error| match error {
        PostgresError::Server(error) => error.into(),
        PostgresError::Unusable(detail) => StoreError::CannotOpen { path: place.shown().into(), detail },
    })?;
    client.batch_execute(SETTINGS)?;
    Ok(client)
}

/// Rows of values, turned into an array for each column.
struct Many<'a> {
    types: Vec<Type>,
    columns: Vec<Vec<Sent<'a>>>,
}

impl<'a> Many<'a> {
    /// `None`: there are no rows.
    fn of(rows: &'a [Vec<Value<'a>>]) -> Option<Self> {
        let first = rows.first()?;
        Some(Self {
            types: first.iter().map(|value| array_of(value.kind())).collect(),
            columns: (0..first.len())
                .map(|place| rows.iter().map(|row| Sent(row[place])).collect())
                .collect(),
        })
    }
}
