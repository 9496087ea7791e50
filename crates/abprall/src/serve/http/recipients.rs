//! People's rights: to know what is known of them (GDPR article 15), and to be forgotten (article 17).

use abprall_store::{Erased, KeyScope, Story, Subject};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{Named, address};
use crate::serve::limits::RECIPIENT_DECISIONS_MAX;

fn nothing() -> Problem {
    Problem::not_found("Nothing is known of this address.")
}

/// All that is known of a person: how the address stands, every decision, every report with its texts.
#[utoipa::path(
    get,
    operation_id = "export_recipient",
    path = "/v1/recipients/{address}",
    tag = "people",
    params(("address" = String, Path, description = "A mail address, percent-encoded")),
    responses((status = 200, description = "All of it", body = Story), Cached, Common, Missing),
    security(("key" = ["admin"]))
)]
pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(named): Named<String>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Admin)?;
    let subject = Subject::Address(address(&named)?);
    let story = app.ask(|store| store.story(&subject, Timestamp::now(), RECIPIENT_DECISIONS_MAX)).await?;
    tagged(&headers, &story.ok_or_else(nothing)?)
}

/// Forgets a person: the address and all words about it go, a keyed hash stays, by which a stop is still recognised.
#[utoipa::path(
    delete,
    operation_id = "erase_recipient",
    path = "/v1/recipients/{address}",
    tag = "people",
    params(("address" = String, Path, description = "A mail address, percent-encoded")),
    responses((status = 200, description = "What was forgotten", body = Erased), Common, Missing),
    security(("key" = ["admin"]))
)]
pub(super) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Named(named): Named<String>,
) -> Result<Json<Erased>, Problem> {
    caller.may_for_all(KeyScope::Admin)?;
    let address = address(&named)?;
    let erased = app.change(&caller, |store| store.erase(&address, Timestamp::now())).await?;
    if erased.known { Ok(Json(erased)) } else { Err(nothing()) }
}
