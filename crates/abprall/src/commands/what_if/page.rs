//! The answer for people.

use std::io::{self, Write};
use std::path::Path;

use abprall_mail::Language;
use jiff::Timestamp;

use super::answer::{Answer, Row};
use super::trial::{Change, Compared, Stopped};
use crate::dates;
use crate::layout::{Layout, Terminal};
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, beside, name_column, number, plain, wrapped};
use crate::wording::{self, pick};

/// Reasons that are shown.
const REASONS: usize = 10;

pub(super) fn write(
    out: impl Write,
    answer: &Answer<'_>,
    policy: &Path,
    (from, to): (Option<Timestamp>, Timestamp),
    language: Language,
) -> io::Result<()> {
    let mut page = Terminal::new(out);
    page.title(pick(language, "What this policy would have done", "Was diese Richtlinie getan hätte"))?;
    let beginning = || pick(language, "the beginning", "Anfang").to_owned();
    let (reports, addresses) = (number(answer.tally.reports), number(answer.addresses as u64));
    let from = from.map_or_else(beginning, dates::minute);
    let facts = match language {
        Language::En => [
            ("policy", policy.display().to_string()),
            ("history", format!("from {from} to {}", dates::minute(to))),
            ("replayed", format!("{reports} reports about {addresses} addresses")),
        ],
        Language::De => [
            ("Richtlinie", policy.display().to_string()),
            ("Verlauf", format!("von {from} bis {}", dates::minute(to))),
            ("wiederholt", format!("{reports} Meldungen zu {addresses} Adressen")),
        ],
    };
    page.facts(&facts)?;
    writeln!(page.out())?;
    if !answer.has_difference() {
        page.paragraph(pick(
            language,
            "No difference: everybody would stand as they do.",
            "Kein Unterschied: Alle stünden da, wo sie stehen.",
        ))?;
    }
    write_changes(&mut page, answer, language)?;
    write_outcomes(&mut page, answer, language)?;
    if answer.has_difference() {
        write_reasons(&mut page, answer, language)?;
        write_providers(&mut page, answer, language)?;
        write_examples(&mut page, answer, language)?;
    }
    page.heading(pick(language, "What this cannot know", "Was sich so nicht sagen lässt"))?;
    for unknown in &answer.unknown {
        let text = unknown.kind.text(language);
        let about = if unknown.reports > 0 { format!("{} ", number(unknown.reports)) } else { String::new() };
        page.item(&format!("{about}{text}"))?;
    }
    page.out().flush()
}

fn write_changes<W: Write>(
    page: &mut Terminal<W>,
    answer: &Answer<'_>,
    language: Language,
) -> io::Result<()> {
    for (change, count) in &answer.changes {
        let seldom = matches!(change, Change::Harder | Change::Milder | Change::OtherTime);
        if *count == 0 && seldom {
            continue;
        }
        let style = match change {
            Change::Removed | Change::Harder => STOPPED,
            Change::Saved | Change::Milder => NOTE,
            Change::OtherTime => HELD,
            Change::Unchanged => DIM,
        };
        let meaning = wrapped(meaning(*change, language), 24, page.width());
        let meaning = meaning.trim_start();
        let (name, count) = (name(*change, language), number(*count));
        writeln!(page.out(), "  {style}{name:11}{style:#}{count:>9}  {meaning}")?;
    }
    Ok(())
}

fn write_outcomes<W: Write>(
    page: &mut Terminal<W>,
    answer: &Answer<'_>,
    language: Language,
) -> io::Result<()> {
    if answer.outcomes.iter().all(|(_, was, would)| was == would) {
        return Ok(());
    }
    page.heading(pick(language, "Decisions", "Entscheidungen"))?;
    let (was, would) = (pick(language, "taken", "getroffen"), pick(language, "by this policy", "so"));
    writeln!(page.out(), "  {DIM}{:16}{was:>12}  {would:>14}{DIM:#}", "")?;
    for (outcome, was, would) in &answer.outcomes {
        let name = wording::outcome(*outcome, language);
        writeln!(page.out(), "  {name:16}{:>12}  {:>14}", number(*was), number(*would))?;
    }
    Ok(())
}

fn write_reasons<W: Write>(
    page: &mut Terminal<W>,
    answer: &Answer<'_>,
    language: Language,
) -> io::Result<()> {
    page.heading(pick(language, "By reason", "Nach Grund"))?;
    let shown = answer.reasons.iter().take(REASONS);
    write_rows(page, shown.map(|(reason, row)| (wording::reason(*reason, language), row)), language)
}

