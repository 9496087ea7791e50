use std::process::ExitCode;

use clap::Subcommand;

mod add;
mod export;
mod filter;
mod import;
mod list;
mod remove;
mod stop_sink;

/// Show and change what is stopped: addresses and whole domains.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Add(add::Args),
    Remove(remove::Args),
    Import(Box<import::Args>),
    Export(export::Args),
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(args) => args.run(),
            Command::Add(args) => args.run(),
            Command::Remove(args) => args.run(),
            Command::Import(args) => args.run(),
            Command::Export(args) => args.run(),
        }
    }
}
