use std::net::{IpAddr, SocketAddr};

use abprall_mail::knowledge::Language;
use abprall_mail::{Domain, FindingId};
use abprall_route::{
    AddressState, DelegationSurvey, Diagnosis, DnsAnswer, DnsFact, DnsOutcome, DnsTransport, Earlier,
    ExchangerSurvey, Fact, Finding, JudgeContext, NameServerSurvey, ObservationId, Rcode, Record, RecordData,
    RecordType, ServerRole, SmtpFact, SmtpReply, SoaFact, Survey, TargetSurvey, TlsFact, VantageSurvey,
    judge,
};
use jiff::Timestamp;

pub const NOW: &str = "2026-11-25T12:00:00Z";

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A survey in the making. The vantage is good unless a test says otherwise.
pub struct Scene {
    pub survey: Survey,
    mx: Option<DnsOutcome>,
}

impl Scene {
    pub fn of(domain: &str) -> Self {
        let survey = Survey {
            domain: Domain::parse(domain).unwrap(),
            started_at: now(),
            took_ms: 120,
            vantage: VantageSurvey {
                resolvers: vec![resolver()],
                source_ipv4: Some("5.9.1.1".parse().unwrap()),
                source_ipv6: Some("2a01:4f8::1".parse().unwrap()),
                canary_lookups: Vec::new(),
                canary_probes: Vec::new(),
            },
            observations: Default::default(),
            mx_lookups: Vec::new(),
            mx_unchecked: None,
            own_addresses: Vec::new(),
            exchangers: Vec::new(),
            delegation: None,
            wildcard: None,
            mta_sts: None,
            relays: Vec::new(),
            path: None,
            dns_only: false,
            cut_short: false,
        };
        Self { survey, mx: None }.canaries(&data(vec![mx(10, "mx.canary.org")]))
    }

    pub fn domain(&self) -> String {
        self.survey.domain.as_str().to_owned()
    }

    pub fn keep(&mut self, fact: Fact) -> ObservationId {
        self.survey.observations.keep(now(), 5, "test", fact)
    }

    pub fn keep_dns(
        &mut self,
        name: &str,
        record_type: RecordType,
        role: ServerRole,
        server: &str,
        outcome: DnsOutcome,
    ) -> ObservationId {
        self.keep(Fact::Dns(DnsFact {
            name: name.to_owned(),
            record_type,
            server: SocketAddr::new(server.parse().unwrap(), 53),
            server_name: None,
            role,
            checking_disabled: false,
            outcome,
        }))
    }

    fn ask(&mut self, name: &str, record_type: RecordType, outcome: DnsOutcome) -> ObservationId {
        self.keep_dns(name, record_type, ServerRole::Resolver, "127.0.0.53", outcome)
    }

    /// What three canary domains answer.
    pub fn canaries(mut self, outcome: &DnsOutcome) -> Self {
        self.survey.vantage.canary_lookups = ["canary.org", "canary.net", "canary.info"]
            .map(|name| self.ask(name, RecordType::Mx, outcome.clone()))
            .to_vec();
        self
    }

    pub fn canary_probes(mut self, state: AddressState) -> Self {
        self.survey.vantage.canary_probes =
            ["9.9.9.1", "9.9.9.2", "9.9.9.3"].map(|ip| self.keep(smtp("mx.canary.org", ip, state))).to_vec();
        self
    }

    /// What our resolver says of the domain's MX; without this, the hosts of the scene.
    pub fn mx(mut self, outcome: DnsOutcome) -> Self {
        self.mx = Some(outcome);
        self
    }

    /// What another resolver says.
    pub fn compared(mut self, outcome: DnsOutcome) -> Self {
        self = self.settle();
        let name = self.domain();
        let id = self.keep_dns(&name, RecordType::Mx, ServerRole::Resolver, "9.9.9.9", outcome);
        self.survey.mx_lookups.push(id);
        self
    }

    pub fn unchecked(mut self, outcome: DnsOutcome) -> Self {
        let name = self.domain();
        self.survey.mx_unchecked = Some(self.ask(&name, RecordType::Mx, outcome));
        self
    }

    pub fn own_addresses(mut self, outcome: &DnsOutcome) -> Self {
        let name = self.domain();
        self.survey.own_addresses =
            [RecordType::A, RecordType::Aaaa].map(|kind| self.ask(&name, kind, outcome.clone())).to_vec();
        self
    }

    /// A host with addresses, in the states in which they were found.
    pub fn host(self, preference: u16, host: &str, addresses: &[(&str, AddressState)]) -> Self {
        let probes = addresses.iter().map(|(ip, state)| smtp(host, ip, *state)).collect();
        self.host_probed(preference, host, probes)
    }

    pub fn host_probed(self, preference: u16, host: &str, probes: Vec<Fact>) -> Self {
        self.host_aliased(preference, host, probes, &[])
    }

