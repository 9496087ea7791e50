//! Recipient domains: what fails, since when.

use abprall_policy::HealthState;
use abprall_store::{DomainFilter, DomainSort, KeyScope, Rows, WatchedDomain};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{self, Asked, Named, no_controls};
use crate::whole_domain::WholeDomain;

/// What comes first in a list of domains.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DomainOrder {
    /// Most failures.
    #[default]
    Failures,
    /// Most failures of the way there.
    Route,
    /// Most addresses that are stopped.
    Stopped,
    /// The newest failure.
    Last,
    /// By name.
    Name,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Domains {
    /// Only domains of this health.
    health: Option<HealthState>,
    /// Only domains that are stopped as a whole.
    stopped: Option<bool>,
    /// Only domains of this provider: the registrable domain of their mail hosts.
    provider: Option<String>,
    /// What comes first.
    sort: Option<DomainOrder>,
    /// Rows at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on where the page before ended, sorted in the same way: its `next`.
    after: Option<String>,
}

/// Recipient domains with failures.
#[utoipa::path(
    get,
    operation_id = "list_domains",
    path = "/v1/domains",
    tag = "watch",
    params(Domains),
    responses((status = 200, description = "One page", body = Rows<WatchedDomain>), Cached, Common),
    security(("key" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<Domains>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    no_controls(&[asked.provider.as_deref()])?;
    let page = request::page(asked.limit, asked.after.as_deref())?;
    let filter = DomainFilter {
        health: asked.health,
        stopped: asked.stopped.unwrap_or(false),
        operator: asked.provider.map(|name| name.to_lowercase()),
    };
    let sort = match asked.sort.unwrap_or_default() {
        DomainOrder::Failures => DomainSort::Failures,
        DomainOrder::Route => DomainSort::RouteFailures,
        DomainOrder::Stopped => DomainSort::Stopped,
        DomainOrder::Last => DomainSort::LastFailure,
        DomainOrder::Name => DomainSort::Name,
    };
    let rows = app.ask(|store| store.domains(&filter, sort, page, Timestamp::now())).await?;
    tagged(&headers, &rows)
}

/// One domain with its mail hosts and the last looks at its routing.
#[utoipa::path(
    get,
    operation_id = "get_domain",
    path = "/v1/domains/{domain}",
    tag = "watch",
    params(("domain" = String, Path, description = "The domain")),
    responses((status = 200, description = "The domain", body = WholeDomain), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(named): Named<String>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    let domain = request::domain(&named)?;
    let found = app.ask(|store| WholeDomain::ask(store, domain.as_str(), Timestamp::now())).await?;
    let nothing = || Problem::not_found("Nothing is known of this domain: no bounce came back from it.");
    tagged(&headers, &found.ok_or_else(nothing)?)
}
