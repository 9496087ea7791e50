//! The `abprall` program: see `abprall --help`.

use std::process::ExitCode;

use clap::Parser;

mod broken_pipe;
mod commands;
mod dates;
mod intake;
mod language;
mod report_line;
mod store_file;
mod subject;
mod terminal;
mod wording;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("abprall: {error:#}");
            ExitCode::from(3)
        }
    }
}
