//! May this be sent to?

use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use abprall_mail::EmailAddress;
use abprall_store::{Audience, KeyScope, Standing};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::caller::{Caller, Client};
use super::flow::held;
use super::openapi::{Common, OfBody};
use super::problem::Problem;
use super::request::{Asked, Named, address, no_controls};
use crate::serve::limits::{ADDRESSES_MAX, ANSWER_BYTES_AN_ADDRESS, QUESTION_BYTES_MAX};
use crate::serve::metrics::Place;

/// For whose mail.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// For mail of this tenant.
    tenant: Option<String>,
    /// For mail of this list.
    list: Option<String>,
}

impl Whose {
    pub(super) fn check(&self) -> Result<(), Problem> {
        no_controls(&[self.tenant.as_deref(), self.list.as_deref()])
    }
}

impl From<Whose> for Audience {
    fn from(whose: Whose) -> Self {
        Audience { tenant: whose.tenant, list: whose.list }
    }
}

/// May this address be sent to?
///
/// `ok` comes from the index in memory; where that says "perhaps not", the database decides.
#[utoipa::path(
    get,
    operation_id = "check",
    path = "/v1/check/{address}",
    tag = "gate",
    params(("address" = String, Path, description = "A mail address, percent-encoded"), Whose),
    responses((status = 200, description = "How it stands", body = Standing), Common),
    security((), ("key" = ["check"]))
)]
pub(super) async fn check(
    State(app): State<App>,
    caller: Caller,
    Named(asked): Named<String>,
    Asked(whose): Asked<Whose>,
) -> Result<Json<Standing>, Problem> {
    caller.may(KeyScope::Check)?;
    whose.check()?;
    let began = Instant::now();
    let address = address(&asked)?;
    Ok(Json(ask(&app, &address, &caller.audience(whose.into())?, began)?))
}

fn ask(app: &App, address: &EmailAddress, audience: &Audience, began: Instant) -> Result<Standing, Problem> {
    let standing = app.gate.standing(address, audience);
    app.desk.metrics.check(standing.as_ref().ok().map(|standing| standing.state), began);
    standing.map_err(|_| {
        app.desk.metrics.database_error(Place::Gate);
        Problem::database()
    })
}

/// The same question, as most ask it: an address and nothing else, by somebody who is known. `None`: the way through the routes.
pub(super) fn at_once<B>(app: &App, request: &Request<B>, from: Option<IpAddr>) -> Option<Response> {
    let asked = request.uri().path().strip_prefix("/v1/check/")?;
    if request.method() != Method::GET || request.uri().query().is_some() || asked.contains('/') {
        return None;
    }
    let began = Instant::now();
    let asked = decoded(asked)?;
    let address = EmailAddress::parse_lenient(&asked).ok()?;
    let caller = Caller::at_once(app, request.headers(), Client(from))?;
    caller.may(KeyScope::Check).ok()?;
    if let Err(too_often) = caller.count(app) {
        return Some(Problem::too_often(too_often).into_response());
    }
    let audience = Audience { tenant: caller.tenant().map(str::to_owned), list: None };
    Some(match ask(app, &address, &audience, began) {
        Ok(standing) => {
            let body = serde_json::to_vec(&standing).ok()?;
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(problem) => problem.into_response(),
    })
}

/// Without percent-encoding (RFC 3986 §2.1); `None` where that is broken, or a control character comes out.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Many questions at once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Many {
    /// The addresses; what is none is said to be none.
    #[schema(max_items = 100_000, value_type = Vec<String>)]
    addresses: Addresses,
    /// For mail of this tenant.
    tenant: Option<String>,
    /// For mail of this list.
    list: Option<String>,
}

/// The addresses of a question. No more of them are kept than may be asked for: an empty one takes three bytes of a body, and ten times as
/// much in memory.
#[derive(Debug, Default)]
struct Addresses {
    kept: Vec<String>,
    /// How many there are in all.
    count: usize,
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Addresses;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of addresses")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Addresses, A::Error> {
                let mut addresses = Addresses::default();
                while addresses.kept.len() < ADDRESSES_MAX {
                    let Some(address) = from.next_element()? else {
                        return Ok(Addresses { count: addresses.kept.len(), ..addresses });
                    };
                    addresses.kept.push(address);
                }
                addresses.count = addresses.kept.len();
                while from.next_element::<IgnoredAny>()?.is_some() {
                    addresses.count += 1;
                }
                Ok(addresses)
            }
        }

        from.deserialize_seq(Reader)
    }
}

