//! All rules. Each names the facts that it rests on; its severity is its effect here, not its name.

use std::collections::{BTreeMap, BTreeSet};

use abprall_mail::knowledge::Language;
use abprall_mail::{FindingId, Severity};

use super::picture::{Picture, mx_records};
use super::verdict::Ground;
use crate::limits::{FINDING_DETAIL_BYTES_MAX, FINDINGS_MAX};
use crate::{DnsAnswer, DnsFact, DnsOutcome, Finding, ObservationId};

mod delegation;
mod domain;
mod mx_set;
mod policy;
mod smtp;
mod targets;
mod tls;
mod vantage;

/// The findings, worst first; among equals in the order of the ids, then of the subjects.
pub fn all(picture: &Picture<'_>, ground: Ground, language: Language) -> Vec<Finding> {
    let mut drafts = Drafts::default();
    vantage::look(picture, ground, &mut drafts);
    domain::look(picture, ground, &mut drafts);
    delegation::look(picture, ground, &mut drafts);
    mx_set::look(picture, ground, &mut drafts);
    targets::look(picture, ground, &mut drafts);
    smtp::look(picture, ground, &mut drafts);
    tls::look(picture, &mut drafts);
    policy::look(picture, ground, &mut drafts);
    mx_set::look_for_disagreement(picture, ground, &mut drafts);
    drafts.finish(language)
}

/// Whether a finding turns "deliverable" into "degraded". What is ours alone does not.
pub fn breaks_the_route(id: FindingId, severity: Severity) -> bool {
    severity >= Severity::Medium && !matches!(id, FindingId::OwnResolverFault | FindingId::RoutingLoop)
}

/// Findings in the making; two of one id and subject become one.
#[derive(Default)]
pub struct Drafts(BTreeMap<(FindingId, String), Draft>);

struct Draft {
    severity: Severity,
    evidence: BTreeSet<ObservationId>,
    details: Vec<String>,
}

impl Drafts {
    /// A finding without evidence is not kept: a rule must not guess.
    pub fn add(
        &mut self,
        id: FindingId,
        severity: Severity,
        subject: impl Into<String>,
        evidence: impl IntoIterator<Item = ObservationId>,
        detail: Option<String>,
    ) {
        let evidence: BTreeSet<_> = evidence.into_iter().collect();
        if evidence.is_empty() {
            return;
        }
        let draft = self.0.entry((id, subject.into())).or_insert_with(|| Draft {
            severity,
            evidence: BTreeSet::new(),
            details: Vec::new(),
        });
        draft.severity = draft.severity.max(severity);
        draft.evidence.extend(evidence);
        if let Some(detail) = detail.filter(|detail| !detail.is_empty())
            && !draft.details.contains(&detail)
            // More than these do not fit anyway.
            && draft.details.len() < 16
        {
            draft.details.push(detail);
        }
    }

    pub fn has(&self, id: FindingId) -> bool {
        self.0.keys().any(|(known, _)| *known == id)
    }

    /// The facts behind all findings with this id.
    pub fn evidence(&self, id: FindingId) -> Vec<ObservationId> {
        let drafts = self.0.iter().filter(|((known, _), _)| *known == id);
        drafts.flat_map(|(_, draft)| draft.evidence.iter().copied()).collect()
    }

    fn finish(self, language: Language) -> Vec<Finding> {
        let mut findings: Vec<_> = self
            .0
            .into_iter()
            .map(|((id, subject), draft)| {
                let detail = (!draft.details.is_empty()).then(|| cut(draft.details.join("; ")));
                Finding {
                    id,
                    severity: draft.severity,
                    explanation: id.knowledge(language).about(&subject, detail.as_deref()),
                    subject,
                    evidence: draft.evidence.into_iter().collect(),
                    detail,
                }
            })
            .collect();
        // The sort is stable: ids and subjects keep the order of the map.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings.truncate(FINDINGS_MAX);
        findings
    }
}

fn cut(mut text: String) -> String {
    if text.len() > FINDING_DETAIL_BYTES_MAX {
        text.truncate(text.floor_char_boundary(FINDING_DETAIL_BYTES_MAX));
        text.push('…');
    }
    text
}

/// A DNS outcome in one word or the system's own.
fn dns_words(fact: &DnsFact) -> String {
    match &fact.outcome {
        DnsOutcome::Answer(answer) => answer.rcode.to_string(),
        DnsOutcome::Silence => "timeout".to_owned(),
        DnsOutcome::Unreachable { detail } | DnsOutcome::Malformed { detail } => detail.clone(),
        DnsOutcome::Forbidden => "special-use address".to_owned(),
    }
}

/// The server that was asked, by its name where it has one.
fn server_words(fact: &DnsFact) -> String {
    match &fact.server_name {
        Some(name) => format!("{name} [{}]", fact.server.ip()),
        None => fact.server.ip().to_string(),
    }
}

/// The MX set of an answer in one line, in a fixed order: equal sets give equal lines.
pub fn mx_words(answer: &DnsAnswer) -> String {
    let mut records: Vec<_> =
        mx_records(answer).map(|(preference, exchange, _)| (preference, exchange)).collect();
    if records.is_empty() {
        return if answer.records.is_empty() && answer.rcode == crate::Rcode::NoError {
            "NODATA".to_owned()
        } else {
            answer.rcode.to_string()
        };
    }
    records.sort_unstable();
    records.dedup();
    let words: Vec<_> = records.iter().map(|(preference, host)| format!("{preference} {host}")).collect();
    words.join(", ")
}
