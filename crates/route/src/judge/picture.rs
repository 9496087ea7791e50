use std::net::IpAddr;

use crate::{
    AddressState, DnsAnswer, DnsFact, ExchangerSurvey, HostLookup, MtaStsOutcome, MtaStsPolicy,
    ObservationId, Observations, Record, RecordData, RecordType, SmtpFact, Survey,
};

mod exclusion;
mod reply;

use exclusion::exclusion;
pub use exclusion::{Exclusion, policy_names};
pub use reply::Reply;

/// A survey in the words that the rules use.
pub struct Picture<'a> {
    pub survey: &'a Survey,
    /// What our own resolver said of the domain's MX, and where that stands.
    pub mx: Option<(ObservationId, &'a DnsFact, Reply)>,
    /// Best preference first.
    pub hosts: Vec<Host<'a>>,
    pub resolver: Resolver,
    pub egress: Egress,
    /// Others answer what our resolver does not, or deny what it says: these facts show it.
    pub resolver_refuted_by: Vec<ObservationId>,
    /// A negative answer that somebody, but not everybody else, contradicts.
    pub disputed: bool,
    pub policy: Option<&'a MtaStsPolicy>,
}

/// Whether our resolver can be used at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolver {
    Untested,
    Works,
    Blind,
}

/// Whether anything on port 25 can be reached from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Egress {
    Untested,
    Works,
    /// Canaries greet, but all turn us away.
    TurnedAway,
    /// No canary greets.
    Blocked,
}

/// One exchanger.
pub struct Host<'a> {
    pub survey: &'a ExchangerSurvey,
    pub lookup: HostLookup,
    /// All lookups were clean negatives: the host has no address, now and for sure.
    pub absent: bool,
    pub targets: Vec<Target<'a>>,
}

/// One address of an exchanger.
pub struct Target<'a> {
    pub address: IpAddr,
    pub probe: ObservationId,
    pub fact: &'a SmtpFact,
    pub exclusion: Option<Exclusion>,
    /// We have no way to addresses of this family, so that nothing was learned.
    pub out_of_sight: bool,
}

impl Target<'_> {
    pub fn works(&self) -> bool {
        self.fact.state == AddressState::Ok
    }

    pub fn is_usable(&self) -> bool {
        self.works() && self.exclusion.is_none()
    }

    pub fn accepts_no_mail(&self) -> bool {
        self.fact.state == AddressState::Greeting5xx
            && self.fact.greeting.as_ref().is_some_and(|greeting| greeting.code == 521)
    }

    /// A connection stood, or its refusal was seen.
    pub fn was_contacted(&self) -> bool {
        !matches!(self.fact.state, AddressState::Forbidden | AddressState::NotProbed) && !self.out_of_sight
    }
}

impl Host<'_> {
    pub fn is_null(&self) -> bool {
        self.lookup == HostLookup::Null
    }

    pub fn is_usable(&self) -> bool {
        self.targets.iter().any(Target::is_usable)
    }

    /// The MX names the machine that sends. An address that the operator allowed, and that was contacted, is one like others.
    pub fn is_localhost(&self) -> bool {
        if self.targets.iter().any(Target::was_contacted) {
            return false;
        }
        let name = self.survey.host.trim_end_matches('.');
        name == "localhost"
            || name.ends_with(".localhost")
            || name == "localhost.localdomain"
            || (!self.targets.is_empty() && self.targets.iter().all(|t| is_loopback(t.address)))
    }

    /// Every address is private or special-use, and was not contacted.
    pub fn is_special_use(&self) -> bool {
        !self.targets.is_empty() && self.targets.iter().all(|t| t.fact.state == AddressState::Forbidden)
    }

    pub fn has_address(&self) -> bool {
        matches!(self.lookup, HostLookup::Ok | HostLookup::Cname | HostLookup::Literal)
    }

    /// What shows that the host is as it is: the conversations, else the lookups, else the MX itself.
    pub fn evidence(&self, picture: &Picture<'_>) -> Vec<ObservationId> {
        let probes: Vec<_> = self.targets.iter().map(|t| t.probe).collect();
        if !probes.is_empty() {
            probes
        } else if !self.survey.lookups.is_empty() {
            self.survey.lookups.clone()
        } else {
            picture.mx_evidence()
        }
    }
}

