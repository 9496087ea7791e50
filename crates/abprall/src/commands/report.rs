use std::io::{self, Write};
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::language::Lang;
use crate::store_file::StoreFile;

mod page;

/// How things stand: by reason, side, domain and server.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreFile,

    /// Only reports of the last N days, today included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "since")]
    days: Option<u16>,

    /// Only reports since this day (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,

    /// How many domains and servers are shown at most.
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: u32,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let now = Timestamp::now();
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        let since = match self.days {
            Some(days) => Some(today.checked_sub((i64::from(days) - 1).days())?),
            None => self.since,
        };
        let summary = store.summary(since, now, self.limit)?;
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Text => page::write(&mut out, &summary, self.lang.into())?,
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, &summary)?;
                writeln!(out)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
