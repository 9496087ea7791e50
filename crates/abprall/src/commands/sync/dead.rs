use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::{DeadFate, DeadLetter, DeadLetters};
use clap::Subcommand;
use jiff::Timestamp;

use super::Configured;
use crate::language::Lang;
use crate::listing::{self, ListFormat, Paging, Row, field};
use crate::terminal::{BOLD, DIM, number, plain, width, wrapped};
use crate::wording::pick;

/// What a target refused for good: show it, try it again, or drop it.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    /// Try them again: the target is mended.
    Retry(Settle),
    /// Forget them: the target does not need to know.
    Drop(Settle),
}

/// List them.
#[derive(clap::Args)]
struct List {
    /// Only those of this target.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,

    #[command(flatten)]
    paging: Paging,

    #[command(flatten)]
    configured: Configured,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

#[derive(clap::Args)]
struct Settle {
    /// Those with these numbers.
    #[arg(value_name = "NUMBER", required_unless_present_any = ["target", "all"])]
    numbers: Vec<i64>,

    /// All of this target.
    #[arg(long, value_name = "NAME", conflicts_with = "numbers")]
    target: Option<String>,

    /// All.
    #[arg(long, conflicts_with_all = ["numbers", "target"])]
    all: bool,

    #[command(flatten)]
    configured: Configured,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(list) => list.run(),
            Command::Retry(settle) => settle.run(DeadFate::Retry),
            Command::Drop(settle) => settle.run(DeadFate::Drop),
        }
    }
}

impl List {
    fn run(self) -> anyhow::Result<ExitCode> {
        let store = self.configured.read()?.0.open_existing()?;
        let language = self.lang.into();
        let empty = pick(language, "nothing was given up", "nichts wurde aufgegeben");
        listing::print(&self.paging, self.format, language, empty, |page| {
            store.outbox_dead(self.target.as_deref(), page)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Settle {
    /// Exit status 1 where there is nothing of that kind.
    fn run(self, fate: DeadFate) -> anyhow::Result<ExitCode> {
        let mut store = self.configured.read()?.0.open_existing()?;
        let language = self.lang.into();
        let which = match (self.target, self.all) {
            (Some(target), _) => DeadLetters::Of(target),
            (None, true) => DeadLetters::All,
            (None, false) => DeadLetters::Numbers(self.numbers),
        };
        let settled = store.outbox_settle_dead(&which, fate, Timestamp::now())?;
        let words = match fate {
            DeadFate::Retry => pick(language, "are tried again", "werden erneut versucht"),
            DeadFate::Drop => pick(language, "are dropped", "sind verworfen"),
        };
        anstream::println!("{} {words}", number(settled));
        Ok(ExitCode::from(u8::from(settled == 0)))
    }
}

impl Row for DeadLetter {
    const COLUMNS: &'static [&'static str] = &["id", "target", "name", "decision", "attempts", "error"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.target.clone(),
            field(self.name.as_ref()),
            self.decision.to_string(),
            self.attempts.to_string(),
            field(self.error.as_ref()),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let forgotten = pick(language, "(forgotten)", "(vergessen)");
        let name = self.name.as_deref().map_or(forgotten.to_owned(), plain);
        let tries = pick(language, "tries", "Versuche");
        writeln!(
            out,
            "{:>6}  {BOLD}{name}{BOLD:#}  {DIM}{} · {} {tries}{DIM:#}",
            self.id,
            plain(&self.target),
            self.attempts
        )?;
        match &self.error {
            Some(error) => writeln!(out, "{}", wrapped(error, 8, width(120))),
            None => Ok(()),
        }
    }
}
