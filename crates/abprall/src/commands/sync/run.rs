use std::io::{self, Write};
use std::process::ExitCode;

use abprall_mail::Language;
use abprall_store::Scope;
use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::{Configured, Format, print};
use crate::language::Lang;
use crate::listing::{Row, field};
use crate::store_file::StoreFile;
use crate::sync::{self, Deliverer, Event, TargetSettings, Trouble};
use crate::terminal::{BOLD, DIM, HELD, NOTE, STOPPED, number, plain};
use crate::watch::Shutdown;
use crate::wording::{self, pick};

/// Tell targets what they were not told yet, until SIGINT or SIGTERM. `abprall serve` does the same.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only these targets.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// Tell what there is to tell now, then end. Exit status 1 where something could not be told.
    #[arg(long)]
    once: bool,

    /// Only show what would be told; nothing is changed anywhere.
    #[arg(long, conflicts_with = "once")]
    dry_run: bool,

    /// With `--dry-run`: events of a target at most.
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "dry_run")]
    rows: u32,

    #[command(flatten)]
    configured: Configured,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The language of the words.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (store, targets) = self.configured.named(&self.targets)?;
        let language = self.lang.into();
        if self.dry_run {
            return preview(&store, &targets, self.rows, self.format, language);
        }
        let shutdown = Shutdown::on_signals()?;
        let owner = sync::owner();
        let deliverers: Vec<_> = targets
            .iter()
            .map(|target| Deliverer::new(store.open_existing()?, target.clone(), &owner))
            .collect::<Result<_, _>>()?;
        if self.once {
            return once(&targets, deliverers, &shutdown, self.format, language);
        }
        let mut threads = Vec::new();
        for (target, mut deliverer) in targets.iter().zip(deliverers) {
            let shutdown = shutdown.clone();
            let run = move || deliverer.run(&|| shutdown.is_wanted(), &|pause| shutdown.wait(pause));
            let thread = std::thread::Builder::new().name(format!("sync {}", target.name)).spawn(run);
            threads.push(thread.context("cannot start a thread")?);
        }
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What one run did for a target.
#[derive(Serialize)]
struct RunRow {
    target: String,
    told: u64,
    refused: u64,
    error: Option<String>,
}

fn once(
    targets: &[TargetSettings],
    mut deliverers: Vec<Deliverer>,
    shutdown: &Shutdown,
    format: Format,
    language: Language,
) -> anyhow::Result<ExitCode> {
    let rows = std::thread::scope(|scope| {
        let runs: Vec<_> = targets
            .iter()
            .zip(&mut deliverers)
            .map(|(target, deliverer)| scope.spawn(move || tell_all(&target.name, deliverer, shutdown)))
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let empty =
        pick(language, "the settings name no [sync.NAME]", "die Einstellungen nennen kein [sync.NAME]");
    print(&rows, format, language, empty)?;
    Ok(ExitCode::from(u8::from(rows.iter().any(|row| row.refused > 0 || row.error.is_some()))))
}

fn tell_all(name: &str, deliverer: &mut Deliverer, shutdown: &Shutdown) -> anyhow::Result<RunRow> {
    let mut row = RunRow { target: name.to_owned(), told: 0, refused: 0, error: None };
    while !shutdown.is_wanted() {
        let pass = deliverer.pass(Timestamp::now())?;
        row.told += pass.told;
        row.refused += pass.refused;
        match pass.trouble {
            Some(Trouble::Away { error, .. } | Trouble::Gone(error)) => {
                row.error = Some(error);
                break;
            }
            None if !pass.is_more => break,
            None => {}
        }
    }
    Ok(row)
}

impl Row for RunRow {
    const COLUMNS: &'static [&'static str] = &["target", "told", "refused", "error"];

    fn fields(&self) -> Vec<String> {
        vec![self.target.clone(), self.told.to_string(), self.refused.to_string(), field(self.error.as_ref())]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        write!(
            out,
            "{BOLD}{}{BOLD:#}  {} {}",
            plain(&self.target),
            number(self.told),
            pick(language, "told", "gemeldet")
        )?;
        if self.refused > 0 {
            write!(
                out,
                ", {HELD}{} {}{HELD:#}",
                number(self.refused),
                pick(language, "refused", "abgelehnt")
            )?;
        }
        if let Some(error) = &self.error {
            write!(out, "  {STOPPED}{}{STOPPED:#}", plain(error))?;
        }
        writeln!(out)
    }
}

/// What would be told.
#[derive(Serialize)]
struct PreviewRow {
    target: String,
    #[serde(flatten)]
    event: Event,
}

fn preview(
    store: &StoreFile,
    targets: &[TargetSettings],
    rows: u32,
    format: Format,
    language: Language,
) -> anyhow::Result<ExitCode> {
    let mut store = store.open_existing()?;
    let mut all = Vec::new();
    for target in targets {
        let events = sync::preview(&mut *store, target, rows, Timestamp::now())?;
        all.extend(events.into_iter().map(|event| PreviewRow { target: target.name.clone(), event }));
    }
    let empty = pick(language, "there is nothing to tell", "es gibt nichts zu melden");
    print(&all, format, language, empty)?;
    Ok(ExitCode::SUCCESS)
}

impl Row for PreviewRow {
    const COLUMNS: &'static [&'static str] = &["target", "name", "state", "reason", "decision"];

    fn fields(&self) -> Vec<String> {
        vec![
            self.target.clone(),
            self.event.name().to_owned(),
            self.event.state.as_str().to_owned(),
            field(self.event.reason),
            self.event.decision.id.to_string(),
        ]
    }

    fn write(&self, out: &mut dyn Write, language: Language) -> io::Result<()> {
        let (style, word) = if self.event.is_stop() {
            (STOPPED, pick(language, "stop", "sperren"))
        } else {
            (NOTE, pick(language, "release", "freigeben"))
        };
        let whole = match self.event.address {
            None => pick(language, " (whole domain)", " (ganze Domain)"),
            Some(_) => "",
        };
        write!(
            out,
            "{BOLD}{}{BOLD:#}  {style}{word}{style:#}  {}{whole}",
            plain(&self.target),
            plain(self.event.name())
        )?;
        if let Some(reason) = self.event.reason {
            write!(out, "  {DIM}{}{DIM:#}", wording::reason(reason, language))?;
        }
        if self.event.scope == Some(Scope::Domain) && self.event.address.is_some() {
            write!(out, "  {DIM}{}{DIM:#}", pick(language, "by its domain", "durch ihre Domain"))?;
        }
        writeln!(out)
    }
}