impl<'a> Picture<'a> {
    pub fn of(survey: &'a Survey) -> Self {
        let seen = &survey.observations;
        let mx = survey.mx_lookups.first().and_then(|id| {
            let fact = seen.dns(*id)?;
            Some((*id, fact, Reply::of(fact)))
        });
        let policy = survey.mta_sts.as_ref().and_then(|sts| match &seen.mta_sts(sts.policy?)?.outcome {
            MtaStsOutcome::Policy(policy) => Some(policy),
            MtaStsOutcome::NotFetched { .. } | MtaStsOutcome::Invalid { .. } => None,
        });
        let mut hosts: Vec<_> =
            survey.exchangers.iter().map(|exchanger| host(survey, exchanger, policy)).collect();
        hosts.sort_by_key(|host| host.survey.preference);
        let mut picture = Self {
            survey,
            mx,
            hosts,
            resolver: resolver(survey),
            egress: egress(survey),
            resolver_refuted_by: Vec::new(),
            disputed: false,
            policy,
        };
        picture.compare();
        picture
    }

    pub fn observations(&self) -> &'a Observations {
        &self.survey.observations
    }

    pub fn domain(&self) -> &'a str {
        self.survey.domain.as_str()
    }

    pub fn mx_evidence(&self) -> Vec<ObservationId> {
        self.mx.iter().map(|(id, _, _)| *id).collect()
    }

    pub fn mx_reply(&self) -> Option<Reply> {
        self.mx.map(|(_, _, reply)| reply)
    }

    /// The facts of these names that are of the DNS.
    pub fn dns(
        &self,
        ids: &'a [ObservationId],
    ) -> impl Iterator<Item = (ObservationId, &'a DnsFact, Reply)> + use<'a> {
        let seen = self.observations();
        ids.iter().filter_map(move |id| seen.dns(*id).map(|fact| (*id, fact, Reply::of(fact))))
    }

    /// A and AAAA of the domain itself, where there is no MX.
    pub fn own_lookups(&self) -> &'a [ObservationId] {
        if self.survey.own_addresses.is_empty() {
            let implicit = self.survey.exchangers.iter().find(|exchanger| exchanger.implicit);
            implicit.map_or(&[], |exchanger| exchanger.lookups.as_slice())
        } else {
            &self.survey.own_addresses
        }
    }

    /// The domain itself has no address, for sure.
    pub fn has_no_address_itself(&self) -> bool {
        is_absent(self.observations(), self.own_lookups())
    }

    /// Exchangers but the null MX.
    pub fn real_hosts(&self) -> impl Iterator<Item = &Host<'a>> {
        self.hosts.iter().filter(|host| !host.is_null())
    }

    /// All addresses in the order in which a sender tries them.
    pub fn targets(&self) -> impl Iterator<Item = (&Host<'a>, &Target<'a>)> {
        self.real_hosts().flat_map(|host| host.targets.iter().map(move |target| (host, target)))
    }

    /// What name servers of the zone said of the domain's MX with authority.
    pub fn authorities(&self) -> Vec<(ObservationId, &'a DnsFact, Reply)> {
        let servers = self.survey.delegation.iter().flat_map(|delegation| &delegation.servers);
        servers
            .flat_map(|server| self.dns(&server.mx))
            .filter(|(_, fact, reply)| {
                fact.record_type == RecordType::Mx
                    && fact.name == self.domain()
                    && fact.answer().is_some_and(|answer| answer.aa)
                    && matches!(reply, Reply::Data | Reply::NoData | Reply::NxDomain)
            })
            .collect()
    }

    /// With checking disabled there is an answer, without there is none: the signatures are at fault.
    pub fn is_bogus(&self) -> bool {
        self.mx_reply() == Some(Reply::ServFail)
            && self
                .survey
                .mx_unchecked
                .and_then(|id| self.observations().dns(id))
                .is_some_and(|fact| !Reply::of(fact).is_failure())
    }

    /// Resolvers answer SERVFAIL to a circle of aliases; a server of the zone shows the circle itself.
    pub fn alias_loop(&self) -> Option<(ObservationId, &'a DnsFact)> {
        if self.mx_reply() != Some(Reply::ServFail) {
            return None;
        }
        let servers = self.survey.delegation.iter().flat_map(|delegation| &delegation.servers);
        let mut answers = servers.flat_map(|server| self.dns(&server.mx));
        answers
            .find(|(_, fact, reply)| {
                *reply == Reply::AliasLoop && fact.answer().is_some_and(|answer| answer.aa)
            })
            .map(|(id, fact, _)| (id, fact))
    }

    /// Holds our resolver's answer against other resolvers and the authorities.
    fn compare(&mut self) {
        let Some(own) = self.mx_reply() else { return };
        let others: Vec<_> = self.dns(self.survey.mx_lookups.get(1..).unwrap_or_default()).collect();
        let authorities = self.authorities();
        if own.is_failure() && own != Reply::Forbidden && !self.is_bogus() {
            let answering: Vec<_> = others.iter().filter(|(_, _, r)| !r.is_failure()).collect();
            if !answering.is_empty() {
                self.resolver_refuted_by = answering.iter().map(|(id, _, _)| *id).collect();
            } else if self.every_authority_answers_well() {
                self.resolver_refuted_by = authorities.iter().map(|(id, _, _)| *id).collect();
            }
        } else if own.is_negative() {
            let denies = |fact: &DnsFact, reply: Reply| match reply {
                Reply::Data => true,
                Reply::NoData => {
                    own == Reply::NxDomain && fact.answer().is_some_and(|answer| answer.aliases.is_empty())
                }
                Reply::NxDomain
                | Reply::AliasLoop
                | Reply::Referral
                | Reply::ServFail
                | Reply::Refused
                | Reply::FormErr
                | Reply::Silence
                | Reply::Unreachable
                | Reply::Malformed
                | Reply::Forbidden => false,
            };
            let witnesses: Vec<_> =
                others.iter().chain(&authorities).filter(|(_, _, reply)| !reply.is_failure()).collect();
            let against: Vec<_> =
                witnesses.iter().filter(|(_, fact, reply)| denies(fact, *reply)).map(|w| w.0).collect();
            self.disputed = !against.is_empty();
            if against.len() == witnesses.len() {
                self.resolver_refuted_by = against;
            }
        }
    }

    /// Nothing about the zone's servers explains why a resolver fails.
    fn every_authority_answers_well(&self) -> bool {
        let Some(delegation) = &self.survey.delegation else { return false };
        let mut any = false;
        for server in &delegation.servers {
            let well = self.dns(&server.mx).any(|(_, fact, reply)| {
                fact.answer().is_some_and(|answer| answer.aa && !answer.only_without_edns)
                    && !reply.is_failure()
            });
            if !well {
                return false;
            }
            any = true;
        }
        any
    }
}

