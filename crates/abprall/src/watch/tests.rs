//! The watch over a real store, with a table of what is seen in place of the network.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use abprall_bounce::{Classifier, Kind, Report, read_line};
use abprall_mail::{Domain, EmailAddress, Language};
use abprall_policy::{HealthState, Policy, Stop};
use abprall_route::{AddressState, Diagnosis, OurHosts};
use abprall_store::{
    ContentId, Entry, Incident, IncidentFilter, Message, Page, Question, SqlStore, State, StopOrder, Store,
    Subject,
};
use jiff::{Timestamp, ToSpan};

use super::look::{Look, Request, Seen, SeenHost};
use super::pass::pass;
use super::{News, PassSummary, Watch, What};
use crate::clock::Clock;

/// Rounds of the clock after which nothing more is waited for: weeks, as hosts are looked at too.
const ROUNDS: usize = 120;

/// What a domain looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    Works,
    /// Works, at the servers of somebody else.
    WorksElsewhere,
    ServersDown,
    Nxdomain,
    NullMx,
    /// We cannot see.
    Blind,
}

#[derive(Default)]
struct Table {
    shapes: BTreeMap<String, Shape>,
    looks: u32,
}

impl Look for Table {
    fn domains(&mut self, requests: &[Request], at: Timestamp) -> Vec<Seen> {
        self.looks += u32::try_from(requests.len()).unwrap();
        requests
            .iter()
            .map(|request| seen(&request.domain, self.shapes[request.domain.as_str()], at))
            .collect()
    }

    fn hosts(&mut self, hosts: &[(String, IpAddr)]) -> Vec<SeenHost> {
        let down = SeenHost { state: AddressState::Refused, detail: None, vantage_ok: true };
        hosts.iter().map(|_| down.clone()).collect()
    }
}

fn seen(domain: &Domain, shape: Shape, at: Timestamp) -> Seen {
    let text = match shape {
        Shape::Works | Shape::WorksElsewhere => include_str!("../../tests/route/deliverable.json"),
        Shape::ServersDown => include_str!("../../tests/route/all-down.json"),
        Shape::Nxdomain => include_str!("../../tests/route/nxdomain.json"),
        Shape::NullMx => include_str!("../../tests/route/null-mx.json"),
        Shape::Blind => include_str!("../../tests/route/vantage-blind.json"),
    };
    let mut diagnosis: Diagnosis = serde_json::from_str(text).unwrap();
    for (place, mx) in (1_u8..).zip(diagnosis.mx.iter_mut().filter(|mx| mx.host != ".")) {
        let operator = if shape == Shape::WorksElsewhere { "elsewhere.example" } else { "operator.example" };
        mx.host = format!("mx{place}.{operator}");
    }
    diagnosis.domain = domain.clone();
    diagnosis.checked_at = at;
    diagnosis.look_again_at = None;
    Seen { diagnosis, name_servers: Vec::new() }
}

