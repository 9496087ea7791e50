use std::collections::BTreeMap;
use std::io::Write;

use anstream::AutoStream;
use clap::builder::styling::{AnsiColor, Style};

use super::Printer;
use crate::intake::Totals;
use crate::report_line::ReportLine;
use crate::terminal::{DIM, cut, width};

/// What a person reads: two lines a report, what to do first, and a count at the end.
pub(super) struct Table<W: anstream::stream::RawStream> {
    out: AutoStream<W>,
    width: usize,
    reports: u64,
    actions: BTreeMap<&'static str, u64>,
    others: u64,
}

/// Where the second column starts.
const INDENT: usize = 13;

impl<W: anstream::stream::RawStream> Table<W> {
    pub(super) fn new(out: AutoStream<W>) -> Self {
        Self { out, width: width(160), reports: 0, actions: BTreeMap::new(), others: 0 }
    }
}

impl<W: anstream::stream::RawStream + anstream::stream::AsLockedWrite> Printer for Table<W> {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()> {
        let Some(action) = line.action_of_report() else {
            self.others += 1;
            let words = line.not_a_bounce().unwrap_or("other").replace('_', " ");
            let text = cut(&format!("{}: no bounce, {words}", line.source()), self.width - INDENT);
            writeln!(self.out, "{DIM}{:INDENT$}{text}{DIM:#}", "–")?;
            return Ok(());
        };
        self.reports += 1;
        *self.actions.entry(action).or_default() += 1;
        let style = style_of(action);
        let codes = line.codes();
        let recipient_width = self.width - INDENT - codes.chars().count() - 1;
        let recipient = cut(line.recipient().unwrap_or("(no recipient named)"), recipient_width);
        writeln!(self.out, "{style}{:INDENT$}{style:#}{recipient:recipient_width$} {codes}", word(action))?;
        let why = cut(&line.why(), self.width - INDENT);
        writeln!(self.out, "{:INDENT$}{DIM}{why}{DIM:#}", "")?;
        Ok(())
    }

    fn end(&mut self, totals: &Totals) -> anyhow::Result<()> {
        if self.reports > 0 || self.others > 0 {
            writeln!(self.out)?;
        }
        writeln!(self.out, "{}, {}", count(totals.messages, "message"), count(self.reports, "report"))?;
        for (action, meaning) in MEANINGS {
            if let Some(number) = self.actions.get(action) {
                let style = style_of(action);
                writeln!(self.out, "{number:>8}  {style}{:INDENT$}{style:#}{meaning}", word(action))?;
            }
        }
        if self.others > 0 {
            writeln!(self.out, "{:>8}  {:INDENT$}not a bounce", self.others, "–")?;
        }
        Ok(self.out.flush()?)
    }
}

/// The actions in the order of their weight, with what each one means for a list.
const MEANINGS: [(&str, &str); 8] = [
    ("suppress", "take the address off the list now"),
    ("hold", "stop sending for now; look at the domain and its route"),
    ("investigate", "find out first; the recipient stays"),
    ("fix_sender", "we are refused, not the recipient: mend our side"),
    ("fix_message", "the message is refused, not the recipient: mend it"),
    ("review", "a person has to look"),
    ("retry", "nothing to do: the mail server tries again"),
    ("none", "nothing to do"),
];

fn style_of(action: &str) -> Style {
    match action {
        "suppress" => AnsiColor::Red.on_default().bold(),
        "hold" => AnsiColor::Yellow.on_default().bold(),
        "investigate" | "fix_sender" | "fix_message" | "review" => AnsiColor::Cyan.on_default(),
        _ => Style::new(),
    }
}

fn word(action: &str) -> String {
    action.replace('_', " ")
}

fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
