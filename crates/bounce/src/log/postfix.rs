//! Postfix: `QUEUEID: to=<a>, orig_to=<b>, relay=…, dsn=5.1.1, status=bounced (text)`.

use super::prefix::Prefix;
use super::queue::Queues;
use super::{Told, address, expired, fields, join};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind};

const GENERATOR: Generator = Generator::new("postfix");

pub(super) fn read(queues: &mut Queues, prefix: &Prefix<'_>) -> Told {
    let Some((queue_id, rest)) = prefix.rest.split_once(": ") else { return Told::Nothing };
    if !is_queue_id(queue_id) {
        return Told::Nothing;
    }
    if rest.starts_with("to=<") {
        return delivery(queues, queue_id, rest);
    }
    if let Some(id) = rest.strip_prefix("message-id=").or_else(|| rest.strip_prefix("resent-message-id=")) {
        queues.change(queue_id, |entry| {
            entry.message_id = message_id_of(id);
            entry.arrived_at = prefix.at;
        });
    } else if rest.starts_with("from=<") {
        return from(queues, queue_id, &rest["from=".len()..]);
    } else if rest == "removed" {
        queues.remove(queue_id);
    } else if let Some((what, bounce)) = rest.split_once("notification: ")
        && what.starts_with("sender ")
        && is_queue_id(bounce)
    {
        queues.change(bounce, |entry| entry.sent_by(""));
    }
    Told::Nothing
}

/// `from=<s>, size=1, nrcpt=1 (queue active)`, `from=<s>, status=expired, returned to sender`.
fn from(queues: &mut Queues, queue_id: &str, text: &str) -> Told {
    let Some((sender, rest)) = fields::in_angles(text) else { return Told::Nothing };
    queues.change(queue_id, |entry| entry.sent_by(sender));
    let is_expired = rest.starts_with(", status=expired") || rest.starts_with(", status=force-expired");
    if is_expired { expired(queues, queue_id, "status=expired, returned to sender") } else { Told::Nothing }
}

fn delivery(queues: &mut Queues, queue_id: &str, text: &str) -> Told {
    let Some((to, rest)) = fields::in_angles(&text["to=".len()..]) else { return Told::Unreadable };
    let (orig_to, rest) = match rest.strip_prefix(", orig_to=").and_then(fields::in_angles) {
        Some((orig_to, rest)) => (Some(orig_to), rest),
        None => (None, rest),
    };
    // All fields between are Postfix's own; the words in parentheses are anybody's, and may look like fields.
    let Some((own, status)) = rest.split_once(", status=") else { return Told::Unreadable };
    let (word, words) = status.split_once(" (").unwrap_or((status, ""));
    let words = words.strip_suffix(')').unwrap_or(words);
    let kind = match word {
        "sent" if words.starts_with("forwarded as ") => Kind::Relayed,
        "sent" => Kind::Delivered,
        "bounced" | "expired" => Kind::Failed,
        "deferred" | "SOFTBOUNCE" | "softbounce" => Kind::Delayed,
        // Probes of addresses (`deliverable`, `undeliverable`) are no mail.
        _ => return Told::Nothing,
    };
    let relay = fields::value(own, "relay").and_then(|relay| relay.split('[').next());
    let mut report = Attempt {
        kind,
        recipient: address(to),
        words,
        status: fields::value(own, "dsn").and_then(|dsn| dsn.parse().ok()),
        remote: relay.filter(|relay| relay.contains('.')),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    report.original_recipient = orig_to.and_then(address);
    if report.recipient.is_none() && report.original_recipient.is_none() {
        return Told::Unreadable;
    }
    join(&mut report, queue_id, queues.get_mut(queue_id).as_deref());
    if report.sender.as_deref() == Some("") {
        return Told::Nothing;
    }
    match kind {
        Kind::Delayed => queues.change(queue_id, |entry| entry.waits(&report)),
        _ => {
            queues.change_known(queue_id, |entry| entry.done(report.recipient.as_ref()));
        }
    }
    Told::Reports(vec![report])
}

/// Short ids are hexadecimal, long ones of base 52; `NOQUEUE` is none.
fn is_queue_id(text: &str) -> bool {
    (5..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && text != "NOQUEUE"
}
