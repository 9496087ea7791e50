//! What lists are told.

use std::time::Duration;

use abprall_mail::Reason;
use abprall_policy::{Conclusion, Outcome, Stop};
use abprall_store::{
    Audience, DeadFate, DeadLetters, DomainEvents, Hears, Mode, OutboxBatch, OutboxItem, OutboxResult,
    OutboxRules, OutboxStart, OutboxTake, Page, Scope, Selection, State, StopOrder, StoreError, TargetNews,
};
use jiff::{Timestamp, ToSpan};

use crate::house::{House, about, address, audience, busy, concluded, days, now, routing, unknown};

const LEASE: Duration = Duration::from_secs(30);

impl House {
    fn begin(&mut self) {
        self.store.outbox_begin("list", OutboxStart::First).unwrap();
    }

    fn take_as(
        &mut self,
        owner: &str,
        rules: &OutboxRules,
        mode: Mode,
        at: Timestamp,
    ) -> Option<OutboxBatch> {
        let order = OutboxTake {
            target: "list",
            rules,
            start: OutboxStart::First,
            owner,
            lease: LEASE,
            rows: 100,
            mode,
        };
        self.store.outbox_take(&order, at).unwrap()
    }

    fn take(&mut self, rules: &OutboxRules, at: Timestamp) -> OutboxBatch {
        self.take_as("me", rules, Mode::Apply, at).unwrap()
    }

    /// Takes and tells all of it. Gives whom, and how it stands.
    fn tell(&mut self, rules: &OutboxRules, at: Timestamp) -> Vec<(String, State)> {
        let batch = self.take(rules, at);
        let results: Vec<_> = batch
            .items
            .iter()
            .map(|item| {
                let ends = item.standing.until.filter(|_| rules.stops(&item.standing));
                (item.id, OutboxResult::Told { ends })
            })
            .collect();
        self.store.outbox_settle(&batch.lease, &results, &TargetNews::Well, at).unwrap();
        names(&batch)
    }
}

fn names(batch: &OutboxBatch) -> Vec<(String, State)> {
    batch.items.iter().map(|item| (item.name.clone().unwrap_or_default(), item.standing.state)).collect()
}

fn of(name: &str, state: State) -> (String, State) {
    (name.to_owned(), state)
}

fn order(stop: Stop, until: Option<Timestamp>, whose: Audience) -> StopOrder {
    StopOrder { stop, reason: Reason::UserUnknown, until, audience: whose, note: None }
}

fn by_address() -> OutboxRules {
    OutboxRules { domains: DomainEvents::ByAddress, ..OutboxRules::all() }
}

pub(crate) fn what_was_decided_is_told_once_in_order_and_undo_is_told_too(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    house.record(&routing("b@x.example"), now());
    // A soft failure stops nobody.
    house.record(&busy("c@x.example"), now());
    assert!(house.store.outbox_is_due("list", now()).unwrap());
    let rules = OutboxRules::all();
    let told = house.tell(&rules, now());
    assert_eq!(told, [of("a@x.example", State::Suppressed), of("b@x.example", State::Held)]);
    assert!(!house.store.outbox_is_due("list", now()).unwrap());
    let window = Selection {
        from: now(),
        to: now() + 1.minute(),
        provider: None,
        reason: Some(Reason::UserUnknown),
        rule: None,
        tenant: None,
    };
    house.store.rewind(&window, Mode::Apply, days(1), None).unwrap();
    let batch = house.take(&rules, days(1));
    assert_eq!(names(&batch), [of("a@x.example", State::Ok)]);
    assert_eq!(
        (batch.items[0].decision.outcome, batch.items[0].decision.undoes.is_some()),
        (Outcome::Lift, true)
    );
}

pub(crate) fn how_somebody_stands_is_told_as_it_is_when_it_is_told(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    house.store.lift(&about("a@x.example"), days(1), None).unwrap();
    let batch = house.take(&OutboxRules::all(), days(1));
    assert_eq!(names(&batch), [of("a@x.example", State::Ok), of("a@x.example", State::Ok)]);
    let outcomes: Vec<_> = batch.items.iter().map(|item| item.decision.outcome).collect();
    assert_eq!(outcomes, [Outcome::Suppress, Outcome::Lift]);
}

