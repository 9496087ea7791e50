use abprall_bounce::{Kind, Trust};
use abprall_mail::{Action, Party, Permanence};

use crate::{Case, Decision, History, Outcome, Policy, RemovalTrust, SoftScope, StrikeOutcome};

/// The version of the rules below; stored with every decision, raised whenever a row decides otherwise.
pub const POLICY_VERSION: u32 = 3;

/// Decides one report: by the default table of `design.md`, then by what is known of the address.
///
/// - A report that is not believed enough stops nobody.
/// - A failure counts once, however many reports tell of it.
/// - Failures that may pass stop an address after so many days of them.
/// - While removals are frozen they are pending: the address is held.
pub fn decide(case: &Case, history: &History, policy: &Policy) -> Decision {
    let (outcome, rule) = by_table(case);
    let decision = match outcome {
        Outcome::Count if is_believed(case.trust, policy.trust.removals) => {
            strike(case, history, policy, rule)
        }
        // A hint is no strike: else forged reports would stop an address one day at a time.
        Outcome::Count => Decision::new(Outcome::Nothing, "not-signed"),
        Outcome::Suppress
        | Outcome::Hold
        | Outcome::Reset
        | Outcome::Alert
        | Outcome::Review
        | Outcome::Lift
        | Outcome::Pending
        | Outcome::Confirm
        | Outcome::Release
        | Outcome::Reinstate
        | Outcome::Drop
        | Outcome::Nothing => Decision::new(outcome, rule),
    };
    if decision.outcome.stop().is_some() {
        if case.trust == Trust::Suspicious {
            return Decision::new(Outcome::Review, "suspicious-report");
        }
        if !is_believed(case.trust, policy.trust.removals) {
            return Decision::new(Outcome::Review, "not-signed");
        }
    }
    if history.same_failure.is_some_and(|before| !decision.outcome.is_harder_than(before)) {
        return Decision::new(Outcome::Nothing, "same-failure");
    }
    // A complaint is somebody's own wish, whatever goes on at their provider.
    if history.brake.is_frozen() && decision.outcome == Outcome::Suppress && case.kind == Kind::Failed {
        return Decision { outcome: Outcome::Pending, ..decision };
    }
    let of_the_way = matches!(case.party, Party::RecipientDomain | Party::Route);
    let investigate = decision.outcome == Outcome::Hold && of_the_way && case.domain.is_some();
    Decision { investigate, ..decision }
}

fn is_believed(trust: Trust, needed: RemovalTrust) -> bool {
    match needed {
        RemovalTrust::Any => true,
        RemovalTrust::Matched => match trust {
            Trust::Signed | Trust::Matched | Trust::Authenticated => true,
            Trust::Unauthenticated | Trust::Suspicious => false,
        },
        RemovalTrust::Signed => trust == Trust::Signed,
    }
}

/// One more day with a soft failure, if it is one. Only faults on the recipient's side count against the recipient.
fn strike(case: &Case, history: &History, policy: &Policy, rule: &'static str) -> Decision {
    let theirs = match case.party {
        Party::Recipient | Party::RecipientDomain | Party::Route | Party::Receiver => true,
        Party::Sender | Party::Message | Party::OwnSystem | Party::None | Party::Unknown => false,
    };
    let (true, Some(domain)) = (theirs && case.kind == Kind::Failed, &case.domain) else {
        return Decision::new(Outcome::Count, rule);
    };
    let scope =
        SoftScope { reason: case.reason, domain, list: case.list.as_deref(), tenant: case.tenant.as_deref() };
    let threshold = policy.soft.rule_for(&scope);
    match history.ledger.clone().strike(case.happened_at, case.reason, threshold) {
        StrikeOutcome::Counted { .. } => Decision { strike: true, ..Decision::new(Outcome::Count, rule) },
        StrikeOutcome::Reached { until } => {
            // Whoever cannot be reached for days may be cut off by our own resolver or network: a look decides.
            let outcome = match case.party {
                Party::Route | Party::RecipientDomain => Outcome::Hold,
                _ => Outcome::Suppress,
            };
            Decision { until, strike: true, ..Decision::new(outcome, "soft-threshold") }
        }
    }
}

fn by_table(case: &Case) -> (Outcome, &'static str) {
    match case.kind {
        Kind::Complaint => (Outcome::Suppress, "complaint"),
        Kind::Unsubscribe => (Outcome::Suppress, "unsubscribe"),
        Kind::Delivered => (Outcome::Reset, "delivered"),
        Kind::Delayed => (Outcome::Count, "delayed"),
        Kind::Failed => of_failure(case),
        Kind::Relayed | Kind::Expanded | Kind::AutoReply | Kind::Challenge | Kind::Other => {
            (Outcome::Nothing, "no-failure")
        }
    }
}

fn of_failure(case: &Case) -> (Outcome, &'static str) {
    use {Party as P, Permanence as Is};
    match (case.party, case.permanence) {
        (P::Sender | P::Message, Is::Transient) => (Outcome::Count, "our-side-transient"),
        (P::Sender | P::Message | P::OwnSystem, _) => (Outcome::Alert, "our-side"),
        (P::Recipient | P::RecipientDomain | P::Route | P::Receiver, Is::Transient) => {
            (Outcome::Count, "transient")
        }
        (P::Recipient, Is::Permanent) => match case.action {
            Action::Suppress if !case.contradicted => (Outcome::Suppress, "recipient-permanent"),
            Action::Suppress | Action::Hold => (Outcome::Hold, "recipient-contradicted"),
            _ => (Outcome::Review, "recipient-unclear"),
        },
        (P::RecipientDomain | P::Route, Is::Permanent) => match case.action {
            Action::Suppress | Action::Hold if case.party == P::Route => (Outcome::Hold, "route-permanent"),
            Action::Suppress | Action::Hold => (Outcome::Hold, "domain-permanent"),
            _ => (Outcome::Review, "route-unclear"),
        },
        (P::Receiver, Is::Permanent) => (Outcome::Review, "receiver-permanent"),
        (P::Unknown, Is::Transient) => (Outcome::Count, "transient"),
        (P::Recipient | P::RecipientDomain | P::Route | P::Receiver | P::Unknown, _) => {
            (Outcome::Review, "undetermined")
        }
        (P::None, _) => (Outcome::Nothing, "no-failure"),
    }
}
