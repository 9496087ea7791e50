//! One survey: everything that can be asked at the same time is.

use std::net::IpAddr;
use std::time::Duration;

use abprall_mail::Domain;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::asking::Asking;
use super::contact::Contact;
use super::exchangers::contact_exchangers;
use super::log::Log;
use super::probing::{Probing, failed_to_connect};
use super::signal::Signal;
use super::vantage::{Age, FAR_IPV4, FAR_IPV6, source_towards};
use super::{MailServers, Observer, Scope, Trace, Walk};
use super::{concurrently, delegation, mta_sts, relay, trace, wildcard};
use crate::limits::SURVEY_RESERVE;
use crate::{
    AddressState, DelegationSurvey, ExchangerSurvey, Fact, MtaStsSurvey, ObservationId, RelaySurvey, Survey,
    TargetSurvey, VantageSurvey,
};

pub(super) async fn survey(observer: &Observer, domain: &Domain) -> Survey {
    let (started_at, began) = (Timestamp::now(), Instant::now());
    let whole = observer.config.deadline;
    let deadline = began + whole.saturating_sub(SURVEY_RESERVE.min(whole / 10));
    let log = Log::new();
    let run = Run {
        observer,
        domain,
        asking: Asking { lookups: &observer.lookups, log: &log, deadline },
        trouble: Signal::default(),
        seen: Signal::default(),
    };
    let route = async {
        let route = run.route().await;
        run.seen.raise();
        route
    };
    let (route, trouble, canaries, wildcard, mta_sts, relays) = tokio::join!(
        route,
        run.after_trouble(),
        run.canary_lookups(Age::Recent),
        run.wildcard(),
        run.mta_sts(),
        run.relays()
    );
    let targets: Vec<IpAddr> = route
        .targets()
        .map(|target| target.address)
        .filter(|address| observer.guard.permits(*address).is_ok())
        .collect();
    let servers = std::iter::once(observer.lookups.resolver()).chain(observer.lookups.others());
    let resolvers = servers.map(|server| server.address);
    let source = |far: IpAddr| {
        let same = move |address: &IpAddr| address.is_ipv4() == far.is_ipv4();
        let near = targets.iter().copied().chain(resolvers.clone().map(|address| address.ip()));
        source_towards(std::iter::once(far).chain(near.filter(same)))
    };
    let vantage = VantageSurvey {
        resolvers: resolvers.clone().collect(),
        source_ipv4: source(FAR_IPV4),
        source_ipv6: source(FAR_IPV6),
        canary_lookups: trouble.canary_lookups.unwrap_or(canaries),
        canary_probes: route.canary_probes,
    };
    Survey {
        domain: domain.clone(),
        started_at,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        vantage,
        observations: log.take(),
        mx_lookups: route.mx_lookups,
        mx_unchecked: route.mx_unchecked,
        own_addresses: route.own_addresses,
        exchangers: route.exchangers,
        delegation: trouble.delegation,
        wildcard,
        mta_sts,
        relays,
        path: route.path,
        dns_only: observer.config.mail_servers == MailServers::Leave,
        cut_short: deadline <= Instant::now(),
    }
}

struct Run<'a> {
    observer: &'a Observer,
    domain: &'a Domain,
    asking: Asking<'a>,
    /// A lookup failed that only the name servers themselves can explain.
    trouble: Signal,
    /// The route is seen.
    seen: Signal,
}

/// What was seen of the route itself.
#[derive(Default)]
struct Route {
    mx_lookups: Vec<ObservationId>,
    mx_unchecked: Option<ObservationId>,
    own_addresses: Vec<ObservationId>,
    exchangers: Vec<ExchangerSurvey>,
    canary_probes: Vec<ObservationId>,
    path: Option<ObservationId>,
}

impl Route {
    fn targets(&self) -> impl Iterator<Item = &TargetSurvey> {
        self.exchangers.iter().flat_map(|exchanger| &exchanger.targets)
    }
}

/// What is only asked after a failed lookup.
#[derive(Default)]
struct Trouble {
    delegation: Option<DelegationSurvey>,
    canary_lookups: Option<Vec<ObservationId>>,
}

impl<'a> Run<'a> {
    async fn route(&self) -> Route {
        let Asking { lookups, log, deadline } = self.asking;
        let contact = match self.observer.config.mail_servers {
            MailServers::Probe => Contact::Probe(self.probing()),
            MailServers::Leave => Contact::Leave(self.probing()),
        };
        let found = contact_exchangers(lookups, self.domain, &contact, &self.trouble, log, deadline).await;
        let mut route = Route {
            mx_lookups: found.mx_lookups,
            mx_unchecked: found.mx_unchecked,
            own_addresses: found.own_addresses,
            exchangers: found.exchangers.into_iter().map(|found| found.survey).collect(),
            ..Route::default()
        };
        self.finish(&mut route).await;
        route
    }

