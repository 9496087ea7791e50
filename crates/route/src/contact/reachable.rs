//! Looks at the mail of the domains that candidates belong to.

use abprall_mail::{Domain, Language, Verdict};

use super::candidate::{Candidate, MailState};
use crate::limits::CONTACT_DOMAINS_MAX;
use crate::observe::MailServers;
use crate::{Diagnosis, JudgeContext, Observer, judge};

/// Notes for each candidate whether mail reaches its domain. The best candidates' domains are looked at, all at the same time.
pub(super) async fn check(
    observer: &Observer,
    diagnosis: &Diagnosis,
    candidates: &mut [Candidate],
    language: Language,
) {
    let mut domains: Vec<Domain> = Vec::new();
    for domain in candidates.iter().filter_map(|candidate| candidate.address.domain()) {
        if domain != diagnosis.domain && !domains.contains(&domain) && domains.len() < CONTACT_DOMAINS_MAX {
            domains.push(domain);
        }
    }
    let surveys = observer.surveys(&domains).await.into_iter();
    let others: Vec<_> =
        surveys.map(|survey| judge(survey, &JudgeContext { language, earlier: &[] })).collect();
    for candidate in candidates {
        let Some(domain) = candidate.address.domain() else { continue };
        let Some(look) = others.iter().chain([diagnosis]).find(|look| look.domain == domain) else {
            continue;
        };
        candidate.mail = state(look.verdict, observer.mail_servers());
        candidate.mail_verdict = Some(look.verdict);
        candidate.mail_checked_at = Some(look.checked_at);
    }
}

fn state(verdict: Verdict, servers: MailServers) -> MailState {
    match (verdict, servers) {
        (Verdict::Deliverable | Verdict::Degraded, MailServers::Probe) => MailState::Works,
        (Verdict::Deliverable | Verdict::Degraded, MailServers::Leave) => MailState::WorksByDns,
        (Verdict::NoMailByIntent | Verdict::UndeliverableTransient | Verdict::UndeliverablePermanent, _) => {
            MailState::Fails
        }
        (Verdict::VantageBlind | Verdict::Unknown, _) => MailState::Unknown,
    }
}
