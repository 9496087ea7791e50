//! The `abprall` program: see `abprall --help`.

use std::process::ExitCode;

use clap::Parser;

mod commands;
mod intake;
mod report_line;

fn main() -> ExitCode {
    match commands::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("abprall: {error:#}");
            ExitCode::from(3)
        }
    }
}