    pub fn host_aliased(mut self, preference: u16, host: &str, probes: Vec<Fact>, aliases: &[&str]) -> Self {
        let mut exchanger = exchanger(preference, host);
        let addresses: Vec<IpAddr> = probes.iter().map(address).collect();
        for kind in [RecordType::A, RecordType::Aaaa] {
            let of_kind = addresses.iter().filter(|ip| ip.is_ipv4() == (kind == RecordType::A));
            let records: Vec<_> = of_kind.map(|ip| address_record(*ip)).collect();
            let mut answer = if records.is_empty() { nodata("example.com") } else { data(records) };
            if let DnsOutcome::Answer(answer) = &mut answer {
                answer.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            }
            exchanger.lookups.push(self.ask(host, kind, answer));
        }
        for (address, fact) in addresses.into_iter().zip(probes) {
            let probe = self.keep(fact);
            exchanger.targets.push(TargetSurvey { address, probe });
        }
        self.survey.exchangers.push(exchanger);
        self
    }

    /// A host whose addresses cannot be had, for whatever reason.
    pub fn host_without_address(mut self, preference: u16, host: &str, outcome: &DnsOutcome) -> Self {
        let mut exchanger = exchanger(preference, host);
        exchanger.lookups =
            [RecordType::A, RecordType::Aaaa].map(|kind| self.ask(host, kind, outcome.clone())).to_vec();
        self.survey.exchangers.push(exchanger);
        self
    }

    /// An MX that needs no lookup: `.` or an address.
    pub fn bare_host(mut self, preference: u16, host: &str) -> Self {
        self.survey.exchangers.push(exchanger(preference, host));
        self
    }

    pub fn implicit(mut self, addresses: &[(&str, AddressState)]) -> Self {
        let name = self.domain();
        self = self.mx(nodata(&name)).host(0, &name, addresses);
        if let Some(exchanger) = self.survey.exchangers.last_mut() {
            exchanger.implicit = true;
        }
        self
    }

    /// The last host's registrable domain, as its registry knows it.
    pub fn registrable(mut self, name: &str, outcome: DnsOutcome) -> Self {
        let id = self.ask(name, RecordType::Soa, outcome);
        self.survey.exchangers.last_mut().unwrap().registrable = Some(id);
        self
    }

    /// A name server of the zone with what it says of SOA and MX.
    pub fn name_server(mut self, name: &str, ip: &str, soa: DnsOutcome, mx: DnsOutcome) -> Self {
        let domain = self.domain();
        let soa = self.keep_dns(&domain, RecordType::Soa, ServerRole::Authority, ip, soa);
        let mx = self.keep_dns(&domain, RecordType::Mx, ServerRole::Authority, ip, mx);
        let server =
            NameServerSurvey { name: name.to_owned(), lookups: Vec::new(), soa: vec![soa], mx: vec![mx] };
        self.delegation().servers.push(server);
        self
    }

    pub fn unresolvable_name_server(mut self, name: &str) -> Self {
        let lookup = self.ask(name, RecordType::A, nxdomain("com"));
        let server = NameServerSurvey {
            name: name.to_owned(),
            lookups: vec![lookup],
            soa: Vec::new(),
            mx: Vec::new(),
        };
        self.delegation().servers.push(server);
        self
    }

    pub fn parent(mut self, outcome: DnsOutcome) -> Self {
        let name = self.domain();
        let id = self.keep_dns(&name, RecordType::Ns, ServerRole::Parent, "192.5.6.30", outcome);
        self.delegation().parents.push(id);
        self
    }

    fn delegation(&mut self) -> &mut DelegationSurvey {
        let zone = self.domain();
        self.survey.delegation.get_or_insert_with(|| DelegationSurvey {
            zone: Some(zone),
            parents: Vec::new(),
            servers: Vec::new(),
        })
    }

    /// The answer to the MX question, from the hosts where none was given.
    fn settle(mut self) -> Self {
        if self.survey.mx_lookups.is_empty() {
            let records: Vec<_> = self.survey.exchangers.iter().map(|e| mx(e.preference, &e.host)).collect();
            let outcome = self.mx.take().unwrap_or_else(|| data(records));
            let name = self.domain();
            let id = self.ask(&name, RecordType::Mx, outcome);
            self.survey.mx_lookups.push(id);
        }
        self
    }

    pub fn survey(self) -> Survey {
        self.settle().survey
    }

    pub fn judge(self) -> Diagnosis {
        self.judge_after(&[])
    }

    pub fn judge_after(self, earlier: &[Earlier]) -> Diagnosis {
        judge(self.survey(), &JudgeContext { language: Language::En, earlier })
    }
}

pub fn resolver() -> SocketAddr {
    "127.0.0.53:53".parse().unwrap()
}

fn exchanger(preference: u16, host: &str) -> ExchangerSurvey {
    ExchangerSurvey {
        preference,
        host: host.to_owned(),
        implicit: false,
        lookups: Vec::new(),
        registrable: None,
        tlsa: None,
        targets: Vec::new(),
    }
}

fn address(fact: &Fact) -> IpAddr {
    match fact {
        Fact::Smtp(fact) => fact.address,
        Fact::Dns(_) | Fact::MtaSts(_) | Fact::Path(_) => panic!("no conversation"),
    }
}

