//! Decisions, as they were committed: each once, in order, for programs that carry them on.

use std::time::{Duration, Instant};

use abprall_store::{DecisionRecord, KeyScope, StoreError};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::tagged;
use super::app::{App, Waits};
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{self, Asked, Named};
use crate::serve::limits::{DECISION_WAIT_MAX, PAGE_ROWS, PAGE_ROWS_MAX};

const NDJSON: &str = "application/x-ndjson";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// The decision that was seen last; 0, or nothing: from the first.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Decisions at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Seconds to wait where there is no newer one.
    #[param(minimum = 0, maximum = 30)]
    wait: Option<u64>,
}

/// Decisions in the order in which they were committed.
#[derive(Serialize, ToSchema)]
pub(super) struct Decisions {
    rows: Vec<DecisionRecord>,
    /// What to ask for next, as `after`. There may be nothing yet.
    next: i64,
}

/// Decisions after one, in the order in which they were committed; nobody can come in between later.
///
/// With `Accept: application/x-ndjson` one decision a line, without `next`: go on after the last one's `id`.
#[utoipa::path(
    get,
    operation_id = "list_decisions",
    path = "/v1/decisions",
    tag = "decisions",
    params(After),
    responses(
        (status = 200, description = "As many as there are, up to `limit`", content(
            (Decisions = "application/json"),
            (String = "application/x-ndjson")
        )),
        Cached, Common
    ),
    security(("key" = ["read"]))
)]
pub(super) async fn stream(
    State(mut app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<After>,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Read)?;
    let after = asked.after.unwrap_or(0);
    if after < 0 {
        return Err(Problem::bad("after: the number of a decision is wanted, or 0."));
    }
    let limit = request::rows(asked.limit, PAGE_ROWS, PAGE_ROWS_MAX)?;
    let wait = Duration::from_secs(asked.wait.unwrap_or(0));
    if wait > DECISION_WAIT_MAX {
        return Err(Problem::bad(format!(
            "wait: at most {} seconds are waited.",
            DECISION_WAIT_MAX.as_secs()
        )));
    }
    let until = Instant::now() + wait;
    let mut newest = app.desk.newest.clone();
    let found = loop {
        let found = page(&app, after, caller.tenant(), limit).await?;
        let left = until.saturating_duration_since(Instant::now());
        if !found.rows.is_empty() || left.is_zero() {
            break found;
        }
        let seen = found.next;
        let desk = std::sync::Arc::clone(&app.desk);
        let _waits = Waits::among(&desk.waiting);
        tokio::select! {
            heard = tokio::time::timeout(left, newest.wait_for(|newest| *newest > seen)) => {
                // Whoever tells is gone: the server ends.
                if matches!(heard, Ok(Err(_))) {
                    break found;
                }
            }
            () = app.stop.wanted() => break found,
        }
    };
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepts.into_iter().any(|accepted| accepted.contains(NDJSON)) {
        let mut body = Vec::new();
        for decision in &found.rows {
            serde_json::to_writer(&mut body, decision).map_err(|_| Problem::database())?;
            body.push(b'\n');
        }
        let no_store = (header::CACHE_CONTROL, "no-store");
        return Ok(([(header::CONTENT_TYPE, NDJSON), no_store], body).into_response());
    }
    tagged(&headers, &found)
}

async fn page(app: &App, after: i64, tenant: Option<&str>, limit: u32) -> Result<Decisions, Problem> {
    app.ask(|store| {
        // First the end, then the rows: what comes in between is among the rows, or after `next`.
        let end = store.newest_decision()?;
        let rows = store.decisions_after(after, tenant, limit)?;
        let last = rows.last().map_or(after, |decision| decision.id);
        let is_full = rows.len() >= limit as usize;
        let next = if is_full { last } else { last.max(end) };
        Ok::<_, StoreError>(Decisions { rows, next })
    })
    .await
}

/// One decision with its evidence.
#[utoipa::path(
    get,
    operation_id = "get_decision",
    path = "/v1/decisions/{id}",
    tag = "decisions",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The decision", body = DecisionRecord), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<i64>,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Read)?;
    let found = app.ask(|store| store.decision(id)).await?;
    // That another tenant has a decision of this number is none of its business.
    let own =
        found.filter(|decision| caller.tenant().is_none() || decision.tenant.as_deref() == caller.tenant());
    tagged(&headers, &own.ok_or_else(|| Problem::not_found("There is no such decision."))?)
}
