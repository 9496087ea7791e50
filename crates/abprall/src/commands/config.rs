use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use crate::rule_files;
use crate::serve::{BadSettings, SetOptions, Settings};
use crate::settings_file;

mod show;

/// Check the settings, or show what holds.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Say all that is wrong with the settings, with line, key and what to do. Exit status 2 where something is.
    Check(Source),

    /// Print every key with the value that holds, and where it comes from. Secrets are masked.
    Show {
        #[command(flatten)]
        source: Source,

        /// How to print.
        #[arg(long, value_enum, default_value_t = Format::Toml)]
        format: Format,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Toml,
    Json,
}

/// Which settings.
#[derive(clap::Args)]
struct Source {
    /// The settings; see docs/operation.md.
    #[arg(long, value_name = "FILE", env = "ABPRALL_CONFIG", default_value_os_t = settings_file::default_place())]
    config: PathBuf,

    #[command(flatten)]
    set: SetOptions,
}

impl Args {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Check(source) => {
                check(&source.config, &source.set)?;
                anstream::println!("{}: good", source.config.display());
            }
            What::Show { source, format } => {
                let settings = Settings::read(&source.config, &source.set)?;
                let mut out = io::stdout().lock();
                match format {
                    Format::Toml => show::toml(&mut out, &source.config, settings.effective())?,
                    Format::Json => show::json(&mut out, &source.config, settings.effective())?,
                }
                out.flush()?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything that is wrong, also in the files that the settings name.
pub(super) fn check(config: &std::path::Path, set: &SetOptions) -> anyhow::Result<Settings> {
    let settings = Settings::read(config, set);
    // The files of rules can be read even where something else is wrong, but only the settings tell their names.
    let settings = settings.map_err(|problems: BadSettings| anyhow::Error::from(problems))?;
    rule_files::classifier(settings.rules())?;
    Ok(settings)
}
