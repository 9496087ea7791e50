//! One survey: everything that can be asked at the same time is.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abprall_mail::Domain;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::limits::{EXCHANGERS_LOOKED_UP_MAX, SURVEY_RESERVE};
use crate::observe::asking::{Asking, question};
use crate::observe::dns::Question;
use crate::observe::exchanger::{self, Contact, Looked, Named};
use crate::observe::log::Log;
use crate::observe::probing::{Probing, failed_to_connect};
use crate::observe::vantage::{Age, FAR_IPV4, FAR_IPV6, addresses, source_towards};
use crate::observe::{
    MailServers, Observer, Scope, Trace, Walk, concurrently, delegation, mta_sts, relay, trace, wildcard,
};
use crate::{
    AddressState, DelegationSurvey, DnsFact, Fact, ObservationId, Rcode, RecordType, RelaySurvey, Survey,
    VantageSurvey,
};

pub(super) async fn survey(observer: &Observer, domain: &Domain) -> Survey {
    let (started_at, began) = (Timestamp::now(), Instant::now());
    let whole = observer.config.deadline;
    let deadline = began + whole.saturating_sub(SURVEY_RESERVE.min(whole / 10));
    let log = Log::new();
    let run = Run {
        observer,
        domain,
        asking: Asking {
            dns: &observer.dns,
            resolver: &observer.resolvers[0],
            log: &log,
            shared: observer.hosts.as_ref(),
            deadline,
        },
        dns_failed: AtomicBool::new(false),
        wake: Notify::new(),
    };
    let route = async {
        let route = run.route().await;
        run.wake.notify_one();
        route
    };
    let (route, trouble, canaries, wildcard, mta_sts, relays) = tokio::join!(
        route,
        run.trouble(),
        run.canary_lookups(Age::Recent),
        run.wildcard(),
        run.mta_sts(),
        run.relays()
    );
    let targets: Vec<IpAddr> = route
        .exchangers
        .iter()
        .flat_map(|exchanger| &exchanger.targets)
        .map(|target| target.address)
        .filter(|address| observer.guard.permits(*address).is_ok())
        .collect();
    let resolvers = observer.resolvers.iter().map(|server| server.address);
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
    dns_failed: AtomicBool,
    /// A lookup failed, or the route is seen.
    wake: Notify,
}

/// What was seen of the route itself.
#[derive(Default)]
struct Route {
    mx_lookups: Vec<ObservationId>,
    mx_unchecked: Option<ObservationId>,
    own_addresses: Vec<ObservationId>,
    exchangers: Vec<crate::ExchangerSurvey>,
    canary_probes: Vec<ObservationId>,
    path: Option<ObservationId>,
}

/// What is only asked after a failed lookup.
#[derive(Default)]
struct Trouble {
    delegation: Option<DelegationSurvey>,
    canary_lookups: Option<Vec<ObservationId>>,
}

impl<'a> Run<'a> {
    async fn route(&self) -> Route {
        let mut route = Route::default();
        let mx = question(self.domain.as_str(), RecordType::Mx);
        let lookups = self.observer.resolvers.iter().map(|server| self.asking.server(&mx, server));
        let lookups = concurrently::all(lookups).await;
        route.mx_lookups = lookups.iter().map(|(id, _)| *id).collect();
        // Another resolver may fail as well; what is made of it is the judge's affair.
        if lookups.iter().any(|(_, fact)| is_trouble(fact)) {
            self.failed();
        }
        let Some((_, fact)) = lookups.first() else { return route };
        match fact.answer() {
            Some(answer) if answer.rcode == Rcode::ServFail => {
                let unchecked = Question { checking_disabled: true, ..mx };
                let (id, _) = self.asking.server(&unchecked, self.asking.resolver).await;
                route.mx_unchecked = Some(id);
            }
            Some(answer) if answer.is_nodata() => {
                let looked = self.implicit(&mut route).await;
                self.finish(&mut route, vec![looked]).await;
            }
            Some(_) => {
                let looked = self.exchangers(exchanger::named(fact)).await;
                self.finish(&mut route, looked).await;
            }
            None => {}
        }
        route
    }

    /// The domain itself, where there is no MX (RFC 5321 §5.1).
    async fn implicit(&self, route: &mut Route) -> Looked {
        let ((a_id, a), (aaaa_id, aaaa)) = tokio::join!(
            self.asking.resolver(self.domain.as_str(), RecordType::A),
            self.asking.resolver(self.domain.as_str(), RecordType::Aaaa)
        );
        let found: Vec<_> = addresses(&a).chain(addresses(&aaaa)).collect();
        if [&a, &aaaa].into_iter().any(is_trouble) || found.is_empty() {
            self.failed();
        }
        route.own_addresses = vec![a_id, aaaa_id];
        exchanger::look_implicit(&self.contact(), self.domain, route.own_addresses.clone(), found).await
    }

