//! Resend: one JSON object, signed by Svix.

use abprall_mail::{EmailAddress, Reason};
use serde_json::Value;

use super::event::{Parsed, Problem, need, problem, text, time};
use crate::attempt::Attempt;
use crate::{Generator, Kind, ProviderClass};

pub(super) fn read(event: &Value, delivery_id: Option<&str>) -> Result<Parsed, Problem> {
    let name = need(event, "/type")?;
    let kind = match name {
        "email.bounced" | "email.suppressed" | "email.failed" => Kind::Failed,
        "email.delivery_delayed" => Kind::Delayed,
        "email.delivered" => Kind::Delivered,
        "email.complained" => Kind::Complaint,
        other => return Ok(Parsed::skipped(other)),
    };
    let to = event.pointer("/data/to").and_then(Value::as_array).ok_or(problem("/data/to", "is no list"))?;
    let to: Vec<EmailAddress> =
        to.iter().filter_map(|address| EmailAddress::parse_lenient(address.as_str()?).ok()).collect();
    let part = if name == "email.suppressed" { "/data/suppressed" } else { "/data/bounce" };
    let details = event.pointer(part).unwrap_or(&Value::Null);
    let words = text(details, "/diagnosticCode/0")
        .or_else(|| text(details, "/message"))
        .or_else(|| text(event, "/data/failed/reason"))
        .unwrap_or_default();
    // The event does not say which of several recipients it is about: only where the reply names one of them we know.
    let recipient = match to.as_slice() {
        [] => return Err(problem("/data/to", "holds no mail address")),
        [one] => one.clone(),
        many => match many.iter().find(|address| words.contains(address.as_str())) {
            Some(named) => named.clone(),
            None => return Ok(Parsed::Skipped(format!("{name} about one of several"))),
        },
    };
    let mut report = Attempt {
        kind,
        recipient: Some(recipient),
        words,
        generator: Some(Generator::new("resend")),
        ..Attempt::default()
    }
    .report();
    report.last_attempt_at = time(event, "/created_at");
    report.arrived_at = time(event, "/data/created_at");
    report.sender = text(event, "/data/from").map(str::to_owned);
    report.subject = text(event, "/data/subject").map(str::to_owned);
    report.queue_id = text(event, "/data/email_id").map(str::to_owned);
    report.provider_class = match (name, text(details, "/type"), text(details, "/subType")) {
        ("email.suppressed", word, _) => {
            ProviderClass::clear(word.unwrap_or("Suppressed"), Reason::AlreadySuppressed)
        }
        ("email.failed", ..) => ProviderClass::clear(name, Reason::LocalConfiguration),
        (_, Some("Permanent"), Some("Suppressed" | "OnAccountSuppressionList")) => {
            ProviderClass::clear("Permanent/Suppressed", Reason::AlreadySuppressed)
        }
        (_, Some("Permanent"), Some("NoEmail")) => {
            ProviderClass::clear("Permanent/NoEmail", Reason::UserUnknown)
        }
        (_, Some("Permanent"), _) => ProviderClass::broad("Permanent/General", Reason::UserUnknown),
        (_, Some(word), Some("MailboxFull")) => {
            ProviderClass::clear(format!("{word}/MailboxFull"), Reason::MailboxFull)
        }
        (_, Some(word), _) => ProviderClass::only_a_word(word),
        _ => None,
    };
    let composed =
        || Some(format!("{}/{name}/{}", text(event, "/data/email_id")?, text(event, "/created_at")?));
    Ok(Parsed::one(delivery_id.map(str::to_owned).or_else(composed), report))
}
