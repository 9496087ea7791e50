//! The default table of the design, and what must hold for every case whatever it is.

use abprall_bounce::{Kind, Trust};
use abprall_mail::{Action, Party, Permanence, Reason};
use abprall_policy::{Case, Outcome, Stop, decide};
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
    }
}

fn outcome(case: Case) -> Outcome {
    decide(&case).outcome
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
        assert_eq!(outcome(case), expected, "{case:?}");
    }
}

#[test]
fn a_report_that_contradicts_itself_holds_but_does_not_suppress() {
    let case = Case { contradicted: true, ..failed(Reason::UserUnknown, Permanence::Permanent) };
    assert_eq!(outcome(case), Outcome::Hold);
}

#[test]
fn a_suspicious_report_stops_nobody() {
    for kind in [Kind::Failed, Kind::Complaint, Kind::Unsubscribe] {
        let case =
            Case { kind, trust: Trust::Suspicious, ..failed(Reason::UserUnknown, Permanence::Permanent) };
        assert_eq!(outcome(case), Outcome::Review);
    }
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
        })
}

proptest! {
    /// Whatever the classifier recommends and whatever the operator's rules say.
    #[test]
    fn nobody_is_stopped_for_a_fault_that_is_not_theirs(case in any_case()) {
        let ours = matches!(case.party, Party::Sender | Party::Message | Party::OwnSystem | Party::Unknown | Party::None);
        if case.kind == Kind::Failed && ours {
            prop_assert_eq!(outcome(case).stop(), None);
        }
    }

    #[test]
    fn only_a_certain_permanent_failure_of_the_mailbox_suppresses(case in any_case()) {
        if case.kind == Kind::Failed && outcome(case).stop() == Some(Stop::Suppression) {
            prop_assert_eq!(case.party, Party::Recipient);
            prop_assert_eq!(case.permanence, Permanence::Permanent);
            prop_assert_eq!(case.action, Action::Suppress);
            prop_assert!(!case.contradicted && case.trust != Trust::Suspicious);
        }
    }

    #[test]
    fn delays_and_deliveries_stop_nobody(case in any_case()) {
        if !matches!(case.kind, Kind::Failed | Kind::Complaint | Kind::Unsubscribe) {
            prop_assert_eq!(outcome(case).stop(), None);
        }
    }

    #[test]
    fn what_passes_by_itself_stops_nobody(case in any_case()) {
        if case.kind == Kind::Failed && case.permanence != Permanence::Permanent {
            prop_assert_eq!(outcome(case).stop(), None);
        }
    }
}