    /// What follows from how the conversations went: is our own way out closed, and where does the path end?
    async fn finish(&self, route: &mut Route) {
        let targets: Vec<(IpAddr, AddressState)> =
            route.targets().map(|target| (target.address, self.asking.log.state(target.probe))).collect();
        let none_connects = !targets.is_empty() && targets.iter().all(|(_, state)| failed_to_connect(*state));
        let canaries = async { if none_connects { self.canary_probes().await } else { Vec::new() } };
        (route.canary_probes, route.path) = tokio::join!(canaries, self.trace(&targets));
    }

    async fn trace(&self, targets: &[(IpAddr, AddressState)]) -> Option<ObservationId> {
        if self.observer.config.trace == Trace::Off {
            return None;
        }
        let failing = targets.iter().find(|(_, state)| failed_to_connect(*state));
        let (address, _) = *failing.or(targets.first())?;
        let (at, began) = (Timestamp::now(), Instant::now());
        let fact = trace::trace(address, 25, &self.observer.guard, self.asking.deadline).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Some(self.asking.log.keep(at, took_ms, address.to_string(), Fact::Path(fact)))
    }

    /// The walk to the zone's name servers and a fresh look at the canaries, as soon as a lookup failed.
    async fn after_trouble(&self) -> Trouble {
        let trouble = async {
            tokio::select! {
                () = self.trouble.raised() => true,
                // A failure may be the last thing that was seen.
                () = self.seen.raised() => self.trouble.is_raised(),
            }
        };
        let walk = self.observer.config.walk;
        if walk == Walk::Always {
            let canaries =
                async { if trouble.await { Some(self.canary_lookups(Age::Fresh).await) } else { None } };
            let (delegation, canary_lookups) = tokio::join!(self.walk(), canaries);
            return Trouble { delegation, canary_lookups };
        }
        if !trouble.await {
            return Trouble::default();
        }
        let walk = async { if walk == Walk::Never { None } else { self.walk().await } };
        let (delegation, canary_lookups) = tokio::join!(walk, self.canary_lookups(Age::Fresh));
        Trouble { delegation, canary_lookups: Some(canary_lookups) }
    }

    async fn walk(&self) -> Option<DelegationSurvey> {
        let Asking { lookups, log, deadline } = self.asking;
        let roots = &self.observer.config.roots;
        // The walk keeps its deadline by itself; this is in case that a part of it does not.
        let grace = deadline + Duration::from_millis(50);
        let walk = delegation::walk(lookups.dns(), lookups.resolver(), self.domain, roots, log, deadline);
        timeout_at(grace, walk).await.ok()
    }

    async fn canary_lookups(&self, age: Age) -> Vec<ObservationId> {
        let Asking { lookups, deadline, .. } = self.asking;
        let seen = self.observer.canaries.lookups(lookups, age, deadline).await;
        seen.iter().map(|seen| self.asking.keep(seen)).collect()
    }

    async fn canary_probes(&self) -> Vec<ObservationId> {
        let Asking { lookups, deadline, .. } = self.asking;
        let (prober, families) = (&self.observer.prober, self.observer.config.families);
        let seen = self.observer.canaries.probes(lookups, prober, families, deadline).await;
        let probing = self.probing();
        seen.iter().map(|talk| probing.keep(talk.clone())).collect()
    }

    async fn wildcard(&self) -> Option<ObservationId> {
        match self.observer.config.scope {
            Scope::Everything => wildcard::look(&self.asking, self.domain).await,
            Scope::RouteOnly => None,
        }
    }

    async fn mta_sts(&self) -> Option<MtaStsSurvey> {
        match self.observer.config.scope {
            Scope::Everything => Some(mta_sts::look(&self.asking, &self.observer.https, self.domain).await),
            Scope::RouteOnly => None,
        }
    }

    async fn relays(&self) -> Vec<RelaySurvey> {
        match self.observer.config.mail_servers {
            MailServers::Leave => Vec::new(),
            MailServers::Probe => {
                let probing = self.probing();
                let relays = self.observer.config.relays.iter();
                concurrently::all(relays.map(|one| relay::look(&self.asking, &probing, one))).await
            }
        }
    }

    fn probing(&self) -> Probing<'a> {
        let Asking { log, deadline, .. } = self.asking;
        Probing { prober: &self.observer.prober, families: self.observer.config.families, log, deadline }
    }
}
