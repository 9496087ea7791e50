//! What a report does.

use abprall_bounce::{Kind, Report};
use abprall_mail::Reason;
use abprall_policy::{Conclusion, Outcome};
use abprall_store::{Audience, HostFilter, HostSort, Page, Period, Recorded, State};
use jiff::ToSpan;

use crate::house::{
    House, about, address, complaint, concluded, days, delivered, full, now, routing, unknown,
};

pub(crate) fn a_dead_mailbox_is_suppressed_a_dead_route_held_a_listed_sender_neither(house: &mut House) {
    house.record(&unknown("anna@gone.example"), now());
    house.record(&routing("bert@dead.example"), now());
    house.reply(
        "554 5.7.1 <carl@strict.example>: Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        now(),
    );
    assert_eq!(house.state("anna@gone.example", now()), State::Suppressed);
    assert_eq!(house.state("ANNA@Gone.Example", now()), State::Suppressed);
    assert_eq!(house.state("bert@dead.example", now()), State::Held);
    assert_eq!(house.state("carl@strict.example", now()), State::Ok);
    assert_eq!(house.state("nobody@gone.example", now()), State::Ok);
}

pub(crate) fn the_same_content_counts_once_in_whatever_process(house: &mut House) {
    let reply = "550 5.1.1 <anna@gone.example>: User unknown";
    assert!(matches!(house.content("1.eml", reply, now()), Recorded::New(_)));
    let once = house.store.summary(None, now(), 10).unwrap();
    assert_eq!(house.content("1.eml", reply, now()), Recorded::Known);
    house.reopen();
    assert_eq!(house.content("1.eml", reply, now()), Recorded::Known);
    assert_eq!(house.store.summary(None, now(), 10).unwrap(), once);
}

pub(crate) fn the_same_content_twice_in_a_batch_counts_once(house: &mut House) {
    let report = unknown("anna@gone.example");
    let decided = house.record_all(&[report.clone(), report], &Audience::default(), now());
    // Two contents, one failure without an id: two reports, but one of them stopped nobody new.
    assert!(decided[0].newly_stopped && !decided[1].newly_stopped);
    assert_eq!(house.store.stopped(now()).unwrap().addresses_suppressed, 1);
}

pub(crate) fn a_log_line_a_bounce_and_a_webhook_of_one_attempt_are_one_failure(house: &mut House) {
    let report = Report {
        message_id: Some("<1@list.example>".into()),
        queue_id: Some("4ABC".into()),
        reporting_mta: Some("mx.sender.example".into()),
        last_attempt_at: Some(now()),
        ..full("anna@full.example")
    };
    let failed = Report { kind: Kind::Failed, ..report.clone() };
    let log = Report { message_id: None, ..failed.clone() };
    let webhook = Report { queue_id: None, reporting_mta: None, ..failed.clone() };
    assert_eq!(house.record(&log, now()).decision.outcome, Outcome::Count);
    for same in [&failed, &webhook] {
        let decided = house.record(same, now()).decision;
        assert_eq!((decided.outcome, decided.rule), (Outcome::Nothing, "same-failure"));
    }
    // A harder word about the same attempt still counts.
    let harder = Report { message_id: failed.message_id.clone(), ..unknown("anna@full.example") };
    assert_eq!(house.record(&harder, now()).decision.outcome, Outcome::Suppress);
}

pub(crate) fn a_harder_stop_replaces_a_softer_one_and_not_the_other_way_round(house: &mut House) {
    house.record(&routing("anna@gone.example"), now());
    assert_eq!(house.state("anna@gone.example", now()), State::Held);
    house.record(&unknown("anna@gone.example"), now());
    house.record(&routing("anna@gone.example"), now());
    let standing = house.standing("anna@gone.example", now());
    assert_eq!((standing.state, standing.reason), (State::Suppressed, Some(Reason::UserUnknown)));
    house.record(&complaint("anna@gone.example"), now());
    house.record(&unknown("anna@gone.example"), now());
    assert_eq!(house.standing("anna@gone.example", now()).reason, Some(Reason::Complaint));
}

pub(crate) fn what_was_sent_to_is_stopped_not_where_it_was_forwarded(house: &mut House) {
    let report =
        Report { original_recipient: Some(address("list@a.example")), ..unknown("anna@gone.example") };
    house.record(&report, now());
    assert_eq!(house.state("list@a.example", now()), State::Suppressed);
    assert_eq!(house.state("anna@gone.example", now()), State::Ok);
    let story = house.store.story(&about("list@a.example"), now(), 10).unwrap().unwrap();
    let failed = story.decisions[0].report.as_ref().unwrap().failed_address.as_deref();
    assert_eq!(failed, Some("anna@gone.example"));
}

