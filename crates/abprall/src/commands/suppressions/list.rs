use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{State, StopRow};
use clap::ValueEnum;
use jiff::Timestamp;

use super::filter::{Filter, StopLine};
use crate::dates;
use crate::language::Lang;
use crate::lists::CSV_COLUMNS;
use crate::stops::{each_stop, tell_erased};
use crate::store_file::StoreFile;
use crate::terminal::{DIM, HELD, STOPPED, beside, number, width};
use crate::wording::{self, pick};

/// The room that state and day take.
const STATE_AND_DAY: usize = 10 + 1 + 10 + 1;

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
    /// address, state, scope, reason, since, until, decision, tenant, list
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
    let each = |take: &mut dyn FnMut(&StopRow) -> anyhow::Result<()>| {
        let (mut listed, mut erased) = (0, 0);
        each_stop(&*store, &filter.stops(), at, |row| {
            if !filter.takes(&row.standing) {
                return Ok(());
            }
            // People see that somebody is stopped; a program could do nothing with the hash.
            if row.standing.is_erased() && format != Format::Table {
                erased += 1;
                return Ok(());
            }
            listed += 1;
            take(&row)
        })?;
        tell_erased(erased, language);
        anyhow::Ok(listed)
    };
    match format {
        Format::Table => {
            let mut out = out;
            let listed = each(&mut |row| Ok(write_row(&mut out, row, language)?))?;
            let total = pick(language, "stopped in all", "insgesamt gestoppt");
            writeln!(out, "{DIM}{} {total}{DIM:#}", number(listed))?;
            out.flush()?;
            Ok(listed)
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(CSV_COLUMNS)?;
            let listed = each(&mut |row| csv_row(&mut csv, row))?;
            csv.flush()?;
            Ok(listed)
        }
        Format::Ndjson => {
            let mut out = out;
            let listed = each(&mut |row| {
                serde_json::to_writer(&mut out, &StopLine::from(row))?;
                Ok(out.write_all(b"\n")?)
            })?;
            out.flush()?;
            Ok(listed)
        }
        Format::Plain => {
            let mut out = out;
            let listed = each(&mut |row| Ok(writeln!(out, "{}", row.standing.address)?))?;
            out.flush()?;
            Ok(listed)
        }
    }
}

fn csv_row<W: Write>(
    csv: &mut csv::Writer<W>,
    StopRow { standing, audience }: &StopRow,
) -> anyhow::Result<()> {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    csv.write_record([
        standing.address.as_str(),
        standing.state.as_str(),
        standing.scope.map_or("", abprall_store::Scope::as_str),
        standing.reason.map_or("", abprall_mail::Reason::as_str),
        &text(standing.since),
        &text(standing.until),
        &standing.decision.map(|id| id.to_string()).unwrap_or_default(),
        audience.tenant.as_deref().unwrap_or_default(),
        audience.list.as_deref().unwrap_or_default(),
    ])?;
    Ok(())
}

fn write_row(out: &mut impl Write, row: &StopRow, language: Language) -> io::Result<()> {
    let StopRow { standing, audience } = row;
    let style = if standing.state == State::Suppressed { STOPPED } else { HELD };
    let state = wording::state(standing.state, language);
    let since = standing.since.map(dates::day).unwrap_or_default();
    let mut why = standing.reason.map_or("", |reason| wording::reason(reason, language)).to_owned();
    if let Some(until) = standing.until {
        why += &format!(", {} {}", pick(language, "until", "bis"), dates::day(until));
    }
    let rest = beside(&standing.address, 26, &why, STATE_AND_DAY, width(120));
    writeln!(out, "{style}{state:10}{style:#} {since} {rest}")?;
    let whose = wording::for_mail_of(audience, language);
    if whose.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:STATE_AND_DAY$}  {}{whose}", "", pick(language, "only", "nur"))
}
