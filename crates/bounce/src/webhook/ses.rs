//! Amazon SES: classic notifications (`notificationType`) and event publishing (`eventType`), inside of SNS or bare.

use abprall_mail::{EmailAddress, Reason};
use serde_json::Value;

use super::event::{Parsed, Problem, id, need, problem, status, text, time};
use super::sns::{Envelope, Purpose};
use super::{Events, WebhookError, each, json};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, ProviderClass, Report, limits};

const GENERATOR: Generator = Generator::new("amazonses");

pub(super) fn read(body: &[u8]) -> Result<Events, WebhookError> {
    let value = json(body)?;
    if value.get("TopicArn").is_none() {
        return each(&[value], |event| read_event(event, None));
    }
    let envelope = Envelope::parse(body)?;
    let mut events = Events::default();
    match envelope.purpose {
        Purpose::Notification => {
            // The first message after a confirmation is a sentence.
            let parsed = match serde_json::from_str::<Value>(&envelope.message) {
                Ok(event) => read_event(&event, Some(&envelope.message_id)),
                Err(_) if envelope.message.trim_start().starts_with('{') => {
                    Err(problem("/Message", "is not JSON"))
                }
                Err(_) => Ok(Parsed::skipped("text")),
            };
            events.take(0, parsed);
        }
        Purpose::SubscriptionConfirmation => events.take(0, Ok(Parsed::skipped("SubscriptionConfirmation"))),
        Purpose::UnsubscribeConfirmation => events.take(0, Ok(Parsed::skipped("UnsubscribeConfirmation"))),
    }
    Ok(events)
}

fn read_event(event: &Value, message_id: Option<&str>) -> Result<Parsed, Problem> {
    let name = text(event, "/eventType").or_else(|| text(event, "/notificationType"));
    let name = name.ok_or(problem("/notificationType", "is missing, as is /eventType"))?;
    let (kind, part, list) = match name {
        "Bounce" => (Kind::Failed, "/bounce", "/bounce/bouncedRecipients"),
        "Complaint" => (Kind::Complaint, "/complaint", "/complaint/complainedRecipients"),
        "Delivery" => (Kind::Delivered, "/delivery", "/delivery/recipients"),
        "DeliveryDelay" => (Kind::Delayed, "/deliveryDelay", "/deliveryDelay/delayedRecipients"),
        "Reject" => (Kind::Failed, "/reject", "/mail/destination"),
        other => return Ok(Parsed::skipped(other)),
    };
    let details = event.pointer(part).ok_or(problem(part, "is missing"))?;
    let recipients = event.pointer(list).and_then(Value::as_array).ok_or(problem(list, "is no list"))?;
    if recipients.is_empty() {
        return Err(problem(list, "is empty"));
    }
    let (class, is_suppressed) = class_of(kind, details);
    let mut reports = Vec::with_capacity(recipients.len().min(100));
    for recipient in recipients.iter().take(limits::RECIPIENTS_MAX) {
        let address = recipient.as_str().map_or_else(|| need(recipient, "/emailAddress"), Ok)?;
        let address = EmailAddress::parse_lenient(address)
            .map_err(|_| problem(list, "holds what is no mail address"))?;
        let words = match kind {
            Kind::Delivered => text(details, "/smtpResponse").unwrap_or_default(),
            _ => text(recipient, "/diagnosticCode").or_else(|| text(details, "/reason")).unwrap_or_default(),
        };
        let mut report = Attempt {
            kind,
            recipient: Some(address),
            words,
            status: status(recipient, "/status"),
            remote: text(details, "/remoteMtaIp"),
            generator: Some(GENERATOR),
            ..Attempt::default()
        }
        .report();
        if name == "Reject" {
            report.provider_class = ProviderClass::clear("Reject", Reason::ContentRejected);
        } else {
            report.provider_class.clone_from(&class);
        }
        // Nobody was asked: what the words say is SES's own.
        if is_suppressed {
            report.issuer = Some(crate::Issuer::Reporting);
        }
        about_the_mail(&mut report, event);
        report.last_attempt_at = time(details, "/timestamp").or_else(|| time(event, "/mail/timestamp"));
        report.retry_until = time(details, "/expirationTime");
        let own = message_id.map(str::to_owned).or_else(|| id(details, "/feedbackId"));
        let address = report.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
        reports.push((own.map(|own| format!("{own}/{address}")), report));
    }
    Ok(Parsed::Reports(reports))
}

