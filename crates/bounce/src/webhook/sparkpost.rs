//! SparkPost: a list of `{"msys": {"message_event": {…}}}`.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, code, id, need, problem, text, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, Phase, ProviderClass};

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let msys = event.pointer("/msys").and_then(Value::as_object).ok_or(problem("/msys", "is no object"))?;
    // `{"msys":{}}` is a ping.
    let Some((class, event)) = msys.iter().next() else { return Ok(Parsed::skipped("ping")) };
    if class == "relay_message" {
        return Ok(Parsed::skipped(class));
    }
    let name = need(event, "/type")?;
    let kind = match name {
        "bounce" | "out_of_band" | "policy_rejection" => Kind::Failed,
        "delay" => Kind::Delayed,
        "delivery" => Kind::Delivered,
        "spam_complaint" => Kind::Complaint,
        "list_unsubscribe" | "link_unsubscribe" => Kind::Unsubscribe,
        other => return Ok(Parsed::skipped(other)),
    };
    let bounce_class = id(event, "/bounce_class").filter(|_| kind == Kind::Failed);
    let kind = match bounce_class.as_deref() {
        Some("60") => Kind::AutoReply,
        Some("90") => Kind::Unsubscribe,
        Some("100") => Kind::Challenge,
        // A request to subscribe is none about a delivery.
        Some("80") => return Ok(Parsed::skipped("subscribe")),
        _ => kind,
    };
    let recipient = address(event, "/rcpt_to").or_else(|_| address(event, "/raw_rcpt_to"));
    // An out-of-band bounce may know only the account.
    if recipient.is_err() && name == "out_of_band" {
        return Ok(Parsed::skipped("out_of_band without rcpt_to"));
    }
    let mut report = Attempt {
        kind,
        recipient: Some(recipient?),
        words: text(event, "/raw_reason").or_else(|| text(event, "/reason")).unwrap_or_default(),
        code: code(event, "/error_code"),
        generator: Some(Generator::new("sparkpost")),
        ..Attempt::default()
    }
    .report();
    report.last_attempt_at = time(event, "/timestamp");
    report.arrived_at = time(event, "/injection_time");
    report.sender = text(event, "/msg_from").or_else(|| text(event, "/friendly_from")).map(str::to_owned);
    report.subject = text(event, "/subject").map(str::to_owned);
    report.queue_id = text(event, "/message_id").map(str::to_owned);
    report.message_id = text(event, "/rcpt_meta/message_id").and_then(message_id_of);
    if name == "out_of_band" {
        report.phase = Some(Phase::AfterDelivery);
    }
    report.provider_class = bounce_class.as_deref().and_then(class_of);
    Ok(Parsed::one(id(event, "/event_id"), report))
}

fn class_of(class: &str) -> Option<ProviderClass> {
    match class {
        "10" | "15" => ProviderClass::clear(class, Reason::UserUnknown),
        "30" => ProviderClass::broad(class, Reason::UserUnknown),
        "21" => ProviderClass::clear(class, Reason::DnsFailure),
        "22" => ProviderClass::clear(class, Reason::MailboxFull),
        "23" => ProviderClass::clear(class, Reason::MessageTooBig),
        "24" => ProviderClass::clear(class, Reason::HostUnreachable),
        "25" | "26" => ProviderClass::clear(class, Reason::AlreadySuppressed),
        "50" | "51" => ProviderClass::clear(class, Reason::Blocklisted),
        "52" => ProviderClass::clear(class, Reason::SpamContent),
        "53" => ProviderClass::clear(class, Reason::ContentRejected),
        "54" => ProviderClass::clear(class, Reason::RelayDenied),
        class => ProviderClass::only_a_word(class),
    }
}
