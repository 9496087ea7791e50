//! What is looked at, by whom, and what follows.

use std::time::Duration;

use abprall_mail::Reason;
use abprall_policy::{Conclusion, HealthState, IncidentEvent, Outcome, Reinstatement};
use abprall_store::{
    DomainFilter, DomainSort, DomainUpdate, HostFilter, HostSort, HostUpdate, IncidentFilter, Page, Scope,
    State, StoreError, Work, WorkOutcome,
};
use jiff::{Timestamp, ToSpan};

use crate::house::{
    House, LEASE, about, complaint, concluded, days, delivered, health, now, routing, unknown,
};

const CONFIRMED: Conclusion = Conclusion::SuppressDomain { rule: "proven-dead" };
const REFUTED: Conclusion = Conclusion::Release { rule: "claim-refuted" };

/// Three addresses of a dead domain are held.
fn held(house: &mut House) {
    for local in ["a", "b", "c"] {
        house.record(&routing(&format!("{local}@dead.example")), now());
    }
}

pub(crate) fn a_route_failure_holds_and_asks_for_one_look_at_the_domain(house: &mut House) {
    held(house);
    house.record(&routing("a@other.example"), now());
    let mut items = house.lease(now());
    items.sort_by_key(|item| item.id);
    let works: Vec<_> = items.iter().map(|item| item.work.clone()).collect();
    let investigate =
        |domain: &str| Work::Investigate { domain: domain.into(), claim: Reason::RoutingServerFailure };
    assert_eq!(works, [investigate("dead.example"), investigate("other.example")]);
    // More bounces while somebody looks ask nobody again.
    house.record(&routing("d@dead.example"), now());
    assert!(house.lease(now()).is_empty());
    let incidents =
        house.store.incidents(&IncidentFilter { open: true, domain: None }, Page::first(10)).unwrap();
    let counted: Vec<_> =
        incidents.rows.iter().map(|row| (row.key.as_str(), row.domains, row.addresses)).collect();
    assert_eq!(counted, [("domain:other.example", 1, 1), ("domain:dead.example", 1, 4)]);
    let story = house.store.story(&about("a@dead.example"), now(), 1).unwrap().unwrap();
    assert_eq!(story.decisions[0].incident, Some(incidents.rows[1].id));
}

pub(crate) fn a_confirmed_claim_stops_the_whole_domain_with_its_evidence(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    let outcome = WorkOutcome { next_look: Some(days(1)), ..concluded(CONFIRMED, now()) };
    let done = house.store.complete(&item, &outcome, now()).unwrap();
    assert!(done.domain_stopped && done.observation.is_some() && done.incident.is_some());
    for who in ["a@dead.example", "never-seen@dead.example"] {
        let standing = house.standing(who, now());
        assert_eq!((standing.state, standing.scope), (State::Suppressed, Some(Scope::Domain)), "{who}");
    }
    let story = house.store.story(&about("dead.example"), now(), 10).unwrap().unwrap();
    assert_eq!(story.decisions[0].rule, "proven-dead");
    assert_eq!(story.decisions[0].evidence, [done.observation.unwrap()]);
    assert_eq!((story.addresses_total, story.addresses_stopped), (3, 3));
    let seen = house.store.observations("dead.example", Page::first(10)).unwrap().rows;
    assert_eq!((seen.len(), seen[0].id), (1, done.observation.unwrap()));
    // It is looked at again, and only then.
    assert!(house.lease(now()).is_empty());
    assert_eq!(house.lease_one(days(1)).work, Work::Recheck { domain: "dead.example".into() });
    let told = house.store.incident(done.incident.unwrap()).unwrap().unwrap();
    let events: Vec<_> = told.events.iter().map(|event| event.event).collect();
    assert_eq!(events.first(), Some(&IncidentEvent::Opened));
    assert_eq!(events.last(), Some(&IncidentEvent::DomainSuppressed));
}

