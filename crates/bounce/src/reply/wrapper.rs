//! The sentences that MTAs put around the reply of another server.

use std::net::IpAddr;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Reply, find_ignoring_case, phase, split_at};
use crate::{Issuer, Phase};

/// What stands in every wrapper, in lower case: most replies are bare, and one look tells. All have four letters or more, so that
/// the search goes by vectors.
static SIGNS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build([
            " said: ",
            " refused to talk to me: ",
            "smtp error from remote mail",
            "server returned ",
            "response was: ",
            "remote server was: ",
            "while talking to ",
            "<<< ",
            "connected to ",
            " failed after i sent the message",
        ])
        .expect("the signs are few and short")
});

fn may_be_wrapped(text: &str) -> bool {
    // `host #5.1.1 …`, `550-'5.7.1 …'`
    memchr::memchr2(b'#', b'\'', text.as_bytes()).is_some() || SIGNS.is_match(&text.to_ascii_lowercase())
}

/// Takes the wrapper off; `None` when there is none.
pub(super) fn unwrap(text: &str) -> Option<Reply<'_>> {
    if !may_be_wrapped(text) {
        return None;
    }
    let readers = [postfix, exim, quoted_reply, ironport, exchange, sendmail, qmail];
    readers.iter().find_map(|reader| reader(text))
}

/// `host H[IP] said: … (in reply to X command)`, `host H[IP] refused to talk to me: …`.
fn postfix(text: &str) -> Option<Reply<'_>> {
    let start =
        if text.starts_with("host ") { 0 } else { super::memmem::find(text.as_bytes(), b" host ")? + 1 };
    // A reply that quotes a third server: `550 5.1.7 <a@b.example>: Sender address rejected: … host mx.c.example said: …`.
    if start > 0 && text.as_bytes()[..3].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rest = &text[start + 5..];
    let (peer, rest, phase) = match split_at(rest, " said: ") {
        Some((peer, rest)) => (peer, rest, None),
        None => {
            let (peer, rest) = split_at(rest, " refused to talk to me: ")?;
            (peer, rest, Some(Phase::Greeting))
        }
    };
    let (host, ip) = host_and_ip(peer)?;
    let (reply, place) = match rest.rfind(" (in reply to ") {
        Some(at) => (&rest[..at], phase::of(&rest[at..])),
        None => (rest, None),
    };
    Some(Reply {
        host,
        ip,
        phase: phase.or(place),
        issuer: Some(Issuer::Remote),
        text: reply.trim(),
        ..Reply::default()
    })
}

/// `SMTP error from remote mail server after X: host H [IP]: reply`, or the host line before it.
fn exim(text: &str) -> Option<Reply<'_>> {
    let at = find_ignoring_case(text, "smtp error from remote mail")?;
    let (before, rest) = (&text[..at], &text[at..]);
    let phase = phase::of(rest);
    // `… after RCPT TO:<a@b.example>: 550 …`: the reply starts behind the colon that a space or line end follows.
    let reply = split_at(rest, ": host ").map(|(_, behind)| behind);
    let (host, ip, reply) = match reply {
        Some(behind) => {
            let (peer, reply) = split_at(behind, "]: ").unwrap_or((behind, ""));
            let (host, ip) = host_and_ip(peer).unwrap_or_default();
            (host, ip, reply)
        }
        None => {
            let peer = before.rfind("host ").map(|at| &before[at + 5..]);
            let (host, ip) = peer.and_then(host_and_ip).unwrap_or_default();
            let after =
                split_at(rest, ">:").or_else(|| split_at(rest, ": ")).map_or(rest, |(_, reply)| reply);
            (host, ip, after)
        }
    };
    Some(Reply { host, ip, phase, issuer: Some(Issuer::Remote), text: reply.trim(), ..Reply::default() })
}

/// `Remote host said: 550 …` (qmail), `Remote Server returned '550 …'` (Exchange), `The response was: 550 …` (Google),
/// `The error that the other server returned was: 550 …`.
fn quoted_reply(text: &str) -> Option<Reply<'_>> {
    const PHRASES: [&str; 6] = [
        "remote host said: ",
        "remote server returned '",
        "server returned was: ",
        "the response from the remote server was: ",
        "the response was: ",
        "remote server said: ",
    ];
    let (at, phrase) = PHRASES.iter().find_map(|phrase| Some((find_ignoring_case(text, phrase)?, phrase)))?;
    let (before, reply) = (&text[..at], &text[at + phrase.len()..]);
    let (host, ip) = peer_of(before);
    // qmail ends with `Giving up on 192.0.2.1.`
    let reply = split_at(reply, " Giving up on ").map_or(reply, |(reply, _)| reply);
    let reply = reply.trim_end().trim_end_matches('\'');
    Some(Reply {
        host,
        ip,
        phase: phase::of(before),
        issuer: Some(Issuer::Remote),
        text: reply,
        ..Reply::default()
    })
}

