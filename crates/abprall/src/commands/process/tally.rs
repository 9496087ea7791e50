//! What a run has done, as a list owner wants to hear it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use abprall_bounce::Kind;
use abprall_mail::{Language, Party, Reason};
use abprall_policy::Outcome;
use abprall_store::{Message, Recorded, Stopped};
use clap::builder::styling::Style;
use serde::Serialize;

use super::decisions;
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, beside, name_column, number, width, wrapped};
use crate::wording::{self, pick};

/// Domains that are kept in mind during a run: enough to see that several addresses of one fail.
const DOMAINS_MAX: usize = 100_000;

/// Domains that are named at the end.
const DOMAINS_SHOWN: usize = 5;

/// Counts of one run.
#[derive(Default)]
pub(super) struct Tally {
    messages: u64,
    known: u64,
    without_report: u64,
    reports: u64,
    /// Of the new messages, by what was done and why.
    decisions: BTreeMap<(Rank, Reason), u64>,
    /// Addresses that were not stopped, or not as firmly, before.
    newly_stopped: [u64; ORDER.len()],
    /// Failures of the domain or of the way there, by domain.
    routes: HashMap<Box<str>, u64>,
}

/// Outcomes in the order in which they are told.
type Rank = usize;

const ORDER: [Outcome; 9] = [
    Outcome::Suppress,
    Outcome::Pending,
    Outcome::Hold,
    Outcome::Alert,
    Outcome::Review,
    Outcome::Count,
    Outcome::Reset,
    Outcome::Lift,
    Outcome::Nothing,
];

impl Tally {
    pub(super) fn add(&mut self, message: &Message<'_>, recorded: &Recorded) {
        self.messages += 1;
        if *recorded == Recorded::Known {
            self.known += 1;
            return;
        }
        if message.entries.is_empty() {
            self.without_report += 1;
        }
        for (entry, decided) in decisions(message, recorded) {
            self.reports += 1;
            let outcome = decided.map_or(Outcome::Nothing, |decided| decided.decision.outcome);
            let rank = ORDER.iter().position(|other| *other == outcome).unwrap_or(ORDER.len() - 1);
            if decided.is_some_and(|decided| decided.newly_stopped) {
                self.newly_stopped[rank] += 1;
            }
            *self.decisions.entry((rank, entry.judged.reason)).or_default() += 1;
            let of_the_way = matches!(entry.judged.party, Party::RecipientDomain | Party::Route);
            if of_the_way
                && entry.report.kind == Kind::Failed
                && let Some(address) = entry.address()
                && (self.routes.len() < DOMAINS_MAX || self.routes.contains_key(address.domain_part()))
            {
                *self.routes.entry(address.domain_part().into()).or_default() += 1;
            }
        }
    }

    /// Domains with more than one failure of the domain or of the way there, most first.
    fn failing_domains(&self) -> Vec<(&str, u64)> {
        let several = self.routes.iter().filter(|(_, failures)| **failures > 1);
        let mut domains: Vec<_> = several.map(|(domain, failures)| (&**domain, *failures)).collect();
        domains.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        domains
    }

    pub(super) fn write(
        &self,
        mut out: impl Write,
        store: &str,
        stopped: &Stopped,
        language: Language,
    ) -> io::Result<()> {
        let width = width(100);
        writeln!(out, "{BOLD}{}{BOLD:#}", self.headline(language))?;
        if self.reports > 0 {
            writeln!(out, "\n{DIM}{:>9}{DIM:#}", pick(language, "reports", "Meldungen"))?;
        }
        for (rank, outcome) in ORDER.into_iter().enumerate() {
            let of_outcome = || self.decisions.range((rank, FIRST)..).take_while(|((at, _), _)| *at == rank);
            let total: u64 = of_outcome().map(|(_, count)| count).sum();
            if total == 0 {
                continue;
            }
            let style = style_of(outcome);
            let name = wording::outcome(outcome, language);
            let mut meaning = wording::meaning(outcome, language).to_owned();
            if outcome.stop().is_some() {
                meaning = format!("{}: {meaning}", addresses(self.newly_stopped[rank], language));
            }
            let meaning = wrapped(&meaning, 24, width);
            let meaning = meaning.trim_start();
            writeln!(out, "{:>9}  {style}{name:12}{style:#} {meaning}", number(total))?;
            let mut reasons: Vec<_> = of_outcome().map(|((_, reason), count)| (*count, *reason)).collect();
            reasons.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            for (count, reason) in reasons {
                let title = wording::reason(reason, language);
                let line = wrapped(title, 24, width);
                writeln!(out, "{DIM}{:>23}{DIM:#} {}", number(count), line.trim_start())?;
            }
            writeln!(out)?;
        }
        if self.reports == 0 {
            writeln!(out)?;
        }
        self.write_advice(&mut out, language)?;
        writeln!(
            out,
            "{DIM}{}: {} {}, {} {}{DIM:#}",
            store,
            addresses(stopped.addresses_suppressed, language),
            pick(language, "suppressed", "gesperrt"),
            number(stopped.addresses_held),
            pick(language, "held", "angehalten")
        )?;
        out.flush()
    }

