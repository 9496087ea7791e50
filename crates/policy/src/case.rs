use abprall_bounce::{Classification, Kind, Report, Trust};
use abprall_mail::{Action, Party, Permanence, Reason};
use jiff::Timestamp;

/// What a decision rests on: everything that is known about one report, nothing about the world.
#[derive(Clone, Debug, PartialEq)]
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
    /// When it happened.
    pub happened_at: Timestamp,
    /// The domain of the address that was sent to.
    pub domain: Option<String>,
    /// The list that the mail was for.
    pub list: Option<String>,
    /// The tenant whose mail it was.
    pub tenant: Option<String>,
}

impl Case {
    /// The case of one report and its judgement, of no list or tenant.
    pub fn of(report: &Report, judged: &Classification, happened_at: Timestamp) -> Self {
        let address = report.original_recipient.as_ref().or(report.recipient.as_ref());
        Self {
            kind: report.kind,
            reason: judged.reason,
            party: judged.party,
            permanence: judged.permanence,
            action: judged.action,
            contradicted: !judged.contradictions.is_empty(),
            trust: report.trust,
            happened_at,
            domain: address.map(|address| address.domain_part().to_owned()),
            list: None,
            tenant: None,
        }
    }
}
