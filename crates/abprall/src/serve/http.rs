//! The routes for programs.

use std::sync::Arc;

use abprall_mail::EmailAddress;
use abprall_store::{Audience, Recorded, Standing};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::gate::Gate;
use super::keeper::{Keeper, NotStored};
use super::limits::{
    ADDRESSES_MAX, BODIES_AT_A_TIME, BODY_MAX, DRAIN, MESSAGE_BYTES_MAX, QUESTION_BYTES_MAX,
};
use super::listen::{Connection, Socket};
use super::stop::Stop;

#[derive(Clone)]
struct App {
    gate: Arc<Gate>,
    keeper: Keeper,
    bodies: Arc<Semaphore>,
}

impl App {
    /// Reads a body, so many at a time: the others wait unread. The permit is to be held as long as the body.
    async fn body(&self, body: Body, bytes_max: usize) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
        let permit = Arc::clone(&self.bodies).acquire_owned().await.map_err(|_| Problem::database())?;
        match tokio::time::timeout(BODY_MAX, to_bytes(body, bytes_max)).await {
            Ok(Ok(bytes)) => Ok((bytes, permit)),
            Ok(Err(_)) => {
                let text = format!("The body has to be complete and at most {bytes_max} bytes.");
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text))
            }
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The body took too long.")),
        }
    }
}

pub(super) fn router(gate: Arc<Gate>, keeper: Keeper) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/v1/check/{address}", get(check))
        .route("/v1/check", post(check_many))
        .route("/v1/bounces", post(bounces))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "There is no such resource.") })
        .with_state(App { gate, keeper, bodies: Arc::new(Semaphore::new(BODIES_AT_A_TIME)) })
}

/// Answers at a socket until the server is to end.
pub(super) async fn serve(socket: Socket, router: Router, mut stop: Stop) -> anyhow::Result<()> {
    let mut connections = tokio::task::JoinSet::new();
    while let Some(connection) = socket.accept(&mut stop).await {
        while connections.try_join_next().is_some() {}
        connections.spawn(one(connection, router.clone(), stop.clone()));
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
    Ok(())
}

async fn one(connection: Connection, router: Router, mut stop: Stop) {
    let service = hyper_util::service::TowerToHyperService::new(router);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(hyper_util::rt::TokioTimer::new());
    let Connection { stream, .. } = &connection;
    let _ = stream;
    let io = hyper_util::rt::TokioIo::new(connection.stream);
    let talk = http.serve_connection(io, service);
    tokio::pin!(talk);
    tokio::select! {
        _ = talk.as_mut() => return,
        () = stop.wanted() => talk.as_mut().graceful_shutdown(),
    }
    // A client that breaks off is nobody's concern.
    let _ = talk.await;
}

/// For whose mail.
#[derive(Default, Deserialize)]
struct Whose {
    tenant: Option<String>,
    list: Option<String>,
}

impl From<Whose> for Audience {
    fn from(whose: Whose) -> Self {
        Audience { tenant: whose.tenant, list: whose.list }
    }
}

async fn check(
    State(app): State<App>,
    Path(address): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<Json<Standing>, Problem> {
    let address = EmailAddress::parse_lenient(&address).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("{address:?} is no mail address: {error}"))
    })?;
    Ok(Json(app.gate.standing(&address, &whose.into()).map_err(|_| Problem::database())?))
}

#[derive(Deserialize)]
struct Many {
    addresses: Vec<String>,
    #[serde(flatten)]
    whose: Whose,
}

#[derive(Serialize)]
struct Answers {
    results: Vec<Answer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Standing(Standing),
    NoAddress { address: String, error: String },
}

async fn check_many(State(app): State<App>, body: Body) -> Result<Json<Answers>, Problem> {
    let (body, _held) = app.body(body, QUESTION_BYTES_MAX).await?;
    let many: Many = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The body is not the JSON that is wanted: {error}"))
    })?;
    if many.addresses.len() > ADDRESSES_MAX {
        let text =
            format!("At most {ADDRESSES_MAX} addresses in one question; these are {}.", many.addresses.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let audience = many.whose.into();
    let results = many.addresses.into_iter().map(|text| match EmailAddress::parse_lenient(&text) {
        Ok(address) => app.gate.standing(&address, &audience).map(Answer::Standing),
        Err(error) => Ok(Answer::NoAddress { address: text, error: error.to_string() }),
    });
    let results = results.collect::<Result<_, _>>().map_err(|_| Problem::database())?;
    Ok(Json(Answers { results }))
}

/// What became of a bounce.
#[derive(Serialize)]
struct Taken {
    /// It was not known before.
    new: bool,
    decisions: Vec<TakenDecision>,
}

#[derive(Serialize)]
struct TakenDecision {
    decision: i64,
    outcome: abprall_policy::Outcome,
    rule: &'static str,
    newly_stopped: bool,
}

async fn bounces(State(app): State<App>, body: Body) -> Result<Json<Taken>, Problem> {
    let bytes_max = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX);
    let (message, _held) = app.body(body, bytes_max).await?;
    if message.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The body has to be a mail message (RFC 5322)."));
    }
    match app.keeper.keep("http".to_owned(), &message).await {
        Ok(Recorded::Known) => Ok(Json(Taken { new: false, decisions: Vec::new() })),
        Ok(Recorded::New(decided)) => {
            let decisions = decided.iter().map(|decided| TakenDecision {
                decision: decided.id,
                outcome: decided.decision.outcome,
                rule: decided.decision.rule,
                newly_stopped: decided.newly_stopped,
            });
            Ok(Json(Taken { new: true, decisions: decisions.collect() }))
        }
        Err(NotStored) => Err(Problem::database()),
    }
}

/// A problem as RFC 9457 writes it.
#[derive(Debug, Serialize)]
struct Problem {
    #[serde(skip)]
    status: StatusCode,
    title: String,
    #[serde(rename = "status")]
    code: u16,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem").to_owned();
        Self { status, title, code: status.as_u16(), detail: detail.into() }
    }

    fn database() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer; try again in a moment.")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
