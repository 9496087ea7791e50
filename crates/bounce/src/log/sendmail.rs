//! Sendmail: `QUEUEID: to=<a>,<b>, delay=…, relay=…, dsn=5.1.1, reply=550 …, stat=User unknown`.

use abprall_mail::EnhancedStatus;

use super::prefix::Prefix;
use super::queue::Queues;
use super::{Told, address, expired, fields, join};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Issuer, Kind, limits};

const GENERATOR: Generator = Generator::new("sendmail");

pub(super) fn read(queues: &mut Queues, prefix: &Prefix<'_>) -> Told {
    let Some((queue_id, rest)) = prefix.rest.split_once(": ") else { return Told::Nothing };
    if !is_queue_id(queue_id) {
        return Told::Nothing;
    }
    if let Some(text) = rest.strip_prefix("to=") {
        return delivery(queues, queue_id, text);
    }
    if let Some(text) = rest.strip_prefix("from=") {
        let sender = fields::in_angles(text).map(|(sender, _)| sender).or_else(|| text.split(',').next());
        let id = fields::value(rest, "msgid");
        queues.change(queue_id, |entry| {
            entry.sent_by(sender.unwrap_or_default().trim());
            entry.message_id = id.and_then(message_id_of);
            entry.arrived_at = prefix.at;
        });
    } else if let Some((bounce, what)) = rest.split_once(": ")
        && is_queue_id(bounce)
    {
        // `ID: NEWID: DSN: User unknown`, `ID: NEWID: sender notify: Cannot send message for 5 days`.
        queues.change(bounce, |entry| entry.sent_by(""));
        if what.contains("Cannot send message for ") {
            return expired(queues, queue_id, what);
        }
    } else if rest.starts_with("done;") {
        queues.remove(queue_id);
    }
    Told::Nothing
}

fn delivery(queues: &mut Queues, queue_id: &str, text: &str) -> Told {
    let (recipients, rest) = addressees(text);
    // The last one is Sendmail's own: a reply before it may hold anything.
    let Some(at) = rest.rfind(", stat=") else { return Told::Nothing };
    let (own, stat) = (&rest[..at], &rest[at + ", stat=".len()..]);
    let (own, reply) = match own.split_once(", reply=") {
        Some((own, reply)) => (own, Some(reply)),
        None => (own, None),
    };
    let status: Option<EnhancedStatus> = fields::value(own, "dsn").and_then(|dsn| dsn.parse().ok());
    let word = stat.split([' ', ':', '(']).next().unwrap_or_default();
    let kind = match (word, status) {
        ("queued", _) => return Told::Nothing,
        ("Sent", _) => Kind::Delivered,
        ("Deferred", _) => Kind::Delayed,
        (_, Some(status)) if status.is_success() => Kind::Delivered,
        (_, Some(status)) if status.is_transient() => Kind::Delayed,
        _ => Kind::Failed,
    };
    let inner = |text: &'static str| stat.strip_prefix(text).map(|t| t.trim_start_matches([':', ' ']));
    let words = match (reply, kind) {
        (Some(reply), _) => reply,
        (None, Kind::Delivered) => inner("Sent").map_or(stat, |t| t.trim_matches(['(', ')'])),
        (None, _) => inner("Deferred").filter(|text| !text.is_empty()).unwrap_or(stat),
    };
    let relay = fields::value(own, "relay").and_then(|relay| relay.split([' ', '[']).next());
    let relay = relay.map(|relay| relay.trim_end_matches('.')).filter(|relay| relay.contains('.'));
    let mut reports = Vec::with_capacity(recipients.len());
    for recipient in recipients.into_iter().take(limits::LOG_RECIPIENTS_MAX) {
        let Some(recipient) = address(recipient) else { continue };
        let mut report = Attempt {
            kind,
            recipient: Some(recipient),
            words,
            status,
            remote: relay,
            generator: Some(GENERATOR),
            ..Attempt::default()
        }
        .report();
        if reply.is_some() {
            report.issuer = Some(Issuer::Remote);
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
        reports.push(report);
    }
    if reports.is_empty() { Told::Unreadable } else { Told::Reports(reports) }
}

/// `<a>,<b>, delay=…`; older versions leave the brackets out. Gives the addresses and the fields behind, with their `, `.
fn addressees(text: &str) -> (Vec<&str>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        match fields::in_angles(rest) {
            Some((address, behind)) => {
                found.push(address);
                rest = behind;
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                found.push(&rest[..end]);
                rest = &rest[end..];
            }
        }
        match rest.strip_prefix(',') {
            Some(next)
                if !next.starts_with(' ') && !next.is_empty() && found.len() < limits::LOG_RECIPIENTS_MAX =>
            {
                rest = next;
            }
            _ => return (found, rest),
        }
    }
}

/// Fourteen letters and digits, or eight in old versions.
fn is_queue_id(text: &str) -> bool {
    (6..=20).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
        && text != "NOQUEUE"
}
