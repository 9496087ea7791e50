//! What the bounces of a domain claim, out of what is kept of them.

use abprall_bounce::{Classification, Classifier, Report, read_line};
use abprall_mail::{Domain, EmailAddress, Language, Party, Reason, ReplyCode};
use abprall_policy::Outcome;
use abprall_route::{Claim, ClaimJudgement, Diagnosis, OurHosts, hold_against};
use abprall_store::{DecisionRecord, ReportRecord, State, Store, StoreError, Subject};
use jiff::Timestamp;

use super::limits::{CLAIMS_MAX, DECISIONS_SEARCHED};

/// The claims for which addresses of a domain are held, newest first.
pub(super) struct Claims {
    reports: Vec<(Report, Classification)>,
    /// The newest reason that is about the domain or the way there.
    pub(super) reason: Option<Reason>,
}

impl Claims {
    /// Collects them from the decisions about held addresses.
    pub(super) fn of(
        store: &dyn Store,
        classifier: &Classifier,
        domain: &Domain,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut claims = Self { reports: Vec::new(), reason: None };
        let Some(story) = store.story(&Subject::Domain(domain.clone()), now, DECISIONS_SEARCHED)? else {
            return Ok(claims);
        };
        claims.take(&story.decisions, classifier);
        for address in story.addresses.iter().filter(|address| address.state == State::Held) {
            if claims.reports.len() >= CLAIMS_MAX {
                break;
            }
            let Ok(address) = EmailAddress::parse(&address.address) else { continue };
            if let Some(story) = store.story(&Subject::Address(address), now, DECISIONS_SEARCHED)? {
                claims.take(&story.decisions, classifier);
            }
        }
        Ok(claims)
    }

    fn take(&mut self, decisions: &[DecisionRecord], classifier: &Classifier) {
        // What was said before an address came back has had its answer.
        let mut freed = std::collections::BTreeSet::new();
        for decision in decisions {
            if matches!(
                decision.outcome,
                Outcome::Release | Outcome::Reinstate | Outcome::Lift | Outcome::Drop
            ) {
                freed.insert(&decision.about);
            }
            if freed.contains(&decision.about) {
                continue;
            }
            let (Outcome::Hold, Some(kept)) = (decision.outcome, &decision.report) else { continue };
            if !matches!(kept.reason.party(), Party::RecipientDomain | Party::Route) {
                continue;
            }
            self.reason = self.reason.or(Some(kept.reason));
            if self.reports.len() < CLAIMS_MAX {
                let report = report_of(decision, kept);
                let judged = Classification { reason: kept.reason, ..classifier.classify(&report) };
                self.reports.push((report, judged));
            }
        }
    }

    /// Holds them against what was seen; adds findings to it.
    pub(super) fn hold_against(
        &self,
        diagnosis: &mut Diagnosis,
        ours: &OurHosts,
        language: Language,
    ) -> Vec<ClaimJudgement> {
        let claims = self.reports.iter().map(|(report, judged)| Claim::of(report, judged, ours));
        claims.map(|claim| hold_against(&claim, Some(diagnosis), language)).collect()
    }
}

/// The report as far as it is kept; where in the dialogue it was is read out of its words again.
fn report_of(decision: &DecisionRecord, kept: &ReportRecord) -> Report {
    let words = kept.diagnostic.as_deref().map(read_line).unwrap_or_default();
    let address = |text: &str| EmailAddress::parse_lenient(text).ok();
    let original = address(&decision.about);
    Report {
        kind: kept.kind,
        recipient: kept.failed_address.as_deref().and_then(address).or_else(|| original.clone()),
        original_recipient: original,
        reply_code: kept.reply_code.and_then(|code| ReplyCode::new(code).ok()).or(words.reply_code),
        status: kept.status.as_deref().and_then(|status| status.parse().ok()).or(words.status),
        diagnostic: kept.diagnostic.clone(),
        reporting_mta: kept.reporting_mta.clone(),
        remote_mta: kept.remote_mta.clone(),
        message_id: kept.message_id.clone(),
        issuer: words.issuer,
        phase: words.phase,
        ..Report::default()
    }
}