pub(crate) fn soft_failures_on_five_days_stop_for_ninety(house: &mut House) {
    let failure = Report { kind: Kind::Failed, ..crate::house::busy("anna@busy.example") };
    for day in 0..4 {
        // Many on one day are one.
        house.record(&failure, days(day));
        house.record(&failure, days(day) + 1.hour());
    }
    assert_eq!(house.state("anna@busy.example", days(3)), State::Ok);
    let fifth = house.record(&failure, days(4));
    assert_eq!((fifth.decision.outcome, fifth.decision.rule), (Outcome::Suppress, "soft-threshold"));
    assert_eq!(house.state("anna@busy.example", days(4)), State::Suppressed);
    assert_eq!(house.standing("anna@busy.example", days(4)).until, Some(days(94)));
    assert_eq!(house.state("anna@busy.example", days(95)), State::Ok);
}

pub(crate) fn a_stop_that_does_not_end_outlasts_one_that_does(house: &mut House) {
    let failure = Report { kind: Kind::Failed, ..crate::house::busy("anna@busy.example") };
    for day in 0..5 {
        house.record(&failure, days(day));
    }
    assert_eq!(house.standing("anna@busy.example", days(5)).until, Some(days(94)));
    house.record(&unknown("anna@busy.example"), days(5));
    let standing = house.standing("anna@busy.example", days(95));
    assert_eq!((standing.state, standing.reason), (State::Suppressed, Some(Reason::UserUnknown)));
    assert_eq!(house.store.stopped(days(95)).unwrap().addresses_suppressed, 1);
}

pub(crate) fn a_delivery_wipes_the_soft_failures_before_it(house: &mut House) {
    let failure = Report { kind: Kind::Failed, ..crate::house::busy("anna@busy.example") };
    for day in 0..4 {
        house.record(&failure, days(day));
    }
    assert_eq!(house.record(&delivered("anna@busy.example"), days(4)).decision.outcome, Outcome::Reset);
    for day in 5..9 {
        assert_eq!(house.record(&failure, days(day)).decision.outcome, Outcome::Count, "day {day}");
    }
    assert_eq!(house.record(&failure, days(9)).decision.outcome, Outcome::Suppress);
}

pub(crate) fn a_complaint_is_not_lifted_by_anything_but_a_person(house: &mut House) {
    house.record(&complaint("anna@a.example"), now());
    house.record(&delivered("anna@a.example"), days(1));
    assert_eq!(house.state("anna@a.example", days(400)), State::Suppressed);
    house.store.lift(&about("anna@a.example"), days(400), Some("wrote to us")).unwrap();
    assert_eq!(house.state("anna@a.example", days(400)), State::Ok);
}

pub(crate) fn unsigned_reports_are_hints_where_removals_need_a_signature(house: &mut House) {
    house.policy.trust.removals = abprall_policy::RemovalTrust::Signed;
    assert_eq!(house.record(&unknown("anna@gone.example"), now()).decision.rule, "not-signed");
    assert_eq!(house.state("anna@gone.example", now()), State::Ok);
    let signed = Report { trust: abprall_bounce::Trust::Signed, ..unknown("anna@gone.example") };
    house.record(&signed, now());
    assert_eq!(house.state("anna@gone.example", now()), State::Suppressed);
}

pub(crate) fn a_story_tells_the_decision_with_its_evidence(house: &mut House) {
    house.record(&routing("bert@dead.example"), now());
    let subject = about("bert@dead.example");
    house.store.lift(&subject, now(), Some("spoke with their admin")).unwrap();
    let story = house.store.story(&subject, now(), 10).unwrap().unwrap();
    assert_eq!(story.standing.state, State::Ok);
    let [lifted, held] = &story.decisions[..] else { panic!("{story:?}") };
    assert_eq!((lifted.outcome, lifted.rule.as_str()), (Outcome::Lift, "operator"));
    assert_eq!(lifted.note.as_deref(), Some("spoke with their admin"));
    assert_eq!(lifted.undoes, Some(held.id));
    assert_eq!(held.undone_by, Some(lifted.id));
    assert_eq!((held.outcome, held.rule.as_str()), (Outcome::Hold, "route-permanent"));
    let fingerprint = held.policy_fingerprint.as_deref().unwrap();
    assert!(house.store.policy_text(fingerprint).unwrap().unwrap().contains("SoftPolicy"));
    let report = held.report.as_ref().unwrap();
    assert_eq!((report.source.as_str(), report.status.as_deref()), ("contract", Some("5.4.3")));
    assert!(report.diagnostic.as_deref().unwrap().contains("Routing server failure"));
    assert!(!report.because.is_empty());
    assert!(house.store.story(&about("x@y.example"), now(), 10).unwrap().is_none());
}

