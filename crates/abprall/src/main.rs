//! The `abprall` program: see `abprall --help`.

use std::process::ExitCode;

use clap::Parser;

mod broken_pipe;
mod clock;
mod commands;
mod counted;
mod dates;
mod health;
mod intake;
mod language;
mod layout;
mod listing;
mod lists;
mod output_file;
mod policy_file;
mod report;
mod report_line;
mod rule_files;
mod scrub;
mod serve;
mod stops;
mod store_file;
mod subject;
mod sync;
mod terminal;
mod watch;
mod wording;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        // `| head` has seen enough.
        Err(error) if broken_pipe::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("abprall: {error:#}");
            // The exit statuses of `docs/output.md`: 2 is for the operator's own mistakes.
            let is_operators = error.is::<rule_files::BadRules>()
                || error.is::<commands::token::BadKeys>()
                || error.is::<policy_file::BadPolicy>()
                || error.is::<serve::BadSettings>();
            ExitCode::from(if is_operators { 2 } else { 3 })
        }
    }
}