pub(crate) fn what_was_not_settled_is_told_again_when_the_lease_is_over(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let rules = OutboxRules::all();
    let lost = house.take(&rules, now());
    assert_eq!(house.take_as("other", &rules, Mode::Apply, now() + 29.seconds()).map(|_| ()), None);
    let other = house.take_as("other", &rules, Mode::Apply, now() + 30.seconds()).unwrap();
    assert_eq!(names(&other), names(&lost));
    let results = [(lost.items[0].id, OutboxResult::Told { ends: None })];
    let late = house.store.outbox_settle(&lost.lease, &results, &TargetNews::Well, now() + 31.seconds());
    assert!(matches!(late, Err(StoreError::LeaseLost)));
    house.store.outbox_settle(&other.lease, &results, &TargetNews::Well, now() + 31.seconds()).unwrap();
    house.reopen();
    assert_eq!(house.tell(&rules, days(1)), []);
}

pub(crate) fn nothing_overtakes_what_waits_for_another_try(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    house.record(&unknown("b@x.example"), now());
    let rules = OutboxRules::all();
    let batch = house.take(&rules, now());
    let later = OutboxResult::Later { due_at: now() + 1.hour(), error: "no".to_owned() };
    let results = [(batch.items[0].id, later), (batch.items[1].id, OutboxResult::Told { ends: None })];
    house.store.outbox_settle(&batch.lease, &results, &TargetNews::Well, now()).unwrap();
    house.store.lift(&about("a@x.example"), now() + 1.minute(), None).unwrap();
    house.store.lift(&about("b@x.example"), now() + 1.minute(), None).unwrap();
    assert_eq!(house.tell(&rules, now() + 2.minutes()), [of("b@x.example", State::Ok)]);
    // Due by now is the later one as well, and longer: it comes when the earlier one is told.
    let mut attempts = Vec::new();
    for _ in 0..2 {
        let batch = house.take(&rules, now() + 1.hour());
        assert_eq!(names(&batch), [of("a@x.example", State::Ok)]);
        attempts.push((batch.items[0].decision.outcome, batch.items[0].attempts));
        let results = [(batch.items[0].id, OutboxResult::Told { ends: None })];
        house.store.outbox_settle(&batch.lease, &results, &TargetNews::Well, now() + 1.hour()).unwrap();
    }
    assert_eq!(attempts, [(Outcome::Suppress, 1), (Outcome::Lift, 0)]);
}

pub(crate) fn who_is_refused_comes_behind_those_who_wait(house: &mut House) {
    house.begin();
    let names: Vec<_> = (0..9).map(|number| format!("u{number}@x.example")).collect();
    for name in &names {
        house.record(&unknown(name), now());
    }
    let rules = OutboxRules::all();
    let order = OutboxTake {
        target: "list",
        rules: &rules,
        start: OutboxStart::First,
        owner: "me",
        lease: LEASE,
        rows: 3,
        mode: Mode::Apply,
    };
    let mut asked = Vec::new();
    // All of them are due again at each turn.
    for turn in 1..=4 {
        let at = now() + (turn * 2).minutes();
        let batch = house.store.outbox_take(&order, at).unwrap().unwrap();
        asked.extend(batch.items.iter().filter_map(|item| item.name.clone()));
        let again = |item: &OutboxItem| {
            (item.id, OutboxResult::Again { due_at: at + 1.minute(), error: "422".to_owned() })
        };
        let results: Vec<_> = batch.items.iter().map(again).collect();
        house.store.outbox_settle(&batch.lease, &results, &TargetNews::None, at).unwrap();
    }
    assert_eq!(asked, [&names[..], &names[..3]].concat());
}

