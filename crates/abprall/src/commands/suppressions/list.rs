use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{Standing, State, StopFilter, Store};
use anyhow::Context;
use clap::ValueEnum;
use jiff::Timestamp;

use super::filter::Filter;
use crate::dates;
use crate::language::Lang;
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

/// Write what is stopped to a file, whole or not at all.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    store: StoreFile,

    /// CSV with a header, one JSON object a line, or only the addresses, one a line.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,

    /// The file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
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

impl ExportArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let language = Language::En;
        if self.output.as_os_str() == "-" {
            print(&self.filter, &self.store, self.format, language, standard_output(self.format))?;
            return Ok(ExitCode::SUCCESS);
        }
        // Beside its place, then moved there: nobody ever reads half a list.
        let folder = self.output.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(std::path::Path::new("."));
        let cannot_write = || format!("cannot write {}", self.output.display());
        let file = tempfile::NamedTempFile::new_in(folder).with_context(cannot_write)?;
        let listed = print(&self.filter, &self.store, self.format, language, BufWriter::new(file.as_file()))
            .with_context(cannot_write)?;
        file.as_file().sync_all().with_context(cannot_write)?;
        file.persist(&self.output).with_context(cannot_write)?;
        anstream::eprintln!("{} written to {}", number(listed), self.output.display());
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
    let store = &*store;
    let filter = StopFilter { state: filter.state(), reason: filter.reason, tenant: None, list: None };
    match format {
        Format::Table => {
            let mut out = out;
            let listed =
                each_stop(store, &filter, at, |standing| Ok(write_row(&mut out, &standing, language)?))?;
            let total = pick(language, "stopped in all", "insgesamt gestoppt");
            writeln!(out, "{DIM}{} {total}{DIM:#}", number(listed))?;
            out.flush()?;
            Ok(listed)
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["address", "state", "scope", "reason", "since", "until", "decision"])?;
            let listed = each_stop(store, &filter, at, |standing| csv_row(&mut csv, &standing))?;
            csv.flush()?;
            Ok(listed)
        }
        Format::Ndjson => {
            let mut out = out;
            let listed = each_stop(store, &filter, at, |standing| {
                serde_json::to_writer(&mut out, &standing)?;
                Ok(out.write_all(b"\n")?)
            })?;
            out.flush()?;
            Ok(listed)
        }
        Format::Plain => {
            let mut out = out;
            let listed =
                each_stop(store, &filter, at, |standing| Ok(writeln!(out, "{}", standing.address)?))?;
            out.flush()?;
            Ok(listed)
        }
    }
}

/// Hands all stops to `each`; its first error ends the list.
fn each_stop(
    store: &dyn Store,
    filter: &StopFilter,
    at: Timestamp,
    mut each: impl FnMut(Standing) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut outcome = Ok(());
    let listed = store.stops(filter, at, &mut |row| {
        outcome = each(row.standing);
        if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    outcome.map(|()| listed)
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
