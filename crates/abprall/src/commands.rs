//! The command line: one file a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::serve::BadSettings;

mod api_key;
mod audit;
mod check;
mod classify;
mod config;
mod contact;
mod defaults;
mod doctor;
pub(crate) mod domains;
mod erase;
mod explain;
mod export;
mod generate;
mod hosts;
mod incidents;
mod key;
mod message;
mod pending;
mod policy;
mod process;
mod prune;
mod report;
mod review;
mod rewind;
mod route;
mod rules;
mod scrub;
mod serve;
mod suppressions;
mod sync;
pub(crate) mod token;
mod watch;
mod what_if;
mod why;

/// Reads bounces, says what happened to whom, and stops the right addresses.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// The settings of the server: where no flag and no variable says otherwise, its database, index, policy and rules are used. Where none is
    /// named, and no database either: `./abprall.toml`, else `/etc/abprall/abprall.toml`, if it is there.
    #[arg(long, global = true, value_name = "FILE", env = "ABPRALL_CONFIG", hide_short_help = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

/// What is needed daily stands first, in the help as well.
#[derive(Subcommand)]
enum Command {
    Process(process::Args),
    Check(check::Args),
    Why(why::Args),
    Explain(explain::Args),
    Classify(classify::Args),
    Report(report::Args),
    Suppressions(suppressions::Args),
    Scrub(Box<scrub::Args>),
    Route(Box<route::Args>),
    Contact(Box<contact::Args>),
    Watch(Box<watch::Args>),
    Domains(domains::Args),
    Hosts(hosts::Args),
    Incidents(incidents::Args),
    Pending(pending::Args),
    Review(review::Args),
    Rules(rules::Args),
    Policy(policy::Args),
    WhatIf(what_if::Args),
    Rewind(rewind::Args),
    Sync(sync::Args),
    Serve(serve::Args),
    Doctor(doctor::Args),
    Config(config::Args),
    ApiKey(api_key::Args),
    Audit(audit::Args),
    Token(token::Args),
    Message(message::Args),
    Export(export::Args),
    Erase(erase::Args),
    Prune(prune::Args),
    Key(key::Args),
    Generate(generate::Args),
}

impl Cli {
    /// Reads the command line; where it is wrong, says so and ends the program.
    ///
    /// # Errors
    /// Where the settings that it names are wrong.
    pub(crate) fn read() -> Result<Self, BadSettings> {
        let words: Vec<OsString> = std::env::args_os().collect();
        let mut command = defaults::from_settings(defaults::with_language(Cli::command()), &words)?;
        let matches = command.get_matches_mut();
        Ok(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit()))
    }

    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::ApiKey(args) => args.run(),
            Command::Audit(args) => args.run(),
            Command::Classify(args) => args.run(),
            Command::Config(args) => args.run(),
            Command::Contact(args) => args.run(),
            Command::Process(args) => args.run(),
            Command::Prune(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Check(args) => args.run(),
            Command::WhatIf(args) => args.run(),
            Command::Why(args) => args.run(),
            Command::Suppressions(args) => args.run(),
            Command::Sync(args) => args.run(),
            Command::Scrub(args) => args.run(),
            Command::Token(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Review(args) => args.run(),
            Command::Rewind(args) => args.run(),
            Command::Policy(args) => args.run(),
            Command::Pending(args) => args.run(),
            Command::Key(args) => args.run(),
            Command::Message(args) => args.run(),
            Command::Incidents(args) => args.run(),
            Command::Generate(args) => args.run(Cli::command()),
            Command::Hosts(args) => args.run(),
            Command::Erase(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Domains(args) => args.run(),
            Command::Route(args) => args.run(),
            Command::Rules(args) => args.run(),
            Command::Serve(args) => args.run(),
            Command::Watch(args) => args.run(),
        }
    }
}
