//! Who asks, and what that may be.

use std::net::IpAddr;
use std::sync::Arc;

use abprall_store::{ApiKey, Audience, KeyScope};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use super::app::App;
use super::problem::Problem;
use crate::serve::keys::{Refused, TooOften};
use crate::serve::settings::Keys;

/// Whose connection it is; nobody's at a unix socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Client(pub(super) Option<IpAddr>);

/// A program with its key, or nobody in particular.
#[derive(Clone)]
pub(super) struct Caller(Option<Arc<ApiKey>>);

/// What everybody may who reaches a place that cannot be reached from outside.
const WITHOUT_KEY: [KeyScope; 3] = [KeyScope::Check, KeyScope::Bounces, KeyScope::Events];

impl Caller {
    /// Without the database and without waiting; `None` where that does not decide.
    pub(super) fn at_once(app: &App, headers: &HeaderMap) -> Option<Self> {
        match presented(headers) {
            Presented::Nothing => (app.desk.keys == Keys::Optional).then_some(Self(None)),
            Presented::Key(key) => app.desk.ring.recognise(key).map(|key| Self(Some(key))),
            Presented::SomethingElse => None,
        }
    }

    async fn of(app: &App, headers: &HeaderMap, from: Option<IpAddr>) -> Result<Self, Problem> {
        let key = match presented(headers) {
            Presented::Nothing if app.desk.keys == Keys::Optional => return Ok(Self(None)),
            Presented::Nothing => {
                return Err(unauthorized("A key is wanted: `Authorization: Bearer abprall_…`.", ""));
            }
            Presented::SomethingElse => Err(Refused::Wrong),
            Presented::Key(key) => app.desk.ring.verify(key, from).await,
        };
        match key {
            Ok(key) => Ok(Self(Some(key))),
            Err(Refused::TooOften(wait)) => Err(Problem::too_often(wait)),
            Err(Refused::Wrong) => Err(unauthorized(
                "This is no key, or one that was revoked or has expired.",
                ", error=\"invalid_token\"",
            )),
        }
    }

    /// Counts the request.
    pub(super) fn count(&self, app: &App, from: Option<IpAddr>) -> Result<(), TooOften> {
        app.desk.ring.count(self.0.as_deref(), from)
    }

    /// Whether it may do that.
    pub(super) fn may(&self, scope: KeyScope) -> Result<(), Problem> {
        match &self.0 {
            Some(key) if key.may(scope) => Ok(()),
            Some(_) => {
                let challenge =
                    format!("Bearer realm=\"abprall\", error=\"insufficient_scope\", scope=\"{scope}\"");
                Err(Problem::new(StatusCode::FORBIDDEN, format!("This key lacks the scope {scope}."))
                    .with(header::WWW_AUTHENTICATE, &challenge))
            }
            None if WITHOUT_KEY.contains(&scope) => Ok(()),
            None => Err(unauthorized("This wants a key: `Authorization: Bearer abprall_…`.", "")),
        }
    }

    /// As [`Caller::may`], for what is about the whole house.
    pub(super) fn may_for_all(&self, scope: KeyScope) -> Result<(), Problem> {
        self.may(scope)?;
        match self.tenant() {
            Some(tenant) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!(
                    "This is about the mail of all tenants; this key is only for the mail of {tenant:?}."
                ),
            )),
            None => Ok(()),
        }
    }

    /// Whose mail it is about; `None`: everybody's.
    pub(super) fn tenant(&self) -> Option<&str> {
        self.0.as_ref().and_then(|key| key.tenant.as_deref())
    }

    /// The mail that a request is about: that of the key's tenant, whatever else is asked for is refused.
    pub(super) fn audience(&self, asked: Audience) -> Result<Audience, Problem> {
        Ok(Audience { tenant: self.only_own(asked.tenant)?, list: asked.list })
    }

    /// The tenant that is asked for, as far as it is the key's own.
    pub(super) fn only_own(&self, asked: Option<String>) -> Result<Option<String>, Problem> {
        match (self.tenant(), asked) {
            (Some(own), Some(asked)) if own != asked => {
                Err(Problem::new(StatusCode::FORBIDDEN, format!("This key is only for the mail of {own:?}.")))
            }
            (Some(own), _) => Ok(Some(own.to_owned())),
            (None, asked) => Ok(asked),
        }
    }

    /// As the audit log names it.
    pub(super) fn actor(&self) -> String {
        self.0.as_ref().map_or_else(|| "http".to_owned(), |key| format!("key:{}", key.name))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let from = parts.extensions.get::<Client>().and_then(|client| client.0);
        let caller = Self::of(app, &parts.headers, from).await?;
        caller.count(app, from).map_err(Problem::too_often)?;
        Ok(caller)
    }
}

enum Presented<'a> {
    Nothing,
    Key(&'a str),
    SomethingElse,
}

fn presented(headers: &HeaderMap) -> Presented<'_> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Presented::Nothing };
    let Ok(value) = value.to_str() else { return Presented::SomethingElse };
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Presented::Key(key.trim()),
        Some(_) | None => Presented::SomethingElse,
    }
}

fn unauthorized(detail: &str, error: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with(header::WWW_AUTHENTICATE, &format!("Bearer realm=\"abprall\"{error}"))
}
