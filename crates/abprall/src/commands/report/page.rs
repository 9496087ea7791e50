//! The report for a terminal: what matters first, bars instead of percentages.

use std::collections::BTreeMap;
use std::io::{self, Write};

use abprall_bounce::Kind;
use abprall_mail::{Language, Party, Reason};
use abprall_store::{DomainRow, HostRow, Summary};

use crate::commands::domains::counted;
use crate::report::{Condition, Headline, Report};
use crate::terminal::{BOLD, DIM, HELD, STOPPED, beside, number, width, wrapped};
use crate::wording::{self, pick};

/// Columns of the longest bar.
const BAR: usize = 16;

pub(super) fn write(out: &mut impl Write, report: &Report, language: Language) -> io::Result<()> {
    let is_whole = report.period.since.is_none() && report.period.until.is_none();
    let page = Page { language, width: width(100), is_whole };
    let summary = &report.trends.summary;
    page.headline(out, &report.headline)?;
    page.head(out, summary)?;
    page.failures(out, summary)?;
    page.parties(out, summary)?;
    page.domains(out, summary)?;
    page.hosts(out, summary)?;
    page.others(out, summary)
}

struct Page {
    language: Language,
    width: usize,
    /// Of all time: then what is only counted as a whole can stand beside what has days.
    is_whole: bool,
}

