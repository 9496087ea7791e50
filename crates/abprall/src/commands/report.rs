use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::Period;
use clap::ValueEnum;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::language::Lang;
use crate::output_file::OutputFile;
use crate::report::{Report, Table, write_csv, write_html};
use crate::store_file::StoreFile;

mod page;

/// How things stand: healthy or not, what came back and why, what is being watched, what to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreFile,

    /// Only what happened in the last N days, up to today or to `--until`. A message counts by when it happened, not by when it was read.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "since")]
    days: Option<u16>,

    /// Only what happened since this day (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,

    /// Only what happened up to this day (UTC), itself included.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,

    /// How many domains, servers, providers and incidents are shown at most.
    #[arg(long, visible_alias = "top", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=ROWS_MAX))]
    limit: u32,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Which table the CSV holds.
    #[arg(long, value_enum, default_value_t = Table::Days)]
    table: Table,

    /// Where to write; `.gz` packs it.
    #[arg(short, long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    output: PathBuf,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

/// Rows of a list at most: a report is for people, and each row costs a few questions to the store.
const ROWS_MAX: i64 = 1_000_000;

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// One page with charts, in one file.
    Html,
    /// One object.
    Json,
    /// One table, see `--table`.
    Csv,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let now = Timestamp::now();
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        let since = match self.days {
            Some(days) => Some(self.until.unwrap_or(today).checked_sub((i64::from(days) - 1).days())?),
            None => self.since,
        };
        if let (Some(since), Some(until)) = (since, self.until)
            && since > until
        {
            let text = match self.lang.into() {
                Language::En => format!("the first day, {since}, is after the last, {until}"),
                Language::De => format!("der erste Tag, {since}, liegt nach dem letzten, {until}"),
            };
            anstream::eprintln!("abprall: {text}");
            return Ok(ExitCode::from(2));
        }
        let period = Period { since, until: self.until };
        let language = self.lang.into();
        let report = Report::ask(&*store, period, now, self.limit, language)?;
        if self.format == Format::Text && self.output == Path::new("-") {
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            page::write(&mut out, &report, language)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = OutputFile::create(&self.output)?;
        match self.format {
            Format::Text => {
                let mut plain = anstream::StripStream::new(Vec::new());
                page::write(&mut plain, &report, language)?;
                out.write_all(&plain.into_inner())?;
            }
            Format::Html => write_html(&mut out, &report, language)?,
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, &report)?;
                writeln!(out)?;
            }
            Format::Csv => write_csv(&mut out, &report, self.table)?,
        }
        out.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}
