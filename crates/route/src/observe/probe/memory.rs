use std::net::SocketAddr;
use std::time::Instant;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::ProbeTarget;
use crate::SmtpFact;
use crate::limits::{NAMES_PER_ADDRESS_MAX, PROBES_REMEMBERED_BYTES_MAX, PROBES_REMEMBERED_MAX};
use crate::observe::bounded::BoundedMap;

/// A conversation, with the certificates that it showed.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) took_ms: u64,
    /// What it says of TLS is without a judgement: that depends on the host and its TLSA records.
    pub(super) fact: SmtpFact,
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// What is remembered of an address, for a host.
#[derive(Debug)]
pub(super) enum Recall {
    /// A conversation that answers for the host.
    Answer(Box<Seen>),
    /// The address was seen under another name, and its certificate does not fit this one.
    OtherName,
    /// Nothing, or it is too old.
    Nothing,
}

/// The last conversations, by address and port: one that many domains share is probed once.
#[derive(Debug)]
pub(super) struct Memory(BoundedMap<SocketAddr, Entry>);

#[derive(Debug)]
struct Entry {
    until: Instant,
    seen: Vec<Seen>,
}

impl Default for Memory {
    fn default() -> Self {
        Self(BoundedMap::new(PROBES_REMEMBERED_MAX, PROBES_REMEMBERED_BYTES_MAX))
    }
}

impl Memory {
    pub(super) fn recall(&self, target: &ProbeTarget, now: Instant, suits: impl Fn(&Seen) -> bool) -> Recall {
        let Some(entry) = self.valid(target, now) else { return Recall::Nothing };
        let same_name = entry.seen.iter().find(|seen| same_host(&seen.fact.host, &target.host));
        if let Some(seen) = same_name.or_else(|| entry.seen.iter().find(|seen| suits(seen))) {
            return Recall::Answer(Box::new(seen.clone()));
        }
        match entry.seen.last() {
            Some(seen) if entry.seen.len() >= NAMES_PER_ADDRESS_MAX => Recall::Answer(Box::new(seen.clone())),
            Some(_) => Recall::OtherName,
            None => Recall::Nothing,
        }
    }

    /// What was seen of the address, under any name.
    pub(super) fn any(&self, target: &ProbeTarget, now: Instant) -> Option<Seen> {
        self.valid(target, now)?.seen.last().cloned()
    }

    pub(super) fn keep(&mut self, target: &ProbeTarget, seen: Seen, until: Instant) {
        let socket = target.socket();
        let mut all = match self.0.remove(&socket) {
            Some(entry) if entry.until > super::now() => entry.seen,
            Some(_) | None => Vec::new(),
        };
        all.retain(|earlier| !same_host(&earlier.fact.host, &target.host));
        if all.len() >= NAMES_PER_ADDRESS_MAX {
            all.remove(0);
        }
        all.push(seen);
        let weight = all.iter().map(Seen::weight).sum();
        self.0.insert(socket, Entry { until, seen: all }, weight);
    }

    fn valid(&self, target: &ProbeTarget, now: Instant) -> Option<&Entry> {
        self.0.get(&target.socket()).filter(|entry| now < entry.until)
    }
}

impl Seen {
    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let reply = |reply: &Option<crate::SmtpReply>| reply.as_ref().map_or(0, |reply| reply.text.len());
        let lines =
            self.fact.transcript.iter().map(|line| line.text.len() + size_of_val(line)).sum::<usize>();
        let capabilities = self.fact.capabilities.iter().map(|line| line.len() + 24).sum::<usize>();
        let chain = self.chain.iter().map(|certificate| certificate.len()).sum::<usize>();
        size_of_val(self) + lines + capabilities + chain + reply(&self.fact.greeting) + reply(&self.fact.ehlo)
    }
}

fn same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}