/// The answers, in the order of the questions.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what is written one answer after the other")]
pub(super) struct Answers {
    results: Vec<Answer>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Answer {
    Standing(Standing),
    NoAddress {
        address: String,
        /// Why it is no address.
        error: String,
    },
}

/// May these addresses be sent to?
#[utoipa::path(
    post,
    operation_id = "check_many",
    path = "/v1/check",
    tag = "gate",
    request_body = Many,
    responses((status = 200, description = "How they stand", body = Answers), Common, OfBody),
    security((), ("key" = ["check"]))
)]
pub(super) async fn check_many(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may(KeyScope::Check)?;
    let (many, _held): (Many, _) = app.json_held(&caller, &headers, body, QUESTION_BYTES_MAX).await?;
    let Addresses { kept: addresses, count } = many.addresses;
    if count > ADDRESSES_MAX {
        let text = format!("At most {ADDRESSES_MAX} addresses in one question; these are {count}.");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    no_controls(&[many.tenant.as_deref(), many.list.as_deref()])?;
    let audience = caller.audience(Audience { tenant: many.tenant, list: many.list })?;
    caller.count_addresses(&app, addresses.len())?;
    let room = addresses.iter().map(|address| written_len(address) + ANSWER_BYTES_AN_ADDRESS).sum();
    let mut share = app.answer(caller.client(), room).await?;
    // So many take seconds: other questions are answered by other threads meanwhile.
    let body = tokio::task::block_in_place(|| answers(&app, addresses, &audience, room))?;
    share.shrink(body.len());
    Ok(([(header::CONTENT_TYPE, "application/json")], held(body, share)).into_response())
}

/// Bytes of a text in JSON, between its quotation marks (RFC 8259 §7): never more than it took in the question.
fn written_len(text: &str) -> usize {
    let len = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..b' ' => 6,
        _ => 1,
    };
    text.bytes().map(len).sum()
}

/// [`Answers`] as JSON, written one by one: all of them as values would take more than the answer itself.
fn answers(app: &App, addresses: Vec<String>, audience: &Audience, room: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity(room);
    body.extend_from_slice(br#"{"results":["#);
    for (place, text) in addresses.into_iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        let answer = match address(&text) {
            Ok(address) => Answer::Standing(ask(app, &address, audience, Instant::now())?),
            Err(_) => {
                let error = EmailAddress::parse_lenient(&text)
                    .err()
                    .map_or_else(|| "it has control characters".to_owned(), |error| error.to_string());
                Answer::NoAddress { address: text, error }
            }
        };
        serde_json::to_writer(&mut body, &answer).map_err(|error| {
            tracing::error!("an answer cannot be written: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer cannot be written.")
        })?;
    }
    body.extend_from_slice(b"]}");
    body.shrink_to_fit();
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_question_no_more_is_kept_than_may_be_asked_for() {
        let question = |count: usize| {
            let body = serde_json::json!({ "addresses": vec![""; count] }).to_string();
            let Addresses { kept, count } = serde_json::from_str::<Many>(&body).unwrap().addresses;
            assert!(kept.capacity() < 2 * ADDRESSES_MAX, "{}", kept.capacity());
            (kept.len(), count)
        };
        assert_eq!(question(3), (3, 3));
        assert_eq!(question(ADDRESSES_MAX), (ADDRESSES_MAX, ADDRESSES_MAX));
        assert_eq!(question(4 * ADDRESSES_MAX), (ADDRESSES_MAX, 4 * ADDRESSES_MAX));
        assert!(serde_json::from_str::<Many>(r#"{"addresses":"a@x.example"}"#).is_err());
    }

    #[test]
    fn a_text_is_as_long_as_it_is_written() {
        for text in
            ["anna@example.org", "\"a\\ b\"@x.example", "\u{0}\t\n\r\u{8}\u{c}\u{1f}\u{7f}", "ü@x.example"]
        {
            assert_eq!(written_len(text) + 2, serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn percent_encoding_is_taken_off_and_nothing_hides_in_it() {
        assert_eq!(decoded("anna%40example.org").as_deref(), Some("anna@example.org"));
        assert_eq!(decoded("a%2fb@x.example").as_deref(), Some("a/b@x.example"));
        for broken in ["%", "%4", "%zz", "%ff", "a%00@x.example", "a%0d%0a@x.example"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }
}