    async fn exchangers(&self, named: Vec<Named>) -> Vec<Looked> {
        let contact = self.contact();
        let mut hosts: Vec<&Named> = Vec::new();
        for one in &named {
            if hosts.len() < EXCHANGERS_LOOKED_UP_MAX && !hosts.iter().any(|host| host.host == one.host) {
                hosts.push(one);
            }
        }
        let everything = self.observer.config.scope == Scope::Everything;
        let looks = hosts.iter().map(|one| {
            // DANE counts only towards a conversation.
            let named = Named { secure: one.secure && everything, ..(*one).clone() };
            let contact = &contact;
            async move { exchanger::look(&self.asking, contact, &named, self.domain, || self.failed()).await }
        });
        let looked = concurrently::all(looks).await;
        let of = |one: &Named| hosts.iter().position(|host| host.host == one.host);
        named.iter().filter_map(|one| Some(exchanger::again(one, looked.get(of(one)?)?))).collect()
    }

    /// What follows from how the conversations went: is our own way out closed, and where does the path end?
    async fn finish(&self, route: &mut Route, looked: Vec<Looked>) {
        let states: Vec<AddressState> = looked.iter().flat_map(|looked| looked.states.clone()).collect();
        route.exchangers = looked.into_iter().map(|looked| looked.survey).collect();
        let none_connects = !states.is_empty() && states.iter().all(|state| failed_to_connect(*state));
        let canaries = async { if none_connects { self.canary_probes().await } else { Vec::new() } };
        let (canary_probes, path) = tokio::join!(canaries, self.trace(route, &states));
        (route.canary_probes, route.path) = (canary_probes, path);
    }

    async fn trace(&self, route: &Route, states: &[AddressState]) -> Option<ObservationId> {
        if self.observer.config.trace == Trace::Off {
            return None;
        }
        let targets: Vec<IpAddr> = route
            .exchangers
            .iter()
            .flat_map(|exchanger| &exchanger.targets)
            .map(|target| target.address)
            .collect();
        let failing = states.iter().position(|state| failed_to_connect(*state)).unwrap_or(0);
        let address = *targets.get(failing)?;
        let (at, began) = (Timestamp::now(), Instant::now());
        let fact = trace::trace(address, 25, &self.observer.guard, self.asking.deadline).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Some(self.asking.log.keep(at, took_ms, address.to_string(), Fact::Path(fact)))
    }

    /// The walk to the zone's name servers and a fresh look at the canaries, as soon as a lookup failed.
    async fn trouble(&self) -> Trouble {
        if self.observer.config.walk != Walk::Always {
            self.wake.notified().await;
        }
        let canaries = async {
            if self.observer.config.walk == Walk::Always {
                self.wake.notified().await;
            }
            if !self.dns_failed.load(Ordering::Relaxed) {
                return None;
            }
            Some(self.canary_lookups(Age::Fresh).await)
        };
        let (delegation, canary_lookups) = tokio::join!(self.walk(), canaries);
        Trouble { delegation, canary_lookups }
    }

    async fn walk(&self) -> Option<DelegationSurvey> {
        let config = &self.observer.config;
        match config.walk {
            Walk::Never => return None,
            Walk::AfterFailure if !self.dns_failed.load(Ordering::Relaxed) => return None,
            Walk::AfterFailure | Walk::Always => {}
        }
        let Asking { dns, resolver, log, deadline, .. } = self.asking;
        // The walk keeps its deadline by itself; this is in case that a part of it does not.
        let grace = deadline + Duration::from_millis(50);
        let walk = delegation::walk(dns, resolver, self.domain, &config.roots, log, deadline);
        timeout_at(grace, walk).await.ok()
    }

    async fn canary_lookups(&self, age: Age) -> Vec<ObservationId> {
        let Asking { dns, resolver, log, deadline, .. } = self.asking;
        let seen = self.observer.canaries.lookups(dns, resolver, age, deadline).await;
        let keep = |seen: &crate::observe::answers::Seen<DnsFact>| {
            log.keep(seen.at, seen.took_ms, seen.fact.name.clone(), Fact::Dns(seen.fact.clone()))
        };
        seen.iter().map(keep).collect()
    }

    async fn canary_probes(&self) -> Vec<ObservationId> {
        let Asking { dns, resolver, deadline, .. } = self.asking;
        let (prober, families) = (&self.observer.prober, self.observer.config.families);
        let seen = self.observer.canaries.probes(dns, resolver, prober, families, deadline).await;
        let probing = self.probing();
        seen.iter().map(|seen| probing.keep(seen.clone()).0).collect()
    }

    async fn wildcard(&self) -> Option<ObservationId> {
        match self.observer.config.scope {
            Scope::Everything => wildcard::look(&self.asking, self.domain).await,
            Scope::RouteOnly => None,
        }
    }

    async fn mta_sts(&self) -> Option<crate::MtaStsSurvey> {
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

    fn contact(&self) -> Contact<'a> {
        match self.observer.config.mail_servers {
            MailServers::Probe => Contact::Probe(self.probing()),
            MailServers::Leave => Contact::Leave(self.probing()),
        }
    }

    fn probing(&self) -> Probing<'a> {
        let Asking { log, deadline, .. } = self.asking;
        Probing { prober: &self.observer.prober, families: self.observer.config.families, log, deadline }
    }

    fn failed(&self) {
        self.dns_failed.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

/// Whether only the name servers themselves can tell what is behind an answer: a failure, or that the domain does not exist.
fn is_trouble(fact: &DnsFact) -> bool {
    exchanger::failed(fact) || fact.answer().is_some_and(|answer| answer.rcode == Rcode::NxDomain)
}
