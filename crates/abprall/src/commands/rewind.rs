use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::{Language, Reason};
use abprall_store::{Mode, RewindSummary, Selection};
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::pending::preview;
use crate::clock::ClockOption;
use crate::dates;
use crate::language::Lang;
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, number, plain};
use crate::wording::{counted, pick};

/// Names that are shown to people.
const EXAMPLES: usize = 10;

/// Undo the decisions of a window, each by a new decision: an incident there, or a mistake here, took people off the list.
///
/// Complaints, unsubscribes, imports and what people ordered are left alone unless --reason or --rule names them.
///
/// Shows what would be done; `--yes` does it. Nothing is deleted: `why` tells both decisions afterwards.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decisions taken at or after this time: 2026-11-24, 2026-11-24T14:00 (UTC) or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,

    /// … and before this one: it is not included, so a day ends with the next day's date.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Timestamp,

    /// Only about addresses of this provider: a domain, or the registrable domain of the mail hosts.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// Only for this reason.
    #[arg(long, value_name = "REASON")]
    reason: Option<Reason>,

    /// Only by this rule, as `why` shows it.
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// Only for this tenant's mail.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,

    /// Do it. Without this, what would be done is only shown.
    #[arg(long)]
    yes: bool,

    /// Why, for those who ask later.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    #[command(flatten)]
    store: StoreFile,

    #[command(flatten)]
    clock: ClockOption,

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

/// The JSON of `rewind`.
#[derive(Serialize)]
struct Answer<'a> {
    from: Timestamp,
    to: Timestamp,
    done: bool,
    #[serde(flatten)]
    summary: &'a RewindSummary,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.to <= self.from {
            anstream::eprintln!("abprall: --to has to be later than --from");
            return Ok(ExitCode::from(2));
        }
        let mut store = self.store.open_existing()?;
        let selection = Selection {
            from: self.from,
            to: self.to,
            provider: self.provider.map(|name| name.to_lowercase()),
            reason: self.reason,
            rule: self.rule,
            tenant: self.tenant,
        };
        let mode = if self.yes { Mode::Apply } else { Mode::Preview };
        let summary = store.rewind(&selection, mode, self.clock.clock().now(), self.note.as_deref())?;
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        match self.format {
            Format::Json => {
                let answer = Answer { from: self.from, to: self.to, done: self.yes, summary: &summary };
                serde_json::to_writer_pretty(&mut out, &answer)?;
                writeln!(out)?;
            }
            Format::Text if summary.undone == 0 => {
                writeln!(out, "{}", nothing(self.from, self.to, self.lang.into()))?;
            }
            Format::Text => write(&mut out, &summary, self.yes, self.lang.into())?,
        }
        Ok(ExitCode::from(u8::from(summary.undone == 0)))
    }
}

/// Why nothing is undone: mostly the window is not the one that was meant.
fn nothing(from: Timestamp, to: Timestamp, language: Language) -> String {
    // Ends are told as they are: none is rounded to its minute.
    let shown = |at: Timestamp| {
        if at.as_nanosecond() % 60_000_000_000 == 0 { dates::minute(at) } else { at.to_string() }
    };
    let (from, to) = (shown(from), shown(to));
    match language {
        Language::En => format!(
            "nothing to undo from {from} until before {to} (--to itself is not included):\n\
             no decision of that time is like that, or all of them are undone already"
        ),
        Language::De => format!(
            "nichts zurückzunehmen von {from} bis vor {to} (--to selbst gehört nicht dazu):\n\
             keine Entscheidung dieser Zeit ist so, oder alle sind bereits zurückgenommen"
        ),
    }
}

fn write(out: &mut impl Write, summary: &RewindSummary, done: bool, language: Language) -> io::Result<()> {
    let decisions =
        counted(summary.undone, ("decision", "decisions"), ("Entscheidung", "Entscheidungen"), language);
    let undone = match (done, language) {
        (true, Language::En) => "undone, each by a new one",
        (true, Language::De) => "zurückgenommen, jede durch eine neue",
        (false, Language::En) => "would be undone, each by a new one",
        (false, Language::De) => "würden zurückgenommen, jede durch eine neue",
    };
    writeln!(out, "{BOLD}{decisions}{BOLD:#} {undone}")?;
    let mut row = |count: u64, text: &str| {
        if count == 0 { Ok(()) } else { writeln!(out, "{:>13}  {text}", number(count)) }
    };
    row(summary.freed, pick(language, "may be sent to again", "dürfen wieder angeschrieben werden"))?;
    row(
        summary.restored,
        pick(
            language,
            "stay stopped: another decision holds them",
            "bleiben gestoppt: eine andere Entscheidung hält sie",
        ),
    )?;
    row(summary.overtaken, pick(language, "stopped nobody any more", "hielten niemanden mehr"))?;
    row(summary.strikes, pick(language, "soft failures no longer count", "weiche Fehler zählen nicht mehr"))?;
    for name in summary.examples.iter().take(EXAMPLES) {
        writeln!(out, "{DIM}{:15}{}{DIM:#}", "", plain(name))?;
    }
    let more = summary.freed.saturating_sub(summary.examples.len().min(EXAMPLES) as u64);
    if more > 0 {
        writeln!(out, "{DIM}{:15}… {} {}{DIM:#}", "", number(more), pick(language, "more", "weitere"))?;
    }
    if !done {
        writeln!(out, "{DIM}{}{DIM:#}", preview(language))?;
    }
    Ok(())
}

/// Reads a day, a minute or a whole timestamp; without a zone it is UTC, as all times that Abprall shows.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let utc = |at: DateTime| TimeZone::UTC.to_timestamp(at);
    let read = text.parse::<Timestamp>().or_else(|_| text.parse::<DateTime>().and_then(utc)).or_else(|_| {
        text.parse::<Date>().and_then(|day| utc(day.to_datetime(jiff::civil::Time::midnight())))
    });
    read.map_err(|_| "write 2026-11-24, 2026-11-24T14:00 or 2026-11-24T14:00:00+01:00".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for text in
            ["2026-11-24T12:00", "2026-11-24 12:00", "2026-11-24T13:00:00+01:00", "2026-11-24T12:00:00Z"]
        {
            assert_eq!(moment(text), Ok(noon), "{text}");
        }
        assert_eq!(moment("2026-11-24"), Ok("2026-11-24T00:00:00Z".parse().unwrap()));
        assert!(moment("yesterday").is_err());
    }
}
