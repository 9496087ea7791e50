//! Undoing, trying again, and what waits for a person.

use std::ops::ControlFlow;

use abprall_bounce::{Kind, Report};
use abprall_mail::Reason;
use abprall_policy::{Outcome, Policy};
use abprall_store::{Audience, Mode, Page, Reclassified, ReplayedReport, RewindSummary, Selection, State};
use jiff::{Timestamp, ToSpan};

use crate::house::{House, about, audience, busy, complaint, days, now, routing, unknown};

fn window(from: Timestamp, to: Timestamp) -> Selection {
    Selection { from, to, provider: None, reason: None, rule: None, tenant: None }
}

pub(crate) fn a_rewind_does_what_its_preview_says_by_new_decisions(house: &mut House) {
    house.record(&unknown("before@x.example"), days(-1));
    for number in 0..5 {
        house.record(&unknown(&format!("u{number}@x.example")), now());
    }
    house.record(&routing("r@y.example"), now());
    let failure = Report { kind: Kind::Failed, ..busy("s@z.example") };
    house.record(&failure, now());
    let selection = window(now(), now() + 1.minute());
    let before = house.store.summary(None, now(), 50).unwrap();
    let seq = last_change(house);
    let preview = house.store.rewind(&selection, Mode::Preview, days(1), None).unwrap();
    assert_eq!(house.store.summary(None, now(), 50).unwrap(), before, "a preview changes nothing");
    assert_eq!(last_change(house), seq);
    let wanted = RewindSummary {
        undone: 7,
        freed: 6,
        restored: 0,
        strikes: 1,
        overtaken: 0,
        examples: preview.examples.clone(),
    };
    assert_eq!(preview, wanted);
    assert_eq!(preview.examples[0], "r@y.example");
    let done = house.store.rewind(&selection, Mode::Apply, days(1), Some("a bad hour")).unwrap();
    assert_eq!(done, preview);
    assert_eq!(house.state("before@x.example", days(1)), State::Suppressed);
    assert_eq!(house.state("u3@x.example", days(1)), State::Ok);
    let story = house.store.story(&about("u3@x.example"), days(1), 10).unwrap().unwrap();
    let [undo, undone] = &story.decisions[..] else { panic!("{story:?}") };
    assert_eq!((undo.outcome, undo.rule.as_str(), undo.undoes), (Outcome::Lift, "rewind", Some(undone.id)));
    assert_eq!((undone.undone_by, undo.note.as_deref()), (Some(undo.id), Some("a bad hour")));
    // The strike counts no more, and there is nothing left to undo.
    for day in 1..5 {
        assert_eq!(house.record(&failure, days(day)).decision.outcome, Outcome::Count, "day {day}");
    }
    let again = house.store.rewind(&selection, Mode::Apply, days(6), None).unwrap();
    assert_eq!(again, RewindSummary::default());
    // Whoever fails again is stopped again.
    house.record(&unknown("u3@x.example"), days(7));
    assert_eq!(house.state("u3@x.example", days(7)), State::Suppressed);
}

fn last_change(house: &House) -> u64 {
    house.store.changes_since(0, 10_000).unwrap().last().map_or(0, |change| change.seq)
}

pub(crate) fn a_rewind_leaves_what_another_decision_holds(house: &mut House) {
    house.record(&routing("a@x.example"), days(-1));
    house.record(&unknown("a@x.example"), now());
    house.record(&unknown("b@x.example"), now());
    house.record(&complaint("b@x.example"), days(1));
    house.record(&unknown("c@x.example"), days(-1));
    house.record(&unknown("c@x.example"), now());
    let done = house.store.rewind(&window(now(), now() + 1.minute()), Mode::Apply, days(2), None).unwrap();
    assert_eq!((done.undone, done.freed, done.restored, done.overtaken), (3, 0, 1, 2));
    let held = house.standing("a@x.example", days(2));
    assert_eq!((held.state, held.reason), (State::Held, Some(Reason::RoutingServerFailure)));
    assert_eq!(house.standing("b@x.example", days(2)).reason, Some(Reason::Complaint));
    assert_eq!(house.state("c@x.example", days(2)), State::Suppressed);
    let stopped = house.store.stopped(days(2)).unwrap();
    assert_eq!((stopped.addresses_held, stopped.addresses_suppressed), (1, 2));
}