pub(crate) fn a_try_that_does_not_count_is_one_more_all_the_same_in_its_order(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let rules = OutboxRules::all();
    let batch = house.take(&rules, now());
    let again = OutboxResult::Again { due_at: now() + 1.hour(), error: "404".to_owned() };
    house.store.outbox_settle(&batch.lease, &[(batch.items[0].id, again)], &TargetNews::None, now()).unwrap();
    house.store.lift(&about("a@x.example"), now() + 1.minute(), None).unwrap();
    assert_eq!(house.tell(&rules, now() + 2.minutes()), []);
    let batch = house.take(&rules, now() + 1.hour());
    let outcomes: Vec<_> = batch.items.iter().map(|item| (item.decision.outcome, item.attempts)).collect();
    assert_eq!(outcomes, [(Outcome::Suppress, 0)]);
    let results = [(batch.items[0].id, OutboxResult::Told { ends: None })];
    house.store.outbox_settle(&batch.lease, &results, &TargetNews::Well, now() + 1.hour()).unwrap();
    let batch = house.take(&rules, now() + 1.hour());
    let outcomes: Vec<_> = batch.items.iter().map(|item| (item.decision.outcome, item.attempts)).collect();
    assert_eq!(outcomes, [(Outcome::Lift, 0)]);
}

pub(crate) fn a_target_that_is_away_is_left_alone_and_loses_nothing(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let rules = OutboxRules::all();
    let batch = house.take(&rules, now());
    let away = TargetNews::Away { due_at: now() + 1.minute(), error: "refused".to_owned(), failures: 1 };
    house.store.outbox_settle(&batch.lease, &[], &away, now()).unwrap();
    assert!(!house.store.outbox_is_due("list", now() + 59.seconds()).unwrap());
    assert_eq!(house.take_as("me", &rules, Mode::Apply, now() + 59.seconds()).map(|_| ()), None);
    let status = house.store.outbox_targets(now()).unwrap().remove(0);
    assert_eq!((status.failures, status.waiting, status.last_error.as_deref()), (1, 1, Some("refused")));
    assert_eq!(house.take(&rules, now() + 1.minute()).failures, 1);
    assert!(house.store.outbox_resume("list").unwrap());
    assert!(!house.store.outbox_resume("nobody").unwrap());
    house.reopen();
    assert_eq!(house.tell(&rules, now() + 2.minutes()), [of("a@x.example", State::Suppressed)]);
    let status = house.store.outbox_targets(now()).unwrap().remove(0);
    assert_eq!((status.failures, status.waiting, status.told, status.last_error), (0, 0, 1, None));
}

pub(crate) fn who_wants_to_hear_nothing_more_is_disabled_until_a_person_says_otherwise(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let rules = OutboxRules::all();
    let batch = house.take(&rules, now());
    let gone = TargetNews::Disabled { error: "410 Gone".to_owned() };
    house.store.outbox_settle(&batch.lease, &[], &gone, now()).unwrap();
    assert!(!house.store.outbox_is_due("list", days(9)).unwrap());
    assert!(house.store.outbox_targets(now()).unwrap()[0].disabled);
    house.store.outbox_resume("list").unwrap();
    assert_eq!(house.tell(&rules, days(9)).len(), 1);
}

pub(crate) fn dead_letters_are_shown_tried_again_or_dropped(house: &mut House) {
    house.begin();
    for name in ["a@x.example", "b@x.example", "c@x.example"] {
        house.record(&unknown(name), now());
    }
    let rules = OutboxRules::all();
    let batch = house.take(&rules, now());
    let dead =
        |item: &abprall_store::OutboxItem| (item.id, OutboxResult::Dead { error: "422 no".to_owned() });
    let results: Vec<_> = batch.items.iter().map(dead).collect();
    house.store.outbox_settle(&batch.lease, &results, &TargetNews::Well, now()).unwrap();
    assert_eq!(house.tell(&rules, days(1)), [], "nobody tries them any more");
    let page = house.store.outbox_dead(Some("list"), Page::first(2)).unwrap();
    let shown: Vec<_> = page.rows.iter().map(|letter| letter.name.as_deref()).collect();
    assert_eq!(shown, [Some("a@x.example"), Some("b@x.example")]);
    assert_eq!((page.rows[0].attempts, page.rows[0].error.as_deref()), (1, Some("422 no")));
    let rest = house.store.outbox_dead(None, Page { after: page.next, rows: 2 }).unwrap();
    assert_eq!((rest.rows.len(), rest.next), (1, None));
    assert!(house.store.outbox_dead(Some("other"), Page::first(2)).unwrap().rows.is_empty());
    let first = DeadLetters::Numbers(vec![page.rows[0].id]);
    assert_eq!(house.store.outbox_settle_dead(&first, DeadFate::Retry, days(1)).unwrap(), 1);
    assert_eq!(house.store.outbox_settle_dead(&first, DeadFate::Retry, days(1)).unwrap(), 0);
    assert_eq!(house.tell(&rules, days(1)), [of("a@x.example", State::Suppressed)]);
    assert_eq!(
        house
            .store
            .outbox_settle_dead(&DeadLetters::Of("other".to_owned()), DeadFate::Drop, days(1))
            .unwrap(),
        0
    );
    assert_eq!(house.store.outbox_settle_dead(&DeadLetters::All, DeadFate::Drop, days(1)).unwrap(), 2);
    assert_eq!(house.store.outbox_targets(days(1)).unwrap()[0].dead, 0);
}

