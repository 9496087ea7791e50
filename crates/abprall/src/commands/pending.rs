use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{Page, PendingRemoval, Settlement};
use clap::Subcommand;

use crate::clock::ClockOption;
use crate::dates;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::store_file::StoreFile;
use crate::terminal::{BOLD, DIM, beside, number, width};
use crate::wording::{self, counted, pick};

/// Removals that wait because so many came at once: show them, carry them out, or drop them, an incident at a time.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Command {
    /// Carry all removals of an incident out: the mailboxes are gone after all.
    Apply(Settle),
    /// Drop all removals of an incident: it was a bad hour there, the addresses may be sent to.
    Drop(Settle),
}

#[derive(clap::Args)]
struct List {
    /// Only those of this incident.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<i64>,

    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    store: StoreFile,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(clap::Args)]
struct Settle {
    /// The incident.
    #[arg(value_name = "NUMBER")]
    incident: i64,

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

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            None => self.list.run(),
            Some(Command::Apply(settle)) => settle.run(Settlement::Apply),
            Some(Command::Drop(settle)) => settle.run(Settlement::Drop),
        }
    }
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.store.open_existing()?;
        let language = self.lang.into();
        let empty = pick(language, "nothing is pending", "nichts steht aus");
        listing::print(&self.paging, self.format, language, empty, |page| {
            store.pending(self.incident, page)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Settle {
    fn run(self, settlement: Settlement) -> anyhow::Result<ExitCode> {
        let mut store = self.store.open_existing()?;
        let language = self.lang.into();
        let count = if self.yes {
            store.settle_pending(self.incident, settlement, self.clock.clock().now(), self.note.as_deref())?
        } else {
            let (mut count, mut page) = (0, Page::first(1000));
            loop {
                let found = store.pending(Some(self.incident), page)?;
                count += found.rows.len() as u64;
                let Some(next) = found.next else { break count };
                page.after = Some(next);
            }
        };
        let mut out = anstream::AutoStream::auto(io::stdout().lock());
        if count == 0 {
            let text = pick(language, "nothing is pending of incident", "nichts steht aus bei Störung");
            writeln!(out, "{text} {}", self.incident)?;
            return Ok(ExitCode::from(1));
        }
        let addresses = counted(count, ("address", "addresses"), ("Adresse", "Adressen"), language);
        let what = match (settlement, self.yes) {
            (Settlement::Apply, true) => pick(language, "suppressed", "gesperrt"),
            (Settlement::Apply, false) => pick(language, "would be suppressed", "würden gesperrt"),
            (Settlement::Drop, true) => {
                pick(language, "may be sent to again", "dürfen wieder angeschrieben werden")
            }
            (Settlement::Drop, false) => {
                pick(language, "would be free to send to again", "dürften wieder angeschrieben werden")
            }
        };
        writeln!(out, "{BOLD}{addresses}{BOLD:#} {what}")?;
        if !self.yes {
            writeln!(out, "{DIM}{}{DIM:#}", preview(language))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Said where a command has only shown what it would do.
pub(super) fn preview(language: Language) -> &'static str {
    pick(
        language,
        "nothing was changed: this was a preview; --yes does it",
        "nichts wurde geändert: das war eine Vorschau; --yes führt es aus",
    )
}

impl Row for PendingRemoval {
    const COLUMNS: &'static [&'static str] =
        &["incident", "decision", "address", "taken_at", "reason", "until"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.incident.to_string(),
            self.decision.id.to_string(),
            self.decision.about.clone(),
            self.decision.taken_at.to_string(),
            field(self.decision.reason),
            field(self.decision.until),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let reason = self.decision.reason.map_or("", |reason| wording::reason(reason, language));
        let text = format!(
            "{} · {} {} · {reason}",
            dates::minute(self.decision.taken_at),
            pick(language, "incident", "Störung"),
            number(self.incident.unsigned_abs()),
        );
        writeln!(out, "{}", beside(&self.decision.about, 30, &text, 0, width(120)))
    }
}
