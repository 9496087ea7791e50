//! The command line: one file a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod classify;
mod explain;

/// Reads bounces, says what happened to whom, and stops the right addresses.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Classify(classify::Args),
    Explain(explain::Args),
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Classify(args) => args.run(),
            Command::Explain(args) => args.run(),
        }
    }
}
