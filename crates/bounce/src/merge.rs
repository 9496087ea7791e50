//! Joins what the delivery-status part says about a recipient with what the human part says.

use std::collections::HashMap;

use abprall_mail::{EmailAddress, SuppressionKey};

use crate::delivery_status::RecipientStatus;
use crate::phase::phase_of;
use crate::{Issuer, Kind, Report, StatusOrigin, reply};

/// One report for each recipient of the status parts, completed from the text; those that only the text names are added when the
/// status parts name nobody.
pub(crate) fn merge(statuses: Vec<RecipientStatus>, texts: Vec<Report>) -> Vec<Report> {
    let mut by_recipient: HashMap<SuppressionKey, usize> = HashMap::new();
    for (index, text) in texts.iter().enumerate() {
        for address in [&text.recipient, &text.original_recipient].into_iter().flatten() {
            by_recipient.entry(address.suppression_key()).or_insert(index);
        }
    }
    let named = statuses.iter().any(|status| status.report.recipient.is_some());
    let single = statuses.len() == 1 && texts.len() == 1;
    let mut used = vec![false; texts.len()];
    let mut reports: Vec<Report> = Vec::with_capacity(statuses.len());
    let mut seen: HashMap<SuppressionKey, usize> = HashMap::new();
    for status in statuses {
        let addresses = [&status.report.recipient, &status.report.original_recipient];
        let index = addresses
            .into_iter()
            .flatten()
            .find_map(|address| by_recipient.get(&address.suppression_key()).copied())
            .or(single.then_some(0))
            .or_else(|| (!named).then(|| used.iter().position(|used| !used)).flatten())
            // A notice that names nobody speaks of all.
            .or_else(|| (texts.len() == 1 && texts[0].recipient.is_none()).then_some(0));
        if let Some(index) = index {
            used[index] = true;
        }
        let text = index.map(|index| &texts[index]);
        let report = joined(status, text);
        match report.recipient.as_ref().map(EmailAddress::suppression_key) {
            Some(key) => match seen.get(&key) {
                Some(&before) => absorb(&mut reports[before], report),
                None => {
                    seen.insert(key, reports.len());
                    reports.push(report);
                }
            },
            None => reports.push(report),
        }
    }
    if !named {
        reports
            .retain(|report| report.recipient.is_some() || texts.iter().all(|text| text.recipient.is_none()));
        for (text, used) in texts.into_iter().zip(used) {
            if !used && text.recipient.is_some() {
                reports.push(text);
            }
        }
    }
    reports
}

/// A second group about the same recipient: what is final outranks what is not, and what one lacks the other has.
fn absorb(before: &mut Report, report: Report) {
    let rank = |kind: Kind| match kind {
        Kind::Failed => 3,
        Kind::Delivered | Kind::Relayed | Kind::Expanded => 2,
        Kind::Delayed => 1,
        Kind::Complaint | Kind::AutoReply | Kind::Unsubscribe | Kind::Challenge | Kind::Other => 0,
    };
    let better = rank(report.kind) > rank(before.kind)
        || rank(report.kind) == rank(before.kind)
            && before.diagnostic.is_none()
            && report.diagnostic.is_some();
    if better {
        *before = report;
    }
}

fn joined(status: RecipientStatus, text: Option<&Report>) -> Report {
    let RecipientStatus { mut report, diagnostic_type, has_action, .. } = status;
    let own_diagnostic = report.diagnostic.is_some();
    if let Some(text) = text {
        take_from_text(&mut report, text, has_action);
    }
    let parsed = report.diagnostic.as_deref().map(reply::parse).unwrap_or_default();
    let text_status = text.and_then(|text| text.status);
    let text_code = text.and_then(|text| text.reply_code);
    report.reply_code = parsed.code.or(text_code);
    let is_general =
        report.reported_status.is_none_or(|status| status.subject() == 0 && status.detail() == 0);
    let from_words = parsed.status.or(text_status.filter(|_| !own_diagnostic || is_general));
    (report.status, report.status_origin) = match (from_words, report.reported_status) {
        (Some(status), _) => (Some(status), Some(StatusOrigin::Diagnostic)),
        (None, Some(status)) => (Some(status), Some(StatusOrigin::Reported)),
        (None, None) => (None, None),
    };
    report.phase = report.phase.or(parsed.phase).or_else(|| text.and_then(|text| text.phase));
    if report.remote_mta.is_none() {
        let from_text = text.and_then(|text| text.remote_mta.clone());
        report.remote_mta = from_text.or_else(|| parsed.host.map(str::to_lowercase));
    }
    report.issuer = issuer_of(&report, diagnostic_type.as_deref(), own_diagnostic, text);
    if report.phase.is_none() {
        report.phase = phase_of(&report);
    }
    report
}

