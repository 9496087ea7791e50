//! People's rights: to know what is known of them (GDPR article 15), and to be forgotten (article 17).

use abprall_store::{Erased, KeyScope, Store, Story, Subject};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::messages;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{Named, address};
use crate::serve::limits::RECIPIENT_DECISIONS_MAX;

fn nothing() -> Problem {
    Problem::not_found("Nothing is known of this address.")
}

/// All that is known of a person: how the address stands, every decision, every report with its texts. `GET /v1/messages/{content}` gives
/// the raw mail, where it is kept.
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
    let mut story = story.ok_or_else(nothing)?;
    messages::mark(&app, &mut story)?;
    tagged(&headers, &story)
}

/// What was forgotten.
#[derive(Serialize, ToSchema)]
pub(super) struct Forgotten {
    #[serde(flatten)]
    erased: Erased,
    /// Kept messages that were removed: all that hold a report about the person, or in which the address is written.
    raw_mail: u64,
}

/// Forgets a person: the address and all words about it go, with the raw mail that names it; a keyed hash stays, by which a stop is still
/// recognised.
#[utoipa::path(
    delete,
    operation_id = "erase_recipient",
    path = "/v1/recipients/{address}",
    tag = "people",
    params(("address" = String, Path, description = "A mail address, percent-encoded")),
    responses((status = 200, description = "What was forgotten", body = Forgotten), Common, Missing),
    security(("key" = ["admin"]))
)]
pub(super) async fn erase(
    State(app): State<App>,
    caller: Caller,
    Named(named): Named<String>,
) -> Result<Json<Forgotten>, Problem> {
    caller.may_for_all(KeyScope::Admin)?;
    let address = address(&named)?;
    let change = |store: &mut dyn Store| {
        let about = store.messages_about(&address)?;
        Ok((store.erase(&address, Timestamp::now())?, about))
    };
    let (erased, about) = app.change(&caller, change).await?;
    // First the database: what comes in from now on is not kept any more.
    let raw_mail = messages::forget(&app, &address, about)?;
    if erased.known || raw_mail > 0 { Ok(Json(Forgotten { erased, raw_mail })) } else { Err(nothing()) }
}
