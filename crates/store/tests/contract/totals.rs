//! Sums are kept, not counted: they have to be those of a recount, whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use abprall_bounce::{Kind, Report};
use abprall_mail::Reason;
use abprall_policy::{Conclusion, Policy, Reinstatement, Stop};
use abprall_store::{
    Audience, Change, DomainFilter, DomainSort, Fingerprints, ImportMode, ImportedStop, Mode, Page, Scope,
    Selection, State, StopFilter, StopOrder, WorkOutcome, index_key,
};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::house::{
    House, about, address, audience, busy, complaint, concluded, days, delivered, now, routing, unknown,
};

/// What may happen, to one of a few addresses of a few domains.
#[derive(Clone, Copy, Debug)]
enum Step {
    Unknown,
    Routing,
    Soft,
    Delivered,
    Complaint,
    Unsubscribe,
    Odd,
    Stop,
    StopDomain,
    Lift,
    LiftDomain,
    Import,
    Confirm,
    Hold,
    Refute,
    Canary,
    Back,
    Rewind,
    Reclassify,
    Erase,
    Reopen,
}

const STEPS: [Step; 21] = [
    Step::Unknown,
    Step::Routing,
    Step::Soft,
    Step::Delivered,
    Step::Complaint,
    Step::Unsubscribe,
    Step::Odd,
    Step::Stop,
    Step::StopDomain,
    Step::Lift,
    Step::LiftDomain,
    Step::Import,
    Step::Confirm,
    Step::Hold,
    Step::Refute,
    Step::Canary,
    Step::Back,
    Step::Rewind,
    Step::Reclassify,
    Step::Erase,
    Step::Reopen,
];

