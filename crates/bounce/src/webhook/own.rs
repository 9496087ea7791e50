//! Our own format, for everybody whose software has none: see `docs/events.md`.
//!
//! The names are those of the lines that `abprall classify --format ndjson` prints, so that what one Abprall read another can take.

use abprall_mail::EmailAddress;
use serde_json::Value;

use super::event::{Parsed, Problem, code, id, need, problem, status, text, time};
use super::{WebhookError, json, json_lines};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, Phase, ProviderClass, limits};

/// An event by itself, a list, `{"events": […]}`, or one event a line.
pub(super) fn events(body: &[u8]) -> Result<Vec<Value>, WebhookError> {
    if let Ok(Value::Object(mut object)) = json(body)
        && let Some(events) = object.remove("events")
    {
        return match events {
            Value::Array(events) if events.len() > limits::WEBHOOK_EVENTS_MAX => {
                Err(WebhookError::TooManyEvents)
            }
            Value::Array(events) => Ok(events),
            _ => Err(WebhookError::Shape { path: "/events", problem: "is no list" }),
        };
    }
    json_lines(body)
}

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let kind: Kind =
        need(event, "/kind")?.parse().map_err(|_| problem("/kind", "is none of the known kinds"))?;
    if kind == Kind::Other {
        return Ok(Parsed::skipped(kind.as_str()));
    }
    let recipient =
        known(event, "/recipient", "is no mail address", |text| EmailAddress::parse_lenient(text).ok())?;
    let original = known(event, "/original_recipient", "is no mail address", |text| {
        EmailAddress::parse_lenient(text).ok()
    })?;
    if recipient.is_none() && original.is_none() {
        return Err(problem("/recipient", "is missing, as is /original_recipient"));
    }
    let reply_code = code(event, "/reply_code");
    if reply_code.is_none() && is_given(event, "/reply_code") {
        return Err(problem("/reply_code", "is no reply code (200 to 599)"));
    }
    let status = status(event, "/status");
    if status.is_none() && is_given(event, "/status") {
        return Err(problem("/status", "is no enhanced status code (such as 5.1.1)"));
    }
    let phase = known(event, "/phase", "is none of the known phases", |text| text.parse::<Phase>().ok())?;
    let at = ["/last_attempt_at", "/at", "/arrived_at", "/retry_until"].map(|path| {
        let at = time(event, path);
        if at.is_none() && is_given(event, path) { Err(()) } else { Ok(at) }
    });
    let [Ok(last_attempt_at), Ok(at), Ok(arrived_at), Ok(retry_until)] = at else {
        return Err(problem("/at", "or another time is neither RFC 3339 nor seconds since 1970"));
    };
    let mut report = Attempt {
        kind,
        recipient,
        words: text(event, "/diagnostic").unwrap_or_default(),
        code: reply_code,
        status,
        remote: text(event, "/remote_mta"),
        generator: text(event, "/generator").and_then(Generator::named),
    }
    .report();
    report.original_recipient = original;
    report.phase = phase.or(report.phase);
    report.last_attempt_at = last_attempt_at.or(at);
    report.arrived_at = arrived_at;
    report.retry_until = retry_until;
    let name = |path: &str| {
        text(event, path).map(|text| crate::attempt::cut(text, limits::LOG_NAME_BYTES_MAX).to_owned())
    };
    report.sender = name("/sender");
    report.subject = name("/subject");
    report.envelope_id = name("/envelope_id");
    report.queue_id = name("/queue_id");
    report.reporting_mta = name("/reporting_mta").map(|mta| mta.to_lowercase());
    report.message_id = text(event, "/message_id").and_then(message_id_of);
    report.provider_class = text(event, "/class").and_then(ProviderClass::only_a_word);
    Ok(Parsed::one(id(event, "/id"), report))
}

fn is_given(event: &Value, path: &str) -> bool {
    event.pointer(path).is_some_and(|value| !value.is_null())
}

/// A text that may be absent, but not wrong.
fn known<T>(
    event: &Value,
    path: &'static str,
    wrong: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    match event.pointer(path) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => read(text).map(Some).ok_or(problem(path, wrong)),
        Some(_) => Err(problem(path, "is no text")),
    }
}