pub(crate) fn a_refuted_claim_frees_everybody_who_waited_for_the_route(house: &mut House) {
    held(house);
    house.record(&unknown("gone@dead.example"), now());
    house.record(&complaint("angry@dead.example"), now());
    let by_hand = abprall_store::StopOrder {
        stop: abprall_policy::Stop::Hold,
        reason: Reason::RoutingServerFailure,
        until: None,
        audience: abprall_store::Audience::default(),
        note: None,
    };
    house.store.stop(&about("kept@dead.example"), &by_hand, now()).unwrap();
    let item = house.lease_one(now());
    let mut done = house.store.complete(&item, &concluded(REFUTED, now()), now()).unwrap();
    done.released.sort();
    assert_eq!(done.released, ["a@dead.example", "b@dead.example", "c@dead.example"]);
    for (who, state) in [
        ("a@dead.example", State::Ok),
        ("gone@dead.example", State::Suppressed),
        ("angry@dead.example", State::Suppressed),
        ("kept@dead.example", State::Held),
    ] {
        assert_eq!(house.state(who, now()), state, "{who}");
    }
    let open = IncidentFilter { open: true, domain: None };
    assert!(house.store.incidents(&open, Page::first(10)).unwrap().rows.is_empty(), "it is over");
    let story = house.store.story(&about("a@dead.example"), now(), 10).unwrap().unwrap();
    assert_eq!(
        (story.decisions[0].outcome, story.decisions[0].undoes),
        (Outcome::Release, Some(story.decisions[1].id))
    );
    // The next failure begins anew.
    house.record(&routing("a@dead.example"), days(1));
    assert_eq!(house.state("a@dead.example", days(1)), State::Held);
    assert!(matches!(house.lease_one(days(1)).work, Work::Investigate { .. }));
}

pub(crate) fn our_own_fault_frees_everybody_and_is_told(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    let done = house.store.complete(&item, &concluded(Conclusion::OwnFault, now()), now()).unwrap();
    assert_eq!(house.store.stopped(now()).unwrap().addresses_held, 0);
    let told = house.store.incident(done.incident.unwrap()).unwrap().unwrap();
    let own = told.events.iter().find(|event| event.event == IncidentEvent::OwnFault).unwrap();
    assert_eq!((own.addresses, own.observation), (3, done.observation));
}

pub(crate) fn an_item_is_leased_to_one_owner_and_taken_over_when_the_lease_ends(house: &mut House) {
    held(house);
    let mut other = house.factory.reopen();
    let first = house.lease_one(now());
    let within = now() + 4.minutes();
    assert!(other.lease_due("other", within, LEASE, 10).unwrap().is_empty());
    let ended = now() + 5.minutes();
    let second = other.lease_due("other", ended, LEASE, 10).unwrap().remove(0);
    assert_eq!((second.id, second.attempt, first.attempt), (first.id, 1, 0));
    let outcome = concluded(CONFIRMED, ended);
    assert!(matches!(house.store.complete(&first, &outcome, ended), Err(StoreError::LeaseLost)));
    assert!(matches!(house.store.give_back(&first, ended), Err(StoreError::LeaseLost)));
    assert!(
        house.store.observations("dead.example", Page::first(10)).unwrap().rows.is_empty(),
        "nothing was stored"
    );
    other.complete(&second, &outcome, ended).unwrap();
    assert!(matches!(other.complete(&second, &outcome, ended), Err(StoreError::LeaseLost)), "done is done");
    assert_eq!(house.store.observations("dead.example", Page::first(10)).unwrap().rows.len(), 1);
}

