//! Mail hosts: what fails, since when.

use abprall_policy::HealthState;
use abprall_store::{HostFilter, HostSort, KeyScope, Page, Rows, WatchedHost};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{self, Asked, Named, no_control, no_controls};
use crate::serve::limits::PAGE_ROWS_MAX;

/// What comes first in a list of hosts.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HostOrder {
    /// Most failures.
    #[default]
    Failures,
    /// The newest failure.
    Last,
    /// By name.
    Name,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Hosts {
    /// Only addresses of this health.
    health: Option<HealthState>,
    /// Only this host.
    host: Option<String>,
    /// Only mail hosts of this domain.
    domain: Option<String>,
    /// What comes first.
    sort: Option<HostOrder>,
    /// Rows at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on where the page before ended, sorted in the same way: its `next`.
    after: Option<String>,
}

/// Mail hosts: by name, with what reports say, and by each address that was looked at.
#[utoipa::path(
    get,
    operation_id = "list_hosts",
    path = "/v1/hosts",
    tag = "watch",
    params(Hosts),
    responses((status = 200, description = "One page", body = Rows<WatchedHost>), Cached, Common),
    security(("key" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<Hosts>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    no_controls(&[asked.host.as_deref(), asked.domain.as_deref()])?;
    let page = request::page(asked.limit, asked.after.as_deref())?;
    let lower = |name: String| as_known(&name);
    let filter =
        HostFilter { health: asked.health, host: asked.host.map(lower), domain: asked.domain.map(lower) };
    let sort = match asked.sort.unwrap_or_default() {
        HostOrder::Failures => HostSort::Failures,
        HostOrder::Last => HostSort::LastFailure,
        HostOrder::Name => HostSort::Name,
    };
    let rows = app.ask(|store| store.hosts(&filter, sort, page)).await?;
    tagged(&headers, &rows)
}

/// One mail host.
#[derive(Serialize, ToSchema)]
pub(super) struct Host {
    /// Its name.
    host: String,
    /// What reports say of the name; null where none has named it.
    reported: Option<WatchedHost>,
    /// Its addresses that were looked at, at most 1,000.
    addresses: Vec<WatchedHost>,
}

/// One mail host: what reports say of it, and each of its addresses that was looked at.
#[utoipa::path(
    get,
    operation_id = "get_host",
    path = "/v1/hosts/{host}",
    tag = "watch",
    params(("host" = String, Path, description = "Its name")),
    responses((status = 200, description = "The host", body = Host), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(named): Named<String>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    no_control(&named)?;
    let host = as_known(&named);
    let filter = HostFilter { host: Some(host.clone()), ..HostFilter::default() };
    let page = Page::first(PAGE_ROWS_MAX);
    let found = app.ask(|store| store.hosts(&filter, HostSort::Name, page)).await?;
    if found.rows.is_empty() {
        return Err(Problem::not_found("Nothing is known of this host: no report names it."));
    }
    let (addresses, mut names): (Vec<_>, Vec<_>) = found.rows.into_iter().partition(|row| row.ip.is_some());
    tagged(&headers, &Host { host, reported: names.pop(), addresses })
}

/// As the database has names.
fn as_known(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}