pub(crate) fn a_whole_domain_is_told_once_or_by_its_addresses(house: &mut House) {
    house.begin();
    house.store.outbox_begin("other", OutboxStart::Now).unwrap();
    for number in 0..3 {
        house.record(&routing(&format!("u{number}@x.example")), now());
    }
    house.tell(&by_address(), now());
    let item = house.lease_one(now());
    let stop = Conclusion::SuppressDomain { rule: "confirmed" };
    house.store.complete(&item, &concluded(stop, now()), now()).unwrap();
    let batch = house.take(&by_address(), days(1));
    let told = names(&batch);
    for number in 0..3 {
        assert!(told.contains(&of(&format!("u{number}@x.example"), State::Suppressed)), "{told:?}");
    }
    assert!(batch.items.iter().all(|item| item.scope == Scope::Address));
    // The other one takes a domain as such.
    let order = OutboxTake {
        target: "other",
        rules: &OutboxRules::all(),
        start: OutboxStart::Now,
        owner: "me",
        lease: LEASE,
        rows: 100,
        mode: Mode::Apply,
    };
    let other = house.store.outbox_take(&order, days(1)).unwrap().unwrap();
    let domain = other.items.iter().find(|item| item.scope == Scope::Domain).unwrap();
    assert_eq!((domain.name.as_deref(), domain.standing.state), (Some("x.example"), State::Suppressed));
}

pub(crate) fn a_target_hears_only_of_what_is_its_business(house: &mut House) {
    house.begin();
    house.record(&unknown("house@x.example"), now());
    house.record_all(&[unknown("shop@x.example")], &audience(Some("shop"), None), now());
    house.record_all(&[unknown("club@x.example")], &audience(Some("club"), None), now());
    house.record(&routing("held@x.example"), now());
    let shop = OutboxRules {
        tenant: Hears::Of(Some("shop".to_owned())),
        held: false,
        reasons: vec![Reason::UserUnknown],
        ..OutboxRules::all()
    };
    let told = house.tell(&shop, now());
    assert_eq!(told, [of("house@x.example", State::Suppressed), of("shop@x.example", State::Suppressed)]);
    // What the whole house hears of one tenant is told as it is for that one.
    house.store.outbox_forget("list").unwrap();
    house.begin();
    let all = house.tell(&OutboxRules::all(), now());
    assert_eq!(all.len(), 4);
    assert!(all.contains(&of("club@x.example", State::Suppressed)));
    // A list without tenants does not lose who one of them lost.
    house.store.outbox_forget("list").unwrap();
    house.begin();
    let plain = OutboxRules { tenant: Hears::Of(None), list: Hears::Of(None), ..OutboxRules::all() };
    let told = house.tell(&plain, now());
    assert_eq!(told, [of("house@x.example", State::Suppressed), of("held@x.example", State::Held)]);
}

