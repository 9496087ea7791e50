use std::process::ExitCode;

use clap::Subcommand;

mod check;
mod list;
mod test;

/// Check, list and try the classification rules, the built-in ones and your own.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    List(list::Args),
    Test(test::Args),
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Check(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Test(args) => args.run(),
        }
    }
}