pub(crate) fn a_rewind_can_be_narrowed_to_provider_reason_rule_and_tenant(house: &mut House) {
    house.record(&unknown("a@x.example"), now());
    house.record(&routing("b@x.example"), now());
    house.record(&unknown("a@y.example"), now());
    house.record_all(&[unknown("t@x.example")], &audience(Some("t1"), None), now());
    let all = window(now(), now() + 1.minute());
    for (selection, freed) in [
        (Selection { provider: Some("x.example".into()), ..all.clone() }, 3),
        (Selection { provider: Some("z.example".into()), ..all.clone() }, 0),
        (Selection { reason: Some(Reason::RoutingServerFailure), ..all.clone() }, 1),
        (Selection { rule: Some("recipient-permanent".into()), ..all.clone() }, 3),
        (Selection { tenant: Some("t1".into()), ..all.clone() }, 1),
        (all, 4),
    ] {
        let summary = house.store.rewind(&selection, Mode::Preview, days(1), None).unwrap();
        assert_eq!(summary.freed, freed, "{selection:?}");
    }
}

pub(crate) fn a_rewind_leaves_wishes_and_orders_alone_unless_they_are_named(house: &mut House) {
    house.record(&crate::house::complaint("a@x.example"), now());
    let order = abprall_store::StopOrder {
        stop: abprall_policy::Stop::Suppression,
        reason: Reason::UserUnknown,
        until: None,
        audience: abprall_store::Audience::default(),
        note: None,
    };
    house.store.stop(&about("b@x.example"), &order, now()).unwrap();
    let all = window(now(), now() + 1.minute());
    assert_eq!(house.store.rewind(&all, Mode::Apply, days(1), None).unwrap().undone, 0);
    for named in [
        Selection { reason: Some(Reason::Complaint), ..all.clone() },
        Selection { rule: Some("operator".into()), ..all.clone() },
    ] {
        assert_eq!(house.store.rewind(&named, Mode::Preview, days(1), None).unwrap().freed, 1, "{named:?}");
    }
}

pub(crate) fn a_rewind_of_lifted_or_expired_decisions_stops_nobody(house: &mut House) {
    house.record(&routing("a@x.example"), days(-2));
    house.store.lift(&about("a@x.example"), days(-1), None).unwrap();
    house.record(&unknown("a@x.example"), now());
    let done = house.store.rewind(&window(now(), now() + 1.minute()), Mode::Apply, days(1), None).unwrap();
    assert_eq!((done.freed, done.restored), (1, 0), "what a person lifted does not come back");
    assert_eq!(house.state("a@x.example", days(1)), State::Ok);
}

