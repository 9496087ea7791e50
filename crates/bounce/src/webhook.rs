//! Reads the bodies that mail services post about deliveries, and our own format for everybody else.
//!
//! [`read_webhook`] takes the raw body, as it was signed. Whether the signature holds is a question of its own: [`signature`].
//! An event of a kind that tells of no delivery (opens, clicks) is skipped and counted; a malformed one is refused with its number and
//! the path that is wrong, and the others are read.

use std::collections::BTreeMap;

use serde_json::Value;
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::{Report, limits};

mod brevo;
mod event;
mod form;
mod mailgun;
mod mailjet;
mod mandrill;
mod own;
mod postal;
mod postmark;
mod resend;
mod sendgrid;
mod ses;
pub mod signature;
mod sniff;
pub mod sns;
mod sparkpost;

pub use form::form_fields;

use event::{Parsed, Problem};

/// Who posts.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, Eq, Hash, IntoStaticStr, Ord, PartialEq, PartialOrd,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Provider {
    /// Amazon SES through SNS, or its events as they are.
    Ses,
    /// Twilio SendGrid's event webhook.
    Sendgrid,
    /// Mailgun.
    Mailgun,
    /// Postmark.
    Postmark,
    /// SparkPost (Bird).
    Sparkpost,
    /// Brevo (Sendinblue).
    Brevo,
    /// Mailjet.
    Mailjet,
    /// Mailchimp Transactional (Mandrill).
    Mandrill,
    /// Resend.
    Resend,
    /// Postal.
    Postal,
    /// KumoMTA's `log_hooks`.
    Kumomta,
    /// Our own format (`docs/events.md`).
    Abprall,
}

impl Provider {
    /// The provider by what a body looks like; `None` when it is no body that we know.
    pub fn sniff(body: &[u8]) -> Option<Self> {
        sniff::sniff(body)
    }
}

/// One event about one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the body, from 0. Several recipients of one event share it.
    pub number: usize,
    /// The same whenever the provider posts this event again; `None` where the provider gives nothing to tell by.
    pub id: Option<String>,
    /// What happened.
    pub report: Report,
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// In the order of the body.
    pub events: Vec<Event>,
    /// Events of other kinds, counted by the word that the provider has for them.
    pub skipped: BTreeMap<String, u64>,
    /// Malformed events; at most [`limits::WEBHOOK_REFUSALS_MAX`] are described.
    pub refused: Vec<Refused>,
    /// How many were malformed.
    pub refused_count: u64,
}

/// An event that could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("event {number}: {path} {problem}")]
pub struct Refused {
    /// Its place in the body, from 0.
    pub number: usize,
    /// Where it is wrong, as a JSON pointer within the event.
    pub path: &'static str,
    /// What is wrong there.
    pub problem: &'static str,
}

/// A body of which nothing could be read: the sender has to change something.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Larger than is taken.
    #[error("the body has more than {} bytes", limits::WEBHOOK_BYTES_MAX)]
    TooLarge,
    /// More events than are taken.
    #[error("the body has more than {} events", limits::WEBHOOK_EVENTS_MAX)]
    TooManyEvents,
    /// No JSON where JSON is due.
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of another shape.
    #[error("{path} {problem}")]
    Shape {
        /// Where, as a JSON pointer; empty for the body itself.
        path: &'static str,
        /// What is wrong there.
        problem: &'static str,
    },
}

