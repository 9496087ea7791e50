use std::collections::HashMap;

use super::failure_key::FailureKey;
use abprall_bounce::{Classification, Report};
use abprall_mail::{BounceType, EmailAddress, Party, Reason, SuppressionKey};
use abprall_policy::{Case, Day, failure_keys};
use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::limits::TEXT_BYTES_MAX;
use crate::{Audience, Message};

/// All entries of the messages that are new, with their names each once.
#[derive(Debug, Default)]
pub(crate) struct Gathered<'a> {
    pub(crate) entries: Vec<GatheredEntry<'a>>,
    pub(crate) names: Names,
}

/// The names that the entries use; entries name them by their place.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// With the place of the domain.
    pub(crate) addresses: Vec<(SuppressionKey, usize)>,
    pub(crate) domains: Vec<String>,
    pub(crate) hosts: Vec<String>,
    known_addresses: HashMap<SuppressionKey, usize>,
    known_domains: HashMap<String, usize>,
    known_hosts: HashMap<String, usize>,
}

/// A report that waits for a person: its number, and what was thought of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Existing {
    pub(crate) id: i64,
    pub(crate) reason: Reason,
    pub(crate) party: Party,
    pub(crate) bounce_type: BounceType,
}

#[derive(Debug)]
pub(crate) struct GatheredEntry<'a> {
    /// The number of its message.
    pub(crate) message: i64,
    /// Within the message, from 0.
    pub(crate) position: i64,
    /// The report, where it was stored before, waits for a person and is decided anew.
    pub(crate) existing: Option<Existing>,
    pub(crate) report: &'a Report,
    pub(crate) judged: &'a Classification,
    pub(crate) audience: &'a Audience,
    pub(crate) seen_at: Timestamp,
    pub(crate) happened_at: Timestamp,
    /// What was sent to.
    pub(crate) address: Option<usize>,
    /// What failed at the far end, where that is another one.
    pub(crate) failed: Option<usize>,
    /// The MTA that spoke.
    pub(crate) host: Option<usize>,
    pub(crate) case: Case,
    /// What makes the failure the same.
    pub(crate) failure_keys: Vec<FailureKey>,
}

/// Gathers the messages that have got a number; the others are known.
pub(crate) fn gather<'a>(messages: &'a [Message<'a>], numbers: &[Option<i64>], seed: u64) -> Gathered<'a> {
    let mut gathered = Gathered::default();
    for (message, number) in messages.iter().zip(numbers) {
        let Some(number) = *number else { continue };
        for (position, entry) in (0_i64..).zip(&message.entries) {
            let happened_at = entry.happened_at(message.seen_at);
            let made = gathered.names.entry(entry.report, entry.judged, &message.audience, happened_at, seed);
            gathered.entries.push(GatheredEntry {
                message: number,
                position,
                seen_at: message.seen_at,
                ..made
            });
        }
    }
    gathered
}

impl Names {
    /// An entry of these names, of no message yet.
    pub(crate) fn entry<'a>(
        &mut self,
        report: &'a Report,
        judged: &'a Classification,
        audience: &'a Audience,
        happened_at: Timestamp,
        seed: u64,
    ) -> GatheredEntry<'a> {
        let address = report.original_recipient.as_ref().or(report.recipient.as_ref());
        let failed =
            report.recipient.as_ref().filter(|failed| address.is_some_and(|address| address != *failed));
        let mut case = Case::of(report, judged, happened_at);
        case.tenant.clone_from(&audience.tenant);
        case.list.clone_from(&audience.list);
        let host = report.remote_mta.as_deref().and_then(host_name);
        let day = Day::of(happened_at);
        let keys = failure_keys(report, day);
        // A failure that was told for one tenant or list stops for that one only: for another it is not known yet.
        let whose = format!(
            "{}\0{}",
            audience.tenant.as_deref().unwrap_or_default(),
            audience.list.as_deref().unwrap_or_default()
        );
        let seed = if whose.len() > 1 { xxh3_64_with_seed(whose.as_bytes(), seed) } else { seed };
        let hash = |key: &String| FailureKey::new(xxh3_64_with_seed(key.as_bytes(), seed), day);
        GatheredEntry {
            message: 0,
            position: 0,
            existing: None,
            report,
            judged,
            audience,
            seen_at: happened_at,
            happened_at,
            address: address.map(|address| self.address(address)),
            failed: failed.map(|address| self.address(address)),
            host: host.map(|name| self.host(name)),
            case,
            failure_keys: keys.iter().map(hash).collect(),
        }
    }

    fn address(&mut self, address: &EmailAddress) -> usize {
        let key = address.suppression_key();
        if let Some(place) = self.known_addresses.get(&key) {
            return *place;
        }
        let domain = self.domain(address.domain_part());
        let place = self.addresses.len();
        self.known_addresses.insert(key.clone(), place);
        self.addresses.push((key, domain));
        place
    }

    fn domain(&mut self, name: &str) -> usize {
        if let Some(place) = self.known_domains.get(name) {
            return *place;
        }
        let place = self.domains.len();
        self.known_domains.insert(name.to_owned(), place);
        self.domains.push(name.to_owned());
        place
    }

    fn host(&mut self, name: String) -> usize {
        if let Some(place) = self.known_hosts.get(&name) {
            return *place;
        }
        let place = self.hosts.len();
        self.known_hosts.insert(name.clone(), place);
        self.hosts.push(name);
        place
    }
}

/// The name of the MTA without what stands around it: `dns; mx.example.com (192.0.2.1)` → `mx.example.com`.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("dns;").trim_start();
    let name = text.split([' ', '\t', '(', ',', ';']).next()?;
    let name = name.trim_matches(['<', '>', '.']);
    let name = match name.split_once('[') {
        Some((name, _)) if !name.is_empty() => name,
        _ => name,
    };
    (!name.is_empty()).then(|| cut(&name.to_lowercase()).to_owned())
}

/// The beginning of a long text.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_stored_by_its_bare_name() {
        for (text, name) in [
            ("MX.Example.com", Some("mx.example.com")),
            ("dns; mx.example.com (192.0.2.1)", Some("mx.example.com")),
            ("mx.example.com[192.0.2.1]", Some("mx.example.com")),
            ("[192.0.2.1]", Some("[192.0.2.1]")),
            (" ", None),
        ] {
            assert_eq!(host_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let text = "ä".repeat(TEXT_BYTES_MAX);
        assert_eq!(cut(&text).len(), TEXT_BYTES_MAX);
        assert_eq!(cut("kurz"), "kurz");
    }
}
