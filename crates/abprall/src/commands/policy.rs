use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::policy_file::{self, PolicyFile};

/// Check a policy file, or show what the program decides by.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say everything that is wrong with policy files, with line and key. Exit status 2 where something is.
    Check(Check),
    /// Print the policy that is in force as a file: defaults, and what your own file changes.
    Show(Show),
}

#[derive(clap::Args)]
struct Check {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    policy: PolicyFile,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Check(args) => {
                let mut all_good = true;
                for file in &args.files {
                    match policy_file::read(file) {
                        Ok(_) => anstream::println!("{}: good", file.display()),
                        Err(problems) => {
                            anstream::eprintln!("abprall: {problems}");
                            all_good = false;
                        }
                    }
                }
                Ok(ExitCode::from(if all_good { 0 } else { 2 }))
            }
            Command::Show(args) => {
                io::stdout().lock().write_all(args.policy.read()?.to_toml().as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
