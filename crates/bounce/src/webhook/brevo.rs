//! Brevo: one JSON object, or a list where batching is on.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, text, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, ProviderClass};

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event")?;
    let kind = match name {
        "hard_bounce" | "soft_bounce" | "blocked" | "invalid_email" | "invalid" | "error" => Kind::Failed,
        "deferred" => Kind::Delayed,
        "delivered" => Kind::Delivered,
        "spam" | "complaint" => Kind::Complaint,
        "unsubscribed" | "unsubscribe" => Kind::Unsubscribe,
        other => return Ok(Parsed::skipped(other)),
    };
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, "/email")?),
        words: text(event, "/reason").unwrap_or_default().trim(),
        generator: Some(Generator::new("brevo")),
        ..Attempt::default()
    }
    .report();
    // `date` is local time of the account, `ts` depends on the event: only this one is always UTC.
    report.last_attempt_at = time(event, "/ts_epoch").or_else(|| time(event, "/ts_event"));
    report.message_id = text(event, "/message-id").and_then(message_id_of);
    report.subject = text(event, "/subject").map(str::to_owned);
    report.provider_class = match name {
        "hard_bounce" => ProviderClass::broad(name, Reason::UserUnknown),
        "blocked" => ProviderClass::clear(name, Reason::AlreadySuppressed),
        "invalid_email" | "invalid" => ProviderClass::clear(name, Reason::AddressInvalid),
        "error" => ProviderClass::clear(name, Reason::LocalConfiguration),
        _ => ProviderClass::only_a_word(name),
    };
    // Brevo gives no id of the event.
    let at = id(event, "/ts_epoch").or_else(|| id(event, "/ts_event"));
    let own = at
        .zip(report.message_id.clone())
        .map(|(at, message)| format!("{message}/{name}/{}/{at}", text(event, "/email").unwrap_or_default()));
    Ok(Parsed::one(own, report))
}