pub(crate) fn two_owners_share_the_work_and_do_nothing_twice(house: &mut House) {
    for number in 0..40 {
        house.record(&routing(&format!("a@d{number}.example")), now());
    }
    let mut owners: Vec<_> =
        (0..4).map(|number| (format!("owner {number}"), house.factory.reopen())).collect();
    let mut leased: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter_mut()
            .map(|(name, store)| {
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let items = store.lease_due(name, now(), LEASE, 3).unwrap();
                        if items.is_empty() {
                            return mine;
                        }
                        mine.extend(items.iter().map(|item| item.id));
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    leased.sort_unstable();
    let count = leased.len();
    leased.dedup();
    assert_eq!((count, leased.len()), (40, 40));
}

pub(crate) fn what_is_given_back_is_due_again_later(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    house.store.give_back(&item, now() + 1.hour()).unwrap();
    assert!(house.lease(now() + 59.minutes()).is_empty());
    assert_eq!(house.lease_one(now() + 1.hour()).attempt, 1);
}

pub(crate) fn a_person_can_ask_for_a_look_at_once(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    let outcome = WorkOutcome { next_look: Some(days(3)), ..concluded(CONFIRMED, now()) };
    house.store.complete(&item, &outcome, now()).unwrap();
    assert!(house.lease(days(1)).is_empty());
    house.store.look_now("dead.example", days(1)).unwrap();
    house.store.look_now("never-seen.example", days(1)).unwrap();
    let mut works: Vec<_> = house.lease(days(1)).into_iter().map(|item| format!("{:?}", item.work)).collect();
    works.sort();
    assert_eq!(works, ["Recheck { domain: \"dead.example\" }", "Recheck { domain: \"never-seen.example\" }"]);
}

pub(crate) fn a_person_who_asks_does_not_make_two_looks_of_one(house: &mut House) {
    held(house);
    house.store.look_now("dead.example", now()).unwrap();
    assert!(matches!(house.lease_one(now()).work, Work::Investigate { .. }));
}

fn behind(operator: &str, state: HealthState, at: Timestamp) -> DomainUpdate {
    let mut health = health(at);
    health.state = state;
    health.failing_since = (!state.is_usable()).then_some(at);
    DomainUpdate {
        health,
        operator: Some(operator.into()),
        mx_hosts: vec![format!("mx1.{operator}"), format!("mx2.{operator}")],
        name_servers: vec!["ns.example".into()],
    }
}

pub(crate) fn domains_behind_one_operator_are_one_incident(house: &mut House) {
    for domain in ["one.example", "two.example", "three.example"] {
        house.record(&routing(&format!("a@{domain}")), now());
    }
    for (minute, item) in (1..).zip(house.lease(now())) {
        let outcome = WorkOutcome {
            domain: Some(behind("host.example", HealthState::Failing, now())),
            incident: Some("operator:host.example".into()),
            next_look: Some(days(1)),
            ..concluded(Conclusion::HoldDomain { rule: "no-route-now" }, now())
        };
        house.store.complete(&item, &outcome, now() + i64::from(minute).minutes()).unwrap();
    }
    let open = IncidentFilter { open: true, domain: None };
    let rows = house.store.incidents(&open, Page::first(10)).unwrap().rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].key.as_str(), rows[0].domains, rows[0].addresses), ("operator:host.example", 3, 3));
    let told = house.store.incident(rows[0].id).unwrap().unwrap();
    assert_eq!(told.domain_names, ["one.example", "three.example", "two.example"]);
    assert!(told.events.is_sorted_by_key(|event| event.at));
    assert_eq!(told.events.iter().filter(|event| event.event == IncidentEvent::DomainHeld).count(), 3);
    // More of it joins the one that is open.
    house.record(&routing("b@two.example"), days(1));
    let mut again = house.store.incidents(&open, Page::first(10)).unwrap().rows;
    assert_eq!((again.len(), again.remove(0).addresses), (1, 4));
    let of_two = IncidentFilter { open: false, domain: Some("two.example".into()) };
    assert_eq!(house.store.incidents(&of_two, Page::first(10)).unwrap().rows.len(), 2);
    assert!(house.store.close_incident(rows[0].id, days(2), Some("repaired")).unwrap());
    assert!(!house.store.close_incident(rows[0].id, days(2), None).unwrap());
    assert!(matches!(house.store.close_incident(9999, days(2), None), Err(StoreError::NotFound { .. })));
}

/// A dead domain whose three addresses took mail on different days before.
fn dead(house: &mut House) {
    for (local, day) in [("a", -9), ("b", -2), ("c", -5)] {
        house.record(&delivered(&format!("{local}@dead.example")), days(day));
    }
    held(house);
    let item = house.lease_one(now());
    let outcome = WorkOutcome {
        domain: Some(behind("host.example", HealthState::Dead, now())),
        next_look: Some(days(1)),
        ..concluded(CONFIRMED, now())
    };
    house.store.complete(&item, &outcome, now()).unwrap();
    let item = house.lease_one(days(1));
    let outcome = WorkOutcome {
        domain: Some(behind("host.example", HealthState::Recovering, days(1))),
        reinstatement: Some(Reinstatement::Waiting),
        next_release: Some(days(2)),
        ..WorkOutcome::default()
    };
    house.store.complete(&item, &outcome, days(1)).unwrap();
}

