//! One attempt as a log or a provider tells it, made into a report: words, codes and the order of trust between them.

use abprall_mail::{EmailAddress, EnhancedStatus, ReplyCode};

use crate::phase::phase_of;
use crate::{Generator, Issuer, Kind, ProviderClass, Report, StatusOrigin, limits, reply};

/// What is told of one attempt. `Default` stands for "not told".
#[derive(Default)]
pub(crate) struct Attempt<'a> {
    pub kind: Kind,
    pub recipient: Option<EmailAddress>,
    /// The reply or reason text, with or without an MTA's wrapper.
    pub words: &'a str,
    /// The reply code that is told beside the words.
    pub code: Option<ReplyCode>,
    /// The enhanced code that is told beside the words.
    pub status: Option<EnhancedStatus>,
    /// Whom the MTA talked to.
    pub remote: Option<&'a str>,
    pub generator: Option<Generator>,
}

impl Attempt<'_> {
    /// The report. The words' own codes outrank those that are told beside them.
    pub(crate) fn report(self) -> Report {
        let words = self.words.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = cut(&words, limits::DIAGNOSTIC_BYTES_MAX);
        let reply = reply::parse(words);
        let (status, status_origin) = match (reply.status, self.status) {
            (Some(status), _) => (Some(status), Some(StatusOrigin::Diagnostic)),
            (None, Some(status)) => (Some(status), Some(StatusOrigin::Reported)),
            (None, None) => (None, None),
        };
        let peer = reply.host.map(str::to_lowercase).or_else(|| reply.ip.map(|ip| ip.to_string()));
        let mut report = Report {
            kind: self.kind,
            recipient: self.recipient,
            reply_code: reply.code.or(self.code),
            status,
            status_origin,
            reported_status: self.status,
            diagnostic: (!words.is_empty()).then(|| words.to_owned()),
            remote_mta: self.remote.map(str::to_lowercase).or(peer),
            issuer: reply.issuer,
            phase: reply.phase,
            generator: self.generator,
            ..Report::default()
        };
        if report.issuer.is_none() && report.diagnostic.is_some() {
            let replied = report.remote_mta.is_some() && report.reply_code.is_some();
            report.issuer = Some(if replied { Issuer::Remote } else { Issuer::Reporting });
        }
        if report.phase.is_none() {
            report.phase = phase_of(&report);
        }
        if report.kind == Kind::Delivered {
            report.phase = None;
        }
        report
    }
}

impl ProviderClass {
    /// A class that means one thing.
    pub(crate) fn clear(word: impl Into<String>, reason: abprall_mail::Reason) -> Option<Self> {
        Some(Self { word: word.into(), reason: Some(reason), confidence: 0.7 })
    }

    /// A class that covers several causes: enough to stop for now, not to suppress.
    pub(crate) fn broad(word: impl Into<String>, reason: abprall_mail::Reason) -> Option<Self> {
        Some(Self { word: word.into(), reason: Some(reason), confidence: 0.55 })
    }

    /// A class that says nothing that we could use.
    pub(crate) fn only_a_word(word: impl Into<String>) -> Option<Self> {
        Some(Self { word: word.into(), reason: None, confidence: 0.0 })
    }
}

/// The longest start of `text` that has at most `bytes_max` bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A message id without angle brackets; `None` when there is nothing in it.
pub(crate) fn message_id_of(text: &str) -> Option<String> {
    let id = text.trim_matches(['<', '>', ' ', '"']);
    (!id.is_empty()).then(|| cut(id, limits::LOG_NAME_BYTES_MAX).to_owned())
}
