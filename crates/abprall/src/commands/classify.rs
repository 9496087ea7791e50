use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use abprall_bounce::Classifier;
use clap::ValueEnum;

use crate::intake::{self, Inputs, Judged, Progress, Totals};
use crate::language::Lang;
use crate::report_line::ReportLine;

mod csv_rows;
mod table;

/// Read and classify bounces; store nothing.
///
/// Prints what happened to every recipient, whose side it is on and what to do. Nothing is remembered: see `process` for that.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// How to print: a table for people; a JSON array, one JSON object a line, or CSV for programs.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the table.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let classifier = self.inputs.rules.classifier()?;
        let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        match self.format {
            Format::Table => self.print(
                &classifier,
                table::Table::new(anstream::AutoStream::auto(io::stdout().lock()), self.lang.into()),
            ),
            Format::Json => self.print(&classifier, Json { out, rows: 0 }),
            Format::Ndjson => self.print(&classifier, Ndjson { out }),
            Format::Csv => self.print(&classifier, csv_rows::CsvRows::new(out)),
        }
    }

    fn print(&self, classifier: &Classifier, mut printer: impl Printer) -> anyhow::Result<ExitCode> {
        // Results that scroll by on the terminal would fight with a bar.
        let progress = if io::stdout().is_terminal() { Progress::Never } else { Progress::OnTerminal };
        let totals = intake::run(&self.inputs, classifier, progress, |judged| {
            for line in lines_of(&judged) {
                printer.line(&line)?;
            }
            Ok(())
        })?;
        printer.end(&totals)?;
        Ok(totals.exit_code())
    }
}

/// One line a report; one for a message without any.
fn lines_of(judged: &Judged) -> Vec<ReportLine<'_>> {
    if judged.reading.reports.is_empty() {
        return vec![ReportLine::none(&judged.source, &judged.reading)];
    }
    let reports = judged.reading.reports.iter().zip(&judged.classifications).enumerate();
    reports
        .map(|(index, (report, classification))| {
            ReportLine::new(&judged.source, index, report, classification, &judged.reading.damage)
        })
        .collect()
}

/// One way to print the lines.
trait Printer {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()>;
    fn end(&mut self, totals: &Totals) -> anyhow::Result<()>;
}

struct Ndjson<W> {
    out: W,
}

impl<W: Write> Printer for Ndjson<W> {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    fn end(&mut self, _totals: &Totals) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}

struct Json<W> {
    out: W,
    rows: u64,
}

impl<W: Write> Printer for Json<W> {
    fn line(&mut self, line: &ReportLine<'_>) -> anyhow::Result<()> {
        self.out.write_all(if self.rows == 0 { b"[\n" } else { b",\n" })?;
        self.rows += 1;
        serde_json::to_writer(&mut self.out, line)?;
        Ok(())
    }

    fn end(&mut self, _totals: &Totals) -> anyhow::Result<()> {
        self.out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?;
        Ok(self.out.flush()?)
    }
}