fn about_the_mail(report: &mut Report, event: &Value) {
    report.sender = text(event, "/mail/source").map(str::to_owned);
    report.subject = text(event, "/mail/commonHeaders/subject").map(str::to_owned);
    report.arrived_at = time(event, "/mail/timestamp");
    report.queue_id = text(event, "/mail/messageId").map(str::to_owned);
    let reporting = ["/bounce/reportingMTA", "/delivery/reportingMTA", "/deliveryDelay/reportingMTA"];
    let reporting = reporting.iter().find_map(|path| text(event, path));
    report.reporting_mta = reporting.map(|mta| mta.rsplit(';').next().unwrap_or(mta).trim().to_lowercase());
    // SES writes a Message-ID of its own over ours: `<messageId@email.amazonses.com>`; the header as sent tells.
    let headers = event.pointer("/mail/headers").and_then(Value::as_array);
    let header = headers.and_then(|headers| {
        headers
            .iter()
            .find(|header| text(header, "/name").is_some_and(|n| n.eq_ignore_ascii_case("message-id")))
    });
    let from_header = header.and_then(|header| text(header, "/value"));
    let id = from_header.or_else(|| text(event, "/mail/commonHeaders/messageId"));
    report.message_id = id.and_then(message_id_of);
}

/// What SES calls it, and whether its own suppression list stopped the mail.
fn class_of(kind: Kind, details: &Value) -> (Option<ProviderClass>, bool) {
    if kind == Kind::Delayed {
        let word = text(details, "/delayType").unwrap_or_default();
        let class = match word {
            "MailboxFull" => ProviderClass::clear(word, Reason::MailboxFull),
            "SpamDetected" => ProviderClass::clear(word, Reason::SpamContent),
            "TransientCommunicationFailure" => ProviderClass::clear(word, Reason::ConnectionLost),
            "IPFailure" => ProviderClass::clear(word, Reason::BadReputation),
            "RecipientServerError" => ProviderClass::clear(word, Reason::SystemError),
            word => ProviderClass::only_a_word(word),
        };
        return (class, false);
    }
    let (Some(kind), Some(subtype)) = (text(details, "/bounceType"), text(details, "/bounceSubType")) else {
        return (None, false);
    };
    let word = format!("{kind}/{subtype}");
    match (kind, subtype) {
        (
            _,
            "Suppressed"
            | "OnAccountSuppressionList"
            | "OnTenantSuppressionList"
            | "EmailValidationSuppressed",
        ) => (ProviderClass::clear(word, Reason::AlreadySuppressed), true),
        (_, "UnsubscribedRecipient") => (ProviderClass::clear(word, Reason::AlreadySuppressed), true),
        ("Permanent", "NoEmail") => (ProviderClass::clear(word, Reason::UserUnknown), false),
        ("Permanent", "General") => (ProviderClass::broad(word, Reason::UserUnknown), false),
        (_, "MailboxFull") => (ProviderClass::clear(word, Reason::MailboxFull), false),
        (_, "MessageTooLarge") => (ProviderClass::clear(word, Reason::MessageTooBig), false),
        (_, "ContentRejected" | "AttachmentRejected") => {
            (ProviderClass::clear(word, Reason::ContentRejected), false)
        }
        (_, "CustomTimeoutExceeded") => (ProviderClass::clear(word, Reason::DeliveryExpired), false),
        _ => (ProviderClass::only_a_word(word), false),
    }
}
