//! A bounce as a raw message.

use abprall_store::{Decided, Recorded};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::app::App;
use super::problem::Problem;
use crate::serve::keeper::NotStored;
use crate::serve::limits::MESSAGE_BYTES_MAX;

/// What became of a bounce.
#[derive(Serialize)]
pub(super) struct Taken {
    /// It was not known before.
    new: bool,
    decisions: Vec<TakenDecision>,
}

#[derive(Serialize)]
pub(super) struct TakenDecision {
    decision: i64,
    outcome: abprall_policy::Outcome,
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

pub(super) async fn bounces(State(app): State<App>, body: Body) -> Result<Json<Taken>, Problem> {
    let bytes_max = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX);
    let (message, _held) = app.body(body, bytes_max).await?;
    if message.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The body has to be a mail message (RFC 5322)."));
    }
    match app.keeper.keep("http".to_owned(), &message).await {
        Ok(Recorded::Known) => Ok(Json(Taken { new: false, decisions: Vec::new() })),
        Ok(Recorded::New(decided)) => {
            let decisions = decided.iter().map(TakenDecision::of);
            Ok(Json(Taken { new: true, decisions: decisions.collect() }))
        }
        Err(NotStored) => Err(Problem::database()),
    }
}
