//! Who is stopped, for whom, until when.

use std::ops::ControlFlow;

use abprall_mail::{Domain, Reason};
use abprall_policy::Stop;
use abprall_store::{
    Audience, ImportMode, ImportedStop, Scope, Standing, State, StopFilter, StopOrder, StoreError, Subject,
};
use jiff::{Timestamp, ToSpan};

use crate::house::{House, about, audience, complaint, days, now, routing, unknown};

fn order(stop: Stop, audience: Audience, until: Option<Timestamp>) -> StopOrder {
    StopOrder { stop, reason: Reason::RoutingServerFailure, until, audience, note: None }
}

pub(crate) fn a_stopped_domain_stops_its_addresses_until_it_is_lifted_or_over(house: &mut House) {
    let domain = about("dead.example");
    let until = now() + 24.hours();
    let standing =
        house.store.stop(&domain, &order(Stop::Hold, Audience::default(), Some(until)), now()).unwrap();
    assert_eq!((standing.state, standing.scope), (State::Held, Some(Scope::Domain)));
    assert_eq!(house.state("anybody@dead.example", now()), State::Held);
    assert_eq!(house.state("anybody@other.example", now()), State::Ok);
    assert_eq!(house.standing("anybody@dead.example", until), Standing::ok("anybody@dead.example".into()));
    assert_eq!(house.store.lift(&domain, now(), None).unwrap().state, State::Held);
    assert_eq!(house.state("anybody@dead.example", now()), State::Ok);
    // There is nothing left to lift, and nothing is written about it.
    assert_eq!(house.store.lift(&domain, now(), None).unwrap().state, State::Ok);
    assert_eq!(house.store.story(&domain, now(), 10).unwrap().unwrap().decisions_total, 2);
}

pub(crate) fn a_stop_of_one_tenant_or_list_is_nobody_elses(house: &mut House) {
    house
        .store
        .stop(&about("a@x.example"), &order(Stop::Suppression, audience(Some("t1"), None), None), now())
        .unwrap();
    house
        .store
        .stop(&about("b@x.example"), &order(Stop::Suppression, audience(None, Some("news")), None), now())
        .unwrap();
    house
        .store
        .stop(&about("c@x.example"), &order(Stop::Suppression, Audience::default(), None), now())
        .unwrap();
    for (who, tenant, list, state) in [
        ("a@x.example", None, None, State::Ok),
        ("a@x.example", Some("t1"), None, State::Suppressed),
        ("a@x.example", Some("t1"), Some("news"), State::Suppressed),
        ("a@x.example", Some("t2"), None, State::Ok),
        ("b@x.example", Some("t1"), Some("news"), State::Suppressed),
        ("b@x.example", None, Some("offers"), State::Ok),
        ("c@x.example", Some("t2"), Some("offers"), State::Suppressed),
    ] {
        assert_eq!(house.state_for(who, tenant, list), state, "{who} {tenant:?} {list:?}");
    }
}

pub(crate) fn an_unsubscribe_is_about_its_list(house: &mut House) {
    let report =
        abprall_bounce::Report { kind: abprall_bounce::Kind::Unsubscribe, ..complaint("a@x.example") };
    house.record_all(&[report], &audience(None, Some("news")), now());
    assert_eq!(house.state_for("a@x.example", None, Some("news")), State::Suppressed);
    assert_eq!(house.state_for("a@x.example", None, Some("offers")), State::Ok);
}

pub(crate) fn a_mail_host_stops_only_domains_that_have_no_other(house: &mut House) {
    house.record(&routing("a@one.example"), now());
    let item = house.lease_one(now());
    let update = abprall_store::DomainUpdate {
        health: crate::house::health(now()),
        operator: Some("host.example".into()),
        mx_hosts: vec!["mx1.host.example".into(), "mx2.host.example".into()],
        name_servers: vec![],
    };
    let outcome = abprall_store::WorkOutcome {
        domain: Some(update),
        ..crate::house::concluded(abprall_policy::Conclusion::Release { rule: "claim-refuted" }, now())
    };
    house.store.complete(&item, &outcome, now()).unwrap();
    let host = |name: &str| Subject::MxHost(Domain::parse(name).unwrap());
    house
        .store
        .stop(&host("mx1.host.example"), &order(Stop::Hold, Audience::default(), None), now())
        .unwrap();
    assert_eq!(house.state("a@one.example", now()), State::Ok);
    house
        .store
        .stop(&host("mx2.host.example"), &order(Stop::Hold, Audience::default(), None), now())
        .unwrap();
    let standing = house.standing("a@one.example", now());
    assert_eq!((standing.state, standing.scope), (State::Held, Some(Scope::MxHost)));
}

