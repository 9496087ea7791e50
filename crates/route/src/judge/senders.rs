//! What Postfix and Exim make of the route, as measured with Postfix 3.7 and Exim 4.96 (glibc resolver).

use super::alternatives::via;
use super::picture::{Host, Picture, Reply, Target};
use super::verdict::Ground;
use crate::limits::STANDARD_SENDER_ADDRESSES;
use crate::{AddressState, DnsFact, DnsOutcome, HostLookup, Rcode, SenderOutcome, SenderView};

/// The views; empty where we could not see what they would see, or no mail server was asked.
pub fn views(picture: &Picture<'_>, ground: Ground) -> Vec<SenderView> {
    if ground.is_blind() || matches!(ground, Ground::NotSeen | Ground::DnsOnly) {
        return Vec::new();
    }
    vec![postfix(picture), exim(picture)]
}

/// Exim writes 5.0.0 for every failure of its own, and no code for what it keeps.
const EXIM_STATUS: &str = "5.0.0";

fn view(mta: &str, outcome: SenderOutcome, status: Option<&str>) -> SenderView {
    SenderView { mta: mta.to_owned(), outcome, via: None, status: status.map(str::to_owned) }
}

fn delivers(mta: &str, host: &Host<'_>, target: &Target<'_>) -> SenderView {
    SenderView {
        mta: mta.to_owned(),
        outcome: SenderOutcome::Delivers,
        via: Some(via(host, target)),
        status: None,
    }
}

fn postfix(picture: &Picture<'_>) -> SenderView {
    let bounces = |status| view("postfix", SenderOutcome::Bounces, Some(status));
    let defers = |status| view("postfix", SenderOutcome::Defers, Some(status));
    if let Some((_, fact, reply)) = picture.mx
        && let Some(early) = postfix_lookup(fact, reply)
    {
        return early;
    }
    // One null MX is enough, whatever stands beside it.
    if picture.hosts.iter().any(Host::is_null) {
        return bounces("5.1.0");
    }
    if own_address_is_unknown(picture) {
        return defers("4.4.3");
    }
    let hosts: Vec<_> = picture.real_hosts().collect();
    if hosts.iter().all(|host| host.absent || host.lookup == HostLookup::CnameLoop) {
        return bounces("5.4.4");
    }
    let best = hosts.iter().find(|host| !host.targets.is_empty() || host.is_localhost());
    if best.is_some_and(|host| host.is_localhost()) {
        return bounces("5.4.6");
    }
    let tried: Vec<_> = picture.targets().take(STANDARD_SENDER_ADDRESSES).collect();
    if let Some((host, target)) = tried.iter().find(|(_, target)| target.works()) {
        return delivers("postfix", host, target);
    }
    // The last error wins.
    match tried.last() {
        Some((_, target)) => postfix_failure(target),
        None => defers("4.4.3"),
    }
}

/// There is no MX, and the domain's own address can be neither found nor ruled out.
fn own_address_is_unknown(picture: &Picture<'_>) -> bool {
    picture.mx_reply() == Some(Reply::NoData)
        && !picture.has_no_address_itself()
        && !picture.dns(picture.own_lookups()).any(|(_, _, reply)| reply == Reply::Data)
}

/// What the answer to the MX question alone decides.
fn postfix_lookup(fact: &DnsFact, reply: Reply) -> Option<SenderView> {
    let bounces = |status| Some(view("postfix", SenderOutcome::Bounces, Some(status)));
    let defers = || Some(view("postfix", SenderOutcome::Defers, Some("4.4.3")));
    match reply {
        Reply::Data | Reply::NoData => None,
        Reply::NxDomain | Reply::AliasLoop => bounces("5.4.4"),
        // glibc asks its next server after NOTIMP; every other odd code is "non-recoverable" to it.
        Reply::FormErr => match &fact.outcome {
            DnsOutcome::Answer(answer) if answer.rcode == Rcode::NotImp => defers(),
            DnsOutcome::Answer(_)
            | DnsOutcome::Silence
            | DnsOutcome::Unreachable { .. }
            | DnsOutcome::Malformed { .. }
            | DnsOutcome::Forbidden => bounces("5.4.3"),
        },
        Reply::Referral
        | Reply::ServFail
        | Reply::Refused
        | Reply::Silence
        | Reply::Unreachable
        | Reply::Malformed
        | Reply::Forbidden => defers(),
    }
}

fn postfix_failure(target: &Target<'_>) -> SenderView {
    let defers = |status: &str| view("postfix", SenderOutcome::Defers, Some(status));
    match target.fact.state {
        AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Forbidden
        | AddressState::NotProbed => defers("4.4.1"),
        AddressState::Closed | AddressState::GreetingTimeout => defers("4.4.2"),
        // A 5yz greeting is made a 4yz (`smtp_skip_5xx_greeting`).
        AddressState::Greeting4xx | AddressState::Greeting5xx => defers(&deferred_greeting(target)),
        AddressState::EhloRejected => view("postfix", SenderOutcome::Bounces, Some("5.5.1")),
        AddressState::Ok => defers("4.7.5"),
    }
}

/// The greeting's own code with class 4, else 4.0.0.
fn deferred_greeting(target: &Target<'_>) -> String {
    let word = target.fact.greeting.as_ref().and_then(|greeting| greeting.text.split_whitespace().next());
    let rest = word.and_then(|word| word.strip_prefix(['4', '5'])?.strip_prefix('.'));
    let is_code = |rest: &&str| {
        let mut parts = rest.split('.');
        let number = |part: Option<&str>| {
            part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
        };
        number(parts.next()) && number(parts.next()) && parts.next().is_none()
    };
    rest.filter(is_code).map_or_else(|| "4.0.0".to_owned(), |rest| format!("4.{rest}"))
}

fn exim(picture: &Picture<'_>) -> SenderView {
    let bounces = || view("exim", SenderOutcome::Bounces, Some(EXIM_STATUS));
    let defers = || view("exim", SenderOutcome::Defers, None);
    match picture.mx_reply() {
        Some(Reply::NxDomain) => return bounces(),
        // It makes no difference between "failed" and "try again".
        Some(reply) if reply.is_failure() || reply == Reply::AliasLoop => return defers(),
        Some(_) if own_address_is_unknown(picture) => return defers(),
        Some(_) | None => {}
    }
    let hosts: Vec<_> = picture.real_hosts().filter(|host| host.lookup != HostLookup::Literal).collect();
    if hosts.iter().all(|host| host.absent) {
        return bounces();
    }
    if hosts.iter().find(|host| !host.absent).is_some_and(|host| host.is_localhost()) {
        return defers();
    }
    let working = hosts.iter().find_map(|host| host.targets.iter().find(|t| t.works()).map(|t| (*host, t)));
    working.map_or_else(defers, |(host, target)| delivers("exim", host, target))
}