fn write_providers<W: Write>(
    page: &mut Terminal<W>,
    answer: &Answer<'_>,
    language: Language,
) -> io::Result<()> {
    page.heading(pick(language, "By provider", "Nach Anbieter"))?;
    write_rows(page, answer.providers.iter().map(|(provider, row)| (&**provider, row)), language)?;
    let more = answer.providers_total.saturating_sub(answer.providers.len());
    if more > 0 {
        let text = pick(language, "more; --rows shows them", "weitere; --rows zeigt sie");
        writeln!(page.out(), "  {DIM}{} {text}{DIM:#}", number(more as u64))?;
    }
    Ok(())
}

fn write_rows<'a, W: Write>(
    page: &mut Terminal<W>,
    rows: impl Iterator<Item = (&'a str, &'a Row)>,
    language: Language,
) -> io::Result<()> {
    let counts = |row: &Row| {
        let counts =
            row.iter().map(|(change, count)| format!("{} {}", name(*change, language), number(*count)));
        counts.collect::<Vec<_>>().join(", ")
    };
    let rows: Vec<_> = rows.map(|(what, row)| (what, counts(row))).collect();
    let width = page.width();
    let column = name_column(&rows, 32, 2, width);
    for (what, counts) in rows {
        writeln!(page.out(), "  {}", beside(what, column, &counts, 2, width))?;
    }
    Ok(())
}

fn write_examples<W: Write>(
    page: &mut Terminal<W>,
    answer: &Answer<'_>,
    language: Language,
) -> io::Result<()> {
    page.heading(pick(language, "For example", "Zum Beispiel"))?;
    for compared in &answer.examples {
        let name = name(compared.change, language);
        let address = plain(&whose(compared));
        writeln!(page.out(), "  {BOLD}{name:11}{BOLD:#}  {address}")?;
        let rows = [
            (pick(language, "was", "war"), compared.before),
            (pick(language, "would be", "wäre"), compared.after),
        ];
        for (when, stopped) in rows {
            let text = stopped.map_or_else(
                || pick(language, "free to be sent to", "frei").to_owned(),
                |stopped| described(stopped, answer, language),
            );
            let text = wrapped(&text, 26, page.width());
            writeln!(page.out(), "               {DIM}{when:10}{DIM:#} {}", text.trim_start())?;
        }
    }
    Ok(())
}

fn whose(compared: &Compared<'_>) -> String {
    let audience: Vec<_> = [compared.tenant, compared.list].into_iter().flatten().collect();
    let audience =
        if audience.is_empty() { String::new() } else { format!(" ({})", plain(&audience.join(", "))) };
    format!("{}{audience}", plain(compared.address))
}

fn described(stopped: &Stopped, answer: &Answer<'_>, language: Language) -> String {
    let state = wording::outcome(stopped.outcome, language);
    let reason = wording::reason(stopped.reason, language);
    let since = dates::day(stopped.since);
    let until = stopped
        .until
        .map(|until| format!(" {} {}", pick(language, "until", "bis"), dates::day(until)))
        .unwrap_or_default();
    format!("{state} {since}{until}: {reason} ({})", answer.trial.rule(stopped))
}

fn name(change: Change, language: Language) -> &'static str {
    match change {
        Change::Removed => pick(language, "removed", "gestoppt"),
        Change::Saved => pick(language, "saved", "verschont"),
        Change::Harder => pick(language, "harder", "härter"),
        Change::Milder => pick(language, "milder", "milder"),
        Change::OtherTime => pick(language, "other time", "andere Zeit"),
        Change::Unchanged => pick(language, "unchanged", "wie jetzt"),
    }
}

fn meaning(change: Change, language: Language) -> &'static str {
    match change {
        Change::Removed => {
            pick(language, "not stopped, but would have been", "nicht gestoppt, wären es aber")
        }
        Change::Saved => pick(language, "stopped, but would not have been", "gestoppt, wären es aber nicht"),
        Change::Harder => pick(language, "held, but would be suppressed", "angehalten, wären aber gesperrt"),
        Change::Milder => {
            pick(language, "suppressed, but would only be held", "gesperrt, wären nur angehalten")
        }
        Change::OtherTime => {
            pick(language, "stopped as hard, from or until another time", "ebenso gestoppt, zu anderer Zeit")
        }
        Change::Unchanged => pick(language, "stopped either way", "gestoppt, so oder so"),
    }
}
