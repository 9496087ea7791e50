//! Why something stands as it does.

use abprall_store::{KeyScope, Story};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::messages;
use super::openapi::{Cached, Common, Missing};
use super::problem::Problem;
use super::request::{self, Asked, Named};
use crate::serve::limits::PAGE_ROWS_MAX;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HowMuch {
    /// Decisions, and for a domain addresses, at most; 20 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

const DECISIONS: u32 = 20;

/// Why an address or a domain stands as it does: every decision with its evidence, newest first.
#[utoipa::path(
    get,
    operation_id = "why",
    path = "/v1/why/{subject}",
    tag = "decisions",
    params(("subject" = String, Path, description = "An address or a domain, percent-encoded"), HowMuch),
    responses((status = 200, description = "The story", body = Story), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn why(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(named): Named<String>,
    Asked(asked): Asked<HowMuch>,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Read)?;
    let subject = request::subject(&named)?;
    let rows = request::rows(asked.limit, DECISIONS, PAGE_ROWS_MAX)?;
    let now = Timestamp::now();
    let mut story = app
        .ask(|store| match caller.tenant() {
            Some(tenant) => store.story_of_tenant(&subject, tenant, now, rows),
            None => store.story(&subject, now, rows),
        })
        .await?;
    if let Some(story) = &mut story {
        messages::mark(&app, story)?;
    }
    let nothing = || Problem::not_found("Nothing is known: no bounce came back, nobody stopped it.");
    tagged(&headers, &story.ok_or_else(nothing)?)
}
