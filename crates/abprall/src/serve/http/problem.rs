//! What went wrong, as RFC 9457 writes it.

use abprall_store::StoreError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::serve::keys::TooOften;

/// A problem as RFC 9457 writes it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// What kind of problem, in a few words that do not change.
    title: String,
    /// The status of the answer.
    #[serde(rename = "status")]
    #[schema(minimum = 400, maximum = 599)]
    code: u16,
    /// What is wrong here, for people.
    detail: String,
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem").to_owned();
        let (code, detail) = (status.as_u16(), detail.into());
        Self { status, title, code, detail, more: Map::new(), headers: Vec::new() }
    }

    pub(super) fn database() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer; try again in a moment.")
            .with(header::RETRY_AFTER, "5")
    }

    /// Why, the log says: it names places of this machine.
    pub(super) fn raw_mail() -> Self {
        let words =
            "The server cannot keep the message in its raw mail, so it does not take it; try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, words).with(header::RETRY_AFTER, "5")
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn too_often(TooOften(wait): TooOften) -> Self {
        let seconds = wait.as_secs() + 1;
        Self::new(StatusCode::TOO_MANY_REQUESTS, format!("Too many requests; try again in {seconds} s."))
            .with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// With another header.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With more members (RFC 9457 §3.2).
    pub(super) fn and(mut self, more: Map<String, Value>) -> Self {
        self.more = more;
        self
    }
}

impl From<StoreError> for Problem {
    /// What the database says is for the log; it may name places of this machine.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, name } => Self::not_found(format!("There is no {what} {name:?}.")),
            StoreError::DiskFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "The disk of the database is full: nothing was changed.",
            ),
            StoreError::Missing { .. }
            | StoreError::CannotOpen { .. }
            | StoreError::NotOurs { .. }
            | StoreError::Newer { .. }
            | StoreError::OtherMigration { .. }
            | StoreError::Locked
            | StoreError::ReadOnly
            | StoreError::Damaged(_)
            | StoreError::UnknownWord { .. }
            | StoreError::LeaseLost
            | StoreError::Exists { .. }
            | StoreError::Key(_)
            | StoreError::ServerGone { .. }
            | StoreError::Server { .. }
            | StoreError::Other(_) => Self::database(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}
