//! OpenSMTPD: `SESSION mta delivery evpid=… from=<a> to=<b> rcpt=<-> relay="ip (host)" result="PermFail" stat="550 …"`.
//!
//! Its log never names the Message-ID. The first eight digits of an envelope id are the message's, and stand in its Received line.

use super::prefix::Prefix;
use super::queue::Queues;
use super::{Told, address, fields, join};
use crate::attempt::{Attempt, cut};
use crate::{Generator, Kind};

const GENERATOR: Generator = Generator::new("opensmtpd");

/// Digits of an envelope id that name its message.
const MESSAGE_DIGITS: usize = 8;

pub(super) fn read(queues: &mut Queues, prefix: &Prefix<'_>) -> Told {
    if let Some((_, rest)) = prefix.rest.split_once("Expire for ")
        && let Some((envelope, rest)) = rest.split_once(": ")
    {
        return expiry(queues, envelope, rest);
    }
    let rest = prefix.rest;
    let is_delivery = rest.contains(" mta delivery ")
        || rest.contains(" mda delivery ")
        || rest.contains(" event=delivery ")
        || rest.contains("delivery evpid=");
    if !is_delivery {
        return Told::Nothing;
    }
    let (Some(envelope), Some(result)) = (fields::quoted(rest, "evpid"), fields::quoted(rest, "result"))
    else {
        return Told::Unreadable;
    };
    let kind = match result {
        "Ok" => Kind::Delivered,
        "TempFail" => Kind::Delayed,
        "PermFail" | "Loop" | "LoopFail" => Kind::Failed,
        _ => return Told::Unreadable,
    };
    told(queues, envelope, rest, kind, fields::quoted(rest, "stat").unwrap_or_default(), relay(rest))
}

/// `from=<a>, to=<b>, rcpt=<->, delay=25s, stat=Envelope expired`: what the last attempt met lies beneath.
fn expiry(queues: &mut Queues, envelope: &str, rest: &str) -> Told {
    let words = fields::value(rest, "stat").unwrap_or("Envelope expired");
    told(queues, envelope, rest, Kind::Failed, words, None)
}

fn told(
    queues: &mut Queues,
    envelope: &str,
    rest: &str,
    kind: Kind,
    words: &str,
    relay: Option<&str>,
) -> Told {
    let angles = |name| Some(fields::in_angles(fields::behind(rest, name)?)?.0);
    if angles("from") == Some("") {
        return Told::Nothing;
    }
    let mut report = Attempt {
        kind,
        recipient: angles("to").and_then(address),
        words,
        remote: relay.filter(|relay| relay.contains('.')),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    if report.recipient.is_none() {
        return Told::Unreadable;
    }
    report.original_recipient = angles("rcpt").filter(|rcpt| *rcpt != "-").and_then(address);
    report.sender = angles("from").map(str::to_owned);
    let sender = report.sender.clone();
    if kind == Kind::Delayed {
        queues.change(envelope, |entry| entry.waits(&report));
    } else {
        let last = queues.change_known(envelope, |entry| entry.done(report.recipient.as_ref())).flatten();
        if kind == Kind::Failed
            && report.reply_code.is_none()
            && let Some(last) = last
        {
            report.prose = last.diagnostic;
            report.remote_mta = report.remote_mta.take().or(last.remote_mta);
        }
        queues.remove(envelope);
    }
    join(&mut report, cut(envelope, MESSAGE_DIGITS), None);
    report.sender = sender;
    Told::Reports(vec![report])
}

/// `10.77.0.33 (dest-rej.lab.test)`: the name, where it was found.
fn relay(rest: &str) -> Option<&str> {
    let relay = fields::quoted(rest, "relay")?;
    match relay.split_once(" (") {
        Some((_, name)) => Some(name.trim_end_matches(')')),
        None => Some(relay),
    }
}
