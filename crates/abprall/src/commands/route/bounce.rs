//! A bounce that was asked about: what it says, in front of what we see.

use abprall_bounce::{Classification, Report};
use abprall_mail::{Domain, Language};
use serde_json::{Value, json};

use super::story::Story;
use crate::report_line::ReportLine;
use crate::wording::{self, pick};

pub(super) struct Bounce {
    pub(super) source: String,
    pub(super) index: usize,
    pub(super) report: Report,
    pub(super) judged: Classification,
}

impl Bounce {
    /// The domain whose route is asked about: that of the address that we sent to, else of the one that failed.
    pub(super) fn domain(&self) -> Option<Domain> {
        let addresses = [&self.report.original_recipient, &self.report.recipient];
        addresses.into_iter().flatten().find_map(abprall_mail::EmailAddress::domain)
    }

    pub(super) fn json(&self) -> serde_json::Result<Value> {
        let line = ReportLine::new(&self.source, self.index, &self.report, &self.judged, &[]);
        Ok(json!({ "report": serde_json::to_value(line)? }))
    }

    pub(super) fn story(&self, language: Language) -> Story {
        let report = &self.report;
        let reply = [report.status.map(|status| status.to_string()), report.diagnostic.clone()];
        let address = report.recipient.as_ref().or(report.original_recipient.as_ref());
        let rows = [
            (pick(language, "Address", "Adresse"), address.map(ToString::to_string)),
            (pick(language, "Written by", "Verfasst von"), report.reporting_mta.clone()),
            (pick(language, "Server named", "Genannter Server"), report.remote_mta.clone()),
            (
                pick(language, "It says", "Er sagt"),
                reply.into_iter().flatten().reduce(|a, b| format!("{a}: {b}")),
            ),
            (
                pick(language, "That means", "Das heißt"),
                Some(wording::reason(self.judged.reason, language).to_owned()),
            ),
        ];
        Story {
            heading: pick(language, "What the bounce says", "Was der Bounce sagt"),
            facts: rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect(),
            way: pick(language, "The way the message took", "Der Weg der Nachricht"),
            hops: Vec::new(),
        }
    }
}
