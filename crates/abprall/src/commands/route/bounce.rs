//! A bounce that was asked about: what it says, where it failed, and what that is worth beside what we see.

use abprall_bounce::{Classification, Report};
use abprall_mail::{Domain, Language};
use abprall_route::{
    Claim, ClaimJudgement, Diagnosis, FailingHop, HopDelay, HopEnd, HopSide, HopTls, Leg, LegBasis, OurHosts,
    Ownership, hold_against,
};
use serde::Serialize;

use super::story::Story;
use crate::report_line::ReportLine;
use crate::wording::{self, pick};

/// Hops shown at most; more are a circle or a forgery.
const HOPS_MAX: usize = 30;

pub(super) struct Bounce {
    source: String,
    index: usize,
    report: Report,
    judged: Classification,
    claim: Claim,
    /// The claim held against what we see, or alone where nothing was looked at.
    judgement: Option<ClaimJudgement>,
}

/// What stands under `bounce` in the JSON line.
#[derive(Serialize)]
pub(super) struct BounceLine<'a> {
    report: ReportLine<'a>,
    claim: &'a Claim,
    judgement: &'a Option<ClaimJudgement>,
}

impl Bounce {
    pub(super) fn new(
        source: String,
        index: usize,
        report: Report,
        judged: Classification,
        ours: &OurHosts,
    ) -> Self {
        let claim = Claim::of(&report, &judged, ours);
        Self { source, index, report, judged, claim, judgement: None }
    }

    /// The domain whose route is asked about: that of the address that we sent to, else of the one that failed.
    pub(super) fn domain(&self) -> Option<Domain> {
        self.claim.domain.clone()
    }

    /// Holds the claim against what we see; the diagnosis learns from it.
    pub(super) fn hold_against(&mut self, diagnosis: Option<&mut Diagnosis>, language: Language) {
        self.judgement = Some(hold_against(&self.claim, diagnosis, language));
    }

    pub(super) fn line(&self) -> BounceLine<'_> {
        BounceLine {
            report: ReportLine::new(&self.source, self.index, &self.report, &self.judged, &[]),
            claim: &self.claim,
            judgement: &self.judgement,
        }
    }

    pub(super) fn story(&self, language: Language) -> Story {
        let report = &self.report;
        let said = report.diagnostic.clone();
        let status = report
            .status
            .map(|status| status.to_string())
            .filter(|status| !said.as_deref().unwrap_or_default().contains(status));
        let address = report.recipient.as_ref().or(report.original_recipient.as_ref());
        let failing = self.judgement.as_ref().map_or(&self.claim.failing, |judgement| &judgement.failing);
        let rows = [
            (pick(language, "Address", "Adresse"), address.map(ToString::to_string)),
            (
                pick(language, "It says", "Er sagt"),
                [status, said].into_iter().flatten().reduce(|status, text| format!("{status}: {text}")),
            ),
            (
                pick(language, "That means", "Das heißt"),
                Some(wording::reason(self.judged.reason, language).to_owned()),
            ),
            (pick(language, "Written by", "Verfasst von"), self.written_by(language)),
            (pick(language, "It failed", "Gescheitert"), Some(place(failing, language))),
            (
                pick(language, "What to do", "Was tun"),
                self.judgement.as_ref().map(|judgement| judgement.text.clone()),
            ),
        ];
        let journey = self.claim.journey(failing);
        let mut hops: Vec<_> = journey
            .iter()
            .filter(|leg| !leg.failed)
            .take(HOPS_MAX)
            .map(|leg| describe(leg, language))
            .collect();
        if let Some(circle) = &self.claim.path.circle {
            let hosts = circle.hosts.join(", ");
            hops.push(match language {
                Language::En => format!("✗ in a circle, {} times: {hosts}", circle.rounds),
                Language::De => format!("✗ im Kreis, {} Mal: {hosts}", circle.rounds),
            });
        }
        hops.push(format!("✗ {}", place(failing, language)));
        let meaning = wording::reason(self.judged.reason, language);
        Story {
            title: match address {
                Some(address) => format!("{address}: {meaning}"),
                None => meaning.to_owned(),
            },
            heading: pick(language, "What the bounce says", "Was der Bounce sagt"),
            facts: rows.into_iter().filter_map(|(label, value)| Some((label, value?))).collect(),
            way: pick(language, "The way the message took", "Der Weg der Nachricht"),
            hops,
        }
    }

    fn written_by(&self, language: Language) -> Option<String> {
        let host = self.claim.reporting_mta.as_ref()?;
        Some(match owner(self.claim.reporting_is, language) {
            "" => host.clone(),
            whose => format!("{host} ({whose})"),
        })
    }
}

