use abprall_bounce::{Kind, Trust};
use abprall_mail::{Action, Party, Permanence};

use crate::{Case, Decision, Outcome};

/// The version of the table below; stored with every decision, raised whenever a row decides otherwise.
pub const POLICY_VERSION: u32 = 1;

/// Decides one report by the default table of `design.md`, first column.
pub fn decide(case: &Case) -> Decision {
    let (outcome, rule) = match case.kind {
        Kind::Complaint => (Outcome::Suppress, "complaint"),
        Kind::Unsubscribe => (Outcome::Suppress, "unsubscribe"),
        Kind::Delivered => (Outcome::Reset, "delivered"),
        Kind::Delayed => (Outcome::Count, "delayed"),
        Kind::Failed => of_failure(case),
        Kind::Relayed | Kind::Expanded | Kind::AutoReply | Kind::Challenge | Kind::Other => {
            (Outcome::Nothing, "no-failure")
        }
    };
    if outcome.stop().is_some() && case.trust == Trust::Suspicious {
        return Decision { outcome: Outcome::Review, rule: "suspicious-report" };
    }
    Decision { outcome, rule }
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