pub(crate) fn the_summary_counts_by_reason_domain_and_server(house: &mut House) {
    for local in ["a", "b", "c"] {
        house.record(&routing(&format!("{local}@dead.example")), now());
    }
    house.record(
        &Report { remote_mta: Some("MX1.gone.example".into()), ..unknown("anna@gone.example") },
        now(),
    );
    let summary = house.store.summary(None, now(), 10).unwrap();
    let stopped = summary.stopped;
    assert_eq!((summary.messages, stopped.addresses_held, stopped.addresses_suppressed), (4, 3, 1));
    let dead = &summary.domains[0];
    assert_eq!((dead.domain.as_str(), dead.failures, dead.route_failures), ("dead.example", 3, 3));
    assert_eq!((dead.addresses, dead.stopped, dead.reason), (3, 3, Reason::RoutingServerFailure));
    assert_eq!((summary.hosts[0].host.as_str(), summary.hosts[0].domains), ("mx1.gone.example", Some(1)));
    let listed = house.store.hosts(&HostFilter::default(), HostSort::Failures, Page::first(1)).unwrap();
    assert_eq!((&*listed.rows[0].host, listed.rows[0].domains), ("mx1.gone.example", 1));
    assert_eq!(summary.reasons.iter().map(|row| row.reports).sum::<u64>(), 4);
    let empty = house.store.summary(Some("2026-11-25".parse().unwrap()), now(), 10).unwrap();
    assert!(empty.reasons.is_empty() && empty.domains.is_empty());
}

pub(crate) fn what_is_claimed_of_a_domain_is_the_newest_reason_of_the_way_there(house: &mut House) {
    house.record(&routing("a@dead.example"), now());
    house.record(&unknown("b@dead.example"), days(1));
    house.record(&unknown("c@gone.example"), now());
    assert_eq!(house.store.claim("dead.example").unwrap(), Some(Reason::RoutingServerFailure));
    assert_eq!(house.store.claim("gone.example").unwrap(), None);
    assert_eq!(house.store.claim("nowhere.example").unwrap(), None);
}

pub(crate) fn the_trends_tell_days_providers_servers_and_who_came_back(house: &mut House) {
    house.record(&delivered("bert@gone.example"), now());
    house.record(
        &Report { remote_mta: Some("mx1.dead.example".into()), ..routing("anna@dead.example") },
        now(),
    );
    house.record(&unknown("anna@gone.example"), days(1));
    house.record(&unknown("carl@gone.example"), days(1));
    let item = house.lease_one(now());
    let refuted = concluded(Conclusion::Release { rule: "claim-refuted" }, days(1));
    house.store.complete(&item, &refuted, days(1)).unwrap();
    let trends = |house: &House, period| house.store.trends(period, days(1), 10).unwrap();
    let all = trends(house, Period::default());
    assert_eq!(all.by_day.iter().map(|row| row.reports).sum::<u64>(), 4);
    let providers: Vec<_> =
        all.providers.iter().map(|row| (&*row.provider, row.failures, row.hard, row.reason)).collect();
    let expected =
        [("gone.example", 2, 2, Reason::UserUnknown), ("dead.example", 1, 1, Reason::RoutingServerFailure)];
    assert_eq!(providers, expected);
    assert_eq!((all.providers_total, all.route_hosts_total, all.addresses_known), (2, 1, 4));
    assert_eq!((&*all.route_hosts[0].host, all.route_hosts[0].failures), ("mx1.dead.example", 1));
    assert_eq!((&*all.recoveries[0].domain, all.recoveries[0].released), ("dead.example", 1));
    assert_eq!((all.recovered.domains, all.pending, all.brakes.len()), (1, 0, 0));
    let first = trends(house, Period { since: None, until: Some("2026-11-24".parse().unwrap()) });
    assert_eq!((first.providers_total, first.recoveries.len()), (1, 0));
    assert_eq!(first.summary.hosts[0].domains, None, "how many of these days is not known");
}
