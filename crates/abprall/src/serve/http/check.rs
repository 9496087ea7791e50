//! May this be sent to?

use abprall_mail::EmailAddress;
use abprall_store::{Audience, Standing};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::problem::Problem;
use crate::serve::limits::{ADDRESSES_MAX, QUESTION_BYTES_MAX};

/// For whose mail.
#[derive(Default, Deserialize)]
pub(super) struct Whose {
    tenant: Option<String>,
    list: Option<String>,
}

impl From<Whose> for Audience {
    fn from(whose: Whose) -> Self {
        Audience { tenant: whose.tenant, list: whose.list }
    }
}

pub(super) async fn check(
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
pub(super) struct Many {
    addresses: Vec<String>,
    #[serde(flatten)]
    whose: Whose,
}

#[derive(Serialize)]
pub(super) struct Answers {
    results: Vec<Answer>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Standing(Standing),
    NoAddress { address: String, error: String },
}

pub(super) async fn check_many(State(app): State<App>, body: Body) -> Result<Json<Answers>, Problem> {
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
