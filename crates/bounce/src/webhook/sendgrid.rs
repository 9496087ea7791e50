//! SendGrid's event webhook: a list of events.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, status, text, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, ProviderClass};

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event")?;
    let kind = match name {
        "bounce" | "dropped" => Kind::Failed,
        "deferred" => Kind::Delayed,
        "delivered" => Kind::Delivered,
        "spamreport" => Kind::Complaint,
        "unsubscribe" => Kind::Unsubscribe,
        other => return Ok(Parsed::skipped(other)),
    };
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, "/email")?),
        words: text(event, "/reason").or_else(|| text(event, "/response")).unwrap_or_default(),
        status: status(event, "/status"),
        generator: Some(Generator::new("sendgrid")),
        ..Attempt::default()
    }
    .report();
    report.last_attempt_at = time(event, "/timestamp");
    report.message_id = text(event, "/smtp-id").and_then(message_id_of);
    report.queue_id = text(event, "/sg_message_id").map(str::to_owned);
    report.provider_class = match name {
        "dropped" => class_of_drop(text(event, "/reason").unwrap_or_default()),
        "bounce" => class_of_bounce(event),
        _ => None,
    };
    Ok(Parsed::one(id(event, "/sg_event_id"), report))
}

/// SendGrid did not even try: mostly its own suppression list.
fn class_of_drop(reason: &str) -> Option<ProviderClass> {
    let word = format!("dropped/{reason}");
    match reason {
        "Bounced Address" | "Spam Reporting Address" | "Unsubscribed Address" => {
            ProviderClass::clear(word, Reason::AlreadySuppressed)
        }
        "Invalid" => ProviderClass::clear(word, Reason::AddressInvalid),
        "Spam Content" => ProviderClass::clear(word, Reason::SpamContent),
        "Invalid SMTPAPI header" | "Recipient List over Package Quota" => {
            ProviderClass::clear(word, Reason::LocalConfiguration)
        }
        _ => ProviderClass::only_a_word(word),
    }
}

fn class_of_bounce(event: &Value) -> Option<ProviderClass> {
    let class = text(event, "/bounce_classification").unwrap_or("Unclassified");
    let kind = text(event, "/type").unwrap_or("bounce");
    let word = format!("{kind}/{class}");
    match class {
        "Invalid Address" => ProviderClass::clear(word, Reason::UserUnknown),
        "Mailbox Unavailable" => ProviderClass::broad(word, Reason::MailboxFull),
        "Content" => ProviderClass::clear(word, Reason::ContentRejected),
        "Reputation" => ProviderClass::clear(word, Reason::BadReputation),
        "Frequency or Volume Too High" => ProviderClass::clear(word, Reason::RateLimited),
        _ if kind == "expired" => ProviderClass::clear(word, Reason::DeliveryExpired),
        _ => ProviderClass::only_a_word(word),
    }
}
