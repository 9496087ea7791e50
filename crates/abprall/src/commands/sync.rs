use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use abprall_mail::Language;
use clap::{Subcommand, ValueEnum};

use crate::listing::Row;
use crate::serve::{BadSettings, SetOptions, Settings};
use crate::settings_file;
use crate::store_file::StoreFile;
use crate::sync::TargetSettings;

mod dead;
mod reconcile;
mod run;
mod status;
mod target;

/// Tell lists, tables and programs what was decided: how that stands, by hand, and what they make of it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Status(status::Args),
    Run(run::Args),
    Dead(dead::Args),
    Reconcile(reconcile::Args),
    Resume(target::Resume),
    Forget(target::Forget),
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Status(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Dead(args) => args.run(),
            Command::Reconcile(args) => args.run(),
            Command::Resume(args) => args.run(),
            Command::Forget(args) => args.run(),
        }
    }
}

/// Where the targets are described.
#[derive(clap::Args)]
struct Configured {
    /// The settings; see docs/sync.md.
    #[arg(long, value_name = "FILE", env = "ABPRALL_CONFIG", default_value_os_t = settings_file::default_place())]
    config: PathBuf,
}

impl Configured {
    fn read(&self) -> anyhow::Result<(StoreFile, Vec<TargetSettings>)> {
        let settings = Settings::read(&self.config, &SetOptions::default())?;
        Ok((settings.store_file(), settings.sync))
    }

    /// Only the targets with these names; all where none is named.
    fn named(&self, names: &[String]) -> anyhow::Result<(StoreFile, Vec<TargetSettings>)> {
        let (store, mut targets) = self.read()?;
        if let Some(unknown) = names.iter().find(|name| !targets.iter().any(|target| target.name == **name)) {
            let known: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
            let shown = self.config.display();
            let problem = if known.is_empty() {
                format!(
                    "{shown}: the settings have no [sync.…] at all, so no [sync.{unknown}]; see docs/sync.md"
                )
            } else {
                format!("{shown} has no [sync.{unknown}]; it has: {}", known.join(", "))
            };
            return Err(BadSettings::lacking(problem).into());
        }
        if !names.is_empty() {
            targets.retain(|target| names.contains(&target.name));
        }
        Ok((store, targets))
    }
}

/// How a few rows are printed.
#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// `{"rows": […]}`
    Json,
    /// One JSON object a line
    Ndjson,
}

fn print<T: Row>(rows: &[T], format: Format, language: Language, empty: &str) -> anyhow::Result<()> {
    match format {
        Format::Table => {
            let mut out = anstream::AutoStream::auto(io::stdout().lock());
            if rows.is_empty() {
                writeln!(out, "{empty}")?;
            }
            for row in rows {
                row.write(&mut out, language)?;
            }
        }
        Format::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &serde_json::json!({ "rows": rows }))?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            let mut out = io::stdout().lock();
            for row in rows {
                serde_json::to_writer(&mut out, row)?;
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