fn step(house: &mut House, release: u32, stage: Reinstatement, at: Timestamp) -> Vec<String> {
    let release_of_it = Work::Release { domain: "dead.example".into() };
    let item = house.lease(at).into_iter().find(|item| item.work == release_of_it).unwrap();
    let next_release = matches!(stage, Reinstatement::Batches { .. } | Reinstatement::Canary { .. });
    let outcome = WorkOutcome {
        release,
        reinstatement: Some(stage),
        next_release: next_release.then_some(at + 24.hours()),
        ..WorkOutcome::default()
    };
    house.store.complete(&item, &outcome, at).unwrap().released
}

pub(crate) fn the_way_back_frees_so_many_as_it_says_the_latest_takers_first(house: &mut House) {
    dead(house);
    assert_eq!(house.store.domain("dead.example", days(2)).unwrap().unwrap().waiting, 3);
    let canary = step(house, 1, Reinstatement::Canary { released_at: days(2) }, days(2));
    assert_eq!(canary, ["b@dead.example"]);
    assert_eq!(house.state("b@dead.example", days(2)), State::Ok);
    assert_eq!(house.state("a@dead.example", days(2)), State::Suppressed);
    assert_eq!(house.state("new@dead.example", days(2)), State::Suppressed);
    let detail = house.store.domain("dead.example", days(2)).unwrap().unwrap();
    assert_eq!((detail.waiting, detail.delivered_since_release), (2, 0));
    house.record(&delivered("b@dead.example"), days(2) + 1.hour());
    let detail = house.store.domain("dead.example", days(3)).unwrap().unwrap();
    assert_eq!((detail.delivered_since_release, detail.failed_since_release), (1, 0));
    let batch = step(house, 1, Reinstatement::Batches { size: 1, released_at: days(3) }, days(3));
    assert_eq!(batch, ["c@dead.example"]);
    let rest = step(house, 100, Reinstatement::Batches { size: 100, released_at: days(4) }, days(4));
    assert_eq!(rest, ["a@dead.example"]);
    step(house, 0, Reinstatement::Done, days(5));
    assert_eq!(house.state("new@dead.example", days(5)), State::Ok);
    let summary = house.store.stopped(days(5)).unwrap();
    assert_eq!((summary.addresses_held, summary.domains_stopped), (0, 0));
    let detail = house.store.domain("dead.example", days(5)).unwrap().unwrap();
    assert_eq!((detail.reinstatement, detail.incident), (Some(Reinstatement::Done), None));
    assert!(house.lease(days(100)).is_empty());
}

pub(crate) fn who_is_on_the_way_back_is_stopped_with_the_domain_by_the_next_order(house: &mut House) {
    dead(house);
    step(house, 1, Reinstatement::Canary { released_at: days(2) }, days(2));
    assert_eq!(house.state("b@dead.example", days(2)), State::Ok);
    let by_hand = abprall_store::StopOrder {
        stop: abprall_policy::Stop::Suppression,
        reason: Reason::DomainNotFound,
        until: None,
        audience: abprall_store::Audience::default(),
        note: None,
    };
    house.store.lift(&about("dead.example"), days(3), None).unwrap();
    house.store.stop(&about("dead.example"), &by_hand, days(4)).unwrap();
    assert_eq!(house.state("b@dead.example", days(4)), State::Suppressed);
    house.store.lift(&about("dead.example"), days(5), None).unwrap();
    assert_eq!(house.state("b@dead.example", days(5)), State::Ok);
}

