//! Whether we live, whether we can do our work, and how much of it we do.

use std::sync::PoisonError;

use abprall_store::KeyScope;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::caller::Caller;
use super::openapi::{Common, NotReady};
use super::problem::Problem;
use crate::serve::limits::INDEX_AGE_MAX;
use crate::serve::metrics::Now;

/// Whether the process answers.
#[utoipa::path(
    get,
    operation_id = "health",
    path = "/health",
    tag = "operation",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain", example = "ok")),
    security(())
)]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether every part does its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    database: Database,
    index: Index,
    writer: Writer,
}

#[derive(Serialize, ToSchema)]
struct Database {
    /// It has answered within the last ten seconds.
    up: bool,
}

#[derive(Serialize, ToSchema)]
struct Index {
    /// It was lately compared with the database.
    up: bool,
    /// Seconds since then.
    age: u64,
    /// Entries in its file, and changes since in memory.
    entries: u64,
    changes: u64,
}

#[derive(Serialize, ToSchema)]
struct Writer {
    /// It takes what comes in.
    up: bool,
    /// What waits for it.
    waiting: u64,
}

impl Ready {
    fn of(app: &App) -> Self {
        let database = app.desk.seen().is_some();
        let age = app.desk.followed.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        let (entries, changes) = app.desk.index.sizes();
        Self {
            database: Database { up: database },
            index: Index { up: age < INDEX_AGE_MAX, age: age.as_secs(), entries, changes: changes as u64 },
            writer: Writer { up: app.keeper.takes(), waiting: app.keeper.waiting() as u64 },
        }
    }
}

/// Whether bounces can be taken in and questions be answered from what is current.
#[utoipa::path(
    get,
    operation_id = "ready",
    path = "/ready",
    tag = "operation",
    responses((status = 200, description = "All parts work", body = Ready), NotReady),
    security(())
)]
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Ready>, Problem> {
    let ready = Ready::of(&app);
    if ready.database.up && ready.index.up && ready.writer.up {
        return Ok(Json(ready));
    }
    let parts = match serde_json::to_value(&ready) {
        Ok(serde_json::Value::Object(parts)) => parts,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "A part does not work; see which.").and(parts))
}

/// What is counted, for Prometheus.
#[utoipa::path(
    get,
    operation_id = "metrics",
    path = "/metrics",
    tag = "operation",
    responses(
        (status = 200, description = "OpenMetrics 1.0", body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        Common
    ),
    security((), ("key" = ["read"]))
)]
pub(super) async fn metrics(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    // Where no key is wanted for questions, none is for counts.
    caller.may(KeyScope::Check).or_else(|_| caller.may(KeyScope::Read))?;
    let stopped = app.desk.seen().map(|seen| seen.stopped);
    let followed = app.desk.followed.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
    let raw_mail = app.desk.mail.as_ref().map(|mail| mail.bytes());
    // Counts are told without the database too.
    let targets = match stopped {
        Some(_) => app.ask(|store| store.outbox_targets(Timestamp::now())).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let now = Now { waiting: app.keeper.waiting(), followed, stopped, raw_mail, targets };
    let text = app.desk.metrics.text(&now);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
