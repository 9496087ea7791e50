//! The next step of a domain's way back. Pure.

use abprall_policy::{DomainHealth, Policy, ReinstateEvent, Reinstatement, Release};
use abprall_store::{DomainDetail, WorkOutcome};
use jiff::Timestamp;

use super::follow_up::{FollowUp, after};
use super::limits::CANARY_POLL;
use super::news::What;

/// Goes on by what happened since the last step. Nobody is released but here, and only whoever has leased the step takes it.
pub(super) fn step(detail: Option<&DomainDetail>, policy: &Policy, now: Timestamp) -> FollowUp {
    let nothing = FollowUp { outcome: WorkOutcome::default(), what: What::Works, rule: None, detail: None };
    let Some((detail, stage)) = detail.and_then(|detail| Some((detail, detail.reinstatement?))) else {
        return nothing;
    };
    let health = detail.row.health.unwrap_or_else(|| DomainHealth::new(now));
    let event = event(stage, detail);
    let (next, release) = stage.step(event, &health, count(detail.waiting), now, &policy.reinstate);
    let release = match release {
        Release::Nobody => 0,
        Release::Some(number) => number,
    };
    let what = match next {
        _ if next == stage => What::Recovering,
        Reinstatement::Waiting => What::Recovering,
        Reinstatement::Canary { .. } => What::Canary,
        Reinstatement::Batches { .. } => What::Reinstated,
        Reinstatement::Done => What::Returned,
        Reinstatement::Stopped { .. } => What::WayBackStopped,
        Reinstatement::NeedsPerson { .. } => What::NeedsPerson,
    };
    let next_release = match next {
        Reinstatement::Canary { released_at } => {
            // Whether its mail has arrived is looked at more often than it is waited for.
            let end = after(released_at, policy.reinstate.canary_wait);
            Some(after(now, CANARY_POLL).min(end.max(now)))
        }
        Reinstatement::Batches { released_at, .. } => Some(after(released_at, policy.reinstate.batch_every)),
        // The next good look puts it down again.
        Reinstatement::Waiting
        | Reinstatement::Done
        | Reinstatement::Stopped { .. }
        | Reinstatement::NeedsPerson { .. } => None,
    };
    let outcome = WorkOutcome {
        reinstatement: (next != stage).then_some(next),
        release,
        next_release,
        ..WorkOutcome::default()
    };
    FollowUp { outcome, what, rule: Some("recovered"), detail: None }
}

/// What counts happened after the last release: whatever came before it is why they were stopped.
fn event(stage: Reinstatement, detail: &DomainDetail) -> ReinstateEvent {
    match stage {
        Reinstatement::Canary { .. } | Reinstatement::Batches { .. } => {
            if detail.failed_since_release > 0 {
                ReinstateEvent::Failed
            } else if detail.delivered_since_release > 0 {
                ReinstateEvent::Delivered
            } else {
                ReinstateEvent::Time
            }
        }
        Reinstatement::Waiting
        | Reinstatement::Done
        | Reinstatement::Stopped { .. }
        | Reinstatement::NeedsPerson { .. } => ReinstateEvent::Time,
    }
}

pub(super) fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
