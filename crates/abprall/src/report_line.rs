//! The line that `classify --format ndjson` prints for a report: a contract, fields may be added, never renamed.

use crate::wording;
use abprall_bounce::{Classification, Damage, Hop, Kind, Reading, Report};
use abprall_mail::Language;
use serde::Serialize;

/// One report as JSON. See `docs/output.md` for the meaning of each field.
#[derive(Serialize)]
pub(crate) struct ReportLine<'a> {
    source: &'a str,
    index: usize,
    kind: Kind,
    recipient: Option<&'a str>,
    original_recipient: Option<&'a str>,
    sender: Option<&'a str>,
    message_id: Option<&'a str>,
    subject: Option<&'a str>,
    envelope_id: Option<&'a str>,
    queue_id: Option<&'a str>,
    reply_code: Option<u16>,
    status: Option<String>,
    status_origin: Option<&'static str>,
    diagnostic: Option<&'a str>,
    reporting_mta: Option<&'a str>,
    remote_mta: Option<&'a str>,
    received_from_mta: Option<&'a str>,
    generator: Option<&'static str>,
    issuer: Option<&'static str>,
    phase: Option<&'static str>,
    permanence: Option<&'static str>,
    bounce_type: Option<&'static str>,
    party: Option<&'static str>,
    category: Option<&'static str>,
    reason: Option<&'static str>,
    underlying: Option<&'static str>,
    action: Option<&'static str>,
    confidence: Option<f64>,
    because: Vec<BecauseLine<'a>>,
    contradictions: &'a [String],
    arrived_at: Option<String>,
    last_attempt_at: Option<String>,
    retry_until: Option<String>,
    hops: &'a [Hop],
    trust: Option<&'static str>,
    not_a_bounce: Option<&'static str>,
    damage: Vec<&'static str>,
}

/// Two digits: more would pretend to know, and 0.9 would be printed as 0.8999999761581421.
pub(crate) fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 100.0).round() / 100.0
}

#[derive(Serialize)]
struct BecauseLine<'a> {
    rule: &'a str,
    matched: &'a str,
}

impl<'a> ReportLine<'a> {
    /// The line for one report of a message.
    pub(crate) fn new(
        source: &'a str,
        index: usize,
        report: &'a Report,
        judged: &'a Classification,
        damage: &[Damage],
    ) -> Self {
        Self {
            source,
            index,
            kind: report.kind,
            recipient: report.recipient.as_ref().map(abprall_mail::EmailAddress::as_str),
            original_recipient: report.original_recipient.as_ref().map(abprall_mail::EmailAddress::as_str),
            sender: report.sender.as_deref(),
            message_id: report.message_id.as_deref(),
            subject: report.subject.as_deref(),
            envelope_id: report.envelope_id.as_deref(),
            queue_id: report.queue_id.as_deref(),
            reply_code: report.reply_code.map(abprall_mail::ReplyCode::as_u16),
            status: report.status.map(|status| status.to_string()),
            status_origin: report.status_origin.map(abprall_bounce::StatusOrigin::as_str),
            diagnostic: report.diagnostic.as_deref(),
            reporting_mta: report.reporting_mta.as_deref(),
            remote_mta: report.remote_mta.as_deref(),
            received_from_mta: report.received_from_mta.as_deref(),
            generator: report.generator.map(abprall_bounce::Generator::as_str),
            issuer: report.issuer.map(abprall_bounce::Issuer::as_str),
            phase: report.phase.map(abprall_bounce::Phase::as_str),
            permanence: Some(judged.permanence.as_str()),
            bounce_type: Some(judged.bounce_type.as_str()),
            party: Some(judged.party.as_str()),
            category: Some(judged.category.as_str()),
            reason: Some(judged.reason.as_str()),
            underlying: judged.underlying.map(abprall_mail::Reason::as_str),
            action: Some(judged.action.as_str()),
            confidence: Some(rounded(judged.confidence)),
            because: judged
                .because
                .iter()
                .map(|because| BecauseLine { rule: &because.rule, matched: &because.matched })
                .collect(),
            contradictions: &judged.contradictions,
            arrived_at: report.arrived_at.map(|at| at.to_string()),
            last_attempt_at: report.last_attempt_at.map(|at| at.to_string()),
            retry_until: report.retry_until.map(|at| at.to_string()),
            hops: &report.hops,
            trust: Some(report.trust.as_str()),
            not_a_bounce: None,
            damage: damage.iter().copied().map(Into::into).collect(),
        }
    }

    /// The line for a message that holds no report.
    pub(crate) fn none(source: &'a str, reading: &'a Reading) -> Self {
        Self {
            source,
            index: 0,
            kind: Kind::Other,
            recipient: None,
            original_recipient: None,
            sender: None,
            message_id: None,
            subject: None,
            envelope_id: None,
            queue_id: None,
            reply_code: None,
            status: None,
            status_origin: None,
            diagnostic: None,
            reporting_mta: None,
            remote_mta: None,
            received_from_mta: None,
            generator: None,
            issuer: None,
            phase: None,
            permanence: None,
            bounce_type: Some("none"),
            party: None,
            category: None,
            reason: None,
            underlying: None,
            action: Some("none"),
            confidence: None,
            because: Vec::new(),
            contradictions: &[],
            arrived_at: None,
            last_attempt_at: None,
            retry_until: None,
            hops: &[],
            trust: None,
            not_a_bounce: reading.not_a_bounce.map(Into::into),
            damage: reading.damage.iter().copied().map(Into::into).collect(),
        }
    }

    /// The id that was given for the message.
    pub(crate) fn source(&self) -> &str {
        self.source
    }

    /// What to do; `None` when the message holds no report.
    pub(crate) fn action_of_report(&self) -> Option<&'static str> {
        self.reason.and(self.action)
    }

    /// What a message without a report is.
    pub(crate) fn not_a_bounce(&self) -> Option<&'static str> {
        self.not_a_bounce
    }

    /// The address, as far as one is known.
    pub(crate) fn recipient(&self) -> Option<&str> {
        self.recipient.or(self.original_recipient)
    }

    /// Reply code and enhanced status as people quote them: `550 5.1.1`.
    pub(crate) fn codes(&self) -> String {
        match (self.reply_code, &self.status) {
            (Some(code), Some(status)) => format!("{code} {status}"),
            (Some(code), None) => code.to_string(),
            (None, Some(status)) => status.clone(),
            (None, None) => String::new(),
        }
    }

    /// Reason, side and the bounce's own words, in the words of all commands.
    pub(crate) fn why(&self, language: Language) -> String {
        let of_reason = |reason: &str| {
            reason
                .parse()
                .map_or_else(|_| reason.to_owned(), |reason| wording::reason(reason, language).to_owned())
        };
        let of_party = |party: &str| {
            party
                .parse()
                .map_or_else(|_| party.to_owned(), |party| wording::party(party, language).to_owned())
        };
        let reason = self.reason.map(of_reason).unwrap_or_default();
        let party = self.party.map(of_party).unwrap_or_default();
        let kind = match self.kind {
            Kind::Failed => String::new(),
            kind => format!("{}: ", wording::kind_of_one(kind, language)),
        };
        match self.diagnostic {
            Some(diagnostic) => format!("{kind}{reason} ({party}): {diagnostic}"),
            None => format!("{kind}{reason} ({party})"),
        }
    }
}
