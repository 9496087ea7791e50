use std::process::ExitCode;

use clap::Subcommand;

mod draft;
mod list;
mod rerun;
mod rule;
mod show;
mod waiting;

/// What waits for a person: reports that no rule understands, by what they say, most first.
///
/// Look at a cluster, make a rule of it, and let the rule decide what waits: `review show`, `review rule`, `review rerun`.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: list::List,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Args),
    Rule(Box<rule::Args>),
    Rerun(rerun::Args),
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            None => self.list.run(),
            Some(Command::Show(args)) => args.run(),
            Some(Command::Rule(args)) => args.run(),
            Some(Command::Rerun(args)) => args.run(),
        }
    }
}