fn take_from_text(report: &mut Report, text: &Report, has_action: bool) {
    if report.recipient.is_none() {
        report.recipient.clone_from(&text.recipient);
    }
    if report.original_recipient.is_none() {
        report.original_recipient.clone_from(&text.original_recipient);
    }
    // OpenSMTPD announces its last notice as a delay.
    let is_final = text.kind == Kind::Failed
        && [&text.diagnostic, &text.prose].into_iter().flatten().any(|words| says_final(words));
    if report.kind == Kind::Delayed && is_final || !has_action && text.kind == Kind::Delayed {
        report.kind = text.kind;
    }
    match &report.diagnostic {
        None => {
            report.diagnostic.clone_from(&text.diagnostic);
            report.prose.clone_from(&text.prose);
        }
        Some(own) => {
            let other = [&text.prose, &text.diagnostic]
                .into_iter()
                .flatten()
                .find(|words| !own.contains(words.as_str()));
            report.prose = other.cloned();
        }
    }
    if report.generator.is_none() {
        report.generator = text.generator;
    }
}

fn says_final(words: &str) -> bool {
    words.to_ascii_lowercase().contains("envelope expired")
}

/// Who spoke the diagnostic (RFC 3464 §2.3.6): the remote MTA where one is named and its reply is quoted.
fn issuer_of(
    report: &Report,
    diagnostic_type: Option<&str>,
    own: bool,
    text: Option<&Report>,
) -> Option<Issuer> {
    report.diagnostic.as_ref()?;
    if !own {
        return text.and_then(|text| text.issuer).or(Some(Issuer::Reporting));
    }
    let is_local = diagnostic_type.is_some_and(|kind| kind != "smtp" && kind != "lmtp" && kind != "esmtp");
    let quotes = report
        .diagnostic
        .as_deref()
        .is_some_and(|words| words.starts_with("host ") && words.contains(" said: "));
    if quotes || report.remote_mta.is_some() && !is_local && report.reply_code.is_some() {
        return Some(Issuer::Remote);
    }
    match text.and_then(|text| text.issuer) {
        Some(Issuer::Remote) if !is_local => Some(Issuer::Remote),
        Some(Issuer::Remote | Issuer::Reporting) | None => Some(Issuer::Reporting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Phase;
    use crate::delivery_status::read_delivery_status;

    fn statuses(text: &str) -> Vec<RecipientStatus> {
        read_delivery_status(text.as_bytes(), &mut Vec::new())
    }

    fn about(recipient: &str, diagnostic: &str) -> Report {
        Report {
            recipient: EmailAddress::parse(recipient).ok(),
            diagnostic: Some(diagnostic.to_owned()),
            ..Report::default()
        }
    }

    #[test]
    fn the_text_becomes_the_diagnostic_where_the_part_has_none() {
        let found = merge(
            statuses(
                "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.0.0\n",
            ),
            vec![about("A@b.example", "Unrouteable address")],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].diagnostic.as_deref(), Some("Unrouteable address"));
        assert_eq!(found[0].phase, Some(Phase::Dns));
        assert_eq!(found[0].status_origin, Some(StatusOrigin::Reported));
    }

    #[test]
    fn the_code_of_the_diagnostic_outranks_the_status_field() {
        let found = merge(
            statuses(
                "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.b.example\n\
                 Diagnostic-Code: SMTP; 550 5.4.3 Routing server failure\n",
            ),
            Vec::new(),
        );
        assert_eq!(found[0].status, "5.4.3".parse().ok());
        assert_eq!(found[0].reported_status, "5.1.1".parse().ok());
        assert_eq!(found[0].issuer, Some(Issuer::Remote));
    }

    #[test]
    fn an_expired_envelope_is_final_though_announced_as_a_delay() {
        let found = merge(
            statuses("Final-Recipient: rfc822; a@b.example\nAction: delayed\nStatus: 4.4.7\n"),
            vec![about("a@b.example", "Envelope expired")],
        );
        assert_eq!(found[0].kind, Kind::Failed);
    }

    #[test]
    fn no_recipient_is_doubled() {
        let group = "Final-Recipient: rfc822; a@b.example\nAction: delayed\nStatus: 4.0.0\n\n";
        let found = merge(
            statuses(&format!("{group}{}", group.replace("delayed", "failed"))),
            vec![about("a@b.example", "x")],
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, Kind::Failed);
    }
}
