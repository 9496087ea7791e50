//! Exim's main log: `ID => address …`, `ID ** address …: text`, `ID == address … defer (-44) …: text` (specification, chapter "Log
//! files").

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::prefix::Prefix;
use super::queue::Queues;
use super::{Told, address, join, time};
use crate::attempt::{Attempt, message_id_of};
use crate::{Generator, Kind, Report};

const GENERATOR: Generator = Generator::new("exim");

pub(super) fn read(queues: &mut Queues, prefix: &Prefix<'_>, now: Timestamp, zone: &TimeZone) -> Told {
    let Some(line) = Line::read(prefix, now, zone) else { return Told::Nothing };
    let told = match line.flag {
        "<=" => {
            arrival(queues, &line);
            Told::Nothing
        }
        "=>" | "->" | ">>" => delivery(queues, &line, Kind::Delivered),
        "**" => delivery(queues, &line, Kind::Failed),
        "==" => delivery(queues, &line, Kind::Delayed),
        // A frozen message whose time ran out: `ID cancelled by timeout_frozen_after`.
        "cancelled" if line.rest == "by timeout_frozen_after" => {
            super::expired(queues, line.id, "cancelled by timeout_frozen_after")
        }
        "Completed" => {
            queues.remove(line.id);
            Told::Nothing
        }
        _ => Told::Nothing,
    };
    let Told::Reports(mut reports) = told else { return told };
    reports.iter_mut().for_each(|report| report.last_attempt_at = line.at);
    Told::Reports(reports)
}

/// Whether a text starts with a message id, perhaps behind a process id.
pub(super) fn starts_with_id(text: &str) -> bool {
    is_id(behind_process_id(text).split(' ').next().unwrap_or_default())
}

struct Line<'a> {
    at: Option<Timestamp>,
    id: &'a str,
    flag: &'a str,
    rest: &'a str,
}

impl<'a> Line<'a> {
    /// Through syslog a line may hold Exim's own time stamp behind syslog's.
    fn read(prefix: &Prefix<'a>, now: Timestamp, zone: &TimeZone) -> Option<Self> {
        let mut text = prefix.rest;
        let mut at = prefix.at;
        // `[1/2] `, `[1\2] `: long lines are sent in pieces; the first has what matters.
        if let Some(rest) = text.strip_prefix('[')
            && let Some((part, rest)) = rest.split_once("] ")
            && part.contains(['/', '\\'])
        {
            text = rest;
        }
        let own = time::iso(text, zone).or_else(|| time::traditional(text, now, zone));
        if let Some((own, rest)) = own {
            at = Some(own);
            text = rest.trim_start();
        }
        let (id, rest) = behind_process_id(text).split_once(' ')?;
        let (flag, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        is_id(id).then_some(Self { at, id, flag, rest })
    }
}

/// `[123] `, where `log_selector` has `+pid`.
fn behind_process_id(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(pid, _)| pid.bytes().all(|b| b.is_ascii_digit()))
        .map_or(text, |(_, rest)| rest)
}

/// `1xVd3O-00002z-1P`, and since Exim 4.97 `1rPoRT-000000006fz-3xVC`.
fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let dashes = match bytes.len() {
        16 => [6, 13],
        23 => [6, 18],
        _ => return false,
    };
    bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| if dashes.contains(&at) { *byte == b'-' } else { byte.is_ascii_alphanumeric() })
}

/// `sender H=host [ip] P=esmtp S=643 id=the@message.id for a@b`, `<> R=id U=… P=local`.
fn arrival(queues: &mut Queues, line: &Line<'_>) {
    let sender = line.rest.split(' ').next().unwrap_or_default();
    let id = field(line.rest, "id");
    queues.change(line.id, |entry| {
        entry.sent_by(if sender == "<>" { "" } else { sender });
        entry.message_id = id.and_then(message_id_of);
        entry.arrived_at = line.at;
    });
}

