//! Reports in our own format, from software that has no webhook of its own.

use std::sync::Arc;

use abprall_bounce::Reading;
use abprall_bounce::limits::WEBHOOK_BYTES_MAX;
use abprall_bounce::webhook::{Provider, WebhookError, read_webhook};
use abprall_store::{Audience, KeyScope, Recorded};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::{App, content_type};
use super::bounces::TakenDecision;
use super::caller::Caller;
use super::check::Whose;
use super::openapi::{Common, OfBody};
use super::problem::Problem;
use super::request::Asked;
use super::webhooks::EventProblem;
use crate::intake::identity;
use crate::serve::limits::EVENTS_MAX;

/// What became of the events.
#[derive(Serialize, ToSchema)]
#[schema(as = EventAnswer)]
pub(super) struct Answer {
    results: Vec<EventResult>,
    /// Events of the kind `other`.
    skipped: u64,
    problems: Vec<EventProblem>,
    /// At most a hundred problems are described.
    problems_in_all: u64,
}

#[derive(Serialize, ToSchema)]
struct EventResult {
    /// Its place in the body, from 0.
    index: usize,
    /// It was not known before.
    new: bool,
    #[serde(flatten)]
    decision: Option<TakenDecision>,
}

/// Deposits reports as JSON: one, an array, or one a line (`docs/events.md`). Answered once all of them are on the disk.
#[utoipa::path(
    post,
    operation_id = "deposit_events",
    path = "/v1/events",
    tag = "intake",
    params(Whose),
    request_body(content = Object, description = "As docs/events.md says: one event, or an array of them"),
    responses(
        (status = 200, description = "What became of each", body = Answer),
        (status = 422, description = "Nothing but mistakes: nothing is stored", body = Answer),
        Common,
        OfBody
    ),
    security((), ("key" = ["events"]))
)]
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(whose): Asked<Whose>,
    body: Body,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Events)?;
    content_type(&headers, &["application/json", "application/x-ndjson"])?;
    whose.check()?;
    let (body, _held) = app.body(caller.client(), body, WEBHOOK_BYTES_MAX).await?;
    let read = tokio::task::block_in_place(|| read_webhook(Provider::Abprall, &body, None));
    let events = read.map_err(|error| {
        let status = match error {
            WebhookError::TooLarge | WebhookError::TooManyEvents => StatusCode::PAYLOAD_TOO_LARGE,
            WebhookError::NotJson(_) | WebhookError::Shape { .. } => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, format!("The body is not what is wanted: {error}."))
    })?;
    if events.events.len() > EVENTS_MAX {
        let text = format!("At most {EVENTS_MAX} events at once; these are {}.", events.events.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let mut answer = Answer {
        results: Vec::new(),
        skipped: events.skipped.values().sum(),
        problems: events.refused.iter().map(Into::into).collect(),
        problems_in_all: events.refused_count,
    };
    let numbers: Vec<_> = events.events.iter().map(|event| event.number).collect();
    if !numbers.is_empty() {
        let whose = caller.audience(whose.into())?;
        let items = tokio::task::block_in_place(|| {
            let items = events.events.into_iter().map(|event| {
                let content = identity::of_own_event(&event, &whose);
                let reading = Reading { reports: vec![event.report], ..Reading::default() };
                app.keeper.judge(content, "http".to_owned(), reading)
            });
            items.collect()
        });
        let audience = (whose != Audience::default()).then_some(whose);
        let recorded =
            app.keeper.keep_all(Arc::new(items), audience).await.map_err(|_| Problem::database())?;
        answer.results = numbers.into_iter().zip(recorded).map(EventResult::of).collect();
    }
    // Nothing but mistakes: whoever looks only at the status has to see it.
    let status = if answer.results.is_empty() && answer.skipped == 0 && answer.problems_in_all > 0 {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok((status, Json(answer)).into_response())
}

impl EventResult {
    fn of((index, recorded): (usize, Recorded)) -> Self {
        match recorded {
            Recorded::Known => Self { index, new: false, decision: None },
            Recorded::New(decided) => {
                Self { index, new: true, decision: decided.first().map(TakenDecision::of) }
            }
        }
    }
}