fn address_record(ip: IpAddr) -> Record {
    let data = match ip {
        IpAddr::V4(address) => RecordData::A { address },
        IpAddr::V6(address) => RecordData::Aaaa { address },
    };
    Record { ttl_s: 300, data }
}

pub fn mx(preference: u16, host: &str) -> Record {
    Record { ttl_s: 600, data: RecordData::Mx { preference, exchange: host.to_owned() } }
}

pub fn answer(rcode: Rcode) -> DnsAnswer {
    DnsAnswer {
        rcode,
        aa: false,
        ad: false,
        ra: true,
        transport: DnsTransport::Udp,
        edns: true,
        only_without_edns: false,
        extended_errors: Vec::new(),
        aliases: Vec::new(),
        alias_loop: false,
        records: Vec::new(),
        cut: false,
        soa: None,
        referral: Vec::new(),
    }
}

pub fn data(records: Vec<Record>) -> DnsOutcome {
    DnsOutcome::Answer(DnsAnswer { records, ..answer(Rcode::NoError) })
}

pub fn rcode(rcode: Rcode) -> DnsOutcome {
    DnsOutcome::Answer(answer(rcode))
}

pub fn soa(owner: &str, serial: u32) -> SoaFact {
    SoaFact {
        owner: owner.to_owned(),
        mname: "ns1.example.com".to_owned(),
        rname: "hostmaster.example.com".to_owned(),
        serial,
        negative_ttl_s: 900,
    }
}

pub fn nxdomain(owner: &str) -> DnsOutcome {
    DnsOutcome::Answer(DnsAnswer { soa: Some(soa(owner, 1)), ..answer(Rcode::NxDomain) })
}

pub fn nodata(owner: &str) -> DnsOutcome {
    DnsOutcome::Answer(DnsAnswer { soa: Some(soa(owner, 1)), ..answer(Rcode::NoError) })
}

/// The answer of a server that has the zone, with its SOA.
pub fn zone_soa(owner: &str, serial: u32) -> DnsOutcome {
    let soa = soa(owner, serial);
    let records = vec![Record { ttl_s: 900, data: RecordData::Soa(soa.clone()) }];
    DnsOutcome::Answer(DnsAnswer { aa: true, soa: Some(soa), records, ..answer(Rcode::NoError) })
}

pub fn change(mut outcome: DnsOutcome, how: impl FnOnce(&mut DnsAnswer)) -> DnsOutcome {
    if let DnsOutcome::Answer(answer) = &mut outcome {
        how(answer);
    }
    outcome
}

pub fn with_authority(outcome: DnsOutcome) -> DnsOutcome {
    change(outcome, |answer| answer.aa = true)
}

pub fn authenticated(outcome: DnsOutcome) -> DnsOutcome {
    change(outcome, |answer| answer.ad = true)
}

pub fn smtp_fact(host: &str, ip: &str, state: AddressState) -> SmtpFact {
    let (greeting, detail) = match state {
        AddressState::Ok | AddressState::EhloRejected => (Some((220, "mx ESMTP")), None),
        AddressState::Greeting4xx => (Some((421, "4.3.2 busy")), None),
        AddressState::Greeting5xx => (Some((554, "5.7.1 not from you")), None),
        AddressState::Refused => (None, Some("Connection refused")),
        AddressState::Unreachable => (None, Some("Network is unreachable")),
        AddressState::Timeout
        | AddressState::Closed
        | AddressState::GreetingTimeout
        | AddressState::Forbidden
        | AddressState::NotProbed => (None, None),
    };
    SmtpFact {
        host: host.to_owned(),
        address: ip.parse().unwrap(),
        port: 25,
        state,
        detail: detail.map(str::to_owned),
        connect_ms: Some(4),
        greeting_ms: Some(9),
        greeting: greeting.map(|(code, text)| SmtpReply { code, text: text.to_owned() }),
        ehlo: None,
        capabilities: Vec::new(),
        tls: TlsFact::NotTried,
        transcript: Vec::new(),
        from_cache: false,
    }
}

pub fn smtp(host: &str, ip: &str, state: AddressState) -> Fact {
    Fact::Smtp(smtp_fact(host, ip, state))
}

/// A host that says that it takes no mail at all.
pub fn no_mail_host(host: &str, ip: &str) -> Fact {
    let greeting = Some(SmtpReply { code: 521, text: "mx does not accept mail".to_owned() });
    Fact::Smtp(SmtpFact { greeting, ..smtp_fact(host, ip, AddressState::Greeting5xx) })
}

pub fn ids(diagnosis: &Diagnosis) -> Vec<FindingId> {
    diagnosis.findings.iter().map(|finding| finding.id).collect()
}

pub fn finding(diagnosis: &Diagnosis, id: FindingId) -> &Finding {
    diagnosis
        .findings
        .iter()
        .find(|f| f.id == id)
        .unwrap_or_else(|| panic!("no {id} in {:?}", ids(diagnosis)))
}
