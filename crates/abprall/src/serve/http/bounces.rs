//! A bounce as a raw message.

use abprall_store::{Audience, Decided, KeyScope, Recorded};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::{App, content_type};
use super::caller::Caller;
use super::openapi::{Common, OfBody};
use super::problem::Problem;
use crate::serve::keeper::NotStored;
use crate::serve::limits::MESSAGE_BYTES_MAX;

/// What became of a bounce.
#[derive(Serialize, ToSchema)]
pub(super) struct Taken {
    /// It was not known before.
    new: bool,
    decisions: Vec<TakenDecision>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TakenDecision {
    /// Its number, for `GET /v1/decisions/{id}`.
    decision: i64,
    outcome: abprall_policy::Outcome,
    /// The row of the policy that decided.
    rule: &'static str,
    newly_stopped: bool,
}

impl TakenDecision {
    pub(super) fn of(decided: &Decided) -> Self {
        Self {
            decision: decided.id,
            outcome: decided.decision.outcome,
            rule: decided.decision.rule,
            newly_stopped: decided.newly_stopped,
        }
    }
}

/// Deposits a bounce: the raw message, as it came. Answered once it is on the disk.
#[utoipa::path(
    post,
    operation_id = "deposit_bounce",
    path = "/v1/bounces",
    tag = "intake",
    request_body(
        content((String = "message/rfc822"), (String = "text/plain")),
        description = "The message with all its headers (RFC 5322), at most 10 MiB"
    ),
    responses((status = 200, description = "It is stored, and decided", body = Taken), Common, OfBody),
    security((), ("key" = ["bounces"]))
)]
pub(super) async fn bounces(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Taken>, Problem> {
    caller.may(KeyScope::Bounces)?;
    content_type(&headers, &["message/rfc822", "message/global", "application/octet-stream", "text/plain"])?;
    let bytes_max = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX);
    let (message, _held) = app.body(caller.client(), body, bytes_max).await?;
    if message.is_empty() {
        return Err(Problem::bad("The body has to be a mail message (RFC 5322)."));
    }
    let whose = caller.audience(Audience::default())?;
    let audience = (whose != Audience::default()).then_some(whose);
    match app.keeper.keep_for("http".to_owned(), &message, audience).await {
        Ok(Recorded::Known) => Ok(Json(Taken { new: false, decisions: Vec::new() })),
        Ok(Recorded::New(decided)) => {
            let decisions = decided.iter().map(TakenDecision::of);
            Ok(Json(Taken { new: true, decisions: decisions.collect() }))
        }
        Err(NotStored) if app.desk.mail.as_ref().is_some_and(|mail| mail.is_shut()) => {
            Err(Problem::raw_mail())
        }
        Err(NotStored) => Err(Problem::database()),
    }
}
