use abprall_mail::{Cause, FindingId};

use super::DecisionRow;
use crate::{Diagnosis, RankedCause};

/// What a row says about the cause: how much of the whole weight it takes, in parts of one.
fn causes_of(row: DecisionRow) -> &'static [(Cause, f32)] {
    match row {
        DecisionRow::VantageOutage => &[(Cause::OurOwnFault, 0.9)],
        DecisionRow::OursButRouteWorks | DecisionRow::OursResolver => &[(Cause::OurOwnFault, 0.8)],
        DecisionRow::OursConfiguration => &[(Cause::OurOwnFault, 0.9)],
        DecisionRow::BehindMx => &[
            (Cause::PermanentMisconfiguration, 0.35),
            (Cause::RouterShutDown, 0.2),
            (Cause::ResourcesExhausted, 0.1),
        ],
        DecisionRow::RelayDenied => &[(Cause::MigratedAway, 0.4), (Cause::PermanentMisconfiguration, 0.3)],
        DecisionRow::Loop => &[(Cause::PermanentMisconfiguration, 0.6)],
        DecisionRow::Forwarder => &[(Cause::PermanentMisconfiguration, 0.3)],
        DecisionRow::NoFailure
        | DecisionRow::OursAndDnsFails
        | DecisionRow::OursAndDnsNegative
        | DecisionRow::OursUnconfirmed
        | DecisionRow::OursAndServersDown
        | DecisionRow::MxDown
        | DecisionRow::RemoteTrouble
        | DecisionRow::Sender
        | DecisionRow::Address => &[],
    }
}

/// Gives the causes that the row speaks for their share and leaves the rest to those that were ranked before.
pub(super) fn rank_again(diagnosis: &mut Diagnosis, row: DecisionRow, findings: &[FindingId]) {
    let shares = causes_of(row);
    if shares.is_empty() {
        return;
    }
    let taken: f32 = shares.iter().map(|(_, share)| share).sum();
    for cause in &mut diagnosis.causes {
        cause.weight *= 1.0 - taken;
    }
    for (cause, share) in shares {
        match diagnosis.causes.iter_mut().find(|known| known.cause == *cause) {
            Some(known) => {
                known.weight += share;
                known.findings.extend(findings);
            }
            None => diagnosis.causes.push(RankedCause {
                cause: *cause,
                weight: *share,
                findings: findings.to_vec(),
            }),
        }
    }
    let sum: f32 = diagnosis.causes.iter().map(|cause| cause.weight).sum();
    for cause in &mut diagnosis.causes {
        cause.weight /= sum;
    }
    diagnosis.causes.sort_by(|a, b| b.weight.total_cmp(&a.weight));
}
