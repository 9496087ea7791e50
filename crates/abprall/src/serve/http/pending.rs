//! Removals that wait for the end of an incident.

use abprall_store::{KeyScope, PendingRemoval, Rows, Settlement};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing, OfBody};
use super::problem::Problem;
use super::request::{self, Asked, Named};
use super::suppressions::note;
use crate::serve::limits::CHANGE_BYTES_MAX;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OfIncident {
    /// Only those of this incident.
    incident: Option<i64>,
    /// Rows at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on where the page before ended: its `next`.
    after: Option<String>,
}

/// Removals that wait because so many came at once.
#[utoipa::path(
    get,
    operation_id = "list_pending",
    path = "/v1/pending",
    tag = "watch",
    params(OfIncident),
    responses((status = 200, description = "One page", body = Rows<PendingRemoval>), Cached, Common),
    security(("key" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<OfIncident>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    let page = request::page(asked.limit, asked.after.as_deref())?;
    let rows = app.ask(|store| store.pending(asked.incident, page)).await?;
    tagged(&headers, &rows)
}

/// Why it is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// For those who ask why later; at most 2,000 bytes.
    #[schema(max_length = 2000)]
    note: Option<String>,
}

/// What was settled.
#[derive(Serialize, ToSchema)]
pub(super) struct Settled {
    incident: i64,
    /// Removals.
    settled: u64,
}

/// Carries all pending removals of an incident out: the mailboxes are gone after all.
#[utoipa::path(
    post,
    operation_id = "apply_pending",
    path = "/v1/pending/{incident}/apply",
    tag = "watch",
    params(("incident" = i64, Path, description = "The incident")),
    request_body = Note,
    responses((status = 200, description = "How many", body = Settled), Common, OfBody, Missing),
    security(("key" = ["write"]))
)]
pub(super) async fn apply(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(incident): Named<i64>,
    body: Body,
) -> Result<Json<Settled>, Problem> {
    settle(&app, &caller, &headers, incident, body, Settlement::Apply).await
}

/// Drops all pending removals of an incident: it was a bad hour there, the addresses may be sent to.
#[utoipa::path(
    post,
    operation_id = "drop_pending",
    path = "/v1/pending/{incident}/drop",
    tag = "watch",
    params(("incident" = i64, Path, description = "The incident")),
    request_body = Note,
    responses((status = 200, description = "How many", body = Settled), Common, OfBody, Missing),
    security(("key" = ["write"]))
)]
pub(super) async fn drop(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(incident): Named<i64>,
    body: Body,
) -> Result<Json<Settled>, Problem> {
    settle(&app, &caller, &headers, incident, body, Settlement::Drop).await
}

async fn settle(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    incident: i64,
    body: Body,
    settlement: Settlement,
) -> Result<Json<Settled>, Problem> {
    caller.may_for_all(KeyScope::Write)?;
    let why: Note = app.json(caller, headers, body, CHANGE_BYTES_MAX).await?;
    let note = note(why.note)?;
    let now = Timestamp::now();
    let settled =
        app.change(caller, |store| store.settle_pending(incident, settlement, now, note.as_deref())).await?;
    if settled == 0 {
        return Err(Problem::not_found("Nothing is pending of this incident."));
    }
    Ok(Json(Settled { incident, settled }))
}
