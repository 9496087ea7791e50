//! The default table of the design, and what must hold for every case whatever it is.
#![expect(clippy::unwrap_used, reason = "tests")]

use abprall_bounce::{Kind, Trust};
use abprall_mail::{Action, Party, Permanence, Reason};
use abprall_policy::{
    Brake, BrakeReason, Case, Day, Decision, History, Ledger, Outcome, Policy, RemovalTrust, Stop, Strike,
    decide,
};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator;

/// A failed report as the classifier would hand it over for `reason`.
fn failed(reason: Reason, permanence: Permanence) -> Case {
    Case {
        kind: Kind::Failed,
        reason,
        party: reason.party(),
        permanence,
        action: reason.default_action(),
        contradicted: false,
        trust: Trust::Unauthenticated,
        happened_at: now(),
        domain: Some("example.com".into()),
        list: None,
        tenant: None,
    }
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn decided(case: &Case, history: &History) -> Decision {
    decide(case, history, &Policy::default())
}

fn outcome(case: &Case) -> Outcome {
    decided(case, &History::default()).outcome
}

#[test]
fn each_row_of_the_default_table_decides_as_designed() {
    use {Permanence as Is, Reason as R};
    for (case, expected) in [
        (failed(R::UserUnknown, Is::Permanent), Outcome::Suppress),
        (failed(R::UserUnknown, Is::Transient), Outcome::Count),
        (failed(R::MailboxFull, Is::Transient), Outcome::Count),
        (failed(R::DomainNotFound, Is::Permanent), Outcome::Hold),
        (failed(R::NullMx, Is::Permanent), Outcome::Hold),
        (failed(R::RoutingServerFailure, Is::Permanent), Outcome::Hold),
        (failed(R::RoutingServerFailure, Is::Transient), Outcome::Count),
        (failed(R::OwnResolverFailure, Is::Permanent), Outcome::Alert),
        (failed(R::Blocklisted, Is::Permanent), Outcome::Alert),
        (failed(R::RateLimited, Is::Transient), Outcome::Count),
        (failed(R::SpamContent, Is::Permanent), Outcome::Alert),
        (failed(R::MessageTooBig, Is::Permanent), Outcome::Alert),
        (failed(R::SystemError, Is::Permanent), Outcome::Review),
        (failed(R::SystemFull, Is::Transient), Outcome::Count),
        (failed(R::Undetermined, Is::Undetermined), Outcome::Review),
        (Case { kind: Kind::Complaint, ..failed(R::Complaint, Is::Permanent) }, Outcome::Suppress),
        (Case { kind: Kind::Unsubscribe, ..failed(R::Unsubscribe, Is::Permanent) }, Outcome::Suppress),
        (Case { kind: Kind::AutoReply, ..failed(R::AutoReply, Is::Undetermined) }, Outcome::Nothing),
        (Case { kind: Kind::Delayed, ..failed(R::UserUnknown, Is::Transient) }, Outcome::Count),
        (Case { kind: Kind::Delivered, ..failed(R::Delivered, Is::Permanent) }, Outcome::Reset),
    ] {
        assert_eq!(outcome(&case), expected, "{case:?}");
    }
}

#[test]
fn a_report_that_contradicts_itself_holds_but_does_not_suppress() {
    let case = Case { contradicted: true, ..failed(Reason::UserUnknown, Permanence::Permanent) };
    assert_eq!(outcome(&case), Outcome::Hold);
}

#[test]
fn a_suspicious_report_stops_nobody() {
    for kind in [Kind::Failed, Kind::Complaint, Kind::Unsubscribe] {
        let case =
            Case { kind, trust: Trust::Suspicious, ..failed(Reason::UserUnknown, Permanence::Permanent) };
        assert_eq!(outcome(&case), Outcome::Review);
    }
}

fn gone() -> Case {
    failed(Reason::UserUnknown, Permanence::Permanent)
}

#[test]
fn soft_failures_on_five_days_suppress_for_a_time() {
    let case = failed(Reason::RateLimited, Permanence::Transient);
    let case = Case { party: Party::Receiver, reason: Reason::SystemError, ..case };
    let today = Day::of(now()).0;
    let history = |days: std::ops::Range<i64>| History {
        ledger: Ledger::new(
            days.map(|back| Strike { day: Day(today - back), reason: Reason::SystemError }),
            None,
        ),
        ..History::default()
    };
    let fourth = decided(&case, &history(1..4));
    assert_eq!((fourth.outcome, fourth.strike), (Outcome::Count, true));
    let fifth = decided(&case, &history(1..5));
    assert_eq!((fifth.outcome, fifth.rule), (Outcome::Suppress, "soft-threshold"));
    assert!(fifth.until.is_some_and(|until| until > now()));
    // Our own fault never counts against the recipient.
    let ours = Case { party: Party::Sender, ..case };
    assert_eq!(decided(&ours, &history(1..30)).outcome, Outcome::Count);
}

#[test]
fn a_frozen_brake_makes_removals_pending_but_not_a_complaint() {
    let brake = Brake::Frozen { since: now(), reason: BrakeReason::Jump, calm_since: None };
    let frozen = History { brake, ..History::default() };
    let decision = decided(&gone(), &frozen);
    assert_eq!((decision.outcome, decision.outcome.stop()), (Outcome::Pending, Some(Stop::Hold)));
    let complaint = Case { kind: Kind::Complaint, ..gone() };
    assert_eq!(decided(&complaint, &frozen).outcome, Outcome::Suppress);
}

#[test]
fn the_same_failure_counts_again_only_where_it_is_harder() {
    let after = |before| History { same_failure: Some(before), ..History::default() };
    for (before, expected) in [
        (Outcome::Suppress, Outcome::Nothing),
        (Outcome::Pending, Outcome::Nothing),
        (Outcome::Hold, Outcome::Suppress),
        (Outcome::Count, Outcome::Suppress),
        (Outcome::Nothing, Outcome::Suppress),
    ] {
        assert_eq!(decided(&gone(), &after(before)).outcome, expected, "{before}");
    }
}

#[test]
fn where_only_signed_reports_remove_the_others_are_hints() {
    let mut policy = Policy::default();
    policy.trust.removals = RemovalTrust::Signed;
    let outcome = |trust, case: Case| decide(&Case { trust, ..case }, &History::default(), &policy);
    assert_eq!(outcome(Trust::Signed, gone()).outcome, Outcome::Suppress);
    for trust in [Trust::Matched, Trust::Authenticated, Trust::Unauthenticated] {
        assert_eq!(outcome(trust, gone()).rule, "not-signed");
        assert_eq!(outcome(trust, gone()).outcome, Outcome::Review);
        let soft = failed(Reason::MailboxFull, Permanence::Transient);
        assert_eq!(
            (outcome(trust, soft.clone()).outcome, outcome(trust, soft).strike),
            (Outcome::Nothing, false)
        );
    }
}

#[test]
fn a_route_failure_asks_for_an_investigation_a_dead_mailbox_does_not() {
    let route = failed(Reason::RoutingServerFailure, Permanence::Permanent);
    assert!(decided(&route, &History::default()).investigate);
    assert!(!decided(&gone(), &History::default()).investigate);
    assert!(!decided(&Case { domain: None, ..route }, &History::default()).investigate);
}

fn any_case() -> impl Strategy<Value = Case> {
    (
        select(Kind::iter().collect::<Vec<_>>()),
        select(Reason::iter().collect::<Vec<_>>()),
        select(Party::iter().collect::<Vec<_>>()),
        select(Permanence::iter().collect::<Vec<_>>()),
        select(Action::iter().collect::<Vec<_>>()),
        any::<bool>(),
        select(Trust::iter().collect::<Vec<_>>()),
    )
        .prop_map(|(kind, reason, party, permanence, action, contradicted, trust)| Case {
            kind,
            reason,
            party,
            permanence,
            action,
            contradicted,
            trust,
            happened_at: now(),
            domain: Some("example.com".into()),
            list: None,
            tenant: None,
        })
}

proptest! {
    /// Whatever the classifier recommends and whatever the operator's rules say.
    #[test]
    fn nobody_is_stopped_for_a_fault_that_is_not_theirs(case in any_case()) {
        let ours = matches!(case.party, Party::Sender | Party::Message | Party::OwnSystem | Party::Unknown | Party::None);
        if case.kind == Kind::Failed && ours {
            prop_assert_eq!(outcome(&case).stop(), None);
        }
    }

    #[test]
    fn only_a_certain_permanent_failure_of_the_mailbox_suppresses(case in any_case()) {
        if case.kind == Kind::Failed && outcome(&case).stop() == Some(Stop::Suppression) {
            prop_assert_eq!(case.party, Party::Recipient);
            prop_assert_eq!(case.permanence, Permanence::Permanent);
            prop_assert_eq!(case.action, Action::Suppress);
            prop_assert!(!case.contradicted && case.trust != Trust::Suspicious);
        }
    }

    #[test]
    fn delays_and_deliveries_stop_nobody(case in any_case()) {
        if !matches!(case.kind, Kind::Failed | Kind::Complaint | Kind::Unsubscribe) {
            prop_assert_eq!(outcome(&case).stop(), None);
        }
    }

    #[test]
    fn what_passes_by_itself_stops_nobody(case in any_case()) {
        if case.kind == Kind::Failed && case.permanence != Permanence::Permanent {
            prop_assert_eq!(outcome(&case).stop(), None);
        }
    }
}