pub(crate) fn whatever_happens_the_totals_are_those_of_a_recount(house: &mut House) {
    let steps = prop::collection::vec((0..STEPS.len(), 0..4_usize, 0..3_usize, any::<bool>()), 1..40);
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let house = std::cell::RefCell::new(house);
    let outcome = runner.run(&steps, |steps| {
        let mut house = house.borrow_mut();
        house.store = house.factory.fresh();
        let mut reports = 0;
        for (number, (step, local, domain, scoped)) in (0..).zip(steps) {
            let step = STEPS[step];
            let domain = ["x.example", "y.example", "z.example"][domain];
            let who = format!("u{local}@{domain}");
            let audience = if scoped { audience(Some("t1"), Some("news")) } else { Audience::default() };
            let at = now() + (6 * i64::from(number)).hours();
            reports += take(&mut house, step, &who, domain, &audience, at);
            recount(&house, at, reports)
                .map_err(|why| TestCaseError::fail(format!("after {step:?}: {why}")))?;
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Does it. Gives how many reports it added.
fn take(house: &mut House, step: Step, who: &str, domain: &str, audience: &Audience, at: Timestamp) -> u64 {
    let order = |stop| StopOrder {
        stop,
        reason: Reason::RoutingServerFailure,
        until: (at.as_second() % 2 == 0).then(|| at + 240.hours()),
        audience: audience.clone(),
        note: None,
    };
    let report = match step {
        Step::Unknown => Some(unknown(who)),
        Step::Routing => Some(routing(who)),
        Step::Soft => Some(Report { kind: Kind::Failed, ..busy(who) }),
        Step::Delivered => Some(delivered(who)),
        Step::Complaint => Some(complaint(who)),
        Step::Unsubscribe => Some(Report { kind: Kind::Unsubscribe, ..complaint(who) }),
        Step::Odd => Some(abprall_bounce::read_line(&format!("559 5.9.9 <{who}>: the badger is in"))),
        Step::Stop
        | Step::StopDomain
        | Step::Lift
        | Step::LiftDomain
        | Step::Import
        | Step::Confirm
        | Step::Hold
        | Step::Refute
        | Step::Canary
        | Step::Back
        | Step::Rewind
        | Step::Reclassify
        | Step::Erase
        | Step::Reopen => None,
    };
    if let Some(report) = report {
        house.record_all(&[report], audience, at);
        return 1;
    }
    match step {
        Step::Stop => drop(house.store.stop(&about(who), &order(Stop::Suppression), at).unwrap()),
        Step::StopDomain => drop(house.store.stop(&about(domain), &order(Stop::Hold), at).unwrap()),
        Step::Lift => drop(house.store.lift(&about(who), at, None).unwrap()),
        Step::LiftDomain => drop(house.store.lift(&about(domain), at, None).unwrap()),
        Step::Import => {
            let row = ImportedStop {
                subject: about(who),
                stop: Stop::Suppression,
                reason: Reason::UserUnknown,
                since: None,
                until: None,
                audience: audience.clone(),
                note: None,
            };
            house.store.import_stops(&mut std::iter::once(row), ImportMode::Batches, at).unwrap();
        }
        Step::Confirm => look(house, Some(Conclusion::SuppressDomain { rule: "proven-dead" }), at, |_| {}),
        Step::Hold => look(house, Some(Conclusion::HoldDomain { rule: "no-route-now" }), at, |_| {}),
        Step::Refute => look(house, Some(Conclusion::Release { rule: "claim-refuted" }), at, |_| {}),
        Step::Canary => look(house, None, at, |outcome| {
            outcome.release = 1;
            outcome.reinstatement = Some(Reinstatement::Canary { released_at: at });
            outcome.next_release = Some(at);
        }),
        Step::Back => look(house, None, at, |outcome| {
            outcome.release = 100;
            outcome.reinstatement = Some(Reinstatement::Done);
        }),
        Step::Rewind => {
            let selection = Selection {
                from: at - 30.hours(),
                to: at,
                provider: Some(domain.to_owned()),
                reason: None,
                rule: None,
                tenant: None,
            };
            let preview = house.store.rewind(&selection, Mode::Preview, at, None).unwrap();
            assert_eq!(house.store.rewind(&selection, Mode::Apply, at, None).unwrap(), preview);
        }
        Step::Reclassify => {
            let judged = house.judge(&routing(who));
            let waiting = house.store.review_reports(None, Page::first(2)).unwrap().rows;
            let again: Vec<_> = waiting
                .iter()
                .map(|report| abprall_store::Reclassified { report: report.id, judged: judged.clone() })
                .collect();
            house.store.reclassify(&again, &Policy::default(), at).unwrap();
        }
        Step::Erase => {
            house.store.erase(&address(who), at).unwrap();
        }
        Step::Reopen => house.reopen(),
        Step::Unknown
        | Step::Routing
        | Step::Soft
        | Step::Delivered
        | Step::Complaint
        | Step::Unsubscribe
        | Step::Odd => {}
    }
    0
}

/// Completes all that is due.
fn look(house: &mut House, conclusion: Option<Conclusion>, at: Timestamp, change: impl Fn(&mut WorkOutcome)) {
    for item in house.lease(at) {
        let mut outcome = match conclusion {
            Some(conclusion) => concluded(conclusion, at),
            None => WorkOutcome::default(),
        };
        outcome.next_look = Some(at + 20.hours());
        change(&mut outcome);
        house.store.complete(&item, &outcome, at).unwrap();
    }
}

/// Compares what is kept with what the lists hold.
fn recount(house: &House, at: Timestamp, reports: u64) -> Result<(), String> {
    let (mut held, mut suppressed, mut domains) = (0, 0, 0);
    let mut subjects = BTreeSet::new();
    let mut by_domain: BTreeMap<String, u64> = BTreeMap::new();
    house
        .store
        .stops(&StopFilter::default(), at, &mut |row| {
            match (row.standing.scope, row.standing.state) {
                (Some(Scope::Address), State::Held) => held += 1,
                (Some(Scope::Address), State::Suppressed) => suppressed += 1,
                (Some(Scope::Domain), _) => domains += 1,
                _ => {}
            }
            if row.standing.scope == Some(Scope::Address)
                && let Some((_, domain)) = row.standing.address.split_once('@')
            {
                *by_domain.entry(domain.to_owned()).or_default() += 1;
            }
            subjects.insert(row.standing.address);
            ControlFlow::Continue(())
        })
        .map_err(|error| error.to_string())?;
    let stopped = house.store.stopped(at).unwrap();
    let same = |what: &str, kept: u64, counted: u64| {
        if kept == counted { Ok(()) } else { Err(format!("{what}: kept {kept}, counted {counted}")) }
    };
    same("held", stopped.addresses_held, held)?;
    same("suppressed", stopped.addresses_suppressed, suppressed)?;
    same("domains", stopped.domains_stopped, domains)?;
    let summary = house.store.summary(None, at, 100).unwrap();
    same("messages", summary.messages, reports)?;
    same("reports", summary.reasons.iter().map(|row| row.reports).sum(), reports)?;
    let mut replayed = BTreeSet::new();
    house
        .store
        .replay(days(-1000), days(1000), &mut |report| {
            replayed.insert(report.report);
            ControlFlow::Continue(())
        })
        .map_err(|error| error.to_string())?;
    same("replayed", replayed.len() as u64, reports)?;
    let failed: u64 =
        summary.reasons.iter().filter(|row| row.kind == Kind::Failed).map(|row| row.reports).sum();
    let listed =
        house.store.domains(&DomainFilter::default(), DomainSort::Name, Page::first(100), at).unwrap().rows;
    same("failures by domain", listed.iter().map(|row| row.failures).sum(), failed)?;
    let route: u64 = summary.domains.iter().map(|row| row.route_failures).sum();
    same("route failures", listed.iter().map(|row| row.route_failures).sum(), route)?;
    let waiting = house.store.review_reports(None, Page::first(1000)).unwrap().rows.len() as u64;
    let clusters = house.store.review_clusters(Page::first(1000)).unwrap().rows;
    same("review", clusters.iter().map(|cluster| cluster.reports).sum(), waiting)?;
    agrees(house, at)
}

/// The index has a mark for everybody who is stopped.
fn agrees(house: &House, at: Timestamp) -> Result<(), String> {
    let mut index = BTreeSet::new();
    for change in house.store.changes_since(0, 100_000).unwrap() {
        let mark = format!("{:?}", change.fingerprint);
        match change.change {
            Change::Added => index.insert(mark),
            Change::Removed => index.remove(&mark),
        };
    }
    let fingerprints = Fingerprints::new(house.store.seed());
    for domain in ["x.example", "y.example", "z.example"] {
        for local in 0..4 {
            let who = format!("u{local}@{domain}");
            let is_in = [&who, domain]
                .iter()
                .any(|text| index.contains(&format!("{:?}", fingerprints.of(&index_key(&about(text))))));
            let state = [Audience::default(), audience(Some("t1"), Some("news"))]
                .into_iter()
                .map(|audience| {
                    let question = abprall_store::Question { address: address(&who), audience };
                    house.store.check(&question, at).unwrap().state
                })
                .max();
            if state != Some(State::Ok) && !is_in {
                return Err(format!("{who} is {state:?}, but not in the index"));
            }
        }
    }
    Ok(())
}
