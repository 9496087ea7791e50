//! Who asks, and what that may be.

use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroU32;
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

impl Client {
    /// Counts a request of somebody who has no key.
    pub(super) fn count(self, app: &App) -> Result<(), Problem> {
        app.desk.ring.count(None, self.0).map_err(Problem::too_often)
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

/// A program with its key, or nobody in particular.
#[derive(Clone)]
pub(super) struct Caller {
    key: Option<Arc<ApiKey>>,
    client: Client,
}

/// What everybody may who reaches a place that cannot be reached from outside.
const WITHOUT_KEY: [KeyScope; 3] = [KeyScope::Check, KeyScope::Bounces, KeyScope::Events];

impl Caller {
    /// Without the database and without waiting; `None` where that does not decide.
    pub(super) fn at_once(app: &App, headers: &HeaderMap, client: Client) -> Option<Self> {
        match presented(headers) {
            Presented::Nothing => (app.desk.keys == Keys::Optional).then_some(Self { key: None, client }),
            Presented::Key(key) => app.desk.ring.recognise(key).map(|key| Self { key: Some(key), client }),
            Presented::SomethingElse => None,
        }
    }

    async fn of(app: &App, headers: &HeaderMap, client: Client) -> Result<Self, Problem> {
        let key = match presented(headers) {
            Presented::Nothing if app.desk.keys == Keys::Optional => return Ok(Self { key: None, client }),
            Presented::Nothing => {
                return Err(unauthorized("A key is wanted: `Authorization: Bearer abprall_…`.", ""));
            }
            Presented::SomethingElse => Err(Refused::Wrong),
            Presented::Key(key) => app.desk.ring.verify(key, client.0).await,
        };
        match key {
            Ok(key) => Ok(Self { key: Some(key), client }),
            Err(Refused::TooOften(wait)) => Err(Problem::too_often(wait)),
            Err(Refused::Wrong) => Err(unauthorized(
                "This is no key, or one that was revoked or has expired.",
                ", error=\"invalid_token\"",
            )),
        }
    }

    /// Counts the request.
    pub(super) fn count(&self, app: &App) -> Result<(), TooOften> {
        app.desk.ring.count(self.key.as_deref(), self.client.0)
    }

    /// Counts addresses that are asked for together.
    pub(super) fn count_addresses(&self, app: &App, addresses: usize) -> Result<(), Problem> {
        let Some(addresses) = u32::try_from(addresses).ok().and_then(NonZeroU32::new) else { return Ok(()) };
        let counted = app.desk.ring.count_addresses(self.key.as_deref(), self.client.0, addresses);
        counted.map_err(Problem::too_often)
    }

    /// Whose connection it is.
    pub(super) fn client(&self) -> Client {
        self.client
    }

    /// Whether it may do that.
    pub(super) fn may(&self, scope: KeyScope) -> Result<(), Problem> {
        match &self.key {
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
        self.key.as_ref().and_then(|key| key.tenant.as_deref())
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
        self.key.as_ref().map_or_else(|| "http".to_owned(), |key| format!("key:{}", key.name))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(client) = Client::from_request_parts(parts, app).await;
        let caller = Self::of(app, &parts.headers, client).await?;
        caller.count(app).map_err(Problem::too_often)?;
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
