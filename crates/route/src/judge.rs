//! What the observations mean: findings, verdict, causes. Pure: neither clock nor network.
//!
//! The order of thought: a [`Picture`] reads the facts, a [`Ground`] is the one reason that decides, findings tell everything that is
//! worth telling, and the verdict follows from the ground. Extended errors (RFC 8914) never reach the picture, so that they can
//! explain, but not decide.

use abprall_mail::knowledge::Language;
use abprall_mail::{Severity, Verdict};
use jiff::Timestamp;

use crate::{Diagnosis, Survey};

mod alternatives;
mod causes;
mod confidence;
mod exchangers;
mod findings;
mod picture;
mod recheck;
mod senders;
mod vantage;
mod verdict;

use picture::Picture;
use verdict::Ground;

/// What else is known when a survey is judged.
#[derive(Clone, Copy, Debug)]
pub struct JudgeContext<'a> {
    /// The language of explanations.
    pub language: Language,
    /// What earlier looks at the same domain came to: a second point in time makes a verdict surer.
    pub earlier: &'a [Earlier],
}

/// What an earlier look at the domain came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Earlier {
    /// When.
    pub checked_at: Timestamp,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it saw could be believed.
    pub vantage_ok: bool,
}

impl From<&Diagnosis> for Earlier {
    fn from(diagnosis: &Diagnosis) -> Self {
        Self {
            checked_at: diagnosis.checked_at,
            verdict: diagnosis.verdict,
            vantage_ok: diagnosis.vantage.ok,
        }
    }
}

/// Concludes from what was seen.
pub fn judge(survey: Survey, context: &JudgeContext<'_>) -> Diagnosis {
    let picture = Picture::of(&survey);
    let ground = Ground::of(&picture);
    let findings = findings::all(&picture, ground, context.language);
    let verdict = ground.verdict(findings.iter().any(|f| findings::breaks_the_route(f.id, f.severity)));
    let vantage = vantage::describe(&picture, ground, context.language);
    let confidence = confidence::of(&picture, ground, verdict, &vantage, context.earlier);
    let mx = exchangers::list(&picture);
    let alternatives = alternatives::list(&picture);
    let senders = senders::views(&picture, ground);
    let causes =
        if verdict.is_deliverable() { Vec::new() } else { causes::rank(&picture, ground, &findings) };
    let look_again_at = recheck::earliest(&picture, ground);
    Diagnosis {
        domain: survey.domain.clone(),
        checked_at: survey.started_at,
        took_ms: survey.took_ms,
        vantage,
        verdict,
        confidence,
        findings,
        mx,
        alternatives,
        senders,
        causes,
        look_again_at,
        observations: survey.observations,
    }
}

/// How bad a broken part is: medium while another way is left, high when none is.
fn by_effect(ground: Ground) -> Severity {
    if ground.leaves_a_way() { Severity::Medium } else { Severity::High }
}
