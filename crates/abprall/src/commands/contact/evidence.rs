//! What we saw, as plain lines for a mail: findings, mail servers with their state and time, our own side.

use abprall_mail::{Language, Severity};
use abprall_route::{AddressState, Diagnosis, Fact, HostAddress, RecordType};
use jiff::Timestamp;

use crate::commands::route::labels;
use crate::dates;
use crate::terminal::plain;
use crate::wording::pick;

/// Findings in a mail at most: the reader knows the own domain.
const FINDINGS_MAX: usize = 8;

/// Addresses of mail servers in a mail at most.
const ADDRESSES_MAX: usize = 20;

/// Longest particulars of an address, in characters.
const PARTICULARS_MAX: usize = 200;

/// Findings that are not only good to know, worst first.
pub(super) fn findings(diagnosis: &Diagnosis, language: Language) -> Vec<String> {
    let mut wrong: Vec<_> = diagnosis.findings.iter().filter(|one| one.severity != Severity::Info).collect();
    wrong.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let lines = wrong.into_iter().take(FINDINGS_MAX).map(|finding| {
        let text = finding.id.knowledge(language);
        let about = text.about(&finding.subject, finding.detail.as_deref());
        format!("{} [{}]: {about}", text.title, finding.id)
    });
    lines.map(|line| plain(&line)).collect()
}

/// One line for each address of each mail server.
pub(super) fn servers(diagnosis: &Diagnosis, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    for mx in &diagnosis.mx {
        let name = if mx.implicit {
            format!("{} ({})", mx.host, pick(language, "no MX", "kein MX"))
        } else {
            format!("MX {} {}", mx.preference, mx.host)
        };
        if mx.addresses.is_empty() {
            let state = labels::host_lookup(mx.dns, language);
            lines.push(format!("{name}: {}", with_time(state.to_owned(), asked_at(&mx.host, diagnosis))));
        }
        for address in &mx.addresses {
            lines.push(format!("{name} [{}]: {}", address.ip, state(address, diagnosis, language)));
        }
    }
    let more = lines.len().saturating_sub(ADDRESSES_MAX);
    lines.truncate(ADDRESSES_MAX);
    if more > 0 {
        lines.push(match language {
            Language::En => format!("and {more} more"),
            Language::De => format!("und {more} weitere"),
        });
    }
    lines.iter().map(|line| plain(line)).collect()
}

fn state(address: &HostAddress, diagnosis: &Diagnosis, language: Language) -> String {
    let mut text = labels::address_state(address.state, language).to_owned();
    let reply = address.greeting.as_ref().map(|reply| format!("{} {}", reply.code, reply.text));
    if address.state != AddressState::Ok
        && let Some(particulars) = address.detail.clone().or(reply)
    {
        text = format!("{text} ({})", particulars.chars().take(PARTICULARS_MAX).collect::<String>());
    }
    with_time(text, seen_at(address, diagnosis))
}

fn with_time(text: String, at: Option<Timestamp>) -> String {
    match at {
        Some(at) => format!("{text}, {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        None => text,
    }
}

/// When the addresses of a host were asked for.
fn asked_at(host: &str, diagnosis: &Diagnosis) -> Option<Timestamp> {
    let lookups = diagnosis.observations.iter().filter(|observation| match &observation.fact {
        Fact::Dns(fact) => fact.name == host && matches!(fact.record_type, RecordType::A | RecordType::Aaaa),
        Fact::Smtp(_) | Fact::MtaSts(_) | Fact::Path(_) => false,
    });
    lookups.last().map(|observation| observation.at)
}

/// When the address was talked with.
fn seen_at(address: &HostAddress, diagnosis: &Diagnosis) -> Option<Timestamp> {
    let talks = diagnosis.observations.iter().filter(|observation| match &observation.fact {
        Fact::Smtp(fact) => fact.address == address.ip && fact.state == address.state,
        Fact::Dns(_) | Fact::MtaSts(_) | Fact::Path(_) => false,
    });
    talks.last().map(|observation| observation.at)
}

/// When and from where it was looked at.
pub(super) fn vantage(diagnosis: &Diagnosis, language: Language) -> String {
    let vantage = &diagnosis.vantage;
    let at = dates::minute(diagnosis.checked_at);
    let tested = match (vantage.tested, language) {
        (true, Language::En) => "; other domains could be reached from there at the same time",
        (true, Language::De) => "; andere Domains waren von dort zur selben Zeit erreichbar",
        (false, _) => "",
    };
    match language {
        Language::En => format!("Seen on {at}, by the resolver {}{tested}.", vantage.resolver),
        Language::De => format!("Gesehen am {at}, über den Resolver {}{tested}.", vantage.resolver),
    }
}
