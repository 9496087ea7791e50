//! The description of this interface, made from its code.

use std::collections::BTreeMap;

use axum::http::header;
use axum::response::{IntoResponse, Response as Answer};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::problem::Problem;
use super::{
    audit, bounces, check, condition, decisions, domains, events, hosts, incidents, messages, pending,
    recipients, report, suppressions, webhooks, why,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Abprall",
        description = "Bounces in, decisions out: may this be sent to, why not, what fails. Fields may be added, never renamed; \
                       what they mean is in docs/output.md. Errors are problems (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "/")),
    paths(
        check::check,
        check::check_many,
        bounces::bounces,
        events::events,
        webhooks::is_there,
        webhooks::take,
        suppressions::list,
        suppressions::add,
        suppressions::one,
        suppressions::remove,
        decisions::stream,
        decisions::one,
        why::why,
        domains::list,
        domains::one,
        hosts::list,
        hosts::one,
        incidents::list,
        incidents::one,
        pending::list,
        pending::apply,
        pending::drop,
        report::report,
        recipients::export,
        recipients::erase,
        messages::message,
        audit::list,
        condition::health,
        condition::ready,
        condition::metrics,
        openapi
    ),
    components(schemas(Problem)),
    tags(
        (name = "gate", description = "May this be sent to?"),
        (name = "intake", description = "Bounces and reports come in"),
        (name = "suppressions", description = "What is stopped"),
        (name = "decisions", description = "What was decided, and why"),
        (name = "watch", description = "What fails, and what waits for it"),
        (name = "report", description = "How things stand altogether"),
        (name = "people", description = "Rights of people, and who changed what"),
        (name = "operation", description = "For those who run it")
    ),
    modifiers(&Keys)
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(
            "A key of `abprall api-key create`. Scopes: check, bounces, events, read, write, admin."
                .to_owned(),
        );
        if let Some(components) = &mut description.components {
            components.add_security_scheme("key", SecurityScheme::Http(bearer));
        }
    }
}

/// The description as text.
pub(crate) fn text() -> String {
    // A tree of plain values always has a JSON form.
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This description.
#[utoipa::path(
    get,
    operation_id = "openapi",
    path = "/v1/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json")),
    security(())
)]
pub(super) async fn openapi() -> Answer {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}

/// Problems that many operations have in common.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $words:literal),+ $(,)? })+) => { $(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status, $words)),+].into_iter().map(|(status, words)| (status.to_string(), problem(words))).collect()
            }
        }
    )+ };
}

problems! {
    /// Of every operation that wants a key.
    Common {
        400: "The request is not understood",
        401: "A key is wanted, or this is none (`WWW-Authenticate`)",
        403: "The key may not do that",
        429: "Too many requests (`Retry-After`)",
        503: "The database does not answer; nothing was changed, try again (`Retry-After`)",
        507: "The disk is full; nothing was changed",
    }
    /// Of those with a body.
    OfBody {
        408: "The body took too long",
        413: "The body is too large",
        415: "The body is of another type",
    }
    /// Of those about one thing.
    Missing {
        404: "There is no such thing",
    }
    /// Of those that a person's wish may forbid.
    Conflict {
        409: "It is stopped by its owner's own wish",
    }
    /// Of hooks: each service has its own word for "do not send this again".
    HookProblems {
        400: "It is no post of this service",
        401: "The signature or the credentials are wrong",
        403: "It is no post of this service (Postmark)",
        406: "It is no post of this service (Mailgun)",
        408: "The body took too long",
        413: "The body is too large",
        429: "Too many requests: `Retry-After` says when again",
        503: "It could not be stored: send it again",
    }
    /// Of readiness.
    NotReady {
        503: "A part does not work; the members say which",
    }
}

/// Of those whose answer a client may keep.
pub(super) struct Cached;

impl IntoResponses for Cached {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let words = "It is as the client has it (`If-None-Match`)";
        [("304".to_owned(), ResponseBuilder::new().description(words).build().into())].into()
    }
}

fn problem(words: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(words).content("application/problem+json", content).build().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ABPRALL_WRITE_OPENAPI=1 cargo test -p abprall openapi` brings the file up to date.
    #[test]
    fn the_file_openapi_json_is_what_the_code_describes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        if std::env::var_os("ABPRALL_WRITE_OPENAPI").is_some() {
            std::fs::write(path, text()).expect("the file is written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == text(),
            "openapi.json has drifted; ABPRALL_WRITE_OPENAPI=1 cargo test -p abprall openapi"
        );
    }

    #[test]
    fn every_operation_says_what_can_go_wrong_and_who_may() {
        let mut ids = std::collections::BTreeSet::new();
        let description = serde_json::to_value(Description::openapi()).expect("JSON");
        for (path, operations) in description["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{id} stands for two operations");
                assert!(operation["summary"].is_string(), "{method} {path} has no words");
                assert!(operation["security"].is_array(), "{method} {path} does not say who may");
                let needs_key = path.starts_with("/v1/") && path != "/v1/openapi.json";
                if needs_key {
                    for status in ["400", "401", "403", "429", "503"] {
                        assert!(operation["responses"][status].is_object(), "{method} {path}: {status}");
                    }
                }
            }
        }
    }
}