struct House {
    _folder: tempfile::TempDir,
    store: SqlStore,
    table: Table,
    policy: Policy,
    now: Timestamp,
    mails: u32,
    told: Vec<News>,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&folder.path().join("store.db")).unwrap();
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let (table, policy) = (Table::default(), Policy::default());
        Self { _folder: folder, store, table, policy, now, mails: 0, told: Vec::new() }
    }

    fn looks_like(&mut self, domain: &str, shape: Shape) {
        self.table.shapes.insert(domain.to_owned(), shape);
    }

    fn record(&mut self, report: &Report) {
        self.mails += 1;
        let judged = Classifier::built_in().classify(report);
        let message = Message {
            content: ContentId::of(&self.mails.to_le_bytes()),
            source: "test",
            seen_at: self.now,
            holds: None,
            audience: abprall_store::Audience::default(),
            entries: vec![Entry { report, judged: &judged }],
        };
        self.store.record(&[message], &self.policy).unwrap();
    }

    /// Our own mail server could not find the domain.
    fn bounce(&mut self, address: &str) {
        let domain = address.split_once('@').unwrap().1;
        self.bounce_by(
            address,
            &format!(
                "Host or domain name not found. Name service error for name={domain} type=A: Host not found"
            ),
            None,
        );
    }

    fn bounce_by(&mut self, address: &str, words: &str, remote: Option<&str>) {
        let line = read_line(words);
        self.record(&Report {
            kind: Kind::Failed,
            recipient: EmailAddress::parse(address).ok(),
            status: line.status.or("5.4.4".parse().ok()),
            diagnostic: Some(words.to_owned()),
            reporting_mta: Some("out.ours.example".to_owned()),
            remote_mta: remote.map(str::to_owned),
            message_id: Some(format!("{}@ours.example", self.mails)),
            ..line
        });
    }

    fn deliver(&mut self, address: &str) {
        self.record(&Report {
            kind: Kind::Delivered,
            recipient: EmailAddress::parse(address).ok(),
            message_id: Some(format!("{}@ours.example", self.mails)),
            ..Report::default()
        });
    }

    fn pass_as(&mut self, owner: &str) -> PassSummary {
        let (classifier, ours) = (Classifier::built_in(), OurHosts::default());
        let mut watch = Watch {
            store: &mut self.store,
            policy: &self.policy,
            classifier: &classifier,
            ours: &ours,
            owner,
            lease: Duration::from_secs(300),
            language: Language::En,
            clock: Clock::At(self.now),
        };
        let told = &mut self.told;
        pass(&mut watch, &mut self.table, &mut |news| {
            told.push(news.clone());
            Ok(())
        })
        .unwrap()
    }

    /// Does all that is due; gives what was told.
    fn watch(&mut self) -> Vec<News> {
        self.told.clear();
        while self.pass_as("one").done > 0 {}
        std::mem::take(&mut self.told)
    }

    /// Moves the clock to what is due next and does that, until this is told.
    fn watch_until(&mut self, what: What) -> Option<News> {
        for _ in 0..ROUNDS {
            self.now = self.store.next_due().unwrap()?.max(self.now);
            if let Some(news) = self.watch().into_iter().find(|news| news.what == what) {
                return Some(news);
            }
        }
        None
    }

    fn state(&self, address: &str) -> State {
        let address = EmailAddress::parse(address).unwrap();
        let question = Question { address, audience: abprall_store::Audience::default() };
        self.store.check(&question, self.now).unwrap().state
    }

    fn free(&self, domain: &str, people: usize) -> usize {
        (0..people).filter(|n| self.state(&format!("p{n}@{domain}")) == State::Ok).count()
    }

    fn incidents(&self) -> Vec<Incident> {
        self.store.incidents(&IncidentFilter::default(), Page::first(10)).unwrap().rows
    }

    /// A domain whose people are held, and that was confirmed to be down.
    fn down(domain: &str, people: usize) -> Self {
        let mut house = Self::new();
        house.looks_like(domain, Shape::ServersDown);
        for n in 0..people {
            house.bounce(&format!("p{n}@{domain}"));
        }
        assert_eq!(whats(&house.watch()), [What::DomainHeld]);
        house
    }
}

fn whats(news: &[News]) -> Vec<What> {
    news.iter().map(|news| news.what).collect()
}

#[test]
fn what_a_first_look_does_to_a_held_address_and_to_the_rest_of_its_domain() {
    use {Shape as S, State as Is, What as W};
    for (shape, told, its, others) in [
        (S::ServersDown, W::DomainHeld, Is::Held, Is::Held),
        (S::Nxdomain, W::DomainHeld, Is::Held, Is::Held),
        (S::NullMx, W::DomainSuppressed, Is::Suppressed, Is::Suppressed),
        (S::Works, W::OwnFault, Is::Ok, Is::Ok),
        (S::Blind, W::Blind, Is::Held, Is::Ok),
    ] {
        let mut house = House::new();
        house.looks_like("a.example", shape);
        house.bounce("p0@a.example");
        assert_eq!(house.state("p0@a.example"), State::Held);
        assert_eq!(whats(&house.watch()), [told], "{shape:?}");
        assert_eq!((house.state("p0@a.example"), house.state("q@a.example")), (its, others), "{shape:?}");
    }
}

#[test]
fn a_failure_that_the_mx_tells_of_is_no_matter_of_the_mx_and_one_address_a_day_finds_out() {
    let mut house = House::new();
    house.looks_like("a.example", Shape::Works);
    let words = "550 5.4.3 Routing server failure";
    house.bounce_by("p0@a.example", words, Some("mx1.operator.example"));
    house.bounce_by("p1@a.example", words, Some("mx1.operator.example"));
    assert_eq!(whats(&house.watch()), [What::Kept]);
    let canary = house.watch_until(What::Canary).unwrap();
    assert_eq!((canary.released, house.free("a.example", 2)), (1, 1));
}

#[test]
fn a_claim_that_is_not_about_our_resolver_is_refuted_and_accuses_nobody() {
    let mut house = House::new();
    house.looks_like("a.example", Shape::Works);
    house.bounce_by("p0@a.example", "550 5.4.3 <p0@a.example>: Routing server failure", None);
    assert_eq!(whats(&house.watch()), [What::Released]);
    assert_eq!(house.state("p0@a.example"), State::Ok);
}

