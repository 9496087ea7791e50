//! Incidents, and the removals that wait for their end.

use abprall_store::{Incident, IncidentFilter, IncidentStory, KeyScope, PendingRemoval, Rows, Settlement};
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
use super::request::{self, Asked, Named, no_controls};
use super::suppressions::note;
use crate::serve::limits::CHANGE_BYTES_MAX;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those that are not over.
    open: Option<bool>,
    /// Only those that this domain is in.
    domain: Option<String>,
    /// Rows at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on where the page before ended: its `next`.
    after: Option<String>,
}

/// Incidents, newest first.
#[utoipa::path(
    get,
    operation_id = "list_incidents",
    path = "/v1/incidents",
    tag = "watch",
    params(Which),
    responses((status = 200, description = "One page", body = Rows<Incident>), Cached, Common),
    security(("key" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<Which>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    no_controls(&[asked.domain.as_deref()])?;
    let page = request::page(asked.limit, asked.after.as_deref())?;
    let filter = IncidentFilter {
        open: asked.open.unwrap_or(false),
        domain: asked.domain.map(|name| name.trim_end_matches('.').to_lowercase()),
    };
    let rows = app.ask(|store| store.incidents(&filter, page)).await?;
    tagged(&headers, &rows)
}

/// One incident with its timeline.
#[utoipa::path(
    get,
    operation_id = "get_incident",
    path = "/v1/incidents/{id}",
    tag = "watch",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The incident", body = IncidentStory), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<i64>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    let found = app.ask(|store| store.incident(id)).await?;
    tagged(&headers, &found.ok_or_else(|| Problem::not_found("There is no such incident."))?)
}

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
pub(super) async fn pending(
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