    fn headline(&self, language: Language) -> String {
        let new = self.messages - self.known;
        if self.messages == 0 {
            return pick(
                language,
                "Nothing there: no message to read",
                "Nichts da: keine Nachricht zu lesen",
            )
            .to_owned();
        }
        match language {
            Language::En => {
                let mut text = format!("{}, {}", count(new, "new message"), count(self.reports, "report"));
                if self.without_report > 0 {
                    text += &format!("; {} no bounce", number(self.without_report));
                }
                if self.known > 0 {
                    text += &format!("; {} known already, nothing changed by them", number(self.known));
                }
                text
            }
            Language::De => {
                let messages = if new == 1 { "neue Nachricht" } else { "neue Nachrichten" };
                let reports = if self.reports == 1 { "Meldung" } else { "Meldungen" };
                let mut text = format!("{} {messages}, {} {reports}", number(new), number(self.reports));
                if self.without_report > 0 {
                    text += &format!("; {} kein Bounce", number(self.without_report));
                }
                if self.known > 0 {
                    text += &format!("; {} schon bekannt, durch sie ändert sich nichts", number(self.known));
                }
                text
            }
        }
    }

    fn write_advice(&self, out: &mut impl Write, language: Language) -> io::Result<()> {
        let alerts: Vec<_> = self
            .decisions
            .keys()
            .filter(|(rank, _)| ORDER[*rank] == Outcome::Alert)
            .map(|(_, reason)| *reason)
            .collect();
        if !alerts.is_empty() {
            let heading = pick(language, "To mend on our side", "Auf unserer Seite zu beheben");
            writeln!(out, "{BOLD}{heading}{BOLD:#}")?;
            let row =
                |reason: Reason| (wording::reason(reason, language), format!("abprall explain {reason}"));
            let rows: Vec<_> = alerts.into_iter().map(row).collect();
            let column = name_column(&rows, 38, 2, width(100));
            for (title, command) in rows {
                writeln!(out, "  {}", beside(title, column, &command, 2, width(100)))?;
            }
            writeln!(out)?;
        }
        let domains = self.failing_domains();
        if !domains.is_empty() {
            let heading = pick(
                language,
                "Domains that fail as a whole, not by single addresses",
                "Domains, die als Ganzes gestört sind, nicht nur einzelne Adressen",
            );
            writeln!(out, "{BOLD}{heading}{BOLD:#}")?;
            for (domain, failures) in domains.iter().take(DOMAINS_SHOWN) {
                let failures = format!("{} {}", number(*failures), pick(language, "failures", "Fehler"));
                let text = format!("{failures:15} abprall why {domain}");
                writeln!(out, "  {}", beside(domain, 28, &text, 2, width(100)))?;
            }
            let more = domains.len().saturating_sub(DOMAINS_SHOWN);
            if more > 0 {
                let more = number(more as u64);
                writeln!(
                    out,
                    "  {more} {}",
                    pick(language, "more: abprall report", "weitere: abprall report")
                )?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    pub(super) fn write_json(&self, mut out: impl Write, stopped: &Stopped) -> io::Result<()> {
        #[derive(Serialize)]
        struct Row {
            outcome: Outcome,
            reason: Reason,
            reports: u64,
        }
        #[derive(Serialize)]
        struct Run<'a> {
            messages: u64,
            known: u64,
            without_report: u64,
            reports: u64,
            decisions: Vec<Row>,
            failing_domains: BTreeMap<&'a str, u64>,
            #[serde(flatten)]
            stopped: &'a Stopped,
        }
        let run = Run {
            messages: self.messages,
            known: self.known,
            without_report: self.without_report,
            reports: self.reports,
            decisions: self
                .decisions
                .iter()
                .map(|((rank, reason), reports)| Row {
                    outcome: ORDER[*rank],
                    reason: *reason,
                    reports: *reports,
                })
                .collect(),
            failing_domains: self.failing_domains().into_iter().collect(),
            stopped,
        };
        serde_json::to_writer_pretty(&mut out, &run)?;
        out.write_all(b"\n")
    }
}

fn addresses(count: u64, language: Language) -> String {
    match (count, language) {
        (1, Language::En) => "1 address".to_owned(),
        (1, Language::De) => "1 Adresse".to_owned(),
        (_, Language::En) => format!("{} addresses", number(count)),
        (_, Language::De) => format!("{} Adressen", number(count)),
    }
}

/// The first reason in the order of the enum.
const FIRST: Reason = Reason::UserUnknown;

fn style_of(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Suppress => STOPPED,
        Outcome::Hold | Outcome::Pending => HELD,
        Outcome::Alert | Outcome::Review => NOTE,
        Outcome::Count
        | Outcome::Reset
        | Outcome::Lift
        | Outcome::Confirm
        | Outcome::Release
        | Outcome::Reinstate
        | Outcome::Drop
        | Outcome::Nothing => Style::new(),
    }
}

fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}
