//! What each of three people does now: from the verdict and the findings, worst first, nothing twice.

use abprall_mail::knowledge::RouteText;
use abprall_mail::{FindingId, Language, Severity, Verdict};
use abprall_route::Diagnosis;

/// More advice than this is read by nobody.
const LINES_MAX: usize = 3;

/// Advice for each of the three.
#[derive(Default)]
pub(super) struct People {
    pub(super) marketer: Vec<&'static str>,
    pub(super) developer: Vec<&'static str>,
    pub(super) administrator: Vec<&'static str>,
}

impl People {
    pub(super) fn of(diagnosis: &Diagnosis, language: Language) -> Self {
        let mut people = Self::default();
        // Where the domain works, what is known of this one message counts; where it does not, the domain does.
        let message_counts = diagnosis.verdict.is_deliverable() || diagnosis.verdict == Verdict::Unknown;
        if message_counts {
            for finding in diagnosis.findings.iter().filter(|finding| is_about_the_bounce(finding.id)) {
                people.hear(finding.id.knowledge(language));
            }
        }
        if people.marketer.is_empty() {
            people.hear(diagnosis.verdict.knowledge(language));
        }
        let mut others: Vec<_> = diagnosis
            .findings
            .iter()
            .filter(|finding| !is_about_the_bounce(finding.id) && finding.severity > Severity::Info)
            .collect();
        others.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in others {
            people.hear(finding.id.knowledge(language));
        }
        // Nothing to mend is no advice beside something to mend.
        if diagnosis.verdict == Verdict::Deliverable && people.administrator.len() > 1 {
            let nothing = Verdict::Deliverable.knowledge(language).administrator.as_str();
            people.administrator.retain(|line| *line != nothing);
        }
        people
    }

    fn hear(&mut self, text: &'static RouteText) {
        add(&mut self.marketer, &text.marketer);
        add(&mut self.developer, &text.developer);
        add(&mut self.administrator, &text.administrator);
    }
}

fn add(lines: &mut Vec<&'static str>, line: &'static str) {
    if !line.is_empty() && lines.len() < LINES_MAX && !lines.contains(&line) {
        lines.push(line);
    }
}

/// Findings that rest on what a bounce says, not only on the look at the domain.
fn is_about_the_bounce(id: FindingId) -> bool {
    matches!(
        id,
        FindingId::BounceContradicted
            | FindingId::BounceConfirmed
            | FindingId::FailureBehindMx
            | FindingId::RelayDenied
            | FindingId::RoutingLoop
    )
}
