//! What mail services post.

use abprall_bounce::webhook::Provider;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::caller::Client;
use super::openapi::{HookProblems, Missing};
use super::problem::Problem;
use super::request::Named;
use crate::serve::intake::webhook::{NotTaken, Taken, Webhook};

/// What became of a post.
#[derive(Serialize, ToSchema)]
#[schema(as = HookAnswer)]
pub(super) struct Answer {
    events: usize,
    new: usize,
    skipped: u64,
    problems: Vec<EventProblem>,
}

/// What is wrong with one event.
#[derive(Serialize, ToSchema)]
pub(super) struct EventProblem {
    /// Its place in the body, from 0.
    pub(super) index: usize,
    /// Where it is wrong, as a JSON pointer within the event.
    pub(super) path: &'static str,
    pub(super) problem: &'static str,
}

impl From<&abprall_bounce::webhook::Refused> for EventProblem {
    fn from(refused: &abprall_bounce::webhook::Refused) -> Self {
        Self { index: refused.number, path: refused.path, problem: refused.problem }
    }
}

/// Whether there is such a hook: some services look before they post.
#[utoipa::path(
    get,
    operation_id = "is_hook",
    path = "/hooks/{name}",
    tag = "intake",
    params(("name" = String, Path, description = "As the settings name it")),
    responses((status = 200, description = "There is", body = String, content_type = "text/plain"), Missing, HookProblems),
    security(())
)]
pub(super) async fn is_there(
    State(app): State<App>,
    client: Client,
    Named(name): Named<String>,
) -> Result<&'static str, Problem> {
    client.count(&app)?;
    app.hooks.get(&name).map(|_| "events are to be posted here\n").ok_or_else(nowhere)
}

/// Takes what a mail service posts. Who it is, is proved by its signature or credentials, as the settings say.
#[utoipa::path(
    post,
    operation_id = "post_to_hook",
    path = "/hooks/{name}",
    tag = "intake",
    params(("name" = String, Path, description = "As the settings name it")),
    request_body(content = Object, description = "As the service writes it"),
    responses((status = 200, description = "It is stored", body = Answer), Missing, HookProblems),
    security(())
)]
pub(super) async fn take(
    State(app): State<App>,
    client: Client,
    Named(name): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Response> {
    client.count(&app).map_err(IntoResponse::into_response)?;
    let hook = app.hooks.get(&name).ok_or_else(|| nowhere().into_response())?;
    // Nothing of a body is read for who cannot be the service.
    hook.may_post(&headers).map_err(|not_taken| refusal(hook, not_taken))?;
    let read = app.hook_body(client, body, hook.settings.bytes_max).await;
    let (body, _held) = read.map_err(IntoResponse::into_response)?;
    match hook.take(client.0, &headers, &body, &app.keeper).await {
        Ok(Taken { events, new, skipped, refused }) => {
            Ok(Json(Answer { events, new, skipped, problems: refused.iter().map(Into::into).collect() }))
        }
        Err(not_taken) => Err(refusal(hook, not_taken)),
    }
}

fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is no such hook in the settings.")
}

fn refusal(hook: &Webhook, not_taken: NotTaken) -> Response {
    match not_taken {
        NotTaken::NotGenuine => {
            let problem =
                Problem::new(StatusCode::UNAUTHORIZED, "The signature or the credentials are wrong.");
            let mut response = problem.into_response();
            if hook.settings.credentials.basic.is_some() {
                let realm = HeaderValue::from_static("Basic realm=\"abprall\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            }
            response
        }
        NotTaken::NotUnderstood(why) => {
            let text = format!("This is no post of {}: {why}.", hook.settings.service);
            Problem::new(not_understood(hook.settings.service), text).into_response()
        }
        NotTaken::TooMuch(why) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why).into_response(),
        NotTaken::Later(why) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("Try again: {why}.")).into_response()
        }
    }
}

/// Each service has its own word for "do not send this again"; the others repeat it for some hours.
fn not_understood(service: Provider) -> StatusCode {
    match service {
        Provider::Mailgun => StatusCode::NOT_ACCEPTABLE,
        Provider::Postmark => StatusCode::FORBIDDEN,
        Provider::Ses
        | Provider::Sendgrid
        | Provider::Sparkpost
        | Provider::Brevo
        | Provider::Mailjet
        | Provider::Mandrill
        | Provider::Resend
        | Provider::Postal
        | Provider::Kumomta
        | Provider::Abprall => StatusCode::BAD_REQUEST,
    }
}