pub(crate) fn what_a_person_holds_outlasts_the_recovery(house: &mut House) {
    let by_hand = abprall_store::StopOrder {
        stop: abprall_policy::Stop::Hold,
        reason: Reason::RoutingServerFailure,
        until: None,
        audience: abprall_store::Audience::default(),
        note: None,
    };
    house.store.stop(&about("dead.example"), &by_hand, now()).unwrap();
    dead(house);
    step(house, 100, Reinstatement::Batches { size: 100, released_at: days(4) }, days(4));
    step(house, 0, Reinstatement::Done, days(5));
    assert_eq!(house.state("new@dead.example", days(5)), State::Held);
    house.store.lift(&about("dead.example"), days(6), None).unwrap();
    assert_eq!(house.state("new@dead.example", days(6)), State::Ok);
}

pub(crate) fn who_is_held_while_somebody_looks_is_looked_at_as_well(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    house.record(&routing("late@dead.example"), now() + 1.minute());
    let kept = concluded(Conclusion::Keep { rule: "not-sure" }, now());
    house.store.complete(&item, &kept, now() + 2.minutes()).unwrap();
    let item = house.lease_one(now() + 2.minutes());
    assert_eq!(item.work, Work::Recheck { domain: "dead.example".into() });
    // Nobody came meanwhile: it ends.
    let kept = concluded(Conclusion::Keep { rule: "not-sure" }, now() + 3.minutes());
    house.store.complete(&item, &kept, now() + 4.minutes()).unwrap();
    assert!(house.lease(days(1)).is_empty());
}

pub(crate) fn a_second_failure_on_the_way_back_closes_it_again(house: &mut House) {
    dead(house);
    step(house, 1, Reinstatement::Canary { released_at: days(2) }, days(2));
    house.record(&routing("b@dead.example"), days(2) + 1.hour());
    let detail = house.store.domain("dead.example", days(3)).unwrap().unwrap();
    assert_eq!(detail.failed_since_release, 1);
    step(house, 0, Reinstatement::Stopped { at: days(3) }, days(3));
    for who in ["a@dead.example", "b@dead.example", "new@dead.example"] {
        assert_eq!(house.state(who, days(3)), State::Suppressed, "{who}");
    }
    assert_eq!(house.store.domain("dead.example", days(3)).unwrap().unwrap().waiting, 3);
}

pub(crate) fn a_suppressed_or_complaining_address_does_not_come_back_with_its_domain(house: &mut House) {
    dead(house);
    house.record(&complaint("b@dead.example"), days(1));
    house.record(&unknown("c@dead.example"), days(1));
    let freed = step(house, 100, Reinstatement::Batches { size: 100, released_at: days(2) }, days(2));
    assert_eq!(freed, ["a@dead.example"]);
    step(house, 0, Reinstatement::Done, days(3));
    assert_eq!(house.state("b@dead.example", days(3)), State::Suppressed);
    assert_eq!(house.state("c@dead.example", days(3)), State::Suppressed);
    assert_eq!(house.state("a@dead.example", days(3)), State::Ok);
}

pub(crate) fn a_delivery_to_a_dead_domain_brings_the_next_look_forward(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    let outcome = WorkOutcome {
        domain: Some(behind("host.example", HealthState::Dead, now())),
        next_look: Some(days(30)),
        ..concluded(CONFIRMED, now())
    };
    house.store.complete(&item, &outcome, now()).unwrap();
    assert!(house.lease(days(1)).is_empty());
    house.record(&delivered("a@dead.example"), days(1));
    assert_eq!(house.lease_one(days(1)).work, Work::Recheck { domain: "dead.example".into() });
}

