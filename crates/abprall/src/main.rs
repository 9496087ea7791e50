//! The `abprall` program: see `abprall --help`.

use std::process::ExitCode;

mod broken_pipe;
mod clock;
mod commands;
mod complain;
mod counted;
mod dates;
mod health;
mod intake;
mod language;
mod layout;
mod listing;
mod lists;
mod notify;
mod output_file;
mod policy_file;
mod raw_mail;
mod reasons;
mod report;
mod report_line;
mod rule_files;
mod scrub;
mod serve;
mod settings_file;
mod spans;
mod stops;
mod store_file;
mod subject;
mod sync;
mod terminal;
mod watch;
mod whole_domain;
mod wording;

fn main() -> ExitCode {
    match commands::Cli::read().map_err(anyhow::Error::from).and_then(commands::Cli::run) {
        Ok(code) => code,
        // `| head` has seen enough.
        Err(error) if broken_pipe::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("abprall: {error:#}");
            // Whoever named no database is told which one was taken.
            if error.is::<abprall_store::StoreError>() {
                settings_file::say_whose_database();
            }
            // The exit statuses of `docs/output.md`: 2 is for the operator's own mistakes.
            let is_operators = error.is::<rule_files::BadRules>()
                || error.is::<commands::token::BadKeys>()
                || error.is::<policy_file::BadPolicy>()
                || error.is::<serve::BadSettings>();
            ExitCode::from(if is_operators { 2 } else { 3 })
        }
    }
}
