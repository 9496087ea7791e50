//! Postal: one JSON object with `event`, `uuid` and `payload`.

use serde_json::Value;

use super::event::{Parsed, Problem, address, id, need, text, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, ProviderClass};

pub(super) fn read(event: &Value) -> Result<Parsed, Problem> {
    let name = need(event, "/event")?;
    let kind = match name {
        "MessageDeliveryFailed" | "MessageBounced" => Kind::Failed,
        "MessageDelayed" => Kind::Delayed,
        "MessageSent" => Kind::Delivered,
        other => return Ok(Parsed::skipped(other)),
    };
    let is_bounce = name == "MessageBounced";
    if text(event, "/payload/message/direction") == Some("incoming") {
        return Ok(Parsed::skipped("incoming"));
    }
    let to = if is_bounce { "/payload/original_message/to" } else { "/payload/message/to" };
    let output = text(event, "/payload/output");
    let mut report = Attempt {
        kind,
        recipient: Some(address(event, to)?),
        words: output.or_else(|| text(event, "/payload/details")).unwrap_or_default(),
        generator: Some(Generator::new("postal")),
        ..Attempt::default()
    }
    .report();
    // `output` is the server's reply, `details` what Postal makes of it.
    if output.is_some() {
        report.prose = text(event, "/payload/details").map(|text| crate::attempt::cut(text, 1024).to_owned());
    }
    let of = |part: &str| {
        let message = if is_bounce { "/payload/original_message" } else { "/payload/message" };
        text(event, &format!("{message}{part}"))
    };
    report.message_id = of("/message_id").and_then(message_id_of);
    report.sender = of("/from").map(str::to_owned);
    report.subject = of("/subject").map(str::to_owned);
    report.queue_id = of("/token").map(str::to_owned);
    report.last_attempt_at = time(event, "/payload/timestamp").or_else(|| time(event, "/timestamp"));
    report.provider_class = text(event, "/payload/status").and_then(ProviderClass::only_a_word);
    Ok(Parsed::one(id(event, "/uuid"), report))
}
