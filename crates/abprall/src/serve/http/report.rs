//! How things stand altogether.

use abprall_mail::Language;
use abprall_store::{KeyScope, Period};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::Caller;
use super::openapi::Common;
use super::problem::Problem;
use super::request::{self, Asked};
use crate::report::Report;

/// A language of the words.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lang {
    #[default]
    En,
    De,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    /// The first day (UTC); nothing: from the beginning.
    #[param(value_type = Option<String>, format = Date)]
    since: Option<Date>,
    /// The last day (UTC); nothing: up to today.
    #[param(value_type = Option<String>, format = Date)]
    until: Option<Date>,
    /// Domains, servers, providers and incidents at most; 10 where nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The language of the words.
    lang: Option<Lang>,
}

const ROWS: u32 = 10;

/// Each row costs a few questions to the database.
const ROWS_MAX: u32 = 100;

/// The report over a period: what failed and why, what is stopped, what came back, what to do.
#[utoipa::path(
    get,
    operation_id = "report",
    path = "/v1/report",
    tag = "report",
    params(Of),
    responses((status = 200, description = "The report", body = Report), Common),
    security(("key" = ["read"]))
)]
pub(super) async fn report(
    State(app): State<App>,
    caller: Caller,
    Asked(asked): Asked<Of>,
) -> Result<Json<Report>, Problem> {
    caller.may_for_all(KeyScope::Read)?;
    let rows = request::rows(asked.limit, ROWS, ROWS_MAX)?;
    if let (Some(since), Some(until)) = (asked.since, asked.until)
        && since > until
    {
        return Err(Problem::bad(format!("since: the first day, {since}, is after the last, {until}.")));
    }
    let period = Period { since: asked.since, until: asked.until };
    let language = match asked.lang.unwrap_or_default() {
        Lang::En => Language::En,
        Lang::De => Language::De,
    };
    Ok(Json(app.ask(|store| Report::ask(store, period, Timestamp::now(), rows, language)).await?))
}