/// The MX records of an answer.
pub fn mx_records(answer: &DnsAnswer) -> impl Iterator<Item = (u16, &str, &Record)> {
    answer.records.iter().filter_map(|record| match &record.data {
        RecordData::Mx { preference, exchange } => Some((*preference, exchange.as_str(), record)),
        RecordData::A { .. }
        | RecordData::Aaaa { .. }
        | RecordData::Ns { .. }
        | RecordData::Txt { .. }
        | RecordData::Tlsa { .. }
        | RecordData::Cname { .. }
        | RecordData::Soa(_) => None,
    })
}

pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The states in which a mail server spoke to us.
pub fn greets(state: AddressState) -> bool {
    match state {
        AddressState::Ok
        | AddressState::Greeting4xx
        | AddressState::Greeting5xx
        | AddressState::EhloRejected => true,
        AddressState::Refused
        | AddressState::Timeout
        | AddressState::Unreachable
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Forbidden
        | AddressState::NotProbed => false,
    }
}

fn resolver(survey: &Survey) -> Resolver {
    let canaries: Vec<_> =
        survey.vantage.canary_lookups.iter().filter_map(|id| survey.observations.dns(*id)).collect();
    let good = canaries.iter().filter(|fact| Reply::of(fact) == Reply::Data).count();
    if canaries.is_empty() {
        Resolver::Untested
    } else if good * 2 >= canaries.len() {
        Resolver::Works
    } else {
        Resolver::Blind
    }
}

fn egress(survey: &Survey) -> Egress {
    let states: Vec<_> = survey
        .vantage
        .canary_probes
        .iter()
        .filter_map(|id| survey.observations.smtp(*id).map(|fact| fact.state))
        .filter(|state| !matches!(state, AddressState::Forbidden | AddressState::NotProbed))
        .collect();
    if states.is_empty() {
        Egress::Untested
    } else if states.iter().any(|s| matches!(s, AddressState::Ok | AddressState::EhloRejected)) {
        Egress::Works
    } else if states.iter().any(|state| greets(*state)) {
        Egress::TurnedAway
    } else {
        Egress::Blocked
    }
}

