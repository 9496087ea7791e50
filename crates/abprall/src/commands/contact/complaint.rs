//! The bounce that is quoted in the draft.

use std::path::Path;

use abprall_bounce::{Kind, Report};
use abprall_mail::Domain;
use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use crate::intake::form::Form;
use crate::intake::{self, Inputs, Judged, Progress};
use crate::rule_files::RuleFiles;

/// Longest reply that is quoted, in bytes: a person reads it.
const REPLY_BYTES_MAX: usize = 1000;

/// What the bounce says, as far as it is anybody's business at the other side: no subject, no text, no sender of ours.
#[derive(Debug, Serialize)]
pub(super) struct Complaint {
    pub(super) recipient: Option<String>,
    pub(super) status: Option<String>,
    pub(super) reply: Option<String>,
    pub(super) reporting_mta: Option<String>,
    pub(super) remote_mta: Option<String>,
    pub(super) at: Option<Timestamp>,
}

impl Complaint {
    /// The first failure or delay in a file that is about the domain.
    pub(super) fn read(path: &Path, domain: &Domain, rules: &RuleFiles) -> anyhow::Result<Self> {
        let rules = RuleFiles { rules: rules.rules.clone() };
        let classifier = rules.classifier()?;
        let inputs = Inputs { paths: vec![path.to_owned()], lines: false, from: Some(Form::Mail), rules };
        let mut found = None;
        let totals = intake::run(&inputs, &classifier, Progress::Never, |judged| {
            found = found.take().or_else(|| Self::about(judged, domain));
            Ok(())
        })?;
        if let Some((path, error)) = totals.unreadable.into_iter().next() {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
        found.with_context(|| {
            format!("{} holds no failure or delay of an address at {domain}", path.display())
        })
    }

    fn about(judged: Judged, domain: &Domain) -> Option<Self> {
        let mut reports = judged.reading.reports.into_iter();
        reports.find(|report| is_about(report, domain)).map(Self::of)
    }

    fn of(report: Report) -> Self {
        let mut reply = report.diagnostic;
        if let Some(reply) = &mut reply {
            reply.truncate(reply.floor_char_boundary(REPLY_BYTES_MAX));
        }
        Self {
            recipient: report.recipient.or(report.original_recipient).map(|address| address.to_string()),
            status: report.status.map(|status| status.to_string()),
            reply,
            reporting_mta: report.reporting_mta,
            remote_mta: report.remote_mta,
            at: report.last_attempt_at.or(report.arrived_at),
        }
    }
}

fn is_about(report: &Report, domain: &Domain) -> bool {
    let addresses = [&report.recipient, &report.original_recipient];
    let at_domain = |address: &abprall_mail::EmailAddress| address.domain().as_ref() == Some(domain);
    matches!(report.kind, Kind::Failed | Kind::Delayed) && addresses.into_iter().flatten().any(at_domain)
}
