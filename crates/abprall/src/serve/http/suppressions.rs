//! What is stopped: listed, added, lifted.

use abprall_mail::Reason;
use abprall_policy::Stop;
use abprall_store::{
    Audience, KeyScope, Page, Question, Rows, Standing, State as Stands, StopFilter, StopOrder, StopRow,
    StoreError, Subject,
};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::tagged;
use super::app::App;
use super::caller::Caller;
use super::openapi::{Cached, Common, Conflict, Missing, OfBody};
use super::problem::Problem;
use super::request::{self, Asked, Named, no_controls};
use crate::serve::limits::{CHANGE_BYTES_MAX, NOTE_BYTES_MAX};

/// How something is stopped.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StopState {
    /// For now: evidence may lift it.
    Held,
    /// Until a person lifts it.
    #[default]
    Suppressed,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Only held, or only suppressed ones.
    state: Option<StopState>,
    /// Only those for this reason.
    reason: Option<Reason>,
    /// Only those of this tenant.
    tenant: Option<String>,
    /// Only those of this list.
    list: Option<String>,
    /// Rows at most; 100 where nothing is said. A page may be some rows longer.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on where the page before ended: its `next`.
    after: Option<String>,
}

/// One stop.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    #[serde(flatten)]
    standing: Standing,
    /// For whose mail; null: everybody's.
    tenant: Option<String>,
    /// For which list's mail; null: all.
    list: Option<String>,
}

impl From<StopRow> for Listed {
    fn from(StopRow { standing, audience: Audience { tenant, list } }: StopRow) -> Self {
        Self { standing, tenant, list }
    }
}

/// What is stopped: domains first, then mail hosts, then addresses. People who were erased are left out: a page may be shorter for it,
/// even empty, and the list ends only where `next` is null.
#[utoipa::path(
    get,
    operation_id = "list_suppressions",
    path = "/v1/suppressions",
    tag = "suppressions",
    params(Filter),
    responses((status = 200, description = "One page", body = Rows<Listed>), Cached, Common),
    security(("key" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(asked): Asked<Filter>,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Read)?;
    no_controls(&[asked.tenant.as_deref(), asked.list.as_deref()])?;
    let page: Page = request::page(asked.limit, asked.after.as_deref())?;
    let filter = StopFilter {
        state: asked.state.map(|state| match state {
            StopState::Held => Stands::Held,
            StopState::Suppressed => Stands::Suppressed,
        }),
        reason: asked.reason,
        tenant: caller.only_own(asked.tenant)?,
        list: asked.list,
    };
    let found = app.ask(|store| store.stops_page(&filter, page, Timestamp::now())).await?;
    let named = found.rows.into_iter().filter(|row| !row.standing.is_erased());
    let rows = Rows { rows: named.map(Listed::from).collect(), next: found.next };
    tagged(&headers, &rows)
}

/// Somebody is to be stopped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// An address, or a domain: all addresses of it.
    #[schema(example = "anna@example.org")]
    subject: String,
    /// How; `suppressed` where nothing is said.
    state: Option<StopState>,
    /// Why; `unsubscribe` where nothing is said.
    reason: Option<Reason>,
    /// Until when; null: until it is lifted.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only for mail of this tenant.
    tenant: Option<String>,
    /// Only for mail of this list.
    list: Option<String>,
    /// For those who ask why later; at most 2,000 bytes.
    #[schema(max_length = 2000)]
    note: Option<String>,
}

/// Stops an address or a whole domain. What is stopped harder already stays as it is.
#[utoipa::path(
    post,
    operation_id = "add_suppression",
    path = "/v1/suppressions",
    tag = "suppressions",
    request_body = Order,
    responses(
        (status = 201, description = "How it stands now", body = Standing, headers(("Location" = String, description = "Where to ask for it"))),
        Common,
        OfBody
    ),
    security(("key" = ["write"]))
)]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Write)?;
    let order: Order = app.json(&caller, &headers, body, CHANGE_BYTES_MAX).await?;
    no_controls(&[order.tenant.as_deref(), order.list.as_deref()])?;
    let note = note(order.note)?;
    let subject = request::subject(&order.subject)?;
    let now = Timestamp::now();
    if order.until.is_some_and(|until| until <= now) {
        return Err(Problem::bad("until: a time that is still to come is wanted."));
    }
    let audience = caller.audience(Audience { tenant: order.tenant, list: order.list })?;
    let order = StopOrder {
        stop: match order.state.unwrap_or_default() {
            StopState::Held => Stop::Hold,
            StopState::Suppressed => Stop::Suppression,
        },
        reason: order.reason.unwrap_or(Reason::Unsubscribe),
        until: order.until,
        audience: audience.clone(),
        note,
    };
    let standing = app
        .change(&caller, |store| {
            store.stop(&subject, &order, now)?;
            standing(store, &subject, &audience, now)
        })
        .await?;
    let place = format!("/v1/suppressions/{}", encoded(&subject.to_string()));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(standing)).into_response())
}