fn host<'a>(survey: &'a Survey, exchanger: &'a ExchangerSurvey, policy: Option<&MtaStsPolicy>) -> Host<'a> {
    let seen = &survey.observations;
    let lookup = host_lookup(seen, exchanger);
    let targets = exchanger.targets.iter().filter_map(|target| {
        let fact = seen.smtp(target.probe)?;
        Some(Target {
            address: target.address,
            probe: target.probe,
            fact,
            exclusion: exclusion(seen, exchanger, fact, policy),
            out_of_sight: is_out_of_sight(survey, target.address, fact),
        })
    });
    Host {
        survey: exchanger,
        lookup,
        absent: lookup == HostLookup::Null
            || (lookup != HostLookup::Literal && is_absent(seen, &exchanger.lookups)),
        targets: targets.collect(),
    }
}

fn host_lookup(seen: &Observations, exchanger: &ExchangerSurvey) -> HostLookup {
    if exchanger.host == "." || exchanger.host.is_empty() {
        return HostLookup::Null;
    }
    if exchanger.host.trim_end_matches('.').parse::<IpAddr>().is_ok() {
        return HostLookup::Literal;
    }
    let facts: Vec<_> = exchanger.lookups.iter().filter_map(|id| seen.dns(*id)).collect();
    let replies: Vec<_> = facts.iter().map(|fact| Reply::of(fact)).collect();
    if let Some(at) = replies.iter().position(|reply| *reply == Reply::Data) {
        let alias = facts[at].answer().is_some_and(|answer| !answer.aliases.is_empty());
        return if alias { HostLookup::Cname } else { HostLookup::Ok };
    }
    // Nothing is known before everything is known: one failure outweighs a clean negative of the other family.
    let worst = [
        (Reply::AliasLoop, HostLookup::CnameLoop),
        (Reply::ServFail, HostLookup::Servfail),
        (Reply::Silence, HostLookup::Timeout),
        (Reply::Unreachable, HostLookup::Timeout),
        (Reply::Refused, HostLookup::Refused),
        (Reply::FormErr, HostLookup::Error),
        (Reply::Malformed, HostLookup::Error),
        (Reply::Referral, HostLookup::Error),
        (Reply::Forbidden, HostLookup::Error),
        (Reply::NxDomain, HostLookup::Nxdomain),
        (Reply::NoData, HostLookup::Nodata),
    ];
    let found = worst.iter().find(|(reply, _)| replies.contains(reply));
    found.map_or(HostLookup::Error, |(_, lookup)| *lookup)
}

/// NXDOMAIN holds for every type (RFC 8020 §2); without it, both families must have been asked.
fn is_absent(seen: &Observations, lookups: &[ObservationId]) -> bool {
    let facts: Vec<_> = lookups.iter().filter_map(|id| seen.dns(*id)).collect();
    let asked = |record_type| facts.iter().any(|fact| fact.record_type == record_type);
    !facts.is_empty()
        && facts.iter().all(|fact| Reply::of(fact).is_negative())
        && (facts.iter().any(|fact| Reply::of(fact) == Reply::NxDomain)
            || (asked(RecordType::A) && asked(RecordType::Aaaa)))
}

/// Without an address of our own in the family, "network unreachable" is about us. "No route to host" comes from the network
/// that we did reach.
fn is_out_of_sight(survey: &Survey, address: IpAddr, fact: &SmtpFact) -> bool {
    let source = if address.is_ipv4() { survey.vantage.source_ipv4 } else { survey.vantage.source_ipv6 };
    if source.is_some() || survey.dns_only {
        return false;
    }
    let from_the_network = fact.detail.as_deref().is_some_and(|d| d.to_ascii_lowercase().contains("host"));
    match fact.state {
        AddressState::NotProbed => true,
        AddressState::Unreachable => !from_the_network,
        AddressState::Ok
        | AddressState::Refused
        | AddressState::Timeout
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Greeting4xx
        | AddressState::Greeting5xx
        | AddressState::EhloRejected
        | AddressState::Forbidden => false,
    }
}
