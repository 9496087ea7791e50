//! The `abprall` program: see `abprall --help`.

use std::process::ExitCode;

use clap::Parser;

mod broken_pipe;
mod commands;
mod dates;
mod intake;
mod language;
mod policy_file;
mod report_line;
mod rule_files;
mod store_file;
mod subject;
mod terminal;
mod wording;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        // `| head` has seen enough.
        Err(error) if broken_pipe::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("abprall: {error:#}");
            // The exit statuses of `docs/output.md`: 2 is for the operator's own mistakes.
            let is_theirs = error.is::<rule_files::BadRules>() || error.is::<policy_file::BadPolicy>();
            ExitCode::from(if is_theirs { 2 } else { 3 })
        }
    }
}