pub(crate) fn a_person_who_holds_somebody_for_a_day_lifts_no_complaint(house: &mut House) {
    house.record(&complaint("c@x.example"), now());
    let day = order(Stop::Hold, Audience::default(), Some(days(1)));
    let standing = house.store.stop(&about("c@x.example"), &day, now()).unwrap();
    assert_eq!((standing.state, standing.reason), (State::Suppressed, Some(Reason::Complaint)));
    assert_eq!(house.state("c@x.example", days(2)), State::Suppressed);
    // What was ordered is told nevertheless.
    let story = house.store.story(&about("c@x.example"), now(), 10).unwrap().unwrap();
    assert_eq!((story.decisions[0].rule.as_str(), story.decisions.len()), ("operator", 2));
    assert_eq!(house.store.stopped(now()).unwrap().addresses_suppressed, 1);
}

fn listed(house: &House, filter: &StopFilter) -> Vec<String> {
    let mut names = Vec::new();
    house
        .store
        .stops(filter, now(), &mut |row| {
            names.push(row.standing.address);
            ControlFlow::Continue(())
        })
        .unwrap();
    names.sort();
    names
}

pub(crate) fn the_list_of_stops_can_be_narrowed_down_and_broken_off(house: &mut House) {
    house.record(&unknown("anna@gone.example"), now());
    house.record(&routing("bert@dead.example"), now());
    house
        .store
        .stop(&about("dom.example"), &order(Stop::Hold, audience(Some("t1"), None), None), now())
        .unwrap();
    let all = StopFilter::default();
    assert_eq!(listed(house, &all), ["anna@gone.example", "bert@dead.example", "dom.example"]);
    assert_eq!(
        listed(house, &StopFilter { state: Some(State::Held), ..all.clone() }),
        ["bert@dead.example", "dom.example"]
    );
    assert_eq!(
        listed(house, &StopFilter { reason: Some(Reason::UserUnknown), ..all.clone() }),
        ["anna@gone.example"]
    );
    assert_eq!(listed(house, &StopFilter { tenant: Some("t1".into()), ..all.clone() }), ["dom.example"]);
    let mut seen = 0;
    let count = house.store.stops(&all, now(), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((count.unwrap(), seen), (1, 1));
}

fn imported(subject: &str, stop: Stop) -> ImportedStop {
    ImportedStop {
        subject: about(subject),
        stop,
        reason: Reason::UserUnknown,
        since: Some(days(-30)),
        until: None,
        audience: Audience::default(),
        note: Some("ses.csv:2".into()),
    }
}

pub(crate) fn an_import_adds_what_is_harder_and_keeps_the_rest(house: &mut House) {
    house.record(&complaint("c@x.example"), now());
    house.record(&routing("h@x.example"), now());
    let rows = [
        imported("c@x.example", Stop::Suppression),
        imported("h@x.example", Stop::Suppression),
        imported("n@x.example", Stop::Suppression),
        imported("n@x.example", Stop::Hold),
        imported("m@x.example", Stop::Hold),
        imported("m@x.example", Stop::Suppression),
        imported("dom.example", Stop::Suppression),
    ];
    let summary = house.store.import_stops(&mut rows.into_iter(), ImportMode::Batches, now()).unwrap();
    assert_eq!((summary.added, summary.kept), (5, 2));
    let stopped = house.store.stopped(now()).unwrap();
    assert_eq!((stopped.addresses_suppressed, stopped.addresses_held, stopped.domains_stopped), (4, 0, 1));
    assert_eq!(house.state("m@x.example", now()), State::Suppressed);
    assert_eq!(house.standing("c@x.example", now()).reason, Some(Reason::Complaint));
    assert_eq!(house.state("h@x.example", now()), State::Suppressed);
    let standing = house.standing("n@x.example", now());
    assert_eq!((standing.state, standing.since), (State::Suppressed, Some(days(-30))));
    assert_eq!(house.state("whoever@dom.example", now()), State::Suppressed);
    let story = house.store.story(&about("n@x.example"), now(), 10).unwrap().unwrap();
    assert_eq!(
        (story.decisions[0].rule.as_str(), story.decisions[0].note.as_deref()),
        ("import", Some("ses.csv:2"))
    );
}

pub(crate) fn a_broken_off_import_leaves_nothing(house: &mut House) {
    struct Breaks(u32);
    impl Iterator for Breaks {
        type Item = ImportedStop;
        fn next(&mut self) -> Option<ImportedStop> {
            self.0 += 1;
            assert!(self.0 < 3000, "the caller dies");
            Some(imported(&format!("u{}@x.example", self.0), Stop::Suppression))
        }
    }
    let store = &mut house.store;
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _: Result<_, StoreError> = store.import_stops(&mut Breaks(0), ImportMode::Whole, now());
    }));
    assert!(died.is_err());
    house.reopen();
    assert_eq!(house.store.stopped(now()).unwrap().addresses_suppressed, 0);
    assert_eq!(house.state("u1@x.example", now()), State::Ok);
}
