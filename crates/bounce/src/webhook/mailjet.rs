//! Mailjet: one JSON object, or a list where the callback was made with version 2.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, text, time};
use crate::attempt::Attempt;
use crate::{Generator, Kind, ProviderClass};

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event")?;
    let is_hard = event.pointer("/hard_bounce") == Some(&Value::Bool(true));
    let kind = match name {
        "bounce" | "blocked" => Kind::Failed,
        "sent" => Kind::Delivered,
        "spam" => Kind::Complaint,
        "unsub" => Kind::Unsubscribe,
        other => return Ok(Parsed::skipped(other)),
    };
    // `comment` is the server's reply, where there was one; `error` is Mailjet's word.
    let words = match kind {
        Kind::Delivered => text(event, "/smtp_reply"),
        _ => text(event, "/comment").or_else(|| text(event, "/smtp_reply")).or_else(|| text(event, "/error")),
    };
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, "/email")?),
        words: words.unwrap_or_default(),
        generator: Some(Generator::new("mailjet")),
        ..Attempt::default()
    }
    .report();
    report.last_attempt_at = time(event, "/time");
    report.queue_id = id(event, "/Message_GUID").or_else(|| id(event, "/MessageID"));
    let error = text(event, "/error").unwrap_or_default();
    report.provider_class = (kind == Kind::Failed).then(|| class_of(event, error, is_hard)).flatten();
    // Mailjet gives no id of the event.
    let at = id(event, "/time").unwrap_or_default();
    let own = id(event, "/MessageID")
        .map(|message| format!("{message}/{name}/{}/{at}", text(event, "/email").unwrap_or_default()));
    Ok(Parsed::one(own, report))
}

fn class_of(event: &Value, error: &str, is_hard: bool) -> Option<ProviderClass> {
    let related = text(event, "/error_related_to").unwrap_or_default();
    let word = format!("{related}/{error}");
    match error {
        "user unknown" => ProviderClass::clear(word, Reason::UserUnknown),
        "mailbox inactive" => ProviderClass::clear(word, Reason::MailboxDisabled),
        "quota exceeded" => ProviderClass::clear(word, Reason::MailboxFull),
        "invalid domain" | "no mail host" => ProviderClass::clear(word, Reason::NoMailRoute),
        "relay/access denied" => ProviderClass::clear(word, Reason::RelayDenied),
        "sender blocked" => ProviderClass::clear(word, Reason::Blocklisted),
        "content blocked" => ProviderClass::clear(word, Reason::ContentRejected),
        "policy issue" => ProviderClass::clear(word, Reason::PolicyRefused),
        "system issue" | "protocol issue" => ProviderClass::clear(word, Reason::SystemError),
        "connection issue" => ProviderClass::clear(word, Reason::HostUnreachable),
        "greylisted" => ProviderClass::clear(word, Reason::Greylisted),
        "preblocked" | "duplicate in campaign" => ProviderClass::clear(word, Reason::AlreadySuppressed),
        "spam preblocked" => ProviderClass::clear(word, Reason::SpamContent),
        _ if is_hard && related == "recipient" => ProviderClass::broad(word, Reason::UserUnknown),
        _ => ProviderClass::only_a_word(word),
    }
}
