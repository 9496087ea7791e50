//! Whose body it is, by the names that only one provider has.

use serde_json::Value;

use super::Provider;
use crate::limits;

pub(super) fn sniff(body: &[u8]) -> Option<Provider> {
    if body.len() > limits::WEBHOOK_BYTES_MAX {
        return None;
    }
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).trim_ascii_start();
    if body.starts_with(b"mandrill_events=") {
        return Some(Provider::Mandrill);
    }
    if !matches!(body.first(), Some(b'{' | b'[')) {
        return None;
    }
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        // One object a line.
        Err(_) => serde_json::from_slice(body.split(|byte| *byte == b'\n').next()?).ok()?,
    };
    let first = match &value {
        Value::Array(events) => events.first()?,
        value => value,
    };
    let has = |path: &str| first.pointer(path).is_some();
    let one_of = |found: bool, provider| found.then_some(provider);
    one_of(has("/TopicArn") && has("/Message"), Provider::Ses)
        .or_else(|| one_of((has("/notificationType") || has("/eventType")) && has("/mail"), Provider::Ses))
        .or_else(|| one_of(has("/sg_event_id") || has("/sg_message_id"), Provider::Sendgrid))
        .or_else(|| one_of(has("/event-data/event"), Provider::Mailgun))
        .or_else(|| one_of(has("/RecordType"), Provider::Postmark))
        .or_else(|| one_of(has("/msys"), Provider::Sparkpost))
        .or_else(|| one_of(has("/event") && (has("/ts_epoch") || has("/ts_event")), Provider::Brevo))
        .or_else(|| {
            one_of(
                has("/event") && (has("/mj_campaign_id") || has("/Message_GUID") || has("/MessageID")),
                Provider::Mailjet,
            )
        })
        .or_else(|| one_of(has("/msg/email") && has("/_id"), Provider::Mandrill))
        .or_else(|| one_of(has("/data/email_id") && has("/type"), Provider::Resend))
        .or_else(|| one_of(has("/payload") && has("/uuid"), Provider::Postal))
        .or_else(|| one_of(has("/type") && has("/response") && has("/id"), Provider::Kumomta))
        .or_else(|| {
            one_of(has("/kind") && (has("/recipient") || has("/original_recipient")), Provider::Abprall)
        })
        .or_else(|| one_of(has("/events/0/kind"), Provider::Abprall))
}
