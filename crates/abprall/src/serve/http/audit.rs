//! Who changed what.

use abprall_store::{AuditRecord, KeyScope, Rows};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common};
use super::problem::Problem;
use super::request::{self, Asked, Paging};

/// Who changed what, newest first. Each line was written together with its change.
#[utoipa::path(
    get,
    operation_id = "list_audit",
    path = "/v1/audit",
    tag = "people",
    params(Paging),
    responses((status = 200, description = "One page", body = Rows<AuditRecord>), Cached, Common),
    security(("key" = ["admin"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Admin)?;
    let page = request::page(paging.limit, paging.after.as_deref())?;
    let rows = app.ask(|store| store.audit(page)).await?;
    tagged(&headers, &rows)
}
