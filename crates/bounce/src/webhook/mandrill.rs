//! Mandrill: a form whose field `mandrill_events` is a JSON list.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, problem, text, time};
use super::{WebhookError, form_fields, one_or_many};
use crate::attempt::Attempt;
use crate::{Generator, Kind, ProviderClass};

/// The events of a body; none in the empty test post that comes when a webhook is made. Bare JSON, as it is stored, is taken as well.
pub(super) fn events(body: &[u8]) -> Result<Vec<Value>, WebhookError> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    if body.trim_ascii_start().starts_with(b"[") {
        return one_or_many(body);
    }
    let field = form_fields(body).into_iter().find(|(name, _)| name == "mandrill_events");
    match field {
        Some((_, events)) => one_or_many(events.as_bytes()),
        None => Err(WebhookError::Shape { path: "/mandrill_events", problem: "is missing" }),
    }
}

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let Some(name) = text(event, "/event") else {
        // Changes of Mandrill's own lists come as `{"type":"blacklist","action":"add"}`.
        let kind = text(event, "/type").ok_or(problem("/event", "is missing"))?;
        return Ok(Parsed::skipped(kind));
    };
    let kind = match name {
        "hard_bounce" | "soft_bounce" | "reject" => Kind::Failed,
        "deferral" => Kind::Delayed,
        "delivered" => Kind::Delivered,
        "spam" => Kind::Complaint,
        "unsub" => Kind::Unsubscribe,
        other => return Ok(Parsed::skipped(other)),
    };
    let last_reply = || text(event, "/msg/smtp_events/0/diag");
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, "/msg/email")?),
        words: text(event, "/msg/diag").or_else(last_reply).unwrap_or_default(),
        generator: Some(Generator::new("mandrill")),
        ..Attempt::default()
    }
    .report();
    report.last_attempt_at = time(event, "/ts");
    report.arrived_at = time(event, "/msg/ts");
    report.sender = text(event, "/msg/sender").map(str::to_owned);
    report.subject = text(event, "/msg/subject").map(str::to_owned);
    report.queue_id = text(event, "/msg/_id").map(str::to_owned);
    let word = text(event, "/msg/bounce_description").unwrap_or(name);
    report.provider_class = match word {
        "bad_mailbox" => ProviderClass::clear(word, Reason::UserUnknown),
        "invalid_domain" => ProviderClass::clear(word, Reason::DomainNotFound),
        "mailbox_full" => ProviderClass::clear(word, Reason::MailboxFull),
        "inactive_mailbox" => ProviderClass::clear(word, Reason::MailboxDisabled),
        "reject" => ProviderClass::clear(word, Reason::AlreadySuppressed),
        "hard_bounce" => ProviderClass::broad(word, Reason::UserUnknown),
        word => ProviderClass::only_a_word(word),
    }
    .filter(|_| kind == Kind::Failed);
    // One message may have the same event again at another time.
    let own =
        need(event, "/_id").ok().map(|own| format!("{own}/{name}/{}", id(event, "/ts").unwrap_or_default()));
    Ok(Parsed::one(own, report))
}
