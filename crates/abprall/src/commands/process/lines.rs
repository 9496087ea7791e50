//! One JSON object for every decision, for programs that act on it.

use std::io::{self, Write};

use abprall_bounce::Kind;
use abprall_mail::{BounceType, Party, Permanence, Reason};
use abprall_policy::Outcome;
use abprall_store::{Message, Recorded};
use serde::Serialize;

use super::decisions;
use crate::report_line::rounded;

pub(super) struct Lines<W> {
    out: W,
}

/// A decision. See `docs/output.md`.
#[derive(Serialize)]
struct Line<'a> {
    source: &'a str,
    index: usize,
    /// False when the message was taken before: then nothing has changed.
    new: bool,
    /// True for the decision that stopped the address, false for those that found it stopped.
    newly_stopped: bool,
    decision: Option<i64>,
    address: Option<&'a str>,
    failed_address: Option<&'a str>,
    kind: Kind,
    outcome: Option<Outcome>,
    rule: Option<&'static str>,
    reason: Reason,
    party: Party,
    permanence: Permanence,
    bounce_type: BounceType,
    confidence: f64,
    reply_code: Option<u16>,
    status: Option<String>,
    diagnostic: Option<&'a str>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    pub(super) fn write(&mut self, message: &Message<'_>, recorded: &Recorded) -> io::Result<()> {
        for (index, (entry, decided)) in decisions(message, recorded).enumerate() {
            let report = entry.report;
            let line = Line {
                source: message.source,
                index,
                new: decided.is_some(),
                newly_stopped: decided.is_some_and(|decided| decided.newly_stopped),
                decision: decided.map(|decided| decided.id),
                address: entry.address().map(abprall_mail::EmailAddress::as_str),
                failed_address: report.recipient.as_ref().map(abprall_mail::EmailAddress::as_str),
                kind: report.kind,
                outcome: decided.map(|decided| decided.decision.outcome),
                rule: decided.map(|decided| decided.decision.rule),
                reason: entry.judged.reason,
                party: entry.judged.party,
                permanence: entry.judged.permanence,
                bounce_type: entry.judged.bounce_type,
                confidence: rounded(entry.judged.confidence),
                reply_code: report.reply_code.map(abprall_mail::ReplyCode::as_u16),
                status: report.status.map(|status| status.to_string()),
                diagnostic: report.diagnostic.as_deref(),
            };
            serde_json::to_writer(&mut self.out, &line)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
