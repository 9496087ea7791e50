//! One round: lease what is due, look at all of it at the same time, work out what follows, store it.

use std::collections::BTreeMap;
use std::time::Duration;

use abprall_bounce::Classifier;
use abprall_mail::{Domain, Language};
use abprall_policy::{HealthState, Policy};
use abprall_route::{AddressState, Earlier, OurHosts};
use abprall_store::{
    DomainDetail, HostFilter, HostSort, Observation, Page, Store, StoreError, WatchedHost, Work, WorkItem,
    WorkOutcome,
};
use jiff::Timestamp;

use super::claims::Claims;
use super::follow_up::{self, FollowUp, House, Occasion, Situation, after, sureness};
use super::limits::{BATCH, EARLIER_MAX, HISTORY_MAX, HOSTS_MAX};
use super::look::{Look, Request, Seen, SeenHost};
use super::news::{News, What};
use super::{PassSummary, hosts, way_back};
use crate::clock::Clock;

/// Who watches, and by what.
pub(crate) struct Watch<'a> {
    pub(crate) store: &'a mut dyn Store,
    pub(crate) policy: &'a Policy,
    pub(crate) classifier: &'a Classifier,
    pub(crate) ours: &'a OurHosts,
    /// The name of this process; no other has it.
    pub(crate) owner: &'a str,
    pub(crate) lease: Duration,
    pub(crate) language: Language,
    pub(crate) clock: Clock,
}

/// How soon it is tried again to look at a mail server when we could not see.
const BLIND_AGAIN: Duration = Duration::from_secs(900);

/// Does one batch; `done` is 0 where nothing was due. Everything that is told is stored.
pub(crate) fn pass(
    watch: &mut Watch<'_>,
    look: &mut dyn Look,
    tell: &mut dyn FnMut(&News) -> anyhow::Result<()>,
) -> anyhow::Result<PassSummary> {
    let begin = watch.clock.now();
    let items = watch.store.lease_due(watch.owner, begin, watch.lease, BATCH)?;
    let mut round = Round { watch, tell, summary: PassSummary::default() };
    round.look_and_follow(&items, look, begin)?;
    round.summary.next_due = round.watch.store.next_due()?;
    Ok(round.summary)
}

struct Round<'w, 'a> {
    watch: &'w mut Watch<'a>,
    tell: &'w mut dyn FnMut(&News) -> anyhow::Result<()>,
    summary: PassSummary,
}