/// Where it failed: between whom, and on whose side that is.
fn place(failing: &FailingHop, language: Language) -> String {
    let side = match failing.side {
        HopSide::OurSide => pick(language, "on our side", "auf unserer Seite"),
        HopSide::DestinationDomain => {
            pick(language, "in the DNS of the recipient's domain", "im DNS der Empfängerdomain")
        }
        HopSide::RelayBetween => pick(
            language,
            "at a server between us and the recipient",
            "bei einem Server zwischen uns und dem Empfänger",
        ),
        HopSide::DestinationMx => {
            pick(language, "at the recipient's mail server", "beim Mailserver des Empfängers")
        }
        HopSide::BehindMx => {
            pick(language, "behind the recipient's mail server", "hinter dem Mailserver des Empfängers")
        }
        HopSide::Unknown => pick(language, "where, cannot be told", "wo, ist nicht zu erkennen"),
    };
    let to = failing.to.as_ref().map(|end| match end {
        HopEnd::Host(host) => host.clone(),
        HopEnd::Address(address) => address.to_string(),
        HopEnd::ExchangerOf(domain) => match language {
            Language::En => format!("a mail server of {domain}"),
            Language::De => format!("ein Mailserver von {domain}"),
        },
        HopEnd::DnsOf(domain) => match language {
            Language::En => format!("the DNS of {domain}"),
            Language::De => format!("das DNS von {domain}"),
        },
    });
    let edge = match (&failing.from, to) {
        (Some(from), Some(to)) => format!(": {from} → {to}"),
        (Some(host), None) => format!(": {host}"),
        (None, Some(to)) => format!(": → {to}"),
        (None, None) => String::new(),
    };
    let or = if failing.or.is_empty() {
        String::new()
    } else {
        format!(" ({} {})", pick(language, "or", "oder"), failing.or.join(", "))
    };
    format!("{side}{edge}{or}")
}

/// A leg of the way: from whom to whom, how, and whose word that is.
fn describe(leg: &Leg, language: Language) -> String {
    let unknown = pick(language, "unknown", "unbekannt");
    let from = leg.from.as_deref().unwrap_or(unknown);
    let to = leg.to.as_deref().unwrap_or(unknown);
    let mut notes: Vec<String> = Vec::new();
    match leg.basis {
        LegBasis::Fact => {}
        LegBasis::Likely => notes.push(pick(language, "probably ours", "wohl unserer").to_owned()),
        LegBasis::Claim => notes.push(pick(language, "by its own account", "nach eigener Angabe").to_owned()),
    }
    match leg.tls {
        HopTls::Encrypted => notes.push(pick(language, "encrypted", "verschlüsselt").to_owned()),
        HopTls::Plain | HopTls::Local | HopTls::Unknown => {}
    }
    match (leg.delay, language) {
        (HopDelay::Took(seconds), Language::En) if seconds > 0 => notes.push(format!("after {seconds} s")),
        (HopDelay::Took(seconds), Language::De) if seconds > 0 => notes.push(format!("nach {seconds} s")),
        (HopDelay::ClockSkew(seconds), Language::En) => notes.push(format!("clock off by {seconds} s")),
        (HopDelay::ClockSkew(seconds), Language::De) => notes.push(format!("Uhr weicht {seconds} s ab")),
        (HopDelay::Took(_) | HopDelay::Unknown, _) => {}
    }
    if notes.is_empty() {
        format!("{from} → {to}")
    } else {
        format!("{from} → {to} ({})", notes.join(", "))
    }
}

fn owner(whose: Ownership, language: Language) -> &'static str {
    match whose {
        Ownership::Ours => pick(language, "ours", "unserer"),
        Ownership::InferredOurs => pick(language, "probably ours", "wohl unserer"),
        Ownership::Theirs => pick(language, "not ours", "nicht unserer"),
        Ownership::Unknown => "",
    }
}