impl Page {
    fn say(&self, en: &'static str, de: &'static str) -> &'static str {
        pick(self.language, en, de)
    }

    fn heading(&self, out: &mut impl Write, en: &'static str, de: &'static str) -> io::Result<()> {
        writeln!(out, "\n{BOLD}{}{BOLD:#}", self.say(en, de))
    }

    /// Is it well, and what is to be done: with the command that does it.
    fn headline(&self, out: &mut impl Write, headline: &Headline) -> io::Result<()> {
        let style = |condition| match condition {
            Condition::Urgent => STOPPED,
            Condition::Attention => HELD,
            Condition::Healthy | Condition::Empty => DIM,
        };
        writeln!(out, "{BOLD}{}{BOLD:#}", headline.title)?;
        for point in &headline.points {
            let style = style(point.condition);
            let mut lines = textwrap::wrap(&point.text, self.width.saturating_sub(4)).into_iter();
            writeln!(out, "  {style}•{style:#} {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "    {line}")?;
            }
            if let Some(command) = point.command {
                writeln!(out, "    {DIM}{command}{DIM:#}")?;
            }
        }
        writeln!(out)
    }

    fn head(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let days = match summary.days {
            Some((first, last)) if first != last => format!("{first} – {last}"),
            Some((day, _)) => day.to_string(),
            None => self.say("no reports", "keine Meldungen").to_owned(),
        };
        let reports = summary.reasons.iter().map(|row| row.reports).sum();
        let counted = if self.is_whole {
            let messages = counted(
                summary.messages,
                ("message", "messages"),
                ("Nachricht", "Nachrichten"),
                self.language,
            );
            let reports = counted(reports, ("report", "reports"), ("Meldung", "Meldungen"), self.language);
            format!("{messages}, {reports}")
        } else {
            let of = self.say("of these days", "dieser Tage");
            let reports = counted(reports, ("report", "reports"), ("Meldung", "Meldungen"), self.language);
            format!("{reports} {of}")
        };
        writeln!(out, "{BOLD}{days}{BOLD:#}  {DIM}{counted}{DIM:#}")?;
        let text = self.say(
            "Days are UTC, those on which something happened, not on which it was read. What is stopped is as of now.",
            "Tage in UTC: an denen etwas geschah, nicht an denen es gelesen wurde. Was gestoppt ist, gilt jetzt.",
        );
        writeln!(out, "{DIM}{}{DIM:#}\n", wrapped(text, 0, self.width))?;
        let stopped = &summary.stopped;
        let suppressed = self.say("addresses suppressed", "Adressen gesperrt");
        let held = self.say("addresses held", "Adressen angehalten");
        writeln!(out, "{STOPPED}{:>8}{STOPPED:#}  {suppressed}", number(stopped.addresses_suppressed))?;
        writeln!(out, "{HELD}{:>8}{HELD:#}  {held}", number(stopped.addresses_held))?;
        if stopped.domains_stopped > 0 {
            let domains = self.say("whole domains stopped", "ganze Domains gestoppt");
            writeln!(out, "{HELD}{:>8}{HELD:#}  {domains}", number(stopped.domains_stopped))?;
        }
        Ok(())
    }

    /// Failures by reason, most frequent first.
    fn failures(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        for row in summary.reasons.iter().filter(|row| row.kind == Kind::Failed) {
            *reasons.entry(row.reason).or_default() += row.reports;
        }
        self.heading(out, "Failures by reason", "Fehler nach Grund")?;
        let name = |reason: Reason| wording::reason(reason, self.language);
        self.bars(out, reasons.into_iter().map(|(reason, reports)| (name(reason), reports)).collect())
    }

    fn parties(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let mut parties: BTreeMap<Party, u64> = BTreeMap::new();
        for row in summary.reasons.iter().filter(|row| row.kind == Kind::Failed) {
            *parties.entry(row.party).or_default() += row.reports;
        }
        self.heading(out, "Failures by whose side they are on", "Fehler nach der Seite, auf der sie liegen")?;
        let name = |party: Party| wording::party(party, self.language);
        self.bars(out, parties.into_iter().map(|(party, reports)| (name(party), reports)).collect())
    }

    fn bars(&self, out: &mut impl Write, mut rows: Vec<(&str, u64)>) -> io::Result<()> {
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        if rows.is_empty() {
            return writeln!(out, "{:>8}  {}", 0, self.say("none", "keine"));
        }
        let most = rows.first().map_or(1, |row| row.1).max(1);
        for (name, reports) in rows {
            let bar = bar(reports, most);
            writeln!(
                out,
                "{:>8}  {DIM}{bar:BAR$}{DIM:#}  {}",
                number(reports),
                wrapped(name, BAR + 12, self.width).trim_start()
            )?;
        }
        Ok(())
    }

    fn domains(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        if summary.domains.is_empty() {
            return Ok(());
        }
        self.heading(out, "Domains by failures", "Domains nach Fehlern")?;
        for row in &summary.domains {
            writeln!(out, "{:>8}  {}", number(row.failures), self.domain_line(row))?;
            if is_down_as_a_whole(row) {
                let text = match self.language {
                    Language::En => format!(
                        "{} addresses fail on the way there: the domain, not the people; abprall why {}",
                        number(row.addresses),
                        row.domain
                    ),
                    Language::De => format!(
                        "{} Adressen scheitern am Weg dorthin: die Domain, nicht die Leute; abprall why {}",
                        number(row.addresses),
                        row.domain
                    ),
                };
                writeln!(out, "{:>8}  {HELD}↳{HELD:#} {}", "", wrapped(&text, 12, self.width).trim_start())?;
            }
        }
        self.rest(out, summary.domains_total, summary.domains.len())
    }

    fn domain_line(&self, row: &DomainRow) -> String {
        let stopped = self.say("stopped", "gestoppt");
        let known = self.say("of", "von");
        let stopped = format!("{} {known} {} {stopped}", number(row.stopped), number(row.addresses));
        let reason = wording::reason(row.reason, self.language);
        beside(&row.domain, 22, &format!("{stopped:16} {reason}"), 10, self.width)
    }

    fn hosts(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        if summary.hosts.is_empty() {
            return Ok(());
        }
        self.heading(out, "Servers by failures they spoke of", "Server nach Fehlern, die sie meldeten")?;
        for row in &summary.hosts {
            writeln!(out, "{:>8}  {}", number(row.failures), self.host_line(row))?;
        }
        self.rest(out, summary.hosts_total, summary.hosts.len())
    }

    fn host_line(&self, row: &HostRow) -> String {
        let domains = row.domains.map_or_else(String::new, |domains| {
            counted(domains, ("domain", "domains"), ("Domain", "Domains"), self.language)
        });
        let reason = wording::reason(row.reason, self.language);
        beside(&row.host, 22, &format!("{domains:16} {reason}"), 10, self.width)
    }

    fn rest(&self, out: &mut impl Write, total: u64, shown: usize) -> io::Result<()> {
        let more = total.saturating_sub(shown as u64);
        if more > 0 {
            let text = self.say("more; --limit shows them", "weitere; --limit zeigt sie");
            writeln!(out, "{DIM}{:>8}  {text}{DIM:#}", number(more))?;
        }
        Ok(())
    }

    /// What is no failure: delays, complaints, automatic answers …
    fn others(&self, out: &mut impl Write, summary: &Summary) -> io::Result<()> {
        let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
        for row in summary.reasons.iter().filter(|row| row.kind != Kind::Failed) {
            *kinds.entry(wording::kind(row.kind, self.language)).or_default() += row.reports;
        }
        // They have no day on which they happened.
        if self.is_whole && summary.messages_without_report > 0 {
            kinds.insert(self.say("no bounce at all", "gar kein Bounce"), summary.messages_without_report);
        }
        if kinds.is_empty() {
            return Ok(());
        }
        self.heading(out, "Besides", "Außerdem")?;
        let mut rows: Vec<_> = kinds.into_iter().collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        for (name, reports) in rows {
            writeln!(out, "{:>8}  {name}", number(reports))?;
        }
        Ok(())
    }
}

/// Several addresses, and most failures are of the way there.
fn is_down_as_a_whole(row: &DomainRow) -> bool {
    row.addresses > 1 && row.route_failures > 1 && row.route_failures * 2 > row.failures
}

/// Eighths of a column, so that small numbers stay visible and comparable.
fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(value) * (BAR as u128 * 8)).div_ceil(u128::from(most.max(1))) as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_full_and_the_smallest_can_be_seen() {
        assert_eq!(bar(10, 10), "█".repeat(BAR));
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(u64::MAX, u64::MAX), "█".repeat(BAR));
    }
}
