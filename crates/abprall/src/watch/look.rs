//! How the network is looked at: the real one, or that of a test.

use std::net::IpAddr;
use std::sync::Arc;

use abprall_mail::{Domain, Language};
use abprall_route::{
    AddressState, Diagnosis, Earlier, JudgeContext, NetworkGuard, Observer, ObserverConfig, Politeness,
    PolitenessConfig, ProbeTarget, Prober, ProberConfig, SmtpFact, TlsaSet, judge,
};
use anyhow::Context;
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::field::Empty;

use super::ownership::registrable;
use crate::spans::SPANS;

/// Looks at domains and mail hosts.
pub(crate) trait Look {
    /// Looks at several domains at the same time; the answers are in the order of the requests.
    fn domains(&mut self, requests: &[Request], at: Timestamp) -> Vec<Seen>;

    /// Looks at addresses of mail hosts; the answers are in the order of the questions.
    fn hosts(&mut self, hosts: &[(String, IpAddr)]) -> Vec<SeenHost>;
}

/// A domain, and what earlier looks at it came to.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) domain: Domain,
    pub(crate) earlier: Vec<Earlier>,
}

/// What was seen of a domain.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) diagnosis: Diagnosis,
    /// The registrable domains of its name servers; empty where they were not seen.
    pub(crate) name_servers: Vec<String>,
}

/// What was seen of one address of a mail host.
#[derive(Clone, Debug)]
pub(crate) struct SeenHost {
    pub(crate) state: AddressState,
    pub(crate) detail: Option<String>,
    /// Whether what we see can be believed.
    pub(crate) vantage_ok: bool,
}

/// The real network. Made anew for each pass: what one pass has learned of hosts must not hide that they were repaired.
pub(crate) struct NetworkLook {
    runtime: Runtime,
    observer: Observer,
    prober: Arc<Prober>,
    config: ObserverConfig,
    language: Language,
    /// Whether a domain that surely works does; asked once, when a host does not.
    canary_works: Option<bool>,
}

impl NetworkLook {
    pub(crate) fn new(config: ObserverConfig, language: Language) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the network part")?;
        let observer = runtime.block_on(Observer::new(config.clone()))?;
        let guard = Arc::new(NetworkGuard::allowing(config.allowed_networks.clone()));
        let polite =
            PolitenessConfig { own_networks: config.allowed_networks.clone(), ..PolitenessConfig::default() };
        let prober = ProberConfig {
            ehlo_name: config.ehlo_name.clone(),
            ca_file: config.ca_file.clone(),
            ..ProberConfig::default()
        };
        let prober = Arc::new(Prober::new(prober, guard, Arc::new(Politeness::new(polite)))?);
        Ok(Self { runtime, observer, prober, config, language, canary_works: None })
    }

    fn canary_works(&mut self) -> bool {
        if let Some(known) = self.canary_works {
            return known;
        }
        // Without a canary nothing speaks against us.
        let works = self.config.canaries.first().is_none_or(|canary| {
            let survey = self.runtime.block_on(self.observer.survey(canary));
            let seen = judge(survey, &JudgeContext { language: self.language, earlier: &[] });
            seen.verdict.is_deliverable()
        });
        self.canary_works = Some(works);
        works
    }
}

impl Look for NetworkLook {
    fn domains(&mut self, requests: &[Request], at: Timestamp) -> Vec<Seen> {
        let span = tracing::trace_span!(target: SPANS, "look", domains = requests.len()).entered();
        let domains = requests.iter().map(|request| &request.domain);
        let surveys = self.runtime.block_on(self.observer.surveys(domains));
        let judged = surveys.into_iter().zip(requests).map(|(mut survey, request)| {
            let servers = survey.delegation.iter().flat_map(|delegation| &delegation.servers);
            let mut name_servers: Vec<_> = servers.map(|server| registrable(&server.name)).collect();
            name_servers.sort();
            name_servers.dedup();
            // The time of the watch, so that what follows from it is of one piece also where the clock is not the system's.
            survey.started_at = at;
            let context = JudgeContext { language: self.language, earlier: &request.earlier };
            let part =
                tracing::trace_span!(target: SPANS, "judge", domain = %request.domain, verdict = Empty);
            let diagnosis = part.in_scope(|| judge(survey, &context));
            part.record("verdict", <&str>::from(diagnosis.verdict));
            Seen { diagnosis, name_servers }
        });
        let judged = judged.collect();
        drop(span);
        judged
    }

    fn hosts(&mut self, hosts: &[(String, IpAddr)]) -> Vec<SeenHost> {
        let deadline = self.config.deadline;
        let facts: Vec<Option<SmtpFact>> = self.runtime.block_on(async {
            let mut talks = JoinSet::new();
            for (place, (host, address)) in hosts.iter().cloned().enumerate() {
                let prober = Arc::clone(&self.prober);
                talks.spawn(async move {
                    let target = ProbeTarget { host, address, port: 25, tlsa: TlsaSet::None };
                    (place, prober.probe(&target, Instant::now() + deadline).await.2)
                });
            }
            let mut facts = vec![None; hosts.len()];
            while let Some(talk) = talks.join_next().await {
                if let Ok((place, fact)) = talk {
                    facts[place] = Some(fact);
                }
            }
            facts
        });
        let seen = facts.into_iter().map(|fact| match fact {
            Some(fact) => {
                let vantage_ok = fact.state == AddressState::Ok || self.canary_works();
                SeenHost { state: fact.state, detail: fact.detail, vantage_ok }
            }
            None => SeenHost { state: AddressState::NotProbed, detail: None, vantage_ok: false },
        });
        seen.collect()
    }
}
