//! Mailgun: one JSON object with `signature` and `event-data`, or the form of before 2018.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, code, id, need, problem, status, text, time};
use super::{Events, WebhookError, each, form_fields, one_or_many};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, ProviderClass, Report};

const GENERATOR: Generator = Generator::new("mailgun");

pub(super) fn read_body(body: &[u8]) -> Result<Events, WebhookError> {
    if body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[") {
        return each(&one_or_many(body)?, read);
    }
    let fields = form_fields(body);
    let fields = fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    each(&[Value::Object(fields)], read_form)
}

fn read(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event-data/event")?;
    let severity = text(event, "/event-data/severity");
    let kind = match (name, severity) {
        ("failed", Some("temporary")) => Kind::Delayed,
        ("failed" | "rejected", _) => Kind::Failed,
        ("complained", _) => Kind::Complaint,
        ("unsubscribed", _) => Kind::Unsubscribe,
        ("delivered", _) => Kind::Delivered,
        (other, _) => return Ok(Parsed::skipped(other)),
    };
    // `rejected` has no recipient of its own: Mailgun took the message from nobody.
    let recipient = match address(event, "/event-data/recipient") {
        Err(_) if name == "rejected" => address(event, "/event-data/message/headers/to")?,
        recipient => recipient?,
    };
    let said = |path: &str| text(event, path);
    let mut report = Attempt {
        kind,
        recipient: Some(recipient),
        words: said("/event-data/delivery-status/message")
            .or_else(|| said("/event-data/delivery-status/description"))
            .or_else(|| said("/event-data/reject/reason"))
            .unwrap_or_default(),
        code: code(event, "/event-data/delivery-status/code"),
        status: status(event, "/event-data/delivery-status/enhanced-code"),
        remote: said("/event-data/delivery-status/mx-host"),
        generator: Some(GENERATOR),
    }
    .report();
    let own_code = event.pointer("/event-data/delivery-status/code").and_then(Value::as_u64);
    report.provider_class = class_of(own_code, said("/event-data/reason"));
    report.last_attempt_at = time(event, "/event-data/timestamp");
    report.message_id = said("/event-data/message/headers/message-id").and_then(message_id_of);
    report.subject = said("/event-data/message/headers/subject").map(str::to_owned);
    report.sender = said("/event-data/envelope/sender").map(str::to_owned);
    if name == "rejected" {
        report.provider_class = ProviderClass::clear("rejected", Reason::ContentRejected);
    }
    Ok(Parsed::one(id(event, "/signature/token"), own_codes_out(report, own_code)))
}

fn read_form(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event")?;
    let kind = match name {
        "bounced" | "dropped" => Kind::Failed,
        "complained" => Kind::Complaint,
        "unsubscribed" => Kind::Unsubscribe,
        "delivered" => Kind::Delivered,
        other => return Ok(Parsed::skipped(other)),
    };
    let own_code = text(event, "/code").and_then(|code| code.trim().parse().ok());
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, "/recipient")?),
        words: text(event, "/error").or_else(|| text(event, "/description")).unwrap_or_default(),
        code: code(event, "/code"),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    report.provider_class = class_of(own_code, text(event, "/reason"));
    report.message_id = text(event, "/Message-Id").and_then(message_id_of);
    report.last_attempt_at = time(event, "/timestamp");
    let token = id(event, "/token").ok_or(problem("/token", "is missing"))?;
    Ok(Parsed::one(Some(token), own_codes_out(report, own_code)))
}

/// 498, 499, 605 and 607 are Mailgun's, not of any server.
fn own_codes_out(mut report: Report, own_code: Option<u64>) -> Report {
    if matches!(own_code, Some(498 | 499 | 600..)) {
        report.reply_code = report.reply_code.filter(|code| Some(u64::from(code.as_u16())) != own_code);
        report.issuer = Some(crate::Issuer::Reporting);
    }
    report
}

fn class_of(code: Option<u64>, reason: Option<&str>) -> Option<ProviderClass> {
    let word = match (code, reason) {
        (Some(code), Some(reason)) => format!("{reason}/{code}"),
        (Some(code), None) => code.to_string(),
        (None, reason) => reason?.to_owned(),
    };
    match (code, reason) {
        (Some(605..=607), _)
        | (_, Some("suppress-bounce" | "suppress-complaint" | "suppress-unsubscribe")) => {
            ProviderClass::clear(word, Reason::AlreadySuppressed)
        }
        (Some(498), _) => ProviderClass::clear(word, Reason::NoMailRoute),
        (Some(499), _) => ProviderClass::clear(word, Reason::HostUnreachable),
        (_, Some("old")) => ProviderClass::clear(word, Reason::DeliveryExpired),
        _ => ProviderClass::only_a_word(word),
    }
}