fn delivery(queues: &mut Queues, line: &Line<'_>, kind: Kind) -> Told {
    let Some((to, original, rest)) = addressees(line.rest) else { return Told::Unreadable };
    let words = match kind {
        // `C="250 2.0.0 Ok"` is the server's answer; without one the transport says enough.
        Kind::Delivered => confirmation(rest),
        _ => words(rest),
    };
    let host = field(rest, "H").filter(|_| kind == Kind::Delivered || !words.contains("H="));
    let host = host.or_else(|| field(line.rest, "H")).map(|host| host.trim_end_matches(':'));
    let mut report = Attempt {
        kind,
        recipient: address(to),
        words,
        remote: host.filter(|host| host.contains('.')),
        generator: Some(GENERATOR),
        ..Attempt::default()
    }
    .report();
    report.original_recipient = original.and_then(address);
    if report.recipient.is_none() && report.original_recipient.is_none() {
        return Told::Unreadable;
    }
    join(&mut report, line.id, queues.get_mut(line.id).as_deref());
    if report.sender.as_deref() == Some("") {
        return Told::Nothing;
    }
    if kind == Kind::Delayed {
        queues.change(line.id, |entry| entry.waits(&report));
    } else {
        let last = queues.change_known(line.id, |entry| entry.done(report.recipient.as_ref())).flatten();
        with_cause(&mut report, last);
    }
    Told::Reports(vec![report])
}

/// "retry timeout exceeded" says that it is over, the delay before it says why.
fn with_cause(report: &mut Report, last: Option<Report>) {
    let is_bare = report.kind == Kind::Failed && report.reply_code.is_none() && report.status.is_none();
    if is_bare && let Some(last) = last {
        report.prose = last.diagnostic;
        report.remote_mta = report.remote_mta.take().or(last.remote_mta);
    }
}

/// `a@b R=…`, `a@b <c@d> R=…`, `a (x@y) <c@d> F=<s> R=…`: what was delivered to, what it came from, and the fields behind.
fn addressees(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = end_of_address(text);
    let (first, rest) = (&text[..end], &text[end..]);
    let first = first.trim_end_matches([':', ',']);
    let rest = rest.trim_start();
    let (inner, rest) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((inner, rest)) => (Some(inner), rest),
        None => (None, rest),
    };
    let (original, rest) = match super::fields::in_angles(rest) {
        Some((original, rest)) => (Some(original), rest.trim_start_matches([':', ' '])),
        None => (None, rest),
    };
    (!first.is_empty()).then_some((inner.filter(|i| i.contains('@')).unwrap_or(first), original, rest))
}

/// A quoted local part may hold spaces.
fn end_of_address(text: &str) -> usize {
    let start =
        if let Some(inner) = text.strip_prefix('"') { inner.find("\"@").map_or(0, |at| at + 3) } else { 0 };
    text[start..].find(' ').map_or(text.len(), |at| start + at)
}

/// What follows the fields: behind `defer (146)`, or from the first `: ` that no field holds.
fn words(rest: &str) -> &str {
    if let Some(at) = rest.find("defer (") {
        let behind = &rest[at..];
        let text = behind.split_once(')').map_or("", |(_, text)| text);
        let text = text.trim_start_matches([':', ' ']);
        // `H=host [ip]: SMTP error …`
        return if text.starts_with("H=") { behind_host(text) } else { text };
    }
    if let Some(at) = rest.find("SMTP error from remote") {
        return &rest[at..];
    }
    if rest.contains("H=") {
        return behind_host(rest);
    }
    if has_fields(rest) { rest.split_once(": ").map_or("", |(_, text)| text) } else { rest }
}

fn has_fields(text: &str) -> bool {
    ["R=", "T=", "F=<", "P=<"].iter().any(|field| text.starts_with(field))
}

fn behind_host(text: &str) -> &str {
    text.split_once("]: ").or_else(|| text.split_once(": ")).map_or(text, |(_, words)| words)
}

/// The server's answer in `C="…"`.
fn confirmation(rest: &str) -> &str {
    rest.split_once(" C=\"").map_or("", |(_, text)| text.split('"').next().unwrap_or_default())
}

/// A field `name=value` between spaces.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
