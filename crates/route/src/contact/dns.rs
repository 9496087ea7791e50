//! What the DNS says about who runs a domain: SOA, NS, and the addresses that want reports.

use abprall_mail::Domain;
use tokio::time::Instant;

use super::Unanswered;
use super::operators::registrable;
use crate::{Diagnosis, DnsFact, DnsOutcome, Fact, Observer, Rcode, Record, RecordData, RecordType, SoaFact};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The SOA of the domain's zone.
    pub(super) soa: Option<SoaFact>,
    /// The names of the name servers.
    pub(super) name_servers: Vec<String>,
    /// The TLSRPT record, with its name.
    pub(super) tls_reporting: Option<(String, String)>,
    /// The DMARC record, with its name.
    pub(super) dmarc: Option<(String, String)>,
    pub(super) unanswered: Vec<Unanswered>,
}

/// Asks our resolver; where a dead zone has no answers, takes what the diagnosis saw on its walk.
pub(super) async fn ask(observer: &Observer, diagnosis: &Diagnosis, deadline: Instant) -> Found {
    let domain = &diagnosis.domain;
    let organisation = registrable(domain);
    let tls_name = format!("_smtp._tls.{domain}");
    let dmarc_name = format!("_dmarc.{domain}");
    let organisation_name = format!("_dmarc.{organisation}");
    let (soa, ns, tls, dmarc, organisation_dmarc) = tokio::join!(
        observer.ask(domain.as_str(), RecordType::Soa, deadline),
        observer.ask(organisation, RecordType::Ns, deadline),
        observer.ask(&tls_name, RecordType::Txt, deadline),
        observer.ask(&dmarc_name, RecordType::Txt, deadline),
        async {
            match organisation == domain.as_str() {
                true => None,
                false => Some(observer.ask(&organisation_name, RecordType::Txt, deadline).await),
            }
        },
    );
    let mut facts = vec![&soa.fact, &ns.fact, &tls.fact, &dmarc.fact];
    facts.extend(organisation_dmarc.as_ref().map(|seen| &seen.fact));
    let text =
        |fact: &DnsFact, version: &str| text(fact, version).map(|text| (fact.name.clone(), text.to_owned()));
    Found {
        soa: soa_of(&soa.fact, domain).or_else(|| soa_seen(diagnosis)),
        name_servers: Some(name_servers(&ns.fact))
            .filter(|hosts| !hosts.is_empty())
            .unwrap_or_else(|| servers_seen(diagnosis)),
        tls_reporting: text(&tls.fact, "v=TLSRPTv1"),
        dmarc: text(&dmarc.fact, "v=DMARC1")
            .or_else(|| organisation_dmarc.as_ref().and_then(|seen| text(&seen.fact, "v=DMARC1"))),
        unanswered: facts.into_iter().filter_map(unanswered).collect(),
    }
}

/// The SOA, when it is of the domain's own zone: that of an NXDOMAIN is often the registry's.
fn soa_of(fact: &DnsFact, domain: &Domain) -> Option<SoaFact> {
    let answer = fact.answer()?;
    let record = answer.records.iter().find_map(|record| match &record.data {
        RecordData::Soa(soa) => Some(soa),
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Mx { .. }
        | RecordData::Ns { .. }
        | RecordData::Txt { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. } => None,
    });
    record.or(answer.soa.as_ref()).filter(|soa| is_own_zone(&soa.owner, domain)).cloned()
}

/// Whether the zone holds the domain and lies not above its registrable domain.
fn is_own_zone(zone: &str, domain: &Domain) -> bool {
    let Ok(zone) = Domain::parse(zone) else { return false };
    domain.is_within(zone.as_str()) && zone.is_within(registrable(domain))
}

/// The SOA that somebody showed during the diagnosis: a server of the zone, asked directly.
fn soa_seen(diagnosis: &Diagnosis) -> Option<SoaFact> {
    facts(diagnosis).find_map(|fact| soa_of(fact, &diagnosis.domain))
}

/// The name servers that the parent named during the diagnosis.
fn servers_seen(diagnosis: &Diagnosis) -> Vec<String> {
    let referrals = facts(diagnosis).filter_map(DnsFact::answer).flat_map(|answer| &answer.referral);
    let own = referrals.filter(|server| is_own_zone(&server.zone, &diagnosis.domain));
    let mut hosts: Vec<_> = own.map(|server| server.host.clone()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn facts(diagnosis: &Diagnosis) -> impl Iterator<Item = &DnsFact> {
    diagnosis.observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Dns(fact) => Some(fact),
        Fact::Smtp(_) | Fact::MtaSts(_) | Fact::Path(_) => None,
    })
}

fn name_servers(fact: &DnsFact) -> Vec<String> {
    let names = records(fact).filter_map(|record| match &record.data {
        RecordData::Ns { host } => Some(host.clone()),
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Mx { .. }
        | RecordData::Txt { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    });
    names.collect()
}

/// The record that begins with this version.
fn text<'a>(fact: &'a DnsFact, version: &str) -> Option<&'a str> {
    records(fact).find_map(|record| match &record.data {
        RecordData::Txt { text }
            if text.get(..version.len()).is_some_and(|v| v.eq_ignore_ascii_case(version)) =>
        {
            Some(text.as_str())
        }
        RecordData::Txt { .. }
        | RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Mx { .. }
        | RecordData::Ns { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    })
}

fn records(fact: &DnsFact) -> impl Iterator<Item = &Record> {
    fact.answer().into_iter().flat_map(|answer| &answer.records)
}

/// A question that was not answered with yes or no.
fn unanswered(fact: &DnsFact) -> Option<Unanswered> {
    let detail = match &fact.outcome {
        DnsOutcome::Answer(answer) => match answer.rcode {
            Rcode::NoError | Rcode::NxDomain => return None,
            Rcode::FormErr
            | Rcode::ServFail
            | Rcode::NotImp
            | Rcode::Refused
            | Rcode::NotAuth
            | Rcode::Other(_) => answer.rcode.to_string(),
        },
        DnsOutcome::Silence => "timeout".to_owned(),
        DnsOutcome::Unreachable { detail } | DnsOutcome::Malformed { detail } => detail.clone(),
        DnsOutcome::Forbidden => "forbidden".to_owned(),
    };
    Some(Unanswered { question: format!("{} {}", fact.name, fact.record_type), detail })
}
