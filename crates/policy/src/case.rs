use abprall_bounce::{Classification, Kind, Report, Trust};
use abprall_mail::{Action, Party, Permanence, Reason};

/// What a decision rests on: everything that is known about one report, nothing about the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// What the report tells.
    pub kind: Kind,
    /// Why it failed.
    pub reason: Reason,
    /// Whose side that is on.
    pub party: Party,
    /// Whether trying again could help, by cause.
    pub permanence: Permanence,
    /// What the classifier recommends; a decision may be milder, never harsher.
    pub action: Action,
    /// The report contradicts itself.
    pub contradicted: bool,
    /// How far the report can be believed.
    pub trust: Trust,
}

impl Case {
    /// The case of one report and its judgement.
    pub fn of(report: &Report, judged: &Classification) -> Self {
        Self {
            kind: report.kind,
            reason: judged.reason,
            party: judged.party,
            permanence: judged.permanence,
            action: judged.action,
            contradicted: !judged.contradictions.is_empty(),
            trust: report.trust,
        }
    }
}
