//! Postmark: one JSON object with a `RecordType`.

use abprall_mail::Reason;
use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, text, time};
use crate::attempt::Attempt;
use crate::{Generator, Kind, ProviderClass, Report};

const GENERATOR: Generator = Generator::new("postmark");

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let record = need(event, "/RecordType")?;
    match record {
        "Bounce" | "SpamComplaint" => bounce(event, record),
        "Delivery" => {
            let mut report = report_of(event, Kind::Delivered, "/Recipient", "/Details")?;
            report.last_attempt_at = time(event, "/DeliveredAt");
            Ok(Parsed::one(composed(event, "Delivery", "/DeliveredAt"), report))
        }
        // HardBounce and SpamComplaint come as records of their own as well.
        "SubscriptionChange"
            if event.pointer("/SuppressSending") == Some(&Value::Bool(true))
                && text(event, "/SuppressionReason") == Some("ManualSuppression")
                && text(event, "/Origin") == Some("Recipient") =>
        {
            let mut report = report_of(event, Kind::Unsubscribe, "/Recipient", "/Details")?;
            report.last_attempt_at = time(event, "/ChangedAt");
            Ok(Parsed::one(composed(event, "SubscriptionChange", "/ChangedAt"), report))
        }
        other => Ok(Parsed::skipped(other)),
    }
}

fn bounce(event: &Value, record: &str) -> Result<Parsed, Problem> {
    let class = text(event, "/Type").unwrap_or(record);
    let kind = match class {
        "SpamComplaint" => Kind::Complaint,
        "Unsubscribe" => Kind::Unsubscribe,
        "AutoResponder" => Kind::AutoReply,
        "ChallengeVerification" => Kind::Challenge,
        "Transient" => Kind::Delayed,
        // Not about a delivery: subscriptions, tests, and what came to an inbound address.
        "Subscribe" | "OpenRelayTest" | "InboundError" | "TemplateRenderingFailed" => {
            return Ok(Parsed::skipped(class));
        }
        _ if record == "SpamComplaint" => Kind::Complaint,
        _ => Kind::Failed,
    };
    let mut report = match report_of(event, kind, "/Email", "/Details") {
        // Whom it was about is only told where Postmark knows.
        Err(_) if kind == Kind::Unsubscribe && text(event, "/Email").is_none() => {
            return Ok(Parsed::skipped("Unsubscribe without Email"));
        }
        report => report?,
    };
    report.provider_class = class_of(class);
    report.last_attempt_at = time(event, "/BouncedAt");
    let id = id(event, "/ID").map(|id| format!("{record}/{id}"));
    Ok(Parsed::one(id, report))
}

fn report_of(event: &Value, kind: Kind, recipient: &'static str, words: &str) -> Result<Report, Problem> {
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, recipient)?),
        words: text(event, words).or_else(|| text(event, "/Description")).unwrap_or_default(),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    report.sender = text(event, "/From").map(str::to_owned);
    report.subject = text(event, "/Subject").map(str::to_owned);
    // Postmark's MessageID is a UUID of its own; the header is `<UUID@mtasv.net>`.
    report.queue_id = text(event, "/MessageID").map(str::to_owned);
    Ok(report)
}

fn composed(event: &Value, record: &str, at: &str) -> Option<String> {
    Some(format!(
        "{record}/{}/{}/{}",
        text(event, "/MessageID")?,
        text(event, "/Recipient")?,
        text(event, at)?
    ))
}

fn class_of(class: &str) -> Option<ProviderClass> {
    match class {
        "HardBounce" => ProviderClass::broad(class, Reason::UserUnknown),
        "BadEmailAddress" => ProviderClass::clear(class, Reason::AddressInvalid),
        "AddressChange" => ProviderClass::clear(class, Reason::MailboxMoved),
        "DnsError" => ProviderClass::clear(class, Reason::DnsFailure),
        "SpamNotification" => ProviderClass::clear(class, Reason::SpamContent),
        "VirusNotification" => ProviderClass::clear(class, Reason::VirusContent),
        "Blocked" => ProviderClass::clear(class, Reason::Blocklisted),
        "DMARCPolicy" => ProviderClass::clear(class, Reason::AuthenticationFailed),
        "ManuallyDeactivated" => ProviderClass::clear(class, Reason::AlreadySuppressed),
        "SMTPApiError" | "Unconfirmed" => ProviderClass::clear(class, Reason::LocalConfiguration),
        class => ProviderClass::only_a_word(class),
    }
}