#[test]
fn many_addresses_of_a_domain_are_one_look_and_one_incident() {
    let house = House::down("a.example", 40);
    assert_eq!(house.table.looks, 1);
    let open: Vec<_> = house.incidents().into_iter().filter(|one| one.closed_at.is_none()).collect();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].key.as_str(), open[0].addresses), ("operator:operator.example", 40));
}

#[test]
fn domains_behind_one_operator_join_one_incident_that_ends_with_the_last_of_them() {
    let mut house = House::new();
    for domain in ["a.example", "b.example"] {
        house.looks_like(domain, Shape::ServersDown);
        house.bounce(&format!("p0@{domain}"));
    }
    house.watch();
    let of_operator = |house: &House| {
        house.incidents().into_iter().find(|one| one.key == "operator:operator.example").unwrap()
    };
    assert_eq!((of_operator(&house).domains, of_operator(&house).closed_at), (2, None));
    house.looks_like("a.example", Shape::Works);
    house.watch_until(What::Returned).unwrap();
    assert_eq!(of_operator(&house).closed_at, None);
    house.looks_like("b.example", Shape::Works);
    house.watch_until(What::Returned).unwrap();
    assert!(of_operator(&house).closed_at.is_some());
}

#[test]
fn people_come_back_one_then_two_then_four_and_only_after_it_has_held() {
    let mut house = House::down("a.example", 9);
    house.looks_like("a.example", Shape::Works);
    let recovering = house.watch_until(What::Recovering).unwrap();
    let canary = house.watch_until(What::Canary).unwrap();
    assert!(canary.at.duration_since(recovering.at).as_secs() >= 3600);
    assert_eq!((canary.released, house.free("a.example", 9)), (1, 1));
    assert_eq!(house.state("q@a.example"), State::Held);
    house.deliver(&canary.addresses[0]);
    let mut free = Vec::new();
    while house.watch_until(What::Reinstated).is_some() {
        free.push(house.free("a.example", 9));
    }
    assert_eq!(free, [3, 7, 9]);
    assert_eq!(house.state("q@a.example"), State::Ok);
}

#[test]
fn silence_brings_the_rest_back_only_after_the_time_that_a_bounce_takes() {
    let mut house = House::down("a.example", 2);
    house.looks_like("a.example", Shape::Works);
    let canary = house.watch_until(What::Canary).unwrap();
    let rest = house.watch_until(What::Reinstated).unwrap();
    assert!(rest.at.duration_since(canary.at).as_secs() >= 4 * 3600);
}

#[test]
fn the_first_new_failure_stops_the_way_back_and_holds_again_who_is_not_through() {
    let mut house = House::down("a.example", 9);
    house.looks_like("a.example", Shape::Works);
    let canary = house.watch_until(What::Canary).unwrap();
    house.now = house.now.saturating_add(1.minute()).unwrap();
    house.bounce(&canary.addresses[0]);
    house.watch_until(What::WayBackStopped).unwrap();
    assert_eq!(house.free("a.example", 9), 0);
    // It is tried again, but not at once.
    let again = house.watch_until(What::Canary).unwrap();
    assert!(again.at.duration_since(house.now).as_secs() >= 0);
    assert!(again.at.duration_since(canary.at).as_hours() >= 24);
}

#[test]
fn a_route_that_fails_while_some_are_back_stops_the_way_back() {
    let mut house = House::down("a.example", 9);
    house.looks_like("a.example", Shape::Works);
    house.watch_until(What::Reinstated).unwrap();
    house.looks_like("a.example", Shape::ServersDown);
    house.watch_until(What::WayBackStopped).unwrap();
    assert_eq!(house.state("q@a.example"), State::Held);
}

#[test]
fn a_domain_that_was_dead_for_long_or_has_another_operator_waits_for_a_person() {
    for (days, shape) in [(200, Shape::Works), (3, Shape::WorksElsewhere)] {
        let mut house = House::new();
        // It worked once, at the first operator.
        house.looks_like("a.example", Shape::Works);
        house.bounce("p0@a.example");
        house.watch();
        house.looks_like("a.example", Shape::ServersDown);
        house.bounce("p0@a.example");
        assert_eq!(whats(&house.watch()), [What::DomainHeld]);
        house.now = house.now.saturating_add((24 * days).hours()).unwrap();
        house.looks_like("a.example", shape);
        assert!(whats(&house.watch()).contains(&What::NeedsPerson), "{shape:?}");
        assert_eq!(house.watch_until(What::Canary), None, "{shape:?}");
        assert_eq!(house.state("p0@a.example"), State::Held);
        assert!(house.store.allow_return("a.example", house.now, None).unwrap().is_some());
        assert_eq!(house.store.allow_return("a.example", house.now, None).unwrap(), None);
        house.watch();
        assert_eq!(house.state("p0@a.example"), State::Ok);
        house.watch_until(What::Returned).unwrap();
    }
}