impl Round<'_, '_> {
    fn look_and_follow(
        &mut self,
        items: &[WorkItem],
        look: &mut dyn Look,
        begin: Timestamp,
    ) -> anyhow::Result<()> {
        let requests = self.requests(items)?;
        let seen = if requests.is_empty() { Vec::new() } else { look.domains(&requests, begin) };
        self.summary.domains += requests.len() as u64;
        let mut domains: BTreeMap<&str, Seen> = BTreeMap::new();
        for (request, seen) in requests.iter().zip(seen) {
            domains.insert(request.domain.as_str(), seen);
        }
        let addresses: Vec<_> = items
            .iter()
            .filter_map(|item| match &item.work {
                Work::RecheckHost { host, ip } => Some((host.clone(), *ip)),
                Work::Investigate { .. } | Work::Recheck { .. } | Work::Release { .. } => None,
            })
            .collect();
        let mut hosts = if addresses.is_empty() { Vec::new() } else { look.hosts(&addresses) }.into_iter();
        self.summary.hosts += addresses.len() as u64;
        let house = self.brakes()?;
        for item in items {
            match &item.work {
                Work::Investigate { domain, claim } => {
                    self.domain(
                        item,
                        domain,
                        Some(Occasion::Held(*claim)),
                        domains.get(domain.as_str()),
                        house,
                    )?;
                }
                Work::Recheck { domain } => {
                    self.domain(item, domain, None, domains.get(domain.as_str()), house)?;
                }
                Work::Release { domain } => self.release(item, domain)?,
                Work::RecheckHost { host, ip } => {
                    if let Some(seen) = hosts.next() {
                        self.host(item, host, *ip, seen)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Each domain once, however many items are about it.
    fn requests(&self, items: &[WorkItem]) -> anyhow::Result<Vec<Request>> {
        let mut requests: Vec<Request> = Vec::new();
        for item in items {
            let name = match &item.work {
                Work::Investigate { domain, .. } | Work::Recheck { domain } => domain,
                Work::Release { .. } | Work::RecheckHost { .. } => continue,
            };
            let Ok(domain) = Domain::parse(name) else { continue };
            if requests.iter().any(|request| request.domain == domain) {
                continue;
            }
            let earlier = self.looks(name, EARLIER_MAX)?.iter().map(earlier).collect();
            requests.push(Request { domain, earlier });
        }
        Ok(requests)
    }

    fn looks(&self, domain: &str, max: u32) -> Result<Vec<Observation>, StoreError> {
        Ok(self.watch.store.observations(domain, page(max))?.rows)
    }

    /// What freezes and thaws, and whether the house is frozen.
    fn brakes(&mut self) -> anyhow::Result<House> {
        let now = self.watch.clock.now();
        let rows = self.watch.store.refresh_brakes(self.watch.policy, now)?;
        let mut house = House::Calm;
        for row in rows {
            let frozen = row.brake.is_frozen();
            if frozen && row.provider.is_empty() {
                house = House::Frozen;
            }
            let what = if frozen { What::Frozen } else { What::Thawed };
            // A freeze that goes on is told when it begins, and no more.
            let abprall_policy::Brake::Frozen { since, .. } = row.brake else {
                self.news(&News {
                    incident: row.incident,
                    domain: provider(row.provider),
                    ..news(now, what)
                })?;
                continue;
            };
            if since == now {
                self.news(&News {
                    incident: row.incident,
                    domain: provider(row.provider),
                    ..news(now, what)
                })?;
            }
        }
        Ok(house)
    }

    fn domain(
        &mut self,
        item: &WorkItem,
        name: &str,
        occasion: Option<Occasion>,
        seen: Option<&Seen>,
        house: House,
    ) -> anyhow::Result<()> {
        let now = self.watch.clock.now();
        let (Ok(domain), Some(seen)) = (Domain::parse(name), seen) else {
            return self.finish(item, name, None, follow_up::not_a_domain(), now);
        };
        let mut seen = seen.clone();
        let store = &*self.watch.store;
        let claims = Claims::of(store, self.watch.classifier, &domain, now)?;
        let judgements = claims.hold_against(&mut seen.diagnosis, self.watch.ours, self.watch.language);
        let detail = store.domain(name, now)?;
        // Whether it was registered all the time is asked when it works again, and only then.
        let works = seen.diagnosis.verdict.is_deliverable();
        let looks = self.looks(name, if works { HISTORY_MAX } else { EARLIER_MAX })?;
        let hosts = self.hosts_of(name)?;
        let known = Situation {
            domain: &domain,
            occasion: occasion.unwrap_or(Occasion::Again(claims.reason)),
            detail: detail.as_ref(),
            hosts: &hosts,
            looks: &looks,
            judgements: &judgements,
            house,
        };
        let follow = follow_up::of_domain(&known, &seen, self.watch.policy, now);
        self.finish(item, name, detail.as_ref(), follow, now)?;
        Ok(())
    }

    fn hosts_of(&self, domain: &str) -> Result<Vec<WatchedHost>, StoreError> {
        let filter = HostFilter { domain: Some(domain.to_owned()), ..HostFilter::default() };
        // A row for each name, and one for each address.
        let rows = u32::try_from(HOSTS_MAX * 4).unwrap_or(u32::MAX);
        Ok(self.watch.store.hosts(&filter, HostSort::default(), page(rows))?.rows)
    }

    fn release(&mut self, item: &WorkItem, name: &str) -> anyhow::Result<()> {
        let now = self.watch.clock.now();
        let detail = self.watch.store.domain(name, now)?;
        let follow = way_back::step(detail.as_ref(), self.watch.policy, now);
        self.finish(item, name, detail.as_ref(), follow, now)
    }

    /// Stores it, and tells it when that has gone well.
    fn finish(
        &mut self,
        item: &WorkItem,
        name: &str,
        before: Option<&DomainDetail>,
        follow: FollowUp,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let FollowUp { outcome, what, rule, detail } = follow;
        let done = match self.watch.store.complete(item, &outcome, now) {
            Ok(done) => done,
            // Somebody else has it, or has done it: what they saw counts.
            Err(StoreError::LeaseLost) => {
                self.summary.leases_lost += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.summary.done += 1;
        let after = self.watch.store.domain(name, now)?;
        let waits = |detail: Option<&DomainDetail>| detail.map_or(0, |detail| detail.waiting);
        let released = if done.released.is_empty() {
            0
        } else {
            waits(before).saturating_sub(waits(after.as_ref())).max(done.released.len() as u64)
        };
        let (verdict, confidence) = sureness(&outcome);
        self.news(&News {
            domain: Some(name.to_owned()),
            verdict,
            confidence,
            health: after.as_ref().and_then(|after| after.row.health).map(|health| health.state),
            rule,
            released,
            addresses: done.released,
            waiting: waits(after.as_ref()),
            incident: done.incident,
            observation: done.observation,
            next_look: outcome.next_look.or(outcome.next_release),
            detail,
            ..news(now, what)
        })
    }

    fn host(
        &mut self,
        item: &WorkItem,
        host: &str,
        ip: std::net::IpAddr,
        seen: SeenHost,
    ) -> anyhow::Result<()> {
        let now = self.watch.clock.now();
        let look = hosts::look_of(seen.state).filter(|_| seen.vantage_ok);
        let Some(look) = look else {
            // A host that may not be contacted any more is not watched; who could not see looks again.
            let result = if seen.state == AddressState::Forbidden {
                self.watch.store.complete(item, &WorkOutcome::default(), now).map(drop)
            } else {
                self.watch.store.give_back(item, after(now, BLIND_AGAIN))
            };
            return self.unless_lost(result);
        };
        let filter = HostFilter { host: Some(host.to_owned()), ..HostFilter::default() };
        let rows = u32::try_from(HOSTS_MAX * 4).unwrap_or(u32::MAX);
        let known = self.watch.store.hosts(&filter, HostSort::default(), page(rows))?.rows;
        let before = known.iter().find(|row| row.ip == Some(ip)).and_then(|row| row.health);
        let update = hosts::after(host.to_owned(), ip, before, look, seen.detail, self.watch.policy, now);
        let (health, detail, next_look) = (update.health.state, update.detail.clone(), update.next_look);
        let outcome = WorkOutcome { hosts: vec![update], ..WorkOutcome::default() };
        match self.watch.store.complete(item, &outcome, now) {
            Ok(_) => self.summary.done += 1,
            other => return self.unless_lost(other.map(drop)),
        }
        if before.map_or(HealthState::Healthy, |before| before.state) == health {
            return Ok(());
        }
        self.news(&News {
            host: Some(host.to_owned()),
            ip: Some(ip),
            health: Some(health),
            next_look,
            detail,
            ..news(now, What::HostChanged)
        })
    }

    fn unless_lost(&mut self, result: Result<(), StoreError>) -> anyhow::Result<()> {
        match result {
            Ok(()) => self.summary.done += 1,
            Err(StoreError::LeaseLost) => self.summary.leases_lost += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn news(&mut self, news: &News) -> anyhow::Result<()> {
        self.summary.note(news);
        (self.tell)(news)
    }
}

fn page(rows: u32) -> Page {
    Page { rows, after: None }
}

/// An empty provider is the whole house.
fn provider(name: String) -> Option<String> {
    Some(name).filter(|name| !name.is_empty())
}

fn earlier(look: &Observation) -> Earlier {
    Earlier {
        checked_at: look.at,
        verdict: look.verdict,
        vantage_ok: look.diagnosis["vantage"]["ok"].as_bool().unwrap_or(false),
    }
}

fn news(at: Timestamp, what: What) -> News {
    News {
        at,
        what,
        domain: None,
        host: None,
        ip: None,
        verdict: None,
        confidence: None,
        health: None,
        rule: None,
        released: 0,
        addresses: Vec::new(),
        waiting: 0,
        incident: None,
        observation: None,
        next_look: None,
        detail: None,
    }
}