pub(crate) fn hosts_have_looks_of_their_own(house: &mut House) {
    held(house);
    let item = house.lease_one(now());
    let ip = "192.0.2.7".parse().unwrap();
    let update = |state| {
        let mut health = abprall_policy::HostHealth::new(now());
        health.state = state;
        HostUpdate {
            host: "MX1.host.example".into(),
            ip,
            health,
            detail: Some("connection refused".into()),
            next_look: Some(days(1)),
        }
    };
    let outcome = WorkOutcome { hosts: vec![update(HealthState::Failing)], ..concluded(CONFIRMED, now()) };
    house.store.complete(&item, &outcome, now()).unwrap();
    let failing = HostFilter { health: Some(HealthState::Failing), ..HostFilter::default() };
    let row = house.store.hosts(&failing, HostSort::Failures, Page::first(5)).unwrap().rows.remove(0);
    assert_eq!((row.host.as_str(), row.ip, row.next_look), ("mx1.host.example", Some(ip), Some(days(1))));
    let item = house.lease_one(days(1));
    assert_eq!(item.work, Work::RecheckHost { host: "mx1.host.example".into(), ip });
    let mut well = update(HealthState::Healthy);
    well.next_look = None;
    let outcome = WorkOutcome { hosts: vec![well], ..WorkOutcome::default() };
    house.store.complete(&item, &outcome, days(1)).unwrap();
    assert!(house.store.hosts(&failing, HostSort::Failures, Page::first(5)).unwrap().rows.is_empty());
    assert!(house.lease(days(9)).is_empty());
}

pub(crate) fn lists_of_domains_and_hosts_come_page_by_page(house: &mut House) {
    for number in 0..7 {
        for failure in 0..=number % 3 {
            let report = abprall_bounce::Report {
                remote_mta: Some(format!("mx{number}.host.example")),
                ..routing(&format!("u{failure}@d{number}.example"))
            };
            house.record(&report, now() + i64::from(number).minutes());
        }
    }
    for sort in [
        DomainSort::Failures,
        DomainSort::RouteFailures,
        DomainSort::Stopped,
        DomainSort::LastFailure,
        DomainSort::Name,
    ] {
        let filter = DomainFilter::default();
        let all = house.store.domains(&filter, sort, Page::first(100), now()).unwrap();
        assert_eq!((all.rows.len(), all.next), (7, None));
        let (mut page, mut read) = (Page::first(3), Vec::new());
        loop {
            let rows = house.store.domains(&filter, sort, page, now()).unwrap();
            read.extend(rows.rows);
            match rows.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(read, all.rows, "{sort:?}");
        match sort {
            DomainSort::Failures => assert!(read.is_sorted_by_key(|row| std::cmp::Reverse(row.failures))),
            DomainSort::RouteFailures => {
                assert!(read.is_sorted_by_key(|row| std::cmp::Reverse(row.route_failures)));
            }
            DomainSort::Stopped => {
                assert!(read.is_sorted_by_key(|row| std::cmp::Reverse(row.held + row.suppressed)));
            }
            DomainSort::LastFailure => {
                assert!(read.is_sorted_by_key(|row| std::cmp::Reverse(row.last_failure_at)));
            }
            DomainSort::Name => assert!(read.is_sorted_by_key(|row| row.domain.clone())),
        }
    }
    for sort in [HostSort::Failures, HostSort::LastFailure, HostSort::Name] {
        let filter = HostFilter::default();
        let all = house.store.hosts(&filter, sort, Page::first(100)).unwrap().rows;
        assert_eq!(all.len(), 7);
        let first = house.store.hosts(&filter, sort, Page::first(4)).unwrap();
        let rest = house.store.hosts(&filter, sort, Page { after: first.next, rows: 4 }).unwrap();
        assert_eq!([first.rows, rest.rows].concat(), all, "{sort:?}");
    }
    let item = house.lease(now() + 1.hour()).remove(0);
    let Work::Investigate { domain, .. } = item.work.clone() else { panic!("{item:?}") };
    let outcome = WorkOutcome {
        domain: Some(behind("host.example", HealthState::Dead, now())),
        ..concluded(CONFIRMED, now())
    };
    house.store.complete(&item, &outcome, now()).unwrap();
    for filter in [
        DomainFilter { health: Some(HealthState::Dead), ..DomainFilter::default() },
        DomainFilter { stopped: true, ..DomainFilter::default() },
        DomainFilter { operator: Some("host.example".into()), ..DomainFilter::default() },
    ] {
        let rows = house.store.domains(&filter, DomainSort::Name, Page::first(10), now()).unwrap().rows;
        assert_eq!(rows.len(), 1, "{filter:?}");
        assert_eq!((&rows[0].domain, rows[0].state), (&domain, State::Suppressed));
    }
    assert!(LEASE > Duration::ZERO);
}
