//! What all long lists share: page by page, as a table for people or exact for a machine.

use std::io::{self, BufWriter, Write};

use abprall_mail::Language;
use abprall_store::{Cursor, Page, Rows, StoreError};
use clap::ValueEnum;
use serde::Serialize;

use crate::terminal::DIM;
use crate::wording::pick;

/// Rows of a page where nobody asks for more.
const ROWS: u32 = 20;

/// Rows that are read at a time where all are wanted.
const ROWS_AT_A_TIME: u32 = 500;

/// Which part of the list is shown.
#[derive(clap::Args)]
pub(crate) struct Paging {
    /// How many rows at most: 20 in a table and in JSON, else all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows: Option<u32>,

    /// Go on where the page before ended: its `next`.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
}

/// How a list is printed.
#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Table,
    /// One page: `{"rows": […], "next": CURSOR}`
    Json,
    /// One JSON object a line
    Ndjson,
    /// With a header
    Csv,
}

/// A row of a list.
pub(crate) trait Row: Serialize {
    /// The columns of its CSV.
    const COLUMNS: &'static [&'static str];

    /// Its fields, in the order of the columns.
    fn fields(&self) -> Vec<String>;

    /// Its line for people.
    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()>;
}

/// Prints a list. `ask` gives one page of it; `empty` says that there is nothing.
pub(crate) fn print<T: Row>(
    paging: &Paging,
    format: ListFormat,
    language: Language,
    empty: &str,
    mut ask: impl FnMut(Page) -> Result<Rows<T>, StoreError>,
) -> anyhow::Result<()> {
    let one_page = Page { after: paging.after, rows: paging.rows.unwrap_or(ROWS) };
    match format {
        ListFormat::Table => {
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            let found = ask(one_page)?;
            if found.rows.is_empty() {
                writeln!(out, "{empty}")?;
            }
            for row in &found.rows {
                row.write(&mut out, language)?;
            }
            if let Some(next) = found.next {
                let more = pick(language, "there is more", "es gibt mehr");
                writeln!(out, "{DIM}{more}: --after {next}{DIM:#}")?;
            }
        }
        ListFormat::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &ask(one_page)?)?;
            writeln!(out)?;
        }
        ListFormat::Ndjson => {
            let mut out = BufWriter::new(io::stdout().lock());
            each(paging, ask, |row| {
                serde_json::to_writer(&mut out, &row)?;
                Ok(out.write_all(b"\n")?)
            })?;
            out.flush()?;
        }
        ListFormat::Csv => {
            let mut csv = csv::Writer::from_writer(io::stdout().lock());
            csv.write_record(T::COLUMNS)?;
            each(paging, ask, |row| Ok(csv.write_record(row.fields())?))?;
            csv.flush()?;
        }
    }
    Ok(())
}

/// Hands the rows over, page by page, so that the longest list is never in memory.
fn each<T>(
    paging: &Paging,
    mut ask: impl FnMut(Page) -> Result<Rows<T>, StoreError>,
    mut take: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut after, mut left) = (paging.after, paging.rows.unwrap_or(u32::MAX));
    while left > 0 {
        let found = ask(Page { after, rows: left.min(ROWS_AT_A_TIME) })?;
        left = left.saturating_sub(u32::try_from(found.rows.len()).unwrap_or(u32::MAX));
        for row in found.rows {
            take(row)?;
        }
        let Some(next) = found.next else { break };
        after = Some(next);
    }
    Ok(())
}

/// A field that may be empty.
pub(crate) fn field<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