#[test]
fn a_domain_that_was_not_registered_in_between_waits_for_a_person_however_long_ago_that_was() {
    let mut house = House::new();
    house.looks_like("a.example", Shape::Nxdomain);
    house.bounce("p0@a.example");
    house.watch();
    house.looks_like("a.example", Shape::ServersDown);
    for _ in 0..40 {
        house.now = house.store.next_due().unwrap().unwrap();
        house.watch();
    }
    house.looks_like("a.example", Shape::Works);
    let waits = house.watch_until(What::NeedsPerson).unwrap();
    assert_eq!(waits.detail.as_deref(), Some("reregistered"));
}

#[test]
fn what_a_person_stopped_the_watch_does_not_free() {
    let mut house = House::down("a.example", 3);
    let order = StopOrder {
        stop: Stop::Suppression,
        reason: abprall_mail::Reason::NullMx,
        until: None,
        audience: abprall_store::Audience::default(),
        note: None,
    };
    house.store.stop(&Subject::Domain(Domain::parse("a.example").unwrap()), &order, house.now).unwrap();
    house.looks_like("a.example", Shape::Works);
    for _ in 0..30 {
        let Some(at) = house.store.next_due().unwrap() else { break };
        house.now = at.max(house.now);
        house.watch();
    }
    assert_eq!(house.free("a.example", 3), 0);
    assert_eq!(house.state("q@a.example"), State::Suppressed);
}

#[test]
fn a_failing_domain_dies_after_five_days_and_is_looked_at_ever_less() {
    let mut house = House::down("a.example", 1);
    let began = house.now;
    let dead = house.watch_until(What::DomainSuppressed).unwrap();
    assert!((120..=140).contains(&dead.at.duration_since(began).as_hours()));
    assert_eq!(dead.health, Some(HealthState::Dead));
    let looks = house.table.looks;
    while let Some(at) = house.store.next_due().unwrap() {
        house.now = at;
        house.watch();
    }
    // Twice a day, daily, weekly, monthly, and no more after a year.
    let later = house.table.looks - looks;
    assert!((30..80).contains(&later), "{later}");
    assert!(house.now.duration_since(began).as_hours() >= 365 * 24);
}

#[test]
fn two_watchers_share_the_work_and_a_lost_lease_doubles_nothing() {
    let mut house = House::new();
    house.looks_like("a.example", Shape::NullMx);
    house.bounce("p0@a.example");
    let lease = Duration::from_secs(300);
    let slow = house.store.lease_due("slow", house.now, lease, 10).unwrap();
    assert_eq!(house.pass_as("quick").done, 0);
    house.now = house.now.saturating_add(301.seconds()).unwrap();
    assert_eq!(house.pass_as("quick").done, 1);
    let late = house.store.complete(&slow[0], &abprall_store::WorkOutcome::default(), house.now);
    assert!(matches!(late, Err(abprall_store::StoreError::LeaseLost)));
    assert_eq!(house.store.observations("a.example", Page::first(10)).unwrap().rows.len(), 1);
}

#[test]
fn when_much_that_worked_fails_at_once_nobody_is_stopped_for_it() {
    let mut house = House::new();
    let domains: Vec<_> = (0..20).map(|n| format!("d{n}.example")).collect();
    for domain in &domains {
        house.looks_like(domain, Shape::Works);
        house.bounce(&format!("p0@{domain}"));
    }
    house.watch();
    house.now = house.now.saturating_add(24.hours()).unwrap();
    for domain in &domains {
        house.looks_like(domain, Shape::ServersDown);
        house.bounce(&format!("p0@{domain}"));
    }
    let told = whats(&house.watch());
    let stopped = told.iter().filter(|what| **what == What::DomainHeld).count();
    // The first batch cannot know; after it the brake is on.
    assert!(stopped <= usize::try_from(super::limits::BATCH).unwrap(), "{stopped}");
    assert!(told.contains(&What::Frozen) && told.contains(&What::Kept), "{told:?}");
}
