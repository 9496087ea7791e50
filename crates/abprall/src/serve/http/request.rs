//! Parts of a request, whose faults are problems as RFC 9457 writes them.

use abprall_mail::{Domain, EmailAddress};
use abprall_store::{Cursor, Page, Subject};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::app::App;
use super::problem::Problem;
use crate::serve::limits::{PAGE_ROWS, PAGE_ROWS_MAX};
use crate::subject;

/// What stands after the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, app).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::bad(format!("The query is not understood: {rejection}."))),
        }
    }
}

/// The variable part of a path.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, app).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(Problem::bad(format!("The path is not understood: {rejection}."))),
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// Rows at most; 100 where nothing is said.
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<u32>,
    /// Go on where the page before ended: its `next`.
    pub(super) after: Option<String>,
}

/// The page that is wanted.
pub(super) fn page(limit: Option<u32>, after: Option<&str>) -> Result<Page, Problem> {
    let after = after.map(str::parse::<Cursor>).transpose();
    let after = after.map_err(|error| Problem::bad(format!("after: {error}.")))?;
    Ok(Page { after, rows: rows(limit, PAGE_ROWS, PAGE_ROWS_MAX)? })
}

/// How many rows are wanted.
pub(super) fn rows(limit: Option<u32>, default: u32, max: u32) -> Result<u32, Problem> {
    match limit {
        None => Ok(default),
        Some(rows) if (1..=max).contains(&rows) => Ok(rows),
        Some(_) => Err(Problem::bad(format!("limit: a number from 1 to {max} is wanted."))),
    }
}

pub(super) fn address(text: &str) -> Result<EmailAddress, Problem> {
    no_control(text)?;
    subject::address(text).map_err(Problem::bad)
}

pub(super) fn domain(text: &str) -> Result<Domain, Problem> {
    no_control(text)?;
    subject::domain(text).map_err(Problem::bad)
}

/// An address or a domain.
pub(super) fn subject(text: &str) -> Result<Subject, Problem> {
    no_control(text)?;
    subject::read(text).map_err(Problem::bad)
}

/// A text that goes into the database. PostgreSQL keeps no NUL, and nobody's name has line breaks.
pub(super) fn no_control(text: &str) -> Result<(), Problem> {
    if text.chars().any(char::is_control) {
        return Err(Problem::bad("Control characters are not allowed."));
    }
    Ok(())
}

/// Bytes of the name of a tenant or list: a database keeps them in its keys.
const NAME_BYTES_MAX: usize = 255;

/// As [`no_control`], of names that may be missing.
pub(super) fn no_controls(texts: &[Option<&str>]) -> Result<(), Problem> {
    texts.iter().flatten().try_for_each(|text| {
        if text.len() > NAME_BYTES_MAX {
            return Err(Problem::bad(format!(
                "A name of a tenant or list has at most {NAME_BYTES_MAX} bytes."
            )));
        }
        no_control(text)
    })
}
