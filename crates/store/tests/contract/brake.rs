//! A provider's bad hour removes nobody.

use abprall_bounce::Report;
use abprall_policy::{IncidentEvent, Outcome, Policy};
use abprall_store::{Audience, IncidentFilter, Page, Settlement, State};
use jiff::{Timestamp, ToSpan};

use crate::house::{House, about, complaint, days, delivered, now, unknown};

const PROVIDER: &str = "big.example";

fn who(number: usize) -> String {
    format!("u{number}@{PROVIDER}")
}

/// All took mail the day before.
fn deliver(house: &mut House, count: usize) {
    let reports: Vec<_> = (0..count).map(|number| delivered(&who(number))).collect();
    for (hour, some) in (0..).zip(reports.chunks(500)) {
        house.record_all(some, &Audience::default(), days(-1) + (hour % 20).minutes());
    }
}

/// Hard bounces one second apart, from a moment on.
fn bounce(house: &mut House, count: usize, from: Timestamp, batch: usize) {
    let reports: Vec<_> = (0..count).map(|number| unknown(&who(number))).collect();
    for (number, some) in (0..).zip(reports.chunks(batch)) {
        house.record_all(some, &Audience::default(), from + i64::from(number).seconds());
    }
}

pub(crate) fn ten_thousand_hard_bounces_of_known_good_addresses_suppress_nobody(house: &mut House) {
    deliver(house, 10_000);
    bounce(house, 10_000, now(), 500);
    let stopped = house.store.stopped(now()).unwrap();
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held), (0, 10_000));
    let brakes = house.store.refresh_brakes(&Policy::default(), now() + 1.minute()).unwrap();
    assert!(brakes.iter().any(|row| row.provider == PROVIDER && row.brake.is_frozen()), "{brakes:?}");
    let incident = brakes[0].incident.unwrap();
    let told = house.store.incident(incident).unwrap().unwrap();
    assert_eq!(told.incident.key, "brake:big.example");
    assert_eq!(told.events[0].event, IncidentEvent::Frozen);
    assert_eq!(pending(house, incident), 10_000);
    // Nobody is stopped twice, and the list comes in pages.
    assert_eq!(house.state(&who(17), now()), State::Held);
}

/// How many wait, read page by page.
fn pending(house: &House, incident: i64) -> usize {
    let (mut page, mut count) = (Page::first(999), 0);
    loop {
        let rows = house.store.pending(Some(incident), page).unwrap();
        assert!(
            rows.rows.iter().all(|row| row.decision.outcome == Outcome::Pending && row.incident == incident)
        );
        count += rows.rows.len();
        match rows.next {
            Some(next) => page.after = Some(next),
            None => return count,
        }
    }
}

pub(crate) fn the_same_bounces_at_the_normal_rate_suppress(house: &mut House) {
    deliver(house, 300);
    // Twenty an hour, of people who took mail yesterday.
    let reports: Vec<_> = (0..300).map(|number| unknown(&who(number))).collect();
    for (hour, some) in (0..).zip(reports.chunks(20)) {
        house.record_all(some, &Audience::default(), now() + i64::from(hour).hours());
    }
    let stopped = house.store.stopped(days(2)).unwrap();
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held), (300, 0));
    assert!(house.store.incidents(&IncidentFilter::default(), Page::first(10)).unwrap().rows.is_empty());
}

fn frozen_incident(house: &mut House) -> i64 {
    deliver(house, 200);
    // In small batches: the first ones are removed before anybody can know.
    bounce(house, 200, now(), 10);
    let rows = house.store.incidents(&IncidentFilter::default(), Page::first(10)).unwrap().rows;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(pending(house, rows[0].id), 200, "those before the brake as well");
    assert_eq!(house.store.stopped(now()).unwrap().addresses_suppressed, 0);
    rows[0].id
}

pub(crate) fn pending_removals_are_applied_together(house: &mut House) {
    let incident = frozen_incident(house);
    // One of them has complained meanwhile: that stays what it is.
    house.record(&complaint(&who(7)), now() + 1.hour());
    let settled =
        house.store.settle_pending(incident, Settlement::Apply, days(1), Some("they are gone")).unwrap();
    assert_eq!(settled, 200);
    assert_eq!(house.store.stopped(days(1)).unwrap().addresses_suppressed, 200);
    assert_eq!(house.standing(&who(7), days(1)).reason, Some(abprall_mail::Reason::Complaint));
    assert_eq!(pending(house, incident), 0);
    assert_eq!(house.store.settle_pending(incident, Settlement::Drop, days(1), None).unwrap(), 0);
    let told = house.store.incident(incident).unwrap().unwrap();
    let last = told.events.last().unwrap();
    assert_eq!((last.event, last.addresses), (IncidentEvent::PendingApplied, 200));
    let story = house.store.story(&about(&who(9)), days(1), 10).unwrap().unwrap();
    assert_eq!(story.decisions[0].undoes, story.decisions.get(1).map(|decision| decision.id));
}

pub(crate) fn pending_removals_are_dropped_together(house: &mut House) {
    let incident = frozen_incident(house);
    house.record(&complaint(&who(7)), now() + 1.hour());
    assert_eq!(house.store.settle_pending(incident, Settlement::Drop, days(1), None).unwrap(), 200);
    let stopped = house.store.stopped(days(1)).unwrap();
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held), (1, 0));
    assert_eq!(house.state(&who(7), days(1)), State::Suppressed);
    assert_eq!(house.state(&who(8), days(1)), State::Ok);
    assert_eq!(pending(house, incident), 0);
}

pub(crate) fn who_was_lifted_meanwhile_is_not_removed_after_all(house: &mut House) {
    let incident = frozen_incident(house);
    // A second report about the same address waits as well.
    house.record(&unknown(&who(7)), now() + 1.minute());
    house.store.lift(&about(&who(7)), now() + 1.hour(), Some("is a customer")).unwrap();
    assert_eq!(house.store.settle_pending(incident, Settlement::Apply, days(1), None).unwrap(), 199);
    assert_eq!(house.state(&who(7), days(1)), State::Ok);
    assert_eq!(house.state(&who(8), days(1)), State::Suppressed);
}

pub(crate) fn a_complaint_counts_while_removals_are_frozen(house: &mut House) {
    frozen_incident(house);
    let decided = house.record(&complaint(&who(500)), now() + 1.minute());
    assert_eq!(decided.decision.outcome, Outcome::Suppress);
    let decided = house.record(&Report::clone(&unknown(&who(501))), now() + 1.minute());
    assert_eq!(decided.decision.outcome, Outcome::Pending);
    assert_eq!(house.state(&who(501), now() + 1.minute()), State::Held);
}

pub(crate) fn a_freeze_ends_when_the_numbers_are_usual_again(house: &mut House) {
    frozen_incident(house);
    let policy = Policy::default();
    let calm = now() + 3.hours();
    assert!(house.store.refresh_brakes(&policy, calm).unwrap()[0].brake.is_frozen());
    let rows = house.store.refresh_brakes(&policy, calm + 3.hours()).unwrap();
    assert!(rows.iter().all(|row| !row.brake.is_frozen()), "{rows:?}");
    let decided = house.record(&unknown(&who(501)), calm + 4.hours());
    assert_eq!(decided.decision.outcome, Outcome::Suppress);
}
