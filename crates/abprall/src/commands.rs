//! The command line: one file a command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod classify;
mod contact;
mod domains;
mod erase;
mod explain;
mod hosts;
mod incidents;
mod key;
mod pending;
mod policy;
mod process;
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
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Classify(classify::Args),
    Contact(Box<contact::Args>),
    Process(process::Args),
    Explain(explain::Args),
    Check(check::Args),
    WhatIf(what_if::Args),
    Why(why::Args),
    Suppressions(suppressions::Args),
    Sync(sync::Args),
    Scrub(Box<scrub::Args>),
    Token(token::Args),
    Report(report::Args),
    Review(review::Args),
    Rewind(rewind::Args),
    Policy(policy::Args),
    Pending(pending::Args),
    Key(key::Args),
    Incidents(incidents::Args),
    Hosts(hosts::Args),
    Erase(erase::Args),
    Domains(domains::Args),
    Route(Box<route::Args>),
    Rules(rules::Args),
    Serve(serve::Args),
    Watch(Box<watch::Args>),
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Classify(args) => args.run(),
            Command::Contact(args) => args.run(),
            Command::Process(args) => args.run(),
            Command::Explain(args) => args.run(),
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
            Command::Incidents(args) => args.run(),
            Command::Hosts(args) => args.run(),
            Command::Erase(args) => args.run(),
            Command::Domains(args) => args.run(),
            Command::Route(args) => args.run(),
            Command::Rules(args) => args.run(),
            Command::Serve(args) => args.run(),
            Command::Watch(args) => args.run(),
        }
    }
}
