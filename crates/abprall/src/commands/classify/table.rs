use std::collections::BTreeMap;
use std::io::Write;

use abprall_mail::{Action, Language};
use anstream::AutoStream;
use clap::builder::styling::{AnsiColor, Style};

use super::Printer;
use crate::intake::Totals;
use crate::report_line::ReportLine;
use crate::terminal::{DIM, cut, plain, width, wrapped};
use crate::wording::{self, counted, pick};

/// What a person reads: two lines a report, what to do first, and a count at the end.
pub(super) struct Table<W: anstream::stream::RawStream> {
    out: AutoStream<W>,
    language: Language,
    width: usize,
    reports: u64,
    actions: BTreeMap<&'static str, u64>,
    others: u64,
}

/// Lines of a reason and its reply.
const WHY_LINES: usize = 2;

/// Where the second column starts.
const INDENT: usize = 13;

impl<W: anstream::stream::RawStream> Table<W> {
    pub(super) fn new(out: AutoStream<W>, language: Language) -> Self {
        Self { out, language, width: width(160), reports: 0, actions: BTreeMap::new(), others: 0 }
    }
}

impl<W: anstream::stream::RawStream + anstream::stream::AsLockedWrite> Printer for Table<W> {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()> {
        let Some(action) = line.action_of_report() else {
            self.others += 1;
            let words = wording::not_a_bounce(line.not_a_bounce().unwrap_or_default(), self.language);
            let none = pick(self.language, "no bounce", "kein Bounce");
            let text = wrapped(&format!("{}: {none}, {words}", line.source()), INDENT, self.width);
            writeln!(self.out, "{DIM}{:INDENT$}{}{DIM:#}", "–", text.trim_start())?;
            return Ok(());
        };
        self.reports += 1;
        *self.actions.entry(action).or_default() += 1;
        let style = style_of(action);
        let codes = line.codes();
        let room = self.width - INDENT;
        let nobody = pick(self.language, "(no recipient named)", "(kein Empfänger genannt)");
        let recipient = plain(line.recipient().unwrap_or(nobody));
        let behind = room.saturating_sub(recipient.chars().count() + 1);
        let named = format!("{recipient} {codes:>behind$}");
        writeln!(self.out, "{style}{:INDENT$}{style:#}{}", word(action, self.language), named.trim_end())?;
        // The start of the reply says what it is; the whole stands in the JSON.
        let why = cut(&line.why(self.language), room * WHY_LINES - INDENT);
        writeln!(self.out, "{DIM}{}{DIM:#}", wrapped(&why, INDENT, self.width))?;
        Ok(())
    }

    fn end(&mut self, totals: &Totals) -> anyhow::Result<()> {
        if self.reports > 0 || self.others > 0 {
            writeln!(self.out)?;
        }
        let language = self.language;
        let messages =
            counted(totals.messages, ("message", "messages"), ("Nachricht", "Nachrichten"), language);
        let reports = counted(self.reports, ("report", "reports"), ("Meldung", "Meldungen"), language);
        writeln!(self.out, "{messages}, {reports}")?;
        for action in ORDER {
            let name = action.as_str();
            if let Some(number) = self.actions.get(name) {
                let style = style_of(name);
                let meaning = wrapped(wording::action(action, language), 10 + INDENT, self.width);
                let word = word(name, language);
                writeln!(self.out, "{number:>8}  {style}{word:INDENT$}{style:#}{}", meaning.trim_start())?;
            }
        }
        if self.others > 0 {
            let text = pick(language, "not a bounce", "kein Bounce");
            writeln!(self.out, "{:>8}  {:INDENT$}{text}", self.others, "–")?;
        }
        Ok(self.out.flush()?)
    }
}

/// The actions in the order of their weight.
const ORDER: [Action; 8] = [
    Action::Suppress,
    Action::Hold,
    Action::Investigate,
    Action::FixSender,
    Action::FixMessage,
    Action::Review,
    Action::Retry,
    Action::None,
];

fn style_of(action: &str) -> Style {
    match action {
        "suppress" => AnsiColor::Red.on_default().bold(),
        "hold" => AnsiColor::Yellow.on_default().bold(),
        "investigate" | "fix_sender" | "fix_message" | "review" => AnsiColor::Cyan.on_default(),
        _ => Style::new(),
    }
}

fn word(action: &str, language: Language) -> &'static str {
    action.parse().map_or("", |action| wording::action_word(action, language))
}
