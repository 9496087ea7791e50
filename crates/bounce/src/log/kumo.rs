//! KumoMTA log records: one JSON object for each event, in a file or as the body of a webhook.

use abprall_mail::{EmailAddress, EnhancedStatus, Reason, ReplyCode};
use serde_json::Value;

use super::{Told, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Issuer, Kind, Phase, ProviderClass, Report, limits};

const GENERATOR: Generator = Generator::new("kumomta");

/// Words that KumoMTA puts before what it says of its own.
const OWN_WORDS: &str = "KumoMTA internal:";

pub(super) fn read_line(line: &str) -> Told {
    match serde_json::from_str::<Value>(line) {
        Ok(record) => match read_record(&record) {
            Ok(reports) if reports.is_empty() => Told::Nothing,
            Ok(reports) => Told::Reports(reports),
            Err(_) => Told::Unreadable,
        },
        Err(_) => Told::Unreadable,
    }
}

/// Reads one record; none of the reports for those that tell of no delivery.
///
/// # Errors
/// The path and the rule that it breaks.
pub(crate) fn read_record(record: &Value) -> Result<Vec<Report>, (&'static str, &'static str)> {
    let kind = match record.get("type").and_then(Value::as_str) {
        Some("Delivery") => Kind::Delivered,
        Some("Bounce" | "Expiration" | "OOB") => Kind::Failed,
        Some("TransientFailure" | "Delayed") => Kind::Delayed,
        Some("Feedback") => Kind::Complaint,
        Some(_) => return Ok(Vec::new()),
        None => return Err(("/type", "is missing or no text")),
    };
    let text = |path: &str| record.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let content = text("/response/content").unwrap_or_default();
    // What it could not do itself within one attempt says nothing about the recipient.
    if kind == Kind::Delayed && content.starts_with(OWN_WORDS) {
        return Ok(Vec::new());
    }
    let recipients = recipients_of(record, kind);
    if recipients.is_empty() && kind != Kind::Complaint {
        return Err(("/recipient", "holds no address"));
    }
    let mut report = Attempt {
        kind,
        recipient: None,
        words: content.strip_prefix(OWN_WORDS).unwrap_or(content),
        code: record.pointer("/response/code").and_then(Value::as_u64).and_then(code_of),
        status: status_of(record),
        remote: text("/peer_address/name")
            .filter(|name| name.contains('.'))
            .map(|name| name.trim_end_matches('.')),
        generator: Some(GENERATOR),
    }
    .report();
    if content.starts_with(OWN_WORDS) {
        report.issuer = Some(Issuer::Reporting);
    }
    if matches!(text("/type"), Some("OOB" | "Feedback")) {
        report.phase = Some(Phase::AfterDelivery);
    } else if let Some(command) = text("/response/command") {
        report.phase = phase_of_command(command).or(report.phase);
    }
    report.sender = text("/sender").map(str::to_owned);
    report.queue_id = text("/id").map(str::to_owned);
    report.reporting_mta = text("/reporting_host").map(str::to_owned);
    report.message_id = header(record, "message-id").and_then(message_id_of);
    report.subject = header(record, "subject").map(str::to_owned);
    let at = |name: &str| {
        record.get(name).and_then(|value| {
            value.as_f64().and_then(time::of_unix).or_else(|| time::of_text(value.as_str()?))
        })
    };
    report.last_attempt_at = at("event_time").or_else(|| at("timestamp"));
    report.arrived_at = at("created_time").or_else(|| at("created"));
    report.provider_class =
        text("/bounce_classification").filter(|_| kind == Kind::Failed).and_then(class_of);
    if recipients.is_empty() {
        return Ok(vec![report]);
    }
    let of = |recipient| Report { recipient: Some(recipient), ..report.clone() };
    Ok(recipients.into_iter().map(of).collect())
}

/// A text, or a list where one message went to several at once; for a complaint what its report names.
fn recipients_of(record: &Value, kind: Kind) -> Vec<EmailAddress> {
    let list = match kind {
        Kind::Complaint => record.pointer("/feedback_report/original_rcpto_to"),
        _ => record.get("recipient"),
    };
    let one = |value: &Value| EmailAddress::parse_lenient(value.as_str()?).ok();
    match list {
        Some(Value::Array(list)) => list.iter().take(limits::LOG_RECIPIENTS_MAX).filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn code_of(code: u64) -> Option<ReplyCode> {
    ReplyCode::new(u16::try_from(code).ok()?).ok()
}

fn status_of(record: &Value) -> Option<EnhancedStatus> {
    let code = record.pointer("/response/enhanced_code")?;
    let part = |name: &str| code.get(name).and_then(Value::as_u64);
    format!("{}.{}.{}", part("class")?, part("subject")?, part("detail")?).parse().ok()
}

fn header<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    let headers = record.get("headers")?.as_object()?;
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str()
}

fn phase_of_command(command: &str) -> Option<Phase> {
    let word = command.split([' ', ':', '\r']).next()?.to_ascii_uppercase();
    match word.as_str() {
        "RCPT" => Some(Phase::Rcpt),
        "MAIL" => Some(Phase::Mail),
        "DATA" => Some(Phase::Data),
        "EHLO" | "HELO" | "LHLO" => Some(Phase::Ehlo),
        "STARTTLS" => Some(Phase::Tls),
        "." | "BDAT" => Some(Phase::EndOfData),
        _ => None,
    }
}

/// KumoMTA's own classes; operators may add theirs.
fn class_of(word: &str) -> Option<ProviderClass> {
    match word {
        "InvalidRecipient" => ProviderClass::clear(word, Reason::UserUnknown),
        "InactiveMailbox" => ProviderClass::clear(word, Reason::MailboxDisabled),
        "QuotaIssues" => ProviderClass::clear(word, Reason::MailboxFull),
        "BadDomain" => ProviderClass::clear(word, Reason::DomainNotFound),
        "DNSFailure" => ProviderClass::clear(word, Reason::DnsFailure),
        "RoutingErrors" => ProviderClass::broad(word, Reason::RoutingServerFailure),
        "NoAnswerFromHost" => ProviderClass::clear(word, Reason::HostUnreachable),
        "BadConnection" => ProviderClass::clear(word, Reason::ConnectionLost),
        "MessageExpired" => ProviderClass::clear(word, Reason::DeliveryExpired),
        "RelayDenied" | "RelayingIssues" => ProviderClass::clear(word, Reason::RelayDenied),
        "SpamBlock" | "SpamRelated" => ProviderClass::clear(word, Reason::BadReputation),
        "SpamContent" => ProviderClass::clear(word, Reason::SpamContent),
        "VirusRelated" => ProviderClass::clear(word, Reason::VirusContent),
        "ContentRelated" | "ProhibitedAttachment" => ProviderClass::clear(word, Reason::ContentRejected),
        "PolicyRelated" => ProviderClass::clear(word, Reason::PolicyRefused),
        "InvalidSender" => ProviderClass::clear(word, Reason::SenderRejected),
        "AuthenticationFailed" => ProviderClass::clear(word, Reason::AuthenticationFailed),
        "TooManyRecipients" => ProviderClass::clear(word, Reason::TooManyRecipients),
        "ProtocolErrors" => ProviderClass::clear(word, Reason::ProtocolError),
        "BadConfiguration" => ProviderClass::broad(word, Reason::SystemError),
        word => ProviderClass::only_a_word(word),
    }
}
