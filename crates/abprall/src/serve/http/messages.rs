//! Raw mail, where it is kept.

use std::io;

use abprall_mail::EmailAddress;
use abprall_store::{ContentId, KeyScope, Story};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::caller::Caller;
use super::openapi::{Common, Missing};
use super::problem::Problem;
use super::request::Named;

/// A message as it came in, where raw mail is kept (`[keep] raw_mail`).
#[utoipa::path(
    get,
    operation_id = "message",
    path = "/v1/messages/{content}",
    tag = "people",
    params((
        "content" = String,
        Path,
        description = "The identity of its content, as the report of a decision has it: 32 hexadecimal digits"
    )),
    responses((status = 200, description = "The message", body = String, content_type = "message/rfc822"), Common, Missing),
    security(("key" = ["admin"]))
)]
pub(super) async fn message(
    State(app): State<App>,
    caller: Caller,
    Named(named): Named<String>,
) -> Result<Response, Problem> {
    caller.may_for_all(KeyScope::Admin)?;
    let content: ContentId = named.parse().map_err(|_| {
        Problem::bad("Name the message by the `content` of a report: 32 lower-case hexadecimal digits.")
    })?;
    let mail = app.desk.mail.as_ref().map(|room| room.mail());
    let read = tokio::task::block_in_place(|| mail.map_or(Ok(None), |mail| mail.read(&content)));
    let message = read.map_err(|error| unreadable(&error))?;
    let message = message.ok_or_else(|| Problem::not_found("This message is not kept, or not any more."))?;
    // Text of mail: no browser is to make anything of it.
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((headers, message).into_response())
}

/// Says in a story which raw mail of its reports is there.
pub(super) fn mark(app: &App, story: &mut Story) -> Result<(), Problem> {
    let Some(room) = &app.desk.mail else { return Ok(()) };
    tokio::task::block_in_place(|| room.mail().mark(story)).map_err(|error| unreadable(&error))
}

/// Removes the messages that hold a report about a person, and those that name it; gives how many there were.
pub(super) fn forget(app: &App, address: &EmailAddress, about: Vec<ContentId>) -> Result<u64, Problem> {
    let Some(room) = &app.desk.mail else { return Ok(0) };
    tokio::task::block_in_place(|| room.mail().forget(address, about)).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Problem {
    tracing::error!(%error, "the raw mail cannot be read or changed");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The raw mail cannot be read or changed now.")
        .with(header::RETRY_AFTER, "60")
}