/// Reads a body. `delivery_id` is what the provider sends in a header to tell its deliveries apart, where it does: `svix-id` of Resend.
///
/// # Errors
/// When nothing of the body can be read. One malformed event is no error: see [`Events::refused`].
pub fn read_webhook(
    provider: Provider,
    body: &[u8],
    delivery_id: Option<&str>,
) -> Result<Events, WebhookError> {
    if body.len() > limits::WEBHOOK_BYTES_MAX {
        return Err(WebhookError::TooLarge);
    }
    match provider {
        Provider::Ses => ses::read(body),
        Provider::Mandrill => each(&mandrill::events(body)?, mandrill::read),
        Provider::Abprall => each(&own::events(body)?, own::read),
        Provider::Mailgun => mailgun::read_body(body),
        Provider::Kumomta => each(&json_lines(body)?, kumo),
        Provider::Resend => each(&one_or_many(body)?, |event| resend::read(event, delivery_id)),
        Provider::Sendgrid => each(&one_or_many(body)?, sendgrid::read),
        Provider::Postmark => each(&one_or_many(body)?, postmark::read),
        Provider::Sparkpost => each(&one_or_many(body)?, sparkpost::read),
        Provider::Brevo => each(&one_or_many(body)?, brevo::read),
        Provider::Mailjet => each(&one_or_many(body)?, mailjet::read),
        Provider::Postal => each(&one_or_many(body)?, postal::read),
    }
}

fn json(body: &[u8]) -> Result<Value, WebhookError> {
    // Some senders put a byte order mark in front.
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    serde_json::from_slice(body).map_err(WebhookError::NotJson)
}

/// An array of events, or one event by itself.
fn one_or_many(body: &[u8]) -> Result<Vec<Value>, WebhookError> {
    match json(body)? {
        Value::Array(events) if events.len() > limits::WEBHOOK_EVENTS_MAX => Err(WebhookError::TooManyEvents),
        Value::Array(events) => Ok(events),
        event @ Value::Object(_) => Ok(vec![event]),
        _ => Err(WebhookError::Shape { path: "", problem: "is neither an object nor a list of objects" }),
    }
}

/// As [`one_or_many`], also with one object a line.
fn json_lines(body: &[u8]) -> Result<Vec<Value>, WebhookError> {
    let whole = one_or_many(body);
    if whole.is_ok() || !body.contains(&b'\n') {
        return whole;
    }
    let mut events = Vec::new();
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    for line in lines {
        if events.len() == limits::WEBHOOK_EVENTS_MAX {
            return Err(WebhookError::TooManyEvents);
        }
        // What is wrong with the whole says more than what is wrong with a line of it.
        let Ok(event) = serde_json::from_slice(line) else { return whole };
        events.push(event);
    }
    Ok(events)
}

fn each(events: &[Value], read: impl Fn(&Value) -> Result<Parsed, Problem>) -> Result<Events, WebhookError> {
    let mut all = Events::default();
    for (number, event) in events.iter().enumerate() {
        all.take(number, read(event));
    }
    Ok(all)
}

impl Events {
    fn take(&mut self, number: usize, parsed: Result<Parsed, Problem>) {
        match parsed {
            Ok(Parsed::Reports(reports)) => {
                let events = reports.into_iter().map(|(id, report)| Event { number, id, report });
                self.events.extend(events);
            }
            Ok(Parsed::Skipped(word)) => {
                // A hostile sender could make up words without end.
                let word = crate::attempt::cut(&word, 64).to_owned();
                let word = if self.skipped.len() < 100 { word } else { "others".to_owned() };
                *self.skipped.entry(word).or_default() += 1;
            }
            Err(Problem { path, problem }) => {
                self.refused_count += 1;
                if self.refused.len() < limits::WEBHOOK_REFUSALS_MAX {
                    self.refused.push(Refused { number, path, problem });
                }
            }
        }
    }
}

fn kumo(record: &Value) -> Result<Parsed, Problem> {
    let reports =
        crate::log::read_kumo_record(record).map_err(|(path, problem)| Problem { path, problem })?;
    if reports.is_empty() {
        let word = record.get("type").and_then(Value::as_str).unwrap_or_default();
        return Ok(Parsed::Skipped(word.to_owned()));
    }
    // One message to one recipient has one record of a kind at a time.
    let id = |report: &Report| {
        let recipient = report.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
        let at = report.last_attempt_at.map(jiff::Timestamp::as_millisecond).unwrap_or_default();
        Some(format!("{}/{}/{recipient}/{at}", report.queue_id.as_deref()?, report.kind.as_str()))
    };
    Ok(Parsed::Reports(reports.into_iter().map(|report| (id(&report), report)).collect()))
}
