//! What a diagnosis is held against.

use abprall_mail::{FindingId, Verdict};
use abprall_route::{Diagnosis, SenderOutcome};

use crate::scene::{finding, ids};

pub fn has(diagnosis: &Diagnosis, verdict: Verdict, expected: &[FindingId]) {
    assert_eq!(diagnosis.verdict, verdict, "{:?}", ids(diagnosis));
    for id in expected {
        finding(diagnosis, *id);
    }
}

pub fn sender(diagnosis: &Diagnosis, mta: &str) -> (SenderOutcome, Option<String>) {
    let view = diagnosis.senders.iter().find(|view| view.mta == mta).unwrap();
    (view.outcome, view.status.clone())
}

pub fn bounces(status: &str) -> (SenderOutcome, Option<String>) {
    (SenderOutcome::Bounces, Some(status.to_owned()))
}

pub fn defers(status: &str) -> (SenderOutcome, Option<String>) {
    (SenderOutcome::Defers, Some(status.to_owned()))
}

pub const EXIM_DEFERS: (SenderOutcome, Option<String>) = (SenderOutcome::Defers, None);