/// `5.1.0 - Unknown address error 550-'5.7.1 <a@b.example>: Access denied' (delivery attempts: 0)`: Cisco names what it makes of the
/// reply, then quotes it. A queue that ran out is the end itself, not the last reply.
fn ironport(text: &str) -> Option<Reply<'_>> {
    let quote = super::memmem::find(text.as_bytes(), b"-'")?;
    let start = quote.checked_sub(3)?;
    if !text.as_bytes()[start..quote].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (before, about) = split_at(&text[..start], " - ")?;
    let status = before.rsplit(' ').next().unwrap_or_default();
    let is_status = abprall_mail::EnhancedStatus::at_start_of(status.as_bytes());
    if is_status.is_none_or(|(_, end)| end < status.len()) || find_ignoring_case(about, "expired").is_some() {
        return None;
    }
    let end = text.rfind('\'').filter(|end| *end > quote + 1).unwrap_or(text.len());
    Some(Reply { issuer: Some(Issuer::Remote), text: &text[start..end], ..Reply::default() })
}

/// `<mx.example #5.1.1 smtp;550 5.1.1 unknown>`, `mx.example #550 5.1.1 … ##`.
fn exchange(text: &str) -> Option<Reply<'_>> {
    let (before, behind) = split_at(text, "#")?;
    let host = before.trim().trim_start_matches('<');
    if !(host.is_empty() || is_host(host)) || !behind.starts_with(['4', '5', '<']) {
        return None;
    }
    let reply = behind.trim_end_matches(['#', '>', ' ']);
    let remote = super::memmem::find(reply.as_bytes(), b"smtp;").map(|at| &reply[at + 5..]);
    let host = Some(host).filter(|host| !host.is_empty());
    let issuer = if remote.is_some() { Some(Issuer::Remote) } else { None };
    let text = remote.unwrap_or(reply).trim();
    Some(Reply { host, issuer, text, ..Reply::default() })
}

/// `… while talking to mx.example.: >>> DATA <<< 554 5.7.1 no`.
fn sendmail(text: &str) -> Option<Reply<'_>> {
    let peer = split_at(text, "while talking to ").map(|(_, behind)| behind);
    let answer = split_at(text, "<<< ");
    if peer.is_none() && answer.is_none() {
        return None;
    }
    let host =
        peer.and_then(|peer| peer.split([' ', ':', '\n']).next()).map(|host| host.trim_end_matches('.'));
    let (question, reply) = answer.unwrap_or((text, text));
    let phase = phase::of(question);
    let issuer = answer.is_some().then_some(Issuer::Remote);
    Some(Reply {
        host: host.filter(|host| is_host(host)),
        phase,
        issuer,
        text: reply.trim(),
        ..Reply::default()
    })
}

/// `192.0.2.1 failed after I sent the message.`, `Connected to 192.0.2.1 but …` without a quoted reply.
fn qmail(text: &str) -> Option<Reply<'_>> {
    let about_peer =
        text.starts_with("Connected to ") || split_at(text, " failed after I sent the message").is_some();
    if !about_peer {
        return None;
    }
    let (host, ip) = peer_of(text);
    Some(Reply { host, ip, phase: phase::of(text), text, ..Reply::default() })
}

/// What an MTA says of its own: it could not connect, or lost the connection, or found nothing in the DNS.
pub(super) fn own_words(text: &str) -> Reply<'_> {
    const STARTS: [&str; 4] =
        ["connect to ", "lost connection with ", "conversation with ", "server dropped connection "];
    let phase = phase::of(text);
    for start in STARTS {
        if let Some(at) = find_ignoring_case(text, start) {
            let (host, ip) = host_and_ip(&text[at + start.len()..]).unwrap_or_default();
            return Reply { host, ip, phase, issuer: Some(Issuer::Reporting), text, ..Reply::default() };
        }
    }
    let issuer =
        matches!(phase, Some(Phase::Dns | Phase::Queue | Phase::Connect)).then_some(Issuer::Reporting);
    Reply { phase, issuer, text, ..Reply::default() }
}

/// The host and address of a qmail sentence: `Connected to IP but`, `IP failed after`, `IP does not like recipient`,
/// notqmail's `H_IP`.
fn peer_of(sentence: &str) -> (Option<&str>, Option<IpAddr>) {
    for word in sentence.split([' ', '\n']) {
        let word = word.trim_end_matches(['.', ':', ',', ')']).trim_start_matches('(');
        if let Ok(ip) = word.trim_matches(['[', ']']).parse() {
            return (None, Some(ip));
        }
        if let Some((host, ip)) = word.rsplit_once(['_', '/'])
            && let Ok(ip) = ip.parse()
        {
            return (Some(host).filter(|host| is_host(host)), Some(ip));
        }
    }
    (None, None)
}

/// `mx.example[192.0.2.1]:25`, `mx.example [192.0.2.1]`, `mx.example`.
pub(super) fn host_and_ip(text: &str) -> Option<(Option<&str>, Option<IpAddr>)> {
    let end = text.find([' ', '[', ':', ',', '\n', '(']).unwrap_or(text.len());
    let host = text[..end].trim_end_matches('.');
    let behind = text[end..].trim_start();
    let ip = behind.strip_prefix('[').and_then(|ip| ip.split(']').next()).and_then(|ip| {
        let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
        ip.parse().ok()
    });
    let host = Some(host).filter(|host| is_host(host));
    (host.is_some() || ip.is_some()).then_some((host, ip))
}

/// Looks like a host name: letters, digits, hyphens, with a dot in it.
fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && text.parse::<IpAddr>().is_err()
}
