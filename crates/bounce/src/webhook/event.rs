//! Looking into an event: what must be there, what may be there, and the error that names the place.

use abprall_mail::{EmailAddress, EnhancedStatus, ReplyCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::Report;
use crate::log::time_of_text;

/// What one event came to.
pub(super) enum Parsed {
    /// A report for each recipient, with the provider's id of the event.
    Reports(Vec<(Option<String>, Report)>),
    /// It tells of no delivery: the provider's word for its kind.
    Skipped(String),
}

impl Parsed {
    pub fn one(id: Option<String>, report: Report) -> Self {
        Self::Reports(vec![(id, report)])
    }

    pub fn skipped(word: &str) -> Self {
        Self::Skipped(word.to_owned())
    }
}

/// What is wrong with an event, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub path: &'static str,
    pub problem: &'static str,
}

pub(super) const fn problem(path: &'static str, problem: &'static str) -> Problem {
    Problem { path, problem }
}

/// A text that is not empty.
pub(super) fn text<'a>(event: &'a Value, path: &str) -> Option<&'a str> {
    event.pointer(path)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A text that must be there.
pub(super) fn need<'a>(event: &'a Value, path: &'static str) -> Result<&'a str, Problem> {
    match event.pointer(path) {
        None => Err(problem(path, "is missing")),
        Some(Value::String(text)) if text.trim().is_empty() => Err(problem(path, "is empty")),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(problem(path, "is no text")),
    }
}

/// A text or a number, as text: ids come as both.
pub(super) fn id(event: &Value, path: &str) -> Option<String> {
    match event.pointer(path)? {
        Value::String(text) if !text.is_empty() => Some(crate::attempt::cut(text, 256).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An address that must be there.
pub(super) fn address(event: &Value, path: &'static str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse_lenient(need(event, path)?).map_err(|_| problem(path, "is no mail address"))
}

/// A time: seconds or milliseconds since 1970 as number or text, or ISO 8601.
pub(super) fn time(event: &Value, path: &str) -> Option<Timestamp> {
    match event.pointer(path)? {
        Value::String(text) => time_of_text(text),
        Value::Number(number) => time_of_text(&number.to_string()),
        _ => None,
    }
}

/// A reply code as number or text.
pub(super) fn code(event: &Value, path: &str) -> Option<ReplyCode> {
    match event.pointer(path)? {
        Value::Number(number) => ReplyCode::new(u16::try_from(number.as_u64()?).ok()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An enhanced status code.
pub(super) fn status(event: &Value, path: &str) -> Option<EnhancedStatus> {
    text(event, path)?.trim().parse().ok()
}
