use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{Standing, State};
use clap::ValueEnum;
use jiff::Timestamp;

use super::filter::Filter;
use crate::dates;
use crate::language::Lang;
use crate::stops::each_stop;
use crate::store_file::StoreFile;
use crate::terminal::{DIM, HELD, STOPPED, cut, number, plain, width};
use crate::wording::{self, pick};

/// List what is stopped.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the table.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// address, state, scope, reason, since, until, decision
    Csv,
    /// One JSON object a line
    #[value(alias = "json")]
    Ndjson,
    /// Only the addresses and domains
    Plain,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        print(&self.filter, &self.store, self.format, self.lang.into(), standard_output(self.format))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn standard_output(format: Format) -> Box<dyn Write> {
    let buffered = || BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match format {
        Format::Table => Box::new(anstream::AutoStream::auto(io::stdout().lock())),
        Format::Csv | Format::Ndjson | Format::Plain => Box::new(buffered()),
    }
}

fn print(
    filter: &Filter,
    store: &StoreFile,
    format: Format,
    language: Language,
    out: impl Write,
) -> anyhow::Result<u64> {
    let store = store.open_existing()?;
    let at = Timestamp::now();
    let filter = filter.stops();
    match format {
        Format::Table => {
            let mut out = out;
            let listed = each_stop(&*store, &filter, at, |row| {
                let standing = row.standing;
                Ok(write_row(&mut out, &standing, language)?)
            })?;
            let total = pick(language, "stopped in all", "insgesamt gestoppt");
            writeln!(out, "{DIM}{} {total}{DIM:#}", number(listed))?;
            out.flush()?;
            Ok(listed)
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["address", "state", "scope", "reason", "since", "until", "decision"])?;
            let listed = each_stop(&*store, &filter, at, |row| csv_row(&mut csv, &row.standing))?;
            csv.flush()?;
            Ok(listed)
        }
        Format::Ndjson => {
            let mut out = out;
            let listed = each_stop(&*store, &filter, at, |row| {
                let standing = row.standing;
                serde_json::to_writer(&mut out, &standing)?;
                Ok(out.write_all(b"\n")?)
            })?;
            out.flush()?;
            Ok(listed)
        }
        Format::Plain => {
            let mut out = out;
            let listed = each_stop(&*store, &filter, at, |row| {
                let standing = row.standing;
                Ok(writeln!(out, "{}", standing.address)?)
            })?;
            out.flush()?;
            Ok(listed)
        }
    }
}

fn csv_row<W: Write>(csv: &mut csv::Writer<W>, standing: &Standing) -> anyhow::Result<()> {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    csv.write_record([
        standing.address.as_str(),
        standing.state.as_str(),
        standing.scope.map_or("", abprall_store::Scope::as_str),
        standing.reason.map_or("", abprall_mail::Reason::as_str),
        &text(standing.since),
        &text(standing.until),
        &standing.decision.map(|id| id.to_string()).unwrap_or_default(),
    ])?;
    Ok(())
}

fn write_row(out: &mut impl Write, standing: &Standing, language: Language) -> io::Result<()> {
    let style = if standing.state == State::Suppressed { STOPPED } else { HELD };
    let state = wording::state(standing.state, language);
    let since = standing.since.map(dates::day).unwrap_or_default();
    let mut reason = standing.reason.map_or("", |reason| wording::reason(reason, language)).to_owned();
    if let Some(until) = standing.until {
        reason += &format!(", {} {}", pick(language, "until", "bis"), dates::day(until));
    }
    let room = width(120).saturating_sub(13 + 11);
    let name = plain(&standing.address);
    writeln!(out, "{style}{state:12}{style:#} {since} {}", cut(&format!("{name:30} {reason}"), room))
}
