//! Incidents: when mail to somebody begins to fail.

use abprall_store::{Incident, IncidentFilter, IncidentStory, KeyScope, Rows};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{self, Asked, Named, no_controls};

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