pub(crate) fn the_end_of_a_stop_is_told_when_it_comes(house: &mut House) {
    house.begin();
    let rules = OutboxRules::all();
    house
        .store
        .stop(&about("a@x.example"), &order(Stop::Suppression, Some(days(5)), Audience::default()), now())
        .unwrap();
    assert_eq!(house.tell(&rules, now()), [of("a@x.example", State::Suppressed)]);
    assert!(!house.store.outbox_is_due("list", days(4)).unwrap());
    assert!(house.store.outbox_is_due("list", days(5)).unwrap());
    assert_eq!(house.tell(&rules, days(5)), [of("a@x.example", State::Ok)]);
    // What was told after it overtakes the end that was waited for.
    house
        .store
        .stop(&about("b@x.example"), &order(Stop::Suppression, Some(days(9)), Audience::default()), days(5))
        .unwrap();
    house.tell(&rules, days(5));
    house.store.lift(&about("b@x.example"), days(6), None).unwrap();
    assert_eq!(house.tell(&rules, days(6)), [of("b@x.example", State::Ok)]);
    assert!(!house.store.outbox_is_due("list", days(10)).unwrap());
    // What is told of one tenant overtakes nothing of another.
    let shop = audience(Some("shop"), None);
    house
        .store
        .stop(&about("c@x.example"), &order(Stop::Suppression, Some(days(20)), Audience::default()), days(10))
        .unwrap();
    house.store.stop(&about("c@x.example"), &order(Stop::Hold, None, shop), days(11)).unwrap();
    house.tell(&rules, days(11));
    // The tenant's mail was stopped by the house as well: for it, what is left is the hold.
    assert_eq!(house.tell(&rules, days(20)), [of("c@x.example", State::Ok), of("c@x.example", State::Held)]);
}

pub(crate) fn a_preview_of_the_outbox_changes_nothing(house: &mut House) {
    house.record(&unknown("a@x.example"), now());
    let rules = OutboxRules::all();
    let batch = house.take_as("", &rules, Mode::Preview, now()).unwrap();
    assert_eq!(names(&batch), [of("a@x.example", State::Suppressed)]);
    assert_eq!(house.store.outbox_targets(now()).unwrap(), []);
    house.begin();
    assert_eq!(house.take_as("", &rules, Mode::Preview, now()).unwrap().items.len(), 1);
    let status = house.store.outbox_targets(now()).unwrap().remove(0);
    assert_eq!((status.cursor, status.waiting, status.owner), (0, 0, None));
}

pub(crate) fn a_new_target_begins_with_the_first_decision_or_now(house: &mut House) {
    house.record(&unknown("a@x.example"), now());
    house.store.outbox_begin("list", OutboxStart::Now).unwrap();
    house.record(&unknown("b@x.example"), now());
    // It goes on where it was, whatever its settings say later.
    house.store.outbox_begin("list", OutboxStart::First).unwrap();
    assert_eq!(house.tell(&OutboxRules::all(), now()), [of("b@x.example", State::Suppressed)]);
}

pub(crate) fn of_who_was_forgotten_nothing_is_told(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let batch = house.take(&OutboxRules::all(), now());
    let later = OutboxResult::Later { due_at: now(), error: "a@x.example is nobody".to_owned() };
    house.store.outbox_settle(&batch.lease, &[(batch.items[0].id, later)], &TargetNews::Well, now()).unwrap();
    house.store.erase(&address("a@x.example"), now()).unwrap();
    let written = house.factory.everything();
    let needle = b"a@x.example";
    assert!(
        !written.windows(needle.len()).any(|window| window == needle),
        "what the target said is written somewhere"
    );
    let batch = house.take(&OutboxRules::all(), now());
    assert_eq!(batch.items.iter().map(|item| item.name.clone()).collect::<Vec<_>>(), [None]);
}

pub(crate) fn only_one_process_tells_a_target_at_a_time(house: &mut House) {
    house.begin();
    house.record(&unknown("a@x.example"), now());
    let mine = house.store.outbox_lease("list", "mender", LEASE, now()).unwrap().unwrap();
    assert!(!house.store.outbox_is_due("list", now()).unwrap());
    assert!(house.take_as("me", &OutboxRules::all(), Mode::Apply, now()).is_none());
    house.store.outbox_settle(&mine, &[], &TargetNews::None, now()).unwrap();
    assert_eq!(house.tell(&OutboxRules::all(), now()).len(), 1);
}