/// How one address or domain is stopped.
#[utoipa::path(
    get,
    operation_id = "get_suppression",
    path = "/v1/suppressions/{subject}",
    tag = "suppressions",
    params(("subject" = String, Path, description = "An address or a domain, percent-encoded")),
    responses((status = 200, description = "How it stands", body = Standing), Cached, Common, Missing),
    security(("key" = ["read"]))
)]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Named(named): Named<String>,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Read)?;
    let subject = request::subject(&named)?;
    let audience = Audience { tenant: caller.tenant().map(str::to_owned), list: None };
    let standing = app.ask(|store| standing(store, &subject, &audience, Timestamp::now())).await?;
    if standing.state == Stands::Ok {
        return Err(not_stopped());
    }
    tagged(&headers, &standing)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Lift {
    /// Also where the owner complained or unsubscribed: only if they asked to come back.
    consent: Option<bool>,
    /// For those who ask why later; at most 2,000 bytes.
    #[param(max_length = 2000)]
    note: Option<String>,
}

/// Lifts the stops of just this address or domain. The answer says how it stands now: its domain may be stopped as well.
#[utoipa::path(
    delete,
    operation_id = "lift_suppression",
    path = "/v1/suppressions/{subject}",
    tag = "suppressions",
    params(("subject" = String, Path, description = "An address or a domain, percent-encoded"), Lift),
    responses((status = 200, description = "How it stands now", body = Standing), Common, Missing, Conflict),
    security(("key" = ["write"]))
)]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Named(named): Named<String>,
    Asked(lift): Asked<Lift>,
) -> Result<Json<Standing>, Problem> {
    caller.may(KeyScope::Write)?;
    let subject = request::subject(&named)?;
    let note = note(lift.note)?;
    let audience = Audience { tenant: caller.tenant().map(str::to_owned), list: None };
    let now = Timestamp::now();
    let own_wish = app.ask(|store| store.own_wish(&subject, caller.tenant())).await?;
    if own_wish.is_some() && lift.consent != Some(true) {
        let text = "It is stopped by its owner's own wish; `consent=true` lifts it where the owner asked to come back.";
        return Err(Problem::new(StatusCode::CONFLICT, text));
    }
    let tenant = caller.tenant();
    let (lifted, after) = app
        .change(&caller, |store| {
            let lifted = match tenant {
                Some(tenant) => store.lift_of_tenant(&subject, tenant, now, note.as_deref()),
                None => store.lift(&subject, now, note.as_deref()),
            }?;
            Ok((lifted, standing(store, &subject, &audience, now)?))
        })
        .await?;
    if lifted.state == Stands::Ok {
        return Err(not_stopped());
    }
    Ok(Json(after))
}

/// As `check` sees an address, a domain by itself.
fn standing(
    store: &(impl abprall_store::Store + ?Sized),
    subject: &Subject,
    audience: &Audience,
    at: Timestamp,
) -> Result<Standing, StoreError> {
    match (subject, &audience.tenant) {
        (Subject::Address(address), _) => {
            store.check(&Question { address: address.clone(), audience: audience.clone() }, at)
        }
        (Subject::Domain(_) | Subject::MxHost(_), None) => store.check_subject(subject, at),
        (Subject::Domain(_) | Subject::MxHost(_), Some(tenant)) => {
            let story = store.story_of_tenant(subject, tenant, at, 0)?;
            Ok(story.map_or_else(|| Standing::ok(subject.to_string()), |story| story.standing))
        }
    }
}

fn not_stopped() -> Problem {
    Problem::not_found("It is not stopped.")
}

/// A note that can be kept.
pub(super) fn note(note: Option<String>) -> Result<Option<String>, Problem> {
    match note {
        Some(note) if note.len() > NOTE_BYTES_MAX => {
            Err(Problem::bad(format!("note: at most {NOTE_BYTES_MAX} bytes are kept.")))
        }
        Some(note) if note.contains('\0') => Err(Problem::bad("note: a text without NUL is wanted.")),
        note => Ok(note),
    }
}

/// As a part of a path (RFC 3986 §3.3).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
