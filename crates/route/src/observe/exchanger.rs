//! One mail exchanger: its addresses, its TLSA records, and a conversation with every address as soon as that is known.

use std::net::IpAddr;

use abprall_mail::Domain;

use crate::limits::EXCHANGER_ADDRESSES_MAX;
use crate::observe::asking::Asking;
use crate::observe::concurrently;
use crate::observe::probe::{ProbeTarget, TlsaSet};
use crate::observe::probing::Probing;
use crate::observe::vantage::addresses;
use crate::{
    AddressState, DnsFact, ExchangerSurvey, ObservationId, Rcode, RecordData, RecordType, TargetSurvey,
};

/// What becomes of the addresses of exchangers.
pub(crate) enum Contact<'a> {
    /// Each is talked with.
    Probe(Probing<'a>),
    /// Each is noted as not probed.
    Leave(Probing<'a>),
}

/// What is known of an exchanger before it is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Named {
    pub(crate) preference: u16,
    pub(crate) host: String,
    /// The MX answer was authenticated: then DANE may be used (RFC 7672 §2.2.1).
    pub(crate) secure: bool,
}

/// What was seen of an exchanger.
pub(crate) struct Looked {
    pub(crate) survey: ExchangerSurvey,
    pub(crate) states: Vec<AddressState>,
}

/// The exchangers of an MX answer, best preference first, in the order of the resolver within one.
pub(crate) fn named(mx: &DnsFact) -> Vec<Named> {
    let Some(answer) = mx.answer() else { return Vec::new() };
    let hosts = answer.records.iter().filter_map(|record| match &record.data {
        RecordData::Mx { preference, exchange } => {
            Some(Named { preference: *preference, host: exchange.clone(), secure: answer.ad })
        }
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Ns { .. }
        | RecordData::Txt { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    });
    let mut hosts: Vec<_> = hosts.collect();
    hosts.sort_by_key(|named| named.preference);
    hosts
}

/// Looks up an exchanger and talks with it. `on_failure` is called at the first lookup that gives no answer.
pub(crate) async fn look(
    asking: &Asking<'_>,
    contact: &Contact<'_>,
    named: &Named,
    domain: &Domain,
    on_failure: impl Fn(),
) -> Looked {
    let host = named.host.as_str();
    // The null MX has nothing to look up, and an address is no host name (RFC 5321 §5.1).
    if host == "." || host.parse::<IpAddr>().is_ok() {
        return Looked { survey: survey(named, Vec::new()), states: Vec::new() };
    }
    let (a, aaaa, tlsa) = tokio::join!(
        asking.host(host, RecordType::A),
        asking.host(host, RecordType::Aaaa),
        tlsa(asking, named)
    );
    if [&a.1, &aaaa.1].into_iter().any(failed) && is_ours(host, domain) {
        on_failure();
    }
    let lookups = vec![a.0, aaaa.0];
    let mut survey = survey(named, lookups);
    let secure = [&a.1, &aaaa.1].into_iter().filter_map(|fact| fact.answer()).all(|answer| answer.ad);
    let tlsa_set = match tlsa {
        Some((id, set)) if secure => {
            survey.tlsa = Some(id);
            set
        }
        Some(_) | None => TlsaSet::None,
    };
    let found: Vec<_> = addresses(&a.1).chain(addresses(&aaaa.1)).take(EXCHANGER_ADDRESSES_MAX).collect();
    let (registrable, probed) = tokio::join!(
        registrable(asking, host, domain, &a.1),
        concurrently::all(found.into_iter().map(|address| talk(contact, host, address, tlsa_set.clone())))
    );
    survey.registrable = registrable;
    let (targets, states) = probed.into_iter().unzip();
    survey.targets = targets;
    Looked { survey, states }
}

/// Talks with the addresses of the domain itself where it has no MX.
pub(crate) async fn look_implicit(
    contact: &Contact<'_>,
    domain: &Domain,
    lookups: Vec<ObservationId>,
    found: Vec<IpAddr>,
) -> Looked {
    let named = Named { preference: 0, host: domain.to_string(), secure: false };
    let mut survey = survey(&named, lookups);
    survey.implicit = true;
    let found = found.into_iter().take(EXCHANGER_ADDRESSES_MAX);
    let probed =
        concurrently::all(found.map(|address| talk(contact, domain.as_str(), address, TlsaSet::None))).await;
    let (targets, states) = probed.into_iter().unzip();
    survey.targets = targets;
    Looked { survey, states }
}

/// What was seen of the same host under another preference, for this one.
pub(crate) fn again(named: &Named, first: &Looked) -> Looked {
    let survey = ExchangerSurvey { preference: named.preference, ..first.survey.clone() };
    Looked { survey, states: first.states.clone() }
}

/// Whether a lookup gave no answer that a mail server could use, be it a negative one.
pub(crate) fn failed(fact: &DnsFact) -> bool {
    fact.answer().is_none_or(|answer| answer.rcode != Rcode::NoError && answer.rcode != Rcode::NxDomain)
}

async fn talk(
    contact: &Contact<'_>,
    host: &str,
    address: IpAddr,
    tlsa: TlsaSet,
) -> (TargetSurvey, AddressState) {
    let target = ProbeTarget { host: host.to_owned(), address, port: 25, tlsa };
    let (probe, state) = match contact {
        Contact::Probe(probing) => probing.probe(&target).await,
        Contact::Leave(probing) => probing.leave(&target, "only DNS is looked at"),
    };
    (TargetSurvey { address, probe }, state)
}

/// The TLSA records, asked together with the addresses; of use only where those are authenticated as well.
async fn tlsa(asking: &Asking<'_>, named: &Named) -> Option<(ObservationId, TlsaSet)> {
    if !named.secure {
        return None;
    }
    let (id, fact) = asking.host(&format!("_25._tcp.{}", named.host), RecordType::Tlsa).await;
    let set = match fact.answer() {
        Some(answer) if !failed(&fact) => {
            let records: Vec<_> = answer.records.iter().map(|record| record.data.clone()).collect();
            if answer.ad && !records.is_empty() { TlsaSet::Secure(records) } else { TlsaSet::None }
        }
        Some(_) | None => TlsaSet::LookupFailed,
    };
    Some((id, set))
}

/// Is the registrable domain of a host that does not exist free for anybody to take?
async fn registrable(
    asking: &Asking<'_>,
    host: &str,
    domain: &Domain,
    lookup: &DnsFact,
) -> Option<ObservationId> {
    if lookup.answer()?.rcode != Rcode::NxDomain || is_ours(host, domain) {
        return None;
    }
    let host = Domain::parse(host).ok()?;
    Some(asking.host(host.registrable()?, RecordType::Soa).await.0)
}

/// Whether a host belongs to the same registrable domain, so that a walk to the domain's zone tells of it.
fn is_ours(host: &str, domain: &Domain) -> bool {
    let zone = domain.registrable().unwrap_or(domain.as_str());
    Domain::parse(host).is_ok_and(|host| host.is_within(zone))
}

fn survey(named: &Named, lookups: Vec<ObservationId>) -> ExchangerSurvey {
    ExchangerSurvey {
        preference: named.preference,
        host: named.host.clone(),
        implicit: false,
        lookups,
        registrable: None,
        tlsa: None,
        targets: Vec::new(),
    }
}