pub(crate) fn a_replay_gives_every_report_with_what_was_decided(house: &mut House) {
    house.record(&unknown("a@x.example"), now());
    house.record(&routing("b@y.example"), now() + 1.minute());
    house.record(&complaint("a@x.example"), now() + 2.minutes());
    house.store.lift(&about("a@x.example"), now() + 3.minutes(), None).unwrap();
    let replayed = replay(house, days(-1), days(1));
    let told: Vec<_> = replayed
        .iter()
        .map(|report| {
            (report.address.as_deref().unwrap(), report.outcome, report.rule.as_str(), report.is_hard)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a@x.example", Outcome::Suppress, "recipient-permanent", true),
            ("b@y.example", Outcome::Hold, "route-permanent", true),
            ("a@x.example", Outcome::Suppress, "complaint", false),
        ]
    );
    assert_eq!(replayed[1].provider.as_deref(), Some("y.example"));
    // Decided again by the same policy, it is the same.
    for report in &replayed {
        let decision =
            abprall_policy::decide(&report.case, &abprall_policy::History::default(), &Policy::default());
        assert_eq!((decision.outcome, decision.rule), (report.outcome, report.rule.as_str()));
    }
    assert_eq!(replay(house, now() + 1.minute(), now() + 2.minutes()).len(), 1);
    let mut seen = 0;
    let count = house.store.replay(days(-1), days(1), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((count.unwrap(), seen), (1, 1));
}

fn replay(house: &House, from: Timestamp, to: Timestamp) -> Vec<ReplayedReport> {
    let mut replayed = Vec::new();
    house
        .store
        .replay(from, to, &mut |report| {
            replayed.push(report);
            ControlFlow::Continue(())
        })
        .unwrap();
    replayed
}

fn odd(who: &str) -> Report {
    abprall_bounce::read_line(&format!("559 5.9.9 <{who}>: the badger has taken box 17 of mx1.host.example"))
}

pub(crate) fn undetermined_reports_wait_in_clusters_until_a_rule_understands_them(house: &mut House) {
    for number in 0..4 {
        let decided =
            house.record(&odd(&format!("u{number}@x.example")), now() + i64::from(number).minutes());
        assert_eq!(decided.decision.outcome, Outcome::Review);
    }
    house.reply("558 5.9.8 <v@x.example>: quite another thing", now());
    let clusters = house.store.review_clusters(Page::first(10)).unwrap().rows;
    assert_eq!(clusters.iter().map(|cluster| cluster.reports).collect::<Vec<_>>(), [4, 1]);
    assert_eq!((clusters[0].first_at, clusters[0].last_at), (now(), now() + 3.minutes()));
    let first = house.store.review_clusters(Page::first(1)).unwrap();
    let rest = house.store.review_clusters(Page { after: first.next, rows: 1 }).unwrap();
    assert_eq!((rest.rows[0].id, rest.next), (clusters[1].id, None));

    let waiting = house.store.review_reports(Some(clusters[0].id), Page::first(10)).unwrap().rows;
    assert_eq!(waiting.len(), 4);
    assert_eq!(waiting[0].report.diagnostic, odd("u0@x.example").diagnostic);
    assert_eq!(waiting[0].report.recipient, odd("u0@x.example").recipient);
    assert_eq!(house.store.review_reports(None, Page::first(10)).unwrap().rows.len(), 5);
    let reports_before: u64 =
        house.store.summary(None, now(), 50).unwrap().reasons.iter().map(|row| row.reports).sum();

    // A person has made a rule: the badger means that the mailbox is gone.
    let judged = house.judge(&unknown("whoever@x.example"));
    let again: Vec<_> = waiting[..3]
        .iter()
        .map(|report| Reclassified { report: report.id, judged: judged.clone() })
        .collect();
    let summary = house.store.reclassify(&again, &Policy::default(), days(1)).unwrap();
    assert_eq!((summary.decided, summary.stopped, summary.undetermined), (3, 3, 0));
    assert_eq!(house.state("u0@x.example", days(1)), State::Suppressed);
    assert_eq!(house.state("u3@x.example", days(1)), State::Ok);
    let clusters = house.store.review_clusters(Page::first(10)).unwrap().rows;
    assert_eq!(clusters.iter().map(|cluster| cluster.reports).collect::<Vec<_>>(), [1, 1]);
    let story = house.store.story(&about("u0@x.example"), days(1), 10).unwrap().unwrap();
    assert_eq!(story.decisions[0].report.as_ref().unwrap().reason, Reason::UserUnknown);
    assert_eq!(story.decisions.len(), 2);
    // Each report is still counted once.
    let after = house.store.summary(None, now(), 50).unwrap();
    assert_eq!(after.reasons.iter().map(|row| row.reports).sum::<u64>(), reports_before);
    let unknown_now: u64 =
        after.reasons.iter().filter(|row| row.reason == Reason::UserUnknown).map(|row| row.reports).sum();
    assert_eq!(unknown_now, 3);
    // The same again changes nothing: they wait no more.
    house.store.reclassify(&again, &Policy::default(), days(2)).unwrap();
    let clusters = house.store.review_clusters(Page::first(10)).unwrap().rows;
    assert_eq!(clusters.iter().map(|cluster| cluster.reports).collect::<Vec<_>>(), [1, 1]);
    let third = house.store.summary(None, now(), 50).unwrap();
    assert_eq!(third.reasons, after.reasons);
    assert_eq!(house.store.story(&about("u0@x.example"), days(2), 10).unwrap().unwrap().decisions.len(), 2);
    let _ = Audience::default();
}
